"""What the two torch datasets have in common: where their samples come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from s3dlio._native import Client
from s3dlio.dataset import PyDataset
from s3dlio.listing import Listing
from s3dlio.options import Options
from s3dlio.resolve import check_uri, list_samples, locate
from s3dlio.sharding import Shard
from s3dlio.torch.distributed import one_listing

__all__ = ["Source", "choose_options", "find_samples"]

Self = TypeVar("Self", bound="Source")


class Source:
    """The constructors besides ``__init__``."""

    @classmethod
    def from_prefix(cls: type[Self], uri: str, options: Mapping[str, Any] | None = None, **arguments: Any) -> Self:
        """The same as calling the class: the samples that a URI stands for."""
        return cls(uri, options, **arguments)  # type: ignore[call-arg]

    @classmethod
    def from_uris(
        cls: type[Self], uris: Iterable[str], options: Mapping[str, Any] | None = None, **arguments: Any
    ) -> Self:
        """Exactly these objects, in this order, which must be the same on all ranks; the other arguments as usual."""
        return cls(PyDataset.from_uris(uris), options, **arguments)  # type: ignore[call-arg]


def choose_options(source: str | PyDataset, options: Mapping[str, Any] | None, **keywords: Any) -> Options:
    """The options given, over those of the dataset where there is one."""
    before = source.options if isinstance(source, PyDataset) else Options()
    return before.updated(options, **keywords)


def find_samples(source: str | PyDataset, options: Options, ranks: Shard) -> PyDataset:
    """The samples of a URI, listed once for all `ranks`; those of a dataset as they are."""
    if isinstance(source, PyDataset):
        return source.with_options(options)
    uri = check_uri(source)

    def list_them() -> Listing:
        client = Client.get(options.client_config())
        return list_samples(client, locate(client, uri), options)

    return PyDataset(one_listing(list_them, ranks), options)

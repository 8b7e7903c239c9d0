"""Two classes under the names that s3dlio 0.8 had for them; new programs use what they derive from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from s3dlio.dataset import PyDataset, create_dataset
from s3dlio.loader import PyBytesAsyncDataLoader
from s3dlio.options import Options

__all__ = ["PyS3AsyncDataLoader", "PyS3Dataset"]


class PyS3Dataset(PyDataset):
    """The dataset of a URI: what `create_dataset` returns, made by a constructor."""

    def __init__(self, uri: str, opts: Mapping[str, Any] | Options | None = None, **keywords: Any) -> None:
        """List what `uri` stands for, of any scheme; `opts` and errors are those of `create_dataset`."""
        made = create_dataset(uri, opts, **keywords)
        super().__init__(made.listing, made.options)

    @classmethod
    def from_uris(
        cls, uris: Iterable[str], options: Mapping[str, Any] | Options | None = None, /, **keywords: Any
    ) -> PyDataset:
        """`PyDataset.from_uris`."""
        return PyDataset.from_uris(uris, options, **keywords)


class PyS3AsyncDataLoader(PyBytesAsyncDataLoader):
    """The loader of a URI or dataset, whose every step is a batch: of one sample where there is no ``batch_size``."""

    def __init__(self, uri: PyDataset | str, opts: Mapping[str, Any] | Options | None = None, **keywords: Any) -> None:
        """A loader as `create_async_loader` makes it, of any scheme; `opts` and errors are the same."""
        super().__init__(uri, opts, **keywords)
        if self.options.batch_size is None:
            self.options = self.options.updated(batch_size=1)

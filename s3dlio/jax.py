"""Samples for JAX, as numpy arrays: ``jax.numpy.asarray`` takes them, without a copy where the device is the CPU.

Needs numpy (the extra ``numpy``), not JAX itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from s3dlio.errors import UnsupportedError
from s3dlio.loader import PyBytesAsyncDataLoader

if TYPE_CHECKING:
    import numpy

    from s3dlio.dataset import PyDataset
    from s3dlio.options import Options

__all__ = ["JaxIterable"]


class JaxIterable:
    """The samples of a URI, of any scheme, as uint8 arrays; every ``for`` is a new pass over them.

    A step is an array of shape (bytes,), or, with ``batch_size``, one of shape (samples, bytes) where the samples of
    the batch have one size, else a list of arrays. The arrays are the memory that the samples were fetched into, and
    may be written to.
    """

    def __init__(
        self,
        uri: str | PyDataset,
        loader_opts: Mapping[str, Any] | Options | None = None,
        *,
        transform: Callable[[Any], Any] | None = None,
        **keywords: Any,
    ) -> None:
        """Prepare the loading; nothing is fetched before the first step.

        Args:
            uri: what `s3dlio.create_async_loader` takes, or a dataset.
            loader_opts: see `s3dlio.options.LoaderOptions`; keywords win.
            transform: called with each step; what it returns takes its place.

        Raises as `s3dlio.create_async_loader` does, and UnsupportedError where numpy is not installed.
        """
        try:
            import numpy as np
        except ImportError as error:
            raise UnsupportedError("JaxIterable makes numpy arrays: pip install s3dlio[numpy]") from error
        self._numpy = np
        self._transform = transform
        self._loader = PyBytesAsyncDataLoader(uri, loader_opts, **keywords)

    @classmethod
    def from_prefix(
        cls, uri: str | PyDataset, *, transform: Callable[[Any], Any] | None = None, **keywords: Any
    ) -> JaxIterable:
        """The same as calling the class."""
        return cls(uri, transform=transform, **keywords)

    def set_epoch(self, epoch: int) -> None:
        """Choose the random order of the passes to come (with ``shuffle``)."""
        self._loader.set_epoch(epoch)

    def __iter__(self) -> Iterator[Any]:
        for step in self._loader:
            arrays = self._arrays(step)
            yield arrays if self._transform is None else self._transform(arrays)

    def _arrays(self, step: Any) -> numpy.ndarray[Any, Any] | list[numpy.ndarray[Any, Any]]:
        if not isinstance(step, list):
            return self._numpy.frombuffer(step, self._numpy.uint8)
        if len(set(map(len, step))) == 1:
            return step.numpy()  # type: ignore[attr-defined,no-any-return]  # it is a Batch
        return [self._numpy.frombuffer(view, self._numpy.uint8) for view in step]

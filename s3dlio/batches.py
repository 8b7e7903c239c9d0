"""`Batch`: the samples of one step, and, where they have one size, the array that they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from s3dlio.errors import InvalidError
from s3dlio.views import BytesView, side_by_side

if TYPE_CHECKING:
    import numpy
    import torch

__all__ = ["Batch"]


class Batch(list[BytesView]):
    """A list of samples, each a `BytesView`, that knows to be an array where they have one size.

    Loaders fetch the samples of a batch side by side into one block of memory, where the listing says that they have
    one size and they come in order. Then an array or a tensor of all of them is that memory: nothing is copied, and
    the samples in the list are its rows. Samples that ended up elsewhere, as after an error, are copied into one.
    """

    __slots__ = ()

    @property
    def is_block(self) -> bool:
        """Whether the samples have one size and lie side by side, so that an array of them needs no copy."""
        return bool(self) and len(set(map(len, self))) == 1 and side_by_side(self) is not None

    def memoryview(self) -> memoryview:
        """All samples as one memoryview of bytes, one behind the other; raises as `numpy`."""
        return memoryview(self._whole())

    def numpy(self, dtype: Any = "uint8") -> numpy.ndarray[Any, Any]:
        """All samples as an array of shape (samples, size of one in bytes / size of the dtype).

        Raises:
            InvalidError: the samples have different sizes, or a size that is no multiple of the dtype's.
        """
        import numpy as np

        whole, size = self._whole(), np.dtype(dtype).itemsize
        self._check_multiple(size, dtype)
        return np.frombuffer(memoryview(whole), dtype).reshape(len(self), self._size() // size)

    def tensor(self, dtype: torch.dtype | None = None) -> torch.Tensor:
        """All samples as a tensor of shape (samples, size of one in bytes / size of the dtype); default uint8.

        Raises:
            InvalidError: the samples have different sizes, or a size that is no multiple of the dtype's.
        """
        import torch

        whole, kind = self._whole(), dtype or torch.uint8
        self._check_multiple(kind.itemsize, kind)
        shape = len(self), self._size() // kind.itemsize
        if not len(whole):  # frombuffer refuses it
            return torch.empty(shape, dtype=kind)
        return torch.frombuffer(whole, dtype=kind).view(shape)

    def _size(self) -> int:
        return len(self[0]) if self else 0

    def _whole(self) -> BytesView | bytearray:
        """The memory of all samples, or a copy where they do not lie side by side."""
        sizes = set(map(len, self))
        if len(sizes) > 1:
            raise InvalidError(
                f"the samples of this batch have different sizes, {min(sizes)} to {max(sizes)} bytes, so they are no "
                "array. Take them one by one (for view in batch), or store samples of one size"
            )
        return (side_by_side(self) if self else None) or bytearray().join(self)

    def _check_multiple(self, size: int, dtype: Any) -> None:
        if self._size() % size:
            raise InvalidError(
                f"samples of {self._size()} bytes are no array of {dtype}, which has {size} bytes: choose another dtype"
            )

    def __repr__(self) -> str:
        return f"<Batch of {len(self)} samples>"

"""What a sample is in torch, and how samples become a batch.

Samples of different lengths cannot be stacked. `SampleTensor` is a type of its own, so that torch's default collate
can be told to keep those as a list, without touching what it does with any other tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch.utils.data import get_worker_info
from torch.utils.data._utils.collate import default_collate_fn_map

from s3dlio.errors import InvalidError
from s3dlio.items import DataItem
from s3dlio.passes import Opened, data_item, data_view
from s3dlio.torch.blocks import is_block, new_block
from s3dlio.torch.windows import BlockItem
from s3dlio.views import BytesView, side_by_side

if TYPE_CHECKING:
    from s3dlio._native import Item

__all__ = ["ReturnType", "SampleMaker", "SampleTensor"]

ReturnType = Literal["tensor", "bytes", "item"]


class SampleTensor(torch.Tensor):
    """The bytes of one sample: a uint8 tensor of shape (size,) in the memory that they were fetched into.

    It behaves as any tensor, and what is computed from it is a plain `torch.Tensor`. Only torch's default collate
    tells it from one: samples of one length are stacked to (batch, size), others become a list.
    """

    view_of: BytesView | None = None  # the memory of the library that it lies in
    batch_length: torch.Tensor | None = None  # where to leave the length of a batch

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]  # results are plain tensors


def _tensor(item: Item, opened: Opened) -> SampleTensor:
    """The bytes as a tensor, not copied; the tensor keeps their memory."""
    if isinstance(item, BlockItem):
        return item.tensor.as_subclass(SampleTensor)
    view = data_view(item, opened)
    if len(view) == 0:  # frombuffer refuses it
        return torch.empty(0, dtype=torch.uint8).as_subclass(SampleTensor)
    sample = torch.frombuffer(view, dtype=torch.uint8).as_subclass(SampleTensor)
    sample.view_of = view
    return sample


def _bytes(item: Item, opened: Opened) -> bytes:
    return data_view(item, opened).to_bytes()


_MAKERS: dict[str, Callable[[Item, Opened], Any]] = {"tensor": _tensor, "bytes": _bytes, "item": data_item}


class SampleMaker:
    """Makes the samples of a dataset: of a return type, through a transform if there is one. A class, so it pickles."""

    def __init__(
        self,
        return_type: ReturnType,
        transform: Callable[[Any], Any] | None,
        batch_length: torch.Tensor | None = None,
    ) -> None:
        """A maker of samples; in `batch_length` collating them will leave how many a batch has."""
        if return_type not in _MAKERS:
            known = " or ".join(map(repr, get_args(ReturnType)))
            raise InvalidError(f"return_type must be {known}, not {return_type!r}")
        if transform is not None and not callable(transform):
            raise InvalidError(f"transform must be callable, not {type(transform).__name__}")
        self.return_type = return_type
        self.transform = transform
        self.batch_length = batch_length

    def __call__(self, item: Item, opened: Opened) -> Any:
        """The sample of an item that was read."""
        sample = _MAKERS[self.return_type](item, opened)
        if isinstance(sample, SampleTensor):
            sample.batch_length = self.batch_length
        return self.finished(sample)

    @property
    def keeps_memory(self) -> bool:
        """Whether a sample is the memory that it was fetched into, and nothing made of it."""
        return self.return_type == "tensor" and self.transform is None

    def finished(self, sample: Any) -> Any:
        """A sample of the return type, through the transform."""
        return sample if self.transform is None else self.transform(sample)


def _collate_tensors(batch: Sequence[SampleTensor], *, collate_fn_map: Any = None) -> Any:
    _learn_length(batch)
    plain = [sample.as_subclass(torch.Tensor) for sample in batch]
    equal = all(sample.shape == plain[0].shape for sample in plain)
    if is_block(plain):
        return plain[0].as_strided((len(plain), plain[0].numel()), (plain[0].numel(), 1)) if equal else plain
    if equal and (whole := _in_place(batch)) is not None:
        return whole
    if equal:
        return default_collate_fn_map[torch.Tensor](plain, collate_fn_map=collate_fn_map)
    return plain if get_worker_info() is None else _in_one_block(plain)


def _learn_length(batch: Sequence[SampleTensor]) -> None:
    """Tell the dataset how long batches are, so that those to come are fetched side by side."""
    known = batch[0].batch_length
    if known is not None and int(known) < len(batch):
        known.fill_(len(batch))


def _in_place(batch: Sequence[SampleTensor]) -> torch.Tensor | None:
    """The batch in the memory that its samples were fetched into, where they lie side by side and in no worker."""
    views = [sample.view_of for sample in batch if sample.view_of is not None]
    if get_worker_info() is not None or len(views) < len(batch):
        return None
    whole = side_by_side(views)
    if whole is None or len(whole) != sum(sample.numel() for sample in batch):
        return None
    tensor = torch.frombuffer(whole, dtype=torch.uint8).view(len(batch), -1)
    return tensor if tensor.data_ptr() == batch[0].data_ptr() else None


def _in_one_block(samples: list[torch.Tensor]) -> list[torch.Tensor]:
    """The samples copied into shared memory: on their own each would become a piece, and an open file, of its own."""
    sizes = [sample.numel() for sample in samples]
    return list(torch.split(torch.cat(samples, out=new_block(sum(sizes))), sizes))


def _collate_items(batch: list[DataItem], *, collate_fn_map: Any = None) -> list[DataItem]:
    return list(batch)


def _to_sample(tensor: torch.Tensor) -> SampleTensor:
    return tensor.as_subclass(SampleTensor)


def _reduce_sample(sample: SampleTensor) -> Any:
    """Between processes: through shared memory, as torch does it for its own tensors."""
    return _to_sample, (sample.as_subclass(torch.Tensor),)


default_collate_fn_map[SampleTensor] = _collate_tensors
default_collate_fn_map[DataItem] = _collate_items
ForkingPickler.register(SampleTensor, _reduce_sample)

"""Readers, and bytes, in batches and on their way from a DataLoader worker to its parent.

A reader that leaves a worker takes the whole object along, in memory that both processes share: the worker is where
objects are fetched. The readers of a batch are fetched together, into one piece of that memory.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from itertools import accumulate
from multiprocessing.reduction import ForkingPickler
from typing import Any

from torch.utils.data import get_worker_info
from torch.utils.data._utils.collate import default_collate_fn_map

from s3dlio.compat.s3torchconnector._dataset import Objects
from s3dlio.compat.s3torchconnector._luggage import Luggage, pack
from s3dlio.compat.s3torchconnector.s3reader import RangedS3Reader, S3Reader, SequentialS3Reader
from s3dlio.compat.s3torchconnector.s3reader.positions import Positioned
from s3dlio.compat.s3torchconnectorclient._get_object_stream import GetObjectStream
from s3dlio.compat.s3torchconnectorclient._together import fetch_together

__all__ = ["carry"]

_WORTH_SHARING = 256 << 10  # bytes of a batch


def carry(readers: Sequence[Positioned]) -> None:
    """Fetch the whole objects of these readers into shared memory, as far as they are not there."""
    readers = [reader for reader in readers if reader._luggage is None]
    if not readers:
        return
    contents = [_content(reader) for reader in readers]
    sizes = [
        reader._likely_size() or 0 if isinstance(content, GetObjectStream) else len(content)
        for reader, content in zip(readers, contents, strict=True)
    ]
    luggage = pack(sum(sizes))
    starts = [end - size for end, size in zip(accumulate(sizes), sizes, strict=True)]
    streams = [content for content in contents if isinstance(content, GetObjectStream)]
    places = [
        luggage.part(start, size)
        for start, size, content in zip(starts, sizes, contents, strict=True)
        if isinstance(content, GetObjectStream)
    ]
    done = _fetch(streams, places)
    for reader, content, start, size in zip(readers, contents, starts, sizes, strict=True):
        if not isinstance(content, GetObjectStream):
            luggage.part(start, size)[:] = content
        elif not done[id(content)]:
            _pack_alone(reader, content.read())
            continue
        _pack(reader, luggage, start, size)


def _fetch(streams: Sequence[GetObjectStream], places: Sequence[memoryview]) -> dict[int, bool]:
    """Fill each place from a stream, those of a client together. Returns by the id of a stream whether it succeeded."""
    clients: dict[int, list[tuple[GetObjectStream, memoryview]]] = {}
    for stream, place in zip(streams, places, strict=True):
        clients.setdefault(id(stream.ahead), []).append((stream, place))
    done: dict[int, bool] = {}
    for pairs in clients.values():
        together = [stream for stream, _ in pairs]
        done.update(zip(map(id, together), fetch_together(together, [place for _, place in pairs]), strict=True))
    return done


def _content(reader: Positioned) -> bytes | GetObjectStream:
    """What a reader has read of the whole object, or the stream to fetch it with, if its size is known."""
    whole = reader._whole()
    if whole is not None:
        return whole
    stream = reader._streams.open(size=reader._likely_size())
    if isinstance(stream, GetObjectStream) and reader._likely_size() is not None and not stream.is_coming:
        return stream
    return stream.read()


def _pack(reader: Positioned, luggage: Luggage, start: int, size: int) -> None:
    reader._receive(luggage.part(start, size))
    reader._luggage = luggage, start, size


def _pack_alone(reader: Positioned, content: bytes) -> None:
    luggage = pack(len(content))
    luggage.part(0, len(content))[:] = content
    _pack(reader, luggage, 0, len(content))


def _collate(batch: list[S3Reader], *, collate_fn_map: Any = None) -> list[S3Reader]:
    """A batch of readers is a list of them."""
    if get_worker_info() is not None:
        carry([reader for reader in batch if isinstance(reader, Positioned)])
    return list(batch)


def _reduce(reader: Positioned) -> Any:
    """Between processes: out of a worker with the object, else as in any pickle."""
    if get_worker_info() is None:
        return reader.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    carry([reader])
    assert reader._luggage is not None, "it has just been packed"
    return _arrive, (type(reader), reader._description(), reader.tell(), *reader._luggage)


def _arrive(
    kind: type[Positioned], description: dict[str, Any], position: int, luggage: Luggage, start: int, size: int
) -> Positioned:
    reader = kind(**description)
    _pack(reader, luggage, start, size)
    reader.seek(position)
    return reader


class _Parcel(list[bytes]):
    """A batch of bytes on its way out of a worker. What arrives is a list."""


def _collate_bytes(batch: list[bytes], *, collate_fn_map: Any = None) -> Any:
    """A batch of bytes is a list of them, as torch has it; out of a worker of ours it goes through shared memory.

    The queue of a DataLoader would copy them six times, and through a pipe.
    """
    are_bytes = all(type(content) is bytes for content in batch)  # torch looks at the first one only
    if are_bytes and _is_ours(get_worker_info()) and sum(map(len, batch)) >= _WORTH_SHARING:
        return _Parcel(batch)
    return _collate_bytes_of_torch(batch, collate_fn_map=collate_fn_map)


def _is_ours(worker: Any) -> bool:
    """Whether this is a worker of one of our datasets, or of a part of one."""
    dataset = getattr(worker, "dataset", None)
    while dataset is not None and not isinstance(dataset, Objects):
        dataset = getattr(dataset, "dataset", None)
    return dataset is not None


def _reduce_parcel(parcel: _Parcel) -> Any:
    sizes = list(map(len, parcel))
    luggage, start = pack(sum(sizes)), 0
    for content in parcel:
        luggage.part(start, len(content))[:] = content
        start += len(content)
    return _unpack, (luggage, sizes)


def _unpack(luggage: Luggage, sizes: Sequence[int]) -> list[bytes]:
    starts = [end - size for end, size in zip(accumulate(sizes), sizes, strict=True)]
    return [bytes(luggage.part(start, size)) for start, size in zip(starts, sizes, strict=True)]


_collate_bytes_of_torch = default_collate_fn_map[bytes]
default_collate_fn_map[S3Reader] = _collate
default_collate_fn_map[bytes] = _collate_bytes
ForkingPickler.register(_Parcel, _reduce_parcel)
for kind in (SequentialS3Reader, RangedS3Reader):
    ForkingPickler.register(kind, _reduce)

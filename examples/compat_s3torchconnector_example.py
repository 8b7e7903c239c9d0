"""What programs do with s3torchconnector, done with s3dlio on any scheme: datasets, readers, checkpoints.

Only the imports differ from such a program; `python -m s3dlio.compat.s3torchconnector SCRIPT` runs one as it is.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch
import torch.distributed as dist
from torch.utils.data import DataLoader

import s3dlio
from s3dlio.compat.s3torchconnector import (
    S3Checkpoint,
    S3Exception,
    S3IterableDataset,
    S3MapDataset,
    S3Reader,
    S3ReaderConstructor,
)

EXAMPLES = """\
examples:
  python examples/compat_s3torchconnector_example.py
  python examples/compat_s3torchconnector_example.py --uri s3://my-bucket/try --workers 4
  python examples/compat_s3torchconnector_example.py --uri file:///mnt/data/try --count 10000 --size 131072

For s3:// set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and for a service that is not Amazon's its
address, too: AWS_ENDPOINT_URL=http://localhost:9000
"""
TAIL = 100  # bytes


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--uri", help="where to write; it is removed at the end (default: a temporary folder)")
    parser.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"), help="(default: %(default)s)")
    parser.add_argument("--count", type=int, default=1000, help="objects in the data set (default: %(default)s)")
    parser.add_argument("--size", type=int, default=100_000, help="bytes in each of them (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes of a DataLoader (default: %(default)s)")
    options = parser.parse_args()
    try:
        with place(options.uri, options.region) as prefix:
            print(f"s3dlio {s3dlio.__version__}, PyTorch {torch.__version__}, {prefix}", flush=True)
            write(prefix, options.region, options.count, options.size)
            load(prefix, options.region, options.workers)
            read_ends(prefix, options.region)
            save_and_load(prefix, options.region)
    except (S3Exception, s3dlio.S3DlioError, ValueError) as error:
        sys.exit(f"\n{parser.prog}: {error}")


@contextmanager
def place(uri: str | None, region: str) -> Iterator[str]:
    """A prefix that nobody else uses, ending in a slash; it is empty again afterwards."""
    if uri is None:
        with tempfile.TemporaryDirectory(prefix="s3dlio-") as folder:
            yield f"file://{folder}/"
        return
    prefix = f"{uri.rstrip('/')}/compat-example-{uuid.uuid4().hex[:8]}/"
    try:
        yield prefix
    finally:
        with suppress(s3dlio.NotFoundError):  # nothing was written
            s3dlio.delete(prefix, recursive=True, region=region)


@contextmanager
def step(name: str) -> Iterator[list[int]]:
    """Says what is being done, and then how fast it was; the sizes of what was moved go into the list."""
    print(f"{name:<42}", end="", flush=True)
    began, moved = time.perf_counter(), list[int]()
    yield moved
    seconds = time.perf_counter() - began
    print(f"{sum(moved) / 1e6:>9,.1f} MB {seconds:>8.2f} s {sum(moved) / 1e6 / seconds:>9,.1f} MB/s", flush=True)


def write(prefix: str, region: str, count: int, size: int) -> None:
    """The data set. s3torchconnector has no call for many objects; s3dlio has."""
    with step(f"put_many, {count} objects") as moved:
        data = os.urandom(size)
        s3dlio.put_many(((f"{prefix}train/{number:06}", data) for number in range(count)), region=region)
        moved.append(count * size)


def load(prefix: str, region: str, workers: int) -> None:
    """Both datasets, as a training reads them."""
    stream = S3IterableDataset.from_prefix(f"{prefix}train/", region=region, enable_sharding=True, transform=as_tensor)
    with step(f"S3IterableDataset, {workers} workers") as moved:
        moved += [batch.nbytes for batch in DataLoader(stream, batch_size=32, num_workers=workers)]
    samples = S3MapDataset.from_prefix(f"{prefix}train/", region=region, transform=as_tensor)
    with step(f"S3MapDataset, shuffled, {workers} workers") as moved:
        moved += [batch.nbytes for batch in DataLoader(samples, batch_size=32, num_workers=workers, shuffle=True)]


def as_tensor(reader: S3Reader) -> torch.Tensor:
    """What an object holds, as bytes in a tensor."""
    return torch.frombuffer(bytearray(reader.read()), dtype=torch.uint8)


def read_ends(prefix: str, region: str) -> None:
    """A part of each object: a range-based reader asks for no more than that."""
    readers = {
        "sequential": S3ReaderConstructor.sequential(),
        "range_based": S3ReaderConstructor.range_based(buffer_size=0),
    }
    for name, constructor in readers.items():
        dataset = S3MapDataset.from_prefix(
            f"{prefix}train/", region=region, transform=last_bytes, reader_constructor=constructor
        )
        with step(f"the last {TAIL} bytes of each, {name}") as moved:
            moved += [len(dataset[number]) for number in range(len(dataset))]


def last_bytes(reader: S3Reader) -> bytes:
    """The end of an object."""
    reader.seek(-TAIL, os.SEEK_END)
    return reader.read()


def save_and_load(prefix: str, region: str) -> None:
    """A checkpoint in one object, and one of torch.distributed.checkpoint."""
    state = {"weight": torch.randn(4, 1024, 1024), "step": torch.tensor(1000)}
    checkpoint = S3Checkpoint(region=region)
    with step("S3Checkpoint, torch.save") as moved, checkpoint.writer(f"{prefix}model.pt") as writer:
        torch.save(state, writer)  # type: ignore[arg-type]  # of what torch takes, it declares only IO[bytes]
        moved.append(writer.tell())
    with step("S3Checkpoint, torch.load") as moved, checkpoint.reader(f"{prefix}model.pt") as reader:
        assert_equal(torch.load(reader), state)  # type: ignore[arg-type]
        moved.append(state["weight"].nbytes)
    if dist.is_available():
        distributed_checkpoint(f"{prefix}distributed", region, state)


def distributed_checkpoint(uri: str, region: str, state: dict[str, torch.Tensor]) -> None:
    """Each rank writes its part of such a checkpoint; here there is one."""
    import torch.distributed.checkpoint as dcp

    from s3dlio.compat.s3torchconnector.dcp import S3StorageReader, S3StorageWriter

    warnings.filterwarnings("ignore", "torch.distributed is")  # that there is one rank is meant so
    loaded: dict[str, Any] = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    with step("S3StorageWriter, dcp.save") as moved:
        dcp.save(state, storage_writer=S3StorageWriter(region=region, path=uri), no_dist=True)  # type: ignore[attr-defined]
        moved.append(state["weight"].nbytes)
    with step("S3StorageReader, dcp.load") as moved:
        dcp.load(loaded, storage_reader=S3StorageReader(region=region, path=uri), no_dist=True)  # type: ignore[attr-defined]
        moved.append(state["weight"].nbytes)
    assert_equal(loaded, state)


def assert_equal(loaded: dict[str, torch.Tensor], saved: dict[str, torch.Tensor]) -> None:
    """What was saved is what comes back."""
    for name, tensor in saved.items():
        if not torch.equal(loaded[name], tensor):
            raise ValueError(f"{name} has come back with other values than were saved")


if __name__ == "__main__":
    main()

"""What is measured: a row a work."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.task import Task

__all__ = ["REMOTE", "WORKS", "Work"]

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
S3 = ("nginx", "tls", "minio")
OTHERS = ("azurite", "fake-gcs")  # emulators, for reads: what is written to them waits for them alone
REMOTE = (*S3, *OTHERS)
# title, prefix, count, size, samples in a batch, count and size with --quick
SIZES = {"128k": ("128 KiB", "small/", 4000, 128 * KIB, 32, (256, 128 * KIB)),
         "8m": ("8 MiB", "large/", 200, 8 * MIB, 4, (16, 8 * MIB))}  # fmt: skip
STYLES = ("map", "iterable")


@dataclass(frozen=True)
class Work:
    """A work: `count` objects of `size` bytes, handed to the function `call` of each peer."""

    name: str
    title: str
    call: str
    prefix: str
    count: int
    size: int
    origins: tuple[str, ...]
    quick: tuple[int, int] | None  # count and size with --quick; None: not among its works
    batch: int = 1
    style: str = "map"
    workers: int = 0
    direct: bool = False
    memory_budget: int = 0
    listed: bool = False
    gap: int = -1
    peers: tuple[str, ...] = ()  # who alone does it; empty: all that can
    drop_in: bool = False  # compares the drop-in with the original, and is shown there

    @property
    def unit(self) -> str:
        """What client CPU time is divided by."""
        return "key" if self.call == "listing" else "GB"

    @property
    def stored(self) -> int:
        """Bytes that it reads from or writes to: a distributed checkpoint is read in part."""
        return self.count * self.size * (4 if self.call == "dcp_load" else 1)

    @property
    def memory_only(self) -> bool:
        """Whether memory is all that is of interest."""
        return self.call == "many_keys"

    @property
    def is_for_all(self) -> bool:
        """Whether it has a table of its own, and a panel of the chart."""
        return not self.memory_only and not self.drop_in

    def smaller(self, *, every_origin: bool) -> Work:
        """This work as --quick has it; one work alone is done from all origins, unless every one shall be."""
        count, size = self.quick or (self.count, self.size)
        every = every_origin or self.name == "get-128k"
        return replace(self, count=count, size=size, origins=self.origins if every else self.origins[:1])

    def task(self) -> Task:
        """What clients are told; the origin fills in where the data is."""
        shared = ("call", "prefix", "count", "size", "batch", "style", "workers", "direct", "memory_budget",
                  "listed", "gap")  # fmt: skip
        return Task(**{name: getattr(self, name) for name in shared})


def _loaders() -> list[Work]:
    return [
        Work(
            f"torch-{name}-{style}-{workers}",
            f"DataLoader, {count:,} x {text}, {style}, {workers} workers",
            "loader",
            prefix,
            count,
            size,
            ("nginx",),
            quick if workers == (2 if style == "map" else 0) else None,
            batch,
            style,
            workers,
        )
        for name, (text, prefix, count, size, batch, quick) in SIZES.items()
        for style in STYLES
        for workers in (0, 2)
    ]  # fmt: skip


def _datasets() -> list[Work]:
    """Datasets of s3torchconnector, in plain loops and in DataLoaders."""
    ways = [  # name, title, call, origin, workers, from a prefix
        ("loop", "{}, read in the loop", "samples", "nginx", 0, False),
        ("prefix", "{} of a prefix, read in the loop", "samples", "minio", 0, True),
        ("transform", "{}, read by its transform", "transformed", "nginx", 0, False),
        ("bytes-0", "DataLoader of bytes, {}", "bytes_loader", "nginx", 0, True),
        ("bytes-2", "DataLoader of bytes, {}, 2 workers", "bytes_loader", "nginx", 2, True),
        ("readers-2", "DataLoader of readers, {}, 2 workers", "reader_loader", "nginx", 2, True),
    ]
    return [
        Work(f"drop-in-{size}-{style}-{name}", f"{count:,} x {text}, {title.format(style)}", call, prefix, count,
             length, (origin,), quick if size == "128k" else None, batch, style, workers, listed=listed, drop_in=True,
             peers=("drop-in",) if call == "reader_loader" else ())
        for size, (text, prefix, count, length, batch, quick) in SIZES.items()
        for name, title, call, origin, workers, listed in ways
        for style in STYLES
        if (name, style) != ("loop", "iterable")  # get-128k and get-8m are that
    ]  # fmt: skip


def _checkpoints() -> list[Work]:
    """Checkpoints of PyTorch, through s3torchconnector."""
    whole, quarter = (64, 32 * MIB, (8, 4 * MIB)), (64, 4 * MIB, (8, MIB))
    both = ("nginx", "minio")
    ways = [
        ("save", "torch.save of 2 GiB", "torch_save", "saved/", ("minio",), whole, -1),
        ("load", "torch.load of 2 GiB", "torch_load", "checkpoint/", both, whole, -1),
        ("dcp", "DCP load of a quarter of 1 GiB", "dcp_load", "dcp/", both, quarter, -1),
        ("dcp-exact", "DCP load of a quarter of 1 GiB, max_gap_size=0", "dcp_load", "dcp/", both, quarter, 0),
    ]
    return [
        Work(f"drop-in-{name}", title, call, prefix, count, size, origins, quick, gap=gap, drop_in=True)
        for name, title, call, prefix, origins, (count, size, quick), gap in ways
    ]


def _many_keys() -> list[Work]:
    sizes = ((1_000, 1_000), (100_000, 10_000), (1_000_000, 20_000))
    return [
        Work(f"keys-{count}", f"dataset of {count:,} keys", "many_keys", f"{count}/", count, 4 * KIB, ("keys",),
             (quick, 4 * KIB), memory_budget=64 * MIB, peers=("s3dlio",))
        for count, quick in sizes
    ]  # fmt: skip


_ALL = [
    Work("get-128k", "GET 4,000 x 128 KiB", "objects", "small/", 4000, 128 * KIB, REMOTE, (256, 128 * KIB)),
    Work("get-8m", "GET 200 x 8 MiB", "objects", "large/", 200, 8 * MIB, REMOTE, (16, 8 * MIB)),
    Work("get-2g-fresh", "GET 2 GiB, fresh memory", "whole", "whole/", 1, 2 * GIB, S3, (1, 64 * MIB)),
    Work("get-2g-reused", "GET 2 GiB, reused memory", "reused", "whole/", 1, 2 * GIB, S3, (1, 64 * MIB)),
    *_loaders(),
    Work("list", "list 20,000 keys", "listing", "keys/", 20_000, 1, ("minio",), (2_000, 1)),
    # fake-gcs-server takes minutes to store 20,000
    Work("list-5k", "list 5,000 keys", "listing", "keys/", 5_000, 1, OTHERS, (500, 1)),
    Work("put-1m", "PUT 500 x 1 MiB", "put", "put/", 500, MIB, ("minio",), (32, MIB)),
    Work("upload-1g", "upload 1 GiB", "upload", "upload/", 1, GIB, ("minio",), (1, 64 * MIB)),
    Work("stream-1g", "upload 1 GiB, written in pieces", "stream", "stream/", 1, GIB, ("minio",), (1, 64 * MIB)),
    Work("file", "file of 4 GiB, page cache", "file", "file/", 1, 4 * GIB, ("local",), (1, 128 * MIB)),
    Work("file-direct", "file of 4 GiB, O_DIRECT", "file", "file/", 1, 4 * GIB, ("local",), (1, 128 * MIB),
         direct=True),
    Work("files", "2,000 files x 512 KiB, page cache", "files", "files/", 2000, 512 * KIB, ("local",),
         (128, 512 * KIB)),
    Work("files-direct", "2,000 files x 512 KiB, O_DIRECT", "files", "files/", 2000, 512 * KIB, ("local",),
         (128, 512 * KIB), direct=True),
    *_datasets(),
    *_checkpoints(),
    *_many_keys(),
]  # fmt: skip
WORKS = {work.name: work for work in _ALL}

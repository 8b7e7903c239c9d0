"""What is measured: a row a work."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.task import Task

__all__ = ["WORKS", "Work"]

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
REMOTE = ("nginx", "tls", "minio")


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

    @property
    def unit(self) -> str:
        """What client CPU time is divided by."""
        return "key" if self.call == "listing" else "GB"

    @property
    def memory_only(self) -> bool:
        """Whether memory is all that is of interest."""
        return self.call == "many_keys"

    def smaller(self, *, every_origin: bool) -> Work:
        """This work as --quick has it; one work alone is done from all origins, unless every one shall be."""
        count, size = self.quick or (self.count, self.size)
        every = every_origin or self.name == "get-128k"
        return replace(self, count=count, size=size, origins=self.origins if every else self.origins[:1])

    def task(self) -> Task:
        """What clients are told; the origin fills in where the data is."""
        shared = ("call", "prefix", "count", "size", "batch", "style", "workers", "direct", "memory_budget")
        return Task(**{name: getattr(self, name) for name in shared})


def _loaders() -> list[Work]:
    sizes = {"128k": ("128 KiB", "small/", 4000, 128 * KIB, 32, (256, 128 * KIB)),
             "8m": ("8 MiB", "large/", 200, 8 * MIB, 4, (16, 8 * MIB))}  # fmt: skip
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
        for name, (text, prefix, count, size, batch, quick) in sizes.items()
        for style in ("map", "iterable")
        for workers in (0, 2)
    ]  # fmt: skip


def _many_keys() -> list[Work]:
    sizes = ((1_000, 1_000), (100_000, 10_000), (1_000_000, 20_000))
    return [
        Work(f"keys-{count}", f"dataset of {count:,} keys", "many_keys", f"{count}/", count, 4 * KIB, ("keys",),
             (quick, 4 * KIB), memory_budget=64 * MIB)
        for count, quick in sizes
    ]  # fmt: skip


_ALL = [
    Work("get-128k", "GET 4,000 x 128 KiB", "objects", "small/", 4000, 128 * KIB, REMOTE, (256, 128 * KIB)),
    Work("get-8m", "GET 200 x 8 MiB", "objects", "large/", 200, 8 * MIB, REMOTE, (16, 8 * MIB)),
    Work("get-2g-fresh", "GET 2 GiB, fresh memory", "whole", "whole/", 1, 2 * GIB, REMOTE, (1, 64 * MIB)),
    Work("get-2g-reused", "GET 2 GiB, reused memory", "reused", "whole/", 1, 2 * GIB, REMOTE, (1, 64 * MIB)),
    *_loaders(),
    Work("list", "list 20,000 keys", "listing", "keys/", 20_000, 1, ("minio",), (2_000, 1)),
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
    *_many_keys(),
]  # fmt: skip
WORKS = {work.name: work for work in _ALL}

"""``s3dlio bench``."""

from __future__ import annotations

import os
import resource
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import click

from s3dlio._native import Client, Item, Op, StreamOptions, list_pages
from s3dlio.cli.app import Command, Session
from s3dlio.cli.codes import ExitCode
from s3dlio.cli.options import SIZE
from s3dlio.cli.output import echo_json, rate, size_text
from s3dlio.cli.places import PLACE, join
from s3dlio.cli.rm import delete_tree
from s3dlio.cli.work import Outcome, run, stream_options
from s3dlio.errors import NotFoundError, S3DlioError
from s3dlio.listing import Listing
from s3dlio.resolve import locate

EXAMPLES = (
    "bench s3://my-bucket/data/",
    "bench --write --size 64KiB --count 20 s3://my-bucket/scratch",
    "bench --repeat 2 --max-concurrent 4 --json ./data/",
)


@dataclass
class Measured:
    """One phase: reading, or writing."""

    name: str
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    bytes: int = 0
    micros: list[int] = field(default_factory=list)
    errors: list[S3DlioError] = field(default_factory=list)

    def note(self, item: Item, size: int) -> None:
        """Count a finished request."""
        if item.error is not None:
            self.errors.append(item.error)
            return
        self.bytes += size
        self.micros.append(item.micros)

    def percentile(self, share: float) -> float:
        """Milliseconds that this share of the requests took at most."""
        times = sorted(self.micros)
        return times[min(len(times) - 1, int(share * len(times)))] / 1000 if times else 0.0

    def results(self) -> dict[str, Any]:
        """What was measured."""
        seconds = max(self.seconds, 1e-9)
        return {
            "objects": len(self.micros),
            "bytes": self.bytes,
            "seconds": round(self.seconds, 4),
            "bytes_per_second": round(self.bytes / seconds),
            "objects_per_second": round(len(self.micros) / seconds, 1),
            "latency_ms": {f"p{share}": round(self.percentile(share / 100), 3) for share in (50, 90, 99)},
            "cpu_seconds_per_gb": round(self.cpu_seconds / (self.bytes / 1e9), 3) if self.bytes else None,
            "errors": len(self.errors),
        }


@click.command(cls=Command, examples=EXAMPLES, layers=("stream", "client"))
@click.argument("uri", type=PLACE)
@click.option("--write", is_flag=True, help="Write objects below the URI first, read these, and delete them.")
@click.option("--size", type=SIZE, default="8MiB", show_default=True, help="Bytes of each, with --write.")
@click.option("--count", type=click.IntRange(min=1), default=64, show_default=True, help="Objects, at most.")
@click.option("--repeat", type=click.IntRange(min=1), default=1, show_default=True, help="How often all are read.")
@click.option("--json", "as_json", is_flag=True, help="Write the results as JSON.")
def bench(session: Session, uri: str, write: bool, size: int, count: int, repeat: int, as_json: bool) -> ExitCode:
    """Measure throughput, latency and CPU time of reading what is there, or with --write of writing and reading.

    Latency is the time of one object in the library, from its first request to its last byte, while --max-concurrent
    requests are under way. CPU time is that of this process, per GB (10^9 bytes). Files may come from the page cache:
    direct:// reads past it.
    """
    client, options = session.client(), stream_options(session.options, ordered=False)
    phases: list[Measured] = []
    if write:
        with _scratch(client, uri) as place:
            listing = Listing.from_uris([join(place, f"{i:06}") for i in range(count)], [size] * count)
            phases += [_write(client, listing, options, size), _read(client, listing, options, repeat)]
    else:
        phases.append(_read(client, _sample(client, uri, count), options, repeat))
    _report(uri, phases, session, as_json)
    errors = [error for phase in phases for error in phase.errors]
    for error in errors[:5]:
        click.echo(f"s3dlio: {error}", err=True)
    return ExitCode.FAILED if errors else ExitCode.DONE


def _sample(client: Client, uri: str, count: int) -> Listing:
    place = locate(client, uri)
    if place.size is not None:
        return Listing.from_uris([place.uri], [place.size])
    found: list[Listing] = []
    for page in list_pages(client, place.uri, recursive=True):
        found.append(page.select(i for i, size in enumerate(page.sizes) if size > 0))
        if sum(map(len, found)) >= count:
            break
    listing = Listing.joined(found)
    if not len(listing):
        raise NotFoundError(
            f"bench {uri}: not found: nothing to read lies there. Give --write to make objects", uri=uri
        )
    return listing.select(range(min(count, len(listing))))


@contextmanager
def _scratch(client: Client, uri: str) -> Iterator[str]:
    """A new place below the URI, which is emptied at the end, also when it is interrupted."""
    place = join(uri, f"s3dlio-bench-{uuid.uuid4().hex[:8]}")
    try:
        yield place
    finally:
        outcome = Outcome("deleted")
        delete_tree(client, place, outcome)
        for _, error in outcome.failures:
            if not isinstance(error, NotFoundError):
                click.echo(f"s3dlio: left behind: {error}", err=True)


def _write(client: Client, listing: Listing, options: StreamOptions, size: int) -> Measured:
    data = os.urandom(min(size, 1 << 20)) * (size // (1 << 20) + 1)
    memory = [memoryview(data)[:size]] * len(listing)

    def phase(measured: Measured) -> None:
        run(client, Op.PUT, listing, options, lambda _, item: measured.note(item, size), memory=memory)

    return _measure("write", phase)


def _read(client: Client, listing: Listing, options: StreamOptions, repeat: int) -> Measured:
    def phase(measured: Measured) -> None:
        for _ in range(repeat):
            run(client, Op.GET, listing, options, lambda _, item: measured.note(item, item.length))

    return _measure("read", phase)


def _measure(name: str, phase: Callable[[Measured], None]) -> Measured:
    measured = Measured(name)
    cpu, begun = _cpu_seconds(), time.perf_counter()
    phase(measured)
    measured.seconds = time.perf_counter() - begun
    measured.cpu_seconds = _cpu_seconds() - cpu
    return measured


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _report(uri: str, phases: list[Measured], session: Session, as_json: bool) -> None:
    if as_json:
        settings = {name: getattr(session.options, name) for name in ("max_concurrent", "part_size")}
        echo_json({"uri": uri, "settings": settings} | {phase.name: phase.results() for phase in phases})
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{uri}, {session.options.max_concurrent} requests at a time", title_justify="left")
    table.add_column("")
    for name in ("objects", "size", "time", "throughput", "objects/s", "p50", "p90", "p99", "CPU s/GB"):
        table.add_column(name, justify="right")
    for phase in phases:
        found = phase.results()
        cpu = found["cpu_seconds_per_gb"]
        table.add_row(
            phase.name,
            str(found["objects"]),
            size_text(phase.bytes),
            f"{phase.seconds:.2f} s",
            rate(phase.bytes, phase.seconds),
            f"{found['objects_per_second']:.0f}",
            *(f"{value:.1f} ms" for value in found["latency_ms"].values()),
            "-" if cpu is None else f"{cpu:.2f}",
        )
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120).print(table)

"""``s3dlio doctor``."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import click

from s3dlio._native import Client, Item, Op, Stream, StreamOptions, list_pages
from s3dlio.cli.app import Command, Session
from s3dlio.cli.codes import ExitCode
from s3dlio.cli.output import echo_json, rate, size_text
from s3dlio.cli.places import PLACE, is_container
from s3dlio.cli.work import run, stream_options
from s3dlio.errors import InvalidError, S3DlioError, UnsupportedError
from s3dlio.listing import Listing
from s3dlio.resolve import locate

EXAMPLES = (
    "doctor s3://my-bucket/data/",
    "doctor --json s3://my-bucket/data/a.npy",
    "doctor ./data/",
)

SAMPLE_BYTES = 64 << 20  # read at most, to measure the throughput
SAMPLE_COUNT = 64
FIRST_BYTES = 5  # how often the time to the first byte is measured
OPEN_FILES = 1024  # fewer are worth a warning
_COLORS = {"ok": "green", "warn": "yellow", "fail": "red", "note": None}


@dataclass
class Finding:
    """One thing that was found out; as backend.Finding of the library."""

    check: str
    level: str
    text: str
    fix: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


@click.command(cls=Command, examples=EXAMPLES, layers=("stream", "client"))
@click.argument("uri", type=PLACE)
@click.option("--json", "as_json", is_flag=True, help="Write the findings as JSON.")
def doctor(session: Session, uri: str, as_json: bool) -> ExitCode:
    """Find out how a place is accessed, how fast it is, and what is wrong with it.

    Shows which credentials (never secrets), endpoint, region, proxy and authorities are in use, goes the way to the
    service step by step, compares the clocks, lists, and reads a sample; for local files it shows the file system and
    its support for O_DIRECT. Nothing is written. Exits with 1 if anything fails.
    """
    client, findings = session.client(), []
    try:
        for found in _all(client, session, uri):
            findings.append(found)
            if not as_json:
                _show(found)
    except (InvalidError, UnsupportedError):
        if not findings:
            raise  # a wrong URI is nobody's illness
    failed = sum(found.level == "fail" for found in findings)
    if as_json:
        echo_json({"uri": uri, "healthy": not failed, "findings": [asdict(found) for found in findings]})
    else:
        warned = sum(found.level == "warn" for found in findings)
        click.echo(f"{failed} failed, {warned} warnings" if failed or warned else "all is well")
    return ExitCode.FAILED if failed else ExitCode.DONE


def _all(client: Client, session: Session, uri: str) -> Iterator[Finding]:
    (item,) = _items(client, Op.DIAGNOSE, uri)
    if item.error is not None:
        raise item.error
    broken = False
    for found in json.loads(item.text):
        broken = broken or found["level"] == "fail"
        yield Finding(**found)
    yield _open_files(session)
    if not broken:
        yield from _reading(client, session, uri)


def _items(client: Client, op: Op, uri: str, **columns: Any) -> list[Item]:
    with Stream(client, op, Listing.from_uris([uri]), **columns) as stream:
        return stream.take()


def _open_files(session: Session) -> Finding:
    """The limit of descriptors: each connection and each open file takes one. The library has raised the soft one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = max(OPEN_FILES, 4 * session.options.max_concurrent)
    facts = {"soft": soft, "hard": hard}
    if soft != resource.RLIM_INFINITY and soft < needed:
        return Finding(
            "open_files",
            "warn",
            f"only {soft} files may be open at once",
            f"Raise the hard limit to {needed} (ulimit -Hn, limits.conf, LimitNOFILE of a service)",
            facts,
        )
    return Finding("open_files", "ok", f"{soft} files may be open at once", facts=facts)


def _reading(client: Client, session: Session, uri: str) -> Iterator[Finding]:
    """What the user is allowed to do, and how fast it is."""
    try:
        sample = _sample(client, uri)
    except S3DlioError as error:
        yield _failed("list", error)
        return
    if not len(sample):
        yield Finding(
            "list", "warn", "nothing to read lies there", "Give the URI of an object, or of a prefix with some"
        )
        return
    yield Finding("list", "ok", f"{sample.uri(0)} is there ({size_text(sample.sizes[0])})")
    try:
        yield _first_byte(client, sample.uri(0))
        yield _throughput(client, session, sample)
    except S3DlioError as error:
        yield _failed("read", error)


def _sample(client: Client, uri: str) -> Listing:
    """Some objects with contents, but not more than are needed to measure."""
    place = None if is_container(uri) else locate(client, uri)
    if place is not None and place.size is not None:
        return Listing.from_uris([place.uri], [place.size])
    for page in list_pages(client, place.uri if place else uri.rstrip("/") + "/", recursive=True):
        filled = [i for i, size in enumerate(page.sizes) if size > 0][:SAMPLE_COUNT]
        if filled:
            return Listing.joined([page.select(filled)])
    return Listing.from_uris([])


def _first_byte(client: Client, uri: str) -> Finding:
    times = []
    for _ in range(FIRST_BYTES):
        (item,) = _items(client, Op.GET, uri, offsets=[0], lengths=[1])
        if item.error is not None:
            raise item.error
        times.append(item.micros / 1000)
    fastest, middle = min(times), sorted(times)[len(times) // 2]
    facts = {"ms": round(middle, 3), "fastest_ms": round(fastest, 3)}
    return Finding("first_byte", "ok", f"{middle:.1f} ms until the first byte (fastest {fastest:.1f} ms)", facts=facts)


def _throughput(client: Client, session: Session, sample: Listing) -> Finding:
    offsets, lengths, order, total = [], [], [], 0
    for i, size in enumerate(sample.sizes):
        at = 0
        while at < size and total < SAMPLE_BYTES:
            length = min(session.options.part_size, size - at, SAMPLE_BYTES - total)
            order.append(i)
            offsets.append(at)
            lengths.append(length)
            at, total = at + length, total + length
    failures: list[S3DlioError] = []

    def each(_: int, item: Item) -> None:
        if item.error is not None:
            failures.append(item.error)

    options: StreamOptions = stream_options(session.options, ordered=False)
    begun = time.perf_counter()
    run(client, Op.GET, sample, options, each, order=order, offsets=offsets, lengths=lengths)
    seconds = time.perf_counter() - begun
    if failures:
        raise failures[0]
    facts = {"bytes": total, "seconds": round(seconds, 4), "bytes_per_second": round(total / max(seconds, 1e-9))}
    text = f"{size_text(total)} in {len(set(order))} objects at {rate(total, seconds)}"
    return Finding("throughput", "ok", text, facts=facts)


def _failed(check: str, error: S3DlioError) -> Finding:
    return Finding(check, "fail", str(error), facts={"error": type(error).__name__})


def _show(found: Finding) -> None:
    click.echo(f"{click.style(f'{found.level:>4}', fg=_COLORS[found.level])}  {found.check:<12}  {found.text}")
    if found.fix:
        click.echo(f"{'':20}-> {found.fix}")

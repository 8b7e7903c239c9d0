"""Many requests at once, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import click

from s3dlio._native import Client, Item, Op, Stream, StreamOptions
from s3dlio.cli.app import complain
from s3dlio.cli.codes import ExitCode, code_of_all
from s3dlio.cli.output import echo_json, failure_json, plural, rate, size_text
from s3dlio.errors import S3DlioError
from s3dlio.listing import Listing
from s3dlio.options import Options

__all__ = ["Outcome", "in_batches", "run", "stream_options"]


@dataclass
class Outcome:
    """What a command has done.

    Attributes:
        verb: what happens to them: "copied".
        dry_run: nothing happens to them.
        done: objects.
        bytes: payload moved.
        failures: what was not done, and why.
    """

    verb: str
    dry_run: bool = False
    done: int = 0
    bytes: int = 0
    failures: list[tuple[str, S3DlioError]] = field(default_factory=list)
    since: float = field(default_factory=time.monotonic)

    def fail(self, uri: str, error: S3DlioError) -> None:
        """Note a failure."""
        self.failures.append((uri, error))

    def report(self, as_json: bool, quiet: bool = False, **more: Any) -> ExitCode:
        """Write the summary, and every failure with its cause; returns the exit code."""
        seconds = time.monotonic() - self.since
        if as_json:
            failed = [failure_json(uri, error) for uri, error in self.failures]
            totals = {self.verb: self.done, "bytes": self.bytes, "seconds": round(seconds, 3)}
            echo_json({**totals, "dry_run": self.dry_run, **more, "failed": failed})
            return code_of_all(error for _, error in self.failures)
        for _, error in self.failures:
            complain(str(error))
        if not quiet:
            text = f"{plural(self.done, 'object')} {'would be ' if self.dry_run else ''}{self.verb}"
            if self.bytes:
                text += f", {size_text(self.bytes)} in {seconds:.2f} s ({rate(self.bytes, seconds)})"
            if self.failures:
                text += f"; {len(self.failures)} failed"
            click.echo(text, err=True)
        return code_of_all(error for _, error in self.failures)


def stream_options(options: Options, **more: Any) -> StreamOptions:
    """The shared options on how to fetch, as a stream takes them."""
    return StreamOptions(
        max_concurrent=options.max_concurrent,
        max_inflight_parts=options.max_inflight_parts,
        part_size=options.part_size,
        memory_budget=options.memory_budget,
        **more,
    )


def run(
    client: Client,
    op: Op,
    listing: Listing,
    options: StreamOptions,
    each: Callable[[int, Item], None],
    meanwhile: Callable[[Stream], None] | None = None,
    **columns: Any,
) -> None:
    """Carry out one operation for every entry of a listing.

    `each` gets the index and the item of an entry when it is finished; `meanwhile` is called at least ten times a
    second.
    """
    with Stream(client, op, listing, options=options, **columns) as stream:
        while not stream.finished:
            for item in stream.take_ready(64, 100):
                each(item.index, item)
            if meanwhile is not None:
                meanwhile(stream)


def in_batches(uris: Iterable[str], size: int = 1000) -> Iterator[list[str]]:
    """Lists of at most `size` of them."""
    batch: list[str] = []
    for uri in uris:
        batch.append(uri)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch

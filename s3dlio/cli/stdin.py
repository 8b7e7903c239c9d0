"""Standard input as the source of ``put``: ``tar c data | s3dlio put - s3://bucket/data.tar``."""

from __future__ import annotations

import sys
from typing import Any

import click

from s3dlio.cli.app import Session
from s3dlio.cli.codes import ExitCode
from s3dlio.cli.places import exists
from s3dlio.cli.progress import meter
from s3dlio.cli.work import Outcome
from s3dlio.writer_options import WriterOptions
from s3dlio.writers import ObjectWriter

__all__ = ["STDIN", "put_stdin"]

STDIN = "-"
PIECE = 1 << 20  # bytes read at once


def put_stdin(
    session: Session, target: str, *, no_clobber: bool, dry_run: bool, progress: bool | None, quiet: bool, as_json: bool
) -> ExitCode:
    """Store all of standard input as one object. It appears when it is whole; an interrupt leaves nothing behind."""
    if target.endswith("/"):
        raise click.UsageError("what comes from standard input needs a name: the URI must not end with a /")
    outcome, there = Outcome("uploaded", dry_run), (no_clobber or dry_run) and exists(session.client(), target)
    if dry_run:
        click.echo(f"would {'leave alone' if there and no_clobber else 'replace' if there else 'make'} {target}")
    elif not (there and no_clobber):
        with meter("uploading", progress) as shown, ObjectWriter(target, _options(session)) as writer:
            while piece := sys.stdin.buffer.read(PIECE):
                outcome.bytes += writer.write(piece)
                shown.tell(0, outcome.bytes)
        outcome.done = 1
    more: dict[str, Any] = {"skipped": int(there)} if no_clobber else {}
    return outcome.report(as_json, quiet, **more)


def _options(session: Session) -> WriterOptions:
    """Those that were given: of an object whose size nobody knows, the parts are larger unless they are told."""
    given = session.options.given()
    sizes = {"part_size": given["part_size"]} if "part_size" in given else {}
    return WriterOptions(client=session.options, **sizes)

"""``s3dlio cp``, and its two special cases ``put`` and ``get``."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import click

from s3dlio._native import Item, Op
from s3dlio.cli.app import Command, Session
from s3dlio.cli.codes import ExitCode
from s3dlio.cli.places import PLACE, is_container, is_directory, is_local, stat_many
from s3dlio.cli.progress import meter, progress_option
from s3dlio.cli.sources import Pairs, pairs_of
from s3dlio.cli.stdin import STDIN, put_stdin
from s3dlio.cli.work import Outcome, run, stream_options
from s3dlio.listing import Listing

CP = (
    "cp s3://my-bucket/data/a.npy ./a.npy",
    "cp ./data/a.npy ./data/b.npy s3://my-bucket/copies/",
    "cp -r --pattern '*.npy' s3://my-bucket/data/ ./local/",
    "cp -r s3://my-bucket/data/ gs://my-bucket/copies/",
    "cp -r --dry-run ./data s3://my-bucket/copies",
)
PUT = (
    "put ./data/a.npy s3://my-bucket/copies/",
    "put -r ./data s3://my-bucket/copies",
)
GET = (
    "get s3://my-bucket/data/a.npy",
    "get -r s3://my-bucket/data/ ./local",
)

_OPTIONS = (
    click.option("-r", "-R", "--recursive", is_flag=True, help="All that lies below a directory or prefix."),
    click.option("--pattern", help="With --recursive only what matches: a glob for the name, with a / for the path."),
    click.option("--no-clobber", is_flag=True, help="Leave alone what is there already."),
    click.option("-n", "--dry-run", is_flag=True, help="Only show what would be copied, and what replaced."),
    progress_option,
    click.option("-q", "--quiet", is_flag=True, help="No summary."),
    click.option("--json", "as_json", is_flag=True, help="Write the outcome as JSON."),
)


def _with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    return functools.reduce(lambda made, option: option(made), reversed(_OPTIONS), function)


@click.command(cls=Command, examples=CP, layers=("stream", "client"))
@click.argument("sources", metavar="SOURCE...", type=PLACE, nargs=-1, required=True)
@click.argument("target", type=PLACE)
@_with_options
def cp(session: Session, sources: tuple[str, ...], target: str, **how: Any) -> ExitCode:
    """Copy objects and files between any two places.

    One source gets the name TARGET, unless that is a directory: it ends with a /, is a bucket, or exists. With
    --recursive, what lies below SOURCE lies below TARGET afterwards, with the same paths. Objects appear under their
    names when they are whole. Within one S3 service it makes the copies itself: no data comes to this machine.
    """
    return copy(session, sources, target, "copied", **how)


@click.command(cls=Command, examples=PUT, layers=("stream", "client"))
@click.argument("sources", metavar="PATH...", type=PLACE, nargs=-1, required=True)
@click.argument("target", metavar="URI", type=PLACE)
@_with_options
def put(session: Session, sources: tuple[str, ...], target: str, **how: Any) -> ExitCode:
    """Upload files: `cp` from this machine. The path - stands for standard input, of any length."""
    if STDIN in sources:
        if len(sources) > 1 or how.pop("recursive") or how.pop("pattern"):
            raise click.UsageError("standard input (-) is one object: give nothing else, nor --recursive or --pattern")
        return put_stdin(session, target, **how)
    for source in sources:
        _require(is_local(source), source, "is not on this machine. Use cp")
    return copy(session, sources, target, "uploaded", **how)


@click.command(cls=Command, examples=GET, layers=("stream", "client"))
@click.argument("places", metavar="URI... [PATH]", type=PLACE, nargs=-1, required=True)
@_with_options
def get(session: Session, places: tuple[str, ...], **how: Any) -> ExitCode:
    """Download objects: `cp` to this machine, by default to the directory where you are."""
    sources, target = (places[:-1], places[-1]) if len(places) > 1 else (places, f"file://{os.getcwd()}/")
    _require(is_local(target), target, "is not on this machine. Use cp, or give a path as the last argument")
    return copy(session, sources, target, "downloaded", **how)


def _require(fits: bool, uri: str, problem: str) -> None:
    if not fits:
        raise click.UsageError(f"{uri} {problem}")


def copy(
    session: Session,
    sources: Sequence[str],
    target: str,
    verb: str,
    *,
    recursive: bool,
    pattern: str | None,
    no_clobber: bool,
    dry_run: bool,
    progress: bool | None,
    quiet: bool,
    as_json: bool,
) -> ExitCode:
    """Copy each source to the target, and report."""
    if pattern and not recursive:
        raise click.UsageError("--pattern needs --recursive")
    client, outcome = session.client(), Outcome(verb, dry_run)
    into = len(sources) > 1 or recursive or _goes_into(client, target)
    skipped = 0
    with meter("copying", False if dry_run else progress) as shown:
        pairs = pairs_of(client, sources, target, into, recursive, pattern, outcome)
        shown.expect(sum(map(len, pairs)), sum(each.bytes for each in pairs))
        for each in pairs:
            if no_clobber or dry_run:
                there = _existing(client, each.targets)
                if dry_run and not as_json:
                    _announce(each, there, no_clobber)
                if no_clobber:
                    skipped += len(there)
                    each = each.without(there)
            if dry_run:
                outcome.done += len(each)
                continue
            _copy(session, each, outcome, shown)
    more = {"skipped": skipped} if no_clobber else {}
    return outcome.report(as_json, quiet, **more)


def _copy(session: Session, pairs: Pairs, outcome: Outcome, shown: Any) -> None:
    def each(index: int, item: Item) -> None:
        if item.error is not None:
            outcome.fail(pairs.sources.uri(index), item.error)
            return
        outcome.done += 1
        outcome.bytes += max(item.size, 0)

    before = outcome.bytes
    options = stream_options(session.options, ordered=False)
    run(
        session.client(),
        Op.COPY,
        pairs.sources,
        options,
        each,
        lambda stream: shown.tell(outcome.done, max(outcome.bytes, before + stream.moved)),
        targets=Listing.from_uris(pairs.targets),
    )


def _existing(client: Any, uris: Sequence[str]) -> set[str]:
    return {uri for uri, item in zip(uris, stat_many(client, uris), strict=True) if item.error is None}


def _announce(pairs: Pairs, there: set[str], no_clobber: bool) -> None:
    for source, target in zip(pairs.sources.uris(), pairs.targets, strict=True):
        if target not in there:
            click.echo(f"would copy {source} to {target}")
        elif no_clobber:
            click.echo(f"would leave {target} alone")
        else:
            click.echo(f"would replace {target} by {source}")


def _goes_into(client: Any, uri: str) -> bool:
    """Whether what is copied to this URI goes into it."""
    return uri.endswith("/") or is_container(uri) or is_directory(client, uri)

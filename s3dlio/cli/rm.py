"""``s3dlio rm``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click

from s3dlio._native import Client, Item, Op, StreamOptions, has_directories, list_pages
from s3dlio.cli.app import Command, Session, complain
from s3dlio.cli.codes import ExitCode
from s3dlio.cli.places import PLACE, is_container, is_directory, is_local, local_path
from s3dlio.cli.progress import NO_METER, Meter, meter, progress_option
from s3dlio.cli.work import Outcome, in_batches, run
from s3dlio.errors import NotFoundError
from s3dlio.listing import Listing

EXAMPLES = (
    "rm s3://my-bucket/data/a.npy",
    "rm -r --dry-run s3://my-bucket/data/",
    "rm -r --yes --pattern '*.tmp' s3://my-bucket/data/",
)


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("uris", metavar="URI...", type=PLACE, nargs=-1, required=True)
@click.option("-r", "-R", "--recursive", is_flag=True, help="Everything below a directory or prefix, and itself.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("-n", "--dry-run", is_flag=True, help="Only show what would be deleted.")
@click.option("--pattern", help="With --recursive only what matches: a glob for the name, with a / for the path.")
@progress_option
@click.option("--json", "as_json", is_flag=True, help="Write the outcome as JSON.")
def rm(
    session: Session,
    uris: tuple[str, ...],
    recursive: bool,
    yes: bool,
    dry_run: bool,
    pattern: str | None,
    progress: bool | None,
    as_json: bool,
) -> ExitCode:
    """Delete objects and files; with --recursive all that lies below a prefix.

    --recursive asks before it deletes, and where nobody can answer it needs --yes. s3://bucket/data means that object
    and data/..., but not database. Links in local directories are deleted, what they lead to stays. Object stores do
    not say whether an object was there before it was deleted.
    """
    if pattern and not recursive:
        raise click.UsageError("--pattern needs --recursive")
    if recursive and not (yes or dry_run or _confirmed(uris)):
        complain("nothing was deleted")
        return ExitCode.FAILED
    client, outcome = session.client(), Outcome("deleted", dry_run)
    with meter("deleting", progress if recursive else False, with_bytes=False) as shown:
        for uri in uris:
            if recursive:
                delete_tree(client, uri, outcome, pattern, shown)
            else:
                _delete_all(client, [uri], outcome)
    return outcome.report(as_json)


def _confirmed(uris: tuple[str, ...]) -> bool:
    if not sys.stdin.isatty():
        raise click.UsageError("--recursive deletes without asking only with --yes")
    return click.confirm(f"Delete everything below {' '.join(uris)}?", err=True)


def delete_tree(
    client: Client, uri: str, outcome: Outcome, pattern: str | None = None, shown: Meter = NO_METER
) -> None:
    """Delete a directory or prefix with all that lies below it, or what of it matches the pattern."""
    directories: list[str] = []
    if has_directories(uri):
        files, directories = _tree(client, uri, pattern)
        batches = in_batches(files)
    else:
        batches = _prefix(client, uri, pattern)
    before = outcome.done + len(outcome.failures)
    for batch in batches:
        _delete_all(client, batch, outcome, shown)
    for directory in directories:  # one after the other: each must be empty when its turn comes
        _delete_all(client, [directory], outcome, shown)
    if not pattern and before == outcome.done + len(outcome.failures):
        outcome.fail(uri, NotFoundError(f"delete {uri}: not found: nothing lies there", op="delete", uri=uri))


def _delete_all(client: Client, uris: list[str], outcome: Outcome, shown: Meter = NO_METER) -> None:
    if outcome.dry_run:
        click.echo("".join(f"would delete {uri}\n" for uri in uris), nl=False)
        outcome.done += len(uris)
        return

    def each(index: int, item: Item) -> None:
        if item.error is not None:
            outcome.fail(uris[index], item.error)
        else:
            outcome.done += 1

    options = StreamOptions(ordered=False, max_concurrent=64)
    run(client, Op.DELETE, Listing.from_uris(uris), options, each, lambda _: shown.tell(outcome.done, 0))


def _prefix(client: Client, uri: str, pattern: str | None) -> Iterator[list[str]]:
    """What lies below a prefix, and the object of that very name."""
    if not uri.endswith("/") and not is_container(uri):
        own = [found for page in list_pages(client, uri, pattern=pattern) for found in page.uris() if found == uri]
        if own:
            yield own
    for page in list_pages(client, uri.rstrip("/") + "/", recursive=True, pattern=pattern):
        yield page.uris()


def _tree(client: Client, uri: str, pattern: str | None) -> tuple[list[str], list[str]]:
    """The files below a directory, and the directories, the deepest first. Listings follow links; this must not."""
    if pattern:
        pages = list_pages(client, uri, recursive=True, pattern=pattern)
        return [found for page in pages for found in page.uris() if not _through_link(uri, found)], []
    if _is_link(uri) or not is_directory(client, uri):
        return [uri.rstrip("/")], []
    files: list[str] = []
    directories: list[str] = []
    waiting = [uri.rstrip("/")]
    while waiting:
        directory = waiting.pop()
        directories.append(directory)
        for page in list_pages(client, directory + "/"):
            for found in page.uris():
                name = found.rstrip("/")
                (waiting if found.endswith("/") and not _is_link(name) else files).append(name)
    return files, directories[::-1]


def _is_link(uri: str) -> bool:
    return is_local(uri) and os.path.islink(local_path(uri).rstrip("/"))


def _through_link(root: str, uri: str) -> bool:
    """Whether a link to a directory lies on the way from the root to a file."""
    if not is_local(root):
        return False
    path, top = os.path.dirname(local_path(uri)), local_path(root).rstrip("/")
    while len(path) > len(top):
        if os.path.islink(path):
            return True
        path = os.path.dirname(path)
    return False

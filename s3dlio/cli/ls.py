"""``s3dlio ls``."""

from __future__ import annotations

import click

from s3dlio._native import Client, Op, Stream, has_directories, list_pages, page_of
from s3dlio.cli.app import Command, Session
from s3dlio.cli.output import echo_json, plural, size_text, time_text
from s3dlio.cli.places import PLACE, is_container
from s3dlio.errors import NotFoundError
from s3dlio.listing import Listing

EXAMPLES = (
    "ls s3://",
    "ls s3://my-bucket/data/",
    "ls -l --human -r s3://my-bucket/data/",
    "ls -r --pattern '*.npy' s3://my-bucket/",
    "ls --json ./data/",
)


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("uri", type=PLACE)
@click.option("-l", "--long", is_flag=True, help="Size, time and URI of each, and a last line with the total.")
@click.option("-r", "-R", "--recursive", is_flag=True, help="Also what lies deeper.")
@click.option("-H", "--human", is_flag=True, help="Sizes as 1.5 MiB.")
@click.option("--pattern", help="Only what matches: a glob for the name, with a / in it for the path.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
def ls(
    session: Session, uri: str, long: bool, recursive: bool, human: bool, pattern: str | None, as_json: bool
) -> None:
    """List the objects at a prefix or in a directory, or the buckets of a service (s3://, az://, gs://).

    Object stores list every key that begins like the URI: end it with a / for what lies below. A name that ends with a
    / stands for all that lies there.
    """
    if uri.endswith("://"):
        _buckets(session.client(), uri, as_json)
        return
    count = total = 0
    for page in list_pages(session.client(), uri, recursive, pattern):
        count += sum(size >= 0 for size in page.sizes)
        total += sum(size for size in page.sizes if size > 0)
        _write(page, long, human, as_json)
        if not count and len(page):
            count = -1  # only common prefixes so far: something is there
    if not count and not pattern and not (is_container(uri) or has_directories(uri) or uri.endswith("/")):
        raise NotFoundError(f"list {uri}: not found: nothing begins like this", op="list", uri=uri)
    if long and not as_json:
        click.echo(f"TOTAL: {plural(max(count, 0), 'object')}, {size_text(total)} ({total} bytes)")


def _write(page: Listing, long: bool, human: bool, as_json: bool) -> None:
    times = page.mtimes_ns or [0] * len(page)
    etags = page.etags or ("",) * len(page)
    if as_json:
        for uri, size, mtime, etag in zip(page.uris(), page.sizes, times, etags, strict=True):
            if size < 0:
                echo_json({"uri": uri, "is_dir": True})
            else:
                modified = time_text(mtime) if mtime else None
                echo_json({"uri": uri, "size": size, "last_modified": modified, "etag": etag or None})
    elif long:
        for uri, size, mtime in zip(page.uris(), page.sizes, times, strict=True):
            shown = "DIR" if size < 0 else size_text(size, human)
            click.echo(f"{shown:>12}  {time_text(mtime):<20}  {uri}")
    else:
        click.echo("".join(f"{uri}\n" for uri in page.uris()), nl=False)


def _buckets(client: Client, uri: str, as_json: bool) -> None:
    with Stream(client, Op.LIST_CONTAINERS, Listing.from_uris([uri])) as stream:
        while items := stream.take():
            for name in (name for item in items for name in page_of(item, uri).uris()):
                bucket = name.rstrip("/") + "/"
                echo_json({"uri": bucket, "is_dir": True}) if as_json else click.echo(bucket)

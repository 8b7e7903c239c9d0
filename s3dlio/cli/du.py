"""``s3dlio du``."""

from __future__ import annotations

import click

from s3dlio._native import list_pages
from s3dlio.cli.app import Command, Session
from s3dlio.cli.output import echo_json, plural, size_text
from s3dlio.cli.places import PLACE, is_container
from s3dlio.resolve import locate

EXAMPLES = (
    "du s3://my-bucket/",
    "du --human --depth 1 s3://my-bucket/data",
    "du --json ./data",
)


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("uri", type=PLACE)
@click.option("-d", "--depth", type=click.IntRange(min=0), default=0, help="Levels below the URI that have a line.")
@click.option("-H", "--human", is_flag=True, help="Sizes as 1.5 MiB.")
@click.option("--pattern", help="Only what matches: a glob for the name, with a / in it for the path.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each.")
def du(session: Session, uri: str, depth: int, human: bool, pattern: str | None, as_json: bool) -> None:
    """Add up sizes and numbers of objects: bytes, objects and URI of each prefix, the whole of it last."""
    client = session.client()
    root = uri.rstrip("/") + "/" if is_container(uri) else locate(client, uri).uri
    sums: dict[str, list[int]] = {}
    for page in list_pages(client, root, recursive=True, pattern=pattern):
        for found, size in zip(page.uris(), page.sizes, strict=True):
            if size >= 0:
                for prefix in _prefixes(root, found, depth):
                    entry = sums.setdefault(prefix, [0, 0])
                    entry[0] += size
                    entry[1] += 1
    total = sums.pop(root, [0, 0])
    for prefix, (size, count) in [*sorted(sums.items()), (root, total)]:
        if as_json:
            echo_json({"uri": prefix, "bytes": size, "objects": count})
        else:
            click.echo(f"{size_text(size, human):>14}  {plural(count, 'object'):>16}  {prefix}")


def _prefixes(root: str, uri: str, depth: int) -> list[str]:
    """The root, and the directories above an object as far down as `depth`."""
    directory = root if root.endswith("/") else root[: root.rindex("/") + 1]
    parts = uri[len(directory) :].split("/")[:-1]
    return [root, *(directory + "/".join(parts[: i + 1]) + "/" for i in range(min(depth, len(parts))))]

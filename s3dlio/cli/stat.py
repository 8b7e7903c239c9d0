"""``s3dlio stat``."""

from __future__ import annotations

import json
from typing import Any

import click

from s3dlio._native import Item
from s3dlio.cli.app import Command, Session, complain
from s3dlio.cli.codes import ExitCode, code_of_all
from s3dlio.cli.output import echo_json, failure_json, size_text, time_text
from s3dlio.cli.places import PLACE, stat_many

EXAMPLES = (
    "stat s3://my-bucket/data/a.npy",
    "stat --json s3://my-bucket/data/a.npy s3://my-bucket/data/b.npy",
)
TOLD = ("etag", "content_type", "storage_class", "restore", "metadata")


@click.command(cls=Command, examples=EXAMPLES)
@click.argument("uris", metavar="URI...", type=PLACE, nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each, in their order.")
def stat(session: Session, uris: tuple[str, ...], as_json: bool) -> ExitCode:
    """Show size, time, ETag and metadata of objects, files, directories or buckets."""
    failures = []
    for uri, item in zip(uris, stat_many(session.client(), uris), strict=True):
        if item.error is None:
            _write(uri, item, as_json)
            continue
        failures.append(item.error)
        if as_json:
            echo_json(failure_json(uri, item.error))
        else:
            complain(str(item.error))
    return code_of_all(failures)


def _write(uri: str, item: Item, as_json: bool) -> None:
    found = json.loads(item.text)
    facts: dict[str, Any] = {"uri": uri}
    if found.get("is_dir"):
        facts["is_dir"] = True
    else:
        facts["size"] = found["size"]
    if found.get("mtime_ns"):
        facts["last_modified"] = time_text(found["mtime_ns"])
    facts |= {name: found[name] for name in TOLD if found.get(name)}
    if as_json:
        echo_json(facts)
        return
    click.echo(uri)
    for name, value in list(facts.items())[1:]:
        text = f"{value} ({size_text(value)})" if name == "size" else value
        click.echo(f"  {name}: {json.dumps(value) if isinstance(value, dict) else text}")

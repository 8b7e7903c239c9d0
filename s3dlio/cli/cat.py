"""``s3dlio cat``."""

from __future__ import annotations

import json
import sys
from array import array
from typing import Any

import click

from s3dlio._native import Client, Op, Stream
from s3dlio.cli.app import Command, Session
from s3dlio.cli.options import SIZE
from s3dlio.cli.places import PLACE, stat_many
from s3dlio.cli.work import stream_options
from s3dlio.errors import ChangedError, IsDirectoryError, OutOfRangeError
from s3dlio.listing import Listing
from s3dlio.options import Options

EXAMPLES = (
    "cat s3://my-bucket/data/a.txt",
    "cat --offset 100 --length 1KiB s3://my-bucket/data/a.npy",
    "cat s3://my-bucket/data/a.txt ./data/b.txt",
)


@click.command(cls=Command, examples=EXAMPLES, layers=("stream", "client"))
@click.argument("uris", metavar="URI...", type=PLACE, nargs=-1, required=True)
@click.option("--offset", type=SIZE, default=0, help="First byte to write, of each object.")
@click.option("--length", type=SIZE, default=None, help="Bytes to write of each. Default: to its end.")
def cat(session: Session, uris: tuple[str, ...], offset: int, length: int | None) -> None:
    """Write objects to standard output, one after the other.

    A large one is read in concurrent ranges, and takes no more memory than --memory-budget. If it changes meanwhile,
    the command fails at its end.
    """
    client = session.client()
    for uri in uris:
        _copy(client, session.options, uri, offset, length)


def _copy(client: Client, options: Options, uri: str, offset: int, length: int | None) -> None:
    before = _facts(client, uri)
    if offset > before["size"]:
        raise OutOfRangeError(
            f"get {uri}: offset {offset} is beyond the end of the object at {before['size']}", uri=uri
        )
    end = before["size"] if length is None else min(before["size"], offset + length)
    starts = array("q", range(offset, end, options.part_size))
    lengths = array("q", [min(options.part_size, end - start) for start in starts])
    order = array("q", bytes(8 * len(starts)))
    listing = Listing.from_uris([uri], [before["size"]])
    chosen = stream_options(options)
    with Stream(client, Op.GET, listing, order=order, offsets=starts, lengths=lengths, options=chosen) as stream:
        while items := stream.take(1, 1):
            if items[0].error is not None:
                raise items[0].error
            sys.stdout.buffer.write(memoryview(items[0].view))  # type: ignore[arg-type]
    sys.stdout.buffer.flush()
    if len(starts) > 1 and (after := _facts(client, uri)).get("etag") != before.get("etag"):
        raise ChangedError(
            f"get {uri}: the object changed from {before['size']} to {after['size']} bytes while it was read: what was "
            "written may be of both versions. Run the command again",
            uri=uri,
        )


def _facts(client: Client, uri: str) -> dict[str, Any]:
    (item,) = stat_many(client, [uri])
    if item.error is not None:
        raise item.error
    facts: dict[str, Any] = json.loads(item.text)
    if facts.get("is_dir"):
        raise IsDirectoryError(f"get {uri}: is a directory: name an object in it", uri=uri)
    return facts

"""Every option there is, in one table: `Options`.

The table validates what users write, tells which layer acts upon it, becomes the client's configuration and the page
``docs/options.md``. Type checkers see the same names as the TypedDict `LoaderOptions`.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

from s3dlio._checks import check_range, convert, suggestion
from s3dlio.errors import InvalidError
from s3dlio.option_types import ClientOptions, LoaderOptions, Order, ReaderMode, Strategy, TransferOptions

__all__ = [
    "ClientOptions",
    "Layer",
    "LoaderOptions",
    "Options",
    "Row",
    "TransferOptions",
    "checked",
    "for_client",
    "rows_of",
    "table",
]

Layer = Literal["dataset", "stream", "writer", "client", "compatibility"]
MIB = 1 << 20
_S3, _HTTP, _REMOTE = ("s3",), ("s3", "az", "gs"), ("s3", "az", "gs", "hdfs")


@dataclass(frozen=True)
class About:
    """What the table says of an option besides its type and default. Numbers are >= `least` and > `above`.

    An option of the client has an effect for `schemes`, where they are named, and none for others: one set of options
    may serve a copy between two stores.
    """

    layer: Layer
    help: str
    least: float | None = None
    above: float | None = None
    schemes: tuple[str, ...] = ()


class Row(NamedTuple):
    """An option of the table."""

    kind: Any
    default: Any
    about: About


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of a dataset or loader, all of them valid. Make one with `Options.parse`."""

    # What is loaded, and how it is handed out
    batch_size: Annotated[
        int | None,
        About("dataset", "Samples per step: a list of that many. None: one sample a step, not in a list.", least=1),
    ] = None
    drop_last: Annotated[
        bool, About("dataset", "Leave out the last batch if it is incomplete. Needs `batch_size`.")
    ] = False
    shuffle: Annotated[
        bool,
        About(
            "dataset",
            "Visit the samples in a random order, which depends on `seed`, the epoch (`set_epoch`) and their number.",
        ),
    ] = False
    seed: Annotated[int, About("dataset", "Seed of the random order; must be the same on all ranks.")] = 0
    order: Annotated[
        Order,
        About(
            "dataset", "`ordered`: samples come in the order of the pass. `completion`: each as soon as it is there."
        ),
    ] = "ordered"
    recursive: Annotated[
        bool, About("dataset", "Include what lies deeper than one level below the prefix or directory.")
    ] = True
    pattern: Annotated[
        str | re.Pattern[str] | None,
        About(
            "dataset",
            "Keep only what matches. A glob without `/` (`*.txt`) is compared with the file name, one with `/` "
            "(`train/**/*.npy`) with the path below the prefix. A compiled regular expression is searched for there.",
        ),
    ] = None
    shard_rank: Annotated[
        int | None,
        About(
            "dataset",
            "This process's rank: of each `shard_world_size` samples it reads the one at this place.",
            least=0,
        ),
    ] = None
    shard_world_size: Annotated[int | None, About("dataset", "Number of ranks that share the samples.", least=1)] = None
    worker_id: Annotated[
        int | None, About("dataset", "This worker's number among those that share the samples of its rank.", least=0)
    ] = None
    num_workers_pytorch: Annotated[
        int | None,
        About(
            "dataset",
            "Number of workers that share the samples of one rank. The torch datasets set both by themselves.",
            least=1,
        ),
    ] = None

    # How it is fetched
    num_workers: Annotated[
        int, About("stream", "Objects loaded at the same time. 0: as many as `max_concurrent` allows.", least=0)
    ] = 0
    prefetch: Annotated[
        int | None,
        About(
            "stream",
            "Steps (samples, or batches with `batch_size`) fetched ahead. None: as many as `memory_budget` allows.",
            least=1,
        ),
    ] = None
    max_concurrent: Annotated[int, About("stream", "Requests under way at the same time.", least=1)] = 32
    max_inflight_parts: Annotated[
        int,
        About(
            "stream",
            "Requests under way at the same time for one object. 0: as many as `max_concurrent` allows.",
            least=0,
        ),
    ] = 0
    part_size: Annotated[
        int, About("stream", "Bytes per request: larger objects are read in ranges of this size.", least=1)
    ] = 8 * MIB
    reader_mode: Annotated[
        ReaderMode,
        About(
            "stream",
            "`range`: large objects are read in concurrent ranges of `part_size`. `sequential`: one request an object.",
        ),
    ] = "range"
    memory_budget: Annotated[
        int,
        About(
            "stream",
            "Bytes fetched, or being fetched, ahead of the consumer. One object larger than this still loads.",
            least=1,
        ),
    ] = 256 * MIB

    # Whom it is fetched from: the names are those of gosrc/internal/config
    endpoint_url: Annotated[
        str,
        About(
            "client",
            "Base URL of the service, such as `http://minio:9000`: short for one of `endpoints`.",
            schemes=_HTTP,
        ),
    ] = ""
    endpoints: Annotated[
        Sequence[str],
        About(
            "client",
            "Base URLs that serve the same data. Empty: the environment, then the service's own.",
            schemes=_HTTP,
        ),
    ] = ()
    strategy: Annotated[
        Strategy,
        About(
            "client",
            "Which endpoint serves a request: the next one, or the one with the fewest under way.",
            schemes=_HTTP,
        ),
    ] = "round_robin"
    region: Annotated[
        str, About("client", "Region. Empty: the environment, the profile, then `us-east-1`.", schemes=_S3)
    ] = ""
    profile: Annotated[
        str, About("client", "Profile of the shared configuration files. Empty: `AWS_PROFILE`.", schemes=_S3)
    ] = ""
    anonymous: Annotated[bool, About("client", "Send unsigned requests, for public buckets.", schemes=_HTTP)] = False
    force_path_style: Annotated[
        bool | None,
        About(
            "client",
            "True: the bucket is part of the path; False: of the host name. None: whichever the endpoint needs.",
            schemes=_S3,
        ),
    ] = None
    ca_bundle: Annotated[
        str,
        About(
            "client",
            "PEM file of the authorities to trust. Empty: `AWS_CA_BUNDLE` (s3) or `SSL_CERT_FILE` (az, gs), then the"
            " system's.",
            schemes=_HTTP,
        ),
    ] = ""
    connect_timeout: Annotated[float, About("client", "Seconds to open a connection.", above=0, schemes=_REMOTE)] = 5.0
    request_timeout: Annotated[
        float, About("client", "Seconds without a byte of progress.", above=0, schemes=_REMOTE)
    ] = 60.0
    retry_timeout: Annotated[
        float, About("client", "Seconds of retries for an endpoint that has answered before.", least=0, schemes=_REMOTE)
    ] = 90.0
    max_attempts: Annotated[
        int, About("client", "Attempts a request. 0: only `retry_timeout` limits them.", least=0, schemes=_REMOTE)
    ] = 0
    direct_fallback: Annotated[
        bool,
        About("client", "Read through the page cache where the file system refuses O_DIRECT.", schemes=("direct",)),
    ] = False
    multipart_threshold: Annotated[
        int, About("client", "Bytes above which an object is uploaded in parts.", least=1)
    ] = 64 * MIB
    restore_status: Annotated[
        bool,
        About(
            "client", "Listings ask how far archived objects are restored. Not every service knows that.", schemes=_S3
        ),
    ] = False
    user_agent: Annotated[
        str,
        About(
            "client",
            "Put before `s3dlio` in the `User-Agent` of every request over HTTP: printable ASCII.",
            schemes=_HTTP,
        ),
    ] = ""

    skip_head: Annotated[
        bool,
        About(
            "compatibility",
            "Accepted as s3dlio 0.9 had it. No read sends a HEAD: sizes come with the listing or the data.",
        ),
    ] = True

    def __post_init__(self) -> None:
        if self.drop_last and self.batch_size is None:
            raise InvalidError("option drop_last needs batch_size: without batches there is no incomplete one")
        if self.endpoint_url and self.endpoints:
            raise InvalidError("options endpoint_url and endpoints exclude each other: give all URLs in endpoints")
        _check_member("shard_rank", self.shard_rank, "shard_world_size", self.shard_world_size)
        _check_member("worker_id", self.worker_id, "num_workers_pytorch", self.num_workers_pytorch)

    @classmethod
    def parse(cls, options: Mapping[str, Any] | Options | None = None, /, **keywords: Any) -> Options:
        """Check what a user wrote: a dict, keywords, or both, where the keywords win. None means the default.

        Raises:
            InvalidError: an option is unknown, of the wrong type, out of range, or at odds with another.
        """
        return cls().updated(options, **keywords)

    def updated(self, options: Mapping[str, Any] | Options | None = None, /, **keywords: Any) -> Options:
        """These options, with what is given in place of their values; `Options` replace all of them.

        Raises InvalidError as `parse` does.
        """
        if isinstance(options, Options):
            return options.updated(keywords)
        if options is not None and not isinstance(options, Mapping):
            raise InvalidError(f"options must be a dict of options, not {type(options).__name__}")
        given = {**(options or {}), **keywords}
        values: dict[str, Any] = {name: checked(name, value, table()) for name, value in given.items()}
        return dataclasses.replace(self, **values)

    def given(self) -> dict[str, Any]:
        """The options that differ from their defaults."""
        rows = ((name, getattr(self, name), row.default) for name, row in table().items())
        return {name: value for name, value, default in rows if value != default}

    def client_config(self) -> Mapping[str, Any]:
        """The client's configuration, as gosrc/internal/config reads it; what is not named has its default there."""
        return self._client_config

    @functools.cached_property  # every read of a sample asks for it
    def _client_config(self) -> dict[str, Any]:
        rows = table()
        config = {name: value for name, value in self.given().items() if rows[name].about.layer == "client"}
        if url := config.pop("endpoint_url", ""):
            config["endpoints"] = (url,)
        if "endpoints" in config:
            config["endpoints"] = list(config["endpoints"])
        return config


def for_client(given: Mapping[str, Any], *also: str) -> Options:
    """The options of a function: those of the client, and `also` these.

    Raises InvalidError as `Options.parse` does, and for an option that would have no effect there.
    """
    if not given:
        return _defaults()
    known = [name for name, row in table().items() if row.about.layer == "client" or name in also]
    for name in given:
        if name not in known:
            why = "has no effect on this function" if name in table() else "is not known"
            raise InvalidError(f"option {name!r} {why}. {suggestion(name, known)}")
    return Options.parse(given)


@functools.cache
def _defaults() -> Options:
    return Options()


def table() -> dict[str, Row]:
    """The rows by name, in the order of the documentation."""
    return rows_of(Options)


@functools.cache
def rows_of(options: type[Any]) -> dict[str, Row]:
    """The rows of a table such as `Options`, by name."""
    hints = typing.get_type_hints(options, include_extras=True)
    parts = {row.name: (row.default, *typing.get_args(hints[row.name])) for row in dataclasses.fields(options)}
    return {name: Row(kind, default, about) for name, (default, kind, about) in parts.items()}


def checked(name: str, value: object, rows: Mapping[str, Row]) -> object:
    """The value of an option of these rows in its own type, its default for None; else InvalidError."""
    row = rows.get(name)
    if row is None:
        raise InvalidError(f"unknown option {name!r}. {suggestion(name, rows)}")
    if value is None:
        return row.default
    value = convert(name, row.kind, value)
    check_range(name, value, row.about.least, row.about.above)
    return value


def _check_member(name: str, value: int | None, total_name: str, total: int | None) -> None:
    if (value is None) != (total is None):
        raise InvalidError(f"options {name} and {total_name} go together: give both or neither")
    if value is not None and total is not None and value >= total:
        raise InvalidError(f"option {name} must be less than {total_name} ({total}), not {value}")

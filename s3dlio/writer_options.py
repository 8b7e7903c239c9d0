"""Every option of a writer, in a table as that of `s3dlio.options`, and the older way to write them down."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from s3dlio.errors import InvalidError
from s3dlio.options import MIB, About, Options, Row, checked, rows_of, table

__all__ = ["PyWriterOptions", "WriterOptions", "writer_table"]

Compression = Literal["zstd", "gzip", "lz4"]
_TOOLS_OWN = -1  # the level that the algorithm's own tool uses: Usual of gosrc/internal/compress


_USUAL = Options()


@dataclass(frozen=True, kw_only=True)
class WriterOptions:
    """The options of a writer, all of them valid. Make one with `WriterOptions.parse`."""

    part_size: Annotated[
        int,
        About(
            "writer",
            "Bytes per request. An object that is not larger goes as one. Stores take 10,000 parts at most, and want "
            "all of one size: 16 MiB are enough for 156 GiB. S3 takes 5 MiB to 5 GiB; less is raised.",
            least=1,
        ),
    ] = 16 * MIB
    max_in_flight: Annotated[
        int, About("writer", "Parts sent at the same time. So many, and the one being filled, are in memory.", least=1)
    ] = 8
    buffer_size: Annotated[
        int | None,
        About(
            "writer",
            "Bytes of memory for parts: lowers `max_in_flight` and, where it is less than two parts, `part_size`. "
            "None: as these have it.",
            least=1,
        ),
    ] = None
    content_type: Annotated[
        str, About("writer", "Content type of the object. Empty: the store's choice. Local files have none.")
    ] = ""
    metadata: Annotated[
        Mapping[str, str] | None,
        About(
            "writer",
            "User metadata, which `stat` shows: names of a-z, 0-9, `-`, `_` and `.`, values of printable ASCII. Local "
            "files have none.",
        ),
    ] = None
    storage_class: Annotated[
        str,
        About(
            "writer",
            "Storage class of the object, such as `STANDARD_IA`. Empty: the store's default. Local files have none.",
        ),
    ] = ""
    compression: Annotated[
        Compression | None,
        About("writer", "Compress what is written. The URI stays as it is: give it the suffix you want."),
    ] = None
    compression_level: Annotated[
        int | None,
        About(
            "writer",
            "1 to 22 for zstd, 1 to 9 for gzip, 0 to 9 for lz4; more is smaller and slower. None: 3, 6 and 0.",
            least=0,
        ),
    ] = None
    client: Annotated[Options, About("client", "Whom to talk to.")] = _USUAL

    def __post_init__(self) -> None:
        if self.compression_level is not None and self.compression is None:
            raise InvalidError("option compression_level needs compression")

    @classmethod
    def parse(cls, options: Mapping[str, Any] | PyWriterOptions | None = None, /, **keywords: Any) -> WriterOptions:
        """Check what a user wrote: a dict or `PyWriterOptions`, keywords, or both, where the keywords win.

        Raises:
            InvalidError: an option is unknown, of the wrong type, out of range, or at odds with another.
        """
        if isinstance(options, PyWriterOptions):
            options = options.given
        if options is not None and not isinstance(options, Mapping):
            raise InvalidError(f"options must be a dict of options or PyWriterOptions, not {type(options).__name__}")
        rows = writer_table()
        values = {name: checked(name, value, rows) for name, value in {**(options or {}), **keywords}.items()}
        client = {name: values.pop(name) for name in tuple(values) if rows[name].about.layer == "client"}
        known: dict[str, Any] = values
        return cls(client=Options.parse(client), **known)

    def for_library(self) -> dict[str, Any]:
        """The options as gosrc/internal/upload reads them."""
        level = _TOOLS_OWN if self.compression_level is None else self.compression_level
        return {
            "part_size": self.part_size,
            "max_in_flight": self.max_in_flight,
            "buffer_size": self.buffer_size or 0,
            "content_type": self.content_type,
            "storage_class": self.storage_class,
            "metadata": dict(self.metadata or {}),
            "compression": self.compression or "",
            "compression_level": level,
        }


@functools.cache
def writer_table() -> dict[str, Row]:
    """The rows by name: those of a writer, and those that say whom it talks to."""
    own = {name: row for name, row in rows_of(WriterOptions).items() if name != "client"}
    # multipart_threshold is for objects whose size is known; a writer goes by its part_size
    client = {n: row for n, row in table().items() if row.about.layer == "client" and n != "multipart_threshold"}
    return own | client


class PyWriterOptions:
    """Options of a writer, put together step by step: ``PyWriterOptions().with_compression("zstd", 3)``."""

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}

    def with_compression(self, compression: Compression, level: int | None = None) -> PyWriterOptions:
        """Compress with "zstd" (levels 1 to 22), "gzip" (1 to 9) or "lz4" (0 to 9). None: the tool's own level."""
        return self._with(compression=compression, compression_level=level)

    def with_buffer_size(self, buffer_size: int) -> PyWriterOptions:
        """Use that many bytes of memory for parts."""
        return self._with(buffer_size=buffer_size)

    def _with(self, **options: Any) -> PyWriterOptions:
        WriterOptions.parse(self.given | options)
        self.given |= options
        return self

    def __repr__(self) -> str:
        return f"PyWriterOptions({self.given})"

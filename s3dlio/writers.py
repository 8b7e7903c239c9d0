"""Writers: one object from bytes that come piece by piece, for every scheme.

What is written gathers in parts, which are sent while the program goes on; memory is bounded by ``part_size`` and
``max_in_flight`` (docs/options.md). Nothing is visible under the URI before the object is whole: a writer that fails,
is aborted, or is left by an exception in its ``with`` block leaves nothing behind.

A writer that is only dropped is completed: when it is collected, at the latest at the end of the program. Its failure
then is reported as Python reports errors that nobody can catch. Whoever wants to catch them calls `finalize`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from types import TracebackType
from typing import TYPE_CHECKING, Any

from s3dlio._left import Unfinished
from s3dlio._native import Client, Writer
from s3dlio.errors import InvalidError, UnsupportedError
from s3dlio.writer_options import PyWriterOptions, WriterOptions

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "ObjectWriter",
    "create_azure_writer",
    "create_direct_filesystem_writer",
    "create_filesystem_writer",
    "create_gcs_writer",
    "create_s3_writer",
    "create_writer",
]

GivenOptions = Mapping[str, Any] | PyWriterOptions | None


class ObjectWriter(Unfinished):
    """Writes one object; `create_writer` makes it. A context manager: an exception inside aborts, else it finalizes.

    It is enough of a file for ``torch.save(model, writer)``, ``pickle.dump`` and ``shutil.copyfileobj``.

    Calls may come from any thread, one is carried out after the other. A writer does not survive a fork: in the child
    it raises ClosedError, and does nothing to what the parent writes.

    Attributes:
        uri: what is written.
    """

    def __init__(self, uri: str, options: WriterOptions) -> None:
        self.uri = uri
        self._result: dict[str, Any] | None = None
        super().__init__(Writer(Client.get(options.client.client_config()), uri, options.for_library()))

    def write(self, data: Buffer) -> int:
        """Append a bytes-like object; returns its length in bytes. `data` is copied, and free for other use afterwards.

        What is not contiguous is written in the order of its elements.

        Raises InvalidError for anything else, ClosedError after `finalize` and `abort`, and what an earlier part failed
        with; then the object will never appear.
        """
        return self._native.write(data, lend=False)

    write_chunk = write

    def write_owned_bytes(self, data: Buffer, *, copy: bool = False) -> int:
        """`write` without a copy: whole parts are sent from where `data` has them.

        `data` is kept until they are, and must not change before `finalize` returns. With `copy` it is as `write`.
        """
        return self._native.write(data, lend=not copy)

    def flush(self) -> None:
        """Wait until all full parts are stored. A part that is not full stays: only the last one may be short."""
        self._native.flush()

    def finalize(self) -> tuple[int, int]:
        """Complete the object. Returns (bytes written, bytes stored), which differ where they are compressed.

        Calling it again does nothing more. Raises what a part, or publishing the object, failed with: there is no
        object then, and nothing of it is left.
        """
        if self._result is None:
            self._result = self._native.finish()
        return self._result["bytes_written"], self._result["compressed_bytes"]

    def abort(self) -> None:
        """Give the object up and remove what was stored of it. After `finalize` this does nothing."""
        if self._result is None:
            self._native.abort()

    def bytes_written(self) -> int:
        """How many bytes were written so far."""
        return self.finalize()[0] if self._result is not None else self._native.progress()[0]

    def compressed_bytes(self) -> int:
        """How many bytes the object has so far: those that were written, or what the compression made of them.

        The last of these come with `finalize`.
        """
        return self.finalize()[1] if self._result is not None else self._native.progress()[1]

    def checksum(self) -> str | None:
        """CRC32C of the bytes of the object as they are stored, so after compression, as "crc32c:" and 8 hex digits.

        None before `finalize`.
        """
        return None if self._result is None else f"crc32c:{self._result['checksum']:08x}"

    def etag(self) -> str | None:
        """The ETag of the object, as `stat` has it; None before `finalize`."""
        return None if self._result is None else str(self._result["etag"])

    def __enter__(self) -> ObjectWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is not None:
            self.abort()
            return
        try:
            self.finalize()
        except BaseException:
            self.abort()
            raise

    def __repr__(self) -> str:
        return f"<ObjectWriter of {self.uri}>"


def create_writer(uri: str, options: GivenOptions = None, **keywords: Any) -> ObjectWriter:
    """Open a writer of the object at `uri`, of any scheme; what is there already stays until the new one is whole.

    A URI that ends in "/" names a directory: the object gets a name of its own in it, and the `uri` of the writer tells
    which. Opening sends no request: what is wrong with the place shows when the first part is sent.

    Args:
        uri: ``s3://bucket/key``, ``az://container/key``, ``gs://bucket/key``, ``hdfs://namenode:port/path``,
            ``file:///path``, ``direct:///path``.
        options: a dict or `PyWriterOptions`; see docs/options.md.
        keywords: the same options as keywords, which win.

    Raises:
        InvalidError: the URI is malformed, or an option is unknown, of the wrong type or out of range.
        UnsupportedError: the scheme is not known.
    """
    return ObjectWriter(_object_uri(uri), WriterOptions.parse(options, **keywords))


def create_s3_writer(uri: str, options: GivenOptions = None, **keywords: Any) -> ObjectWriter:
    """`create_writer` for ``s3://bucket/key``; UnsupportedError for any other scheme."""
    return create_writer(_of_scheme(uri, "s3"), options, **keywords)


def create_azure_writer(uri: str, options: GivenOptions = None, **keywords: Any) -> ObjectWriter:
    """`create_writer` for ``az://container/key``; UnsupportedError for any other scheme."""
    return create_writer(_of_scheme(uri, "az"), options, **keywords)


def create_gcs_writer(uri: str, options: GivenOptions = None, **keywords: Any) -> ObjectWriter:
    """`create_writer` for ``gs://bucket/key``; UnsupportedError for any other scheme."""
    return create_writer(_of_scheme(uri, "gs"), options, **keywords)


def create_filesystem_writer(uri: str, options: GivenOptions = None, **keywords: Any) -> ObjectWriter:
    """`create_writer` for ``file:///path``; UnsupportedError for any other scheme."""
    return create_writer(_of_scheme(uri, "file"), options, **keywords)


def create_direct_filesystem_writer(uri: str, options: GivenOptions = None, **keywords: Any) -> ObjectWriter:
    """`create_writer` with O_DIRECT, for ``direct:///path`` or ``file:///path``; UnsupportedError for other schemes."""
    if isinstance(uri, str) and uri.startswith("file://"):
        uri = "direct" + uri.removeprefix("file")
    return create_writer(_of_scheme(uri, "direct"), options, **keywords)


def _of_scheme(uri: str, scheme: str) -> str:
    _require_text(uri)
    if not uri.startswith(f"{scheme}://"):
        raise UnsupportedError(
            f"{uri}: unsupported scheme for this writer, which is for {scheme}://. Use create_writer, which takes any",
            op="put",
            uri=uri,
        )
    return uri


def _object_uri(uri: str) -> str:
    """The URI of an object: one that names a directory gets a name that nothing there has."""
    _require_text(uri)
    if not uri.endswith("/") or uri.endswith("://"):
        return uri
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    return f"{uri}part-{now}-{uuid.uuid4().hex[:8]}"


def _require_text(uri: object) -> None:
    if not isinstance(uri, str):
        raise InvalidError(f"a URI must be a str, not {uri!r} ({type(uri).__name__})", op="put")

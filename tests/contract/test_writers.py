"""Writers: what is stored, what is not, and what becomes of data and memory."""

from __future__ import annotations

import gc
import gzip
import io
import pickle
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

import s3dlio
from s3dlio.errors import ClosedError, InvalidError, IsDirectoryError, S3DlioError, UnsupportedError
from s3dlio.views import BytesView
from tests.support import programs
from tests.support.checksums import crc32c
from tests.support.mem import MemBucket, wait_until_idle
from tests.support.samples import Store

KIB = 1 << 10
SMALL: dict[str, Any] = {"part_size": 64 * KIB, "max_in_flight": 2}
DATA = bytes(range(256)) * 2001  # 512 KiB and a little: eight parts and a short one


def content(uri: str) -> bytes:
    return bytes(s3dlio.get(uri))


@pytest.fixture
def uri(folder: Store) -> str:
    """Where there is nothing yet, not even the directory."""
    return folder.uri("new/object")


@pytest.mark.parametrize("size", [0, 1, 64 * KIB, 64 * KIB + 1, len(DATA)])
@pytest.mark.parametrize("piece", [1000, 64 * KIB, len(DATA)])
@pytest.mark.parametrize("how", ["write", "write_chunk", "write_owned_bytes"])
def test_what_is_written_is_stored(uri: str, size: int, piece: int, how: str) -> None:
    writer = s3dlio.create_writer(uri, SMALL)
    for start in range(0, size, piece):
        part = DATA[:size][start : start + piece]
        assert getattr(writer, how)(part) == len(part)
        assert writer.bytes_written() == writer.compressed_bytes() == start + len(part)
        assert not s3dlio.exists(uri)
        assert writer.checksum() is None
    assert writer.finalize() == (size, size)
    assert content(uri) == DATA[:size]
    assert writer.checksum() == f"crc32c:{crc32c(DATA[:size]):08x}"
    assert (writer.bytes_written(), writer.compressed_bytes()) == (size, size)


@pytest.mark.parametrize("scheme", ["file", "direct", "mem"])
def test_every_scheme(tmp_path: Path, scheme: str) -> None:
    uri = MemBucket().uri("a") if scheme == "mem" else f"{scheme}://{tmp_path}/a"
    with s3dlio.create_writer(uri, **SMALL) as writer:
        writer.write(DATA)
    assert content(uri) == DATA


ARRAY = np.arange(30_000, dtype=np.int32).reshape(100, 300)
SOURCES: dict[str, object] = {
    "bytes": DATA,
    "bytearray": bytearray(DATA),
    "memoryview": memoryview(DATA)[5:-5],
    "every other byte": memoryview(DATA)[::2],
    "reversed": memoryview(DATA)[::-1],
    "array": ARRAY,
    "column of an array": ARRAY[:, 7],
    "Fortran order": np.asfortranarray(ARRAY),
    "view of the library": BytesView.copy_of(DATA),
    "BytesIO": io.BytesIO(DATA).getbuffer(),
    "tensor as array": torch.arange(1000).numpy(),
    "nothing": b"",
    "no element": np.zeros((0, 4)),
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("how", ["write", "write_owned_bytes"])
def test_everything_bytes_like_is_taken(uri: str, name: str, how: str) -> None:
    source = memoryview(SOURCES[name])  # type: ignore[arg-type]
    with s3dlio.create_writer(uri, **SMALL) as writer:
        assert getattr(writer, how)(SOURCES[name]) == source.nbytes
    assert content(uri) == source.tobytes()


@pytest.mark.parametrize("bad", ["text", 17, None, [1, 2], torch.zeros(3), np.array(["a", None], dtype=object)])
def test_anything_else_is_refused_and_nothing_is_lost(uri: str, bad: object) -> None:
    with s3dlio.create_writer(uri) as writer:
        writer.write(b"before ")
        for write in (writer.write, writer.write_owned_bytes):
            with pytest.raises(InvalidError, match="bytes-like") as caught:
                write(bad)  # type: ignore[arg-type]
            assert caught.value.uri == uri in str(caught.value)
        writer.write(b"after")
    assert content(uri) == b"before after"


def test_what_was_copied_may_change_at_once(uri: str) -> None:
    data = bytearray(DATA)
    with s3dlio.create_writer(uri, **SMALL) as writer:
        writer.write(data)
        data[:] = bytes(len(data))
        writer.write_owned_bytes(data, copy=True)
        data.append(1)  # nothing uses it
    assert content(uri) == DATA + bytes(len(DATA))


@pytest.mark.parametrize("end", ["finalize", "abort"])
def test_lent_memory_is_given_back(uri: str, end: str) -> None:
    data = bytearray(DATA)
    writer = s3dlio.create_writer(uri, **SMALL)
    writer.write_owned_bytes(data)
    getattr(writer, end)()
    data.append(1)  # a BufferError while it is lent


def test_the_old_object_stays_until_the_new_one_is_whole(folder: Store) -> None:
    uri = folder.put("object", b"old")
    writer = s3dlio.create_writer(uri, **SMALL)
    writer.write(DATA)
    assert content(uri) == b"old"
    writer.finalize()
    assert content(uri) == DATA


def fail(_: object) -> None:
    raise KeyError


@pytest.mark.parametrize("size", [10, len(DATA)])
def test_an_exception_inside_publishes_nothing(tmp_path: Path, uri: str, size: int) -> None:
    writer = s3dlio.create_writer(uri, **SMALL)
    with pytest.raises(KeyError), writer:
        fail(writer.write(DATA[:size]))
    assert list(tmp_path.iterdir()) == []  # no temporary file, and no directory made for it
    with pytest.raises(ClosedError, match="aborted") as caught:
        writer.write(b"x")
    assert caught.value.uri == uri
    with pytest.raises(ClosedError, match="aborted"):
        writer.finalize()


def test_finalize_and_abort_may_be_called_again(uri: str) -> None:
    writer = s3dlio.create_writer(uri, **SMALL)
    writer.write(DATA)
    assert writer.finalize() == writer.finalize() == (len(DATA), len(DATA))
    writer.abort()  # too late
    assert content(uri) == DATA
    for write in (writer.write, writer.write_chunk, writer.write_owned_bytes):
        with pytest.raises(ClosedError, match="complete"):
            write(b"x")
    writer = s3dlio.create_writer(uri + "2")
    writer.abort()
    writer.abort()
    assert not s3dlio.exists(uri + "2")


@pytest.mark.parametrize("in_cycle", [False, True])
def test_a_dropped_writer_is_completed(uri: str, in_cycle: bool) -> None:
    writer: object = s3dlio.create_writer(uri, **SMALL)
    writer.write(DATA)  # type: ignore[attr-defined]
    if in_cycle:
        cycle = [writer]
        cycle.append(cycle)
        del cycle
    del writer
    gc.collect()
    assert content(uri) == DATA


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_failure_of_a_dropped_writer_is_reported(folder: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = folder.uri("").rstrip("/")  # a directory
    reported = []
    monkeypatch.setattr("sys.unraisablehook", lambda report: reported.append(str(report.exc_value)))
    writer = s3dlio.create_writer(uri)
    writer.write(b"x")
    del writer
    assert len(reported) == 1
    assert uri in reported[0]
    writer = s3dlio.create_writer(uri)
    with pytest.raises(IsDirectoryError):
        writer.finalize()
    del writer  # it was told already
    assert len(reported) == 1


@pytest.mark.parametrize("name", ["zstd", "gzip", "lz4"])
@pytest.mark.parametrize("level", [None, 1, 9])
def test_compression(tmp_path: Path, name: str, level: int | None) -> None:
    uri, data = f"file://{tmp_path}/object", DATA * 4
    with s3dlio.create_writer(uri, compression=name, compression_level=level, **SMALL) as writer:
        for start in range(0, len(data), 300_001):
            writer.write_owned_bytes(data[start : start + 300_001])
    stored = content(uri)
    assert writer.finalize() == (len(data), len(stored))
    assert len(stored) < len(data) / 20
    assert writer.checksum() == f"crc32c:{crc32c(stored):08x}"
    expanded = gzip.decompress(stored) if name == "gzip" else with_tool(name, stored)
    assert expanded == data


def with_tool(name: str, data: bytes) -> bytes:
    if name == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().stream_reader(data).read()
    import lz4.frame  # type: ignore[import-untyped]

    return bytes(lz4.frame.decompress(data))


def test_levels_make_a_difference(tmp_path: Path) -> None:
    words = [f"word-{i * 7919}".encode() for i in range(500)]
    data = b" ".join(words[i] for i in np.random.default_rng(1).integers(0, 500, 20_000))
    sizes = []
    for level in (1, 19):
        with s3dlio.create_writer(f"file://{tmp_path}/object", compression="zstd", compression_level=level) as writer:
            writer.write(data)
        sizes.append(writer.compressed_bytes())
    assert sizes[1] < sizes[0] < len(data)


def test_older_options_may_be_given_as_what_they_return_or_not(uri: str) -> None:
    options = s3dlio.PyWriterOptions()
    assert options.with_compression("gzip", 9).with_buffer_size(1 << 20) is options
    for given in (options, None, {"compression": "gzip"}):
        with s3dlio.create_filesystem_writer(uri, given) as writer:
            writer.write(DATA)
        stored = content(uri)
        assert (gzip.decompress(stored) if given else stored) == DATA


@pytest.mark.parametrize(
    ("create", "good", "bad"),
    [
        (s3dlio.create_s3_writer, "s3://bucket/key", "file:///tmp/key"),
        (s3dlio.create_gcs_writer, "gs://bucket/key", "az://bucket/key"),
        (s3dlio.create_filesystem_writer, "file:///tmp/key", "direct:///tmp/key"),
        (s3dlio.create_direct_filesystem_writer, "direct:///tmp/key", "s3://bucket/key"),
    ],
)
def test_forms_for_one_scheme_take_no_other(create: Callable[..., s3dlio.ObjectWriter], good: str, bad: str) -> None:
    writer = create(good)
    assert writer.uri == good
    writer.abort()
    with pytest.raises(UnsupportedError, match="unsupported scheme") as caught:
        create(bad)
    assert caught.value.uri == bad


def test_the_direct_form_takes_file_uris(tmp_path: Path) -> None:
    writer = s3dlio.create_direct_filesystem_writer(f"file://{tmp_path}/a", None)
    assert writer.uri == f"direct://{tmp_path}/a"
    writer.write_chunk(memoryview(DATA))
    assert writer.finalize() == (len(DATA), len(DATA))
    assert (tmp_path / "a").read_bytes() == DATA


def test_an_object_gets_a_name_of_its_own_in_a_directory(folder: Store) -> None:
    writers = [s3dlio.create_writer(folder.uri("results/")) for _ in range(3)]
    for writer in writers:
        writer.write(writer.uri.encode())
        writer.finalize()
    assert sorted(s3dlio.list(folder.uri("results/"))) == sorted(writer.uri for writer in writers)
    assert [content(writer.uri) for writer in writers] == [writer.uri.encode() for writer in writers]


@pytest.mark.parametrize(
    ("uri", "options", "error", "text"),
    [
        ("ftp://a/b", {}, UnsupportedError, "ftp://a/b: unsupported"),
        ("nonsense", {}, InvalidError, "nonsense"),
        ("s3://bucket", {}, InvalidError, "s3://bucket: the URI names a bucket"),
        (17, {}, InvalidError, "17"),
        ("file:///a", {"part_sise": 1}, InvalidError, "Did you mean 'part_size'"),
        ("file:///a", {"part_size": 0}, InvalidError, "part_size must be at least 1"),
        ("file:///a", {"part_size": 6 << 30}, InvalidError, "file:///a: part_size"),
        ("file:///a", {"max_in_flight": "8"}, InvalidError, "max_in_flight must be int"),
        ("file:///a", {"buffer_size": -1}, InvalidError, "buffer_size"),
        ("file:///a", {"compression": "rar"}, InvalidError, "compression must be 'zstd' or 'gzip' or 'lz4'"),
        ("file:///a", {"compression_level": 3}, InvalidError, "compression_level needs compression"),
        ("file:///a", {"compression": "gzip", "compression_level": 10}, InvalidError, "a: compression_level 10"),
        ("file:///a", {"content_type": "a\nb"}, InvalidError, "file:///a: content_type"),
        ("file:///a", {"storage_class": "GLACIER IR"}, InvalidError, "file:///a: storage_class \"GLACIER IR\""),
        ("file:///a", {"storage_class": "é"}, InvalidError, "file:///a: storage_class"),
        ("file:///a", {"metadata": {"Name": "x"}}, InvalidError, "metadata has the name \"Name\""),
        ("file:///a", {"metadata": {"name": "ü"}}, InvalidError, "metadata name"),
        ("file:///a", {"metadata": {"name": 1}}, InvalidError, "metadata must be dict of str"),
        ("file:///a", {"multipart_threshold": 1}, InvalidError, "unknown option 'multipart_threshold'"),
        ("file:///a", {"endpoint_url": "http://a", "endpoints": ["http://b"]}, InvalidError, "endpoint_url"),
    ],
)  # fmt: skip
def test_bad_input(uri: str, options: dict[str, object], error: type[S3DlioError], text: str) -> None:
    with pytest.raises(error) as caught:
        s3dlio.create_writer(uri, options)
    assert text in str(caught.value)
    if not options and isinstance(uri, str):
        assert caught.value.uri == uri


def test_options_must_be_options() -> None:
    with pytest.raises(InvalidError, match="options must be a dict"):
        s3dlio.create_writer("file:///a", ["part_size"])  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match="compression must be"):
        s3dlio.PyWriterOptions().with_compression("brotli")  # type: ignore[arg-type]
    with pytest.raises(InvalidError, match="buffer_size"):
        s3dlio.PyWriterOptions().with_buffer_size(0)


def test_buffer_size_is_what_the_parts_take() -> None:
    assert programs.run("writers", "buffer_size", env=programs.faults_library()) == "ok\n"


def test_nothing_of_a_writer_stays(uri: str) -> None:
    for end in ("finalize", "abort", "drop"):
        writer = s3dlio.create_writer(f"{uri}-{end}", **SMALL)
        writer.write_owned_bytes(bytearray(DATA))
        if end != "drop":
            getattr(writer, end)()
        del writer
    wait_until_idle()


@pytest.mark.parametrize(
    "case",
    [
        "inherited_writers",
        "children_write",
        "processes_of_multiprocessing",
        "threads",
        "errors_of_parts",
        "panics",
        "stalled_drop",
        "memory",
    ],
)
def test_in_a_process_of_its_own(case: str, tmp_path: Path) -> None:
    assert programs.run("writers", case, tmp_path, env=programs.faults_library()) == "ok\n"


@pytest.mark.parametrize("how", ["global", "cycle", "exception", "exit", "thread"])
def test_a_writer_left_at_the_end_of_the_program_is_completed(how: str, tmp_path: Path) -> None:
    code = 1 if how == "exception" else 0
    process = programs.start("writers_left", how, tmp_path)
    printed, complaints = process.communicate(timeout=programs.SECONDS)
    assert process.returncode == code, complaints
    assert printed == "end\n"
    assert (tmp_path / "left").read_bytes() == b"left" * 100_000
    assert f"put file://{tmp_path}: this is a directory" in complaints  # the one that cannot be completed
    assert not list(tmp_path.glob(".s3dlio*"))


@pytest.mark.parametrize("how", ["write", "finalize", "flush", "close", "lend", "left"])
def test_ctrl_c_ends_what_would_not_end(how: str) -> None:
    process = programs.start("writers_interrupted", how, env=programs.faults_library())
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    time.sleep(0.5)  # until it is inside the library
    process.send_signal(signal.SIGINT)
    printed = programs.finish(process)
    assert printed == "interrupted\nok\n"


def test_a_program_that_is_killed_publishes_nothing(tmp_path: Path) -> None:
    process = programs.start("writers_interrupted", "file", tmp_path, env=programs.faults_library())
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    process.kill()
    process.communicate()
    assert not (tmp_path / "object").exists()
    assert s3dlio.list(f"file://{tmp_path}/") == []


def test_a_writer_is_file_enough_for_what_saves_to_files(uri: str) -> None:
    weights = {"weights": torch.arange(100_000)}
    with s3dlio.create_writer(uri, **SMALL) as writer:
        torch.save(weights, cast(Any, writer))
    assert torch.equal(torch.load(io.BytesIO(content(uri)))["weights"], weights["weights"])
    with s3dlio.create_writer(uri, **SMALL) as writer:
        np.save(writer, ARRAY)
    assert np.array_equal(np.load(io.BytesIO(content(uri))), ARRAY)
    with s3dlio.create_writer(uri, **SMALL) as writer:
        pickle.dump(SMALL, writer)
    assert pickle.loads(content(uri)) == SMALL
    with s3dlio.create_writer(uri, **SMALL) as writer:
        shutil.copyfileobj(io.BytesIO(DATA), writer)
    assert content(uri) == DATA
    assert writer.etag() == s3dlio.stat(uri)["etag"]


def test_flush_waits_for_full_parts(uri: str) -> None:
    with s3dlio.create_writer(uri, **SMALL) as writer:
        writer.write(DATA)
        writer.flush()
        assert writer.etag() is None
        assert not s3dlio.exists(uri)
        writer.write(b"end")
    assert content(uri) == DATA + b"end"


def test_a_thousand_writers_at_once(folder: Store) -> None:
    writers = [s3dlio.create_writer(folder.uri(f"{i:04d}")) for i in range(1000)]
    for i, writer in enumerate(writers):
        writer.write(b"%d" % i)
    for writer in writers:
        writer.finalize()
    assert [bytes(view) for _, view in s3dlio.get_many(s3dlio.list(folder.uri()))] == [b"%d" % i for i in range(1000)]


def test_a_suffix_changes_nothing(tmp_path: Path) -> None:
    with s3dlio.create_writer(f"file://{tmp_path}/plain.zst") as writer:
        writer.write(b"not compressed")
    with s3dlio.create_writer(f"file://{tmp_path}/packed.bin", compression="gzip") as writer:
        writer.write(b"compressed")
    assert (tmp_path / "plain.zst").read_bytes() == b"not compressed"
    assert gzip.decompress((tmp_path / "packed.bin").read_bytes()) == b"compressed"

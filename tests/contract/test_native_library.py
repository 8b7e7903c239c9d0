"""The library file, its header, what its clients know of the environment, and its log."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from s3dlio._logging import level_for_library
from s3dlio._native import Client, Op, StreamOptions, describe, library, memory_stats, schemes
from s3dlio._native import stream as streams
from s3dlio._native.environment import snapshot
from s3dlio._native.header import ffi, write_module
from s3dlio.errors import InvalidError
from tests.support.programs import ROOT

HEADER = (ROOT / "gosrc/capi/s3dlio.h").read_text()
USE = "from s3dlio._native import library; library()"


def python(code: str, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs code with the package that lies in `cwd`."""
    clean = {name: value for name, value in os.environ.items() if name != "S3DLIO_LIBRARY"}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**clean, "PYTHONPATH": str(cwd), "PYTHONDONTWRITEBYTECODE": "1", **env},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def loaded_file() -> Path:
    """The library that this process has loaded."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return next(Path(line.split(maxsplit=5)[5]) for line in lines if line.endswith("libs3dlio.so"))


SOURCES = ("go.mod", "go.sum", "gosrc/capi/s3dlio.h", "gosrc/capi/main.go", "gosrc/internal/fetch/stream_test.go")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A source tree, as far as the loader looks at it, with a library that is newer than all sources."""
    shutil.copytree(ROOT / "s3dlio", tmp_path / "s3dlio", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    for name in SOURCES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    library()
    shutil.copyfile(loaded_file(), tmp_path / "s3dlio/_native/libs3dlio.so")
    for name in SOURCES:
        set_age(tmp_path / name, -1)
    return tmp_path


def set_age(path: Path, seconds: int) -> None:
    """Makes a file that much younger than the library of its tree."""
    root = next(parent for parent in path.parents if (parent / "go.mod").exists())
    built = (root / "s3dlio/_native/libs3dlio.so").stat().st_mtime
    os.utime(path, (built + seconds, built + seconds))


# The header


def test_operations_are_those_of_the_header() -> None:
    header = dict(re.findall(r"S3D_OP_(\w+) = (\d+)", HEADER))
    assert {op.name: str(op.value) for op in Op} == header


def test_structures_are_those_of_the_header() -> None:
    assert streams._ITEM.size == ffi().sizeof("s3d_item")
    names = [name for name, _ in ffi().typeof("s3d_stream_options").fields]
    assert [field.name for field in fields(StreamOptions)] == [name for name in names if name not in ("op", "event_fd")]


def test_the_library_describes_itself() -> None:
    assert {"version", "go", "schemes"} <= set(describe())
    assert schemes() == sorted(schemes())
    assert {"file", "direct", "mem", "s3"} <= set(schemes())


# The file


def test_a_fresh_library_is_loaded(checkout: Path) -> None:
    assert python(USE, checkout).stderr == ""


@pytest.mark.parametrize("source", ["go.mod", "go.sum", "gosrc/capi/s3dlio.h", "gosrc/capi/main.go"])
def test_a_library_older_than_a_source_is_refused(checkout: Path, source: str) -> None:
    set_age(checkout / source, 1)
    result = python(USE, checkout)
    assert result.returncode != 0
    assert f"older than {checkout / source}" in result.stderr
    assert "pip install -e" in result.stderr


def test_tests_of_the_library_do_not_make_it_old(checkout: Path) -> None:
    set_age(checkout / "gosrc/internal/fetch/stream_test.go", 1)
    assert python(USE, checkout).stderr == ""


def test_a_missing_library_says_how_to_build_it(checkout: Path) -> None:
    (checkout / "s3dlio/_native/libs3dlio.so").unlink()
    result = python(USE, checkout)
    assert "ImportError" in result.stderr
    assert "pip install -e" in result.stderr


def test_a_wheel_has_the_header_ready_made_and_no_sources(checkout: Path) -> None:
    write_module(checkout / "gosrc/capi/s3dlio.h", checkout / "s3dlio/_native")
    shutil.rmtree(checkout / "gosrc")
    assert python(USE, checkout).stderr == ""
    (checkout / "s3dlio/_native/libs3dlio.so").unlink()
    assert "Install s3dlio again" in python(USE, checkout).stderr


def test_a_library_of_another_abi_is_refused(checkout: Path) -> None:
    header = checkout / "gosrc/capi/s3dlio.h"
    header.write_text(re.sub(r"(S3D_ABI_VERSION) \d+", r"\1 999", HEADER))
    set_age(header, -1)
    result = python(USE, checkout)
    assert "ImportError" in result.stderr
    assert "this package needs 999" in result.stderr


def test_another_library_can_be_named(checkout: Path) -> None:
    other = checkout / "other.so"
    shutil.move(checkout / "s3dlio/_native/libs3dlio.so", other)
    assert python(USE, checkout, S3DLIO_LIBRARY=str(other)).stderr == ""


def test_importing_loads_nothing() -> None:
    code = "import s3dlio, sys; print([m for m in ('cffi', 'numpy', 'torch', 'asyncio') if m in sys.modules])"
    assert python(code).stdout == "[]\n"
    code = "import s3dlio._native; print('libs3dlio' in open('/proc/self/maps').read())"
    assert python(code).stdout == "False\n"


# Clients


def test_a_client_sees_the_environment_as_it_is_now(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Client.get()
    assert Client.get() is before
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:1")
    changed = Client.get()
    assert changed is not before
    assert (b"AWS_ENDPOINT_URL", b"http://localhost:1") in changed._environment
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert Client.get() is before
    monkeypatch.setenv("UNRELATED", "1")
    assert Client.get() is before


@pytest.mark.parametrize(
    "name",
    [
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AZURE_STORAGE_KEY",
        "AZURE_FEDERATED_TOKEN_FILE",
        "IDENTITY_ENDPOINT",
        "IDENTITY_HEADER",
        "IMDS_ENDPOINT",
        "MSI_ENDPOINT",
        "MSI_SECRET",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_PROJECT",
        "GCE_METADATA_HOST",
        "CLOUDSDK_CONFIG",
        "HADOOP_CONF_DIR",
        "STORAGE_EMULATOR_HOST",
        "HTTPS_PROXY",
        "no_proxy",
        "HOME",
        "S3DLIO_X",
    ],
)
def test_what_belongs_to_the_snapshot(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "vàlue")
    assert (name.encode(), "vàlue".encode()) in snapshot()
    monkeypatch.delenv(name)
    assert name.encode() not in dict(snapshot())


def test_whatever_a_backend_asks_for_is_in_the_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of it is left over from the machine on which the tests run."""
    sources = [path for path in (ROOT / "gosrc/internal/backend").rglob("*.go") if not path.name.endswith("_test.go")]
    lines = [line for path in sources for line in path.read_text().splitlines()]
    asked = [line for line in lines if "Getenv(" in line or re.search(r"Variables? +=", line)]
    names = {name for line in asked for name in re.findall(r'"([A-Z][A-Z0-9_]{3,}|[a-z]+_proxy)"', line)}
    assert names >= {"AWS_PROFILE", "AZURE_STORAGE_ACCOUNT", "GCLOUD_PROJECT", "STORAGE_EMULATOR_HOST", "KRB5CCNAME"}
    kept = {"HOME", "CLOUDSDK_CONFIG", "GCE_METADATA_HOST", "AWS_EC2_METADATA_DISABLED"}  # the tests' own
    assert names & set(os.environ) <= kept
    for name in names:
        monkeypatch.setenv(name, "1")
    assert names <= {os.fsdecode(name) for name, _ in snapshot()}


def test_clients_of_the_same_configuration_are_one() -> None:
    assert Client.get({"region": "eu-1", "max_attempts": 2}) is Client.get({"max_attempts": 2, "region": "eu-1"})
    assert Client.get({"region": "eu-2"}) is not Client.get({"region": "eu-1"})
    assert Client.get({}) is Client.get(None)


def test_a_configuration_that_is_not_valid() -> None:
    for config in ({"strategy": "none"}, {"nonsense": 1}, {"connect_timeout": -1}):
        with pytest.raises(InvalidError):
            Client.get(config)


def test_clients_nobody_needs_are_closed() -> None:
    for number in range(100):
        Client.get({"region": f"region-{number}"})
    assert memory_stats()["clients"] < 50


def test_a_client_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    assert "very-secret" not in repr(Client.get())


def test_statistics() -> None:
    assert isinstance(Client.get().stats(), dict)


# The log


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    """The logger of the package, as it is before anything has been asked of it."""
    made = logging.getLogger("s3dlio")
    level, handlers = made.level, made.handlers
    made.handlers = []
    made.setLevel(logging.NOTSET)
    yield made
    made.handlers = handlers
    made.setLevel(level)


@pytest.mark.parametrize(
    ("env", "level", "of_library"),
    [
        ({}, "NOTSET", 1),
        ({"S3DLIO_LOG": "debug"}, "DEBUG", 3),
        ({"S3DLIO_LOG": "INFO"}, "INFO", 2),
        ({"RUST_LOG": "s3dlio=debug"}, "DEBUG", 3),
        ({"RUST_LOG": "hyper=trace,s3dlio=warn"}, "WARNING", 1),
        ({"RUST_LOG": "error"}, "ERROR", 0),
        ({"RUST_LOG": "hyper=debug"}, "NOTSET", 1),
        ({"RUST_LOG": "debug", "S3DLIO_LOG": "error"}, "ERROR", 0),
    ],
)
def test_log_levels(
    env: dict[str, str], level: str, of_library: int, logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("S3DLIO_LOG", "RUST_LOG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert level_for_library() == of_library
    assert logging.getLevelName(logger.level) == level


def test_a_log_level_that_is_none(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("S3DLIO_LOG", "loud")
    assert level_for_library() == 1
    assert "S3DLIO_LOG=loud is not a level" in caplog.text


RETRY = """
import logging
from s3dlio._native import Client, Op, Stream
from s3dlio.listing import Listing
client = Client.get({"endpoints": ["http://127.0.0.1:1"], "anonymous": True, "max_attempts": 2})
print(Stream(client, Op.GET, Listing.from_uris(["s3://bucket/key"])).take()[0].error.attempts)
logging.getLogger("s3dlio").debug("from python")
"""


def test_debugging_tells_more_from_both_sides() -> None:
    result = python(RETRY, S3DLIO_LIBRARY=str(loaded_file()), S3DLIO_LOG="debug")
    assert result.stdout == "2\n"
    assert "trying again" in result.stderr
    assert "from python" in result.stderr
    assert python(RETRY, S3DLIO_LIBRARY=str(loaded_file())).stderr == ""

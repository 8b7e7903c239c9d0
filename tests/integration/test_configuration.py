"""Settings that hold for all calls of a process."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import s3dlio
from s3dlio import _logging, settings
from s3dlio._native import library
from s3dlio.errors import InvalidError, NotFoundError, S3DlioError
from tests.support import programs
from tests.support.servers import S3Server


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_logging, "_chosen", None)
    threads = library().c.s3d_set_parallelism(0)
    yield
    settings.replace({})
    library().c.s3d_set_parallelism(threads)
    s3dlio.configuration._threads = None


@pytest.fixture
def other(minio: S3Server, versitygw: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The environment names MinIO; this is the other server, with the same credentials."""
    for name, value in minio.environment.items():
        monkeypatch.setenv(name, value)
    return versitygw


def test_configure_s3_at_any_time(minio: S3Server, other: S3Server) -> None:
    here, there = minio.new_bucket(), other.new_bucket()
    here.put("k", b"here")
    there.put("k", b"there")
    dataset = s3dlio.create_dataset(here.uri("k"))
    for _ in range(2):
        assert s3dlio.get(here.uri("k")) == b"here"
        with pytest.raises(NotFoundError):
            s3dlio.get(there.uri("k"))
        s3dlio.configure_s3(endpoint_url=other.endpoint)
        assert s3dlio.get(there.uri("k")) == b"there"
        assert s3dlio.get(here.uri("k"), endpoint_url=minio.endpoint) == b"here"
        with pytest.raises(NotFoundError):
            dataset[0]
        with pytest.raises(NotFoundError):
            s3dlio.get(here.uri("k"))
        s3dlio.configure_s3(region="us-east-1")  # what is None stays
        s3dlio.put(there.uri("more"), b"x")
        s3dlio.configure_s3(endpoint_url="")
    assert other.client.get_object(Bucket=there.name, Key="more")["Body"].read() == b"x"
    assert settings.chosen() == {"region": "us-east-1"}


def test_the_environment_still_counts_for_what_is_not_set(
    minio: S3Server, other: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = minio.new_bucket().put("k", b"x")
    s3dlio.configure_s3(endpoint_url=minio.endpoint)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", other.endpoint)
    assert s3dlio.get(uri) == b"x"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(PermissionError):
        s3dlio.get(uri)


def test_region_and_ca_bundle(other: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")  # nothing leaves the machine
    s3dlio.configure_s3(region="eu-north-7")
    with pytest.raises(S3DlioError) as failure:
        s3dlio.get("s3://b/k", retry_timeout=0)
    assert failure.value.endpoint == "https://s3.eu-north-7.amazonaws.com"
    bundle = tmp_path / "ca.pem"
    bundle.write_text("no certificate")
    s3dlio.configure_s3(ca_bundle=str(bundle))
    with pytest.raises(InvalidError, match="holds no certificate"):
        s3dlio.get("s3://b/k", retry_timeout=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"endpoint_url": "minio:9000"}, "endpoint_url is not a base URL"),
        ({"endpoint_url": "ftp://minio"}, "endpoint_url is not a base URL"),
        ({"endpoint_url": "http://"}, "endpoint_url is not a base URL"),
        ({"endpoint_url": "http://[::1"}, "endpoint_url is not a base URL"),
        ({"endpoint_url": "http://h/?q"}, "endpoint_url is not a base URL"),
        ({"endpoint_url": "http://me:secret@h"}, "user name or a password"),
        ({"endpoint_url": 3}, "endpoint_url must be a str"),
        ({"region": b"x"}, "region must be a str"),
        ({"ca_bundle": "/no/such/file"}, "'/no/such/file' is no file"),
        ({"region": "eu-west-1", "ca_bundle": "/"}, "'/' is no file"),
    ],
)
def test_configure_s3_refuses(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidError, match=message) as failure:
        s3dlio.configure_s3(**arguments)
    assert "secret" not in str(failure.value)
    assert settings.chosen() == {}


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = library().c.s3d_set_parallelism
    s3dlio.configure_tokio_threads(7)
    assert threads(0) == 7
    s3dlio.configure_tokio_threads()
    available = len(os.sched_getaffinity(0))
    assert threads(0) == max(2, available)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(24)))
    for name, value, expected in [
        ("MPI_LOCALNRANKS", "3", 8),
        ("OMPI_COMM_WORLD_LOCAL_SIZE", "2", 12),
        ("LOCAL_WORLD_SIZE", "x", 12),
        ("LOCAL_WORLD_SIZE", "100", 2),
    ]:
        monkeypatch.setenv(name, value)
        s3dlio.configure_tokio_threads(0)
        assert threads(0) == expected
    for bad in (-1, 10_001, 1.5, "4", None, True):
        with pytest.raises(InvalidError, match="n must be a number of threads, 0 to 10000"):
            s3dlio.configure_tokio_threads(bad)  # type: ignore[arg-type]
    assert threads(0) == 2


def test_init_logging(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = logging.getLogger("s3dlio")
    monkeypatch.setattr(logger, "level", logger.level)
    monkeypatch.setenv("S3DLIO_LOG", "info")
    for level, expected in [("debug", logging.DEBUG), ("WARN", logging.WARNING), (" Error ", logging.ERROR)]:
        s3dlio.init_logging(level)
        assert logger.level == expected
    for bad in ("loud", "", None, 3):
        with pytest.raises(InvalidError, match="there is no level"):
            s3dlio.init_logging(bad)  # type: ignore[arg-type]


def test_forked_children_begin_with_the_same(minio: S3Server) -> None:
    uri = minio.new_bucket().put("k", b"hello")
    environment = minio.environment | {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    assert programs.run("settings", minio.endpoint, uri, env=environment) == "ok\n"

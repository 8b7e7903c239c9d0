"""`s3dlio doctor`, with every illness made real."""

from __future__ import annotations

import os
import resource
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import ROOT, run, run_json, start
from tests.support.faults import FaultProxy
from tests.support.processes import Server, binary, free_port
from tests.support.servers import ACCESS_KEY, SECRET_KEY, Bucket, S3Server
from tests.support.skew import skewed


def checks(*arguments: str, code: int) -> dict[str, dict[str, Any]]:
    """The findings by what was checked; none holds a secret."""
    found = run_json("doctor", *arguments, code=code)
    assert found["healthy"] == (code == 0)
    assert not any(secret in str(found) for secret in (SECRET_KEY, ACCESS_KEY, "wrong-secret", "hunter2"))
    assert all(each["fix"] for each in found["findings"] if each["level"] == "warn")
    return {each["check"]: each for each in found["findings"]}


def only_failure(found: dict[str, dict[str, Any]]) -> dict[str, Any]:
    (failed,) = [each for each in found.values() if each["level"] == "fail"]
    return failed


@pytest.fixture
def uri(minio_bucket: Bucket) -> str:
    """A prefix with an object."""
    minio_bucket.put("data/a.npy", b"x" * 100_000)
    return minio_bucket.uri("data/")


def test_all_is_well(uri: str, minio: S3Server) -> None:
    found = checks(uri, code=0)
    assert found["credentials"]["text"].startswith("access key test...-key from the variables AWS_ACCESS_KEY_ID")
    assert found["endpoint"]["text"] == f"{minio.endpoint} (from AWS_ENDPOINT_URL)"
    assert found["region"]["text"] == "us-east-1 (from AWS_REGION)"
    assert found["addressing"]["text"] == f"path style: {minio.endpoint}/{uri[5:-6]}/key"
    for check in ("connect", "http", "clock", "access", "open_files", "list", "first_byte", "throughput"):
        assert found[check]["level"] == "ok", found[check]
    assert abs(found["clock"]["facts"]["skew_seconds"]) < 5
    assert found["throughput"]["facts"]["bytes"] == 100_000
    text = run("doctor", uri).stdout
    assert text.endswith("all is well\n") and "  ok  clock" in text


def test_wrong_secret(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret-wrong-secret")
    failed = only_failure(checks(uri, code=1))
    assert failed["check"] == "access" and "secret key" in failed["text"] and "AWS_SECRET_ACCESS_KEY" in failed["fix"]
    assert f"-> {failed['fix']}" in run("doctor", uri, code=1).stdout


def test_no_credentials(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "AWS_SECRET_ACCESS_KEY is set" not in only_failure(checks(uri, code=1))["text"]
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "AWS_PROFILE" in only_failure(checks(uri, code=1))["fix"]
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    failed = only_failure(checks(uri, code=1))
    assert failed["check"] == "configuration" and "nobody" in failed["text"]


def test_missing_bucket(uri: str) -> None:
    failed = only_failure(checks("s3://no-such-bucket-here/", code=1))
    assert failed["check"] == "access" and "not found" in failed["text"]


def test_nothing_there(minio_bucket: Bucket, uri: str) -> None:
    assert checks(minio_bucket.uri("none"), code=1)["list"]["facts"]["error"] == "NotFoundError"
    assert checks(minio_bucket.server.new_bucket().uri(), code=0)["list"]["level"] == "warn"


def test_closed_port(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    failed = only_failure(checks(uri, code=1))
    assert failed["check"] == "connect" and "refused" in failed["text"] and "server runs" in failed["fix"]


def test_unknown_host(uri: str) -> None:
    failed = only_failure(checks(uri, "--endpoint-url", "http://no-such-host.invalid", code=1))
    assert failed["check"] == "dns" and "no-such-host.invalid" in failed["fix"]


@pytest.mark.parametrize(("seconds", "level"), [(120, "warn"), (-3600, "fail")])
def test_skewed_clock(seconds: int, level: str, uri: str, minio: S3Server) -> None:
    with skewed(minio.endpoint, seconds) as endpoint:
        clock = checks(uri, "--endpoint-url", endpoint, code=int(level == "fail"))["clock"]
    assert clock["level"] == level and ("behind" if seconds > 0 else "ahead of") in clock["text"]
    assert abs(clock["facts"]["skew_seconds"] + seconds) < 5


def test_slow_server(uri: str, minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy]) -> None:
    proxy = fault_proxy(minio)
    proxy.add("latency", latency=40, jitter=0)
    found = checks(uri, "--endpoint-url", proxy.endpoint, code=0)
    assert found["first_byte"]["facts"]["fastest_ms"] >= 40


def test_silent_server(uri: str, minio: S3Server, fault_proxy: Callable[[S3Server], FaultProxy]) -> None:
    proxy = fault_proxy(minio)
    proxy.add("timeout", timeout=0)
    failed = only_failure(checks(uri, "--endpoint-url", proxy.endpoint, "--request-timeout", "0.3", code=1))
    assert failed["check"] == "http"


def test_proxy(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://me:hunter2@127.0.0.1:{free_port()}")
    found = checks(uri, "--endpoint-url", "http://far.invalid", code=1)
    assert found["proxy"]["text"].startswith("http://127.0.0.1:") and only_failure(found)["check"] == "http"


@dataclass(frozen=True)
class Secure:
    """A MinIO server that speaks TLS and has another region."""

    server: S3Server
    authority: Path
    bucket: str


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder = tmp_path_factory.mktemp("secure-minio")
    certs = folder / "certs"
    certs.mkdir()
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=test-authority"
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "private.key", "-out", "public.crt"]
    subprocess.run([*command.split(), *names], check=True, capture_output=True, cwd=certs)

    def ready(port: int) -> bool:
        context = ssl.create_default_context(cafile=certs / "public.crt")
        try:
            plain = socket.create_connection(("127.0.0.1", port))
            with plain, context.wrap_socket(plain, server_hostname="localhost") as connection:
                connection.sendall(b"GET /minio/health/cluster HTTP/1.0\r\n\r\n")
                return b" 200 " in connection.recv(100)
        except OSError:
            return False

    server = Server(
        "secure minio",
        folder,
        lambda port: [
            binary("minio"),
            "server",
            "--address",
            f"127.0.0.1:{port}",
            "--certs-dir",
            certs,
            folder / "data",
        ],
        ready,
        {
            "MINIO_ROOT_USER": ACCESS_KEY,
            "MINIO_ROOT_PASSWORD": SECRET_KEY,
            "MINIO_SITE_REGION": "eu-west-1",
            "MINIO_CI_CD": "1",
            "MINIO_BROWSER": "off",
        },
    )
    yield Secure(S3Server("secure", f"https://localhost:{server.port}"), certs / "public.crt", "s3://some-bucket/")
    server.stop()


@pytest.fixture
def use_secure(secure: Secure, use_server: Callable[[S3Server], None]) -> Secure:
    use_server(secure.server)
    return secure


def test_unknown_authority(use_secure: Secure) -> None:
    failed = only_failure(checks(use_secure.bucket, code=1))
    assert failed["check"] == "tls" and "not trusted" in failed["text"] and "ca_bundle" in failed["fix"]


def test_wrong_region(use_secure: Secure) -> None:
    found = checks(use_secure.bucket, "--ca-bundle", str(use_secure.authority), code=1)
    assert found["tls"]["level"] == "ok" and "test-authority" in found["tls"]["text"]
    assert only_failure(found)["check"] == "access" and '"eu-west-1"' in only_failure(found)["fix"]
    found = checks(use_secure.bucket, "--ca-bundle", str(use_secure.authority), "--region", "eu-west-1", code=1)
    assert "not found" in only_failure(found)["text"]


def test_wrong_name(use_secure: Secure) -> None:
    endpoint = use_secure.server.endpoint.replace("localhost", "127.0.0.1")
    found = checks(use_secure.bucket, "--ca-bundle", str(use_secure.authority), "--endpoint-url", endpoint, code=1)
    assert "localhost" in only_failure(found)["text"]


def test_http_for_https(use_secure: Secure, minio: S3Server) -> None:
    plain = use_secure.server.endpoint.replace("https", "http")
    assert f"https://{plain[7:]}" in only_failure(checks(use_secure.bucket, "--endpoint-url", plain, code=1))["fix"]
    tls = minio.endpoint.replace("http", "https")
    assert f"http://{tls[8:]}" in only_failure(checks(use_secure.bucket, "--endpoint-url", tls, code=1))["fix"]
    missing = only_failure(checks(use_secure.bucket, "--ca-bundle", "/nope.pem", code=1))
    assert "/nope.pem" in missing["text"]


@pytest.mark.parametrize("scheme", ["file", "direct"])
def test_local(scheme: str, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x" * 1000)
    found = checks(f"{scheme}://{tmp_path}/", code=0)
    assert found["path"]["text"].endswith("is a directory (read and write)")
    assert found["free_space"]["facts"]["free_bytes"] > 0
    assert found["o_direct"]["facts"]["offset_alignment"] >= 1
    assert found["throughput"]["facts"]["bytes"] == 1000
    assert {"file_system", "page_cache", "open_files"} <= set(found)
    assert (
        str(tmp_path) in only_failure(checks(f"{scheme}://{tmp_path}/none/x", code=1) | {"list": {"level": ""}})["text"]
    )


def test_no_direct_io() -> None:
    """In /proc nothing can be opened with O_DIRECT."""
    assert checks("file:///proc/version", code=0)["o_direct"]["level"] == "note"
    failed = checks("direct:///proc/version", code=1)["o_direct"]
    assert failed["level"] == "fail" and "direct_fallback" in failed["fix"]
    assert checks("direct:///proc/version", "--direct-fallback", code=0)["o_direct"]["level"] == "note"


def test_few_open_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    process = start("doctor", tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=_limit_files)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "warn  open_files    only 200 files" in printed.decode() and "hard limit to 1024" in printed.decode()


def _limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))


def test_wrong_uri() -> None:
    run("doctor", "nope://x", code=2)
    run("doctor", "s3://", code=2)

"""Fixtures for all tests: real servers, buckets, faults, and what a server saw."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import audit_receiver, environment, processes
from tests.support.audit import AuditLog
from tests.support.emulators import (
    ACCOUNT,
    AzureContainer,
    AzureServer,
    GoogleBucket,
    GoogleServer,
    start_azurite,
    start_fake_gcs,
)
from tests.support.faults import FaultProxy
from tests.support.hdfs import Hdfs, HdfsDirectory, start_hdfs
from tests.support.mem import MemBucket
from tests.support.processes import Server
from tests.support.samples import Folder
from tests.support.servers import (
    Bucket,
    S3Server,
    Service,
    answers,
    local,
    start_minio,
    start_toxiproxy,
    start_versitygw,
)

NOT_TESTED = "NOT TESTED"


def pytest_configure() -> None:
    """Before any test module is imported: no configuration of the machine reaches the tests.

    Nor an ignored SIGINT, which background jobs of shells inherit and would pass on to the programs under test.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    environment.isolate(Path(tempfile.gettempdir()) / "s3dlio-tests-no-such-folder")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failing test shows what the servers wrote while it ran."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()  # type: ignore[attr-defined]
    for server in processes.running:
        text = server.new_output()
        if report.failed and text:
            report.sections.append((f"{server.name} wrote during {item.name}", text))


def _require(program: str, install: str) -> None:
    """Skips the test where the machine lacks what a server runs on; in CI (S3DLIO_REQUIRE_SERVERS) it fails."""
    if shutil.which(program):
        return
    reason = f"{NOT_TESTED}: there is no {program}. Install {install}, then run `make servers`"
    if environment.ORIGINAL.get("S3DLIO_REQUIRE_SERVERS"):
        pytest.fail(reason)
    pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says aloud that a whole kind of store was not tested."""
    reasons = {str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", [])}
    for reason in sorted(reasons):
        if NOT_TESTED in reason:
            terminalreporter.write_line(reason.removeprefix("Skipped: "), red=True, bold=True)


def _stopped(server: Server) -> Iterator[Server]:
    yield server
    server.stop()


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A MinIO server."""
    for server in _stopped(start_minio(tmp_path_factory.mktemp("minio"))):
        yield S3Server("minio", local(server))


@pytest.fixture(scope="session")
def versitygw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A versitygw server."""
    for server in _stopped(start_versitygw(tmp_path_factory.mktemp("versitygw"))):
        yield S3Server("versitygw", local(server))


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureServer]:
    """An Azurite server."""
    _require("node", "Node.js 20 and npm (Debian: nodejs and npm)")
    for server in _stopped(start_azurite(tmp_path_factory.mktemp("azurite"))):
        yield AzureServer(f"{local(server)}/{ACCOUNT}")


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleServer]:
    """A fake-gcs-server."""
    for server in _stopped(start_fake_gcs(tmp_path_factory.mktemp("fake-gcs"))):
        yield GoogleServer(local(server))


@pytest.fixture(scope="session")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hdfs]:
    """An HDFS; the tests are its superuser."""
    _require("java", "Java 17 and Maven (Debian: openjdk-17-jre-headless and maven)")
    server, found = start_hdfs(tmp_path_factory.mktemp("hdfs"))
    yield found
    server.stop()


@pytest.fixture
def hdfs_directory(hdfs: Hdfs) -> HdfsDirectory:
    """An empty directory of HDFS."""
    return hdfs.new_bucket()


@pytest.fixture(scope="session", params=["minio", "versitygw"])
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """Each S3 server there is: a test that uses it runs once for each."""
    server: S3Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def use_server(monkeypatch: pytest.MonkeyPatch) -> Callable[[Service], None]:
    """use_server(server) sets the environment variables with which the library finds it."""

    def use(server: Service) -> None:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)

    return use


@pytest.fixture
def place_of(
    request: pytest.FixtureRequest, use_server: Callable[[Service], None], tmp_path: Path
) -> Callable[[str], Any]:
    """place_of(kind) makes an empty place: "file", "direct", "mem", or in the server of that fixture, made known."""

    def make(kind: str) -> Any:
        if kind == "mem":
            return MemBucket()
        if kind in ("file", "direct"):
            return Folder(tmp_path, kind)
        server = request.getfixturevalue(kind)
        use_server(server)
        return server.new_bucket()

    return make


@pytest.fixture
def bucket(s3_server: S3Server, use_server: Callable[[Service], None]) -> Bucket:
    """An empty bucket on each server; the environment names the server."""
    use_server(s3_server)
    return s3_server.new_bucket()


@pytest.fixture
def minio_bucket(minio: S3Server, use_server: Callable[[Service], None]) -> Bucket:
    """An empty bucket on MinIO alone, where a second server would show nothing new; the environment names it."""
    use_server(minio)
    return minio.new_bucket()


@pytest.fixture
def azure_container(azurite: AzureServer, use_server: Callable[[Service], None]) -> AzureContainer:
    """An empty container on Azurite; the environment names it."""
    use_server(azurite)
    return azurite.new_bucket()


@pytest.fixture
def google_bucket(fake_gcs: GoogleServer, use_server: Callable[[Service], None]) -> GoogleBucket:
    """An empty bucket on fake-gcs-server; the environment names it."""
    use_server(fake_gcs)
    return fake_gcs.new_bucket()


@pytest.fixture(scope="session")
def _toxiproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from _stopped(start_toxiproxy(tmp_path_factory.mktemp("toxiproxy")))


@pytest.fixture
def fault_proxy(_toxiproxy: Server) -> Iterator[Callable[[S3Server], FaultProxy]]:
    """fault_proxy(server) puts a proxy in front of a server; add faults to it, and use its `endpoint`."""
    proxies: list[FaultProxy] = []

    def make(server: S3Server) -> FaultProxy:
        proxies.append(FaultProxy(_toxiproxy.port, server.endpoint))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()


@pytest.fixture(scope="session")
def _audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[S3Server, AuditLog]]:
    folder = tmp_path_factory.mktemp("audited-minio")
    events = folder / "events.jsonl"
    script = Path(str(audit_receiver.__file__))
    receiver = Server(
        "audit receiver",
        folder,
        command=lambda port: [sys.executable, script, str(port), events],
        ready=lambda port: answers(port, "/"),
    )
    settings = {"MINIO_AUDIT_WEBHOOK_ENABLE_TEST": "on", "MINIO_AUDIT_WEBHOOK_ENDPOINT_TEST": local(receiver)}
    server = start_minio(folder, settings)
    s3 = S3Server("audited minio", local(server))
    yield s3, AuditLog(s3, events)
    server.stop()
    receiver.stop()


@pytest.fixture
def audited_bucket(_audited: tuple[S3Server, AuditLog], use_server: Callable[[Service], None]) -> Bucket:
    """An empty bucket on a MinIO server of its own that logs every request; the environment names it."""
    use_server(_audited[0])
    return _audited[0].new_bucket()


@pytest.fixture
def audit_log(_audited: tuple[S3Server, AuditLog]) -> AuditLog:
    """What that server saw: audit_log.requests(audited_bucket, "GetObject", "HeadObject")."""
    return _audited[1]

"""The options of a client that Azure Blob Storage and Google Cloud Storage heed, each seen by its effect."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import s3dlio
from tests.support.emulators import AzureContainer, AzureServer, GoogleBucket
from tests.support.faults import FaultProxy
from tests.support.samples import fill, number_of

Place = AzureContainer | GoogleBucket


@pytest.fixture(params=["azurite", "fake_gcs"])
def cloud(request: pytest.FixtureRequest, place_of: Callable[[str], Place]) -> Place:
    """An empty place in each service."""
    return place_of(request.param)


@pytest.fixture
def way(
    cloud: Place, fault_proxy: Callable[[Any], FaultProxy], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], FaultProxy]:
    """way() opens another way to the service; requests need no credentials of Google on it."""

    def make() -> FaultProxy:
        proxy = fault_proxy(cloud.server)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.endpoint)
        return proxy

    return make


@contextmanager
def listener() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a server that hangs up, and the requests that came."""
    seen: list[bytes] = []

    def serve(server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:  # closed: the end
                return
            with client:
                seen.append(client.recv(65536))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", seen
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("strategy", ["round_robin", "least_busy"])
def test_several_endpoints_stand_in_for_each_other(cloud: Place, strategy: Any, way: Callable[[], FaultProxy]) -> None:
    """One that is down is passed over; Google's emulator needs no credentials at the one in the variable alone."""
    fill(cloud, 10)
    proxies = [way(), way()]
    options: Any = {"endpoints": [proxy.endpoint for proxy in proxies], "strategy": strategy}
    if isinstance(cloud, GoogleBucket):
        options["anonymous"] = True
    proxies[0].disable()
    assert [number_of(view) for view in s3dlio.create_dataset(cloud.uri("train/"), **options)] == list(range(10))
    s3dlio.put(cloud.uri("new"), b"x", **options)
    proxies[0].enable()
    proxies[1].disable()
    assert bytes(s3dlio.get(cloud.uri("new"), **options)) == b"x"


def test_a_multi_endpoint_store(cloud: Place, way: Callable[[], FaultProxy]) -> None:
    """Two containers of one service as copies of each other."""
    other = cloud.server.new_bucket()
    store = s3dlio.create_multi_endpoint_store([cloud.uri(), other.uri()])

    async def use() -> list[bytes]:
        await store.put_all_endpoints("key", b"data")
        return [bytes(await store.get("key")) for _ in range(4)]

    assert asyncio.run(use()) == [b"data"] * 4
    assert [row["total_requests"] for row in store.get_endpoint_stats()] == [3, 3]
    assert cloud.get("key") == other.get("key") == b"data"
    with_address = f"{cloud.uri().replace('://', '://' + way().endpoint.removeprefix('http://') + '/')}"
    named = s3dlio.create_multi_endpoint_store([with_address])
    assert bytes(asyncio.run(named.get("key"))) == b"data"


def test_silence(cloud: Place, way: Callable[[], FaultProxy]) -> None:
    proxy = way()
    proxy.add("timeout", timeout=0)
    options: Any = {"endpoint_url": proxy.endpoint, "request_timeout": 0.3, "max_attempts": 2}
    with pytest.raises(s3dlio.TimedOutError) as caught:
        s3dlio.get(cloud.uri("key"), **options)
    assert caught.value.attempts == 2


@pytest.mark.parametrize("attempts", [1, 3])
def test_max_attempts(cloud: Place, attempts: int, way: Callable[[], FaultProxy]) -> None:
    proxy = way()
    proxy.add("reset_peer", timeout=0)
    with pytest.raises(s3dlio.ConnectionFailedError) as caught:
        s3dlio.get(cloud.uri("key"), endpoint_url=proxy.endpoint, max_attempts=attempts)
    assert caught.value.attempts == attempts


def test_retry_timeout(cloud: Place, way: Callable[[], FaultProxy]) -> None:
    uri, proxy = cloud.put("key", b"x"), way()
    options: Any = {"endpoint_url": proxy.endpoint, "retry_timeout": 0.5}
    assert s3dlio.get(uri, **options) == b"x"
    proxy.disable()
    with pytest.raises(s3dlio.ConnectionFailedError):
        s3dlio.get(uri, **options)


def test_user_agent(cloud: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    with listener() as (endpoint, seen):
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", endpoint)
        calls: list[Callable[..., Any]] = [s3dlio.get, s3dlio.stat, s3dlio.list, s3dlio.delete]
        for call in calls:
            with pytest.raises(s3dlio.S3DlioError):
                call(cloud.uri("key"), endpoint_url=endpoint, user_agent="trainer/2.1", max_attempts=1)
    agents = [line for request in seen for line in request.split(b"\r\n") if line.lower().startswith(b"user-agent:")]
    assert len(agents) == len(seen) >= len(calls)
    assert all(line.split(b": ")[1].startswith(b"trainer/2.1 s3dlio") for line in agents)


def test_ca_bundle(cloud: Place, tmp_path: Path) -> None:
    file = tmp_path / "authorities.pem"
    file.write_text("no certificate")
    with pytest.raises(s3dlio.InvalidError, match=str(file)):
        s3dlio.get(cloud.uri("key"), ca_bundle=str(file), endpoint_url="https://127.0.0.1:1", anonymous=True)


@pytest.mark.parametrize(("threshold", "blocks"), [(1 << 20, 2), (64 << 20, 0)])
def test_multipart_threshold(azure_container: AzureContainer, threshold: int, blocks: int) -> None:
    """What is above it goes in parts, which Azure remembers of an object."""
    data = bytes(range(256)) * 4096 * 12
    s3dlio.put(azure_container.uri("key"), data, multipart_threshold=threshold)
    assert azure_container.get("key") == data
    assert len(azure_container.blocks("key")) == blocks


def test_anonymous(azurite: AzureServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is public needs no credentials, and gets none."""
    public, private = azurite.new_bucket(), azurite.new_bucket()
    azurite.client.get_container_client(public.name).set_container_access_policy({}, public_access="container")
    monkeypatch.setenv("AZURE_STORAGE_BLOB_ENDPOINT", azurite.endpoint)
    assert s3dlio.get(public.put("key", b"x"), anonymous=True) == b"x"
    assert s3dlio.list(public.uri(), anonymous=True) == [public.uri("key")]
    with pytest.raises(s3dlio.PermissionDeniedError):
        s3dlio.get(private.put("key", b"x"), anonymous=True)
    with pytest.raises(s3dlio.CredentialsError, match="AZURE_STORAGE_ACCOUNT_KEY"):
        s3dlio.get(public.uri("key"))

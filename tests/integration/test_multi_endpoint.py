"""Several endpoints as one store: in turn, around what is down, and one by one."""

from __future__ import annotations

import asyncio
import functools
import pickle
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, ParamSpec

import pytest

import s3dlio
from s3dlio._endpoints import expand
from tests.support.faults import FaultProxy
from tests.support.processes import free_port
from tests.support.servers import Bucket, S3Server

Make = Callable[[S3Server], FaultProxy]
P = ParamSpec("P")


def in_asyncio(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Makes a test of a coroutine function."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


@pytest.fixture
def copies(tmp_path: Path) -> list[str]:
    """Three directories with one content."""
    for name in ("a", "b", "c"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "x").write_bytes(b"0123456789")
        (tmp_path / name / "sub/y").write_bytes(b"y")
    return [f"file://{tmp_path}/{name}/" for name in ("a", "b", "c")]


def requests(store: s3dlio.MultiEndpointStore) -> list[int]:
    return [row["total_requests"] for row in store.get_endpoint_stats()]


@in_asyncio
async def test_endpoints_take_turns(copies: list[str]) -> None:
    store = s3dlio.create_multi_endpoint_store(copies)
    for given in ("x", copies[0] + "x", copies[2] + "x", copies[1] + "x"):
        assert await store.get(given) == b"0123456789"
    assert await store.get_range("x", 3, 4) == b"3456"
    assert await store.get_range("x", 8) == b"89"
    assert requests(store) == [2, 2, 2]
    assert store.get_total_stats() == {
        "total_requests": 6,
        "bytes_read": 46,
        "bytes_written": 0,
        "error_count": 0,
        "active_requests": 0,
    }
    assert (store.endpoint_count(), store.strategy()) == (3, "round_robin")


@in_asyncio
async def test_the_least_busy_endpoint_is_asked(copies: list[str]) -> None:
    store = s3dlio.create_multi_endpoint_store(copies, "least_connections")
    store._members[0].tally.active_requests = 5
    store._members[2].tally.active_requests = 5
    for _ in range(4):
        await store.get("x")
    assert requests(store) == [0, 4, 0]


@in_asyncio
async def test_listings_keep_the_beginning_that_was_given(copies: list[str]) -> None:
    store = s3dlio.create_multi_endpoint_store(copies)
    for _ in range(3):
        assert sorted(await store.list(copies[1], recursive=True)) == [copies[1] + "sub/y", copies[1] + "x"]
        assert await store.list("sub/") == ["sub/y"]
        assert await store.list(copies[2].rstrip("/")) == [copies[2] + "sub/", copies[2] + "x"]
    await store.delete_from_endpoint(1, "x")
    assert await store.list_all_endpoints("", recursive=True) == {
        copies[0]: [copies[0] + "sub/y", copies[0] + "x"],
        copies[1]: [copies[1] + "sub/y"],
        copies[2]: [copies[2] + "sub/y", copies[2] + "x"],
    }


@in_asyncio
async def test_writing_to_one_or_to_all(copies: list[str], tmp_path: Path) -> None:
    store = s3dlio.create_multi_endpoint_store(copies)
    await store.put("one", b"1")
    assert sum((tmp_path / name / "one").exists() for name in "abc") == 1
    assert [await store.get("one") for _ in range(3)] == [b"1"] * 3  # where one has no copy, another is asked
    await store.put_all_endpoints(copies[0] + "all", b"22")
    assert [(tmp_path / name / "all").read_bytes() for name in "abc"] == [b"22"] * 3
    await store.put_to_endpoint(copies[1], "all", b"333")
    assert await store.get_from_endpoint(1, "all") == b"333"
    assert await store.get_from_endpoint(copies[0], "all") == b"22"
    await store.delete("all")
    assert sum((tmp_path / name / "all").exists() for name in "abc") == 2
    assert store.get_total_stats()["bytes_written"] == 1 + 3 * 2 + 3


@in_asyncio
async def test_what_no_endpoint_has(copies: list[str]) -> None:
    store = s3dlio.create_multi_endpoint_store(copies)
    with pytest.raises(s3dlio.NotFoundError, match="none"):
        await store.get("none")
    assert requests(store) == [1, 1, 1]
    (Path(copies[0][7:]) / "x").unlink()
    with pytest.raises(s3dlio.NotFoundError):
        await store.get_from_endpoint(0, "x")
    with pytest.raises(s3dlio.NotFoundError):
        await store.delete_from_endpoint(0, "x")


@in_asyncio
async def test_all_are_written_before_a_failure_is_raised(copies: list[str], tmp_path: Path) -> None:
    (tmp_path / "a" / "t").mkdir()
    store = s3dlio.create_multi_endpoint_store(copies)
    with pytest.raises(s3dlio.IsDirectoryError):
        await store.put_all_endpoints("t", b"new")
    assert [(tmp_path / name / "t").read_bytes() for name in "bc"] == [b"new"] * 2


@pytest.mark.parametrize("shape", ["services", "buckets at services"])
@in_asyncio
async def test_around_a_service_that_is_down(
    shape: str, minio: S3Server, minio_bucket: Bucket, fault_proxy: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")  # the endpoints given are used, not this
    first, second = fault_proxy(minio), fault_proxy(minio)
    if shape == "services":
        uris = [first.endpoint, second.endpoint]
        name = minio_bucket.uri("k")
    else:
        uris = [f"s3{proxy.endpoint.removeprefix('http')}/{minio_bucket.name}/" for proxy in (first, second)]
        name = uris[1] + "k"
    store = s3dlio.create_multi_endpoint_store(uris)
    await store.put(name, b"data")
    first.disable()
    assert [await store.get(name) for _ in range(8)] == [b"data"] * 8
    one, other = store.get_endpoint_stats()
    assert one["error_count"] >= 1
    assert other["error_count"] == 0
    assert one["total_requests"] < other["total_requests"], "it is passed over"
    await store.put(name, b"while one is down")
    first.enable()
    second.disable()
    assert await store.get(name) == b"while one is down"


@in_asyncio
async def test_one_endpoint_has_all_its_retries(minio: S3Server, minio_bucket: Bucket, fault_proxy: Make) -> None:
    """With all of them down, an operation waits for one to come back, as it does without a store."""
    proxies = [fault_proxy(minio), fault_proxy(minio)]
    store = s3dlio.create_multi_endpoint_store([proxy.endpoint for proxy in proxies])
    uri = minio_bucket.put("k", b"data")
    assert [await store.get(uri) for _ in range(2)] == [b"data"] * 2
    for proxy in proxies:
        proxy.disable()
    waiting = asyncio.ensure_future(store.get(uri))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    for proxy in proxies:
        proxy.enable()
    assert await waiting == b"data"


@in_asyncio
async def test_a_store_pickles(copies: list[str]) -> None:
    store = pickle.loads(pickle.dumps(s3dlio.create_multi_endpoint_store(copies, "least_connections")))
    assert await store.get("x") == b"0123456789"
    assert (store.endpoint_count(), store.strategy()) == (3, "least_connections")


@in_asyncio
async def test_from_a_template_a_file_and_the_environment(
    copies: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        (tmp_path / f"n0{number}").mkdir()
    store = s3dlio.create_multi_endpoint_store_from_template(f"file://{tmp_path}/n{{01...02}}", "least_connections")
    assert [row["uri"] for row in store.get_endpoint_stats()] == [f"file://{tmp_path}/n01", f"file://{tmp_path}/n02"]
    assert store.strategy() == "least_connections"
    listed = tmp_path / "endpoints.txt"
    listed.write_text(f"# copies\n\n  {copies[0]}\n{copies[1]}  \n")
    store = s3dlio.create_multi_endpoint_store_from_file(listed)
    assert [row["uri"] for row in store.get_endpoint_stats()] == copies[:2]
    monkeypatch.setenv("S3_ENDPOINT_URIS", f"{copies[0]}, file://{tmp_path}/n{{01...02}}")
    monkeypatch.setenv("S3_LOAD_BALANCE_STRATEGY", "least_connections")
    store = s3dlio.create_multi_endpoint_store_from_env()
    assert (store.endpoint_count(), store.strategy()) == (3, "least_connections")


def test_templates() -> None:
    assert expand("http://10.0.0.{9...11}:9000") == [f"http://10.0.0.{n}:9000" for n in (9, 10, 11)]
    assert expand("s3://r{1...2}-n{08...10}/") == [f"s3://r{r}-n{n}/" for r in "12" for n in ("08", "09", "10")]


@pytest.mark.parametrize(
    ("uris", "strategy", "text"),
    [
        ([], None, "at least one endpoint"),
        ("file:///a/", None, "must be a list of URIs, not one str"),
        (["file:///a/"], "random", "strategy must be 'round_robin' or 'least_connections', not 'random'"),
        (["file:///a/", "s3://b/"], None, "one scheme, but there are file:///a/ and s3://b/"),
        (["file:///a", "file:///a/"], None, "endpoint file:///a is given twice"),
        (["/mnt/a"], None, "For a local path write file:///mnt/a"),
        ([7], None, "a URI must be a str"),
        (["s3://host:9000/"], None, "names no bucket: write s3://host:port/bucket/"),
    ],
)
def test_bad_endpoints(uris: list[str], strategy: str, text: str) -> None:
    with pytest.raises(s3dlio.InvalidError, match=text.replace("(", r"\(")):
        s3dlio.create_multi_endpoint_store(uris, strategy)  # type: ignore[arg-type]


def test_unknown_scheme() -> None:
    with pytest.raises(s3dlio.UnsupportedError, match="unsupported scheme 'ftp'"):
        s3dlio.create_multi_endpoint_store(["ftp://a/"])


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("s3://bucket/", "has no range such as"),
        ("s3://b{3...1}/", "runs backwards"),
        ("s3://b{1...99999999999}/", "longer than 10000"),
        ("s3://b{1...9999}-{1...9999}/", "stands for 99980001 endpoints"),
        (3, "template must be a str"),
    ],
)
def test_bad_templates(template: str, text: str) -> None:
    with pytest.raises(s3dlio.InvalidError, match=text):
        s3dlio.create_multi_endpoint_store_from_template(template)


@pytest.mark.parametrize("uri", ["http://me:hidden@h:9000", "https://hidden@h", "s3://me:hidden@h:9000/b/"])
def test_an_endpoint_with_a_password_is_refused_and_not_shown(uri: str) -> None:
    with pytest.raises(s3dlio.InvalidError, match="a user name or a password") as caught:
        s3dlio.create_multi_endpoint_store([uri])
    assert "hidden" not in str(caught.value)
    assert caught.value.uri is None


def test_bad_files_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="none"):
        s3dlio.create_multi_endpoint_store_from_file(tmp_path / "none")
    (tmp_path / "empty").write_text("# nothing\n")
    with pytest.raises(s3dlio.InvalidError, match="names no endpoint"):
        s3dlio.create_multi_endpoint_store_from_file(tmp_path / "empty")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(s3dlio.InvalidError, match="is no text file"):
        s3dlio.create_multi_endpoint_store_from_file(tmp_path / "binary")
    monkeypatch.delenv("S3_ENDPOINT_URIS", raising=False)
    with pytest.raises(s3dlio.InvalidError, match="S3_ENDPOINT_URIS is not set"):
        s3dlio.create_multi_endpoint_store_from_env()


@in_asyncio
async def test_bad_arguments(copies: list[str]) -> None:
    store = s3dlio.create_multi_endpoint_store(copies)
    with pytest.raises(s3dlio.InvalidError, match="begins like none of the endpoints"):
        await store.get("file:///elsewhere/x")
    with pytest.raises(s3dlio.InvalidError, match="a URI must be a str"):
        await store.get(3)  # type: ignore[arg-type]
    with pytest.raises(s3dlio.InvalidError, match="there is no endpoint 3: there are 3"):
        await store.get_from_endpoint(3, "x")
    with pytest.raises(s3dlio.InvalidError, match="s3://other/ is none of the endpoints"):
        await store.get_from_endpoint("s3://other/", "x")
    with pytest.raises(s3dlio.InvalidError, match="endpoint must be an int or a str, not float"):
        await store.get_from_endpoint(1.5, "x")  # type: ignore[arg-type]
    assert requests(store) == [0, 0, 0]

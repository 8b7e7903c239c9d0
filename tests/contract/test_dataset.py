"""`create_dataset` and `PyDataset`: what a URI stands for, random access, passes, pickles."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest

import s3dlio
from tests.support.samples import Folder, Store, fill, number_of, sample
from tests.support.servers import Bucket


def keys_of(store: Store, dataset: s3dlio.PyDataset) -> list[str]:
    return [uri.removeprefix(store.uri()) for uri in dataset.uris()]


@pytest.fixture
def tree(store: Store) -> Store:
    for key in ("img/a.png", "img/b.txt", "img/deep/c.png", "img/deep/er/d.txt", "img2/e.png", "one.bin"):
        store.put(key, key.encode())
    return store


@pytest.mark.parametrize(
    ("tail", "keys"),
    [
        ("img/", ["img/a.png", "img/b.txt", "img/deep/c.png", "img/deep/er/d.txt"]),
        ("img", ["img/a.png", "img/b.txt", "img/deep/c.png", "img/deep/er/d.txt"]),
        ("one.bin", ["one.bin"]),
        ("img/deep/c.png", ["img/deep/c.png"]),
    ],
)
def test_a_uri_stands_for_an_object_or_what_lies_below_it(tree: Store, tail: str, keys: list[str]) -> None:
    dataset = s3dlio.create_dataset(tree.uri(tail))
    assert sorted(keys_of(tree, dataset)) == keys
    assert sorted(bytes(view).decode() for view in dataset) == keys


def test_a_bucket_stands_for_all_of_it(minio_bucket: Bucket) -> None:
    fill(minio_bucket, 3)
    assert len(s3dlio.create_dataset(f"s3://{minio_bucket.name}")) == 3
    assert len(s3dlio.create_dataset(f"s3://{minio_bucket.name}/")) == 3


def test_on_object_stores_a_uri_may_be_the_beginning_of_keys(minio_bucket: Bucket) -> None:
    for key in ("img_001", "img_002", "other"):
        minio_bucket.put(key, b"x")
    assert s3dlio.create_dataset(minio_bucket.uri("img_")).keys() == ["img_001", "img_002"]


def test_an_object_wins_over_other_keys_that_begin_with_its_name(minio_bucket: Bucket) -> None:
    for key in ("data", "data.bak", "data2/x"):
        minio_bucket.put(key, b"x")
    assert s3dlio.create_dataset(minio_bucket.uri("data")).keys() == ["data"]
    assert s3dlio.create_dataset(minio_bucket.uri("data2")).keys() == ["data2/x"]
    assert s3dlio.create_dataset(minio_bucket.uri("dat")).keys() == ["data", "data.bak", "data2/x"]


def test_directory_markers_are_no_samples(minio_bucket: Bucket) -> None:
    for key in ("d/", "d/sub/", "d/empty", "d/x"):
        minio_bucket.put(key, b"" if key != "d/x" else b"x")
    dataset = s3dlio.create_dataset(minio_bucket.uri("d/"))
    assert dataset.keys() == ["d/empty", "d/x"]
    assert [bytes(view) for view in dataset] == [b"", b"x"]


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({"pattern": "*.png"}, ["img/a.png", "img/deep/c.png"]),
        ({"pattern": "deep/*.png"}, ["img/deep/c.png"]),
        ({"pattern": "**/*.txt"}, ["img/b.txt", "img/deep/er/d.txt"]),
        ({"pattern": re.compile(r"^deep/.*\.(png|txt)$")}, ["img/deep/c.png", "img/deep/er/d.txt"]),
        ({"pattern": re.compile("img")}, None),
        ({"recursive": False}, ["img/a.png", "img/b.txt"]),
        ({"recursive": False, "pattern": "*.txt"}, ["img/b.txt"]),
        ({"pattern": "*.jpg"}, None),
    ],
)
def test_pattern_and_recursive_choose_the_samples(tree: Store, options: dict[str, Any], keys: list[str] | None) -> None:
    for uri in (tree.uri("img/"), tree.uri("img")):
        if keys is None:
            with pytest.raises(s3dlio.NotFoundError, match=r"not found.*pattern"):
                s3dlio.create_dataset(uri, options)
        else:
            assert sorted(keys_of(tree, s3dlio.create_dataset(uri, options))) == keys


def test_pattern_holds_for_a_single_object_too(tree: Store) -> None:
    tree.put("one.bin.bak", b"other")
    assert keys_of(tree, s3dlio.create_dataset(tree.uri("one.bin"), pattern="*.bin")) == ["one.bin"]
    with pytest.raises(s3dlio.NotFoundError, match="not found"):
        s3dlio.create_dataset(tree.uri("one.bin"), pattern="*.txt")


def test_what_is_missing_is_not_found(store: Store) -> None:
    store.put("there.bin", b"x")
    for tail in ("nothing", "nothing/", "there.bin/more", "ther/"):
        with pytest.raises(FileNotFoundError, match="not found") as caught:
            s3dlio.create_dataset(store.uri(tail))
        assert store.uri(tail.rstrip("/")) in str(caught.value)


def test_a_missing_bucket_is_not_found(minio_bucket: Bucket) -> None:
    for tail in ("", "/", "/key", "/prefix/"):
        with pytest.raises(s3dlio.NotFoundError, match="not found"):
            s3dlio.create_dataset(f"s3://{minio_bucket.name}-missing{tail}")


def test_an_empty_prefix_or_folder_is_not_found(store: Store, folder: Folder) -> None:
    (folder.path / "empty").mkdir()
    with pytest.raises(s3dlio.NotFoundError, match="not found"):
        s3dlio.create_dataset(store.uri("empty/"))


@pytest.mark.parametrize("uri", ["ftp://host/path", "http://host/x", "S4://bucket/"])
def test_an_unknown_scheme_is_unsupported_and_the_known_ones_are_named(uri: str) -> None:
    for make in (s3dlio.create_dataset, s3dlio.create_async_loader):
        with pytest.raises(s3dlio.UnsupportedError, match="unsupported") as caught:
            make(uri)
        assert uri in str(caught.value)
        assert "s3://" in str(caught.value)
        assert "file://" in str(caught.value)


@pytest.mark.parametrize("uri", ["", "/a/path", "bucket/key", "://x", None, 7, b"s3://b/k"])
def test_a_malformed_uri_is_invalid(uri: Any) -> None:
    for make in (s3dlio.create_dataset, s3dlio.create_async_loader):
        with pytest.raises(s3dlio.InvalidError):
            make(uri)


def test_random_access(store: Store) -> None:
    fill(store, 6)
    dataset = s3dlio.create_dataset(store.uri("train/"))
    assert len(dataset) == 6
    assert [number_of(dataset[i]) for i in range(6)] == list(range(6))
    assert number_of(dataset[-1]) == 5
    assert number_of(dataset[np.int64(2)]) == 2
    assert dataset.get_item(3) == sample(3)
    assert [number_of(view) for view in dataset.__getitems__([4, 0, -1, 4])] == [4, 0, 5, 4]
    assert dataset.__getitems__([]) == []
    for wrong in (6, -7):
        with pytest.raises(IndexError, match=r"dataset of 6"):
            dataset[wrong]
    with pytest.raises(TypeError):
        dataset["0"]  # type: ignore[call-overload]


def test_slices_are_datasets(folder: Folder) -> None:
    fill(folder, 10)
    dataset = s3dlio.create_dataset(folder.uri("train/"), batch_size=2)
    part = dataset[2:9:3]
    assert [number_of(part[i]) for i in range(3)] == [2, 5, 8]
    assert [[number_of(v) for v in batch] for batch in part] == [[2, 5], [8]]
    assert len(dataset[20:]) == 0
    assert list(dataset[20:]) == []


def test_addresses(store: Store) -> None:
    uris = fill(store, 3)
    dataset = s3dlio.create_dataset(store.uri("train/"))
    assert dataset.uris() == uris
    assert [item.uri for item in dataset.items()] == uris
    assert [item.key for item in dataset.items()] == dataset.keys()
    assert {item.bucket for item in dataset.items()} == {getattr(store, "name", "")}


def test_strange_names(store: Store) -> None:
    names = ["with space", "ünï/cödé", "per%20cent", "plus+", "ha#sh", "que?stion", ".hidden", "quote'\""]
    for name in names:
        store.put(f"odd/{name}", name.encode())
    dataset = s3dlio.create_dataset(store.uri("odd/"))
    assert sorted(keys_of(store, dataset)) == sorted(f"odd/{name}" for name in names)
    for item in dataset.items():
        assert item.read().decode() == item.uri.removeprefix(store.uri("odd/"))


def test_from_uris_keeps_the_order_given(store: Store) -> None:
    uris = fill(store, 4)
    dataset = s3dlio.PyDataset.from_uris([uris[2], uris[0], uris[2]])
    assert dataset.uris() == [uris[2], uris[0], uris[2]]
    assert [number_of(view) for view in dataset] == [2, 0, 2]
    assert s3dlio.PyDataset.from_uris([]).uris() == []
    assert list(s3dlio.PyDataset.from_uris([])) == []


def test_from_uris_refuses_what_it_cannot_do() -> None:
    with pytest.raises(s3dlio.InvalidError, match="pattern"):
        s3dlio.PyDataset.from_uris(["s3://b/k"], pattern="*.txt")
    with pytest.raises(s3dlio.InvalidError, match="str"):
        s3dlio.PyDataset.from_uris([b"s3://b/k"])  # type: ignore[list-item]


def test_an_error_comes_at_its_place_and_the_pass_can_go_on(store: Store) -> None:
    uris = fill(store, 5)
    uris[2] = store.uri("train/missing")
    steps = iter(s3dlio.PyDataset.from_uris(uris))
    assert [number_of(next(steps)) for _ in range(2)] == [0, 1]
    with pytest.raises(s3dlio.NotFoundError, match="missing"):
        next(steps)
    assert [number_of(view) for view in steps] == [3, 4]


def test_an_error_in_a_batch_loses_no_other_sample(store: Store) -> None:
    uris = fill(store, 6)
    uris[1] = store.uri("train/missing")
    steps = iter(s3dlio.PyDataset.from_uris(uris, batch_size=2))
    with pytest.raises(s3dlio.NotFoundError, match="missing"):
        next(steps)
    assert [[number_of(v) for v in batch] for batch in steps] == [[0, 2], [3, 4], [5]]


def test_random_access_to_a_missing_object_is_an_error(store: Store) -> None:
    uris = fill(store, 2)
    dataset = s3dlio.PyDataset.from_uris([uris[0], store.uri("gone")])
    with pytest.raises(s3dlio.NotFoundError, match="gone"):
        dataset[1]
    with pytest.raises(s3dlio.NotFoundError, match="gone"):
        dataset.__getitems__([0, 1])


def test_a_dataset_pickles_to_little_and_without_secrets(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store, 40)
    dataset = s3dlio.create_dataset(store.uri("train/"), batch_size=3, shuffle=True, seed=5)
    dataset.set_epoch(2)
    before = [[number_of(v) for v in batch] for batch in dataset]
    text = pickle.dumps(dataset)
    assert len(text) < 40 * 100 + 2000
    for secret in (b"SECRET", b"test-secret", b"test-access"):
        assert secret not in text
    again = pickle.loads(text)
    assert [[number_of(v) for v in batch] for batch in again] == before
    assert again.uris() == dataset.uris()


def test_a_dataset_tells_what_it_is(folder: Folder) -> None:
    fill(folder, 2)
    assert (
        repr(s3dlio.create_dataset(folder.uri("train/")))
        == f"<PyDataset of 2 samples from {folder.uri('train/0000.bin')}>"
    )
    assert repr(s3dlio.PyDataset.from_uris([])) == "<PyDataset of 0 samples>"


def test_passes_are_independent(folder: Folder) -> None:
    fill(folder, 8)
    dataset = s3dlio.create_dataset(folder.uri("train/"))
    pairs = [(number_of(a), number_of(b)) for a, b in zip(dataset, dataset, strict=True)]
    assert pairs == [(i, i) for i in range(8)]


def test_items_pickle_with_their_data(folder: Folder) -> None:
    fill(folder, 2)
    (_, item) = s3dlio.create_dataset(folder.uri("train/")).items()
    again = pickle.loads(pickle.dumps(item))
    assert (again.uri, again.read(), again.byte_count, len(again)) == (item.uri, sample(1), 3, 3)

"""The datasets of the drop-in: what they have on stores of every kind, and who is asked for what, and when."""

from __future__ import annotations

import pickle
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from s3dlio.compat.s3torchconnector import S3Exception, S3IterableDataset, S3MapDataset, S3Reader
from s3dlio.compat.s3torchconnector._s3client import S3Client
from s3dlio.errors import NotFoundError
from tests.support.audit import AuditLog
from tests.support.readers import KINDS, REGION
from tests.support.samples import Folder, Store, fill, sample
from tests.support.servers import Bucket

COUNT = 20


def read(reader: S3Reader) -> bytes:
    return reader.read()


@pytest.mark.parametrize("kind", KINDS)
def test_both_datasets_have_every_object_in_order(place: Store, kind: str) -> None:
    uris = fill(place, COUNT)
    place.put("other/sample", b"not below the prefix")
    constructor = KINDS[kind]
    wanted = [sample(i) for i in range(COUNT)]
    for source in (uris, place.uri("train/"), place.uri("tra")):
        make: Any = "from_objects" if isinstance(source, list) else "from_prefix"
        iterable = getattr(S3IterableDataset, make)(source, region=REGION, reader_constructor=constructor)
        for _ in range(2):
            assert [reader.read() for reader in iterable] == wanted
        mapped = getattr(S3MapDataset, make)(source, region=REGION, reader_constructor=constructor)
        assert len(mapped) == COUNT
        assert [mapped[i].read() for i in (3, 0, -1, 3)] == [wanted[i] for i in (3, 0, -1, 3)]
        assert [reader.key.rpartition("/")[2] for reader in mapped] == [f"{i:04d}.bin" for i in range(COUNT)]
        with pytest.raises(IndexError):
            mapped[COUNT]
        assert [reader.read() for reader in pickle.loads(pickle.dumps(mapped))] == wanted


def test_a_uri_without_a_region_and_one_of_an_unknown_scheme(tmp_path: Path) -> None:
    fill(Folder(tmp_path), 2)
    (one, two) = S3IterableDataset.from_prefix(f"file://{tmp_path}/train/")
    assert (one.bucket, one.key) == ("/", f"{tmp_path}/train/0000.bin"[1:])
    assert f"{two.bucket}{two.key}" == f"{tmp_path}/train/0001.bin"
    with pytest.raises(ValueError, match=r"^Only s3:// URIs are supported$"):
        list(S3IterableDataset.from_prefix("s4://bucket/train/"))
    with pytest.raises(ValueError, match=r"^Bucket name must be non-empty$"):
        S3MapDataset.from_objects(["s3:///key"])[0]


def counted(audit_log: AuditLog, bucket: Bucket) -> Counter[str]:
    """The reads that a server has seen."""
    wanted = ("GetObject", "HeadObject", "ListObjectsV2")
    return Counter(request.operation for request in audit_log.requests(bucket, *wanted))


def test_each_object_is_one_get_and_a_prefix_one_listing(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    uris = fill(audited_bucket, COUNT)
    dataset = S3IterableDataset.from_prefix(audited_bucket.uri("train/"), region=REGION)
    assert not counted(audit_log, audited_bucket)
    readers = list(dataset)
    assert counted(audit_log, audited_bucket) == {"ListObjectsV2": 1}
    readers[3].seek(0, 2)
    assert [reader.read() for reader in dataset] == [sample(i) for i in range(COUNT)]
    assert counted(audit_log, audited_bucket) == {"ListObjectsV2": 2, "GetObject": COUNT}
    mapped = S3MapDataset.from_objects(uris, region=REGION)
    assert [mapped[i].read() for i in range(len(mapped))] == [sample(i) for i in range(COUNT)]
    assert [mapped[i].read() for i in (7, 3, 11)] == [sample(i) for i in (7, 3, 11)]
    assert counted(audit_log, audited_bucket) == {"ListObjectsV2": 2, "GetObject": 2 * COUNT + 3}


def test_reading_ahead_stops_where_objects_are_left_out(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    fill(audited_bucket, 200)
    dataset = S3IterableDataset.from_prefix(audited_bucket.uri("train/"), region=REGION)
    for number, reader in enumerate(dataset):
        if number % 10 == 0:
            assert reader.read() == sample(number)
    assert counted(audit_log, audited_bucket)["GetObject"] < 40  # 20 were read; without that it would be 200


def test_a_pass_that_is_left_fetches_no_further(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    fill(audited_bucket, 200)
    dataset = S3IterableDataset.from_prefix(audited_bucket.uri("train/"), region=REGION)
    assert [reader.read() for reader in islice(dataset, 3)] == [sample(i) for i in range(3)]
    assert counted(audit_log, audited_bucket)["GetObject"] < 40


@pytest.mark.parametrize("kind", [S3IterableDataset, S3MapDataset])
def test_a_patched_stream_is_always_asked_for(place: Store, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(place, COUNT)
    asked = []
    original = S3Client._get_object_stream

    def noted(self: S3Client, bucket: str, key: str, start: int | None = None, end: int | None = None) -> Any:
        asked.append(key)
        return original(self, bucket, key, start, end)

    monkeypatch.setattr(S3Client, "_get_object_stream", noted)
    for reader in kind.from_prefix(place.uri("train/"), region=REGION):
        reader.read()
    assert [key.rpartition("/")[2] for key in asked] == [f"{i:04d}.bin" for i in range(COUNT)]


def test_an_object_that_changes_or_goes_after_the_listing(place: Store, tmp_path: Path) -> None:
    fill(place, COUNT)
    dataset: Any = S3MapDataset.from_prefix(place.uri("train/"), region=REGION)
    assert len(dataset) == COUNT
    place.put("train/0008.bin", b"s")
    place.put("train/0009.bin", sample(9) * 1000)
    place.put("train/0010.bin", b"")
    missing = dataset._dataset_bucket_key_pairs[12]
    dataset._get_client().delete_object(missing.bucket, missing.key)
    for _ in range(2):
        for number, reader in enumerate(dataset):
            if number == 12:
                with pytest.raises(S3Exception) as caught:
                    reader.read()
                assert str(caught.value) == "Service error: The key does not exist"
                assert isinstance(caught.value.__cause__, NotFoundError)
            else:
                wanted = {8: b"s", 9: sample(9) * 1000, 10: b""}.get(number, sample(number))
                assert reader.read() == wanted


def test_readers_are_read_in_any_order_and_by_several_threads(place: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor

    fill(place, 60)
    dataset = S3IterableDataset.from_prefix(place.uri("train/"), region=REGION)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(read, dataset)) == [sample(i) for i in range(60)]
    readers = list(dataset)
    assert [reader.read() for reader in reversed(readers)] == [sample(i) for i in reversed(range(60))]
    one, other = iter(dataset), iter(dataset)
    assert [(next(one).read(), next(other).read()) for _ in range(60)] == [(sample(i), sample(i)) for i in range(60)]


def test_a_samplers_batches_are_read_together(audited_bucket: Bucket, audit_log: AuditLog) -> None:
    fill(audited_bucket, COUNT)
    dataset = S3MapDataset.from_prefix(audited_bucket.uri("train/"), region=REGION, transform=read)
    order = [5, 19, 0, 7, 7, -1, 3, 12]
    for _ in range(3):
        assert dataset.__getitems__(order) == [sample(i % COUNT) for i in order]
    assert counted(audit_log, audited_bucket)["GetObject"] == 3 * len(order)


def test_a_local_prefix_goes_into_the_directories_that_begin_like_it(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    for key in ("data.txt", "data/a", "data/b/c", "database", "other/data", "dat"):
        place.put(key, key.encode())
    (tmp_path / "closed").mkdir(mode=0)  # nobody may look into it, and nobody needs to
    for scheme in ("file", "direct"):
        found = list(S3IterableDataset.from_prefix(f"{scheme}://{tmp_path}/data"))
        wanted = ["data.txt", "data/a", "data/b/c", "database"]
        assert [reader.key for reader in found] == [f"{tmp_path}/{key}"[1:] for key in wanted]
        assert [reader.read() for reader in found] == [key.encode() for key in wanted]

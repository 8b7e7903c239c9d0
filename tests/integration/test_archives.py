"""Archived objects that are restored: what S3 says of them. No server that a test can start has archives."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

import s3dlio
from s3dlio._native import Client, list_pages

PAGE = b"""<ListBucketResult><IsTruncated>false</IsTruncated>
<Contents><Key>a</Key><Size>1</Size><StorageClass>STANDARD</StorageClass></Contents>
<Contents><Key>b</Key><Size>1</Size><StorageClass>GLACIER</StorageClass><RestoreStatus>
<IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus></Contents>
<Contents><Key>c</Key><Size>1</Size><StorageClass>GLACIER</StorageClass><RestoreStatus>
<IsRestoreInProgress>false</IsRestoreInProgress><RestoreExpiryDate>2012-12-21T00:00:00.000Z</RestoreExpiryDate>
</RestoreStatus></Contents></ListBucketResult>"""
EXPIRY = 1356048000
RESTORES = {
    "/bucket/b": 'ongoing-request="true"',
    "/bucket/c": 'ongoing-request="false", expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"',
}


class Archive(http.server.BaseHTTPRequestHandler):
    """A bucket with an object, one that is being restored, and one that was."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1")
        self.send_header("ETag", '"etag"')
        if self.path in RESTORES:
            self.send_header("x-amz-storage-class", "GLACIER")
            self.send_header("x-amz-restore", RESTORES[self.path])
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is written."""


@pytest.fixture(autouse=True)
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An S3 service that has it; the environment names it."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Archive)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "anyone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "anything")
    yield
    server.shutdown()
    server.server_close()
    thread.join()


def test_stat_tells_how_far_it_is() -> None:
    found = [s3dlio.stat(f"s3://bucket/{key}") for key in "abc"]
    assert [each["restore"] for each in found] == [
        None,
        {"in_progress": True, "expiry": None},
        {"in_progress": False, "expiry": EXPIRY},
    ]
    assert [each["storage_class"] for each in found] == [None, "GLACIER", "GLACIER"]


def test_listings_tell_it_too() -> None:
    (page,) = list_pages(Client.get({"restore_status": True}), "s3://bucket/", recursive=True)
    assert page.storage_classes == ("STANDARD", "GLACIER", "GLACIER")
    assert page.restores == {1: {"in_progress": True, "expiry": None}, 2: {"in_progress": False, "expiry": EXPIRY}}
    assert page.select([2, 0]).restores == {0: {"in_progress": False, "expiry": EXPIRY}}

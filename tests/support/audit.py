"""What a server saw: MinIO's audit log as a list of requests."""

from __future__ import annotations

import json
import re
import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.support.servers import Bucket, S3Server

WAIT_SECONDS = 60.0
QUIET_SECONDS = 0.1


@dataclass(frozen=True)
class Request:
    """One request as the server logged it; times are seconds since 1970."""

    operation: str  # the S3 name: GetObject, HeadObject, ListObjectsV2, PutObject, ...
    bucket: str
    key: str
    status: int
    headers: dict[str, str]
    query: dict[str, str]
    start: float
    duration: float
    sent: int  # body bytes sent to the client

    @property
    def end(self) -> float:
        """When the server was done."""
        return self.start + self.duration

    @property
    def byte_range(self) -> tuple[int, int] | None:
        """(first, last) of the Range header, or None without one."""
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        return (int(match[1]), int(match[2])) if match else None

    @classmethod
    def from_event(cls, event: dict[str, Any]) -> Request:
        """Reads one audit event.

        Its time is that of the end of the request. The id of the request is the nanosecond at which it came in; the
        duration that the event names is measured at some other moment than its time, so it does not tell the start.
        """
        api = event["api"]
        start = int(event["requestID"], 16) / 1e9
        end = datetime.fromisoformat(_microseconds(event["time"])).timestamp()
        return cls(
            operation=api["name"],
            bucket=api.get("bucket", ""),
            key=api.get("object", ""),
            status=api["statusCode"],
            headers=event.get("requestHeader", {}),
            query=event.get("requestQuery", {}),
            start=start,
            duration=end - start,
            sent=api.get("tx", 0),
        )


def _microseconds(time_text: str) -> str:
    """Python 3.10 reads neither nanoseconds nor a Z."""
    seconds, _, fraction = time_text.removesuffix("Z").partition(".")
    return f"{seconds}.{fraction[:6]:0<6}+00:00"


def most_at_once(requests: list[Request]) -> int:
    """The largest number of these requests that were under way at the same moment."""
    steps = sorted([(r.start, 1) for r in requests] + [(r.end, -1) for r in requests])
    under_way = most = 0
    for _, step in steps:
        under_way += step
        most = max(most, under_way)
    return most


class AuditLog:
    """The audit log of one MinIO server."""

    def __init__(self, server: S3Server, file: Path) -> None:
        self._server = server
        self._file = file

    def requests(self, bucket: Bucket, *operations: str) -> list[Request]:
        """Every request for a bucket so far, in the order they ended; `operations` keeps only those named.

        Includes what the test itself did with boto3: make the objects before, and name the operations of interest.
        """
        self._flush()
        events = [json.loads(line) for line in self._file.read_text().splitlines()]
        found = [Request.from_event(event) for event in events if event["api"].get("bucket") == bucket.name]
        return [request for request in found if not operations or request.operation in operations]

    def _flush(self) -> None:
        """Waits until the events of all requests are here.

        The server sends events in order, but a request's event is made after its last byte has been sent, so it may
        come behind that of a mark which was sent later. The marks go on until nothing but a mark has come in a while.
        """
        self._mark()
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            before = self._file.read_text().count("\n")
            time.sleep(QUIET_SECONDS)
            self._mark()
            if self._file.read_text().count("\n") <= before + 1:
                return
        raise TimeoutError(f"requests went on for {WAIT_SECONDS:.0f} s")

    def _mark(self) -> None:
        """Sends a request that cannot be mistaken and waits for its event."""
        mark = f"mark-{uuid.uuid4().hex}"
        try:
            self._server.client.head_bucket(Bucket=mark)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
        deadline = time.monotonic() + WAIT_SECONDS
        while mark not in self._file.read_text():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no audit event of the marking request came within {WAIT_SECONDS:.0f} s")
            time.sleep(0.02)

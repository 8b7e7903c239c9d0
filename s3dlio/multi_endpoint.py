"""Several endpoints with the same data, used as one store.

Endpoints are services (``http://host:9000``), buckets at services (``s3://host:9000/bucket/``), or the base URIs of
copies (``s3://bucket-1/data/``, ``file:///mnt/a/``). A dataset over services needs no store: it has the option
``endpoints``. Failover is the difference from s3dlio 0.10: an operation that fails for the sake of the endpoint goes
on at the next one, and the endpoint is passed over for a while.
"""

from __future__ import annotations

import asyncio
import builtins
import operator
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from s3dlio import operations
from s3dlio._endpoints import Endpoint, distinct, expand, from_environment, from_file
from s3dlio.errors import (
    ChangedError,
    ConnectionFailedError,
    InvalidError,
    NotFoundError,
    S3DlioError,
    ServerError,
    ThrottledError,
    TimedOutError,
    TruncatedError,
)
from s3dlio.views import BytesView

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = [
    "MultiEndpointStore",
    "create_multi_endpoint_store",
    "create_multi_endpoint_store_from_env",
    "create_multi_endpoint_store_from_file",
    "create_multi_endpoint_store_from_template",
]

Strategy = Literal["round_robin", "least_connections"]
Result = TypeVar("Result")

_STRATEGIES = ("round_robin", "least_connections")
_FAULT_OF_THE_ENDPOINT = (ConnectionFailedError, TimedOutError, ServerError, ThrottledError)
# ... and what a copy that lags behind may answer to a read
_NOT_THE_LAST_WORD = (*_FAULT_OF_THE_ENDPOINT, NotFoundError, ChangedError, TruncatedError)
_REST = 1.0  # seconds that an endpoint is passed over after a failure; each further one doubles them
_LONGEST_REST = 30.0


@dataclass
class _Tally:
    """What has happened at an endpoint."""

    total_requests: int = 0
    bytes_read: int = 0
    bytes_written: int = 0
    error_count: int = 0
    active_requests: int = 0


class _Member:
    """An endpoint in use."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.tally = _Tally()
        self._strikes = 0
        self._rests_until = 0.0

    def rests(self) -> bool:
        return time.monotonic() < self._rests_until

    async def run(self, work: Callable[[Endpoint], Awaitable[Result]]) -> Result:
        """Do something here, and draw conclusions from the outcome."""
        self.tally.total_requests += 1
        self.tally.active_requests += 1
        try:
            result = await work(self.endpoint)
        except S3DlioError as error:
            self.tally.error_count += 1
            if isinstance(error, _FAULT_OF_THE_ENDPOINT):
                self._rests_until = time.monotonic() + min(_REST * 2 ** min(self._strikes, 10), _LONGEST_REST)
                self._strikes += 1
            raise
        finally:
            self.tally.active_requests -= 1
        self._strikes = 0
        return result


class MultiEndpointStore:
    """Endpoints with the same data. Made by `create_multi_endpoint_store`; for one event loop at a time.

    A URI given to a method may begin with the base of any endpoint, wherever the operation then takes place; a path
    without a scheme is one below these bases. Reads and listings try one endpoint after the other until one has
    the object; writes and deletions take place at one endpoint, or, in the methods with ``all``, at each. Pickles to
    its endpoints.

    All methods raise what the operation of the same name in `s3dlio.operations` raises, and InvalidError for a URI that
    belongs to none of the endpoints.
    """

    def __init__(self, endpoints: Iterable[Endpoint], strategy: Strategy | None = None) -> None:
        if strategy is not None and strategy not in _STRATEGIES:
            raise InvalidError(f"strategy must be {' or '.join(map(repr, _STRATEGIES))}, not {strategy!r}")
        self._strategy: Strategy = strategy or "round_robin"
        self._members = [_Member(endpoint) for endpoint in distinct(endpoints)]
        self._turn = 0

    async def get(self, uri: str) -> BytesView:
        """Read a whole object."""
        return await self.get_range(uri, 0, None)

    async def get_range(self, uri: str, offset: int, length: int | None = None) -> BytesView:
        """Read `length` bytes from `offset` on, both in bytes; None: to the end."""
        path = self._path(uri)
        return await self._somewhere(lambda member, once: self._read(member, path, offset, length, once))

    async def put(self, uri: str, data: Buffer) -> None:
        """Store an object at one endpoint; `data` must not change until it returns."""
        path = self._path(uri)
        await self._somewhere(lambda member, once: self._write(member, path, data, once), _FAULT_OF_THE_ENDPOINT)

    async def list(self, prefix: str, recursive: bool = False) -> builtins.list[str]:
        """The URIs of one endpoint's listing, with the beginning that `prefix` has."""
        path = self._path(prefix)
        given = prefix[: len(prefix) - len(path)]
        if given and not given.endswith("/"):
            given += "/"
        found = await self._somewhere(lambda member, once: self._names(member, path, recursive, once))
        return [given + name for name in found]

    async def delete(self, uri: str) -> None:
        """Delete an object at one endpoint."""
        path = self._path(uri)
        await self._somewhere(lambda member, once: self._remove(member, path, once), _FAULT_OF_THE_ENDPOINT)

    async def get_from_endpoint(self, endpoint: int | str, uri: str) -> BytesView:
        """Read a whole object at one endpoint, given by its number or its URI, and at no other."""
        return await self._read(self._member(endpoint), self._path(uri), 0, None, {})

    async def put_to_endpoint(self, endpoint: int | str, uri: str, data: Buffer) -> None:
        """Store an object at one endpoint, given by its number or its URI, and at no other."""
        await self._write(self._member(endpoint), self._path(uri), data, {})

    async def delete_from_endpoint(self, endpoint: int | str, uri: str) -> None:
        """Delete an object at one endpoint, given by its number or its URI, and at no other."""
        await self._remove(self._member(endpoint), self._path(uri), {})

    async def put_all_endpoints(self, uri: str, data: Buffer) -> None:
        """Store an object at every endpoint. Raises the first failure, once it has been tried at all of them."""
        path = self._path(uri)
        await _all(self._write(member, path, data, {}) for member in self._members)

    async def list_all_endpoints(self, prefix: str, recursive: bool = False) -> dict[str, builtins.list[str]]:
        """The URIs that each endpoint lists, by the endpoint's URI; they begin with the base of that endpoint."""
        path = self._path(prefix)
        found = await _all(self._names(member, path, recursive, {}) for member in self._members)
        return {
            member.endpoint.name: [member.endpoint.base + name for name in names]
            for member, names in zip(self._members, found, strict=True)
        }

    def get_endpoint_stats(self) -> builtins.list[dict[str, Any]]:
        """For each endpoint a dict: uri, total_requests, bytes_read, bytes_written, error_count, active_requests."""
        return [{"uri": member.endpoint.name, **asdict(member.tally)} for member in self._members]

    def get_total_stats(self) -> dict[str, int]:
        """The sums of `get_endpoint_stats`."""
        rows = [asdict(member.tally) for member in self._members]
        return {name: sum(row[name] for row in rows) for name in rows[0]}

    def endpoint_count(self) -> int:
        """How many endpoints there are."""
        return len(self._members)

    def strategy(self) -> str:
        """How endpoints are chosen: "round_robin" or "least_connections"."""
        return self._strategy

    def __repr__(self) -> str:
        return f"<MultiEndpointStore of {len(self._members)} endpoints from {self._members[0].endpoint.name}>"

    def __reduce__(self) -> tuple[type[MultiEndpointStore], tuple[builtins.list[Endpoint], Strategy]]:
        return MultiEndpointStore, ([member.endpoint for member in self._members], self._strategy)

    # One operation at one endpoint

    async def _read(
        self, member: _Member, path: str, offset: int, length: int | None, options: dict[str, Any]
    ) -> BytesView:
        view = await member.run(
            lambda at: operations.get_range_async(at.base + path, offset, length, **at.options, **options)
        )
        member.tally.bytes_read += len(view)
        return view

    async def _write(self, member: _Member, path: str, data: Buffer, options: dict[str, Any]) -> None:
        await member.run(lambda at: operations.put_bytes_async(at.base + path, data, **at.options, **options))
        member.tally.bytes_written += memoryview(data).nbytes

    async def _names(self, member: _Member, path: str, recursive: bool, options: dict[str, Any]) -> builtins.list[str]:
        uris = await member.run(lambda at: operations.list_async(at.base + path, recursive, **at.options, **options))
        return [uri[len(member.endpoint.base) :] for uri in uris]

    async def _remove(self, member: _Member, path: str, options: dict[str, Any]) -> None:
        await member.run(lambda at: operations.delete_async(at.base + path, **at.options, **options))

    # Which endpoint

    async def _somewhere(
        self,
        work: Callable[[_Member, dict[str, Any]], Awaitable[Result]],
        passed_over: tuple[type[S3DlioError], ...] = _NOT_THE_LAST_WORD,
    ) -> Result:
        """Do something at the first endpoint where it does not fail in one of these ways.

        Where all do, the first of them has another chance, with all the retries that a single endpoint has.
        """
        order = self._order()
        answer: S3DlioError | None = None  # what an endpoint says of the object outweighs that another one is down
        for member in order if len(order) > 1 else ():
            try:
                return await work(member, {"max_attempts": 1})
            except passed_over as error:
                if answer is None or isinstance(answer, _FAULT_OF_THE_ENDPOINT):
                    answer = error
        if answer is not None and not isinstance(answer, _FAULT_OF_THE_ENDPOINT):
            raise answer
        return await work(order[0], {})

    def _order(self) -> builtins.list[_Member]:
        """The endpoints, in the order in which they are to be tried."""
        start, self._turn = self._turn % len(self._members), self._turn + 1
        order = self._members[start:] + self._members[:start]
        if self._strategy == "least_connections":
            order.sort(key=lambda member: member.tally.active_requests)
        order.sort(key=_Member.rests)
        return order

    def _member(self, endpoint: int | str) -> _Member:
        if isinstance(endpoint, str):
            for member in self._members:
                if endpoint in (member.endpoint.name, member.endpoint.base):
                    return member
            raise InvalidError(f"{endpoint} is none of the endpoints {self._names_of_all()}", uri=endpoint)
        try:
            number = operator.index(endpoint)
        except TypeError:
            raise InvalidError(f"endpoint must be an int or a str, not {type(endpoint).__name__}") from None
        if not 0 <= number < len(self._members):
            raise InvalidError(f"there is no endpoint {number}: there are {len(self._members)}, counted from 0")
        return self._members[number]

    def _path(self, uri: str) -> str:
        """What of a URI lies below the base of an endpoint."""
        if not isinstance(uri, str):
            raise InvalidError(f"a URI must be a str, not {type(uri).__name__} ({uri!r})")
        if "://" not in uri:
            return uri
        fits = [
            beginning
            for member in self._members
            for beginning in (member.endpoint.base, member.endpoint.name.rstrip("/") + "/")
            if uri.startswith(beginning) or uri + "/" == beginning
        ]
        if not fits:
            raise InvalidError(f"{uri} begins like none of the endpoints {self._names_of_all()}", uri=uri)
        return uri[len(max(fits, key=len)) :]

    def _names_of_all(self) -> str:
        return ", ".join(member.endpoint.name for member in self._members)


async def _all(works: Iterable[Awaitable[Result]]) -> list[Result]:
    """All results; the first failure once all have ended."""
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]


def create_multi_endpoint_store(uris: Iterable[str], strategy: Strategy | None = None) -> MultiEndpointStore:
    """A store of these endpoints. No request is made.

    Args:
        uris: services (``http://host:9000``), buckets at services (``s3://host:9000/bucket/``), or base URIs of any
            scheme; all of one kind of store.
        strategy: "round_robin" (default): each in turn; "least_connections": the one with the fewest requests
            under way.

    Raises:
        InvalidError: no endpoint, one given twice, schemes that differ, or an unknown strategy.
        UnsupportedError: a scheme that is not known.
    """
    if isinstance(uris, (str, bytes)):
        raise InvalidError(f"uris must be a list of URIs, not one {type(uris).__name__} ({uris!r})")
    return MultiEndpointStore(map(Endpoint.parse, uris), strategy)


def create_multi_endpoint_store_from_template(template: str, strategy: Strategy | None = None) -> MultiEndpointStore:
    """A store of the endpoints that a template stands for, such as ``http://10.0.0.{1...8}:9000``.

    Several ranges give all combinations; ``{01...10}`` keeps the leading zeros. Raises as `create_multi_endpoint_store`
    does, and InvalidError for a template without a range.
    """
    return create_multi_endpoint_store(expand(template), strategy)


def create_multi_endpoint_store_from_file(
    path: str | os.PathLike[str], strategy: Strategy | None = None
) -> MultiEndpointStore:
    """A store of the endpoints in a text file, one URI a line; lines that begin with ``#`` are comments.

    Raises as `create_multi_endpoint_store` does, and FileNotFoundError.
    """
    return create_multi_endpoint_store(from_file(path), strategy)


def create_multi_endpoint_store_from_env() -> MultiEndpointStore:
    """A store of the endpoints in ``S3_ENDPOINT_URIS`` (separated by commas), chosen by ``S3_LOAD_BALANCE_STRATEGY``.

    Raises as `create_multi_endpoint_store` does, and InvalidError where the first is not set.
    """
    uris, strategy = from_environment()
    return create_multi_endpoint_store(uris, strategy)  # type: ignore[arg-type]  # it is checked there

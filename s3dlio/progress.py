"""How far a pass has come: what has been handed out, not what has been fetched."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from s3dlio.errors import ChangedError, InvalidError
from s3dlio.listing import Listing
from s3dlio.sharding import WHOLE, Part, Shard, as_column, order_of, places_left, without
from s3dlio.states import State

__all__ = ["Progress", "check_listing", "check_order"]


class Progress:
    """The samples that one shard of a pass has handed out.

    It outlives its pass: a loader asks it for the state after ``break`` too.
    """

    def __init__(self, epoch: int = 0, seed: int | None = None, shard: Shard = WHOLE) -> None:
        self._begun_with = State(epoch=epoch, seed=seed, parts=(Part(shard),))
        self._shard = shard
        self._listing: Listing | None = None
        self._places: Sequence[int] | None = None  # in the shard, of the requests of the stream; None: from 0 on
        self._next = 0  # all places before it are handed out
        self._beyond: set[int] = set()  # and these
        self._unlisted = False  # the stream lists, and numbers its items by entry
        self._last = -1, ""  # there the furthest place handed out, and its URI
        self.ended = False

    @property
    def seed(self) -> int | None:
        """The seed of its order; None: that of the listing."""
        return self._begun_with.seed

    def load(self, state: State) -> None:
        """Go on from a state, which must be of this order.

        Raises:
            InvalidError: it is of another order, or of other shards.
        """
        check_order(state, self.seed)
        self._begun_with = state.sharded(self._shard)
        self.ended = self._begun_with.ended

    def begin(self, listing: Listing) -> array[int] | None:
        """Which entries of the listing to fetch, in this order; None: all of them as they are.

        Raises:
            ChangedError: the state that was loaded is of another listing.
            InvalidError: the state does not fit it.
        """
        state, total = self._begun_with, len(listing)
        check_listing(state, listing)
        order = order_of(total, seed=state.seed, epoch=state.epoch)
        for stage in state.stages:
            _check_parts(stage, order, listing)
            order = without(order, stage)
        _check_parts(state.parts, order, listing)
        self._listing, self._last = listing, (-1, "")
        (part,) = state.parts
        self._next, self._beyond = part.bounds[0], {place for a, b in list(part.spans())[1:] for place in range(a, b)}
        if part == Part() and isinstance(order, range):
            return None
        mine, left = order[self._shard.index :: self._shard.count], places_left(part, len(order))
        if part.bounds != (0,):
            self._places = left
        if isinstance(left, range):
            return as_column(mine[left.start :])
        return array("q", [mine[place] for place in left])

    def begin_unlisted(self) -> bool:
        """Begin on a stream that lists, if it can: nothing may have been handed out before."""
        self._unlisted = replace(self._begun_with, epoch=0) == State(parts=(Part(self._shard),))
        return self._unlisted

    def passed(self, index: int, uri: str) -> None:
        """A sample was handed out, or its error was, or it is left out: never again.

        Args:
            index: of the item in its stream.
            uri: of the sample, where the stream lists.
        """
        if self._unlisted:
            place = (index - self._shard.index) // self._shard.count
            self._last = max(self._last, (place, uri))
        else:
            place = index if self._places is None else self._places[index]
        if place != self._next:
            self._beyond.add(place)
            return
        self._next += 1
        while self._beyond and self._next in self._beyond:
            self._beyond.remove(self._next)
            self._next += 1

    def state(self) -> State:
        """What has been handed out until now."""
        if self._listing is None and not self._unlisted:  # it has not begun
            return self._begun_with
        bounds = self._next, *_edges(self._beyond)
        part = Part(self._shard, bounds, self._last[1] if bounds[-1] else "")
        state = replace(self._begun_with, parts=(part,), ended=self.ended)
        if self._listing is None:
            return state
        return replace(state, total=len(self._listing), listing=self._listing.digest())

    def state_dict(self) -> dict[str, Any]:
        """The same as it is saved."""
        return self.state().to_dict()


def check_order(state: State, seed: int | None) -> None:
    """InvalidError unless the state is of the order that a seed makes."""
    if state.seed == seed:
        return
    saved, now = (
        "without shuffle" if each is None else f"with shuffle=True and seed={each}" for each in (state.seed, seed)
    )
    raise InvalidError(f"the state was saved {saved}, but is loaded {now}: give options shuffle and seed as they were")


def check_listing(state: State, listing: Listing) -> None:
    """ChangedError unless the state, if it knows its listing, is of this one."""
    if state.total is None or (state.total, state.listing) == (len(listing), listing.digest()):
        return
    first = listing.uri(0) if len(listing) else None
    raise ChangedError(
        f"the listing has changed: the state was saved of {state.total} samples, but there are {len(listing)} now, or "
        f"others; the first is {first}. Load the samples of then (PyDataset.from_uris), or start afresh",
        uri=first,
    )


def _check_parts(parts: Sequence[Part], order: Sequence[int], listing: Listing) -> None:
    for part in parts:
        if part.last:
            _check_last(part, order, listing)
        elif part.bounds[-1] > part.shard.size(len(order)):
            raise InvalidError(
                f"the state is damaged: {part.bounds[-1]} samples of shard {part.shard.index} of {part.shard.count} "
                f"are delivered, but it has {part.shard.size(len(order))}"
            )


def _check_last(part: Part, order: Sequence[int], listing: Listing) -> None:
    """A loader that lists while it fetches knows no digest: what came last must still be where it was."""
    place = part.furthest()
    found = listing.uri(order[place]) if place < len(order) else "nothing"
    if found.partition("://")[2] != part.last.partition("://")[2]:
        raise ChangedError(
            f"the listing has changed since the state was saved: sample {place} was {part.last} and is {found} now. "
            "Start afresh",
            uri=part.last,
        )


def _edges(places: set[int]) -> list[int]:
    """Bounds of the runs of places: the first of each, and the one behind its last."""
    edges: list[int] = []
    for place in sorted(places):
        if edges and edges[-1] == place:
            edges[-1] += 1
        else:
            edges += (place, place + 1)
    return edges

"""What is saved of a pass so that it can go on: the form of it, its checks, and how those of all ranks are joined.

A state is a dict of str, int, bool, None and lists, so it goes through JSON and pickle. It does not name samples: it
says how far each shard has come in an order that everybody can compute (`s3dlio.sharding`), and which listing that was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, NoReturn

from s3dlio.errors import ChangedError, InvalidError
from s3dlio.sharding import Part, Shard, partition

__all__ = ["State", "merge_states", "parse_state"]

VERSION = 1
MARK = "s3dlio_state"  # the key whose value is the version
_KEYS = {MARK, "epoch", "seed", "total", "listing", "stages", "parts", "ended"}


@dataclass(frozen=True)
class State:
    """A pass, as far as it has come.

    Attributes:
        epoch, seed: of its order; seed None is the order of the listing.
        total: number of samples, and
        listing: their digest (`Listing.digest`); both None where the listing is not known.
        stages: what had been delivered when the pass was sharded anew, each time; all shards of each.
        parts: the present stage: what its shards have delivered, as far as this state knows of them.
        ended: the pass has said that there is nothing more.
    """

    epoch: int = 0
    seed: int | None = None
    total: int | None = None
    listing: str | None = None
    stages: tuple[tuple[Part, ...], ...] = ()
    parts: tuple[Part, ...] = (Part(),)
    ended: bool = False

    def to_dict(self) -> dict[str, Any]:
        """As it is saved."""
        return {
            MARK: VERSION,
            "epoch": self.epoch,
            "seed": self.seed,
            "total": self.total,
            "listing": self.listing,
            "stages": [[_saved(part) for part in stage] for stage in self.stages],
            "parts": [_saved(part) for part in self.parts],
            "ended": self.ended,
        }

    def sharded(self, shard: Shard) -> State:
        """The state that a shard begins with: a share of what remains where this is the state of all, else its own.

        Raises InvalidError where this is the state of some other shards.
        """
        mine = tuple(part for part in self.parts if part.shard == shard)
        if not mine and any(part.bounds == (0,) and part.shard.holds(shard) for part in self.parts):
            mine = (Part(shard),)  # a share of what nobody has begun
        whole = partition(part.shard for part in self.parts)
        if mine and (len(self.parts) == 1 or not whole):
            return replace(self, parts=mine)
        if not whole:
            raise InvalidError(
                f"the state is that of {_names(self.parts)}, and not for {_name(shard)}. Load the states of all of "
                "them, as a list or joined by s3dlio.merge_states, to share what remains in another way"
            )
        stages = (*self.stages, self.parts) if any(part.bounds != (0,) for part in self.parts) else self.stages
        return replace(self, stages=stages, parts=(Part(shard),), ended=False)


def merge_states(states: Any) -> dict[str, Any]:
    """Join the states of all ranks and workers to one, which any number of ranks and workers can load.

    Args:
        states: a list of what the ``state_dict()`` of a loader, of a dataset, or of a ``StatefulDataLoader`` over one
            returned on each rank; or one of them. States are found however deep they lie in dicts and lists.

    Returns:
        A state for ``load_state_dict`` of a loader or an iterable dataset.

    Raises:
        InvalidError: there is no state, one is damaged, or they are not of one pass.
        ChangedError: they are of different listings.
    """
    return parse_state(states).to_dict()


def parse_state(states: Any) -> State:
    """The state that was saved, or several joined. Raises as `merge_states`."""
    found = [_parsed(each) for each in _found(states)]
    if not found:
        raise InvalidError(
            "this is no state of s3dlio: load what state_dict() of a loader or an iterable dataset returned. A "
            "map-style dataset has none of its own: its order is that of the sampler"
        )
    return _joined(found)


def _found(states: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(states, Mapping):
        if MARK in states:
            yield states
            return
        # torchdata keeps what the iterator says, and what the dataset does, which may have begun another pass meanwhile
        fetcher = states.get("fetcher_state")
        if "dataset_state" in states and any(_found(fetcher)):
            states = {**states, "dataset_state": None}
        for found in (found for each in states.values() for found in _found(each)):
            # and it does not ask workers again when all of them have come to their end
            yield {**found, "ended": True} if states.get("_iterator_finished") is True else found
    elif isinstance(states, (list, tuple)):
        for each in states:
            yield from _found(each)


def _joined(states: Sequence[State]) -> State:
    first = states[0]
    parts: dict[Shard, Part] = {}
    for state in states:
        if (state.epoch, state.seed, state.stages) != (first.epoch, first.seed, first.stages):
            raise InvalidError(
                f"the states are not of one pass: {_about(first)}, but {_about(state)}. Save them at the same time"
            )
        for part in state.parts:
            if parts.setdefault(part.shard, part) != part:
                raise InvalidError(f"two states of {_name(part.shard)} differ: give one of each rank and worker")
    if partition(parts) is None:
        raise InvalidError(
            f"the states are of runs with different numbers of ranks or workers: {_names(parts.values())}"
        )
    total, listing = _one_listing(states)
    ended = all(state.ended for state in states)
    ordered = sorted(parts.values(), key=lambda part: (part.shard.index, part.shard.count))
    return replace(first, total=total, listing=listing, parts=tuple(ordered), ended=ended)


def _one_listing(states: Iterable[State]) -> tuple[int | None, str | None]:
    known = {(state.total, state.listing) for state in states if state.total is not None}
    if len(known) > 1:
        sizes = " and ".join(str(total) for total, _ in known)
        raise ChangedError(
            f"the states are of different listings, of {sizes} samples: every rank must see the same one"
        )
    return known.pop() if known else (None, None)


def _about(state: State) -> str:
    order = "in the order of the listing" if state.seed is None else f"shuffled with seed {state.seed}"
    return f"epoch {state.epoch} {order}, shared {len(state.stages)} times before"


def _names(parts: Iterable[Part]) -> str:
    return ", ".join(_name(part.shard) for part in list(parts)[:4])


def _name(shard: Shard) -> str:
    return f"shard {shard.index} of {shard.count}"


# As it is saved: a part is [index, count, bounds] or [index, count, bounds, last]


def _saved(part: Part) -> list[Any]:
    saved: list[Any] = [part.shard.index, part.shard.count, list(part.bounds)]
    return [*saved, part.last] if part.last else saved


def _parsed(saved: Mapping[str, Any]) -> State:
    version = saved[MARK]
    if version != VERSION:
        raise InvalidError(f"the state is of version {version!r}, but this s3dlio knows {VERSION}. Update s3dlio")
    if set(saved) != _KEYS:
        _damaged(f"it has {sorted(map(str, saved))} instead of {sorted(_KEYS)}")
    total, listing, ended = saved["total"], saved["listing"], saved["ended"]
    if (
        (total is None) != (listing is None)
        or not isinstance(listing, (str, type(None)))
        or not isinstance(ended, bool)
    ):
        _damaged(f"total {total!r}, listing {listing!r}, ended {ended!r}")
    return State(
        epoch=_int("epoch", saved["epoch"]),
        seed=None if saved["seed"] is None else _int("seed", saved["seed"]),
        total=None if total is None else _int("total", total, least=0),
        listing=listing,
        stages=tuple(_stage(stage) for stage in _list("stages", saved["stages"])),
        parts=_stage(saved["parts"], whole=False),
        ended=ended,
    )


def _stage(saved: Any, whole: bool = True) -> tuple[Part, ...]:
    stage = tuple(_part(each) for each in _list("parts", saved))
    covers = partition(part.shard for part in stage)
    if not stage or covers is None or (whole and not covers):
        _damaged(f"{_names(stage) or 'nothing'} as the shards of a stage")
    return stage


def _part(saved: Any) -> Part:
    if len(_list("part", saved)) not in (3, 4):
        _damaged(f"{saved!r} as a part")
    count = _int("count", saved[1], least=1)
    index = _int("index", saved[0], least=0)
    bounds = tuple(_int("bounds", bound, least=0) for bound in _list("bounds", saved[2]))
    last = saved[3] if len(saved) == 4 else ""
    growing = all(a < b for a, b in pairwise(bounds))
    fits = isinstance(last, str) and (last == "" or bounds[-1:] > (0,))
    if index >= count or len(bounds) % 2 == 0 or not growing or not fits:
        _damaged(f"{saved!r} as a part")
    return Part(Shard(index, count), bounds, last)


def _list(name: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        _damaged(f"{name} {value!r}")
    return value


def _int(name: str, value: Any, least: int | None = None) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or (least is not None and value < least):
        _damaged(f"{name} {value!r}")
    return value


def _damaged(what: str) -> NoReturn:
    raise InvalidError(f"the state is damaged: {what}. Load what state_dict() returned, unchanged")

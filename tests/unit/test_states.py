"""Passes that are interrupted and go on, for any number of ranks and workers: exact, and what is saved is checked."""

from __future__ import annotations

import json
import pickle
import random
from typing import Any

import pytest

from s3dlio import ChangedError, InvalidError, merge_states
from s3dlio.listing import Listing
from s3dlio.progress import Progress
from s3dlio.sharding import WHOLE, Part, Shard, order_of, partition, places_left, without
from s3dlio.states import State, parse_state

WORLDS = [[Shard(0, 1)], [Shard(0, 2), Shard(1, 2)], [Shard(i, 5) for i in range(5)],
          [Shard(0, 2).split(w, 3) for w in range(3)] + [Shard(1, 2).split(w, 2) for w in range(2)]]  # fmt: skip


def listing_of(total: int) -> Listing:
    return Listing.from_uris([f"mem://b/{i:05d}" for i in range(total)])


def deliver(progress: Progress, listing: Listing, count: int, mix: random.Random | None) -> list[int]:
    """Hands out `count` samples, in their order or in a mixed one; returns them."""
    order = progress.begin(listing)
    todo = list(range(len(listing)) if order is None else order)
    places = list(range(len(todo)))
    if mix:
        mix.shuffle(places)
    for place in places[:count]:
        progress.passed(place, "")
    return [todo[place] for place in places[:count]]


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("mixed", [False, True])
def test_each_sample_comes_once_whoever_goes_on(seed: int | None, mixed: bool) -> None:
    chance = random.Random(3)
    for total in (0, 1, 7, 60):
        listing = listing_of(total)
        for _ in range(20):
            seen: list[int] = []
            state: Any = None
            for stage in range(4):
                saved = []
                for shard in chance.choice(WORLDS):
                    progress = Progress(2, seed, shard)
                    if state is not None:
                        progress.load(parse_state(state))
                    count = chance.randrange(total // 2 + 1) if stage < 3 else total
                    seen += deliver(progress, listing, count, chance if mixed else None)
                    saved.append(json.loads(json.dumps(progress.state_dict())))
                state = chance.choice([saved, merge_states(saved), {"nested": [{"states": saved}]}])
            assert sorted(seen) == list(range(total))


@pytest.mark.parametrize("seed", [None, 5])
def test_a_shard_goes_on_by_itself_in_its_order(seed: int | None) -> None:
    shard, listing = Shard(1, 3), listing_of(50)
    expected = list(order_of(50, seed=seed, epoch=4)[1::3])
    seen: list[int] = []
    state = Progress(4, seed, shard).state_dict()
    for count in (3, 0, 5, 1, 50):
        progress = Progress(0, seed, shard)
        progress.load(parse_state(state))
        seen += deliver(progress, listing, count, None)
        state = progress.state_dict()
        assert (state["epoch"], state["stages"]) == (4, [])
    assert seen == expected


def test_a_state_is_small_and_names_no_samples() -> None:
    progress = Progress(0, 1, WHOLE)
    deliver(progress, listing_of(10_000), 9_000, None)
    assert len(json.dumps(progress.state_dict())) < 250
    assert progress.state() == parse_state(pickle.loads(pickle.dumps(progress.state_dict())))


def test_what_is_delivered_out_of_order_is_kept_as_runs() -> None:
    progress = Progress()
    progress.begin(listing_of(100))
    for place in (0, 2, 3, 4, 9):
        progress.passed(place, "")
    assert progress.state().parts == (Part(WHOLE, (1, 2, 5, 9, 10)),)
    progress.passed(1, "")
    assert progress.state().parts == (Part(WHOLE, (5, 9, 10)),)
    assert list(places_left(progress.state().parts[0], 12)) == [5, 6, 7, 8, 10, 11]


def test_shards_that_cover() -> None:
    assert all(partition(world) for world in WORLDS)
    assert partition([Shard(0, 2)]) is False
    assert partition([Shard(0, 2), Shard(2, 4)]) is None
    assert partition([]) is False
    assert partition([Shard(0, 10**18), Shard(0, 10**18 + 1)]) is False  # without the memory for it


def test_what_remains_of_an_order() -> None:
    assert list(without(range(6), [Part(Shard(0, 2), (1, 2, 3)), Part(Shard(1, 2), (2,))])) == [2, 5]


def state_of(count: int = 0, shard: Shard = WHOLE, total: int = 10, **fields: Any) -> dict[str, Any]:
    return State(total=total, listing=listing_of(total).digest(), parts=(Part(shard, (count,)),), **fields).to_dict()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"s3dlio_state": 2}, "version 2"),
        ({"s3dlio_state": None}, "version None"),
        ({"epoch": "1"}, "epoch '1'"),
        ({"seed": 1.5}, "seed 1.5"),
        ({"total": -1}, "total -1"),
        ({"total": None}, "total None"),
        ({"listing": 5}, "listing 5"),
        ({"ended": 1}, "ended 1"),
        ({"parts": []}, "nothing"),
        ({"parts": None}, "parts None"),
        ({"parts": [[0, 1]]}, "part"),
        ({"parts": [[1, 1, [0]]]}, "part"),
        ({"parts": [[0, 0, [0]]]}, "count 0"),
        ({"parts": [[0, 1, []]]}, "part"),
        ({"parts": [[0, 1, [3, 3, 4]]]}, "part"),
        ({"parts": [[0, 1, [3, 4]]]}, "part"),
        ({"parts": [[0, 1, [-3]]]}, "bounds -3"),
        ({"parts": [[0, 1, [True]]]}, "bounds True"),
        ({"parts": [[0, 1, [0], "mem://b/0"]]}, "part"),
        ({"parts": [[0, 2, [1]], [0, 2, [1]]]}, "shards of a stage"),
        ({"stages": [[[0, 2, [1]]]]}, "shards of a stage"),
        ({"more": 1}, "more"),
    ],
)
def test_a_damaged_state_is_refused(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidError, match=text):
        parse_state({**state_of(1), **changes})


@pytest.mark.parametrize("state", [None, {}, [], "text", 5, {"a": [1, {"b": None}]}])
def test_what_is_no_state_is_refused(state: Any) -> None:
    with pytest.raises(InvalidError, match=r"no state of s3dlio.*state_dict"):
        merge_states(state)


def test_states_that_do_not_belong_together_are_refused() -> None:
    one, other = state_of(1, Shard(0, 2)), Shard(1, 2)
    for wrong, text in [
        (state_of(1, other, epoch=1), "epoch 1"),
        (state_of(1, other, seed=1), "shuffled with seed 1"),
        (state_of(1, other, stages=((Part(),),)), "shared 1 times"),
        (state_of(2, Shard(0, 2)), "shard 0 of 2 differ"),
        (state_of(2, Shard(2, 4)), "different numbers"),
    ]:
        with pytest.raises(InvalidError, match=text):
            merge_states([one, wrong])
    with pytest.raises(ChangedError, match=r"10 and 11|11 and 10"):
        merge_states([one, state_of(1, other, total=11)])
    assert merge_states([one, one]) == one
    assert merge_states([state_of(1, other), one])["parts"] == [[0, 2, [1]], [1, 2, [1]]]


def test_some_of_the_shards_are_not_enough_for_others() -> None:
    some = parse_state([state_of(1, Shard(0, 3)), state_of(2, Shard(1, 3))])
    with pytest.raises(InvalidError, match=r"shard 0 of 3, shard 1 of 3.*not for shard 2 of 3.*merge_states"):
        some.sharded(Shard(2, 3))
    assert some.sharded(Shard(1, 3)).parts == (Part(Shard(1, 3), (2,)),)


def test_a_share_of_what_has_not_begun() -> None:
    some = parse_state(state_of(0, Shard(0, 2)))
    assert some.sharded(Shard(0, 2).split(1, 3)).parts == (Part(Shard(2, 6)),)
    with pytest.raises(InvalidError, match="not for shard 1 of 6"):
        some.sharded(Shard(1, 2).split(0, 3))
    begun = parse_state(state_of(1, Shard(0, 2)))
    with pytest.raises(InvalidError, match="not for shard 2 of 6"):
        begun.sharded(Shard(2, 6))


def test_huge_bounds_of_a_damaged_state_cost_nothing() -> None:
    progress = Progress()
    progress.load(parse_state({**state_of(), "parts": [[0, 1, [0, 1, 1 << 60]]]}))
    with pytest.raises(InvalidError, match="damaged"):
        progress.begin(listing_of(10))


def test_the_order_and_the_listing_must_be_those_of_the_state() -> None:
    with pytest.raises(InvalidError, match=r"without shuffle, but is loaded with shuffle=True and seed=3"):
        Progress(0, 3).load(parse_state(state_of(1)))
    progress = Progress()
    progress.load(parse_state(state_of(1)))
    for other in (listing_of(11), Listing.from_uris([f"mem://b/{i:05d}" for i in range(1, 11)])):
        with pytest.raises(ChangedError, match="listing has changed"):
            progress.begin(other)
    beyond = Progress()
    beyond.load(parse_state(state_of(11)))
    with pytest.raises(InvalidError, match="damaged: 11 samples"):
        beyond.begin(listing_of(10))


def test_states_inside_those_of_torchdata_are_found() -> None:
    mine, stale = state_of(3), state_of(1)
    single = {"fetcher_state": {"dataset_iter_state": mine, "fetcher_ended": False}, "dataset_state": stale, "n": 1}
    assert merge_states(single) == mine
    assert merge_states({"fetcher_state": None, "dataset_state": mine}) == mine


def test_only_when_all_have_ended_the_pass_has() -> None:
    ended, going_on = state_of(5, Shard(0, 2), ended=True), state_of(4, Shard(1, 2))
    assert merge_states([ended, going_on])["ended"] is False
    assert merge_states([ended, {**going_on, "ended": True}])["ended"] is True


def test_the_digest_of_a_listing_is_that_of_its_uris() -> None:
    uris = ["mem://b/x/1", "mem://b/x/2", "mem://b/y"]
    whole = Listing.from_uris(uris, [1, 2, 3])
    assert whole.digest() == Listing.joined([Listing.from_uris(uris[:2]), Listing.from_uris(uris[2:])]).digest()
    assert whole.digest() == pickle.loads(pickle.dumps(whole)).digest()
    others = [uris[::-1], uris[:2], [*uris, uris[0]], ["mem://b/x/1", "mem://b/x/", "2mem://b/y"]]
    assert len({whole.digest(), *(Listing.from_uris(other).digest() for other in others)}) == 5
    assert Listing.from_uris(["mem://b/\udcff"]).digest() != Listing.from_uris(["mem://b/\xff"]).digest()

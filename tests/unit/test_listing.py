"""Listing: URIs come out as they went in, whatever they contain."""

from __future__ import annotations

import os
import pickle
from array import array
from pathlib import Path

import pytest

from s3dlio.errors import InvalidError
from s3dlio.listing import Listing

KEYS = ["a b", "ünï/cödé", "per%cent", "p+q", "#h?q", ".hidden", "x" * 1024, "日本", os.fsdecode(b"raw\xff\xfe")]
URIS = [f"s3://bucket/data/{key}" for key in KEYS]


def test_round_trip() -> None:
    listing = Listing.from_uris(URIS, range(len(URIS)))
    assert listing.base == "s3://bucket/data/"
    assert len(listing) == len(URIS)
    assert listing.uris() == list(listing) == [listing.uri(i) for i in range(len(URIS))] == URIS
    assert list(listing.sizes) == list(range(len(URIS)))
    assert listing.uri(-1) == URIS[-1]
    with pytest.raises(IndexError):
        listing.uri(len(URIS))


def test_the_base_is_what_all_have_in_common() -> None:
    ascii_only = Listing.from_uris(["s3://b/train/x1", "s3://b/train/x2", "s3://b/train/x"])
    assert ascii_only.base == "s3://b/train/x"
    assert ascii_only.names == b"12"
    assert ascii_only.uris() == ["s3://b/train/x1", "s3://b/train/x2", "s3://b/train/x"]
    assert list(ascii_only.sizes) == [-1, -1, -1]
    assert Listing.from_uris(["file:///a", "s3://b/a"]).base == ""
    one = Listing.from_uris(["s3://b/k"])
    assert (one.base, one.names, list(one)) == ("s3://b/k", b"", ["s3://b/k"])
    assert list(Listing.from_uris([])) == []


def test_a_base_is_never_cut_inside_a_character() -> None:
    uris = ["file:///é", "file:///è"]  # their UTF-8 has the first byte in common
    listing = Listing.from_uris(uris)
    assert listing.base == "file:///"
    assert listing.uris() == uris


def test_select() -> None:
    listing = Listing(
        "s3://b/", b"abc", array("q", [1, 2, 3]), array("q", [10, 20, 30]), array("q", [1, 2, 3]), ("x", "y", "z")
    )
    picked = listing.select([2, 0, 2])
    assert picked.uris() == ["s3://b/c", "s3://b/a", "s3://b/c"]
    assert list(picked.sizes) == [30, 10, 30]
    assert picked.mtimes_ns is not None
    assert list(picked.mtimes_ns) == [3, 1, 3]
    assert picked.etags == ("z", "x", "z")
    assert len(listing.select([])) == 0


def test_joined() -> None:
    pages = [Listing.from_uris(URIS[:3], [1, 2, 3]), Listing.from_uris(URIS[3:], [4] * 6), Listing.from_uris([])]
    assert Listing.joined(pages).uris() == URIS
    same_base = [Listing("s3://b/", name, array("q", [len(name)]), array("q", [7])) for name in (b"one", b"two")]
    joined = Listing.joined(same_base)
    assert (joined.uris(), list(joined.sizes)) == (["s3://b/one", "s3://b/two"], [7, 7])
    assert len(Listing.joined([])) == 0


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(protocol: int) -> None:
    listing = Listing.from_uris(URIS, range(len(URIS)))
    restored = pickle.loads(pickle.dumps(listing, protocol))
    assert restored == listing
    assert restored != Listing.from_uris(URIS)


def test_a_pickle_is_compact() -> None:
    uris = [f"s3://bucket/a/rather/long/prefix/{i:08d}.jpg" for i in range(10_000)]
    assert len(pickle.dumps(Listing.from_uris(uris))) < 10_000 * 30


def test_wrong_input() -> None:
    with pytest.raises(InvalidError, match="2 URIs, but 1 sizes"):
        Listing.from_uris(["s3://b/1", "s3://b/2"], [1])
    with pytest.raises(InvalidError, match="must be a str, not int"):
        Listing.from_uris([5])  # type: ignore[list-item]
    with pytest.raises(InvalidError, match="write 'file:///data/x'"):
        Listing.from_uris([Path("/data/x")])  # type: ignore[list-item]
    with pytest.raises(InvalidError, match="surrogate"):
        Listing.from_uris(["s3://b/\ud800"])

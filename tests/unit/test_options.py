"""The table of options: what it accepts, what it refuses and how it says so, and that its three faces agree."""

from __future__ import annotations

import pickle
import re
import typing
from pathlib import Path
from typing import Any

import pytest

from s3dlio._native import describe
from s3dlio._options_page import markdown, pages
from s3dlio.errors import InvalidError, S3DlioError
from s3dlio.options import ClientOptions, LoaderOptions, Options, table
from s3dlio.writer_options import WriterOptions, writer_table

ROOT = Path(__file__).parents[2]


class Int:
    """An integer that is no int, as numpy's are."""

    def __index__(self) -> int:
        return 3


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"batch_size": 32, "shuffle": True, "num_workers": 4, "prefetch": 8}, None),
        ({"part_size": 8388608, "max_concurrent": 10}, None),
        ({"recursive": True, "pattern": "*.txt"}, None),
        ({"pattern": re.compile(r"\d+")}, None),
        ({"batch_size": Int()}, {"batch_size": 3}),
        ({"connect_timeout": 2}, {"connect_timeout": 2.0}),
        ({"endpoints": ["http://a", "http://b"]}, {"endpoints": ("http://a", "http://b")}),
        (
            {"batch_size": None, "seed": None, "max_concurrent": None},
            {"batch_size": None, "seed": 0, "max_concurrent": 32},
        ),
    ],
)
def test_valid_options_are_taken(given: dict[str, Any], expected: dict[str, Any] | None) -> None:
    for options in (Options.parse(given), Options.parse(**given)):
        for name, value in (expected or given).items():
            assert getattr(options, name) == value
            assert type(getattr(options, name)) is type(value)


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ({"batchsize": 1}, ["'batchsize'", "'batch_size'"]),
        ({"Shuffle": True}, ["'Shuffle'", "'shuffle'"]),
        ({"max_concurency": 1}, ["'max_concurency'", "'max_concurrent'"]),
        ({"zzzz": 1}, ["'zzzz'", "batch_size, drop_last"]),
        ({7: 1}, ["7"]),
        ({"batch_size": "32"}, ["batch_size", "int", "'32'", "str"]),
        ({"batch_size": True}, ["batch_size", "int", "bool"]),
        ({"batch_size": 4.0}, ["batch_size", "int", "float"]),
        ({"batch_size": 0}, ["batch_size", "at least 1", "0"]),
        ({"shuffle": 1}, ["shuffle", "bool", "int"]),
        ({"shuffle": "yes"}, ["shuffle", "bool", "'yes'"]),
        ({"prefetch": 0}, ["prefetch", "at least 1"]),
        ({"part_size": -1}, ["part_size", "at least 1", "-1"]),
        ({"pattern": 7}, ["pattern", "str or re.Pattern", "int"]),
        ({"order": "random"}, ["order", "'ordered' or 'completion'", "'random'"]),
        ({"reader_mode": None, "strategy": "fast"}, ["strategy", "'round_robin' or 'least_busy'"]),
        ({"connect_timeout": 0}, ["connect_timeout", "greater than 0"]),
        ({"connect_timeout": float("nan")}, ["connect_timeout", "greater than 0"]),
        ({"endpoints": "http://a"}, ["endpoints", "list of str", "'http://a'"]),
        ({"endpoints": [1]}, ["endpoints", "list of str"]),
        ({"endpoints": ["http://a"], "endpoint_url": "http://b"}, ["endpoint_url", "endpoints"]),
        ({"drop_last": True}, ["drop_last", "batch_size"]),
        ({"shard_rank": 0}, ["shard_rank", "shard_world_size"]),
        ({"shard_rank": 2, "shard_world_size": 2}, ["shard_rank", "shard_world_size", "less than"]),
        ({"worker_id": 0}, ["worker_id", "num_workers_pytorch"]),
        ({"worker_id": -1, "num_workers_pytorch": 2}, ["worker_id", "at least 0"]),
    ],
)
def test_a_mistake_is_named(given: dict[Any, Any], texts: list[str]) -> None:
    with pytest.raises(InvalidError) as caught:
        Options.parse(given)
    assert isinstance(caught.value, S3DlioError)
    for text in texts:
        assert text in str(caught.value)


@pytest.mark.parametrize("wrong", [[("batch_size", 1)], "batch_size", 32])
def test_options_must_be_a_mapping(wrong: Any) -> None:
    with pytest.raises(InvalidError, match="options must be a dict"):
        Options.parse(wrong)


def test_keywords_win_and_updates_keep_the_rest() -> None:
    options = Options.parse({"batch_size": 8, "seed": 1}, seed=2)
    assert (options.batch_size, options.seed) == (8, 2)
    assert options.updated({"seed": 3}) == Options.parse(batch_size=8, seed=3)
    assert options.updated(Options.parse(order="completion"), seed=4) == Options.parse(order="completion", seed=4)
    assert options.updated(batch_size=None).batch_size is None


def test_options_pickle_and_compare() -> None:
    options = Options.parse(pattern=re.compile("a+"), endpoints=["http://a"], shuffle=True)
    assert pickle.loads(pickle.dumps(options)) == options


def test_client_configuration_names_what_differs_from_the_default() -> None:
    assert Options.parse(batch_size=4, part_size=1 << 20).client_config() == {}
    assert Options.parse(endpoint_url="http://a").client_config() == {"endpoints": ["http://a"]}
    given = Options.parse(endpoints=["http://a", "http://b"], strategy="least_busy", request_timeout=1, region="x")
    assert given.client_config() == {
        "endpoints": ["http://a", "http://b"], "strategy": "least_busy", "request_timeout": 1.0, "region": "x",
    }  # fmt: skip


def test_typed_dict_is_the_table() -> None:
    assert typing.get_type_hints(LoaderOptions) == typing.get_type_hints(Options)
    assert set(typing.get_type_hints(ClientOptions)) == {
        name for name, row in table().items() if row.about.layer == "client"
    }


GO_CONFIG = (ROOT / "gosrc/internal/config/config.go").read_text()


def test_client_options_are_the_fields_of_the_go_configuration() -> None:
    tags = set(re.findall(r'`json:"(\w+)', GO_CONFIG)) - {"env"}
    ours = {name for name, row in table().items() if row.about.layer == "client"} - {"endpoint_url"}
    assert ours == tags


def test_client_defaults_are_those_of_the_go_configuration() -> None:
    tag_of = dict(re.findall(r'^\t(\w+) .*`json:"(\w+)', GO_CONFIG, re.MULTILINE))
    body = re.search(r"func Default\(\) Config \{(.*?)^\}", GO_CONFIG, re.DOTALL | re.MULTILINE)
    assert body
    go = {tag_of[field]: value for field, value in re.findall(r"^\t\t(\w+):\s+(.+),$", body[1], re.MULTILINE)}
    assert go
    zero = ("", 0, False, None, ())
    for name, row in table().items():
        if row.about.layer == "client" and name in go:
            assert _go_value(go.pop(name)) == row.default, name
        elif row.about.layer == "client":
            assert row.default in zero, f"{name}: Go's default is its zero value"
    assert go == {}


def _go_value(text: str) -> object:
    if seconds := re.fullmatch(r"Seconds\((\d+) \* time\.Second\)", text):
        return float(seconds[1])
    if shifted := re.fullmatch(r"(\d+) << (\d+)", text):
        return int(shifted[1]) << int(shifted[2])
    return text.strip('"')


def test_documentation_is_fresh() -> None:
    """Renew it with: python -m s3dlio._options_page docs."""
    for path, text in pages(ROOT / "docs").items():
        assert path.read_text() == text, path


def test_every_scheme_has_its_page() -> None:
    texts = [path.read_text() for path in (ROOT / "docs/backends").glob("*.md")]
    schemes = [scheme for text in texts for scheme in re.findall(r"^<!-- generated for (\w+) -->$", text, re.MULTILINE)]
    known = set(describe()["capabilities"])
    assert sorted(schemes) == sorted(known - {"mem"})
    assert {scheme for row in table().values() for scheme in row.about.schemes} <= known


def test_documentation_tells_of_every_option() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| .* \| (.{10,}) \|$", markdown(), re.MULTILINE)
    writers = [name for name, row in writer_table().items() if row.about.layer == "writer"]
    assert [name for name, *_ in rows] == list(table()) + writers


GO_UPLOAD = (ROOT / "gosrc/internal/upload/options.go").read_text()


def test_options_of_writers_are_the_fields_of_the_go_options() -> None:
    tags = set(re.findall(r'`json:"(\w+)', GO_UPLOAD))
    assert set(WriterOptions.parse().for_library()) == tags
    assert {name for name, row in writer_table().items() if row.about.layer == "writer"} == tags


def test_options_of_writers_and_of_their_clients_are_told_apart() -> None:
    options = WriterOptions.parse({"part_size": Int()}, region="x", metadata={"a": "b"}, compression="zstd")
    assert (options.part_size, options.metadata, options.compression) == (3, {"a": "b"}, "zstd")
    assert options.client.client_config() == {"region": "x"}
    assert WriterOptions.parse(part_size=None, compression=None) == WriterOptions.parse() == WriterOptions.parse({})
    for layer in {row.about.layer for row in table().values()} - {"client"}:
        for name in (name for name, row in table().items() if row.about.layer == layer and name != "part_size"):
            with pytest.raises(InvalidError, match=f"unknown option '{name}'"):
                WriterOptions.parse({name: None})

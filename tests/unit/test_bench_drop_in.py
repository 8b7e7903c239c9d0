"""What the benchmark's page and targets say of the drop-in, out of results that are given."""

from __future__ import annotations

from bench.drop_in import DROP_IN, ORIGINAL, ratio, section, sent
from bench.results import Measurement, Results
from bench.targets import TARGETS


def measured(work: str, peer: str, seconds: float, origin: str = "nginx", fetched: int = 0) -> Measurement:
    """A round in which a GB took so many seconds of wall time, and half of them of CPU."""
    return Measurement(0, work, origin, peer, seconds, seconds / 2, 100.0, 200.0, 10, 10**9, fetched=fetched)


def met(results: Results, title: str) -> tuple[float | None, bool | None]:
    """Value of the target with that in its title, and whether it is met."""
    (target,) = (each for each in TARGETS if title in each.title)
    value = target.value(results)
    return None if value is None else round(value, 6), target.met(results)


def test_factors_are_of_the_medians() -> None:
    results = Results(measurements=[measured("get-2g-fresh", ORIGINAL, seconds) for seconds in (1, 4, 100)])
    assert ratio(results, "get-2g-fresh", "nginx", lambda each: each.cpu) is None

    results.measurements += [measured("get-2g-fresh", DROP_IN, seconds) for seconds in (0.5, 1, 50)]
    assert ratio(results, "get-2g-fresh", "nginx", lambda each: each.cpu) == 0.25
    assert met(results, "2 GiB, `reader.read()`") == (0.25, True)
    text = "\n".join(section(results))
    assert "| GET 2 GiB, fresh memory | nginx | 2.00 (0.50 - 50.0) | 0.50 (0.25 - 25.0) | 0.25 | 0.25" in text


def test_the_worst_of_several_works_counts() -> None:
    results = Results()
    for work, origin, seconds in (
        ("get-128k", "nginx", 0.4),
        ("drop-in-128k-map-prefix", "minio", 0.7),
        ("drop-in-128k-map-bytes-2", "nginx", 0.9),  # has workers
        ("drop-in-8m-map-loop", "nginx", 0.8),  # is of the other size
    ):
        results.measurements += [measured(work, ORIGINAL, 1, origin), measured(work, DROP_IN, seconds, origin)]
    assert met(results, "in one process, 128 KiB") == (0.7, False)
    assert met(results, "in one process, 8 MiB") == (0.8, False)
    assert met(results, "DataLoader, 2 workers, the worst") == (0.9, False)


def test_bytes_of_a_load_in_part_are_compared_with_the_best_setting_of_the_original() -> None:
    results = Results(
        measurements=[
            measured("drop-in-dcp", ORIGINAL, 1, fetched=400_000_000),
            measured("drop-in-dcp-exact", ORIGINAL, 1, fetched=100_000_000),
            measured("drop-in-dcp", DROP_IN, 1, fetched=101_000_000),
        ]
    )
    assert sent(results, "drop-in-dcp", DROP_IN) == 101.0
    assert met(results, "bytes sent") == (1.01, False)
    assert "| DCP load of a quarter of 1 GiB | 400 | 101 |" in "\n".join(section(results))


def test_what_only_the_drop_in_can_do_has_no_factor() -> None:
    results = Results(measurements=[measured("drop-in-8m-map-readers-2", DROP_IN, 1)])
    assert "| nginx | - | 0.50 (0.50 - 0.50) | - | - | 1.00 (1.00 - 1.00) | - |" in "\n".join(section(results))
    assert met(results, "DataLoader, 2 workers, the worst") == (None, None)
    assert section(Results()) == []

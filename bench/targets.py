"""What this library is to reach, and whether it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.drop_in import DROP_IN, ORIGINAL, Figure, ratio, sent
from bench.results import Measurement, Results
from bench.works import WORKS, Work

__all__ = ["TARGETS", "Target"]

Value = Callable[[Results], float | None]
OURS = "s3dlio"


@dataclass(frozen=True)
class Target:
    """A limit for a figure."""

    title: str
    unit: str
    limit: float
    value: Value
    work: str = ""  # where the chart shows the limit: client CPU time of this work from nginx, or of a local file
    at_least: bool = False

    def met(self, results: Results) -> bool | None:
        """None where it was not measured."""
        value = self.value(results)
        return None if value is None else value >= self.limit if self.at_least else value <= self.limit


def _cpu(each: Measurement) -> float:
    return each.cost


def _wall(each: Measurement) -> float:
    return each.wall


def _cost(work: str, origin: str = "nginx") -> Value:
    return lambda results: results.cost(work, origin, OURS)


def _best(works: tuple[str, ...]) -> Value:
    """The better of the ways to do one thing."""

    def value(results: Results) -> float | None:
        known = [cost for work in works if (cost := results.cost(work, "nginx", OURS)) is not None]
        return min(known, default=None)

    return value


def _beside_obstore(results: Results) -> float | None:
    own, other = (results.cost("get-128k", "nginx", peer) for peer in (OURS, "obstore"))
    return None if own is None or other is None else own / other


def _beside_fio(results: Results) -> float | None:
    own, other = (results.spread("file-direct", "local", peer, lambda each: each.speed) for peer in (OURS, "fio"))
    return None if own is None or other is None else own.median / other.median


def _memory(results: Results) -> float | None:
    works = [f"keys-{count}" for count in (1_000, 100_000, 1_000_000)]
    found = [each.above_budget_mb for work in works for each in results.of(work, "keys", OURS)]
    return max(found, default=None)


def _worst(figure: Figure, chosen: Callable[[Work], bool]) -> Value:
    """The largest factor of the drop-in to the original, over works and origins."""

    def value(results: Results) -> float | None:
        pairs = [(work.name, origin) for work in WORKS.values() if chosen(work) for origin in work.origins]
        known = [found for pair in pairs if (found := ratio(results, *pair, figure)) is not None]
        return max(known, default=None)

    return value


def _in_one_process(prefix: str) -> Callable[[Work], bool]:
    """Datasets over that data, in plain loops and without workers."""
    calls = ("objects", "samples", "transformed", "bytes_loader")
    return lambda work: work.prefix == prefix and work.call in calls and work.workers == 0


def _named(*names: str) -> Callable[[Work], bool]:
    return lambda work: work.name in names


def _sent_beside_the_best(results: Results) -> float | None:
    works = ("drop-in-dcp", "drop-in-dcp-exact")
    own = sent(results, works[0], DROP_IN)
    others = [found for work in works if (found := sent(results, work, ORIGINAL))]
    return own / min(others) if own and others else None


CPU = "CPU s/GB"
CPU_FACTOR, WALL_FACTOR = "x the CPU", "x the wall time"
TARGETS = (
    Target("GET 4,000 x 128 KiB from nginx", CPU, 0.9, _cost("get-128k"), "get-128k"),
    Target("the same beside obstore", "x obstore", 0.5, _beside_obstore),
    Target("GET 200 x 8 MiB from nginx", CPU, 0.45, _cost("get-8m"), "get-8m"),
    Target("GET 2 GiB from nginx, fresh memory", CPU, 0.68, _cost("get-2g-fresh"), "get-2g-fresh"),
    Target("GET 2 GiB from nginx, reused memory", CPU, 0.45, _cost("get-2g-reused"), "get-2g-reused"),
    Target("torch DataLoader, 2 workers, 8 MiB uint8 tensors", CPU, 1.6,
           _best(("torch-8m-map-2", "torch-8m-iterable-2")), "torch-8m-map-2"),
    Target("file of 4 GiB, O_DIRECT, throughput beside fio", "x fio", 0.95, _beside_fio, at_least=True),
    Target("file of 4 GiB, page cache", CPU, 0.18, _cost("file", "local"), "file"),
    Target("drop-in: datasets in one process, 128 KiB, the worst", CPU_FACTOR, 0.5,
           _worst(_cpu, _in_one_process("small/"))),
    Target("drop-in: datasets in one process, 8 MiB, the worst", CPU_FACTOR, 0.6,
           _worst(_cpu, _in_one_process("large/"))),
    Target("drop-in: 2 GiB, `reader.read()`", CPU_FACTOR, 0.35, _worst(_cpu, _named("get-2g-fresh"))),
    Target("drop-in: DataLoader, 2 workers, the worst", CPU_FACTOR, 0.5, _worst(_cpu, lambda work: work.workers == 2)),
    Target("drop-in: torch.save of 2 GiB", WALL_FACTOR, 0.8, _worst(_wall, _named("drop-in-save"))),
    Target("drop-in: torch.load of 2 GiB", WALL_FACTOR, 0.5, _worst(_wall, _named("drop-in-load"))),
    Target("drop-in: torch.load of 2 GiB", CPU_FACTOR, 0.5, _worst(_cpu, _named("drop-in-load"))),
    Target("drop-in: DCP load of a quarter, bytes sent beside the original's best setting", "x the bytes", 1.0,
           _sent_beside_the_best),
    Target("memory above the byte budget, 10^3 to 10^6 keys", "MB", 100, _memory),
)  # fmt: skip

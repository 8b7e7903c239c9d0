"""What was measured, and what is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.peers import PEERS
from bench.works import WORKS

__all__ = ["Measurement", "Results", "Spread"]


@dataclass(frozen=True)
class Measurement:
    """One run of a client: seconds, bytes, MB."""

    round: int
    work: str
    origin: str
    peer: str
    wall: float
    cpu: float
    start_mb: float
    peak_mb: float
    items: int
    bytes: int
    checksum: int = 0
    fetched: int = 0  # bytes that the server has sent, where they are counted

    @property
    def gigabytes(self) -> float:
        """10^9 bytes."""
        return self.bytes / 1e9

    @property
    def cost(self) -> float:
        """Client CPU time: seconds per GB, or microseconds per key of a listing."""
        return self.cpu / self.items * 1e6 if WORKS[self.work].unit == "key" else self.cpu / self.gigabytes

    @property
    def speed(self) -> float:
        """GB per second, or keys per second of a listing."""
        return (self.items if WORKS[self.work].unit == "key" else self.gigabytes) / self.wall

    @property
    def above_budget_mb(self) -> float:
        """How far memory grew beyond what the budget allows to hold, or all data if that is less."""
        held = min(WORKS[self.work].memory_budget, self.bytes) / 1e6
        return self.peak_mb - self.start_mb - held


@dataclass(frozen=True)
class Spread:
    """The median of the rounds, and their range."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of some values."""
        known = sorted(values)
        return cls(median(known), known[0], known[-1])


@dataclass
class Results:
    """A whole run; `write` and `read` keep it as JSON."""

    about: dict[str, Any] = field(default_factory=dict)
    failures: list[dict[str, str]] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)

    def fail(self, work: str, origin: str, peer: str, error: str) -> None:
        """Keep why something was not measured."""
        self.failures.append({"work": work, "origin": origin, "peer": peer, "error": error})

    def of(self, work: str, origin: str, peer: str) -> list[Measurement]:
        """All rounds of one combination."""
        return [each for each in self.measurements if (each.work, each.origin, each.peer) == (work, origin, peer)]

    def spread(self, work: str, origin: str, peer: str, value: Callable[[Measurement], float]) -> Spread | None:
        """The spread of a figure over the rounds; None where there are none."""
        rounds = self.of(work, origin, peer)
        return Spread.of(map(value, rounds)) if rounds else None

    def cost(self, work: str, origin: str, peer: str) -> float | None:
        """The median of the client CPU time."""
        found = self.spread(work, origin, peer, lambda each: each.cost)
        return found.median if found else None

    def peers(self, work: str, origin: str) -> list[str]:
        """Who was measured, in the order of the table of peers."""
        there = {each.peer for each in self.measurements if (each.work, each.origin) == (work, origin)}
        return [peer for peer in PEERS if peer in there]

    def write(self, path: Path) -> None:
        """Write all of it."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what `write` wrote."""
        stored = json.loads(path.read_text(encoding="utf-8"))
        return cls(stored["about"], stored["failures"], [Measurement(**each) for each in stored["measurements"]])

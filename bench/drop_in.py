"""The drop-in beside s3torchconnector: the same program, work by work."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.origins import ORIGINS
from bench.results import Measurement, Results
from bench.tables import number, table, with_range
from bench.works import WORKS, Work

__all__ = ["DROP_IN", "ORIGINAL", "Figure", "ratio", "section", "sent"]

DROP_IN, ORIGINAL = "drop-in", "s3torchconnector"
Figure = Callable[[Measurement], float]
INTRODUCTION = """\
## As a drop-in for s3torchconnector

One program, [bench/client/s3torch.py](../bench/client/s3torch.py), with s3torchconnector, and with
`python -m s3dlio.compat.s3torchconnector` in front of it. The factors are drop-in / original, of CPU and of wall time:
less than 1 is better. With DataLoader workers much of the time is PyTorch's: samples that are `bytes` go through a
pipe, tensors are copied into a batch. Readers that cross from a worker to the parent are beyond the original, which
cannot pickle them.
"""
SENT = """\
Bytes that nginx sent for a quarter of the tensors of a distributed checkpoint, every fourth one:
"""


def ratio(results: Results, work: str, origin: str, figure: Figure) -> float | None:
    """The median of the drop-in by that of the original; None where one is missing."""
    own, other = (results.spread(work, origin, peer, figure) for peer in (DROP_IN, ORIGINAL))
    return own.median / other.median if own and other else None


def sent(results: Results, work: str, peer: str) -> float | None:
    """MB that the server sent, the median."""
    found = results.spread(work, "nginx", peer, lambda each: each.fetched / 1e6)
    return found.median if found else None


def section(results: Results) -> list[str]:
    """The part of the page; nothing where the drop-in was not measured."""
    pairs = [(work, origin) for work in WORKS.values() for origin in work.origins
             if results.of(work.name, origin, DROP_IN)]  # fmt: skip
    if not pairs:
        return []
    head = ["", "from", "CPU s/GB, original", "drop-in", "factor", "GB/s, original", "drop-in", "wall, factor"]
    parts = [INTRODUCTION, table(head, (_row(results, *pair) for pair in pairs), 2)]
    loads = [work for work, origin in pairs if work.call == "dcp_load" and origin == "nginx"]
    if loads:
        parts += [SENT, table(["", "MB, original", "drop-in"], (_sent_row(results, work) for work in loads), 1)]
    return parts


def _row(results: Results, work: Work, origin: str) -> list[str]:
    def cells(cost: Figure, shown: Figure) -> Iterator[str]:
        for peer in (ORIGINAL, DROP_IN):
            spread = results.spread(work.name, origin, peer, shown)
            yield with_range(spread) if spread else "-"
        factor = ratio(results, work.name, origin, cost)
        yield "-" if factor is None else f"{factor:.2f}"

    cpu = cells(lambda each: each.cost, lambda each: each.cost)
    wall = cells(lambda each: each.wall, lambda each: each.speed)
    return [work.title, ORIGINS[origin].title, *cpu, *wall]


def _sent_row(results: Results, work: Work) -> list[str]:
    found = [sent(results, work.name, peer) for peer in (ORIGINAL, DROP_IN)]
    return [work.title, *("-" if each is None else number(each) for each in found)]

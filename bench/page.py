"""docs/performance.md, made of the results."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.drop_in import DROP_IN, section
from bench.origins import ORIGINS
from bench.peers import PEERS
from bench.results import Results
from bench.tables import number, table, with_range
from bench.targets import OURS, TARGETS
from bench.works import WORKS, Work

__all__ = ["page"]

NOTES = Path(__file__).with_name("notes.md")
INTRODUCTION = """\
# Performance

Made by `{command}` from [{data}]({data}), which holds every run; the command makes all of it anew.
What runs, and why in this way, is in [dev/benchmarking.md](dev/benchmarking.md).

![Client CPU time by work and peer]({chart})

## The figures

- **CPU** is the figure to compare: user and system time of the client process and its workers, per GB (10^9 bytes) or
  per key. It is what loading takes away from training, and it moves least with the machine. Interpreter start,
  imports, the first connections and the making of test data are not in it.
- **Speed** is wall time, with servers and client on the same cores: the more a client spends, the less the server gets.
- **Peak memory** is the largest resident size of the client process in MB, the interpreter, its libraries and what is
  delivered included. With DataLoader workers, the largest worker's is added for each of them; memory that they share
  counts several times.
- Each figure is the median of {rounds} rounds, with the range in brackets. In a round every client does every work
  once, each in a process of its own, one after the other. Before the first round each has delivered everything once,
  and the checksums were compared.
- *Plain Go*, *plain Python* and *fio* do no more than the work asks: they show what the machine can do.
"""
MEMORY = """\
A dataset of tiny objects, listed and read once with a `memory_budget` of {budget:.0f} MB, by a consumer that pauses
until as much is fetched ahead as may be. Above the budget: what the process grew by, less the budget, or less all data
where that is smaller.
"""


def page(results: Results, data: str, chart: str) -> str:
    """The page as Markdown; `data` and `chart` are the names of the files beside it."""
    about = results.about
    parts = [INTRODUCTION.format(command=about["command"], rounds=about["rounds"], data=data, chart=chart)]
    parts += ["## Targets\n", _targets(results)]
    parts += ["## Measured on\n", _about(results)]
    parts += [text for work in WORKS.values() if work.is_for_all for text in _work(results, work)]
    parts += section(results)
    parts += _memory(results)
    parts += _left_out(results)
    if NOTES.exists():
        parts.append(NOTES.read_text(encoding="utf-8"))
    return "\n".join(parts)


def _targets(results: Results) -> str:
    def rows() -> Iterator[list[str]]:
        for target in TARGETS:
            value, met = target.value(results), target.met(results)
            said = {None: "not measured", True: "met", False: "**missed**"}[met]
            sign = ">=" if target.at_least else "<="
            measured = "" if value is None else number(value)
            yield [target.title, f"{sign} {target.limit:g} {target.unit}", measured, said]

    return table(["", "target", "measured", ""], rows(), 2)


def _about(results: Results) -> str:
    lines = [f"- {name}: {text}" for name, text in results.about["machine"].items()]
    versions = ", ".join(f"{name} {text}" for name, text in results.about["versions"].items())
    return "\n".join([*lines, f"- versions: {versions}", f"- started: {results.about['started']}", ""])


def _work(results: Results, work: Work) -> Iterator[str]:
    origins = [origin for origin in work.origins if results.peers(work.name, origin)]
    if not origins:
        return
    key = work.unit == "key"
    head = ["CPU µs/key" if key else "CPU s/GB", "keys/s" if key else "GB/s", "peak MB"]

    def rows() -> Iterator[list[str]]:
        for origin in origins:
            for peer in results.peers(work.name, origin):
                title = PEERS[peer].title
                cells = [f"**{title}**" if peer in (OURS, DROP_IN) else title]
                for value in (lambda each: each.cost, lambda each: each.speed, lambda each: each.peak_mb):
                    spread = results.spread(work.name, origin, peer, value)
                    cells.append(with_range(spread) if spread else "")
                if peer == "fio":
                    cells[-1] = "-"
                yield [ORIGINS[origin].title, *cells]

    yield f"## {work.title[0].upper()}{work.title[1:]}\n"
    yield table(["from", "client", *head], rows(), 2)


def _memory(results: Results) -> list[str]:
    works = [work for work in WORKS.values() if results.of(work.name, "keys", OURS)]
    if not works:
        return []

    def rows() -> Iterator[list[str]]:
        for work in works:
            for each in results.of(work.name, "keys", OURS):
                cells = (each.start_mb, each.peak_mb, each.above_budget_mb)
                yield [f"{each.items:,}", f"{each.bytes / 1e6:,.0f}", *map(number, cells)]

    text = MEMORY.format(budget=works[0].memory_budget / 1e6)
    head = ["keys", "data MB", "MB before", "peak MB", "MB above the budget"]
    return ["## Memory by number of keys\n", text, table(head, rows(), 0)]


def _left_out(results: Results) -> list[str]:
    lines = [f"- {name}: {why}" for name, why in results.about["missing"].items()]
    failed: dict[tuple[str, str], list[str]] = {}
    for each in results.failures:
        failed.setdefault((each["peer"], each["error"]), []).append(f"{each['work']} from {each['origin']}")
    lines += [f"- {PEERS[peer].title}: {', '.join(dict.fromkeys(works))}: `{error}`"
              for (peer, error), works in failed.items()]  # fmt: skip
    return ["## Not measured\n", "\n".join(lines) + "\n"] if lines else []

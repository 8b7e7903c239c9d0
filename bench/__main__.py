"""The command line of the benchmarks: python -m bench."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.table import Table

from bench.chart import draw
from bench.machine import machine, versions
from bench.origins import ORIGINS, Origin
from bench.page import page
from bench.peers import CACHE, PEERS, ROOT, Client, Peer, Unavailable, client_of
from bench.results import Results
from bench.rounds import Combination, Failed, check, combinations, measure
from bench.tables import number
from bench.targets import TARGETS
from bench.works import REMOTE, WORKS, Work

EXAMPLES = """
\b
Examples:
  python -m bench                                   everything, into docs/ (over an hour)
  python -m bench --quick                           the same with little data (some minutes)
  python -m bench --works get-128k --works get-8m --peers s3dlio --peers obstore --origins nginx
  python -m bench --works 'torch-*' --rounds 3      by pattern
  python -m bench --render docs/performance.json    page and chart again from the results
\b
Leave the machine alone meanwhile. Needed besides Python: uv, go, and for their origins nginx, openssl and
fio; what is missing is said, and left out.
"""
BUSY = 0.5  # load above which others take part of the machine
STARTED = time.monotonic()
console = Console(highlight=False, soft_wrap=True)


def _chosen(names: Sequence[str], known: Sequence[str], option: str) -> list[str]:
    """The known names that were given, by name or pattern; all where none was given."""
    for name in names:
        if not any(fnmatchcase(each, name) for each in known):
            raise click.BadParameter(f"{name!r} is none of {', '.join(known)}", param_hint=option)
    return [each for each in known if not names or any(fnmatchcase(each, name) for name in names)]


@click.command(epilog=EXAMPLES, context_settings={"max_content_width": 100})
@click.option("--works", multiple=True, help=f"What to measure; a name or pattern of: {', '.join(WORKS)}.")
@click.option("--peers", multiple=True, help=f"Who is measured: {', '.join(PEERS)}.")
@click.option("--origins", multiple=True, help=f"Where from: {', '.join(ORIGINS)}.")
@click.option("--rounds", type=click.IntRange(1), help="How often each is measured. Default: 5, with --quick 1.")
@click.option("--quick", is_flag=True, help="Little data: to see that it works, not to compare.")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False),
              help="Folder for page, chart and JSON. Default: docs, with --quick .cache/bench/quick.")  # fmt: skip
@click.option("--python", default=sys.executable, show_default="the one that runs this",
              help="Interpreter with this library's requirements and torch, for this library and, as the source of "
              "torch, for the others.")  # fmt: skip
@click.option("--memory", type=click.Path(path_type=Path, file_okay=False),
              help="Folder for what servers serve. Default: /dev/shm if it has room, else that of --disk.")  # fmt: skip
@click.option("--disk", type=click.Path(path_type=Path, file_okay=False), default=CACHE / "disk",
              show_default=".cache/bench/disk", help="Folder for local files, on a disk with O_DIRECT.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(1), default=60.0, show_default=True,
              help="Seconds after which a client has failed.")  # fmt: skip
@click.option("--render", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="Measure nothing: make page and chart of these results.")  # fmt: skip
def main(
    works: tuple[str, ...], peers: tuple[str, ...], origins: tuple[str, ...], rounds: int | None, quick: bool,
    output: Path | None, python: str, memory: Path | None, disk: Path, timeout: float, render: Path | None,
) -> None:  # fmt: skip
    """Measure s3dlio beside other libraries: client CPU time, throughput and peak memory, in interleaved rounds."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and data go, however it ends
    folder = output or (CACHE / "quick" if quick else ROOT / "docs")
    folder.mkdir(parents=True, exist_ok=True)
    if render:
        _write(Results.read(render), folder)
        return
    todo = [WORKS[name] for name in _chosen(works, list(WORKS), "--works")]
    if quick:
        todo = [work.smaller(every_origin=bool(origins)) for work in todo if works or work.quick]
    names = _chosen(origins, [name for name in ORIGINS if any(name in work.origins for work in todo)], "--origins")
    todo = [work for work in todo if set(work.origins) & set(names)]
    wanted = [PEERS[name] for name in _chosen(peers, list(PEERS), "--peers")]
    results = Results({"command": _command(), "rounds": rounds or (1 if quick else 5), "quick": quick, "missing": {},
                       "started": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())})  # fmt: skip
    clients: list[Client] = []
    for peer in wanted:
        clients += _ready(results, peer, python)
    results.about |= {"machine": machine(), "versions": versions(clients)}
    if os.getloadavg()[0] > BUSY:
        console.print("The machine is busy: the figures will not be worth much.", style="bold red")
    for name in names:
        there = [work for work in todo if name in work.origins]
        _measure_origin(results, Origin(name, there, _room(memory, disk, there), disk, python), clients, timeout)
        results.write(folder / "performance.json")
    _write(results, folder)


def _ready(results: Results, peer: Peer, python: str) -> list[Client]:
    """The client of a peer, or none."""
    console.print(f"preparing {peer.title}")
    try:
        return [client_of(peer, python)]
    except Unavailable as error:
        _leave_out(results, peer.title, str(error))
        return []


def _leave_out(results: Results, title: str, why: str) -> None:
    results.about["missing"][title] = why
    console.print(f"LEFT OUT: {title}: {why}", style="bold red", markup=False)


def _measure_origin(results: Results, origin: Origin, clients: Sequence[Client], timeout: float) -> None:
    console.print(f"starting {ORIGINS[origin.name].title}")
    try:
        with origin, TemporaryDirectory(prefix="s3dlio-bench-") as empty:
            able = [each for each in combinations(origin, clients)
                    if _able(results, each, origin, Path(empty), timeout)]  # fmt: skip
            measure(able, origin, results.about["rounds"], Path(empty), timeout, results, _say)
    except Unavailable as error:
        _leave_out(results, ORIGINS[origin.name].title, str(error))


def _able(results: Results, each: Combination, origin: Origin, folder: Path, timeout: float) -> bool:
    _say(f"{origin.name}, checking: {each}")
    try:
        return check(each, origin, folder, timeout)
    except Failed as error:
        results.fail(each.work.name, origin.name, each.client.peer.name, str(error))
        console.print(f"FAILED: {origin.name}: {each}: {error}", style="bold red", markup=False)
        return False


def _say(text: str) -> None:
    minutes, seconds = divmod(int(time.monotonic() - STARTED), 60)
    console.print(f"{minutes:3}:{seconds:02}  {text}", markup=False)


def _room(memory: Path | None, disk: Path, works: Sequence[Work]) -> Path:
    """The folder for what servers serve: the one that was given, or the first with room of /dev/shm and the disk's."""
    remote = set(REMOTE)
    served = {work.prefix: work.stored for work in works if set(work.origins) & remote}
    needed = sum(served.values())
    folders = [memory] if memory else [Path("/dev/shm"), disk]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free > needed:
            return folder
    tried = " and ".join(map(str, folders))
    raise click.ClickException(f"{tried}: not the {needed / 1e9:.1f} GB free that are needed: name another --memory")


def _command() -> str:
    """The command, but for where files are: that is of no interest on another machine."""
    context = click.get_current_context()
    words = ["python", "-m", "bench"]
    for name, value in context.params.items():
        if name in ("works", "peers", "origins"):
            words += [f"--{name}={each}" for each in value]
        elif name in ("rounds", "quick") and value:
            words.append(f"--{name}" if value is True else f"--{name}={value}")
    return shlex.join(words)


def _write(results: Results, folder: Path) -> None:
    results.write(folder / "performance.json")
    draw(results, folder / "performance.png")
    (folder / "performance.md").write_text(page(results, "performance.json", "performance.png"), encoding="utf-8")
    table = Table(title="client CPU time, median")
    for column in ("work", "origin", "peer", "CPU", "speed", "peak MB"):
        table.add_column(column, justify="left" if column in ("work", "origin", "peer") else "right")
    for work in WORKS.values():
        for origin in work.origins:
            for peer in results.peers(work.name, origin):
                figures = (lambda each: each.cost, lambda each: each.speed, lambda each: each.peak_mb)
                spreads = [results.spread(work.name, origin, peer, value) for value in figures]
                table.add_row(work.name, origin, peer, *(number(spread.median) for spread in spreads if spread))
    console.print(table)
    for target in TARGETS:
        value, met = target.value(results), target.met(results)
        said = "not measured" if value is None else f"{number(value)} {target.unit} ({'met' if met else 'MISSED'})"
        console.print(f"{target.title}: {said}, target {target.limit:g}", markup=False)
    console.print(f"written: {folder / 'performance.md'}, .json, .png", markup=False)


if __name__ == "__main__":
    main()

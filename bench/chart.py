"""The chart: client CPU time by work and peer."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.drop_in import DROP_IN
from bench.origins import ORIGINS
from bench.peers import PEERS
from bench.results import Results
from bench.targets import OURS, TARGETS
from bench.works import WORKS, Work

__all__ = ["draw"]

OWN, LIKENESS, OTHER, FLOOR, INK, LIMIT = "#2f6fb7", "#8db4dd", "#c3cad3", "#e3e1d9", "#2b2f36", "#c2513f"
COLUMNS = 3


def draw(results: Results, path: Path) -> None:
    """A panel for each work and origin, with bars from the least to the most; lines show the range of the rounds."""
    panels = [
        (work, origin)
        for work in WORKS.values()
        if work.is_for_all
        for origin in work.origins
        if results.peers(work.name, origin)
    ]
    rows = -(-len(panels) // COLUMNS)
    figure = Figure(figsize=(14.5, 0.9 + 2.2 * max(rows, 1)), facecolor="white")
    figure.set_layout_engine("constrained", h_pad=0.12, w_pad=0.12)
    figure.suptitle(
        "Client CPU time (user + system): less is better", fontsize=15, fontweight="bold", color=INK, x=0.01, ha="left"
    )
    grid = figure.subplots(max(rows, 1), COLUMNS, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (work, origin) in zip(grid.flat, panels, strict=False):
        _panel(axes, results, work, origin)
    figure.savefig(path, dpi=110)


def _panel(axes: Axes, results: Results, work: Work, origin: str) -> None:
    spreads = {
        peer: spread
        for peer in results.peers(work.name, origin)
        if (spread := results.spread(work.name, origin, peer, lambda each: each.cost))
    }
    order = sorted(spreads, key=lambda peer: spreads[peer].median)
    values = [spreads[peer].median for peer in order]
    colours = [_colour(peer) for peer in order]
    axes.barh(order, values, 0.68, color=colours)
    top = max(spread.high for spread in spreads.values())
    for place, peer in enumerate(order):
        spread = spreads[peer]
        axes.plot((spread.low, spread.high), (place, place), color=INK, linewidth=1, alpha=0.55, solid_capstyle="butt")
        weight = "bold" if peer == OURS else "normal"
        axes.text(spread.high + top * 0.02, place, _figure(spread.median), va="center", fontsize=9, color=INK,
                  fontweight=weight, bbox={"facecolor": "white", "edgecolor": "none", "pad": 1})  # fmt: skip
    axes.set_yticks(range(len(order)), [PEERS[peer].title for peer in order], fontsize=9, color=INK)
    for label, peer in zip(axes.get_yticklabels(), order, strict=True):
        label.set_fontweight("bold" if peer == OURS else "normal")
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(0, top * 1.16)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    _limit(axes, work, origin)
    unit = "µs per key" if work.unit == "key" else "s/GB"
    source = "" if len(work.origins) == 1 else f", {ORIGINS[origin].title}"
    axes.set_title(f"{work.title}{source} [{unit}]", fontsize=9.3, loc="left", color=INK, pad=15)
    axes.tick_params(axis="x", labelsize=8, colors="#7a808a", length=0)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
    axes.grid(axis="x", color="#eceef1", linewidth=0.8)
    axes.set_axisbelow(True)


def _colour(peer: str) -> str:
    return {OURS: OWN, DROP_IN: LIKENESS}.get(peer, FLOOR if PEERS[peer].floor else OTHER)


def _limit(axes: Axes, work: Work, origin: str) -> None:
    for target in TARGETS:
        if target.work == work.name and origin in ("nginx", "local"):
            axes.axvline(target.limit, color=LIMIT, linewidth=1.2, linestyle=(0, (3, 2)))
            axes.text(
                target.limit, -0.62, f"target {target.limit:g}", color=LIMIT, fontsize=8, ha="center", va="bottom"
            )


def _figure(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"

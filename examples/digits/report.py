"""What a person sees at the end: a table of the measurements, and a chart of them as a PNG file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich import box
from rich.markup import escape
from rich.table import Table

from .record import Row

__all__ = ["chart", "table"]

COLOURS = ("#3b6fb6", "#e08a3c", "#5a9e6f")


def table(rows: Sequence[Row]) -> Table:
    """The measurements, a section for each target."""
    made = Table(title="Throughput", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("target", "step", "content"):
        made.add_column(name)
    for name in ("objects", "MB", "s", "objects/s", "MB/s"):
        made.add_column(name, justify="right")
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        made.add_row(*_cells(row), end_section=following is None or following.target != row.target)
    return made


def _cells(row: Row) -> list[str]:
    named = [row.target, escape(row.step), row.content]
    if row.note:
        return [*named, "-", "-", "-", "-", "-"]
    rate = _number(row.objects_per_second)
    if not row.size:  # a listing moves no data of the objects
        return [*named, f"{row.objects:,}", "-", f"{row.seconds:.3f}", rate, "-"]
    size, speed = _number(row.size / 1e6), _number(row.megabytes_per_second)
    return [*named, f"{row.objects:,}", size, f"{row.seconds:.3f}", rate, speed]


def _number(value: float) -> str:
    """At least three digits that count."""
    decimals = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{decimals}f}"


def chart(rows: Sequence[Row], path: Path) -> None:
    """Objects per second where objects are small, bytes per second where they are large."""
    figure = Figure(figsize=(12, 4.5), layout="constrained")  # not pyplot's: it needs no screen
    small, large = figure.subplots(1, 2, width_ratios=(3, 2))
    figure.suptitle("s3dlio: throughput of each step")
    images = [row for row in rows if row.content == "images" and row.size]
    arrays = [row for row in rows if row.content == "arrays" and row.size]
    _bars(small, "images", "objects/s", images, lambda row: row.objects_per_second)
    _bars(large, "arrays", "MB/s", arrays, lambda row: row.megabytes_per_second)
    figure.legend(*small.get_legend_handles_labels(), loc="upper right", ncols=2, frameon=False)
    figure.savefig(path, dpi=110)


def _bars(axes: Axes, name: str, unit: str, rows: Sequence[Row], value: Callable[[Row], float]) -> None:
    """Horizontal bars: a group for each step, in it a bar for each target."""
    steps = list(dict.fromkeys(row.step for row in rows))
    targets = list(dict.fromkeys(row.target for row in rows))
    height = 0.8 / max(1, len(targets))
    for number, target in enumerate(targets):
        own = [row for row in rows if row.target == target]
        places = [steps.index(row.step) + number * height for row in own]
        bars = axes.barh(places, [value(row) for row in own], height * 0.92, label=target, color=COLOURS[number])
        axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
    axes.set_yticks([place + height * (len(targets) - 1) / 2 for place in range(len(steps))], steps)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    mean = sum(row.size for row in rows) / max(1, sum(row.objects for row in rows))
    axes.set_title(f"{name}, {_size_text(mean)} each", fontsize=10)
    axes.set_xlabel(unit)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)


def _size_text(size: float) -> str:
    return f"{size:,.0f} bytes" if size < 10_000 else f"{size / 1e6:,.1f} MB"

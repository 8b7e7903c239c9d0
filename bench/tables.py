"""Figures and tables of the page."""

from __future__ import annotations

from collections.abc import Iterator

from bench.results import Spread

__all__ = ["number", "table", "with_range"]


def table(head: list[str], rows: Iterator[list[str]], left: int) -> str:
    """A Markdown table; the first `left` columns are text, the others numbers."""
    rule = [":---" if number < left else "---:" for number in range(len(head))]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *rows))


def with_range(spread: Spread) -> str:
    """The median, and the range in brackets."""
    return f"{number(spread.median)} ({number(spread.low)} - {number(spread.high)})"


def number(value: float) -> str:
    """Three digits that count, more where it is large."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) < 0.1 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"

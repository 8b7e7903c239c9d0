"""Progress on standard error: objects, bytes, rate and time left; on a terminal, or when asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

__all__ = ["NO_METER", "Meter", "meter", "progress_option"]

progress_option = click.option(
    "--progress/--no-progress",
    default=None,
    help="Show progress on standard error. Default: on a terminal.",
)


class Meter:
    """Shows how far the work is."""

    def __init__(self, bar: Progress | None, what: str) -> None:
        self._bar = bar
        self._task = None if bar is None else bar.add_task(what, total=None, done=0, count="?")

    def expect(self, count: int, size: int) -> None:
        """Say how many objects, and bytes, there are."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, total=size, count=count)

    def tell(self, done: int, size: int) -> None:
        """Say how many of them are done."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=size, done=done)


NO_METER = Meter(None, "")


@contextmanager
def meter(what: str, wanted: bool | None, with_bytes: bool = True) -> Iterator[Meter]:
    """A meter, which shows nothing where it is not wanted; None: on a terminal.

    Without `with_bytes` it counts objects of which nobody knows how many there are.
    """
    if not (sys.stderr.isatty() if wanted is None else wanted):
        yield NO_METER
        return
    if not with_bytes:
        with Progress(
            SpinnerColumn(), TextColumn(f"{what} {{task.fields[done]}}"), console=Console(stderr=True)
        ) as bar:
            yield Meter(bar, what)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}/{task.fields[count]}"),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield Meter(bar, what)

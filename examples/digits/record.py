"""What was measured: one `Row` a step, taken while a progress bar runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

__all__ = ["Recorder", "Row", "Step"]

REFRESH = 0.1  # seconds between updates of the bar, which must not slow down what it shows


@dataclass(frozen=True)
class Row:
    """A step that was run, or the reason why it was not.

    Attributes:
        target: what it ran against, such as "file://".
        step: what was done.
        content: the kind of objects: "images" or "arrays".
        objects, size, seconds: how many there were, their bytes, and the time that they took.
        note: why there is no measurement.
    """

    target: str
    step: str
    content: str
    objects: int = 0
    size: int = 0
    seconds: float = 0.0
    note: str = ""

    @property
    def objects_per_second(self) -> float:
        """How many objects a second."""
        return self.objects / self.seconds

    @property
    def megabytes_per_second(self) -> float:
        """Millions of bytes a second."""
        return self.size / 1e6 / self.seconds


class Step:
    """A step under way: it is told of every object and passes that on to its bar, now and then."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self.objects = 0
        self.size = 0
        self._progress = progress
        self._task = task
        self._began = self._shown = time.perf_counter()

    def add(self, size: int, objects: int = 1) -> None:
        """Count objects that together have `size` bytes."""
        self.objects += objects
        self.size += size
        now = time.perf_counter()
        if now - self._shown > REFRESH:
            self._shown = now
            self._progress.update(self._task, completed=self.objects, refresh=True)

    def seconds(self) -> float:
        """The time since the step began."""
        return time.perf_counter() - self._began


class Recorder:
    """Runs steps under progress bars and keeps their measurements in `rows`."""

    def __init__(self, console: Console) -> None:
        self.rows: list[Row] = []
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            auto_refresh=False,  # no thread that writes to the terminal while torch forks its workers
        )

    @contextmanager
    def bars(self) -> Iterator[None]:
        """Show the bars of the steps within; they stay on the screen."""
        with self._progress:
            yield

    @contextmanager
    def step(self, target: str, step: str, content: str, total: int | None = None) -> Iterator[Step]:
        """Measure what is done within. `total`: the objects to come, where that is known."""
        task = self._progress.add_task(escape(f"{target} {step}, {content}"), total=total)
        running = Step(self._progress, task)
        yield running
        seconds = running.seconds()
        self._progress.update(task, total=running.objects, completed=running.objects, refresh=True)
        self.rows.append(Row(target, step, content, running.objects, running.size, seconds))

    @contextmanager
    def waiting(self, text: str) -> Iterator[None]:
        """Say what takes its time within, and is not measured."""
        task = self._progress.add_task(text, total=None)
        self._progress.refresh()
        yield
        self._progress.remove_task(task)

    def note(self, target: str, step: str, content: str, note: str) -> None:
        """Record that a step was not run, and why."""
        self.rows.append(Row(target, step, content, note=note))

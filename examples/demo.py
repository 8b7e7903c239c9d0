"""The first thing to run: a real dataset, loaded in every way there is, learned from and measured.

Usage: python examples/demo.py --help
"""

from __future__ import annotations

import json
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from digits.data import load_digits
from digits.record import Recorder, Row
from digits.report import chart, table
from digits.run import Run, Target
from digits.training import KINDS, default_kind
from rich.console import Console

import s3dlio

EXAMPLES = """
\b
Examples:
  python examples/demo.py                             file:// and direct://, in ./demo-output
  python examples/demo.py --uri s3://bucket/prefix    your own bucket
  python examples/demo.py --epochs 5 --workers 4      learn longer, load in more processes
  python examples/demo.py --limit 500                 a tenth of the images

\b
For s3:// set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, and for a service that is
not Amazon's its address too: AWS_ENDPOINT_URL=http://localhost:9000
"""
STEPS = """\
put_many        store the images: small PNG files, and large arrays of all of them
create_dataset  list what is there
dataset[i]      read one after the other, at random, for half a second
async for       create_async_loader, shuffled, in batches, for half a second
train, test     decode and learn: {}
"""
CACHE_NOTE = """\
file:// reads through the page cache, which may hold what was just written;
direct:// reads the disk itself."""


def _check_uri(_context: click.Context, _option: click.Parameter, uri: str | None) -> str | None:
    if uri is not None and not uri.partition("://")[2]:
        raise click.BadParameter("give scheme://bucket/prefix, such as s3://bucket/demo or file:///data/demo")
    return uri


@click.command(epilog=EXAMPLES, context_settings={"max_content_width": 100})
@click.option(
    "--uri", callback=_check_uri, help="Write the dataset below this URI and load it from there, instead of --output."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-output"),
    show_default=True,
    help="Folder for the chart and, without --uri, for the dataset.",
)
@click.option("--epochs", type=click.IntRange(1), default=1, show_default=True, help="Passes over the training images.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the model and all orders.")
@click.option("--workers", type=click.IntRange(0), default=2, show_default=True, help="Processes of the DataLoader.")
@click.option("--limit", type=click.IntRange(100, 5000), help="Take only so many of the 5,000 images.")
@click.option("--model", type=click.Choice(KINDS), help="What learns. Default: torch if it is installed, else numpy.")
def main(
    uri: str | None, output: Path, epochs: int, seed: int, workers: int, limit: int | None, model: str | None
) -> None:
    """Store 5,000 handwritten digits as a dataset, load them in every way there is, and train a small model on them."""
    console = Console(highlight=False)
    kind = model or default_kind()
    console.print(f"s3dlio {s3dlio.__version__}, Python {platform.python_version()}")
    console.print(STEPS.format(KINDS[kind]), markup=False)
    recorder = Recorder(console)
    try:
        output.mkdir(parents=True, exist_ok=True)
        run = Run(recorder, load_digits(limit), kind, epochs, seed, workers)
        targets = _targets(uri, output, run.name)
        with recorder.bars():
            accuracies = _measure(run, targets)
        chart(recorder.rows, output / "throughput.png")
    except (s3dlio.S3DlioError, OSError) as error:
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False, soft_wrap=True)
        sys.exit(1)
    _report(console, recorder.rows, accuracies, output / "throughput.png")
    _say_what_was_written(console, targets[0], uri is None)


def _targets(uri: str | None, output: Path, name: str) -> list[Target]:
    """Where to load from; the first is where to write."""
    if uri is not None:
        base = uri if uri.endswith("/") else uri + "/"
        return [Target(uri.partition("://")[0] + "://", f"{base}{name}/")]
    folder = output.resolve() / name
    return [Target(scheme, f"{scheme}{folder}/") for scheme in ("file://", "direct://")]


def _measure(run: Run, targets: list[Target]) -> dict[str, float]:
    """The accuracy by target."""
    run.write(targets[0])
    accuracies = {targets[0].name: run.load(targets[0])}
    for target in targets[1:]:
        accuracies |= _load_if_possible(run, target)
    return accuracies


def _load_if_possible(run: Run, target: Target) -> dict[str, float]:
    """Some file systems refuse direct I/O; that is a result as well."""
    try:
        return {target.name: run.load(target)}
    except s3dlio.UnsupportedError as error:
        run.recorder.note(target.name, "refused", "", str(error))
        return {}


def _report(console: Console, rows: Sequence[Row], accuracies: dict[str, float], path: Path) -> None:
    console.print(table(rows))
    for row in rows:
        if row.note:
            name = " ".join(filter(None, (row.target, row.step, row.content)))
            console.print(f"{name}: {row.note}", markup=False, soft_wrap=True)
    if len(accuracies) > 1:
        console.print(CACHE_NOTE)
    for name, accuracy in accuracies.items():
        console.print(f"Accuracy on the test images, learned from {name}: [bold]{accuracy:.1%}[/bold]")
    console.print(f"Chart: {path}", soft_wrap=True)


def _say_what_was_written(console: Console, target: Target, local: bool) -> None:
    if local:
        command = f"rm -r {shlex.quote(target.prefix.removeprefix(target.name))}"
    else:
        code = f"import s3dlio; s3dlio.delete({json.dumps(target.prefix)}, recursive=True)"
        command = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"
    console.print(f"Dataset: {target.prefix}, to remove it:\n  {command}", soft_wrap=True, markup=False)


if __name__ == "__main__":
    main()

"""The part of docs/guide/command-line.md that is made from the commands.

``python -m s3dlio.cli._page docs/guide/command-line.md`` writes it anew.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import click

from s3dlio.cli.app import Command
from s3dlio.cli.codes import MEANING
from s3dlio.cli.commands import MODULES, s3dlio
from s3dlio.cli.options import SharedOption

__all__ = ["renewed"]

BEGIN, END = "<!-- made from the commands: begin -->", "<!-- made from the commands: end -->"


def renewed(page: str) -> str:
    """The page with that part made anew."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{_commands()}\n{END}{after}"


def _commands() -> str:
    root = click.Context(s3dlio, info_name="s3dlio")
    sections = [_exit_codes()]
    for name in MODULES:
        command = s3dlio.get_command(root, name)
        assert isinstance(command, Command), "all commands are made with it"
        sections.append(_section(command, click.Context(command, info_name=name, parent=root)))
    return "\n".join(sections)


def _exit_codes() -> str:
    rows = "\n".join(f"| {int(code)} | {text} |" for code, text in MEANING.items())
    return f"## Exit codes\n\n| code | what it says |\n| --- | --- |\n{rows}\n"


def _section(command: Command, ctx: click.Context) -> str:
    usage = " ".join(command.collect_usage_pieces(ctx))
    text = inspect.cleandoc(command.help or "")
    rows = []
    for param in command.get_params(ctx):
        if isinstance(param, click.Option) and not isinstance(param, SharedOption) and "--help" not in param.opts:
            flags, about = param.get_help_record(ctx) or ("", "")
            rows.append(f"| `{_escaped(flags)}` | {_escaped(re.sub(' +', ' ', about))} |")
    options = "\n| option | what it does |\n| --- | --- |\n" + "\n".join(rows) + "\n" if rows else ""
    examples = "\n".join(f"s3dlio {example}" for example in command.examples)
    return (
        f"## s3dlio {command.name}\n\n`s3dlio {command.name} {usage}`\n\n{text}\n{options}\n```bash\n{examples}\n```\n"
    )


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text()))

"""What all commands have in common: their options, their help, and how they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from s3dlio._native import Client
from s3dlio.cli.codes import MEANING, ExitCode, code_of
from s3dlio.cli.options import SharedOption, parse_shared, shared_options
from s3dlio.errors import S3DlioError
from s3dlio.options import Layer, Options

__all__ = ["Command", "Group", "Session", "complain"]


class Session:
    """What a command works with.

    Attributes:
        options: the shared options.
    """

    def __init__(self, options: Options) -> None:
        self.options = options

    def client(self) -> Client:
        """The client of the options and the environment."""
        return Client.get(self.options.client_config())


class Command(click.Command):
    """A command whose help has examples, and whose shared options stand under headings of their own.

    Its function gets a `Session` in place of the shared options.

    Attributes:
        examples: command lines as users type them, without "s3dlio "; tests run all of them.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), layers: Sequence[Layer] = ("client",), **kw: Any):
        kw.setdefault("context_settings", {"help_option_names": ["-h", "--help"]})
        super().__init__(*args, **kw)
        self.examples = tuple(examples)
        self.shared = shared_options(layers)
        self.params += self.shared

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        values = {option.name: ctx.params.pop(str(option.name)) for option in self.shared}
        ctx.params["session"] = Session(parse_shared({str(name): value for name, value in values.items()}))
        return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options: first those of the command."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                heading = param.heading if isinstance(param, SharedOption) else "Options"
                rows.setdefault(heading, []).append(record)
        for heading in ("Options", "Transfer", "Connection"):
            if heading in rows:
                with formatter.section(heading):
                    formatter.write_dl(rows[heading])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}s3dlio {example}\n")


class Group(click.Group):
    """All commands; every way to fail ends here."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command, and exit as `ExitCode` says."""
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except S3DlioError as error:
            complain(str(error))
            code = code_of(error)
        except (KeyboardInterrupt, click.Abort):  # the latter while a question is asked
            code = ExitCode.INTERRUPTED
        except BrokenPipeError:
            _forget_output()
            code = ExitCode.BROKEN_PIPE
        ctx.exit(int(code or 0))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(int(code)), text.replace("`", "")) for code, text in MEANING.items()])


def complain(text: str) -> None:
    """Tell the user on standard error what went wrong."""
    click.echo(f"s3dlio: {text}", err=True)


def _forget_output() -> None:
    """Nobody reads standard output any more: what is left of it must not fail once more at the end."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)

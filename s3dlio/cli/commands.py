"""The command ``s3dlio`` with all its subcommands, each of which is imported when it is asked for."""

from __future__ import annotations

import importlib

import click

from s3dlio._version import __version__
from s3dlio.cli.app import Group
from s3dlio.configuration import init_logging
from s3dlio.oplog import init_op_log

__all__ = ["s3dlio"]

# Each command, and the module that has it.
MODULES = {
    "ls": "ls",
    "cat": "cat",
    "cp": "copy",
    "put": "copy",
    "get": "copy",
    "rm": "rm",
    "stat": "stat",
    "du": "du",
    "bench": "bench",
    "doctor": "doctor",
    "completion": "completion",
}


class _Lazy(Group):
    """The subcommands of `MODULES`, in that order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        if cmd_name not in MODULES:
            return None
        command: click.Command = getattr(importlib.import_module(f"s3dlio.cli.{MODULES[cmd_name]}"), cmd_name)
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="s3dlio")
@click.option("--op-log", metavar="FILE", help="Log every request to a zstd-compressed table (docs/guide/op-log.md).")
@click.option("--debug", is_flag=True, help="Tell on standard error what is tried again, and why.")
def s3dlio(op_log: str | None, debug: bool) -> None:
    """Read, write and look after objects of any scheme: s3://bucket/key, az://container/key, gs://bucket/key,
    hdfs://namenode:port/path, file:///path, direct:///path.

    A path without a scheme is a local file. Credentials and endpoints come from the environment and the files that each
    service has for them; `s3dlio doctor URI` shows which.
    """
    if debug:
        init_logging("debug")
    if op_log is not None:
        init_op_log(op_log)

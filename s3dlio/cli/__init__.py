"""The command line: ``s3dlio COMMAND``, or ``python -m s3dlio COMMAND`` (docs/guide/command-line.md).

A module a command; what they share is in `app` (options, errors, exit codes), `places` (URIs and paths), `work` (many
requests at once), `progress` and `output`. click and rich are needed only here: they come with the extra ``cli``.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command that the arguments of the program ask for, and exit."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ImportError as error:
        sys.exit(f"s3dlio: the command line needs {error.name}: pip install 's3dlio[cli]'")
    from s3dlio.cli.commands import s3dlio

    s3dlio(prog_name="s3dlio")

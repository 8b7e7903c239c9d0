"""``s3dlio completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from s3dlio.cli.app import Command, Session

EXAMPLES = ("completion bash", "completion zsh", "completion fish")


@click.command(cls=Command, examples=EXAMPLES, layers=())
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, session: Session, shell: str) -> None:
    """Write the script that makes a shell complete commands, options and URIs, also those of buckets and objects.

    For bash: `eval "$(s3dlio completion bash)"` in ~/.bashrc; for zsh the same in ~/.zshrc; for fish:
    `s3dlio completion fish > ~/.config/fish/completions/s3dlio.fish`.
    """
    made = get_completion_class(shell)
    assert made is not None, "click knows these shells"
    if shell == "bash":
        click.echo("COMP_WORDBREAKS=${COMP_WORDBREAKS//:}  # or s3://bucket would be three words")
    click.echo(made(ctx.find_root().command, {}, "s3dlio", "_S3DLIO_COMPLETE").source())

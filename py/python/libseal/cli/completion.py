"""``libseal completion``."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
      eval "$(libseal completion bash)"          in ~/.bashrc
      eval "$(libseal completion zsh)"           in ~/.zshrc
      libseal completion fish > ~/.config/fish/completions/libseal.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None  # noqa: S101
    root = ctx.find_root()
    click.echo(completion(root.command, {}, "libseal", "_LIBSEAL_COMPLETE").source())

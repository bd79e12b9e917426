"""`kshot completion`: the shell's half of completion."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for SHELL.

    \b
    bash: add to ~/.bashrc                      eval "$(kshot completion bash)"
    zsh:  add to ~/.zshrc                       eval "$(kshot completion zsh)"
    fish: kshot completion fish > ~/.config/fish/completions/kshot.fish
    """  # noqa: D301 - click reads the backspace as "keep these lines"
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(ctx.find_root().command, {}, "kshot", "_KSHOT_COMPLETE").source())

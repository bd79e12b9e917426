"""The click group behind `kshot`: turns an exception that reaches it into one line and an exit status."""

from __future__ import annotations

import sys
import traceback
from typing import Any

import click

INTERRUPTED = 130
_EXPECTED = (ValueError, RuntimeError, OSError, ImportError, FloatingPointError)


class KshotGroup(click.Group):
    """A group that lists its commands in the order given and reports their errors.

    An exception that a command lets through becomes one line on standard error and exit status 1 (130 after Ctrl-C);
    misuse is click's own, with status 2.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order in which a project needs them."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and report what it raises."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            click.echo("kshot: interrupted", err=True)
            sys.exit(INTERRUPTED)
        except Exception as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            click.echo(f"kshot: {_message(error)}", err=True)
            sys.exit(1)


def _message(error: Exception) -> str:
    """What happened, for people; an error that is no message to the user is marked as a defect of kshot."""
    text = str(error).strip()
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, ModuleNotFoundError):
        return f"{text}; `kshot doctor` says which package is missing and how to get it"
    if isinstance(error, KeyError) or not (isinstance(error, _EXPECTED) and text):
        return f"internal error, {type(error).__name__}: {text}; `kshot --debug ...` shows where"
    return text

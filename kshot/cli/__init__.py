"""The command line: parse, call, print. Nothing heavy is imported before a command runs."""

from __future__ import annotations

import click

from kshot import __version__
from kshot.cli.build import build
from kshot.cli.compare import compare
from kshot.cli.completion import completion
from kshot.cli.data import data
from kshot.cli.demo import demo
from kshot.cli.doctor import doctor
from kshot.cli.emulate import emulate
from kshot.cli.evaluate import evaluate
from kshot.cli.generate import generate
from kshot.cli.group import KshotGroup
from kshot.cli.init import init
from kshot.cli.quantize import quantize
from kshot.cli.store import store
from kshot.cli.train import train

_COMMANDS = (init, train, quantize, evaluate, compare, generate, build, emulate, demo, store, data, doctor, completion)


@click.group(
    cls=KshotGroup,
    commands={command.name or "": command for command in _COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="kshot")
@click.option("--debug", is_flag=True, envvar="KSHOT_DEBUG", help="Show the traceback of an error, and all logs.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the libraries log, on standard error.")
def main(debug: bool, verbose: bool) -> None:
    """Teach microcontrollers new classes from a handful of examples.

    \b
    A project goes through these stages, each with a folder as its result:
      train -> quantize -> generate -> build -> emulate
    `kshot demo` goes the whole way with the defaults; `kshot init` starts a project of your own.
    """  # noqa: D301 - click reads the backspace as "keep these lines"
    from kshot.cli.logs import configure_logging

    configure_logging(debug=debug, verbose=verbose)

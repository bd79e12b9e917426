"""`kshot doctor`: what is installed, and what is not."""

from __future__ import annotations

import sys

import click

from kshot.cli.options import json_option


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check Python, packages, compilers and the emulator.

    Exit status 1 when something is missing that generating, building or emulating needs.
    """
    from kshot.doctor import examine
    from kshot.report.output import print_json, print_lines, print_table

    checks = examine()
    if as_json:
        print_json([check.row() for check in checks])
    else:
        print_table("", ("", "found", "for"), [(c.name, c.found or "missing", c.purpose) for c in checks])
        print_lines(*[f"to get {check.name}: {check.remedy}" for check in checks if check.found is None])
    if any(check.required and check.found is None for check in checks):
        sys.exit(1)

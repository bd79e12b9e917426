"""`make packages`: every format of `kshot generate --format`, compiled, run and validated.

The packages are of the demo's network where there is one, else of one after a short training. Each is generated into
an empty folder; its example is compiled for this computer and for a Cortex-M4 by the package's own lists of files, on
``tests/stand_ins`` in place of Arduino, Zephyr and ESP-IDF; what it prints here must be what the plain project prints;
and each build system's own tool, where it installs from PyPI, is asked whether it takes the package.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from bench.exactness import demo_embedding
from bench.package_builds import CORTEX_M4, HOST, build_example, run_program
from bench.package_rules import problems, validators
from firmware_gen import emit
from firmware_gen.packages import FORMATS, PLAIN
from kshot.report.figures import write_figures
from kshot.report.output import print_lines
from kshot.report.tables import ReportTable
from quantize.artifact import Int8Embedding

FOLDER = Path("build/packages")
NAME = "glyphs"
Row = dict[str, str | int | bool]


def main() -> None:
    """Generate, compile, run, validate, print, write."""
    embedding = demo_embedding("packages")
    rows = [_tried(format_, embedding) for format_ in (PLAIN, *FORMATS)]
    expected = rows[0].pop("answers")
    failed = [str(row["format"]) for row in rows[1:] if row.pop("answers") != expected or row["problems"]]

    cells = [tuple(str(row[key]) for key in ("format", "compiled_for", "validated_by", "problems")) for row in rows]
    ReportTable("Packages", ("format", "compiled", "validated by", "problems"), cells).print()
    print_lines(f"figures: {write_figures('packages', rows)}")
    if failed:
        raise SystemExit(f"wrong answers or problems: {', '.join(failed)}")


def _tried(name: str, embedding: Int8Embedding) -> Row:
    """One format, from nothing."""
    for old in (FOLDER / name, FOLDER / "build" / name):
        shutil.rmtree(old, ignore_errors=True)
    package = emit.generate(embedding, name=NAME, package=name).write(FOLDER / name)
    print_lines(f"{name}: compiling for {HOST.name} and {CORTEX_M4.name}")
    printed = run_program(build_example(name, package, FOLDER / "build" / name / "host", HOST))
    build_example(name, package, FOLDER / "build" / name / "m4", CORTEX_M4)
    found = [] if name == PLAIN else problems(name, package)
    for problem in found:
        print_lines(f"    {problem}")
    return {
        "format": name,
        "compiled": True,
        "compiled_for": f"{HOST.name}, {CORTEX_M4.name}",
        "validated_by": "make" if name == PLAIN else validators(name),
        "problems": len(found),
        "answers": answers(printed),
    }


def answers(printed: str) -> str:
    """Labels and distances of an example's answers, without what it says around them."""
    return "\n".join(
        " ".join(found) for found in re.findall(r"^(.+) -> (.+?),? +distance (\d+)", printed, re.MULTILINE)
    )


if __name__ == "__main__":
    main()

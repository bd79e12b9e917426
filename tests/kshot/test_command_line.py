"""The command line's manners: help, errors, exit statuses, completion."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kshot import __version__
from kshot.cli import main
from kshot.cli.options import project_options
from kshot.project import Project

COMMANDS = [
    "init",
    "train",
    "quantize",
    "evaluate",
    "compare",
    "generate",
    "build",
    "emulate",
    "demo",
    "store",
    "data",
    "doctor",
    "completion",
]


def test_help_lists_the_stages_in_order() -> None:
    """The list of commands reads like the way through a project."""
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    listed = result.stdout.partition("Commands:")[2]
    places = [listed.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    """Each command has help, and each of its options too."""
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    for parameter in main.commands[command].params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{command} {parameter.name}"


def test_help_imports_nothing_heavy() -> None:
    """`kshot --help` answers at once: no TensorFlow, NumPy or rich is loaded for it."""
    code = (
        "import sys\nfrom kshot.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'numpy', 'rich', 'matplotlib', 'jinja2'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout


def test_version() -> None:
    """`--version` prints the package's version."""
    assert CliRunner().invoke(main, ["--version"]).stdout == f"kshot, version {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [(["tarin"], "train"), (["train", "--wdith", "3"], "--width"), (["train", "--width", "0"], "1<=x<=1024")],
)
def test_misuse_is_status_2_with_a_hint(arguments: list[str], hint: str) -> None:
    """Misuse names what was probably meant, or what the range is."""
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert hint in result.stderr


def test_error_is_one_line_and_status_1(tmp_path: Path) -> None:
    """An error in the project file ends as one line on standard error, nothing on standard output."""
    path = tmp_path / "kshot.toml"
    path.write_text("[train]\nwdith = 3\n")
    result = CliRunner().invoke(main, ["train", "-p", str(path)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert str(path) in result.stderr


@pytest.mark.parametrize("how", ["option", "environment"])
def test_debug_shows_the_traceback(tmp_path: Path, how: str) -> None:
    """`--debug` and KSHOT_DEBUG add the traceback to the line."""
    arguments = ["train", "-p", str(tmp_path / "none.toml")]
    debug = ["--debug"] if how == "option" else []
    result = CliRunner(env={"KSHOT_DEBUG": "" if debug else "1"}).invoke(main, [*debug, *arguments])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (ValueError("layer 3: too wide"), 1, "kshot: layer 3: too wide\n"),
        (FileNotFoundError(2, "No such file or directory", "x.json"), 1, "kshot: x.json: No such file or directory\n"),
        (ModuleNotFoundError("No module named 'tensorflow'"), 1, "kshot doctor"),
        (KeyError("x"), 1, "internal error, KeyError"),
        (TypeError("x"), 1, "internal error, TypeError"),
        (ValueError(), 1, "internal error, ValueError"),
        (KeyboardInterrupt(), 130, "kshot: interrupted\n"),
    ],
)
def test_exceptions_become_a_line(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, line: str
) -> None:
    """What a command lets through is told in one line; a defect of kshot is marked as one."""

    def fail() -> None:
        raise error

    monkeypatch.setitem(main.commands, "doctor", click.Command("doctor", callback=fail))
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == status
    assert line in result.stderr
    assert result.stderr.count("\n") == 1


def test_interrupted_training_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ctrl-C in training ends with status 130 and names --resume."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kshot.pipeline.train", interrupted)
    (tmp_path / "kshot.toml").write_text("")
    result = CliRunner().invoke(main, ["train", "-p", str(tmp_path / "kshot.toml")])
    assert result.exit_code == 130
    assert "--resume" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(shell: str) -> None:
    """The script calls back with the variable that click listens to."""
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert "_KSHOT_COMPLETE" in result.stdout


def test_completion_completes() -> None:
    """The callback offers the commands."""
    environment = {**os.environ, "_KSHOT_COMPLETE": "bash_complete", "COMP_WORDS": "kshot eva", "COMP_CWORD": "1"}
    code = "from kshot.cli import main; main(prog_name='kshot')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "plain,evaluate"


def test_options_win_over_the_file(tmp_path: Path) -> None:
    """What the command line says replaces what the file says; the rest of the file stays."""
    seen: list[Project] = []

    @click.command()
    @project_options("train", "build", "data.input_shape")
    def probe(project: Project, as_json: bool) -> None:
        seen.append(project)

    path = tmp_path / "kshot.toml"
    path.write_text('[train]\nsteps = 5\nwidth = 8\n[build]\ntargets = ["m0"]\n')
    arguments = ["-p", str(path), "--steps", "6", "--target", "m4", "--target", "host", "--input-shape", "9", "8", "3"]
    result = CliRunner().invoke(probe, arguments)
    assert result.exit_code == 0, result.output
    assert (seen[0].train.steps, seen[0].train.width) == (6, 8)
    assert seen[0].build.targets == ("m4", "host")
    assert seen[0].data.input_shape == (9, 8, 3)


def test_init_writes_a_project(tmp_path: Path) -> None:
    """`kshot init` makes a file that trains; it never overwrites one unasked."""
    folder = tmp_path / "owls"
    result = CliRunner().invoke(main, ["init", str(folder), "--source", "folder:photos"])
    assert result.exit_code == 0, result.output
    text = (folder / "kshot.toml").read_text()
    assert 'name = "owls"' in text
    assert 'source = "folder:photos"' in text
    again = CliRunner().invoke(main, ["init", str(folder)])
    assert again.exit_code == 1
    assert "--force" in again.stderr
    assert CliRunner().invoke(main, ["init", str(folder), "--force"]).exit_code == 0

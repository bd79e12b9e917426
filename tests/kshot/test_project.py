"""The project file: defaults, refusals, and the options and the template that derive from it."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshot import project as project_module
from kshot.pipeline import train_options
from kshot.project import Project, load_project, table_types
from kshot.project_template import project_text, toml_value
from kshot.schema import ProjectError, rule_of
from trainer import learners
from trainer.backbones import BACKBONES


def _load(folder: Path, text: str) -> Project:
    path = folder / "kshot.toml"
    path.write_text(text, encoding="utf-8")
    return load_project(path)


def test_defaults_without_a_file(tmp_path: Path) -> None:
    """No file, no complaint: print to handwriting, conv4 of 32 filters, prototypes."""
    project = load_project(folder=tmp_path)
    assert project.file is None
    assert (project.data.source, project.data.test_source) == ("glyphs", "digits")
    assert (project.train.backbone, project.train.width, project.train.learner) == ("conv4", 32, "prototypical")


def test_every_learner_and_backbone_can_be_named() -> None:
    """The names that the file takes are those of the trainer, and each learner takes the options of its table."""
    assert tuple(learners.LEARNERS) == project_module.LEARNERS
    assert tuple(BACKBONES) == project_module.BACKBONES
    for name in learners.LEARNERS:
        options = train_options(Project().with_values("train", {"learner": name}))
        assert learners.get(name, options.learner_options) == learners.get(name)


def test_empty_file_equals_defaults(tmp_path: Path) -> None:
    """Every key has a default."""
    project = _load(tmp_path, "")
    for name in table_types():
        assert getattr(project, name) == getattr(Project(), name)


def test_values_are_read_with_their_types(tmp_path: Path) -> None:
    """Lists become tuples, whole numbers serve where a number is asked for."""
    project = _load(tmp_path, '[train]\nlearning_rate = 1\nsteps = 7\n[build]\ntargets = ["host"]\n')
    assert project.train.learning_rate == 1.0
    assert project.train.steps == 7
    assert project.build.targets == ("host",)


def test_results_lie_beside_the_file(tmp_path: Path) -> None:
    """Paths count from the file's folder, also those inside a data source."""
    project = _load(tmp_path, '[project]\nname = "owls"\n')
    assert project.trained_folder == tmp_path / "build/owls/trained"
    assert project.int8_folder == tmp_path / "build/owls/int8"
    assert project.source_folder == tmp_path / "build/owls/source"
    assert project.firmware_folder("m4") == tmp_path / "build/owls/firmware/m4"
    assert project.source("folder:photos") == f"folder:{tmp_path / 'photos'}"
    assert project.source("folder:/photos") == "folder:/photos"
    assert project.source("glyphs") == "glyphs"


def test_the_teacher_lies_beside_the_file_too(tmp_path: Path) -> None:
    """Its folder counts from the file's; without one there is no teacher."""
    assert train_options(_load(tmp_path, '[train]\nteacher = "wide/trained"\n')).teacher == str(
        tmp_path / "wide/trained"
    )
    assert train_options(_load(tmp_path, "")).teacher == ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [("digits", "digits"), ("My-Model.2", "my_model_2"), ("2owls", "_2owls"), ("x" * 64, "x" * 32)],
)
def test_c_name_is_an_identifier(name: str, expected: str) -> None:
    """The project's name becomes a C prefix unless one is given."""
    assert Project().with_values("project", {"name": name}).c_name == expected
    assert Project().with_values("generate", {"name": "owl"}).c_name == "owl"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[train]\nwdith = 3", ["[train]", "wdith", 'did you mean "width"']),
        ("[trian]\nwidth = 3", ["trian", 'did you mean "train"']),
        ("width = 3", ["width", "[train]"]),
        ("train = 3", ["train", "[train]"]),
        ("[train]\nwidth = 0", ["train.width = 0", "from 1 to 1024"]),
        ("[train]\nwidth = 3.0", ["train.width = 3.0", "whole number"]),
        ("[train]\nwidth = true", ["train.width = true", "whole number"]),
        ('[train]\nbackbone = "conv5"', ['"conv5"', "conv4", "separable", 'did you mean "conv4"']),
        ("[train]\nlearning_rate = nan", ["train.learning_rate", "from 1e-09 to 10"]),
        ("[train]\nmax_seconds = inf", ["train.max_seconds", "at least 0"]),
        ("[data]\ninput_shape = [28, 28]", ["data.input_shape", "exactly 3"]),
        ("[data]\ninput_shape = [28, 28, 0]", ["data.input_shape", "from 1 to 4096"]),
        ('[data]\ninput_shape = [28, 28, "1"]', ["data.input_shape", "whole number"]),
        ("[evaluate]\ntasks = []", ["evaluate.tasks", "at least 1 item"]),
        ('[evaluate]\ntasks = ["5w1s", "1w1s"]', ["evaluate.tasks", "matches"]),
        ('[generate]\nname = "a b"', ["generate.name", "matches"]),
        ('[project]\nname = "../x"', ["project.name", "matches"]),
        ('[project]\nname = ".."', ["project.name", "matches"]),
        ("[train", ["not TOML"]),
    ],
)
def test_refusals_name_file_key_value_and_way_out(tmp_path: Path, text: str, parts: list[str]) -> None:
    """A person who reads the message knows what to change, and where."""
    with pytest.raises(ProjectError) as caught:
        _load(tmp_path, text)
    for part in [str(tmp_path / "kshot.toml"), *parts]:
        assert part in str(caught.value)


def test_missing_file_names_init(tmp_path: Path) -> None:
    """A file that was asked for must exist."""
    with pytest.raises(ProjectError, match="kshot init"):
        load_project(tmp_path / "other.toml")


def test_file_that_is_no_text(tmp_path: Path) -> None:
    """Binary rubbish is refused with the file's name."""
    path = tmp_path / "kshot.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProjectError, match=r"kshot\.toml: not TOML"):
        load_project(path)
    with pytest.raises(ProjectError, match="directory"):
        load_project(tmp_path)


def test_template_loads_and_lists_every_key(tmp_path: Path) -> None:
    """`kshot init` writes a file that means the same as the project it came from; taking the # away changes nothing."""
    project = Project().with_values("project", {"name": "owls"}).with_values("train", {"steps": 5})
    text = project_text(project)
    assert "\nsteps = 5\n" in text
    assert "\n# width = 32\n" in text
    keys = [declared.name for table in table_types().values() for declared in fields(table)]
    bare = "\n".join(line.removeprefix("# ") if line.split(" = ")[0][2:] in keys else line for line in text.split("\n"))
    for version in (text, bare):
        loaded = _load(tmp_path, version)
        for name in table_types():
            assert getattr(loaded, name) == getattr(project, name)
    parsed = tomllib.loads(bare)
    assert sum(len(table) for table in parsed.values()) == len(keys)


def test_every_key_explains_itself() -> None:
    """Help is a sentence for every key."""
    for table in table_types().values():
        for declared in fields(table):
            assert rule_of(declared).help.endswith("."), f"{table.title()}.{declared.name}"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_texts_survive_toml(text: str) -> None:
    """What the template writes, a TOML parser reads back."""
    assert tomllib.loads(f"x = {toml_value(text)}") == {"x": text}


@pytest.mark.parametrize("path", sorted(Path(__file__).parents[2].glob("examples/*/kshot.toml")), ids=str)
def test_example_projects_load(path: Path) -> None:
    """The examples use keys that exist."""
    assert load_project(path).project.name == path.parent.name

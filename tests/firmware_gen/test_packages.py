"""Packages for other build systems: each compiles by its own lists, runs, and is what its build system wants."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_graphs import taught_by, tiny_conv, tiny_dense, tiny_embedding

from bench.package_builds import HOST, STAND_INS, Compiler, PackageBuildError, build_example, run_program
from bench.package_rules import problems
from bench.packages import answers
from firmware_gen.emit import generate
from firmware_gen.packages import FORMATS, PLAIN, Publisher, UnknownFormatError
from firmware_gen.source_tree import SourceTree
from quantize.artifact import Int8Embedding

QUICK = replace(HOST, flags=("-O0",))
CORTEX_M0 = Compiler("Cortex-M0", "arm-none-eabi-", ("-mcpu=cortex-m0", "-mthumb", "--specs=nosys.specs", "-O0"))
TOOLS = {
    "arduino": ("g++", "platformio"),
    "platformio": ("g++", "platformio"),
    "zephyr": ("cmake", "west", "kconfiglib", "pykwalify"),
    "cmsis-pack": ("cmsis-pack-manager",),
    "esp-idf": ("cmake", "idf-component-manager"),
}
EACH_FORMAT = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.needs("gcc", *TOOLS[name])) for name in FORMATS]
)
MODELS: dict[str, Callable[[], Int8Embedding]] = {
    "with pictures": lambda: tiny_embedding(tiny_conv(), examples=2),
    "without pictures": lambda: taught_by(tiny_embedding(tiny_conv(), examples=0), "siamese"),
    "only embeds": lambda: tiny_embedding(tiny_dense(outputs=300), examples=0),
}


def _package(name: str, model: str = "with pictures") -> SourceTree:
    return generate(MODELS[model](), name="glyphs", max_classes=5, package=name)


@pytest.fixture(scope="module")
def plain_answers(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the plain project's example answers."""
    folder = tmp_path_factory.mktemp("plain")
    return answers(run_program(build_example(PLAIN, _package(PLAIN).write(folder), folder / "build", QUICK)))


@EACH_FORMAT
def test_the_example_answers_as_the_plain_one(name: str, plain_answers: str, tmp_path: Path) -> None:
    """By the package's own lists of files and settings the example compiles, and gives the plain project's answers."""
    package = _package(name).write(tmp_path / "package")
    printed = run_program(build_example(name, package, tmp_path / "build", QUICK))
    assert len(plain_answers.splitlines()) == 5
    assert answers(printed) == plain_answers


@pytest.mark.needs("gcc", "g++", "cmake", "kconfiglib")
@pytest.mark.parametrize(("name", "model"), [("arduino", "only embeds"), ("zephyr", "without pictures")])
def test_the_example_without_pictures(name: str, model: str, tmp_path: Path) -> None:
    """A model without stored pictures learns ones that are made up; a model that only embeds is run once."""
    package = _package(name, model).write(tmp_path / "package")
    printed = run_program(build_example(name, package, tmp_path / "build", QUICK))
    if model == "only embeds":
        assert len(printed.split()) == 300
    else:
        assert answers(printed).splitlines() == ["rising rising 0", "falling falling 0"]


@pytest.mark.needs("arm-gcc")
@pytest.mark.parametrize("name", ["arduino", "cmsis-pack"])
def test_the_example_links_for_a_small_processor(name: str, tmp_path: Path) -> None:
    """C++ and C sources of a package, and their example, link for a Cortex-M0."""
    package = _package(name).write(tmp_path / "package")
    assert build_example(name, package, tmp_path / "build", CORTEX_M0).stat().st_size > 0


PUBLISHER = Publisher('Müller & "Söhne"', "https://b.example/?a=1&b=2")


@EACH_FORMAT
def test_the_build_system_takes_it(name: str, tmp_path: Path) -> None:
    """The build system's own tool and its written rules find nothing wrong, whatever marks a publisher's name has."""
    tree = generate(MODELS["with pictures"](), name="glyphs", package=name, publisher=PUBLISHER)
    assert problems(name, tree.write(tmp_path)) == []


@pytest.mark.needs("platformio", "cmsis-pack-manager")
@pytest.mark.parametrize("name", ["platformio", "cmsis-pack"])
def test_the_build_system_takes_a_model_that_only_embeds(name: str, tmp_path: Path) -> None:
    """Files that such a package does not have are in none of its lists."""
    assert problems(name, _package(name, "only embeds").write(tmp_path)) == []


BROKEN = [
    ("arduino", "library.properties", "category=Data Processing", "category=Learning"),
    ("arduino", "keywords.txt", "\tKEYWORD1", " KEYWORD1"),
    ("platformio", "library.json", '"version": "0.1.0"', '"version": ""'),
    ("zephyr", "zephyr/module.yml", "cmake: zephyr", "cmakes: zephyr"),
    ("zephyr", "zephyr/Kconfig", "endif #", "end #"),
    ("cmsis-pack", "kshot.glyphs.pdsc", "model/glyphs_dsp.c", "model/other.c"),
    ("cmsis-pack", "kshot.glyphs.pdsc", 'condition="kshot_runtime"', 'condition="other"'),
    ("esp-idf", "idf_component.yml", 'version: "0.1.0"', 'version: "new"'),
    ("esp-idf", "examples/enroll/main/idf_component.yml", "path: ../../..", "paths: ../../.."),
]


@pytest.mark.needs(*sorted({tool for tools in TOOLS.values() for tool in tools}))
@pytest.mark.parametrize(("name", "path", "text", "instead"), BROKEN)
def test_a_broken_package_is_noticed(name: str, path: str, text: str, instead: str, tmp_path: Path) -> None:
    """What a build system would refuse is found, so that an empty list of problems says something."""
    package = _package(name).write(tmp_path / "package")
    before = (package / path).read_text()
    assert text in before
    (package / path).write_text(before.replace(text, instead))
    assert problems(name, package)


@pytest.mark.needs("gcc", "cmake", "kconfiglib")
def test_zephyr_settings_reach_the_code(tmp_path: Path) -> None:
    """Kconfig's number of classes is what is compiled, and a setting that does not exist stops the build."""
    package = _package("zephyr").write(tmp_path / "package")
    settings = package / "samples/enroll/prj.conf"
    settings.write_text("CONFIG_KSHOT_GLYPHS=y\nCONFIG_KSHOT_GLYPHS_MAX_CLASSES=2\n")
    with pytest.raises(PackageBuildError, match="KSHOT_ERROR_FULL"):
        run_program(build_example("zephyr", package, tmp_path / "build", QUICK))
    settings.write_text("CONFIG_KSHOT_GLYPHS=y\nCONFIG_KSHOT_GLYPHS_MAX_CLASS=2\n")
    with pytest.raises(PackageBuildError, match="MAX_CLASS"):
        build_example("zephyr", package, tmp_path / "other", QUICK)


@pytest.mark.needs("gcc", "cmake", "kconfiglib")
def test_two_zephyr_modules_share_the_runtime(tmp_path: Path) -> None:
    """Zephyr links libraries as a whole; two models in one image still link, and the example runs."""
    package = _package("zephyr").write(tmp_path / "package")
    other = generate(MODELS["with pictures"](), name="other", package="zephyr").write(tmp_path / "other")
    sample = package / "samples/enroll"
    lists = (sample / "CMakeLists.txt").read_text()
    (sample / "CMakeLists.txt").write_text(lists.replace("/../..)", f"/../.. {other})"))
    with (sample / "prj.conf").open("a") as settings:
        settings.write("CONFIG_KSHOT_OTHER=y\n")
    assert answers(run_program(build_example("zephyr", package, tmp_path / "build", QUICK)))


@pytest.mark.needs("gcc", "cmake", "kconfiglib")
def test_a_store_on_zephyrs_flash_map(tmp_path: Path) -> None:
    """The driver keeps a store in a partition, and refuses a partition that a store's geometry does not suit."""
    package = _package("zephyr").write(tmp_path / "package")
    sample = package / "samples/enroll"
    shutil.copy(STAND_INS / "zephyr/store_on_the_flash_map.c", sample / "src/main.c")
    settings = ("KSHOT_GLYPHS", "FLASH", "FLASH_MAP", "FLASH_PAGE_LAYOUT", "KSHOT_GLYPHS_FLASH_AREA")
    (sample / "prj.conf").write_text("".join(f"CONFIG_{name}=y\n" for name in settings))
    assert run_program(build_example("zephyr", package, tmp_path / "build", QUICK)) == "the store holds\n"


@pytest.mark.parametrize("name", FORMATS)
def test_same_bytes_and_every_source(name: str) -> None:
    """The same arguments give the same bytes; all sources of the plain project are there, in no file twice."""
    tree = _package(name)
    assert tree.sha256 == _package(name).sha256
    plain = _package(PLAIN).files
    for path, text in plain.items():
        if path.startswith(("model/", "kshot/")):
            assert tree.files[FORMATS[name].place(path)] == text
    assert sum(path.endswith((".c", ".h")) for path in tree.files) > sum(p.startswith("kshot/") for p in plain)


def test_the_publisher() -> None:
    """Author and address stand in a package as they are; what is no line or no address is refused."""
    tree = generate(MODELS["only embeds"](), name="a", package="platformio", publisher=PUBLISHER)
    described = json.loads(tree.files["library.json"])
    assert described["authors"] == [{"name": PUBLISHER.author}]
    assert described["homepage"] == PUBLISHER.url
    for author, url in (("two\nlines", "https://a.example"), (" ", "https://a.example"), ("a", "ftp://a.example")):
        with pytest.raises(ValueError, match=r"author|url"):
            Publisher(author, url)


def test_an_unknown_format_is_refused() -> None:
    """The message lists the formats there are."""
    with pytest.raises(UnknownFormatError, match=r"'mbed'.*plain, arduino.*esp-idf"):
        _package("mbed")


@pytest.mark.parametrize("name", FORMATS)
def test_keywords_and_readmes_name_what_exists(name: str) -> None:
    """Calls of the runtime that a package's texts name are declared in its headers."""
    tree = _package(name)
    headers = "".join(text for path, text in tree.files.items() if path.endswith(".h"))
    texts = "".join(text for path, text in tree.files.items() if path.endswith((".md", ".txt", ".ino", ".cpp")))
    named = set(re.findall(r"\b(kshot_[a-z_]+)\(|^(kshot_[a-z_]+)\tKEYWORD2", texts, re.MULTILINE))
    assert named
    assert {call for pair in named for call in pair if call and f" {call}(" not in headers.replace("*", " ")} == set()


def test_readme_commands_name_paths_that_exist(tmp_path: Path) -> None:
    """What a README tells people to build is in the package."""
    for name in FORMATS:
        package = _package(name).write(tmp_path / name)
        readme = (package / "README.md").read_text()
        paths = set(re.findall(r"(?:examples|samples)/enroll\b", readme))
        assert all((package / path).is_dir() for path in paths)
        assert paths or name == "cmsis-pack"
        shutil.rmtree(package)

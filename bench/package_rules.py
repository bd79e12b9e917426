"""What each build system asks of a package, asked by its own tool where that installs, else by its written rules."""

from __future__ import annotations

import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree

_TOOLS = Path(sys.executable).parent
_SEMANTIC_VERSION = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
# "Library specification" of Arduino's command line: the fields that a library must have, the categories that it may.
_ARDUINO_FIELDS = (
    "name",
    "version",
    "author",
    "maintainer",
    "sentence",
    "paragraph",
    "category",
    "url",
    "architectures",
)
_ARDUINO_CATEGORIES = (
    *("Communication", "Data Processing", "Data Storage", "Device Control", "Display", "Other", "Sensors"),
    *("Signal Input/Output", "Timing", "Uncategorized"),
)
_KEYWORD_TYPES = {"KEYWORD1", "KEYWORD2", "KEYWORD3", "LITERAL1", "LITERAL2"}
# Zephyr's build system: the keys that zephyr/module.yml may have, of those that a package here might use.
_MODULE_SCHEMA = {
    "type": "map",
    "mapping": {
        "name": {"type": "str", "required": True, "pattern": "[a-z][a-z0-9_]*"},
        "build": {
            "type": "map",
            "required": True,
            "mapping": {"cmake": {"type": "str"}, "kconfig": {"type": "str"}},
        },
        "samples": {"type": "seq", "sequence": [{"type": "str"}]},
    },
}
# PACK.xsd 1.7: what a description must have, and names that become files.
_PACK_REQUIRED = ("vendor", "name", "description", "url", "releases")
_PACK_ATTRIBUTES = {"file": {"category", "name"}, "component": {"Cclass", "Cgroup", "Cversion"}, "condition": {"id"}}
_PACK_NAME = r"[-_A-Za-z0-9]+"
_DESCRIPTION_CHARS = 128


def problems(name: str, package: Path) -> list[str]:
    """What is wrong with a package.

    Parameters
    ----------
    name : str
        Of the format.
    package : Path

    Returns
    -------
    list of str
        One line for each; empty where the package is as it should be.
    """
    return list(_CHECKS[name](package))


def validators(name: str) -> str:
    """What `problems` asks for a format, with versions, for a table."""
    return " + ".join(f"{tool} {version(tool)}" if not tool.startswith("rules") else tool for tool in _VALIDATORS[name])


_VALIDATORS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "arduino": ("rules of Arduino's library specification", "platformio"),
        "platformio": ("platformio",),
        "zephyr": ("west", "kconfiglib", "pykwalify"),
        "cmsis-pack": ("rules of PACK.xsd 1.7", "cmsis-pack-manager"),
        "esp-idf": ("idf-component-manager",),
    }
)


def _arduino(package: Path) -> Iterator[str]:
    fields = _properties(package / "library.properties")
    yield from (f"library.properties: no {key}" for key in _ARDUINO_FIELDS if not fields.get(key, "").strip())
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", fields.get("name", "")):
        yield "library.properties: name has characters that no folder may have, or more than 63"
    if not re.fullmatch(_SEMANTIC_VERSION, fields.get("version", "")):
        yield "library.properties: version is not semantic"
    if fields.get("category") not in _ARDUINO_CATEGORIES:
        yield "library.properties: category is none of Arduino's"
    if "arduino" in fields.get("name", "").lower():
        yield "library.properties: a name with Arduino in it is Arduino's own"
    for header in fields.get("includes", "").split(","):
        if not (package / "src" / header.strip()).is_file():
            yield f"library.properties: includes names {header}, which is not in src"
    for number, line in enumerate((package / "keywords.txt").read_text(encoding="utf-8").splitlines(), start=1):
        if not re.fullmatch(r"\w+\t\w+", line) or line.split("\t")[1] not in _KEYWORD_TYPES:
            yield f"keywords.txt, line {number}: not a word, a tab and a kind of keyword"
    for folder in (path for path in (package / "examples").iterdir() if path.is_dir()):
        if not (folder / f"{folder.name}.ino").is_file():
            yield f"examples/{folder.name}: no sketch of the folder's name"
    yield from _pack_with_platformio(package)


def _properties(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {key: value for key, equals, value in (line.partition("=") for line in lines) if equals}


def _platformio(package: Path) -> Iterator[str]:
    yield from _pack_with_platformio(package)
    manifest = json.loads((package / "library.json").read_text(encoding="utf-8"))
    for example in manifest["examples"]:
        base = package / example["base"]
        yield from (
            f"library.json: no {example['base']}/{name}" for name in example["files"] if not (base / name).is_file()
        )
        yield from _run(_TOOLS / "pio", "project", "config", "--lint", "--project-dir", base)


def _pack_with_platformio(package: Path) -> Iterator[str]:
    """PlatformIO reads library.json and library.properties alike, checks them, and packs the folder."""
    with tempfile.TemporaryDirectory() as folder:
        yield from _run(_TOOLS / "pio", "pkg", "pack", "--output", Path(folder) / "package.tar.gz", package)


def _zephyr(package: Path) -> Iterator[str]:
    import yaml
    from pykwalify.core import Core
    from pykwalify.errors import PyKwalifyException

    module = yaml.safe_load((package / "zephyr/module.yml").read_text(encoding="utf-8"))
    try:
        Core(source_data=module, schema_data=_MODULE_SCHEMA).validate()
    except PyKwalifyException as error:
        yield f"zephyr/module.yml: {error.msg}"
        return
    build = module["build"]
    listed = [f"{build['cmake']}/CMakeLists.txt", build["kconfig"], *module["samples"]]
    yield from (f"zephyr/module.yml: no {path}" for path in listed if not (package / path).exists())
    yield from _kconfig(package / build["kconfig"])
    for sample in package.glob("samples/*/sample.yaml"):
        described = yaml.safe_load(sample.read_text(encoding="utf-8"))
        if not described["sample"]["name"] or not all("." in name for name in described["tests"]):
            yield f"{sample.parent.name}/sample.yaml: no name, or a test that is not section.name"
    yield from _west(package, module["name"])


def _kconfig(path: Path) -> Iterator[str]:
    import kconfiglib

    try:
        kconfig = kconfiglib.Kconfig(str(path), warn_to_stderr=False)
    except kconfiglib.KconfigError as error:
        with warnings.catch_warnings():  # it leaves the file open that it stumbled over
            warnings.simplefilter("ignore", ResourceWarning)
            error.__traceback__ = error.__context__ = None
            gc.collect()
        yield f"zephyr/Kconfig: {error}"
        return
    yield from kconfig.warnings
    for symbol in kconfig.unique_defined_syms:
        if not any(node.prompt and node.prompt[0] for node in symbol.nodes):
            yield f"zephyr/Kconfig: {symbol.name} has no prompt"


def _west(package: Path, module: str) -> Iterator[str]:
    """The manifest of the README in a workspace: west clones the module and lists it."""
    manifest = re.search(
        r"```yaml\n(manifest:\n.*?)```", (package / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    if manifest is None:
        yield "README.md: no manifest"
        return
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name)
        remote = workspace / "remote"
        git = ("git", "-C", remote, "-c", "user.name=kshot", "-c", "user.email=kshot@localhost")
        (workspace / "application").mkdir()
        local = re.sub(r"url: \S+", f"url: file://{remote}", manifest[1])
        (workspace / "application/west.yml").write_text(local, encoding="utf-8")
        said = [
            *_run("cp", "-r", package, remote),
            *_run(*git, "init", "--quiet", "--initial-branch=main"),
            *_run(*git, "add", "--all"),
            *_run(*git, "commit", "--quiet", "--message=module"),
            *_run(sys.executable, "-m", "west", "init", "--local", workspace / "application", cwd=workspace),
            *_run(sys.executable, "-m", "west", "update", cwd=workspace),
        ]
        yield from said
        if not said and not list(workspace.glob(f"modules/lib/{module}/zephyr/module.yml")):
            yield "west update: the module is not where the manifest says"


def _cmsis_pack(package: Path) -> Iterator[str]:
    (path,) = package.glob("*.pdsc")
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        yield f"{path.name}: {error}"
        return
    yield from _pack_elements(root, path)
    known = {condition.get("id") for condition in root.findall("conditions/condition")}
    components = {tuple(c.get(key) for key in ("Cclass", "Cgroup", "Csub")) for c in root.iter("component")}
    for component in root.iter("component"):
        if component.get("condition", next(iter(known))) not in known:
            yield f"{path.name}: no condition {component.get('condition')}"
    for require in root.iter("require"):
        if tuple(require.get(key) for key in ("Cclass", "Cgroup", "Csub")) not in components:
            yield f"{path.name}: a condition requires what is not in the pack"
    for file in root.iter("file"):
        target = package / file.get("name", "")
        if not (target.is_dir() if file.get("category") == "include" else target.is_file()):
            yield f"{path.name}: no {file.get('name')}"
    listed = {file.get("name") for file in root.iter("file")}
    for source in package.rglob("*.c"):
        if source.relative_to(package).as_posix() not in listed:
            yield f"{path.name}: {source.name} is in no component"
    yield from _read_with_pack_manager(path)


def _pack_elements(root: ElementTree.Element, path: Path) -> Iterator[str]:
    """Elements, attributes and names that the schema requires."""
    if root.tag != "package":
        yield f"{path.name}: the root is no package"
    yield from (f"{path.name}: no {tag}" for tag in _PACK_REQUIRED if root.find(tag) is None)
    vendor, name = root.findtext("vendor", ""), root.findtext("name", "")
    if path.stem != f"{vendor}.{name}" or not all(re.fullmatch(_PACK_NAME, part) for part in (vendor, name)):
        yield f"{path.name}: the file is not named vendor.name.pdsc"
    for tag, wanted in _PACK_ATTRIBUTES.items():
        for element in root.iter(tag):
            yield from (f"{path.name}: {tag} without {key}" for key in sorted(wanted - set(element.attrib)))
    for description in root.iter("description"):
        if len(description.text or "") > _DESCRIPTION_CHARS:
            yield f"{path.name}: a description is longer than {_DESCRIPTION_CHARS} characters"
    for element in (*root.iter("release"), *root.iter("component")):
        number = element.get("version") or element.get("Cversion") or ""
        if not re.fullmatch(_SEMANTIC_VERSION, number):
            yield f"{path.name}: version {number!r}"


def _read_with_pack_manager(path: Path) -> Iterator[str]:
    """In a process of its own: the reader panics where it finds no release."""
    program = (
        "import sys, cmsis_pack_manager as m\n"
        "c = m.Cache(True, True, json_path=sys.argv[2], data_path=sys.argv[2])\n"
        "c.add_pack_from_path(sys.argv[1])\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "aliases.json").write_text("{}")
        yield from _run(sys.executable, "-c", program, path, folder)


def _esp_idf(package: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        name = f"kshot_{next(package.glob('model/*.h')).stem}"
        yield from _run(_TOOLS / "compote", "component", "pack", "--name", name, "--dest-dir", folder, cwd=package)
        yield from _run(_TOOLS / "compote", "manifest", "lint", cwd=package)


_CHECKS: Mapping[str, Callable[[Path], Iterator[str]]] = MappingProxyType(
    {
        "arduino": _arduino,
        "platformio": _platformio,
        "zephyr": _zephyr,
        "cmsis-pack": _cmsis_pack,
        "esp-idf": _esp_idf,
    }
)


def _run(*command: str | Path, cwd: Path | None = None) -> list[str]:
    """Nothing, or what a tool says as it refuses. What tools remember goes to a folder that is removed."""
    with tempfile.TemporaryDirectory() as home:
        settings = {"PLATFORMIO_CORE_DIR": home, "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no", "IDF_TOOLS_PATH": home}
        environment = {**os.environ, **settings, "NO_COLOR": "1", "HOME": home}
        done = subprocess.run(
            list(command),
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
        )
    said = (done.stdout + done.stderr).strip().splitlines()
    return [] if done.returncode == 0 else [f"{Path(command[0]).name} {done.returncode}: {' '.join(said[-5:])[-300:]}"]

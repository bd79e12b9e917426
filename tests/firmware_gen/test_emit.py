"""Generated projects: the same bytes every time, clean under every compiler, harmless whatever the model is called."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from make_golden import GOLDEN, golden_files, golden_trees
from tiny_graphs import LEARNERS, GraphBuilder, reshape_only, taught_by, tiny_conv, tiny_dense, tiny_embedding

import kshot
from firmware_gen import emit
from firmware_gen.c_literals import InvalidNameError
from firmware_gen.emit import generate
from firmware_gen.examples import LABEL_BYTES, device_labels
from firmware_gen.host import HostLibrary
from firmware_gen.source_tree import SourceTree
from quantize.artifact import Examples
from quantize.errors import UnsupportedModelError
from quantize.graph import MaxPool2D, Pad, Padding

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "firmware_gen" / "runtime"
WARNINGS = [
    *("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes"),
    *("-Wdouble-promotion", "-Wcast-qual", "-Wvla", "-Werror"),
]
HOSTILE_NAME = '*/ "; system("x"); // ../../x \\\n??/ #define int ' + "x" * 10240


def _projects() -> list[SourceTree]:
    return [
        generate(tiny_embedding(tiny_conv()), name="learns"),
        generate(tiny_embedding(tiny_conv(), dtype=np.int8), name="int8_examples"),
        generate(tiny_embedding(tiny_conv(name=HOSTILE_NAME), examples=0), name="hostile"),
        generate(tiny_embedding(tiny_dense(outputs=300)), name="embeds"),
        generate(tiny_embedding(reshape_only()), name="copies"),
        *(generate(taught_by(tiny_embedding(tiny_conv()), name), name=name) for name in LEARNERS[1:]),
    ]


@pytest.fixture(scope="module")
def projects(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("projects")
    return {tree.name: tree.write(folder / tree.name) for tree in _projects()}


def _make(folder: Path, *arguments: str) -> str:
    command = ["make", "-s", "-j2", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("tree", golden_trees(), ids=lambda tree: tree.name)
def test_golden(tree):
    """Generated files are those of tests/golden, byte for byte; make_golden.py writes them again."""
    written = {p.relative_to(GOLDEN / tree.name).as_posix(): p for p in (GOLDEN / tree.name).rglob("*") if p.is_file()}
    assert {path: written[path].read_text() for path in written} == golden_files(tree)


def test_same_bytes_in_any_process():
    """Two processes with different hash seeds, time zones and folders generate the same projects."""
    program = "import make_golden; print([tree.sha256 for tree in make_golden.golden_trees()])"
    outputs = set()
    for seed, zone in (("1", "UTC"), ("77", "Asia/Tokyo")):
        path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
        environment = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "PYTHONPATH": path}
        command = [sys.executable, "-c", program]
        outputs.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert outputs == {f"{[tree.sha256 for tree in golden_trees()]}\n"}


def test_numbers_shared_with_the_runtime():
    """What the generator repeats from the runtime's headers, and its version, are the same numbers."""
    headers = "".join(path.read_text() for path in sorted(RUNTIME.glob("kshot*.h")))
    defined = dict(re.findall(r"#define (KSHOT_\w+) (\d+)", headers))
    assert int(defined["KSHOT_RUNTIME_ABI"]) == emit.RUNTIME_ABI
    assert int(defined["KSHOT_MAX_EMBEDDING_LEN"]) == emit.MAX_EMBEDDING_LEN
    assert int(defined["KSHOT_LABEL_BYTES"]) == LABEL_BYTES
    assert kshot.__version__ == emit.GENERATOR_VERSION


@pytest.mark.parametrize(
    "compiler",
    [
        pytest.param(["gcc"], marks=pytest.mark.needs("gcc"), id="gcc"),
        pytest.param(["clang"], marks=pytest.mark.needs("clang"), id="clang"),
        pytest.param(["gcc", "-DKSHOT_KERNELS=KSHOT_KERNELS_DSP"], marks=pytest.mark.needs("gcc"), id="gcc-dsp"),
        pytest.param(["gcc", "-DKSHOT_KERNELS=KSHOT_KERNELS_SCALAR"], marks=pytest.mark.needs("gcc"), id="gcc-scalar"),
        pytest.param(["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m0"], marks=pytest.mark.needs("arm-gcc"), id="m0"),
        pytest.param(["arm-none-eabi-gcc", "-mthumb", "-mcpu=cortex-m4"], marks=pytest.mark.needs("arm-gcc"), id="m4"),
    ],
)
def test_no_warnings(projects, compiler, tmp_path):
    """Generated sources compile without a warning as C99, whichever compiler reads them."""
    for folder in projects.values():
        for source in (*folder.glob("model/*.c"), folder / "main.c"):
            includes = ("-Ikshot", "-Imodel", "-I.")
            command = [*compiler, "-std=c99", "-O2", *WARNINGS, *includes, "-c", source, "-o", str(tmp_path / "x.o")]
            subprocess.run(command, cwd=folder, check=True)


@pytest.mark.needs("gcc")
def test_readme_snippet_compiles(projects):
    """The C in a generated README is C that compiles against the project."""
    for name, folder in projects.items():
        include, body = re.search(
            r"```c\n(#include .*?\n)(.*?)```", (folder / "README.md").read_text(), re.DOTALL
        ).groups()
        program = f"{include}int main(void)\n{{\nstatic int8_t input[{name.upper()}_INPUT_LEN];\n{body}return 0;\n}}\n"
        flags = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-Ikshot", "-Imodel", "-xc", "-"]
        subprocess.run(["gcc", *flags], cwd=folder, input=program, text=True, check=True)


@pytest.mark.needs("g++")
@pytest.mark.parametrize("standard", ["c++11", "c++20"])
def test_headers_in_cpp(projects, standard):
    """The model's header works from C++, its handshake included."""
    for name, folder in projects.items():
        program = f'#include "{name}.h"\nint main() {{ static {name}_memory m; return m.arena[0] != 0; }}\n'
        flags = [f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Ikshot", "-Imodel", "-xc++", "-"]
        subprocess.run(["g++", "-fsyntax-only", *flags], cwd=folder, input=program, text=True, check=True)


@pytest.mark.needs("gcc")
def test_project_runs(projects):
    """`make run` builds each project without a warning and the sanitizers find nothing."""
    sanitize = "EXTRA_CFLAGS=-Werror -fsanitize=address,undefined -fno-sanitize-recover"
    options = ("run", "BUILD=build/checked", "OPTIMIZE=-O1", sanitize)
    learned = _make(projects["learns"], *options)
    assert re.search(r"^class 4 -> class \d  distance \d+, margin \d+, \d+ nanoseconds$", learned, re.MULTILINE)
    assert re.search(r"^\d+ of 15 right$", learned, re.MULTILINE)
    embedded = _make(projects["embeds"], *options)
    assert len(embedded.splitlines()[0].split()) == 300


@pytest.mark.needs("gcc")
def test_example_answers_as_the_library(projects, tmp_path):
    """Distances that the example prints are those of the same steps through the host library."""
    embedding = tiny_embedding(tiny_conv())
    device = HostLibrary(generate(embedding, name="learns"), tmp_path).learner()
    inputs = embedding.quantize_input(embedding.examples.inputs).reshape(6, 8, -1)
    for number in range(5):
        device.enroll_begin(f"class {number}")
        for shot in inputs[number, :3]:
            device.enroll_add(shot)
        device.enroll_commit()
    answers = [device.classify(query) for number in range(5) for query in inputs[number, 3:6]]
    printed = re.findall(r"-> class (\d)  distance (\d+), margin (\d+)", _make(projects["learns"], "run"))
    assert [(a.class_id - 1, a.distance, a.margin) for a in answers] == [tuple(map(int, p)) for p in printed]


@pytest.mark.needs("gcc")
def test_other_runtime_is_refused(projects, tmp_path):
    """A generated file beside a runtime of another version does not compile, and says what to do."""
    folder = projects["learns"]
    for header in (folder / "kshot").glob("*.h"):
        (tmp_path / header.name).write_text(header.read_text())
    newer = re.sub(r"(define KSHOT_RUNTIME_ABI) (\d+)", r"\1 1\2", (tmp_path / "kshot_model.h").read_text())
    (tmp_path / "kshot_model.h").write_text(newer)
    command = ["gcc", "-std=c99", "-fsyntax-only", f"-I{tmp_path}", "-Imodel", "model/learns.c"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "generate the project again" in done.stderr


@pytest.mark.needs("gcc")
def test_unknown_kernels_are_refused(projects):
    """A choice of kernels that the project was not generated for does not compile, and says why."""
    command = ["gcc", "-std=c99", "-fsyntax-only", "-DKSHOT_KERNELS=77", "-Ikshot", "-Imodel", "model/learns.c"]
    done = subprocess.run(command, cwd=projects["learns"], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "no network for" in done.stderr


@pytest.mark.needs("gcc")
def test_unused_kernels_stay_out(projects):
    """A model of dense layers links neither convolution, nor the learner, nor the pixel table."""
    _make(projects["embeds"])
    symbols = subprocess.run(["nm", "build/host/embeds.elf"], cwd=projects["embeds"], check=True, capture_output=True)
    names = set(re.findall(r"\w+$", symbols.stdout.decode(), re.MULTILINE))
    assert "kshot_fully_connected_s8" in names
    assert not {"kshot_conv2d_s8", "kshot_classify", "embeds_pixel_to_input"} & names


@pytest.mark.needs("gcc", "cmake")
def test_cmake(projects, tmp_path):
    """CMake builds the example, and a project of one's own through add_subdirectory."""
    own = tmp_path / "own"
    own.mkdir()
    (own / "own.c").write_text('#include "learns.h"\nint main(void) { return learns_init(NULL, NULL) == KSHOT_OK; }\n')
    (own / "CMakeLists.txt").write_text(
        f"cmake_minimum_required(VERSION 3.13)\nproject(own C)\nadd_subdirectory({projects['learns']} learns)\n"
        "add_executable(own own.c)\ntarget_link_libraries(own PRIVATE kshot_learns)\n"
    )
    for source, program in ((projects["learns"], "learns_example"), (own, "own")):
        build = tmp_path / program
        subprocess.run(["cmake", "-S", source, "-B", build], check=True, capture_output=True)
        subprocess.run(["cmake", "--build", build], check=True, capture_output=True)
        subprocess.run([build / program], check=True, capture_output=True)


def test_layer_names_are_only_comments():
    """However a layer is called, files and code are the same; the name is cut and defused."""
    plain, hostile = (
        generate(tiny_embedding(tiny_conv(name=name), examples=0), name="net") for name in ("x", HOSTILE_NAME)
    )
    assert list(plain.files) == list(hostile.files)
    for path in ("model/net.c", "model/net_portable.c", "model/net_dsp.c", "model/net_scalar.c"):
        code = [re.sub(r"/\*.*?\*/", "", tree.files[path]) for tree in (plain, hostile)]
        assert code[0] == code[1]
        assert all(len(line) <= 200 for line in hostile.files[path].splitlines())


def test_floating_point_stays_in_the_head():
    """Outside of comments no generated C mentions a floating-point number or type, unless its learner takes steps."""
    for tree in golden_trees():
        for path in [path for path in tree.files if path.startswith("model/") or path == "main.c"]:
            code = re.sub(r'/\*.*?\*/|"[^"]*"', "", tree.files[path], flags=re.DOTALL)
            found = re.search(r"\bfloat\b|\bdouble\b|\d\.\d|\dp[+-]\d", code)
            assert bool(found) == (path in {"model/tiny_head.c", "model/tiny_head.h"}), path


def test_pixel_table_is_the_artifact_s():
    """The table in the header is what `quantize_input` computes."""
    embedding = tiny_embedding(tiny_conv())
    text = generate(embedding, name="net").files["model/net.c"]
    table = re.search(r"pixel_to_input\[256\] = \{([^}]*)\}", text)
    raw = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
    assert [int(v) for v in table[1].split(",")[:-1]] == embedding.quantize_input(raw).ravel().tolist()


def test_without_examples_the_program_embeds():
    """No examples, or only one class with two of them, give a project whose program runs the network once."""
    embedding = tiny_embedding(tiny_conv())
    one = Examples(embedding.examples.inputs[:8], embedding.examples.labels[:8], embedding.examples.class_names)
    for examples in (None, one):
        tree = generate(replace(embedding, examples=examples), name="net")
        assert "examples.h" not in tree.files
        assert "net_embed(" in tree.files["main.c"]
        assert tree.learns


def test_device_labels():
    """Labels fit the device in whole characters and stay different."""
    labels = device_labels(["a" * 30, "a" * 40, "é" * 20, "", "b\0c"])
    assert labels == ["a" * 23, "a" * 21 + "#2", "é" * 11, "#4", "bc"]
    assert all(len(label.encode()) < LABEL_BYTES for label in labels)


def test_what_does_not_fit_the_runtime_is_refused():
    """A stride beyond 8 bits or an axis beyond 16 names its layer and says what would fit."""
    g = GraphBuilder()
    source = g.activation(600, 1, 1)
    options = {"name": "wide stride", "filter_height": 1, "filter_width": 1, "stride_height": 256}
    strided = g.build(source, g.op(MaxPool2D, g.activation(3, 1, 1), source, **options))
    g = GraphBuilder()
    source = g.activation(65536, 1, 1)
    long = g.build(source, g.op(Pad, g.activation(65537, 1, 1), source, name="long axis", padding=Padding(top=1)))
    for graph, layer in ((strided, "wide stride"), (long, "long axis")):
        with pytest.raises(UnsupportedModelError, match=rf"'{layer}'.*does not fit.*65535"):
            generate(tiny_embedding(graph, examples=0), name="net")


def test_learner_without_a_runtime_is_refused():
    """A model trained for a learner that the runtime does not have is refused, unless it only embeds."""
    with pytest.raises(ValueError, match=r"learner 'other'.*prototypical"):
        generate(replace(tiny_embedding(tiny_conv()), learner="other"), name="net")
    assert not generate(replace(tiny_embedding(tiny_dense(outputs=300)), learner="other"), name="net").learns


@pytest.mark.parametrize("count", [0, -1, 4097])
def test_max_classes_range(count):
    """A number of classes that no device could hold is refused."""
    with pytest.raises(ValueError, match=f"max_classes is {count}"):
        generate(tiny_embedding(reshape_only()), name="net", max_classes=count)


@pytest.mark.parametrize("count", [0, 256])
def test_max_shots_range(count):
    """A number of shots that no class could hold is refused."""
    with pytest.raises(ValueError, match=f"max_shots is {count}"):
        generate(tiny_embedding(reshape_only()), name="net", max_shots=count)


@pytest.mark.parametrize("learner", ["prototypical", "siamese"])
@pytest.mark.parametrize(
    ("rooms", "classes", "shots"), [((5, 8), 5, 3), ((2, 8), 2, 3), ((3, 1), 3, 1), ((9, 2), 5, 2)]
)
def test_the_example_fits_the_rooms(learner, rooms, classes, shots):
    """It enrolls no more classes than there is room for, nor more shots where shots are kept."""
    embedding = taught_by(tiny_embedding(tiny_conv()), learner)
    files = generate(embedding, name="net", max_classes=rooms[0], max_shots=rooms[1]).files
    defined = dict(re.findall(r"#define EXAMPLE_(\w+) (\d+)", files["examples.h"]))
    assert int(defined["CLASSES"]) == classes
    assert int(defined["SHOTS"]) == (3 if learner == "prototypical" else shots)


@pytest.mark.needs("gcc")
def test_the_smallest_rooms_run(tmp_path):
    """With room for two classes of one shot the example still ends well."""
    embedding = taught_by(tiny_embedding(tiny_conv()), "anil")
    folder = generate(embedding, name="small", max_classes=2, max_shots=1).write(tmp_path)
    assert re.search(r"^\d of 2 right$", _make(folder, "run"), re.MULTILINE)


@pytest.mark.parametrize(
    ("learner", "class_bytes", "store_bytes"),
    [
        ("prototypical", 28 + 6 * 4, 4 * 4),
        ("siamese", 28 + 8 * 4, 8 * 4),
        ("matching", 28 + 8 * (4 + 4), 8 * 4),
        ("anil", 28 + 8 * 4 + 2 * 5 * 4 + 4, 8 * 4),
    ],
)
def test_the_readme_says_what_a_class_costs(learner, class_bytes, store_bytes):
    """RAM and store of one class, for 8 shots of 4 values; and all of the learner's memory."""
    text = generate(taught_by(tiny_embedding(tiny_conv()), learner), name="net", max_classes=3).files["README.md"]
    assert f"| one enrolled class (RAM) | {class_bytes} |" in text
    assert f"| one enrolled class that is to survive a reset, besides its label (store) | {store_bytes} |" in text
    total = 4 * class_bytes + 4 + (16 if learner == "anil" else 0)
    assert f"| learner's memory for 3 classes and the enrollment in progress (RAM) | {total} |" in text


def test_bad_name():
    """A project's name that C cannot use is refused before anything else."""
    with pytest.raises(InvalidNameError, match="double"):
        generate(tiny_embedding(reshape_only()), name="double")


def test_templates_stay_small():
    """Templates are skeletons: under 90 lines, without arithmetic."""
    for path in (ROOT / "firmware_gen" / "templates").glob("*.j2"):
        text = path.read_text()
        assert len(text.splitlines()) < 100, path.name
        assert not re.search(r"\{\{[^}]*[*+%/][^}]*\}\}", text), path.name

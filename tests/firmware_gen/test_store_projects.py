"""A generated project whose classes survive a reset: its C keeps them, its store.json lets Python read them."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rejections import random_rejection
from runtime_compilers import C_TESTS, C_WARNINGS, GCC, M0, RUNTIME, compile_objects, run
from tiny_graphs import LEARNERS, identity, taught_by, tiny_dense, tiny_embedding

from firmware_gen.emit import generate
from firmware_gen.source_tree import SourceTree
from firmware_gen.store import (
    Geometry,
    GeometryError,
    ImageFlash,
    ModelStore,
    StoreFlash,
    StoreState,
    class_of_shots,
    load_plan,
)

REJECTING = ("prototypical", "matching")
FLASH = StoreFlash("nrf52", Geometry(4096, 4), 10_000)
PROGRAM = """
#include "tiny.h"
#include "ram_flash.h"

static kshot_store_geometry geometry = {TINY_STORE_ERASE_UNIT_BYTES, TINY_STORE_PROGRAM_UNIT_BYTES,
                                        TINY_STORE_UNITS_PER_BANK, TINY_STORE_BANKS, 255};
static ram_flash ram = {.geometry = &geometry};
static const kshot_flash flash = {&ram, ram_flash_read, ram_flash_prog, ram_flash_erase};
static tiny_memory memory;
static tiny_store_memory store_memory;
static kshot k;
static kshot_persist p;

static kshot_status opened(void)
{
    memset(&memory, 0xa5, sizeof memory);
    CHECK_EQUAL(KSHOT_OK, tiny_init(&k, &memory));
    return tiny_open(&p, &k, &flash, &store_memory);
}

static void enroll(const char *label, int8_t first, int count)
{
    CHECK_EQUAL(KSHOT_OK, kshot_enroll_begin(&k, label));
    for (int i = 0; i < count; i++) {
        const int8_t shot[TINY_EMBEDDING_LEN] = {first, (int8_t)(first + i), -3, 4};
        CHECK_EQUAL(KSHOT_OK, kshot_enroll_add_embedding(&k, shot));
    }
    CHECK_EQUAL(KSHOT_OK, kshot_persist_commit(&p, NULL, 1));
}

int main(int argc, char **argv)
{
    FILE *image;
    CHECK(argc == 2 && sizeof ram.bytes >= TINY_STORE_BYTES);
    memset(ram.bytes, 0xff, sizeof ram.bytes);
    CHECK_EQUAL(KSHOT_ERROR_ARGUMENT, tiny_open(&p, &k, &flash, NULL));
    CHECK_EQUAL(KSHOT_ERROR_UNFORMATTED, opened());
    CHECK_EQUAL(KSHOT_OK, kshot_persist_format(&p, 1));
    enroll("wave", 10, 2);
    enroll("clap", -20, 1);
    CHECK_EQUAL(KSHOT_OK, opened());
    CHECK_EQUAL(2, kshot_class_count(&k));
    image = fopen(argv[1], "wb");
    CHECK(image != NULL && fwrite(ram.bytes, TINY_STORE_BYTES, 1, image) == 1 && fclose(image) == 0);
    return 0;
}
"""


def _tree(learner: str) -> SourceTree:
    embedding = taught_by(tiny_embedding(identity(4), examples=0), learner)
    if learner in REJECTING:
        embedding = replace(embedding, rejection=random_rejection(np.random.default_rng(1), 4))
    return generate(embedding, name="tiny", max_classes=5, max_shots=3, store=FLASH)


@pytest.fixture(scope="session")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The runtime, under sanitizers."""
    return compile_objects(GCC, tmp_path_factory.mktemp("objects"), ("-g", "-O1", *GCC.sanitize))


@pytest.mark.needs("gcc", "arm-gcc")
@pytest.mark.parametrize("learner", LEARNERS)
def test_python_reads_what_the_c_keeps(learner: str, objects: list[Path], tmp_path: Path) -> None:
    """The image that a project's C wrote holds, by its store.json, the classes; Arm compiles it without a warning."""
    folder = _tree(learner).write(tmp_path / "tiny")
    (folder / "program.c").write_text(PROGRAM)
    places = [f"-I{RUNTIME}", f"-I{C_TESTS}", f"-I{folder}/model"]
    models = sorted((folder / "model").glob("*.c"))
    flags = ("-std=c99", *C_WARNINGS, *places)
    run(
        "gcc",
        *flags,
        "-g",
        "-O1",
        *GCC.sanitize,
        folder / "program.c",
        *models,
        *objects,
        "-lm",
        "-o",
        tmp_path / "program",
    )
    run(*M0.command, *flags, "-c", folder / "model" / "tiny.c", "-o", tmp_path / "tiny.o")
    image = tmp_path / "image.bin"
    run(tmp_path / "program", image)
    plan = load_plan(folder)
    store = ModelStore(plan.config, ImageFlash(plan.config.geometry, image.read_bytes()))
    assert (store.store.state, store.left_out, list(store.labels)) == (StoreState.OK, [], ["wave", "clap"])
    wave = np.array([[10, 10, -3, 4], [10, 11, -3, 4]], np.int8)
    expected = class_of_shots(plan.config.records, "wave", wave, squares=plan.config.rejects)
    assert (store.classes[1].state == expected.state).all()
    assert plan.config.rejects == (learner in REJECTING)


@pytest.mark.needs("gcc")
def test_rooms_that_the_store_lacks_do_not_compile(tmp_path: Path) -> None:
    """A build with more classes than a bank holds is refused by the compiler."""
    folder = _tree("siamese").write(tmp_path / "tiny")
    command = ("gcc", "-std=c99", "-DTINY_MAX_CLASSES=200", f"-I{RUNTIME}", "-c", folder / "model" / "tiny.c")
    done = subprocess.run([*command, "-o", tmp_path / "x.o"], capture_output=True, text=True, check=False)
    assert done.returncode
    assert "tiny_store_holds_its_classes" in done.stderr


def test_a_flash_that_is_too_small_is_refused() -> None:
    """The error says what would hold the classes."""
    small = replace(FLASH, geometry=Geometry(128, 4), grows=False)
    with pytest.raises(
        GeometryError, match=r"units_per_bank = 1: a bank of 128 bytes holds 0 records.*units_per_bank = 6"
    ):
        generate(tiny_embedding(identity(4), examples=0), name="tiny", max_classes=5, store=small)


def test_without_a_flash_there_is_no_store() -> None:
    """Neither is there one in a project that only embeds."""
    for tree in (
        generate(tiny_embedding(identity(4), examples=0), name="tiny"),
        generate(tiny_embedding(tiny_dense(outputs=257), examples=0), name="tiny", store=FLASH),
    ):
        assert "store.json" not in tree.files
        assert "tiny_open" not in tree.files["model/tiny.h"]

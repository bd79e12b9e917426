"""`make persist-cost`: what keeping a class costs beside the embedding of its shot, in instructions counted in QEMU.

The network is conv4 with 32 filters for 28 x 28 pixels, untrained, which costs as much as a trained one. Its firmware
enrolls classes into a store whose flash is memory; what the flash callbacks take is counted apart and left out, for a
real flash takes a time of its own. The first commit after a start compacts, and so copies every class.
"""

from __future__ import annotations

import dataclasses
import re
from importlib import resources
from pathlib import Path

from bench import engine_models
from firmware_gen import emit, targets
from firmware_gen.build import build
from firmware_gen.emulate import EmulationError, Emulator
from firmware_gen.store import Geometry, StoreFlash
from kshot.report.figures import write_figures
from kshot.report.output import print_lines
from kshot.report.tables import ReportTable

FOLDER = Path("build/persist_cost")
CORES = ("m0", "m4")
MAX_CLASSES = 10
_ROW = re.compile(r"^(\w+) (\d+) (\d+)$", re.MULTILINE)
_MAIN = """\
#include <stdlib.h>
#include <string.h>

#include "boards/board.h"
#include "cost.h"

enum { CLASSES = 8, ENROLLED = CLASSES + 2 };

static cost_memory memory;
static cost_store_memory store_memory;
static kshot k;
static kshot_persist p;
static uint8_t bytes[COST_STORE_BYTES];
static int8_t input[COST_INPUT_LEN], embedding[COST_EMBEDDING_LEN];
static uint64_t in_flash, begun;

static kshot_flash_result ram_read(void *context, uint32_t address, uint8_t *data, uint32_t len)
{
    const uint64_t start = board_tick();
    (void)context;
    memcpy(data, bytes + address, len);
    in_flash += board_tick() - start;
    return KSHOT_FLASH_OK;
}

static kshot_flash_result ram_prog(void *context, uint32_t address, const uint8_t *data, uint32_t len)
{
    const uint64_t start = board_tick();
    (void)context;
    memcpy(bytes + address, data, len);
    in_flash += board_tick() - start;
    return KSHOT_FLASH_OK;
}

static kshot_flash_result ram_erase(void *context, uint32_t address)
{
    const uint64_t start = board_tick();
    (void)context;
    memset(bytes + address, 0xff, COST_STORE_ERASE_UNIT_BYTES);
    in_flash += board_tick() - start;
    return KSHOT_FLASH_OK;
}

static const kshot_flash flash = {NULL, ram_read, ram_prog, ram_erase};

PRINT

static void begin(void)
{
    in_flash = 0;
    begun = board_tick();
}

static void end(const char *what, kshot_status status)
{
    const uint64_t total = board_tick() - begun;
    if (status != KSHOT_OK) {
        board_exit(EXIT_FAILURE);
    }
    print(what);
    print(" ");
    print_number(total - in_flash);
    print(" ");
    print_number(in_flash);
    print("\\n");
}

static void open(void)
{
    if (cost_init(&k, &memory) != KSHOT_OK) {
        board_exit(EXIT_FAILURE);
    }
    begin();
}

static void enroll(const char *what, char name)
{
    const char label[2] = {name, 0};
    embedding[0]++;
    if (kshot_enroll_begin(&k, label) != KSHOT_OK || kshot_enroll_add_embedding(&k, embedding) != KSHOT_OK) {
        board_exit(EXIT_FAILURE);
    }
    begin();
    end(what, kshot_persist_commit(&p, NULL, 1));
}

int main(void)
{
    board_start();
    memset(bytes, 0xff, sizeof bytes);
    open();
    (void)cost_open(&p, &k, &flash, &store_memory);
    if (kshot_persist_format(&p, 1) != KSHOT_OK) {
        board_exit(EXIT_FAILURE);
    }
    begin();
    end("embedding", kshot_embed(&k, input, embedding));
    for (int i = 0; i < CLASSES; i++) {
        enroll("commit", (char)('a' + i));
    }
    open();
    end("start", cost_open(&p, &k, &flash, &store_memory));
    enroll("first_commit", 'y');
    enroll("commit", 'z');
    begin();
    end("forget", kshot_persist_forget(&p, 1, 2));
    board_exit(EXIT_SUCCESS);
}
"""


def main() -> None:
    """Count, print, write."""
    embedding = engine_models.load("conv4-32", FOLDER / "models")
    flash = StoreFlash("nrf52", Geometry(4096, 4), 10_000)
    tree = emit.generate(embedding, name="cost", max_classes=MAX_CLASSES, store=flash)
    printing = resources.files("firmware_gen").joinpath("templates", "print.c.j2").read_text(encoding="utf-8")
    program = dataclasses.replace(tree, files={**tree.files, "main.c": _MAIN.replace("PRINT", printing)})
    rows = [row for core in CORES for row in _count(core, Emulator(build(program, targets.get(core), FOLDER / core)))]
    head = ("core", "call", "instructions", "of an embedding", "in the flash's callbacks")
    cells = [
        (
            str(r["core"]),
            str(r["call"]),
            f"{r['instructions']:,}",
            f"{100 * float(r['embeddings']):.2f} %",
            f"{r['in_flash']:,}",
        )
        for r in rows
    ]
    ReportTable(
        f"One class of {embedding.embedding_len} dimensions among {MAX_CLASSES}, nRF52's geometry", head, cells
    ).print()
    print_lines(f"figures: {write_figures('persist_cost', rows)}")


def _count(core: str, emulator: Emulator) -> list[dict[str, str | int | float]]:
    """A row a call; of several of a kind the most expensive."""
    run = emulator.run()
    if run.exit_status:
        raise EmulationError(f"{core}: exit status {run.exit_status}")
    found: dict[str, tuple[int, int]] = {}
    for call, instructions, in_flash in _ROW.findall(run.serial.decode()):
        found[call] = max(found.get(call, (0, 0)), (int(instructions), int(in_flash)))
    per_embedding = found["embedding"][0]
    return [
        {"core": core, "call": call, "instructions": n, "embeddings": n / per_embedding, "in_flash": flash}
        for call, (n, flash) in found.items()
    ]


if __name__ == "__main__":
    main()

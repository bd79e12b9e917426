"""Results as tables: rows of text that a terminal and a page share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kshot.report.output import print_lines, print_table

if TYPE_CHECKING:
    from firmware_gen.build import Firmware
    from kshot.demo import Outcome
    from kshot.emulation import Emulation
    from kshot.evaluation import Result
    from kshot.open_set import OpenSetResult


@dataclass(frozen=True)
class ReportTable:
    """A table as text.

    Attributes
    ----------
    title : str
    head : sequence of str
    rows : sequence of sequences of str
        As many cells each as `head`.
    """

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def print(self) -> None:
        """Print it on standard output."""
        print_table(self.title, self.head, self.rows)


def accuracy_table(results: Sequence[Result]) -> ReportTable:
    """A row per task, a column per stage: mean and 95 % interval."""
    stages = list(dict.fromkeys(result.stage for result in results))
    tasks = list(dict.fromkeys(result.task for result in results))
    cells = {(r.task, r.stage): f"{100 * r.accuracy.mean:.1f} ± {100 * r.accuracy.ci95:.1f} %" for r in results}
    rows = [(f"{t.n_way}-way {t.k_shot}-shot", *(cells.get((t, stage), "-") for stage in stages)) for t in tasks]
    episodes = results[0].accuracy.episodes if results else 0
    return ReportTable(f"Accuracy over {episodes:,} episodes, 95 % interval", ("", *stages), rows)


def open_set_tables(results: Sequence[OpenSetResult]) -> list[ReportTable]:
    """How well unknown queries part from known ones, a row a task; and what came of each requested rate."""
    separate = {(r.name, r.task): r for r in results}
    parted = [
        (
            *_open_set_name(r),
            f"{r.separation.auroc:.4f}",
            *(f"{100 * value:.2f} %" for value in (r.separation.frr_at_1, r.separation.frr_at_5)),
            f"{100 * r.separation.equal_error_rate:.2f} %",
            f"{r.separation.oscr:.4f}",
        )
        for r in separate.values()
    ]
    realised = [
        (
            *_open_set_name(r),
            f"{100 * r.realised.requested:g} %",
            *(f"{100 * value:.2f} %" for value in (r.realised.false_accepts, r.realised.false_rejects)),
            f"{100 * r.realised.uncertain_known:.2f} / {100 * r.realised.uncertain_unknown:.2f} %",
            f"{r.mismatches:,} of {r.answers:,}" if r.answers else "not compiled",
        )
        for r in results
    ]
    episodes = results[0].episodes if results else 0
    parted_head = ("", "", "AUROC", "false rejects at 1 %", "at 5 % false accepts", "equal errors", "OSCR")
    realised_head = (
        "",
        "",
        "asked",
        "false accepts",
        "false rejects",
        "uncertain known / unknown",
        "C and NumPy differ",
    )
    return [
        ReportTable(f"Known and unknown classes, {episodes:,} episodes", parted_head, parted),
        ReportTable("Thresholds set at enrollment", realised_head, realised),
    ]


def _open_set_name(result: OpenSetResult) -> tuple[str, str]:
    return result.name, f"{result.task.n_way}-way {result.task.k_shot}-shot"


def size_table(builds: Sequence[Firmware]) -> ReportTable:
    """Flash and RAM of each firmware, and of each class that it learns."""
    head = ("", "flash", "RAM", "arena", "stack", "a class: RAM", "its store", "firmware")
    names = ("flash_bytes", "ram_bytes", "arena_bytes", "stack_bytes", "class_bytes", "class_store_bytes")
    rows = [
        (
            built.target.title,
            *(f"{getattr(built.sizes, name):,}" if built.sizes else "-" for name in names),
            str(built.elf),
        )
        for built in builds
    ]
    return ReportTable("Bytes, from the linked program; RAM includes arena, stack and room for classes", head, rows)


def store_table(row: Mapping[str, Any]) -> ReportTable:
    """What a store takes, what calls cost at most, and how long the flash lasts, from `kshot.store_flash.store_row`."""
    units = f"{row['erase_units_per_bank']:,} x {row['erase_unit_bytes']:,}"
    rows = [
        ("flash", f"{row['bytes']:,} bytes: {row['bank_count']} banks of {units}"),
        ("a class", f"{row['slot_bytes']:,} bytes, of which {row['record_bytes']:,} are its record"),
        (
            "room",
            f"{row['max_classes']:,} classes; a bank holds {row['capacity']:,} records, {row['records']:,} are used",
        ),
        ("an enrollment", f"at most {row['put_erases']:,} erases, {row['put_program_units']:,} program units"),
        ("a forget, a wipe", f"{row['forget_erases']:,} erases"),
        ("a start", f"{row['mount_read_bytes']:,} bytes read, nothing written"),
        (
            "lifetime",
            f"{row['lifetime_sessions']:,} power sessions that enroll, or {row['lifetime_puts_full']:,} enrollments in"
            f" long ones, at {row['endurance']:,} erases",
        ),
    ]
    return ReportTable(f"Store of the classes, {row['flash']}", ("", ""), rows)


def emulation_table(runs: Sequence[Emulation]) -> ReportTable:
    """What each emulated firmware did."""
    head = ("", "instructions an inference", "inputs", "queries", "accuracy", "mismatches", "board")
    rows = [
        (
            run.target,
            f"{run.instructions:,}",
            f"{run.inputs:,}",
            f"{run.queries:,}",
            f"{100 * run.accuracy:.1f} %",
            f"{run.mismatches:,}",
            run.board,
        )
        for run in runs
    ]
    qemu = runs[0].qemu if runs else ""
    return ReportTable(f"Enrolled and classified inside the firmware, QEMU {qemu}", head, rows)


def device_table(builds: Sequence[Firmware], runs: Sequence[Emulation]) -> ReportTable:
    """Size, speed and exactness of each target, in one row."""
    emulated = {run.target: run for run in runs}
    rows = []
    for built in builds:
        run = emulated.get(built.target.name)
        sizes = [f"{n:,}" for n in (built.sizes.flash_bytes, built.sizes.ram_bytes)] if built.sizes else ["-", "-"]
        counts = [f"{n:,}" for n in (run.instructions, run.inputs + run.queries, run.mismatches)] if run else ["-"] * 3
        rows.append((built.target.title, *sizes, *counts))
    head = ("", "flash, bytes", "RAM, bytes", "instructions an inference", "checked in QEMU", "mismatches")
    return ReportTable("On the device", head, rows)


def print_demo(outcome: Outcome) -> None:
    """Print the end of a demonstration: accuracy, the devices, and where everything lies."""
    accuracy_table(outcome.results).print()
    print_lines("")
    if outcome.builds:
        device_table(outcome.builds, outcome.emulations).print()
        print_lines("")
    if outcome.comparison:
        seen = outcome.comparison
        print_lines(
            f"Compiled C beside the NumPy reference: {seen.inputs:,} embeddings and {seen.answers:,} answers,"
            f" {seen.mismatches:,} mismatches"
        )
    print_lines(*[f"left out: {tool} is not installed" for tool in outcome.missing])
    print_lines(
        f"Trained in {outcome.train_seconds:.0f} s, all in {outcome.seconds:.0f} s", f"Pictures: {outcome.page}"
    )
    print_lines(*[f"Firmware for {built.target.title}: {built.elf.parent}" for built in outcome.builds])

"""Run a firmware in QEMU and talk to it.

QEMU proves bits and counts instructions; it says nothing of cycles. With ``-icount shift=0`` an instruction takes one
nanosecond of the machine's time, so the counts are the same on every run of one QEMU version.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firmware_gen.build import Firmware
from firmware_gen.emulation_script import (
    Answer,
    Classify,
    ClassifyEmbedding,
    Embed,
    Embedded,
    EnrollAdd,
    EnrollAddEmbedding,
    EnrollBegin,
    EnrollCommit,
    Enrolled,
    Nearest,
    Request,
    Restart,
    SetFalseAccepts,
    read_answers,
    write_script,
)
from firmware_gen.sizes import LinkedModel, linked_model
from quantize.learners import Answers, Support

logger = logging.getLogger(__name__)

_EXIT_STATUS = {
    65: "it found a request that it does not understand; a model that only embeds knows no classes",
    66: "it could not open or write a file",
    70: "the processor ran into a fault: a bad address or instruction",
}


class EmulationError(RuntimeError):
    """QEMU is missing or failed, or the firmware did not end as it should."""


@dataclass(frozen=True)
class Run:
    """One run of a program.

    Attributes
    ----------
    exit_status : int
        What the program gave `board_exit`.
    serial : bytes
        What it sent over its serial line.
    """

    exit_status: int
    serial: bytes


@dataclass(frozen=True, eq=False)
class EmulatedEpisode:
    """What a firmware said to the queries of one episode.

    Attributes
    ----------
    answers : Answers
    verdicts : int64 [n]
        Values of `quantize.reject.Verdict`.
    instructions : int64 [n]
        Of each classification.
    """

    answers: Answers
    verdicts: npt.NDArray[np.int64]
    instructions: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Emulator:
    """QEMU with one firmware in it. Each run begins with a reset; nothing lasts from one to the next.

    Attributes
    ----------
    firmware : Firmware
        Built for an emulated target.
    timeout_seconds : float
        Of one run, in the host's time.
    qemu : str
        The program.

    Raises
    ------
    EmulationError
        If the firmware's board is not emulated.
    """

    firmware: Firmware
    timeout_seconds: float = 900.0
    qemu: str = "qemu-system-arm"

    def __post_init__(self) -> None:
        if self.firmware.board.qemu_machine is None:
            raise EmulationError(f"board {self.firmware.board.name} is not emulated")

    @cached_property
    def version(self) -> str:
        """QEMU's version; to be recorded beside every count of instructions.

        Raises
        ------
        EmulationError
            If QEMU is missing.
        """
        done = subprocess.run([self._program(), "--version"], check=True, capture_output=True, text=True)
        return done.stdout.splitlines()[0].removeprefix("QEMU emulator version ").split()[0]

    @cached_property
    def model(self) -> LinkedModel:
        """The model inside the firmware.

        Raises
        ------
        EmulationError
            If the program uses none.
        """
        try:
            return linked_model(self.firmware.elf, name=self.firmware.name)
        except ValueError as error:
            raise EmulationError(f"{error}; a firmware that answers must be built with main='emulation'") from error

    def ask(self, requests: Sequence[Request]) -> tuple[Answer, ...]:
        """Let a firmware built with ``main="emulation"`` answer `requests`, in one run.

        Raises
        ------
        ScriptError
            If a request does not fit the model; nothing ran then.
        EmulationError
            If QEMU is missing or out of time, or the firmware ends in any way but the right one.
        """
        script = write_script(requests, input_len=self.model.input_len, embedding_len=self.model.embedding_len)
        with tempfile.TemporaryDirectory(prefix="kshot-emulation-") as name:
            folder = Path(name)
            (folder / "requests.bin").write_bytes(script)
            run = self.run(folder)
            if run.exit_status:
                reason = _EXIT_STATUS.get(
                    run.exit_status, "unknown to the emulation program; was main='emulation' built?"
                )
                raise EmulationError(f"{self.firmware.elf}: exit status {run.exit_status}: {reason}")
            answers = folder / "answers.bin"
            if not answers.is_file():
                raise EmulationError(f"{self.firmware.elf}: answered nothing; it must be built with main='emulation'")
            return read_answers(requests, answers.read_bytes())

    def embed(self, inputs: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
        """Embed each input.

        Parameters
        ----------
        inputs : int8 [n, ...]

        Returns
        -------
        embeddings : int8 [n, embedding_len]
        instructions : int64 [n]

        Raises
        ------
        ScriptError, EmulationError
            As `ask`.
        """
        answers = [a for a in self.ask([Embed(values) for values in inputs]) if isinstance(a, Embedded)]
        embeddings = np.array([a.embedding for a in answers], np.int8).reshape(len(answers), self.model.embedding_len)
        return embeddings, np.array([a.instructions for a in answers], np.int64)

    def classify_episodes(
        self,
        episodes: Iterable[tuple[Support, npt.NDArray[np.int8]]],
        *,
        embedded: bool = False,
        per_mille: int | None = None,
    ) -> list[EmulatedEpisode]:
        """Enroll and classify inside the firmware, all episodes in one run.

        Parameters
        ----------
        episodes : iterable of (int8 [n_way, k_shot, ...], int8 [n, ...])
            Support, which may also be a list with int8 [k, ...] for each class, and queries.
        embedded : bool
            Whether they are embeddings rather than inputs.
        per_mille : int, optional
            The false-accept rate to ask for, in 1000.

        Raises
        ------
        EmulationError
            If the firmware refuses one of the calls, more classes than it has room for, say; or as `ask`.
        ScriptError
            As `ask`.
        """
        scripts = [
            episode_requests(support, queries, embedded=embedded, per_mille=per_mille) for support, queries in episodes
        ]
        requests = [request for script in scripts for request in script]
        answers = self.ask(requests)
        for request, answer in zip(requests, answers, strict=True):
            if not answer.ok:
                raise EmulationError(f"{self.firmware.elf}: {type(request).__name__} gave status {answer.status}")
        rest = iter(answers)
        return [_emulated_episode(list(islice(rest, len(script)))) for script in scripts]

    def run(self, folder: Path | None = None, *, serial_input: bytes = b"") -> Run:
        """Run the firmware until it exits.

        Parameters
        ----------
        folder : Path or None
            Where it finds and leaves files; None for a temporary one.
        serial_input : bytes
            What its serial line receives.

        Raises
        ------
        EmulationError
            If QEMU is missing, fails, locks up or runs out of time.
        """
        if folder is None:
            with tempfile.TemporaryDirectory(prefix="kshot-emulation-") as name:
                return self.run(Path(name), serial_input=serial_input)
        logger.debug("%s on %s", self.firmware.elf, self.firmware.board.qemu_machine)
        try:
            done = subprocess.run(
                self.command(),
                check=False,
                cwd=folder,
                input=serial_input,
                capture_output=True,
                timeout=self.timeout_seconds,
            )
        except subprocess.TimeoutExpired:
            raise EmulationError(
                f"{self.firmware.elf}: still running after {self.timeout_seconds:g} s; fewer requests or more time"
                " would tell whether it hangs"
            ) from None
        complaints = [line for line in done.stderr.decode(errors="replace").splitlines() if line.startswith("qemu")]
        if complaints or done.returncode < 0:
            reason = complaints[0] if complaints else f"signal {-done.returncode}"
            raise EmulationError(f"{self.firmware.elf}: QEMU stopped: {reason}")
        return Run(done.returncode, done.stdout)

    def command(self) -> list[str]:
        """The command line, to which nothing need be added."""
        machine = self.firmware.board.qemu_machine or ""
        options = "-display none -monitor none -serial stdio -icount shift=0,align=off,sleep=off"
        semihosting = ["-semihosting-config", "enable=on,target=native"]
        kernel = ["-M", machine, "-kernel", str(self.firmware.elf.resolve())]
        return [self._program(), *options.split(), *semihosting, *kernel]

    def _program(self) -> str:
        path = shutil.which(self.qemu)
        if path is None:
            raise EmulationError(f"{self.qemu} is not installed; on Debian or Ubuntu: apt install qemu-system-arm")
        return path


def episode_requests(
    support: Support, queries: npt.NDArray[np.int8], *, embedded: bool = False, per_mille: int | None = None
) -> list[Request]:
    """The script of one episode: restart, enroll each class, classify each query.

    Parameters
    ----------
    support : int8 [n_way, k_shot, ...], or for each class int8 [k, ...]
    queries : int8 [n, ...]
    embedded : bool
        Whether they are embeddings rather than inputs.
    per_mille : int, optional
        The false-accept rate to ask for, in 1000.
    """
    add, classify = (EnrollAddEmbedding, ClassifyEmbedding) if embedded else (EnrollAdd, Classify)
    requests: list[Request] = [Restart()]
    if per_mille is not None:
        requests.append(SetFalseAccepts(per_mille))
    for way, shots in enumerate(support):
        requests += [EnrollBegin(f"way {way}"), *(add(shot) for shot in shots), EnrollCommit()]
    return [*requests, *(classify(query) for query in queries)]


def _emulated_episode(answers: Sequence[Answer]) -> EmulatedEpisode:
    class_ids = [answer.class_id for answer in answers if isinstance(answer, Enrolled)]
    nearest = [answer for answer in answers if isinstance(answer, Nearest)]
    return EmulatedEpisode(
        answers=Answers(
            ways=np.array([class_ids.index(answer.class_id) for answer in nearest], np.int64),
            distances=np.array([answer.distance for answer in nearest], np.uint32),
            margins=np.array([answer.margin for answer in nearest], np.uint32),
        ),
        verdicts=np.array([answer.verdict for answer in nearest], np.int64),
        instructions=np.array([answer.instructions for answer in nearest], np.int64),
    )

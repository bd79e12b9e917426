"""What the templates show of a learner: its symbol, its constants of this model, the memory that it needs."""

from __future__ import annotations

from dataclasses import dataclass

from firmware_gen.c_literals import binary32, binary32_array, integer
from quantize.learners import Attention, GradientHead, Int8Learner, Nearest, Prototypes

CLASS_BYTES = 28
"""sizeof(kshot_class): label, id, number of shots."""

_FLOAT_BYTES = 4
_NOTE_BYTES = 4  # sizeof(kshot_shot_note)


@dataclass(frozen=True)
class MemoryView:
    """An array of the learner, ``ctype name[len]``: bytes of each class, those that all share, those of each shot."""

    ctype: str
    name: str
    len: str
    class_bytes: int
    shared_bytes: int = 0
    shot_bytes: int = 0


@dataclass(frozen=True)
class FloatsView:
    """A constant array of binary32 values."""

    name: str
    text: str


@dataclass(frozen=True)
class LearnerView:
    """A learner of the runtime in one model.

    Attributes
    ----------
    stem : str
        Its header is ``kshot_<stem>.h``, its symbol ``kshot_<stem>_learner``.
    memory : tuple of MemoryView
    keeps_shots : bool
        Whether a class holds its shots, and so a limited number.
    adapts : bool
        Whether it takes gradient steps.
    steps : int
        How many, unless the user's build says otherwise.
    constants : tuple of FloatsView
    params : tuple of (str, str)
        Fields and values of ``kshot_<stem>_params``; none if there is no such type.
    store_bytes : int
        What must survive a reset for one class with all its shots, besides its label, id and number of shots.
    same_distance : int
        See `quantize.learners.Nearest`; 0 for the other learners.
    """

    stem: str
    memory: tuple[MemoryView, ...]
    keeps_shots: bool
    store_bytes: int
    steps: int = 0
    constants: tuple[FloatsView, ...] = ()
    params: tuple[tuple[str, str], ...] = ()
    same_distance: int = 0

    @property
    def class_bytes(self) -> int:
        """RAM of one class, its label, id and number of shots included."""
        return CLASS_BYTES + sum(array.class_bytes for array in self.memory)

    @property
    def shot_bytes(self) -> int:
        """Of `class_bytes`, what room for one shot takes."""
        return sum(array.shot_bytes for array in self.memory)

    @property
    def shared_bytes(self) -> int:
        """RAM that does not grow with the classes."""
        return sum(array.shared_bytes for array in self.memory)

    @property
    def adapts(self) -> bool:
        """Whether it takes gradient steps."""
        return self.stem == "gradient_head"


def learner_view(
    learner: Int8Learner, *, name: str, embedding_len: int, max_shots: int, rejects: bool = False
) -> LearnerView:
    """Describe `learner` for the model `name`.

    Parameters
    ----------
    learner : Int8Learner
    name : str
        Prefix of the model's symbols.
    embedding_len : int
    max_shots : int
        That a class has room for, where shots are kept.
    rejects : bool
        Whether the model rejects; prototypes keep the sum of squares of a class's shots then.
    """
    upper = name.upper()
    slots, length = f"({upper}_MAX_CLASSES + 1)", f"{upper}_EMBEDDING_LEN"
    shots_bytes = max_shots * embedding_len
    room = f"{slots} * {upper}_MAX_SHOTS"
    exemplars = MemoryView("int8_t", "exemplars", f"{room} * {length}", shots_bytes, shot_bytes=embedding_len)
    match learner:
        case Prototypes():
            sums = MemoryView("int32_t", "sums", f"{slots} * {length}", 4 * embedding_len)
            prototypes = MemoryView("int16_t", "prototypes", f"{slots} * {length}", 2 * embedding_len)
            squares = (MemoryView("uint32_t", "squares", slots, 4),) if rejects else ()
            stored = sums.class_bytes + sum(array.class_bytes for array in squares)
            return LearnerView("prototypes", (sums, prototypes, *squares), keeps_shots=False, store_bytes=stored)
        case Nearest():
            distance = learner.same_distance
            return LearnerView(
                "nearest", (exemplars,), keeps_shots=True, store_bytes=shots_bytes, same_distance=distance
            )
        case Attention():
            notes = MemoryView("kshot_shot_note", "notes", room, _NOTE_BYTES * max_shots, shot_bytes=_NOTE_BYTES)
            params = (
                ("sharpness", integer(learner.sharpness, "uint32_t")),
                ("zero_point", integer(learner.zero_point, "int16_t")),
            )
            return LearnerView(
                "attention", (exemplars, notes), keeps_shots=True, store_bytes=shots_bytes, params=params
            )
        case GradientHead():
            rows = 2 * (embedding_len + 1) * _FLOAT_BYTES
            head = MemoryView("float", "head", f"{slots} * 2 * ({length} + 1)", rows)
            shared = _FLOAT_BYTES * embedding_len
            scratch = MemoryView("float", "scratch", f"{length} + {slots}", _FLOAT_BYTES, shared)
            return LearnerView(
                "gradient_head",
                (exemplars, head, scratch),
                keeps_shots=True,
                store_bytes=shots_bytes,
                steps=learner.steps,
                constants=_head_constants(learner, name),
                params=_head_params(learner, name),
            )
        case _:
            raise TypeError(f"{type(learner).__name__} has no part in the runtime")


def _head_constants(head: GradientHead, name: str) -> tuple[FloatsView, ...]:
    arrays = [("weight_rates", head.weight_rates), ("bias_rates", head.bias_rates)]
    if head.init_scale is None:
        arrays.append(("initial_weights", head.initial_weights))
    return tuple(FloatsView(f"{name}_{array}", binary32_array(values)) for array, values in arrays)


def _head_params(head: GradientHead, name: str) -> tuple[tuple[str, str], ...]:
    learned = head.init_scale is None
    return (
        ("init_scale", binary32(head.init_scale or 0.0)),
        ("initial_weights", f"{name}_initial_weights" if learned else "NULL"),
        ("initial_bias", binary32(head.initial_bias)),
        ("weight_rates", f"{name}_weight_rates"),
        ("bias_rates", f"{name}_bias_rates"),
        ("rate_count", integer(len(head.weight_rates), "uint16_t")),
        ("steps", f"{name.upper()}_ADAPT_STEPS"),
        ("zero_point", integer(head.zero_point, "int16_t")),
    )

"""Any sequence of calls leaves the compiled runtime in the state that a few lines of Python keep beside it."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from tiny_graphs import LEARNERS, taught_by

from firmware_gen.emit import generate
from firmware_gen.host import Answer, DeviceError, EnrolledClass, HostLibrary
from quantize import learners
from quantize.artifact import Int8Embedding
from quantize.learners import Int8Learner, Prototypes
from quantize.reject import Verdict

_MAX_CLASSES, _MAX_SHOTS = 3, 4
_LABELS = st.sampled_from(["a", "ab", "é", "水", "e"])


class _Enrollment(RuleBasedStateMachine):
    """Calls in any order; `shots` are inputs, `embeddings` what the network makes of them.

    Classes are kept as lists of their shots in the order of their coming: what the device answers must follow from
    those alone, whatever was added, taken back, aborted and forgotten in between.
    """

    def __init__(self, library: HostLibrary, learner: Int8Learner, shots: npt.NDArray[np.int8]) -> None:
        super().__init__()
        self.device = library.learner(_MAX_CLASSES, _MAX_SHOTS)
        self.learner, self.shots, self.embeddings = learner, shots, library.embed(shots)
        self.classes: dict[int, tuple[str, list[int]]] = {}
        self.open: tuple[str, list[int]] | None = None
        self.next_id = 1

    def id_of(self, label: str) -> int | None:
        return next((i for i, (known, _) in self.classes.items() if known == label), None)

    @rule(label=_LABELS)
    def begin(self, label: str) -> None:
        known = self.id_of(label)
        if self.open is not None:
            with pytest.raises(DeviceError, match="KSHOT_ERROR_STATE"):
                self.device.enroll_begin(label)
        elif known is None and len(self.classes) == _MAX_CLASSES:
            with pytest.raises(DeviceError, match="KSHOT_ERROR_FULL"):
                self.device.enroll_begin(label)
        else:
            self.device.enroll_begin(label)
            self.open = (label, list(self.classes[known][1]) if known is not None else [])

    @rule(shot=st.integers(0, 31), embedded=st.booleans())
    def add(self, shot: int, embedded: bool) -> None:
        add = self.device.enroll_add_embedding if embedded else self.device.enroll_add
        values = (self.embeddings if embedded else self.shots)[shot]
        if self.open is None or len(self.open[1]) == _MAX_SHOTS:
            with pytest.raises(DeviceError, match=f"KSHOT_ERROR_{'STATE' if self.open is None else 'FULL'}"):
                add(values)
        else:
            add(values)
            self.open[1].append(shot)

    @rule(shot=st.integers(0, 31))
    def take_back_any(self, shot: int) -> None:
        self.take_back(shot)

    @precondition(lambda self: self.open and self.open[1])
    @rule(data=st.data())
    def take_back_one_of_them(self, data: st.DataObject) -> None:
        assert self.open is not None
        self.take_back(data.draw(st.sampled_from(self.open[1])))

    def take_back(self, shot: int) -> None:
        shots = self.open[1] if self.open else []
        equal = [i for i, other in enumerate(shots) if (self.embeddings[other] == self.embeddings[shot]).all()]
        if equal:
            self.device.enroll_take_back_embedding(self.embeddings[shot])
            del shots[equal[-1]]
        elif not shots:
            with pytest.raises(DeviceError, match=f"KSHOT_ERROR_{'STATE' if self.open is None else 'EMPTY'}"):
                self.device.enroll_take_back_embedding(self.embeddings[shot])
        elif not self.could_be_taken(shots, shot):
            with pytest.raises(DeviceError, match="KSHOT_ERROR_ARGUMENT"):
                self.device.enroll_take_back_embedding(self.embeddings[shot])

    def could_be_taken(self, shots: list[int], shot: int) -> bool:
        """Sums do not remember what they were added up from: prototypes part with what leaves possible sums."""
        left = self.embeddings[shots].sum(axis=0, dtype=np.int64) - self.embeddings[shot]
        count = len(shots) - 1
        return isinstance(self.learner, Prototypes) and bool(((left >= -128 * count) & (left <= 127 * count)).all())

    @rule()
    def commit(self) -> None:
        if self.open is None or not self.open[1]:
            reason = "STATE" if self.open is None else "EMPTY"
            with pytest.raises(DeviceError, match=f"KSHOT_ERROR_{reason}"):
                self.device.enroll_commit()
            return
        class_id = self.id_of(self.open[0])
        if class_id is None:
            class_id, self.next_id = self.next_id, self.next_id + 1
        assert self.device.enroll_commit() == class_id
        self.classes[class_id] = self.open
        self.open = None

    @rule()
    def abort(self) -> None:
        if self.open is None:
            with pytest.raises(DeviceError, match="KSHOT_ERROR_STATE"):
                self.device.enroll_abort()
        else:
            self.device.enroll_abort()
            self.open = None

    @precondition(lambda self: self.classes or self.open)
    @rule(class_id=st.integers(0, 6))
    def forget(self, class_id: int) -> None:
        if self.open is not None or class_id not in self.classes:
            reason = "STATE" if self.open is not None else "NOT_FOUND"
            with pytest.raises(DeviceError, match=f"KSHOT_ERROR_{reason}"):
                self.device.forget(class_id)
        else:
            self.device.forget(class_id)
            del self.classes[class_id]

    @rule(query=st.integers(0, 31))
    def classify(self, query: int) -> None:
        if not self.classes:
            with pytest.raises(DeviceError, match="KSHOT_ERROR_EMPTY"):
                self.device.classify(self.shots[query])
            return
        assert self.device.classify(self.shots[query]) == self.expected(query)
        assert self.device.classify_embedding(self.embeddings[query]) == self.expected(query)

    def expected(self, query: int) -> Answer:
        """What NumPy answers."""
        support = [self.embeddings[shots] for _, shots in self.classes.values()]
        answers = self.learner.answer(support, self.embeddings[[query]])
        class_id = list(self.classes)[answers.ways[0]]
        return Answer(class_id, int(answers.distances[0]), int(answers.margins[0]), Verdict.ACCEPT)

    @invariant()
    def lists_what_is_enrolled(self) -> None:
        expected = [EnrolledClass(label, i, len(shots)) for i, (label, shots) in self.classes.items()]
        assert self.device.classes() == expected


@pytest.mark.needs("gcc")
@pytest.mark.parametrize("name", LEARNERS)
def test_enrollment(
    name: str,
    tiny_embedding: Int8Embedding,
    tiny_inputs: npt.NDArray[np.int8],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Statuses, ids, order, shots, classes, distances and margins, whatever was called before."""
    embedding = taught_by(tiny_embedding, name)
    library = HostLibrary(generate(embedding, name=name), tmp_path_factory.getbasetemp() / "enrollment")
    shots = tiny_inputs.reshape(len(tiny_inputs), -1)
    run_state_machine_as_test(
        lambda: _Enrollment(library, learners.of(embedding), shots),
        settings=settings(max_examples=40, stateful_step_count=40, deadline=None),
    )

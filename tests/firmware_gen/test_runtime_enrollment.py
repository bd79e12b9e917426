"""Any sequence of calls leaves the compiled runtime in the state that a few lines of Python keep beside it."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from firmware_gen.host import Answer, DeviceError, EnrolledClass, HostLibrary
from firmware_gen.source_tree import SourceTree
from quantize.learners import prototypes

_MAX_CLASSES = 3
_LABELS = st.sampled_from(["a", "ab", "é", "水", "e"])


class _Enrollment(RuleBasedStateMachine):
    """Calls in any order; `shots` are inputs, `embeddings` what the network makes of them."""

    def __init__(self, library: HostLibrary, shots: npt.NDArray[np.int8], embeddings: npt.NDArray[np.int8]) -> None:
        super().__init__()
        self.device = library.learner(_MAX_CLASSES)
        self.shots, self.embeddings = shots, embeddings
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

    @rule(shot=st.integers(0, 31))
    def add(self, shot: int) -> None:
        if self.open is None:
            with pytest.raises(DeviceError, match="KSHOT_ERROR_STATE"):
                self.device.enroll_add(self.shots[shot])
        else:
            self.device.enroll_add(self.shots[shot])
            self.open[1].append(shot)

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

    def expected(self, query: int) -> Answer:
        """What NumPy answers."""
        points = [prototypes.prototypes(self.embeddings[shots][np.newaxis])[0] for _, shots in self.classes.values()]
        distances = prototypes.distances(np.stack(points), self.embeddings[[query]])[0]
        order = np.argsort(distances, kind="stable")
        margin = int(distances[order[1]] - distances[order[0]]) if len(order) > 1 else prototypes.NO_MARGIN
        return Answer(list(self.classes)[order[0]], int(distances[order[0]]), margin)

    @invariant()
    def lists_what_is_enrolled(self) -> None:
        expected = [EnrolledClass(label, i, len(shots)) for i, (label, shots) in self.classes.items()]
        assert self.device.classes() == expected


@pytest.mark.needs("gcc")
def test_enrollment(
    tiny_tree: SourceTree, tiny_inputs: npt.NDArray[np.int8], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Statuses, ids, order, shots, distances and margins, whatever was called before."""
    library = HostLibrary(tiny_tree, tmp_path_factory.mktemp("enrollment"))
    shots = tiny_inputs.reshape(len(tiny_inputs), -1)
    embeddings = library.embed(shots)
    run_state_machine_as_test(
        lambda: _Enrollment(library, shots, embeddings),
        settings=settings(max_examples=60, stateful_step_count=40, deadline=None),
    )

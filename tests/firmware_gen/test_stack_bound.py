"""The bound on the stack, on graphs small enough to add up by hand."""

from pathlib import Path

import pytest

from firmware_gen.stack_bound import (
    Function,
    UnboundedStackError,
    read_call_graph,
    read_disassembly,
    stack_bound,
)

CALL_GRAPH = r"""graph: { title: "a.c"
node: { title: "main" label: "main\na.c:1:5\n16 bytes (static)" }
node: { title: "a.c:helper" label: "helper\na.c:9:12\n40 bytes (static)" }
node: { title: "memcpy" label: "memcpy\n<built-in>" shape : ellipse }
node: { title: "__indirect_call" label: "Indirect Call Placeholder" shape : ellipse }
edge: { sourcename: "main" targetname: "a.c:helper" label: "a.c:2:3" }
edge: { sourcename: "main" targetname: "memcpy" }
edge: { sourcename: "a.c:helper" targetname: "__indirect_call" label: "a.c:10:3" }
}
"""

DISASSEMBLY = """
a.elf:     file format elf32-littlearm

00000040 <memcpy>:
      40:\tpush\t{r4, r5, r6, lr}
      42:\tsub\tsp, #24
      44:\tbl\t60 <inner>
      48:\tpop\t{r4, r5, r6, pc}

00000060 <inner>:
      60:\tstmdb\tsp!, {r4, r5, r6, r7, r8, lr}
      64:\tvpush\t{d8-d9}
      68:\tstr.w\tlr, [sp, #-4]!
      6c:\tb.n\t66 <inner+0x6>
"""


def graph(**functions: tuple[int, set[str]]) -> dict[str, Function]:
    return {name: Function(size, frozenset(calls)) for name, (size, calls) in functions.items()}


def test_the_compilers_call_graph_is_read(tmp_path: Path) -> None:
    """Frames and calls come out of a .ci file; functions of other files have no frame there."""
    (tmp_path / "a.ci").write_text(CALL_GRAPH)
    functions = read_call_graph([tmp_path / "a.ci"])
    assert functions == graph(main=(16, {"a.c:helper", "memcpy"})) | {
        "a.c:helper": Function(40, frozenset({"__indirect_call"}))
    }


def test_a_library_function_is_charged_with_all_that_it_pushes() -> None:
    """Pushes in each of their spellings count, calls are followed, a jump within the function is none."""
    assert read_disassembly(DISASSEMBLY) == graph(memcpy=(16 + 24, {"inner"}), inner=(24 + 16 + 4, set()))


def test_the_heaviest_path_counts() -> None:
    """Not the longest path, and not the sum of all functions."""
    functions = graph(main=(8, {"long", "heavy"}), long=(8, {"longer"}), longer=(8, set()), heavy=(100, set()))
    assert stack_bound(functions, {}, root="main", indirect_targets=()) == 108


def test_a_call_through_a_pointer_reaches_its_targets() -> None:
    """The model's embed function is called through kshot_model and must be on the path."""
    functions = graph(main=(8, {"__indirect_call"}), x_embed=(64, {"kernel"}), kernel=(32, set()))
    assert stack_bound(functions, {}, root="main", indirect_targets=("x_embed",)) == 104


def test_a_pointed_function_may_call_through_a_pointer() -> None:
    """The rejection's functions call the learner's, and only those: two steps, no circle."""
    functions = graph(
        main=(8, {"__indirect_call"}),
        judge=(16, {"helper"}),
        helper=(4, {"__indirect_call"}),
        distance=(32, set()),
    )
    assert stack_bound(functions, {}, root="main", indirect_targets=("distance",), outer_targets=("judge",)) == 60


def test_pointed_functions_that_may_call_each_other_have_no_bound() -> None:
    """A learner's function that calls through a pointer may come back to itself."""
    functions = graph(main=(8, {"__indirect_call"}), judge=(16, {"__indirect_call"}))
    with pytest.raises(UnboundedStackError, match="judge -> __indirect_call -> judge"):
        stack_bound(functions, {}, root="main", indirect_targets=("judge",))


def test_an_interrupt_comes_on_top() -> None:
    """An exception at the deepest point adds its frame and its handler."""
    functions = graph(main=(8, set()), tick=(12, set()))
    bound = stack_bound(
        functions, {}, root="main", indirect_targets=(), exception_handlers=("tick",), exception_frame_bytes=36
    )
    assert bound == 8 + 36 + 12


def test_what_the_compiler_knows_goes_before_the_disassembly() -> None:
    """The sum of pushes is a coarse bound: it serves only where there is no better."""
    assert stack_bound(graph(main=(8, set())), graph(main=(80, set())), root="main", indirect_targets=()) == 8


def test_recursion_is_refused_with_its_circle() -> None:
    """A recursive program has no bound; the message shows who calls whom."""
    functions = graph(main=(8, {"a"}), a=(8, {"b"}), b=(8, {"a"}))
    with pytest.raises(UnboundedStackError, match="a -> b -> a"):
        stack_bound(functions, {}, root="main", indirect_targets=())


def test_a_frame_that_depends_on_data_is_refused(tmp_path: Path) -> None:
    """A variable-length array or alloca has no bound."""
    (tmp_path / "a.ci").write_text(CALL_GRAPH.replace("40 bytes (static)", "40 bytes (dynamic)"))
    with pytest.raises(UnboundedStackError, match="helper"):
        read_call_graph([tmp_path / "a.ci"])

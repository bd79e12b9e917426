"""Where each activation lives while a network runs: the memory plan of the arena.

Tensors that share all their bytes form one buffer: a reshape's two sides always, and a sum or softmax together with
the operand that nobody reads afterwards. The buffer of the graph's input is the caller's and read only; the buffer of
its output is the caller's too; both can be laid in the arena instead. All others get an offset in the arena such that
no two that live at the same time overlap, except a layer's output and an input that it may run into
(`firmware_gen.overlap`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Literal

from firmware_gen.overlap import Overlap
from quantize.graph import Add, Int8Graph, Reshape, Softmax

Place = Literal["input", "output", "arena"]

ALIGNMENT_BYTES = 4  # lets kernels load whole words
_IN_PLACE = (Add, Softmax)
_ROUNDS = 20
_SEARCH_STEPS = 20_000  # for a graph of ten buffers; fewer for larger ones, whose orders nobody could try


@dataclass(frozen=True)
class Buffer:
    """Bytes that one or more tensors occupy in turn, or that a kernel works in.

    Attributes
    ----------
    tensors : tuple of int
        Indices into `Int8Graph.tensors`; none for a kernel's scratch.
    size_bytes : int
    first, last : int
        The ops (by index) between which the bytes must be kept, both included.
    place : {"input", "output", "arena"}
    offset : int
        Bytes from the start of `place`.
    """

    tensors: tuple[int, ...]
    size_bytes: int
    first: int
    last: int
    place: Place
    offset: int = 0

    @property
    def end(self) -> int:
        """First offset behind the buffer, aligned."""
        return self.offset + _aligned(self.size_bytes)

    def meets(self, other: Buffer) -> bool:
        """Whether both hold something at the same time."""
        return self.first <= other.last and other.first <= self.last


@dataclass(frozen=True)
class MemoryPlan:
    """The arena's layout.

    Attributes
    ----------
    buffers : tuple of Buffer
    arena_bytes : int
        Size of the arena; 0 when every tensor lives in the caller's buffers.
    lower_bound_bytes : int
        The most bytes of arena buffers that live at one time, those that may be shared counted once; no layout needs
        less.
    output_is_input : bool
        The output is the input under another shape: it has to be copied.
    overlaps : tuple of Overlap
        Pairs that may share bytes.

    Raises
    ------
    ValueError
        If two buffers that live at the same time overlap and may not, or one reaches beyond the arena.
    """

    buffers: tuple[Buffer, ...]
    arena_bytes: int
    lower_bound_bytes: int
    output_is_input: bool = False
    overlaps: tuple[Overlap, ...] = ()

    def __post_init__(self) -> None:
        arena = [b for b in self.buffers if b.place == "arena"]
        if any(b.offset % ALIGNMENT_BYTES or b.offset < 0 or b.end > self.arena_bytes for b in arena):
            raise ValueError("a buffer lies outside the arena or is not aligned")
        for i, a in enumerate(arena):
            if any(low < a.offset < high for b in arena[:i] for low, high in _forbidden(a, b, self.overlaps)):
                raise ValueError("two live buffers overlap")

    def buffer_of(self, tensor: int) -> Buffer:
        """Return the buffer that holds the tensor with this index."""
        return next(b for b in self.buffers if tensor in b.tensors)

    def scratch_of(self, step: int) -> Buffer:
        """Return the scratch of the op with this index."""
        return next(b for b in self.buffers if not b.tensors and b.first == step)


def plan(
    graph: Int8Graph,
    *,
    scratch: Mapping[int, int] | None = None,
    overlaps: Iterable[Overlap] = (),
    ends_in_arena: bool = False,
) -> MemoryPlan:
    """Lay out the activations of `graph`.

    Parameters
    ----------
    graph : Int8Graph
    scratch : mapping of int to int
        Bytes that the kernel of an op, named by its index, works in.
    overlaps : iterable of Overlap
        What the kernels allow; used where nobody reads the input afterwards.
    ends_in_arena : bool
        Whether the graph's input and output live in the arena, where other activations take their places in turn.

    First-fit in several orders; where none meets the lower bound, a search over orders, which is exhaustive for small
    graphs and bounded for large ones. The same graph always gives the same plan.

    Raises
    ------
    ValueError
        If a constant is reshaped or is the output: such a graph should have been folded before.
    """
    folded = [op.name for op in graph.ops if isinstance(op, Reshape) and graph.tensors[op.inputs[0]].data is not None]
    if folded or graph.output_tensor.data is not None:
        raise ValueError(f"{(folded or ['the output'])[0]}: a constant stands where an activation belongs")
    buffers = _buffers(graph, ends_in_arena=ends_in_arena)
    buffers += [Buffer((), size, step, step, "arena") for step, size in (scratch or {}).items()]
    ours = [b for b in buffers if b.place == "arena"]
    allowed = tuple(_usable(ours, overlaps))
    bound = max((_shared_size(alive, allowed) for alive in _alive(ours)), default=0)
    placed = _place(ours, bound, allowed)
    others = [b for b in buffers if b.place != "arena"]
    return MemoryPlan(
        buffers=tuple(sorted([*others, *placed], key=lambda b: (b.first, b.tensors))),
        arena_bytes=_height(placed),
        lower_bound_bytes=bound,
        output_is_input=any({graph.input, graph.output} <= set(b.tensors) for b in buffers),
        overlaps=allowed,
    )


def _usable(buffers: Sequence[Buffer], overlaps: Iterable[Overlap]) -> Iterator[Overlap]:
    """Those of an input that ends where its output begins, both in the arena."""
    home = {tensor: buffer for buffer in buffers for tensor in buffer.tensors}
    for each in overlaps:
        source, target = home.get(each.source), home.get(each.target)
        if source and target and source is not target and source.last == target.first:
            yield each


def _shared_size(alive: Sequence[Buffer], overlaps: Sequence[Overlap]) -> int:
    """Bytes that buffers take at one moment when each pair that may share bytes shares as many as it can."""
    home = {tensor: buffer for buffer in alive for tensor in buffer.tensors}
    saved: dict[int, int] = {}
    for each in overlaps:
        if each.source in home and each.target in home:
            source, target = (_aligned(home[tensor].size_bytes) for tensor in (each.source, each.target))
            shared = source + target - max(_aligned(each.least) + source, target)
            saved[each.target] = max(saved.get(each.target, 0), shared)
    return sum(_aligned(b.size_bytes) for b in alive) - sum(saved.values())


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


def _height(buffers: Sequence[Buffer]) -> int:
    return max((b.end for b in buffers), default=0)


def _alive(buffers: Sequence[Buffer]) -> Iterator[list[Buffer]]:
    """The buffers that live at each moment at which one begins; the peak is at one of these."""
    for moment in sorted({b.first for b in buffers}):
        yield [b for b in buffers if b.first <= moment <= b.last]


def _buffers(graph: Int8Graph, *, ends_in_arena: bool) -> list[Buffer]:
    """Group tensors into buffers and give each its lifetime and place, not yet its offset."""
    last_read = {graph.output: len(graph.ops)}
    for step, op in enumerate(graph.ops):
        for tensor in op.inputs:
            last_read[tensor] = max(step, last_read.get(tensor, 0))

    groups: list[Buffer] = []
    home: dict[int, int] = {}  # tensor -> index into groups

    def begin(tensor: int, step: int, place: Place) -> None:
        home[tensor] = len(groups)
        size = graph.tensors[tensor].size
        groups.append(Buffer((tensor,), size, step, last_read.get(tensor, step), place))

    def join(tensor: int, group: int, step: int) -> None:
        home[tensor] = group
        old = groups[group]
        last = max(old.last, last_read.get(tensor, step))
        groups[group] = replace(old, tensors=(*old.tensors, tensor), last=last)

    begin(graph.input, -1, "arena" if ends_in_arena else "input")
    for step, op in enumerate(graph.ops):
        size = graph.tensors[op.output].size
        if isinstance(op, Reshape):
            join(op.output, home[op.inputs[0]], step)
            continue
        reusable = [
            home[t]
            for t in op.inputs
            if t in home
            and groups[home[t]].place == "arena"
            and isinstance(op, _IN_PLACE)
            and groups[home[t]].size_bytes == size
            and all(last_read.get(member, step) <= step for member in groups[home[t]].tensors)
        ]
        if reusable:
            join(op.output, reusable[0], step)
        else:
            begin(op.output, step, "arena")

    final = home[graph.output]
    if groups[final].place != "input" and not ends_in_arena:
        groups[final] = replace(groups[final], place="output")
    return groups


def _forbidden(buffer: Buffer, other: Buffer, overlaps: Iterable[Overlap]) -> list[tuple[int, int]]:
    """Where `buffer` must not begin because of `other`, which has its place: between these offsets, both excluded."""
    if not buffer.meets(other):
        return []
    low, high = other.offset - _aligned(buffer.size_bytes), other.end
    touching = buffer.last == other.first or buffer.first == other.last  # as input and output of one op do
    for each in overlaps if touching else ():
        if each.source in other.tensors and each.target in buffer.tensors:
            last = other.offset - each.least
            return [(low, min(last, high)) if each.exact else (low, low), (max(last, low), high)]
        if each.source in buffer.tensors and each.target in other.tensors:
            first = other.offset + each.least
            return [(low, min(first, high)), (max(first, low), high) if each.exact else (high, high)]
    return [(low, high)]


def _fit(overlaps: Sequence[Overlap], placed: list[Buffer], buffer: Buffer) -> list[Buffer]:
    """Add `buffer` at the lowest offset where it overlaps no other that lives with it, unless it may."""
    offset = 0
    for low, high in sorted(span for other in placed for span in _forbidden(buffer, other, overlaps)):
        if low < offset < high:
            offset = _aligned(high)
    return [*placed, replace(buffer, offset=offset)]


def _place(buffers: Sequence[Buffer], bound: int, overlaps: Sequence[Overlap]) -> list[Buffer]:
    orders = (
        sorted(buffers, key=lambda b: (-b.size_bytes, b.first)),
        sorted(buffers, key=lambda b: (-b.size_bytes * (b.last - b.first + 1), b.first)),
        sorted(buffers, key=lambda b: (b.first, -b.size_bytes)),
        sorted(buffers, key=lambda b: (-b.first, -b.size_bytes)),  # outputs before the inputs that lie behind them
    )
    found = [_improved(order, bound, overlaps) for order in orders]
    best = min(found, key=_height)
    return best if _height(best) == bound else _search(orders[0], best, bound, overlaps)


def _improved(order: Sequence[Buffer], bound: int, overlaps: Sequence[Overlap]) -> list[Buffer]:
    """First-fit, again and again, with the buffers that reached highest moved to the front each time."""
    best: list[Buffer] | None = None
    for _ in range(_ROUNDS):
        nothing: list[Buffer] = []
        placed = reduce(partial(_fit, overlaps), order, nothing)
        if best is None or _height(placed) < _height(best):
            best = placed
        if _height(best) == bound:
            break
        highest = {(b.tensors, b.first) for b in placed if b.end == _height(placed)}
        before, order = order, sorted(order, key=lambda b: (b.tensors, b.first) not in highest)
        if order == before:
            break
    return best or []


def _search(buffers: Sequence[Buffer], best: list[Buffer], bound: int, overlaps: Sequence[Overlap]) -> list[Buffer]:
    """Try orders of `buffers` depth first, cutting off those that already reach as high as the best known.

    Where no overlap is exact, some order makes first-fit optimal (take any optimal layout, by rising offset, outputs
    before inputs), so a search that ends before its steps run out has found the optimum.
    """
    stack: list[tuple[list[Buffer], tuple[Buffer, ...]]] = [([], tuple(buffers))]
    for _ in range(_SEARCH_STEPS * 1000 // max(10, len(buffers)) ** 3):
        if not stack or _height(best) == bound:
            break
        placed, rest = stack.pop()
        if _height(placed) >= _height(best):
            continue
        if not rest:
            best = placed
            continue
        stack.extend((_fit(overlaps, placed, rest[i]), rest[:i] + rest[i + 1 :]) for i in reversed(range(len(rest))))
    return best

"""A picture of the arena: which bytes hold what while a network runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from firmware_gen.networks import Network
    from firmware_gen.plan import Buffer
    from quantize.graph import Int8Graph

_ACTIVATION, _SCRATCH, _EDGE = "#9ecae1", "#fdae6b", "#08519c"


def write_arena_picture(path: Path, network: Network, graph: Int8Graph) -> tuple[Path, Path]:
    """Draw the memory plan: layers from left to right, bytes upwards, a box a buffer; shared bytes look darker.

    Parameters
    ----------
    path : Path
        Without a suffix; a PNG and an SVG are written.
    network : Network
    graph : Int8Graph

    Returns
    -------
    Path, Path
        The PNG and the SVG.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    memory = network.memory
    steps = len(graph.ops)
    figure = Figure(figsize=(max(6.0, min(18.0, 0.45 * steps + 2.5)), 4.5), layout="constrained")
    axes = figure.add_subplot()
    for buffer in memory.buffers:
        if buffer.place != "arena":
            continue
        first, last = max(buffer.first, 0), min(buffer.last, steps - 1)
        colour = _ACTIVATION if buffer.tensors else _SCRATCH
        corner = (first + 0.5, buffer.offset)
        axes.add_patch(
            Rectangle(corner, last - first + 1, buffer.size_bytes, facecolor=colour, edgecolor=_EDGE, lw=0.6, alpha=0.6)
        )
        if buffer.size_bytes > memory.arena_bytes / 14:
            middle = (corner[0] + (last - first + 1) / 2, buffer.offset + buffer.size_bytes / 2)
            axes.annotate(_label(buffer, graph), middle, ha="center", va="center", fontsize=7)
    axes.axhline(memory.arena_bytes, color="black", lw=1, label=f"arena, {memory.arena_bytes:,} bytes")
    axes.axhline(
        memory.lower_bound_bytes, color="tab:red", lw=1, ls="--", label=f"lower bound, {memory.lower_bound_bytes:,}"
    )
    axes.set(xlim=(0.4, steps + 0.6), ylim=(0, max(1, memory.arena_bytes) * 1.12), xlabel="layer", ylabel="bytes")
    axes.set_title(f"Arena with the {network.kernels} kernels; blue: activations, orange: scratch", fontsize=9)
    axes.legend(loc="upper right", fontsize=7)
    png, svg = path.with_suffix(".png"), path.with_suffix(".svg")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(png, dpi=130, metadata={"Software": None})
    with mpl.rc_context({"svg.hashsalt": "kshot", "svg.fonttype": "none"}):
        figure.savefig(svg, metadata={"Date": None})
    return png, svg


def _label(buffer: Buffer, graph: Int8Graph) -> str:
    """Shape of what the buffer holds at first; scratch by its size."""
    if not buffer.tensors:
        return f"{buffer.size_bytes:,}"
    return "x".join(map(str, graph.tensors[buffer.tensors[0]].shape[1:]))

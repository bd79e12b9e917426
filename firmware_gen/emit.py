"""From an int8 embedding to a project in C: values from here, text from ``templates``, algorithms from ``runtime``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from firmware_gen import c_literals
from firmware_gen.examples import examples_view
from firmware_gen.kernel_sets import KERNEL_SETS
from firmware_gen.learner_view import LearnerView, learner_view
from firmware_gen.networks import Network, network
from firmware_gen.packages import PLAIN, Publisher, package_files
from firmware_gen.rejection_view import RejectionView, rejection_view
from firmware_gen.source_tree import SourceTree
from firmware_gen.store import StoreFlash
from firmware_gen.store.plan import FILE as STORE_FILE
from firmware_gen.store_view import record_format, store_view
from firmware_gen.templating import render, verbatim
from quantize import learners
from quantize.artifact import Int8Embedding

GENERATOR_VERSION = "0.1.0"
RUNTIME_ABI = 4  # KSHOT_RUNTIME_ABI of runtime/kshot_model.h
MAX_EMBEDDING_LEN = 256  # KSHOT_MAX_EMBEDDING_LEN of runtime/kshot_learner.h
MAX_CLASSES = 4096
MAX_SHOTS = 255
MAX_NEGATIVES = 4

_HANDSHAKE = f"""\
#if KSHOT_RUNTIME_ABI != {RUNTIME_ABI}
#error "this file and the runtime beside it come from different versions of kshot: generate the project again"
#endif"""


def generate(
    embedding: Int8Embedding,
    *,
    name: str = "embedding",
    max_classes: int = 16,
    max_shots: int = 8,
    package: str = PLAIN,
    publisher: Publisher | None = None,
    store: StoreFlash | None = None,
) -> SourceTree:
    """Generate a project that builds by itself and whose parts compile into any firmware, or a package.

    Parameters
    ----------
    embedding : Int8Embedding
    name : str
        Prefix of the model's symbols and stem of its files.
    max_classes : int
        How many classes the learner's memory has room for, 1 to 4096.
    max_shots : int
        How many shots a class has room for, 1 to 255, where the learner keeps them; prototypes take any number.
    package : str
        ``plain``: a project of its own, with Makefile and CMakeLists.txt; or one of `packages.FORMATS`.
    publisher : Publisher
        Whom a package names; None for the default.
    store : StoreFlash, optional
        Flash that keeps the classes; the project has ``store.json`` and ``<name>_open()`` then.

    Returns
    -------
    SourceTree
        The same arguments and the same kshot give the same bytes. A model whose output is longer than 256 values gives
        a project that only embeds (`SourceTree.learns` is False).

    Raises
    ------
    InvalidNameError
        If C or C++ could not use `name`.
    ValueError
        If `max_classes` or `max_shots` is out of range.
    GeometryError
        If `store` does not hold the classes.
    UnknownFormatError
        If there is no such package format.
    UnsupportedModelError
        If a layer does not fit the runtime, or the runtime lacks the embedding's learner.
    """
    c_literals.identifier(name)
    if not 1 <= max_classes <= MAX_CLASSES:
        raise ValueError(f"max_classes is {max_classes}: a device can hold 1 to {MAX_CLASSES} classes")
    if not 1 <= max_shots <= MAX_SHOTS:
        raise ValueError(f"max_shots is {max_shots}: a class can hold 1 to {MAX_SHOTS} shots")
    networks = [network(embedding.graph, kernels) for kernels in KERNEL_SETS]
    runtime = verbatim("runtime", "kshot")
    context = _context(embedding, networks, name, rooms=(max_classes, max_shots), flash=store)
    learns = context["learns"]
    examples = None
    if learns and embedding.examples is not None:
        shots = max_shots if context["learner"].keeps_shots else learners.MAX_SHOTS
        examples = examples_view(embedding.examples, max_classes=max_classes, max_shots=shots)
    context |= {
        "runtime_sources": [path for path in runtime if path.endswith(".c")],
        "has_examples": examples is not None,
        "examples": examples,
    }
    sources = {
        f"model/{name}.h": render("model.h.j2", context),
        f"model/{name}.c": render("model.c.j2", context),
        **{f"model/{name}_{n.kernels}.c": network_source(n, name=name, head=context["head"]) for n in networks},
        **({f"model/{name}.hpp": render("model.hpp.j2", context)} if learns else {}),
        **runtime,
    }
    if package != PLAIN:
        files = package_files(package, sources, context, publisher or Publisher())
        return SourceTree(name=name, files=files, learns=learns)
    files = {
        "Makefile": render("Makefile.j2", context),
        "CMakeLists.txt": render("CMakeLists.txt.j2", context),
        "README.md": render("README.md.j2", context),
        ".gitignore": "build/\n",
        **sources,
        **verbatim("boards", "boards"),
    }
    if context["store"] is not None:
        files[STORE_FILE] = context["store"].plan.to_json()
    if examples is not None:
        files["examples.h"] = render("examples.h.j2", context)
        files["main.c"] = render("main_learn.c.j2", context)
    else:
        files["main.c"] = render("main_embed.c.j2", context)
    return SourceTree(name=name, files=files, learns=learns)


def network_source(network: Network, *, name: str, head: str) -> str:
    """The source file of a network with one set of kernels, for the model `name`, whose first line is `head`."""
    return render("network.c.j2", {"name": name, "NAME": name.upper(), "network": network, "head": head})


def _context(
    embedding: Int8Embedding,
    networks: list[Network],
    name: str,
    *,
    rooms: tuple[int, int],
    flash: StoreFlash | None,
) -> dict[str, Any]:
    """Everything that the templates of the model and of the build name."""
    graph = embedding.graph
    max_classes, max_shots = rooms
    source, result = graph.input_tensor, graph.output_tensor
    learns = result.size <= MAX_EMBEDDING_LEN
    view, rejection, store = None, None, None
    if learns:
        learner = learners.of(embedding)
        rejects = embedding.rejection is not None
        view = learner_view(learner, name=name, embedding_len=result.size, max_shots=max_shots, rejects=rejects)
        if embedding.rejection is not None:
            rejection = rejection_view(embedding.rejection, learner, name=name)
        if flash is not None:
            records = record_format(view, embedding_len=result.size, max_shots=max_shots)
            counts = {"max_classes": max_classes, "max_negatives": MAX_NEGATIVES if rejects else 0}
            store = store_view(flash, records, embedding.fingerprint, name=name, **counts)
    shape = "x".join(map(str, source.shape[1:]))
    fingerprint = embedding.fingerprint
    macros = [("INPUT_LEN", source.size)]
    if len(source.shape) == 4:
        macros += zip(("INPUT_HEIGHT", "INPUT_WIDTH", "INPUT_CHANNELS"), source.shape[1:], strict=True)
    taught = f", taught on the device by the {c_literals.comment(embedding.learner)} learner" if learns else ""
    return {
        "name": name,
        "NAME": name.upper(),
        "version": GENERATOR_VERSION,
        "head": f"/* Generated by kshot {GENERATOR_VERSION} for the model {fingerprint.hex()[:16]}. */",
        "handshake": _HANDSHAKE,
        "summary": f"An int8 network from {shape} values to {result.size}{taught}.",
        "input_comment": f"{shape} values, the last axis innermost; real value = {_real(source.quant)}.",
        "input_macros": macros,
        "input_zero_point": source.quant.zero_point,
        "output_comment": f"real value = {_real(result.quant)}.",
        "embedding_len": result.size,
        "embedding_zero_point": result.quant.zero_point,
        "networks": networks,
        "learns": int(learns),
        "class_macros": _class_macros(view, rejection, max_shots, result.size, name=name) if view else [],
        "why_not_learning": f"the learner takes up to {MAX_EMBEDDING_LEN} values, its output has {result.size}.",
        "max_classes": max_classes,
        "max_shots": max_shots,
        "max_negatives": MAX_NEGATIVES,
        "learner": view,
        "rejection": rejection,
        "store": store,
        "fingerprint": c_literals.array(list(fingerprint), "uint8_t", indent=8),
        "pixels": c_literals.array(_pixel_table(embedding), "int8_t"),
        "memory_rows": [
            *_memory_rows(networks, view, max_classes, result.size),
            *_rejection_rows(rejection, max_classes, result.size),
            *(store.memory_rows if store else []),
        ],
    }


def _class_macros(
    view: LearnerView, rejection: RejectionView | None, max_shots: int, embedding_len: int, *, name: str
) -> list[tuple[str, str]]:
    """Bytes of one class as macros that follow the room for shots, where the build changes it."""
    room = f"{name.upper()}_MAX_SHOTS"

    def size(total: int, each: int) -> str:
        fixed = total - max_shots * each
        return f"({f'{fixed} + ' if fixed else ''}{room} * {each})" if each else str(total)

    stored = embedding_len if view.keeps_shots else 0
    used = view.class_bytes + (rejection.class_bytes if rejection else 0)
    return [
        ("CLASS_BYTES", size(used, view.shot_bytes)),
        ("CLASS_STORE_BYTES", size(view.store_bytes, stored)),
    ]


def _real(quant: Any) -> str:
    return f"{quant.scale:.9g} * (q - {quant.zero_point})".replace("- -", "+ ")


def _memory_rows(
    networks: list[Network], learner: LearnerView | None, max_classes: int, embedding_len: int
) -> list[tuple[str, str]]:
    rows: list[tuple[str, int]] = []
    for each in networks:
        rows.append((f"weights and quantization, {each.kernels} kernels (flash)", each.constant_bytes))
        rows.append((f"arena: activations of one run, {each.kernels} kernels (RAM)", each.arena_bytes))
    if learner:
        per_class = learner.class_bytes
        rows += [
            ("one enrolled class (RAM)", per_class),
            ("one enrolled class that is to survive a reset, besides its label (store)", learner.store_bytes),
            (
                f"learner's memory for {max_classes} classes and the enrollment in progress (RAM)",
                per_class * (max_classes + 1) + learner.shared_bytes + embedding_len,
            ),
        ]
    return [(what, f"{size:,}") for what, size in rows]


def _rejection_rows(rejection: RejectionView | None, max_classes: int, embedding_len: int) -> list[tuple[str, str]]:
    if rejection is None:
        return []
    ram = max_classes * rejection.class_bytes + rejection.shared_bytes + MAX_NEGATIVES * embedding_len
    return [
        (f"rejection, {rejection.impostors} impostors with their tables (flash)", f"{rejection.flash_bytes:,}"),
        (f"rejection: thresholds, impostors' distances and {MAX_NEGATIVES} negatives (RAM)", f"{ram:,}"),
    ]


def _pixel_table(embedding: Int8Embedding) -> npt.NDArray[np.int8]:
    """Quantized value of each raw value from 0 to 255, int8 [256]."""
    shape = embedding.input.shape
    count = -(-256 // int(np.prod(shape)))
    ramp = np.resize(np.arange(256, dtype=np.uint8), (count, *shape))
    return embedding.quantize_input(ramp).reshape(-1)[:256]

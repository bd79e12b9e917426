"""The C structs that `firmware_gen.host` fills and reads, laid out as this computer's compiler does."""

from __future__ import annotations

import ctypes

import numpy as np

LABEL_BYTES = 24  # KSHOTLABEL_BYTES


# kshot_shot_note
NOTE = np.dtype([("norm", np.uint16), ("projection", np.int16)])
# kshot_verification
VERIFICATION = np.dtype([("same", np.bool_), ("distance", np.uint32)], align=True)
# kshot_answer
ANSWER = np.dtype(
    [("class_id", np.uint16), ("distance", np.uint32), ("margin", np.uint32), ("verdict", np.uint32)], align=True
)
# kshot_threshold
THRESHOLD = np.dtype([("accept", np.uint32), ("doubt", np.uint32)])


class ModelStruct(ctypes.Structure):
    """``kshot_model``."""

    _fields_ = (
        ("fingerprint", ctypes.c_uint8 * 32),
        ("input_len", ctypes.c_uint32),
        ("embedding_len", ctypes.c_uint32),
        ("arena_bytes", ctypes.c_uint32),
        ("embed", ctypes.c_void_p),
        ("learner", ctypes.c_void_p),
        ("learner_params", ctypes.c_void_p),
        ("same_distance", ctypes.c_uint32),
        ("rejection", ctypes.c_void_p),
    )


class RejectionStruct(ctypes.Structure):
    """``kshot_rejection``."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("calls", "impostors", "factors", "priors", "typical", "farthest")),
        ("spread", ctypes.c_uint32),
        ("impostor_count", ctypes.c_uint16),
    )


class QualityStruct(ctypes.Structure):
    """``kshot_quality``."""

    _fields_ = (
        ("far_shots", ctypes.c_uint16),
        ("near_class_id", ctypes.c_uint16),
        ("rate_is_met", ctypes.c_bool),
    )


class RejectMemoryStruct(ctypes.Structure):
    """``kshot_reject_memory``."""

    _fields_ = (
        ("thresholds", ctypes.c_void_p),
        ("nearest", ctypes.c_void_p),
        ("nearest_slots", ctypes.c_void_p),
        ("negatives", ctypes.c_void_p),
        ("max_negatives", ctypes.c_uint16),
    )


class ClassStruct(ctypes.Structure):
    """``kshot_class``."""

    _fields_ = (("label", ctypes.c_char * LABEL_BYTES), ("id", ctypes.c_uint16), ("shots", ctypes.c_uint16))


class BuffersStruct(ctypes.Structure):
    """``kshot_buffers``."""

    _fields_ = (
        ("arena", ctypes.c_void_p),
        ("embedding", ctypes.c_void_p),
        ("classes", ctypes.c_void_p),
        ("sums", ctypes.c_void_p),
        ("prototypes", ctypes.c_void_p),
        ("squares", ctypes.c_void_p),
        ("exemplars", ctypes.c_void_p),
        ("notes", ctypes.c_void_p),
        ("head", ctypes.c_void_p),
        ("scratch", ctypes.c_void_p),
        ("reject", RejectMemoryStruct),
        ("max_classes", ctypes.c_uint16),
        ("max_shots", ctypes.c_uint16),
    )


class EpisodeStruct(ctypes.Structure):
    """``kshot_host_episode`` of harness/host.c."""

    _fields_ = (
        ("ways", ctypes.c_uint32),
        ("shots", ctypes.c_uint32),
        ("query_count", ctypes.c_uint32),
        ("negative_count", ctypes.c_uint32),
        ("per_mille", ctypes.c_uint32),
        ("support", ctypes.c_void_p),
        ("queries", ctypes.c_void_p),
        ("negatives", ctypes.c_void_p),
        ("answers", ctypes.c_void_p),
    )

"""SHA-256 and HMAC-SHA-256 of the runtime are those of Python's library."""

from __future__ import annotations

import ctypes
import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from runtime_compilers import RUNTIME, run

pytestmark = pytest.mark.needs("gcc")


class _State(ctypes.Structure):
    _fields_ = [("state", ctypes.c_uint32 * 8), ("len", ctypes.c_uint32), ("block", ctypes.c_uint8 * 64)]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The runtime, for this computer."""
    path: Path = tmp_path_factory.mktemp("sha256") / "sha256.so"
    run("gcc", "-std=c99", "-O2", "-shared", "-fPIC", *sorted(RUNTIME.glob("kshot_*.c")), "-o", path)
    return ctypes.CDLL(str(path))


@given(parts=st.lists(st.binary(max_size=150), max_size=4))
def test_a_digest_in_parts_is_that_of_hashlib(library: ctypes.CDLL, parts: list[bytes]) -> None:
    """However a message is cut, and wherever its padding comes to lie."""
    state, digest = _State(), ctypes.create_string_buffer(32)
    library.kshot_sha256_begin(ctypes.byref(state))
    for part in parts:
        library.kshot_sha256_add(ctypes.byref(state), part, len(part))
    library.kshot_sha256_end(ctypes.byref(state), digest)
    assert digest.raw == hashlib.sha256(b"".join(parts)).digest()


@given(key=st.binary(max_size=64), message=st.binary(max_size=200))
def test_a_tag_is_that_of_hmac(library: ctypes.CDLL, key: bytes, message: bytes) -> None:
    """For keys of up to a block, which is as long as they may be."""
    tag = ctypes.create_string_buffer(32)
    library.kshot_hmac_sha256(key, len(key), message, len(message), tag)
    assert tag.raw == hmac.new(key, message, hashlib.sha256).digest()

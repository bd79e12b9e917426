"""A tree holds plain relative paths only, and writes exactly its files."""

from __future__ import annotations

import os

import pytest

from firmware_gen.source_tree import SourceTree


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../x", "a//b", "./a", ".", "a/", "a\\b", ""])
def test_refuses_paths_that_leave_or_are_not_plain(path):
    """No path can point outside the folder that the tree is written to."""
    with pytest.raises(ValueError, match="relative path"):
        SourceTree("m", {path: ""})


def test_refuses_a_file_inside_a_file():
    """One path cannot be the folder of another."""
    with pytest.raises(ValueError, match="both a file and a folder"):
        SourceTree("m", {"a": "", "a/b": ""})


def test_hash_depends_on_content_only():
    """The digest ignores the order of insertion and sees every path and text."""
    tree = SourceTree("m", {"a": "1", "b": "2"})
    assert tree.sha256 == SourceTree("m", {"b": "2", "a": "1"}).sha256
    others = [{"a": "1", "b": "3"}, {"a": "1", "c": "2"}, {"a": "1b2"}, {"ab": "12"}]
    assert len({tree.sha256, *(SourceTree("m", files).sha256 for files in others)}) == 5


def test_write_keeps_what_is_right(tmp_path):
    """Writing again replaces changed files, leaves right ones untouched, and foreign files alone."""
    tree = SourceTree("m", {"a/x.c": "int x;\n", "y.h": "é\n"})
    tree.write(tmp_path)
    os.utime(tmp_path / "a/x.c", ns=(1, 1))
    (tmp_path / "y.h").write_text("broken")
    (tmp_path / "mine").write_text("kept")
    tree.write(tmp_path)
    assert (tmp_path / "a/x.c").stat().st_mtime_ns == 1
    assert (tmp_path / "y.h").read_bytes() == "é\n".encode()
    assert (tmp_path / "mine").read_text() == "kept"


def test_files_cannot_be_changed():
    """The mapping is read only and apart from the one that was passed in."""
    files = {"a": "1"}
    tree = SourceTree("m", files)
    files["a"] = "2"
    assert tree.files["a"] == "1"
    with pytest.raises(TypeError):
        tree.files["a"] = "3"

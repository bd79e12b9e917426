"""A tree holds plain relative paths only, and writes exactly its files."""

from __future__ import annotations

import os

import pytest

from firmware_gen.source_tree import SourceTree, SourceTreeError


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


def test_read_gives_back_what_was_written(tmp_path):
    """A project read from its folder equals the one that was written there; builds and hidden files stay out."""
    files = {"Makefile": "MODEL := owl\nX := -DMODEL_LEARNS=0\n", "model/owl.c": "int x;\n", ".gitignore": "build/\n"}
    tree = SourceTree("owl", files, learns=False)
    tree.write(tmp_path)
    for foreign in ("build/host/owl.o", ".git/index", "kshot/.kshot.c.swp"):
        (tmp_path / foreign).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / foreign).write_bytes(b"\xff\xfe")
    read = SourceTree.read(tmp_path)
    assert (read.name, read.learns, read.sha256) == ("owl", False, tree.sha256)


@pytest.mark.parametrize(
    ("path", "content", "complaint"),
    [
        ("Makefile", b"all:\n", "holds no generated project"),
        ("model/owl.c", None, "holds no generated project"),
        ("kshot/x.c", b"\xff", "not text"),
    ],
)
def test_read_refuses_other_folders(tmp_path, path, content, complaint):
    """A Makefile of something else, a project without its model, and bytes that are no text are refused."""
    SourceTree("owl", {"Makefile": "MODEL := owl\n", "model/owl.c": "int x;\n", "kshot/x.c": ""}).write(tmp_path)
    (tmp_path / path).write_bytes(content) if content else (tmp_path / path).unlink()
    with pytest.raises(SourceTreeError, match=complaint):
        SourceTree.read(tmp_path)

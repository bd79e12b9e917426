"""`glyphs`: which characters become classes, how they are drawn, and how the drawn set is kept."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from trainer.datasets import Dataset, DatasetError, load_dataset
from trainer.datasets import glyphs as glyphs_module
from trainer.datasets.glyph_classes import (
    COMPARED_FONTS,
    DIGIT_CORRELATIONS,
    DIGITS,
    TWIN_CORRELATION,
    GlyphClass,
    load_fonts,
    select_classes,
    thumbnails,
)
from trainer.datasets.glyph_distortion import Distortion, draw_samples
from trainer.datasets.glyph_fonts import Font, fit_box
from trainer.datasets.glyph_strokes import stroke_fields, thin
from trainer.datasets.glyphs import GlyphOptions, load_glyphs

SMALL = GlyphOptions(classes=12, samples=5)


@pytest.fixture(scope="session")
def fonts() -> tuple[Font, ...]:
    return load_fonts()


@pytest.fixture(scope="session")
def classes(fonts: tuple[Font, ...]) -> tuple[GlyphClass, ...]:
    return select_classes(fonts)


@pytest.fixture
def few_classes(monkeypatch: pytest.MonkeyPatch, classes: tuple[GlyphClass, ...]) -> None:
    """Spares each test the comparison of all characters."""
    monkeypatch.setattr(glyphs_module, "select_classes", lambda fonts: classes)


def test_there_are_several_hundred_classes_of_many_scripts(classes: tuple[GlyphClass, ...]) -> None:
    """Enough classes to learn from, each named by code point and Unicode name."""
    scripts = {unicodedata.name(c.character).split()[0] for c in classes}
    assert 600 <= len(classes) <= 1200
    assert {"LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "GEORGIAN"} <= scripts
    names = {c.name for c in classes}
    assert len(names) == len(classes)
    assert "U+03A8 GREEK CAPITAL LETTER PSI" in names


def test_no_class_is_a_digit_or_looks_like_one(classes: tuple[GlyphClass, ...], fonts: tuple[Font, ...]) -> None:
    """No numeric value, and no picture close to a digit's in any font compared: the tests' digits stay unseen."""
    assert not [c.name for c in classes if unicodedata.numeric(c.character, None) is not None]
    assert not {"O", "o", "l", "I", "|", "S", "B", "Z", "b", "q"} & {c.character for c in classes}
    compared = fonts[:COMPARED_FONTS]
    digits = np.concatenate([thumbnails(font, DIGITS) for font in compared], axis=1)
    for font in compared[1:4]:
        drawn = [c.character for c in classes if c.character in font.characters]
        closest = (thumbnails(font, drawn) @ digits.swapaxes(1, 2)).max(axis=(1, 2))
        assert (closest <= DIGIT_CORRELATIONS).all()


def test_no_two_classes_are_twins(classes: tuple[GlyphClass, ...], fonts: tuple[Font, ...]) -> None:
    """Latin A, Greek Alpha and Cyrillic A are one class, and so are all pairs that look alike."""
    assert len({"A", "\N{GREEK CAPITAL LETTER ALPHA}", "А"} & {c.character for c in classes}) == 1  # noqa: RUF001
    for font in fonts[:2]:
        drawn = [c.character for c in classes if c.character in font.characters]
        for vectors in thumbnails(font, drawn):
            correlation = vectors @ vectors.T
            np.fill_diagonal(correlation, 0)
            assert correlation.max() <= TWIN_CORRELATION


@pytest.mark.usefixtures("few_classes")
def test_the_same_options_draw_the_same_pictures(tmp_path: Path) -> None:
    """The seed decides every pixel, whichever thread draws it; another seed draws others."""
    first = load_glyphs(options=SMALL, cache=tmp_path / "a")
    again = load_glyphs(options=SMALL, cache=tmp_path / "b")
    other = load_glyphs(options=GlyphOptions(classes=12, samples=5, seed=1), cache=tmp_path / "b")
    assert first.images.shape == (60, 28, 28, 1)
    assert first.counts.tolist() == [5] * 12
    assert first.sha256 == again.sha256 != other.sha256


@pytest.mark.usefixtures("few_classes")
def test_every_picture_shows_ink_within_the_canvas(tmp_path: Path) -> None:
    """No sample is blank or flooded, and the ink reaches about as far as the box."""
    images = load_glyphs(options=SMALL, cache=tmp_path).images[..., 0]
    lit = (images > 64).mean(axis=(1, 2))
    assert lit.min() > 0.02
    assert lit.max() < 0.75
    extent = np.maximum((images > 32).any(axis=1).sum(axis=1), (images > 32).any(axis=2).sum(axis=1))
    assert extent.min() >= 17
    assert extent.max() <= 28


@pytest.mark.usefixtures("few_classes")
def test_a_damaged_cache_is_drawn_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A stored set is used if it is whole, and made again, with a warning, if it is not."""
    fresh = load_glyphs(options=SMALL, cache=tmp_path)
    (stored,) = tmp_path.glob("glyphs-*.npz")
    written = stored.stat().st_mtime_ns
    assert load_glyphs(options=SMALL, cache=tmp_path).sha256 == fresh.sha256
    assert stored.stat().st_mtime_ns == written
    content = bytearray(stored.read_bytes())
    content[len(content) // 2] ^= 0x10
    stored.write_bytes(content)
    assert load_glyphs(options=SMALL, cache=tmp_path).sha256 == fresh.sha256
    assert "damaged" in caplog.text
    assert stored.read_bytes() != bytes(content)


@pytest.mark.usefixtures("few_classes")
def test_a_cache_that_cannot_be_written_does_not_stop(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The pictures are at hand all the same; the log says that they were not kept."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    assert isinstance(load_glyphs(options=SMALL, cache=blocked), Dataset)
    assert "could not be kept" in caplog.text


def test_the_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """KSHOT_CACHE, then XDG_CACHE_HOME, then the home folder."""
    from trainer.datasets.cache import cache_folder

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("KSHOT_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("KSHOT_CACHE")
    assert cache_folder() == tmp_path / "xdg" / "kshot"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert cache_folder() == tmp_path / ".cache" / "kshot"


def test_thinning_leaves_one_connected_line() -> None:
    """A thick bar becomes a line one pixel wide over most of its length; a ring stays a ring."""
    from scipy.ndimage import label

    ink = np.zeros((2, 40, 40), bool)
    ink[0, 15:23, 4:36] = True
    y, x = np.mgrid[:40, :40] - 20
    ink[1] = (np.hypot(y, x) < 16) & (np.hypot(y, x) > 9)
    path = thin(ink)
    assert (path & ~ink).sum() == 0
    assert path[0, :, 10:30].sum(axis=0).tolist() == [1] * 20
    assert path[1].sum() < 110
    _, pieces = label(path[1], structure=np.ones((3, 3)))
    _, holes = label(~path[1])
    assert (pieces, holes) == (1, 2)


def test_stroke_fields_measure_pixels() -> None:
    """Depth is half a bar's thickness in its middle, and the path runs there."""
    bar = np.zeros((1, 48, 48), np.float32)
    bar[0, 20:27, 4:44] = 1
    fields = stroke_fields(bar)
    assert fields.depth[0, 23, 24] == pytest.approx(3.5)
    assert fields.depth[0, 15, 24] == pytest.approx(-4.5)
    assert fields.path_distance[0, 23, 24] <= 1
    assert fields.path_distance[0, 15, 24] == pytest.approx(8, abs=1)


def test_a_wider_pen_draws_more_ink(fonts: tuple[Font, ...]) -> None:
    """Pen radius and stroke weight are what they say."""
    fields = stroke_fields(np.stack([fit_box(fonts[0].draw("X"), side=48, margin=4)]))
    still = {"rotation": 0.0, "shear": 0.0, "stretch": 0.0, "bend": 0.0, "shift": 0}
    which = np.zeros(4, np.int64)

    def ink(**changes: object) -> float:
        distortion = Distortion(**{**still, **changes})  # type: ignore[arg-type]
        return float(draw_samples(fields, which, distortion=distortion, rng=np.random.default_rng(0)).mean())

    assert ink(pen_share=1.0, pen_radius=(0.08, 0.08)) > 1.4 * ink(pen_share=1.0, pen_radius=(0.04, 0.04))
    assert ink(pen_share=0.0, weight=(0.04, 0.04)) > 1.2 * ink(pen_share=0.0, weight=(0.0, 0.0))


@pytest.mark.parametrize(
    "options",
    [{"classes": 1}, {"samples": 0}, {"distortion": {"bend": -1}}, {"distortion": {"twist": 1}}, {"sample": 3}],
)
def test_wrong_options_are_named(options: dict[str, object]) -> None:
    """An option that does not exist or makes no sense is refused before anything is drawn."""
    with pytest.raises(DatasetError, match="glyphs"):
        load_dataset("glyphs", **options)


def test_a_font_that_is_missing_is_named() -> None:
    """The message gives the file."""
    with pytest.raises(DatasetError, match=r"no font Nowhere\.ttf"):
        Font("Nowhere")

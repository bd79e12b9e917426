"""The folder that training leaves behind: what is read is what was written, and damage is named."""

import json

import numpy as np
import pytest

from trainer.artifact import ArtifactError, InputSpec, Split, TrainedEmbedding
from trainer.backbones import build_backbone

pytestmark = pytest.mark.needs("tensorflow")


@pytest.fixture(scope="session")
def stored(tmp_path_factory):
    """A small network with its description, as saved; tests that damage it work on copies."""
    embedding = TrainedEmbedding(
        folder=tmp_path_factory.mktemp("embedding"),
        input=InputSpec((16, 16, 1), offset=-0.5),
        embedding_len=4,
        learner="prototypical",
        backbone="conv4",
        backbone_options={"width": 4},
        dataset={"source": "glyphs"},
        dataset_sha256="0" * 64,
        split=Split(("a", "ß"), ("c",), ("d",), "by hand"),
        seed=3,
        figures={"validation_accuracy": 0.5},
    )
    return embedding.save(build_backbone("conv4", (16, 16, 1), {"width": 4}, seed=3))


@pytest.fixture
def copied(stored, tmp_path):
    """A copy of the folder, free to damage."""
    for file in stored.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_what_is_loaded_equals_what_was_saved(stored, copied):
    """Every field survives, and a moved folder works as before."""
    loaded = TrainedEmbedding.load(copied)
    assert loaded.folder == copied
    for name in ("input", "split", "learner", "backbone_options", "dataset", "figures", "seed", "model_sha256"):
        assert getattr(loaded, name) == getattr(stored, name)
    images = np.zeros((2, 16, 16, 1), np.float32)
    np.testing.assert_array_equal(loaded.keras_model()(images), stored.keras_model()(images))


def test_the_folder_holds_the_two_files_and_no_leftovers(stored):
    """Temporary files of the atomic writes are gone."""
    assert sorted(p.name for p in stored.folder.iterdir()) == ["embedding.json", "model.keras"]


def test_figures_are_added_to_those_there(copied):
    """Later stages store theirs without losing the training's."""
    TrainedEmbedding.load(copied).with_figures(test_accuracy=0.25)
    assert TrainedEmbedding.load(copied).figures == {"validation_accuracy": 0.5, "test_accuracy": 0.25}


def edited(folder, **changes):
    path = folder / "embedding.json"
    document = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in document.items() if v is not None}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "embedding.json").write_text("{"), "embedding.json cannot be read"),
        (lambda f: (f / "embedding.json").write_bytes(b"\xff\xfe"), "embedding.json cannot be read"),
        (lambda f: (f / "embedding.json").write_text("[]"), "does not describe a trained embedding"),
        (lambda f: (f / "embedding.json").unlink(), "embedding.json does not exist"),
        (lambda f: edited(f, version=99), "version 99"),
        (lambda f: edited(f, format="other"), "does not describe"),
        (lambda f: edited(f, seed=None), "damaged.*seed"),
        (lambda f: edited(f, colour=1), "damaged.*colour"),
        (lambda f: edited(f, split={"train": ["a"], "test": ["a"]}), "damaged.*both train and test"),
        (lambda f: edited(f, input={"shape": 28}), "damaged"),
        (lambda f: edited(f, input=None), "damaged.*input"),
        (lambda f: (f / "model.keras").unlink(), "model.keras is missing"),
        (lambda f: (f / "model.keras").write_bytes(b""), "not the network"),
    ],
)
def test_damage_is_named(copied, damage, message):
    """Each error names the file and what is wrong with it."""
    damage(copied)
    with pytest.raises(ArtifactError, match=message):
        TrainedEmbedding.load(copied)


def test_a_network_that_keras_cannot_read_is_named(copied):
    """Also where the digest fits, as in a folder made by other means."""
    (copied / "model.keras").write_bytes(b"no zip")
    with pytest.raises(ArtifactError, match=r"model\.keras cannot be used"):
        _described(copied).keras_model()


def _described(folder):
    return TrainedEmbedding(
        folder=folder,
        input=InputSpec((16, 16, 1)),
        embedding_len=4,
        learner="prototypical",
        backbone="conv4",
        split=Split(("a",)),
        seed=0,
        dataset_sha256="",
    )


def test_a_network_of_other_shapes_is_refused(stored, tmp_path):
    """The description and the network must agree before anything is written."""
    with pytest.raises(ValueError, match=r"maps \(16, 16, 1\) to \(8,\)"):
        _described(tmp_path / "new").save(build_backbone("conv4", (16, 16, 1), {"width": 8}, seed=0))
    assert not (tmp_path / "new").exists()


def test_raw_samples_are_normalised_as_described():
    """Real = raw * scale + offset, in float32, and only for samples of the right shape."""
    spec = InputSpec((1, 2, 1), scale=0.5, offset=-1.0)
    np.testing.assert_array_equal(spec.normalise(np.array([[[[0], [4]]]], np.uint8)), [[[[-1.0], [1.0]]]])
    with pytest.raises(ValueError, match=r"samples of shape \(2, 2, 1\)"):
        spec.normalise(np.zeros((1, 2, 2, 1), np.uint8))


@pytest.mark.parametrize(
    "values",
    [
        {"shape": (0, 1, 1)},
        {"shape": (1, 1)},
        {"shape": (1, 1, 1), "scale": 0.0},
        {"shape": (1, 1, 1), "offset": np.inf},
    ],
)
def test_an_impossible_input_cannot_be_described(values):
    """Empty axes, and scales that map everything to one value."""
    with pytest.raises(ValueError, match="input"):
        InputSpec(**values)


@pytest.mark.parametrize("parts", [((),), (("a", "a"),), (("a",), ("a",)), (("a",), ("b",), ("b",))])
def test_parts_of_a_split_are_disjoint(parts):
    """No class in two parts or twice in one, and something to train on."""
    with pytest.raises(ValueError, match="class"):
        Split(*parts)

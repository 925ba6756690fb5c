"""The bundled file is the right one, and what is generated from it is what the text says."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bn_teach import datasets
from bn_teach.datasets import REGISTRY, Split, load_digits, load_jittered_digits, xor_blobs

# How often each digit, 0 to 9, occurs in the test part of the set, as UCI's description states.
UCI_COUNTS = np.array([178, 182, 177, 183, 181, 182, 181, 179, 174, 180])


@pytest.mark.parametrize("name", REGISTRY)
def test_registry_describes_the_files(name):
    entry = REGISTRY[name]
    images = datasets.read(name)["images"]
    assert images.shape == entry.shape
    assert images.dtype == entry.dtype
    assert entry.licence and entry.origin
    assert entry.sha256 in (datasets.FOLDER / "README.md").read_text()
    assert (datasets.FOLDER / entry.name).stat().st_size < 60_000


def test_digits_are_those_of_uci():
    arrays = datasets.read("digits")
    assert (np.bincount(arrays["labels"]) == UCI_COUNTS).all()
    assert arrays["images"].max() == 16
    # The first record of UCI's file, which is a zero.
    assert arrays["images"][0, :2].tolist() == [
        [0, 0, 5, 13, 9, 1, 0, 0],
        [0, 0, 13, 15, 10, 15, 5, 0],
    ]
    assert arrays["labels"][0] == 0


def test_digits_are_split_into_disjoint_stratified_parts():
    digits = load_digits()
    assert digits.train_images.shape == (1297, 8, 8)
    assert digits.test_images.shape == (500, 8, 8)
    assert digits.train_images.dtype == np.float32
    assert digits.train_labels.dtype == np.int64
    assert digits.train_images.min() == 0
    assert digits.train_images.max() == 1

    shares = UCI_COUNTS * 500 / 1797
    assert (np.abs(np.bincount(digits.test_labels) - shares) < 1).all()

    # Both parts together are the whole set, every image once and with its own label.
    def records(images, labels):
        return sorted((int(n), i.tobytes()) for i, n in zip(images, labels, strict=True))

    whole = datasets.read("digits")
    together = records(
        np.concatenate([digits.train_images, digits.test_images]) * 16,
        np.concatenate([digits.train_labels, digits.test_labels]),
    )
    assert together == records(whole["images"].astype(np.float32), whole["labels"])


@pytest.mark.parametrize("load", [load_digits, load_jittered_digits])
def test_seed_decides(load):
    first, again, other = load(seed=3), load(seed=3), load(seed=4)
    for name, array in vars(first).items():
        assert (array == getattr(again, name)).all()
        assert not np.array_equal(array, getattr(other, name))


def test_split_cannot_be_reassigned():
    with pytest.raises(AttributeError):
        load_digits().train_images = None


def test_missing_file_is_named_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "FOLDER", tmp_path)
    with pytest.raises(FileNotFoundError) as error:
        load_digits()
    message = str(error.value)
    assert str(tmp_path / "digits.npz") in message
    assert REGISTRY["digits"].sha256 in message
    assert "git checkout -- data/digits.npz" in message
    assert "pip install -e ." in message


def test_altered_file_is_named_with_both_hashes(tmp_path, monkeypatch):
    content = bytearray((datasets.FOLDER / "digits.npz").read_bytes())
    content[1000] ^= 1
    (tmp_path / "digits.npz").write_bytes(content)
    monkeypatch.setattr(datasets, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match="was altered") as error:
        load_digits()
    message = str(error.value)
    assert str(tmp_path / "digits.npz") in message
    assert REGISTRY["digits"].sha256 in message
    found = message.split("its sha256 is ")[1].split(",")[0]
    assert len(found) == 64
    assert found != REGISTRY["digits"].sha256
    assert "git checkout -- data/digits.npz" in message


def test_jittered_digits_come_from_disjoint_originals_with_their_labels(monkeypatch):
    def blank(labels, offset):  # images of one grey each: offset + label / 20
        return np.broadcast_to((offset + labels / 20)[:, None, None], (len(labels), 8, 8))

    train, test = np.arange(1297) % 10, np.arange(500) % 10
    originals = Split(blank(train, 0.0), train, blank(test, 5.0), test)
    monkeypatch.setattr(datasets, "load_digits", lambda: originals)

    jittered = load_jittered_digits()
    assert jittered.train_images.shape == (4000, 16, 16)
    assert jittered.test_images.shape == (1000, 16, 16)
    assert set(jittered.train_labels) == set(range(10))
    for images, labels, offset in [
        (jittered.train_images, jittered.train_labels, 0.0),
        (jittered.test_images, jittered.test_labels, 5.0),
    ]:
        centre = images[:, 6:10, 6:10]
        assert np.abs(centre.mean(axis=(1, 2)) - offset - labels / 20).max() < 0.15
        noise = centre - (offset + labels / 20)[:, None, None]
        assert noise.std() == pytest.approx(0.1, rel=0.03)


class Queue:
    """Stands in for a random generator: gives the values put in, and no noise."""

    def __init__(self, *values):
        self.values = list(values)

    def uniform(self, low, high, shape):
        value = self.values.pop(0)
        assert value.shape == shape
        assert (low <= value).all() and (value <= high).all()
        return value

    def standard_normal(self, shape, dtype):
        return np.zeros(shape, dtype)


def test_jitter_agrees_with_torch_affine_sampling():
    rng = np.random.default_rng(0)
    n = 50
    images = rng.random((n, 8, 8)).astype(np.float32)
    degrees = rng.uniform(-20, 20, (n, 1, 1))
    scale = rng.uniform(0.8, 1.2, (n, 1, 1))
    shift = rng.uniform(-2, 2, (n, 2, 1, 1))
    ours = datasets._jitter(images, Queue(degrees, scale, shift))

    # torch: coordinates (x, y) from -1 to 1 across the image, input = theta (output, 1).
    cos, sin = np.cos(np.deg2rad(degrees[:, 0])), np.sin(np.deg2rad(degrees[:, 0]))
    turn = np.stack([np.concatenate([cos, sin], 1), np.concatenate([-sin, cos], 1)], 1) / scale
    centre = -np.einsum("nij,nj->ni", turn, shift[:, ::-1, 0, 0] / 8)
    theta = torch.tensor(np.concatenate([turn, centre[:, :, None]], 2))
    grid = F.affine_grid(theta, (n, 1, 16, 16), align_corners=False)
    theirs = F.grid_sample(torch.tensor(images)[:, None].double(), grid, align_corners=False)
    assert np.abs(ours - theirs[:, 0].numpy()).max() < 1e-5


def test_xor_labels_are_the_corners():
    points, labels = xor_blobs(400, spread=0.0)
    assert points.dtype == np.float32
    assert np.bincount(labels).tolist() == [200, 200]
    assert len(np.unique(points, axis=0)) == 4
    assert (labels == (points[:, 0] * points[:, 1] < 0)).all()


def test_xor_spread_seed_and_best_possible_accuracy():
    points, labels = xor_blobs(200_000, seed=1)
    assert (points == xor_blobs(200_000, seed=1)[0]).all()
    assert not np.array_equal(points, xor_blobs(200_000, seed=2)[0])
    assert np.abs(np.abs(points).mean(axis=0) - 1).max() < 0.01
    assert (points - np.sign(points)).std() == pytest.approx(0.3, rel=0.02)
    crosses = 0.5 * math.erfc(1 / 0.3 / math.sqrt(2))
    wrong = (labels != (points[:, 0] * points[:, 1] < 0)).mean()
    assert wrong == pytest.approx(2 * crosses * (1 - crosses), abs=0.0004)

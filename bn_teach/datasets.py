"""The data of the course: one bundled file and what is generated from it or from nothing.

Nothing is downloaded. Everything is numpy, in and out; ``bn_teach.train`` turns it into tensors.

Shapes: N images of H x W pixels, or N points of 2 coordinates.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "data"


@dataclass(frozen=True)
class DataFile:
    """A file of the folder ``data``, with what must be known before it is used."""

    name: str
    sha256: str
    shape: tuple
    dtype: str
    licence: str
    origin: str


REGISTRY = {
    "digits": DataFile(
        name="digits.npz",
        sha256="b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e",
        shape=(1797, 8, 8),
        dtype="uint8",
        licence="CC BY 4.0",
        origin="E. Alpaydin and C. Kaynak (1998), Optical Recognition of Handwritten Digits, "
        "UCI Machine Learning Repository, doi 10.24432/C50P49: its test part, "
        "as bundled with scikit-learn",
    ),
}


@dataclass(frozen=True)
class Split:
    """Images and labels, held apart for training and testing.

    Attributes
    ----------
    train_images, test_images : ndarray (N, H, W), float32
        0 is paper, 1 is full ink.
    train_labels, test_labels : ndarray (N,), int64
        The digit, 0 to 9.
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def read(name):
    """The arrays of a registered file, as a dict, after its sha256 has been checked.

    Raises
    ------
    FileNotFoundError
        If the file is not in the folder ``data`` beside the package.
    ValueError
        If its bytes are not those that the registry describes.
    """
    entry = REGISTRY[name]
    with np.load(checked(entry.name, entry.sha256)) as archive:
        return dict(archive)


def checked(name, sha256):
    """The bytes of a file of the folder ``data``, open for reading, if they are the right ones.

    Raises
    ------
    FileNotFoundError, ValueError
        As ``read`` does.
    """
    path = FOLDER / name
    remedy = f"Restore it from the repository's folder with: git checkout -- data/{name}"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; expected the file with sha256 {sha256}. {remedy}\n"
            "The data lie beside the package, so bn_teach has to be used from a copy of its "
            "repository (pip install -e .)."
        )
    content = path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ValueError(f"{path} was altered: its sha256 is {found}, expected {sha256}. {remedy}")
    return io.BytesIO(content)


def load_digits(seed=0):
    """Real handwritten digits, 8 x 8: 1297 to train on, 500 to test on.

    Each pixel counts the inked dots, 0 to 16, of a 4 x 4 block of the scan; here it is divided
    by 16. The split is stratified: each digit has the same share, to within one image, of both
    parts. ``seed`` draws another split. Source and licence: ``REGISTRY["digits"]``.

    Returns
    -------
    Split
        With images (1297, 8, 8) and (500, 8, 8).

    Raises
    ------
    FileNotFoundError, ValueError
        If the bundled file is missing or altered (see ``read``).
    """
    arrays = read("digits")
    images = arrays["images"].astype(np.float32) / 16
    labels = arrays["labels"].astype(np.int64)
    train, test = _stratified(labels, 500, np.random.default_rng(seed))
    return Split(images[train], labels[train], images[test], labels[test])


def load_jittered_digits(seed=0):
    """Harder digits, 16 x 16: 4000 to train on, 1000 to test on, made from the real ones.

    Each is a digit of ``load_digits``, enlarged twofold, then turned by up to 20 degrees,
    scaled by 0.8 to 1.2, shifted by up to 2 pixels each way (all uniform) and covered with
    Gaussian noise of standard deviation 0.1, which takes some pixels a little below 0 or above
    1. Training and test images come from different originals. The same ``seed`` gives the same
    images.

    Returns
    -------
    Split
        With images (4000, 16, 16) and (1000, 16, 16).
    """
    digits = load_digits()
    rng = np.random.default_rng(seed)
    train = rng.integers(len(digits.train_images), size=4000)
    test = rng.integers(len(digits.test_images), size=1000)
    return Split(
        _jitter(digits.train_images[train], rng),
        digits.train_labels[train],
        _jitter(digits.test_images[test], rng),
        digits.test_labels[test],
    )


def xor_blobs(n, *, spread=0.3, seed=0):
    """n points around the corners (+-1, +-1); label 1 where the two signs differ.

    No straight line separates the labels: a score that does must be even in the point, not odd.
    Gaussian noise of standard deviation ``spread`` carries a point across a given axis with
    probability p = Phi(-1 / spread), and across exactly one of the two with 2 p (1 - p). With
    0.3 that is 0.09 %, so the best possible accuracy is 99.9 %.

    Returns
    -------
    points : ndarray (n, 2), float32
    labels : ndarray (n,), int64
    """
    rng = np.random.default_rng(seed)
    corner = rng.permutation(np.arange(n) % 4)
    signs = np.stack([corner % 2, corner // 2], axis=1) * 2 - 1
    points = signs + spread * rng.standard_normal((n, 2))
    return points.astype(np.float32), (signs[:, 0] != signs[:, 1]).astype(np.int64)


def _stratified(labels, n_test, rng):
    """Indices (train, test): every class gives its share, rounded by the largest remainders."""
    classes, counts = np.unique(labels, return_counts=True)
    exact = counts * n_test / len(labels)
    quota = np.floor(exact).astype(int)
    quota[np.argsort(quota - exact)[: n_test - quota.sum()]] += 1
    order = rng.permutation(len(labels))
    test = np.concatenate(
        [order[labels[order] == c][:k] for c, k in zip(classes, quota, strict=True)]
    )
    is_test = np.isin(order, test)
    return order[~is_test], order[is_test]


def _jitter(images, rng):
    """(N, 8, 8) to (N, 16, 16): each image seen through its own turn, scale and shift."""
    n = len(images)
    angle = np.deg2rad(rng.uniform(-20, 20, (n, 1, 1))).astype(np.float32)
    scale = 2 * rng.uniform(0.8, 1.2, (n, 1, 1)).astype(np.float32)
    shift = rng.uniform(-2, 2, (n, 2, 1, 1)).astype(np.float32)
    # From each pixel of the new image back to the place in the old one that it shows.
    y, x = np.mgrid[0:16, 0:16].astype(np.float32) - 7.5
    y, x = (y - shift[:, 0]) / scale, (x - shift[:, 1]) / scale  # (N, 16, 16)
    row = np.cos(angle) * y - np.sin(angle) * x + 3.5
    column = np.sin(angle) * y + np.cos(angle) * x + 3.5
    noise = 0.1 * rng.standard_normal((n, 16, 16), dtype=np.float32)
    return _bilinear(images, row, column) + noise


def _bilinear(images, row, column):
    """Values of (N, H, W) images at fractional places (N, ...); beyond the edge there is paper."""
    height, width = images.shape[1:]
    padded = np.pad(images, ((0, 0), (1, 2), (1, 2)))
    row, column = np.clip(row + 1, 0, height + 1), np.clip(column + 1, 0, width + 1)
    down, r = np.modf(row)
    right, c = np.modf(column)
    r, c = r.astype(int), c.astype(int)
    i = np.arange(len(images)).reshape(-1, 1, 1)
    upper = (1 - right) * padded[i, r, c] + right * padded[i, r, c + 1]
    lower = (1 - right) * padded[i, r + 1, c] + right * padded[i, r + 1, c + 1]
    return (1 - down) * upper + down * lower

"""How ``digits.npz`` was made. Needs scikit-learn, which nothing else in the course does.

    python data/make_digits.py

The same scikit-learn data and the same zlib give the same bytes each time: numpy writes a fixed
date into the archive. Another zlib may pack the same arrays differently; what counts is that the
sha256 printed here is the one in ``bn_teach/datasets.py``.
"""

import hashlib
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

TARGET = Path(__file__).with_name("digits.npz")


def main() -> None:
    bunch = load_digits()
    np.savez_compressed(
        TARGET,
        images=bunch.images.astype(np.uint8),  # (1797, 8, 8), whole numbers 0..16
        labels=bunch.target.astype(np.uint8),  # (1797,), 0..9
    )
    content = TARGET.read_bytes()
    print(f"{TARGET.name}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()

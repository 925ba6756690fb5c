"""How much slower is the readable BatchNorm than torch.nn's?

Forward and backward pass in training mode, float32, one thread. The two layers take turns, so
that a busy machine slows both.

    python -m benchmarks.batchnorm
"""

from statistics import median
from time import perf_counter

import torch

from bn_teach import batchnorm

BUDGET = 4.0  # times torch.nn's
CASES = [  # layer, shape of x, rounds
    ("BatchNorm1d", (256, 100), 300),
    ("BatchNorm2d", (64, 64, 16, 16), 60),
    ("BatchNorm2d", (32, 128, 28, 28), 30),
]
WARM_UP = 5  # rounds that do not count


def seconds(layer, x, d_y):
    """One forward and backward pass."""
    x.grad = None
    layer.zero_grad()
    start = perf_counter()
    y = layer(x)
    y.backward(d_y)
    return perf_counter() - start


def measure():
    """The rows of the table: medians in milliseconds, and their ratio.

    Returns
    -------
    list of dict with keys layer, shape, torch_ms, ours_ms, ratio
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    for name, shape, rounds in CASES:
        theirs = getattr(torch.nn, name)(shape[1])
        ours = getattr(batchnorm, name)(shape[1])
        x = torch.randn(shape, requires_grad=True)
        d_y = torch.randn(shape)
        times = [(seconds(theirs, x, d_y), seconds(ours, x, d_y)) for _ in range(WARM_UP + rounds)]
        torch_ms, ours_ms = (1000 * median(column) for column in zip(*times[WARM_UP:], strict=True))
        rows.append(
            {
                "layer": name,
                "shape": shape,
                "torch_ms": torch_ms,
                "ours_ms": ours_ms,
                "ratio": ours_ms / torch_ms,
            }
        )
    torch.set_num_threads(threads)
    return rows


def main():
    print("forward + backward, median ms    torch.nn      ours    ratio")
    for row in measure():
        title = f"{row['layer']} {row['shape']}"
        print(f"{title:31} {row['torch_ms']:9.3f} {row['ours_ms']:9.3f} {row['ratio']:7.1f}x")
    print(f"budget: at most {BUDGET:.0f}x at every shape")


if __name__ == "__main__":
    main()

"""The whole story in one comparison: the run behind notebook 00.

The same deep network with and without Batch Normalization (Ioffe and Szegedy 2015, arXiv
1502.03167) on the digits: what do its layers say about an image once it is trained?

Shapes: L layers, N test images, C units of a layer.
"""

import numpy as np

from ..datasets import load_digits
from ..models import mlp
from ..record import record
from ..train import accuracy, as_tensors, evaluating, one_thread, train

LAYERS = 6
UNITS = 50
STEPS = 300


@one_thread()
def deep_nets(seed=0, progress=True):
    """Train two 64-50-50-50-50-50-50-10 sigmoid networks, without and with Batch Normalization.

    300 steps of 64 images, learning rate 0.3. The weights start small, from N(0, 1 / fan_in), and
    are the same in both. That matters: with them a sigmoid layer passes on about a quarter of the
    spread it gets, so the network without Batch Normalization hardly learns. Larger first weights
    (``bn_teach.models.GAINS``) help it as well.

    Returns
    -------
    dict of Run
        "off" and "on"; for each ``snapshots["activations"]`` (1, L, N, C), the outputs of the
        sigmoids for all test images, and ``["test_accuracy"]`` (1,), after training and in
        evaluation mode.
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    x_test, y_test = as_tensors(digits.test_images, digits.test_labels, flat=True)
    sigmoids = [f"sigmoid{layer}" for layer in range(1, LAYERS + 1)]

    def watch(model):
        with evaluating(model), record(model, *sigmoids) as seen:
            model(x_test)
        activations = np.stack([seen[name].outputs for name in sigmoids])
        return {"activations": activations, "test_accuracy": accuracy(model, x_test, y_test)}

    runs = {}
    for arm, norm in {"off": None, "on": "batch"}.items():
        sizes = [64, *[UNITS] * LAYERS, 10]
        runs[arm] = train(
            mlp(sizes, norm=norm, activation="sigmoid", gain=1.0, seed=seed),
            x,
            y,
            steps=STEPS,
            lr=0.3,
            batch_size=64,
            seed=seed,
            watch=watch,
            watch_at=[STEPS],
            progress=progress,
            label=f"BN {arm}",
        )
    return runs

"""The predictions of notebook 02."""

import numpy as np

from ... import look
from ...experiments.whitening import standardized
from ..prediction import number, predict

BELL = 0.683  # the share of a Gaussian bell that lies within one standard deviation of its mean


def share_in_the_band(samples):
    """``samples``: experiments.whitening.samples(), of which the skewed one is asked for."""
    before = samples["skewed"]
    after = standardized(before)
    shares = [np.mean(np.abs(x - x.mean()) < x.std()) for x in (before, after)]
    off = shares[1] - BELL
    same = f"about {look.percent(BELL)}"
    return predict(
        "share-within-one-spread",
        f"{len(before)} values have a long tail to the right. Of a Gaussian bell, "
        f"{look.percent(BELL)} lie within one spread (standard deviation) of the mean. And of "
        "these values, after you standardise them?",
        {
            "fewer": "The values in the tail lie outside. But they also make the spread large, so "
            "that the band around the mean reaches far.",
            same: "That is the bell's share. Standardising moves and stretches all values alike: "
            "it makes nothing Gaussian, and each shape keeps a share of its own.",
            "more": "Few values in the tail make the spread large: the band around the mean then "
            "reaches over most of the others. Standardising keeps the share as it was.",
        },
        truth=same if abs(off) < 0.03 else "more" if off > 0 else "fewer",
        found=f"Measured: {look.percent(shares[0])} before and {look.percent(shares[1])} after "
        f"standardising, with mean {look.number(after.mean())} and spread "
        f"{look.number(after.std())}.",
    )


def correlation(clouds, rho=0.8):
    """``clouds``: experiments.whitening.clouds()."""
    place = int(np.argmin(np.abs(clouds.correlations - rho)))
    clouds_of = {"raw": clouds.raw, **clouds.after}
    before, after, whitened = (
        np.corrcoef(clouds_of[name][place].T)[0, 1] for name in ("raw", "standardised", "ZCA")
    )
    choices = {0: "0", rho / 2: "something between", rho: f"still {rho}"}
    return predict(
        "correlation-after-standardising",
        f"Two features have a correlation of {rho}. You standardise each. What is it then?",
        {
            "0": "To take a correlation away, a feature has to be mixed with the other. "
            "Standardising looks at one feature at a time.",
            "something between": "A correlation has no unit: it does not notice that a feature is "
            "moved or stretched.",
            f"still {rho}": "Moving and stretching one feature at a time leaves it exactly as it "
            "was. Whitening takes it away.",
        },
        truth=choices[min(choices, key=lambda choice: abs(choice - after))],
        found=f"Measured: {look.number(before)} before, {look.number(after)} after standardising, "
        f"{look.number(whitened)} after ZCA.",
    )


def price_of_zca(run, k=1024):
    """``run``: the stored run "whitening-cost". A guess from half to one and a half is right."""
    at = run.steps.tolist().index(k)
    standardised, zca = (float(run.snapshots[name][at]) for name in ("standardised", "ZCA"))
    ratio, n = zca / standardised, max(256, 2 * k)  # the batch, as in whitening_cost
    counted = (
        "The covariance takes about N·k² steps, the product as many, the root about k³, "
        f"standardising N·k: by that count the factor would be {(2 * n * k**2 + k**3) // (n * k)}."
    )
    return predict(
        "price-of-zca",
        f"Second, the price. A stored run timed one machine: N = {n} samples of k = {k} features, "
        "forward and backward. How many times as long as standardising does ZCA take?",
        number(
            within=ratio / 2,
            unit="times as long",
            low=f"ZCA needs the covariance of all {k} features, {k} × {k} numbers, its root, and "
            "a product with every sample. Standardising looks at each value a few times.",
            high=f"{counted} But steps are not time: a processor does not need equally long for "
            "each of them.",
            right=f"{counted} How long they take only a clock can tell.",
        ),
        truth=ratio,
        found=f"Stored run ({run.settings['machine']}): {look.number(zca, 0)} ms with ZCA, "
        f"{look.number(standardised, 0)} ms with standardising.",
    )


def shape_of_mu(maps):
    """``maps``: feature maps (N, C, H, W), with N other than C."""
    n, c, h, w = maps.shape
    mu = maps.mean((0, 2, 3))
    return predict(
        "shape-of-mu",
        f"{n} images go through a layer with {c} channels of {h} × {w} places. Batch norm "
        "subtracts a mean, μ. Which shape does it have?",
        {
            f"({n},)": "That is one mean for each image, which is layer norm. Batch norm mixes the "
            "images, and keeps the channels apart.",
            f"({c},)": "One mean for each channel, over all images and all places: one filter made "
            "all of these values.",
            f"({n}, {c})": "That is one mean for each channel of each image, which is instance "
            "norm. Batch norm mixes the images.",
            f"({c}, {h}, {w})": "That is a mean over the images alone, for each place. But one "
            "filter made all places of a channel: they share their mean.",
        },
        truth=str(mu.shape),
        found=f"Computed: μ has shape {mu.shape}; each mean is over {n} · {h} · {w} = {n * h * w} "
        "values.",
    )

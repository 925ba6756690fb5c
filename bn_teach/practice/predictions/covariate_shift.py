"""The predictions of notebook 01."""

import numpy as np

from ... import look
from ...experiments.covariate_shift import AMOUNTS
from ..prediction import number, predict

LEARNT = 0.9  # what counts as a setting that learns, as in the picture of the remedies


def costliest_drift(drift):
    """``drift``: experiments.covariate_shift.input_drift()."""
    half = int(np.argmin(np.abs(AMOUNTS - 0.5)))
    choices = {
        "moved right": "all images move right by one pixel",
        "paper turns grey": "the paper turns 30 % grey",
        "ink fades": "45 % of the ink fades",
    }
    right = {kind: drift.accuracy[kind][half] for kind in choices}
    moved, grey, faded = choices.values()
    none = "all cost about the same"
    alike = max(right.values()) - min(right.values()) < 0.1
    words = ("moved by a pixel", "on grey paper", "with faded ink")
    shares = zip(map(look.percent, right.values()), words, strict=True)
    said = ", ".join(f"{share} {word}" for share, word in shares)
    return predict(
        "costliest-drift",
        "The images drift, but a 3 stays a 3: no label changes. Which of these costs the "
        "classifier most accuracy?",
        {
            moved: "Each pixel now holds what its left neighbour held before. Nothing is larger or "
            "darker than it was, but the ink is not where the classifier learnt it.",
            grey: "Of the three this makes the pixels' values largest. But shift is not size: the "
            "pattern of paper and ink is still where the classifier learnt it.",
            faded: "Every stroke gets fainter, but it is still where the classifier learnt it.",
            none: "That the labels stay says only that the rule stays. The classifier learnt it "
            "from images of one kind, and may fail on another.",
        },
        truth=none if alike else choices[min(right, key=right.get)],
        found=f"Measured: {look.percent(drift.accuracy['moved right'][0])} of the test images "
        f"right without drift; {said}.",
    )


def spread_of_layer_12(nets):
    """``nets``: experiments.covariate_shift.random_nets()."""
    row = int(np.argmin(np.abs(nets.gains - 2)))
    spread = nets.spread["relu"][row]
    return predict(
        "spread-of-the-last-layer",
        f"ReLU, gain 2. The inputs of layer 1 have a spread of {look.number(spread[0], 1)}. Which "
        f"spread have those of layer {len(spread)}?",
        number(
            within=12,
            low="The gain acts in every layer, and on what has grown already: the spread is "
            "multiplied again and again. Counting the gain once, or adding up, is too little.",
            high="The gain alone would double the spread from layer to layer. But a ReLU makes 0 "
            "of about half of the values, and so hands on less than it gets.",
            right="The gain multiplies by 2, but the ReLU in between makes 0 of about half of the "
            "values. The spread grows by a factor for each layer: less than 2, but well above 1.",
        ),
        truth=spread[-1],
        found=f"Measured: {look.number(spread[-1], 1)}. From layer to layer that is a factor of "
        f"{look.number((spread[-1] / spread[0]) ** (1 / (len(spread) - 1)))}.",
    )


def moving_median(moving):
    """``moving``: experiments.covariate_shift.moving_inputs()."""
    off, on = (moving.moved((bn, "small"))[-1].mean() for bn in ("off", "on"))
    choices = (
        "it stays, in both",
        "it moves, with BN far less",
        "it moves, with BN about as far",
        "it moves, with BN further",
    )
    stays, less, alike, further = choices
    if max(off, on) < 0.1:
        truth = stays
    else:
        truth = less if on < 0.5 * off else alike if on < 1.5 * off else further
    return predict(
        "median-in-training",
        "The 500 images never change. A unit of the last hidden layer gets 500 inputs from them. "
        "Small first weights: while the network learns, does the middle one (the median, 50th "
        "percentile) stay where it is? And with Batch Normalization (BN)?",
        {
            stays: "So it would be if the layers before stood still. But they learn, and make "
            "something else of the same image.",
            less: "The layers before learn, with Batch Normalization too. But it subtracts the "
            "mean of what they send, so a shift of all 500 inputs is taken out. Its own learnt "
            "shift remains.",
            alike: "The layers before learn in both networks. But Batch Normalization subtracts "
            "the mean of what they send: a shift of all 500 inputs is taken out.",
            further: "Batch Normalization does learn a scale and a shift of its own, and these may "
            "move the median. But a shift that comes from the layers before is taken out.",
        },
        truth=truth,
        found=f"Measured: the median moves over a range of {look.number(off)} without BN, of "
        f"{look.number(on)} with it (mean of all units and seeds).",
    )


def usual_weights(moving):
    """``moving``: experiments.covariate_shift.moving_inputs()."""
    both = ("small", "usual")
    moved = {weights: moving.moved(("off", weights))[-1].mean() for weights in both}
    score = {weights: moving.accuracy["off", weights][-1].mean() for weights in both}
    choices = {  # whether it learns better, whether its medians move further
        (True, False): "better, and its medians move less",
        (True, True): "better, and its medians move further",
        (False, False): "worse, and its medians move less",
        (False, True): "worse, and its medians move further",
    }
    cause, right, stiff, reverse = choices.values()
    return predict(
        "usual-first-weights",
        "The small first weights have standard deviation 0.1. Take 0.4 = 4/√100 (“usual”): it "
        "makes up for the slope of a sigmoid, which is at most ¼. Still no Batch Normalization. "
        "Compared with small weights, the network learns …",
        {
            cause: "This takes moving medians for the cause of bad training: then whatever learns "
            "better would have to move less. It need not.",
            right: "With the usual weights a unit's inputs differ far more from image to image, "
            "from the first step. The medians move all the same: that alone does not keep a "
            "network from learning.",
            stiff: "Larger weights do bring more inputs to where a sigmoid is flat. But they make "
            "up for its slope, too: the inputs differ far more from image to image.",
            reverse: "This takes moving medians for the cause of bad training: then more movement "
            "would have to mean worse learning. It need not.",
        },
        truth=choices[score["usual"] > score["small"], moved["usual"] > moved["small"]],
        found=f"Measured: {look.percent(score['small'])} right at the end with small first "
        f"weights, {look.percent(score['usual'])} with usual ones. The medians move by "
        f"{look.number(moved['small'])} and by {look.number(moved['usual'])}.",
    )


def settings_that_learn(run):
    """``run``: stored.load("trainability-map")."""
    good = {arm: int((paths[-1].mean(-1) >= LEARNT).sum()) for arm, paths in run.snapshots.items()}
    cells = len(run.settings["gains"]) * len(run.settings["lr"])
    seeds = len(run.settings["seed"])
    choices = {
        (cells / 2, cells): "about half without, nearly all with it",
        (cells / 3, cells / 3): "about a third, without and with it",
        (0, 2 * cells / 3): "next to none without, about two thirds with it",
        (0, cells): f"next to none without, all {cells} with it",
    }
    half, third, most, all_of_them = choices.values()
    measured = np.array([good["sigmoid/off"], good["sigmoid/on"]])
    return predict(
        "settings-that-learn",
        f"Six hidden layers of sigmoids: how many of the {cells} settings of gain and learning "
        "rate reach 90 %, without Batch Normalization and with it?",
        {
            half: "This trusts that a fair share of all choices is good enough. Six layers of "
            "sigmoids are harder to please.",
            third: "This expects Batch Normalization to help only what learns anyway. It lets "
            "settings learn that otherwise guess.",
            most: "Without it most settings only guess, and hardly any gets as far as 90 %. With "
            "it most do. Those that do not are mainly large weights at a small learning rate.",
            all_of_them: "This takes Batch Normalization for a guarantee. But a learning rate can "
            "still be too small for so few steps.",
        },
        truth=choices[min(choices, key=lambda pair: np.abs(measured - pair).sum())],
        found=f"Measured, by the mean of {seeds} seeds: {measured[0]} without, {measured[1]} with "
        f"it. With tanh {good['tanh/off']} and {good['tanh/on']}, with ReLU {good['relu/off']} "
        f"and {good['relu/on']}.",
    )

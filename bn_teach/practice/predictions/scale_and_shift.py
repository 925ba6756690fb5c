"""The predictions of notebook 04."""

import numpy as np
import torch

from ... import look
from ...batchnorm import BatchNorm2d
from ...experiments.scale_and_shift import SATURATED, batch_norm_train
from ..prediction import number, predict


def gamma_until_a_third(x_hat):
    """``x_hat`` (N,): one channel after normalising."""
    outer_third = np.quantile(np.abs(x_hat), 2 / 3)
    gamma = SATURATED / outer_third
    before, after = (np.mean(np.abs(scale * x_hat) > SATURATED) for scale in (1, gamma))
    begins, edge = look.number(outer_third), look.number(SATURATED)
    return predict(
        "gamma-until-a-third-saturates",
        f"With γ = 1 and β = 0, {look.percent(before, 1)} of this channel's {len(x_hat)} values "
        "saturate the sigmoid: its output is then below 5 % or above 95 %. To which γ must you "
        "raise it until a third of the values do?",
        number(
            within=0.25,
            low=f"Inputs beyond ±{edge} saturate, and two thirds of the values have |x̂| below "
            f"{begins}. Your γ leaves all of these, and more, inside.",
            high=f"Not only the far ends of the curve count as saturated: inputs beyond ±{edge} "
            f"do as well. The outer third has |x̂| above {begins} already, and your γ carries more "
            "than this third there.",
            right=f"The outer third of the values has |x̂| above {begins}. γ has to carry it to "
            f"±{edge}, where saturation begins.",
        ),
        truth=gamma,
        found=f"Measured: with γ = {look.number(gamma)}, {look.percent(after)} of the values "
        "saturate.",
    )


def pairs_in_a_cnn(n, c, h, w):
    """``n`` images with ``c`` channels of ``h`` by ``w`` places."""
    pairs = BatchNorm2d(c).gamma.numel()
    choices = {
        1: "1",
        c: f"{c}",
        c * h * w: f"{c} · {h * w} = {c * h * w}",
        n * c * h * w: f"{c} · {h * w} · {n} = {n * c * h * w:,}".replace(",", "\u202f"),
    }
    one, channels, places, images = choices.values()
    return predict(
        "pairs-in-a-cnn",
        f"A layer has {c} channels of {h} × {w} places, and the batch has {n} images. How many "
        "pairs of γ and β does the layer learn?",
        {
            one: "One pair would force the same spread and the same centre on every channel.",
            channels: "One for each channel: all its places share the pair, because the same "
            "filter made them, and so do all images.",
            places: "That makes each place a unit of its own, as in a fully connected layer. But "
            "the same filter made all places of a channel: they share one mean, and one pair.",
            images: "That counts numbers that pass through, not parameters. A larger batch "
            "would need more of them.",
        },
        truth=choices[min(choices, key=lambda count: abs(count - pairs))],
        found=f"Counted in a layer of {c} channels: {pairs} γ, and as many β.",
    )


def output_of_number_1(batch, larger):
    """``batch``: the numbers of one channel, of which the last one rises to ``larger``."""
    *others, last = batch
    x = torch.tensor([batch, [*others, larger]], dtype=torch.float64).T  # (N, 2): before, after
    before, after = batch_norm_train(x, torch.ones(2), torch.zeros(2))[0].tolist()
    distances = [look.number(value) for value in (x.mean(0) - x[0]).tolist()]
    spreads = [look.number(value) for value in x.std(0, correction=0).tolist()]
    choices = {-1: "it goes down", 0: "it stays", 1: "it goes up"}
    moved = after - before
    return predict(
        "output-of-number-1",
        f"The batch is {', '.join(f'{value:g}' for value in batch)}".replace("-", "−")
        + f"; γ = 1, β = 0. Number 1 stays as it is, and the last number grows from {last:g} to "
        f"{larger:g}. What does the output of number 1 do?",
        {
            "it stays": "So it would be if each number were normalised by itself. But all of them "
            "share one mean and one variance, and the last number moves both.",
            "it goes down": "Half of it: the mean rises, so number 1 lies further below. But the "
            "spread, by which this distance is divided, grows even more.",
            "it goes up": "All share mean and variance, so all outputs move. Number 1 lies further "
            "below the mean, but the spread, by which this distance is divided, grows even more.",
        },
        truth=choices[0 if abs(moved) < 0.005 else 1 if moved > 0 else -1],
        found=f"Computed: {look.number(before)} before, {look.number(after)} after. The mean lies "
        f"{distances[0]}, then {distances[1]} above number 1; the spread is {spreads[0]}, then "
        f"{spreads[1]}.",
    )


# Each choice of ``who_learns_xor``, and the arms that it names.
LEARNERS = {
    "all five": {"no BN", "neither", "gamma only", "beta only", "gamma and beta"},
    "all but “neither”": {"no BN", "gamma only", "beta only", "gamma and beta"},
    "no BN, γ only, both": {"no BN", "gamma only", "gamma and beta"},
    "no BN, β only, both": {"no BN", "beta only", "gamma and beta"},
    "no BN and both": {"no BN", "gamma and beta"},
}


def who_learns_xor(arms):
    """``arms``: experiments.scale_and_shift.xor_arms()."""
    scores = {arm: accuracy[-1].mean() for arm, accuracy in arms.accuracy.items()}
    # Half-way from 75 %, the most that is possible without beta (see xor_arms), to 100 %.
    learnt = {arm for arm, score in scores.items() if score > 0.875}
    said = ", ".join(f"{arm} {look.percent(score)}" for arm, score in scores.items())
    return predict(
        "who-learns-xor",
        "Which of these five learn XOR: no Batch Normalization (no BN), neither γ nor β, γ only, "
        "β only, both?",
        {
            "all five": "Eight units are plenty, but their curves must be able to leave the "
            "centre of the data. Without β they cannot: the mean is subtracted.",
            "all but “neither”": "γ makes a curve steeper or flatter, but leaves it where it is, "
            "on the centre of the data.",
            "no BN, γ only, both": "γ makes the curves steeper, but each stays on the centre of "
            "the data. XOR needs them elsewhere, and it is β that moves them.",
            "no BN, β only, both": "XOR needs curves off the centre of the data. β moves them "
            "there; without Batch Normalization the bias does.",
            "no BN and both": "With Batch Normalization β is what XOR needs: it moves the curves "
            "off the centre of the data. It does so without γ, too.",
        },
        truth=min(LEARNERS, key=lambda choice: len(LEARNERS[choice] ^ learnt)),
        found=f"Measured, accuracy as the mean of {len(arms.accuracy['neither'][-1])} seeds: "
        f"{said}.",
    )

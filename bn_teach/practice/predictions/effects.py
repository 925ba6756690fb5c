"""The predictions of notebook 08."""

import numpy as np

from ... import look
from ...experiments.effects import NETWORKS, STARTS, steps_to, target_of
from ...experiments.why import FACTORS
from ..prediction import number, predict


def fewer_steps(run):
    """``run``: the stored run "effects-speed"."""
    taken = _race(run)
    return predict(
        "times-fewer-steps",
        "Both networks learn at the same rate. To reach the baseline's best accuracy, how many "
        "times fewer steps does the one with BN need?",
        number(
            within=0.8,
            unit="times",
            low="Perhaps you think that BN helps only by bearing larger rates. But at the same "
            "rate, too, it saves more steps than that.",
            high="The paper's 14, if you have that in mind, is for a higher rate and six more "
            "changes. There BN alone took less than half of the baseline's steps.",
            right="So BN does not help by larger rates alone: here the rate is the same.",
        ),
        truth=taken["no BN"] / taken["BN"],
        found=f"Counted, the median of {_seeds(run)} seeds: {_steps(taken['no BN'])} without BN, "
        f"{_steps(taken['BN'])} with it.",
    )


def thirty_times_the_rate(run):
    """``run``: the stored run "effects-speed"."""
    taken = _race(run)
    rates = {"BN": "×1", "BN, rate ×5": "×5", "BN, rate ×15": "×15", "BN, rate ×30": "×30"}
    once, *_, thirty = (taken[arm] for arm in rates)
    truth = "never" if np.isinf(thirty) else "fewer" if thirty < once else "more"
    choices = {
        "fewer": "fewer than at ×1",
        "more": "more than at ×1, but it gets there",
        "never": "it never gets there",
    }
    measured = ", ".join(f"{name}: {_steps(taken[arm])}" for arm, name in rates.items())
    return predict(
        "thirty-times-the-rate",
        "And at 30 times the rate? The paper's network with BN did well there. How many steps does "
        "this one need?",
        {
            choices["fewer"]: "“The larger the rate, the faster” holds only up to some rate. BN "
            "raises this limit, but does not remove it.",
            choices["more"]: "There are such rates: too large to be the fastest, and still small "
            "enough to learn. Look at ×15.",
            choices["never"]: "BN bears larger rates than the network without it, but not any. "
            "Where the end lies depends on the network: the paper's learned at ×30.",
        },
        truth=choices[truth],
        found=f"Counted, the median of {_seeds(run)} seeds: {measured}.",
    )


def _race(run):
    """For each arm, how many steps its median seed takes to the best of "no BN"."""
    taken = np.median(steps_to(run, target_of(run)), axis=1)
    return dict(zip(run.settings["arms"], taken, strict=True))


def _seeds(run):
    return len(run.settings["seeds"])


def _steps(count):
    return "never" if np.isinf(count) else f"{look.number(count, 0)} steps"


def usual_first_weights(run):
    """``run``: the stored run "effects-rates"."""
    network = next(iter(NETWORKS))
    best = 100 * run.snapshots[network][-1].mean(axis=-1).max(axis=-1)  # (starts, 2), in points
    lead = {start: best[place, 1] - best[place, 0] for place, start in enumerate(STARTS)}
    choices = {1: "all of it", 0.5: "about half", 0: "almost nothing"}
    left = min(choices, key=lambda share: abs(share - lead[1] / lead[0.25]))
    small, usual = (
        "no BN {}, BN {}".format(*(look.percent(share / 100, 1) for share in best[place]))
        for place in (STARTS.index(0.25), STARTS.index(1))
    )
    return predict(
        "lead-of-bn",
        f"“{network}”: with first weights a quarter of the usual, BN is "
        f"{look.number(lead[0.25], 1)} points ahead at the end, each arm at its own best rate. How "
        "much of that lead is left with the usual weights?",
        {
            "all of it": "Then the start of the opponent would not matter. It does: compare “no "
            "BN” below.",
            "about half": "“A part will be the weights, a part BN.” How large each part is, “no "
            "BN” below says.",
            "almost nothing": "Nearly all of the lead came from a badly started opponent. Early "
            "in training, and in the deeper network, look for yourself.",
        },
        truth=choices[left],
        found=f"Measured, a quarter of the usual weights: {small}; the usual: {usual}, a lead of "
        f"{look.number(lead[1], 1)} points.",
    )


def few_images(run, few=100, many=500):
    """``run``: the stored run "effects-regularisation"."""
    sizes, arms = run.settings["sizes"], run.settings["arms"]
    points = 100 * run.snapshots["test"]  # (sizes, A, S)
    gains = points[:, arms.index(50)] - points[:, arms.index("no BN")]
    mean = dict(zip(sizes, gains.mean(axis=1), strict=True))
    mine = gains[sizes.index(few)]
    error = mine.std(ddof=1) / np.sqrt(len(mine))
    choices = {
        5: "gains about 5 points",
        1: "gains about 1 point",
        0: "makes no difference",
        -1: "loses about 1 point",
    }
    most = look.number(max(mean.values()), 1)
    others = ", ".join(
        f"{size} images {look.number(gain)}" for size, gain in mean.items() if size != few
    )
    return predict(
        "few-images",
        f"With {many} training images and m = 50, BN gains {look.number(mean[many], 1)} points on "
        f"new images. With {few} training images it ...",
        {
            choices[5]: "“BN regularises, so it helps most where images are few.” But of the four "
            f"sizes even the best gains only {most} points.",
            choices[1]: f"As with {many} images: so it would be if their number did not matter.",
            choices[0]: "A gain that shrinks with the number of images need not stop at 0.",
            choices[-1]: "So BN does not help more where images are fewer. Why it loses, this "
            "does not say.",
        },
        truth=choices[min(choices, key=lambda gain: abs(gain - mean[few]))],
        found=f"Measured: {look.number(mean[few])} ± {look.number(error)} points (mean ± standard "
        f"error); {(mine > 0).sum()} of {len(mine)} seeds gain. Others: {others}.",
    )


def noise_after_bn(run, goal=0.95):
    """``run``: the stored run "effects-noisy"."""
    arms, accuracy = run.settings["arms"], run.snapshots["accuracy"].astype(float)  # (K, A, S)
    reached = accuracy > goal - 1e-6  # rounded as they may be
    taken = np.where(reached.any(axis=0), run.steps[reached.argmax(axis=0)], np.inf)
    median = dict(zip(arms, np.median(taken, axis=1), strict=True))
    never = dict(zip(arms, np.isinf(taken).sum(axis=1), strict=True))
    speed = {arm: 1 / steps for arm, steps in median.items()}  # 0: never
    speed["halfway between BN and no BN"] = (speed["BN"] + speed["no BN"]) / 2
    noisy = speed.pop("BN + noise")
    measured = ", ".join(
        f"{arm} never for {never[arm]} of them" if np.isinf(steps) else f"{arm} {_steps(steps)}"
        for arm, steps in median.items()
    )
    return predict(
        "noise-after-bn",
        f"Five tanh layers learn the digits (stored run). To get {look.percent(goal)} of the test "
        "images right, BN + noise takes about as many steps as ...",
        {
            "BN": "The shift is back, and little or nothing of the speed is lost. So here BN does "
            "not need steady inputs to be fast.",
            "halfway between BN and no BN": "So it would be if steady inputs were one part of the "
            "reason for BN's speed.",
            "no BN": "“The shift is back, so the advantage is gone”: that would follow from the "
            "paper's title. This is the test of it.",
            "no BN + noise": "So it would be if noise alone decided how fast a network learns. It "
            "does slow the network without BN.",
        },
        truth=min(speed, key=lambda arm: abs(speed[arm] - noisy)),
        found=f"Counted, the median of {_seeds(run)} seeds: {measured}.",
    )


def eight_times_the_weights(found, a=8):
    """``found``: experiments.why.scaled()."""
    once, times = (list(FACTORS).index(factor) for factor in (1, a))
    ratios = {
        arm: (
            scaled.loss[times] / scaled.loss[once],
            scaled.gradient[times] / scaled.gradient[once],
        )
        for arm, scaled in found.items()
    }
    choices = {
        f"both ×\u202f{a}": (a, a),
        "both stay": (1, 1),
        f"loss stays, gradient ×\u202f{a}": (1, a),
        f"loss stays, gradient ÷\u202f{a}": (1, 1 / a),
    }
    both, neither, larger, smaller = choices
    return predict(
        "eight-times-the-weights",
        f"BN stands behind the layer, whose weights W become {a} W. What happens to the loss, and "
        "to its gradient with respect to these weights?",
        {
            both: "The outputs of the layer do grow. But BN divides by their spread, which grows "
            "as much.",
            neither: "Only the direction of W counts for the loss. But longer weights have to go a "
            "longer way to change it as much.",
            larger: "Larger outputs, so a larger gradient? BN divides the outputs by their spread, "
            "and so the chain rule divides by it, too.",
            smaller: f"BN divides by a spread that is {a} times as large, and so does the chain "
            "rule.",
        },
        truth=min(choices, key=lambda choice: _distance(choices[choice], ratios["BN"])),
        found="Computed with BN: loss {}, gradient {}. Without BN: {} and {}.".format(
            *(f"×\u202f{look.number(ratio, 3)}" for arm in ("BN", "no BN") for ratio in ratios[arm])
        ),
    )


def _distance(one, other):
    """Between two pairs of ratios: twice and half as large are equally far from 1."""
    return np.abs(np.log(one) - np.log(other)).sum()

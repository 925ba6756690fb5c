"""The predictions of notebook 03: each truth against an independent calculation."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bn_teach import stored
from bn_teach.datasets import load_digits
from bn_teach.experiments import sigmoid_saturation as experiments
from bn_teach.practice.predictions import sigmoid_saturation as predictions
from tests.practice.asked import explained


def slope(z):
    return 1 / (2 + math.exp(z) + math.exp(-z))


def test_steepest(monkeypatch):
    prediction = predictions.steepest()
    assert max(slope(k / 10) for k in range(-80, 81)) == 0.25
    assert prediction._truth == "¼"
    assert "0.250, at z = 0.00" in prediction._found
    assert explained(prediction)
    monkeypatch.setattr(torch, "sigmoid", torch.tanh)
    assert predictions.steepest()._truth == "1"
    monkeypatch.setattr(torch, "sigmoid", lambda z: torch.tanh(z / 2))
    assert predictions.steepest()._truth == "½"


def test_flatter_inputs():
    prediction = predictions.flatter_inputs()
    noise = np.random.default_rng(0).standard_normal(100_000)
    shifted, wide = (
        np.mean([slope(z) for z in mean + spread * noise]) for mean, spread in ((4, 1), (0, 4))
    )
    assert shifted < 0.5 * wide
    assert prediction._truth == "mean 4, spread 1"
    assert f"{shifted:.3f} with mean 4" in prediction._found
    assert f"{wide:.3f} with mean 0" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize(
    ("shifted", "wide", "truth"),
    [((1, 1), (0, 4), "mean 0, spread 4"), ((0.1, 1), (0, 1), "both the same")],
)
def test_other_inputs_may_be_flatter(shifted, wide, truth):
    assert predictions.flatter_inputs(shifted, wide)._truth == truth


def test_vanishing():
    prediction = predictions.vanishing(experiments.probe())
    # Another way: the layers by hand, other random weights, all in float64.
    generator = torch.Generator().manual_seed(7)
    data = load_digits()
    outputs = torch.tensor(data.train_images[:256]).double().flatten(1)
    weights, saturated = [], []
    for _ in range(8):
        n = outputs.shape[1]
        weight = torch.randn(n, 100, generator=generator, dtype=torch.float64) / n**0.5
        weights.append(weight.requires_grad_())
        outputs = torch.sigmoid(outputs @ weight)
        saturated.append(((outputs < 0.05) | (outputs > 0.95)).double().mean().item())
    last = torch.randn(100, 10, generator=generator, dtype=torch.float64) / 10
    labels = torch.tensor(data.train_labels[:256]).long()
    torch.nn.functional.cross_entropy(outputs @ last, labels).backward()
    assert (weights[7].grad.norm() / weights[0].grad.norm()).item() > 1e4
    assert max(saturated) < 0.01
    assert prediction._truth == "nearly none; over 10 000 times"
    assert "0\u202f% saturated" in prediction._found
    assert "\u202f000 times smaller" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize("flat", [0.01, 0.6])
@pytest.mark.parametrize("times", [20, 50_000])
def test_it_may_vanish_otherwise(flat, times):
    shape = (len(experiments.DEPTHS), len(experiments.GAINS), 3, 8)
    gradient = np.geomspace(1, times, 8) * np.ones(shape)
    probe = experiments.Probe(gradient, np.full(shape, flat))
    share = "nearly none" if flat < 0.1 else "half"
    factor = "10 times" if times < 100 else "over 10 000 times"
    assert predictions.vanishing({("sigmoid", "off"): probe})._truth == f"{share}; {factor}"


def test_who_learns():
    runs = experiments.four_networks(progress=False)
    prediction = predictions.who_learns(runs)
    ends = {name: run.snapshots["accuracy"][-1] for name, run in runs.items()}
    learnt = {name for name, scores in ends.items() if (scores >= 0.9).all()}
    assert learnt == {"tanh, gain 1", "tanh, gain 2"}
    assert all((scores < 0.7).all() for name, scores in ends.items() if name not in learnt)
    assert prediction._truth == "tanh with gain 1 and tanh with gain 2"
    for name, scores in ends.items():
        assert f"{100 * scores.mean():.0f}\u202f% ({name})" in prediction._found
    assert "under 1\u202f% (sigmoid, gain 1), under 1\u202f% (tanh, gain 1)" in prediction._question
    assert explained(prediction)


@pytest.mark.parametrize("choice", predictions.LEARNERS)
def test_others_may_learn(choice):
    named = predictions.LEARNERS[choice]
    assert named <= set(experiments.FOUR)
    runs = {
        name: SimpleNamespace(
            snapshots={
                "saturated": np.full((2, 3), 0.3),
                "accuracy": np.array([[0.1] * 3, [0.95 if name in named else 0.2] * 3]),
            }
        )
        for name in experiments.FOUR
    }
    assert predictions.who_learns(runs)._truth == choice


def test_straight_stack():
    found = experiments.straightness(seeds=(0,))
    prediction = predictions.straight_stack(found)
    # Another way: layers by hand, the linear map by numpy's least squares, another seed.
    noise = np.random.default_rng(5)
    data = load_digits()
    images = np.concatenate([data.train_images, data.test_images]).reshape(-1, 64).astype(float)
    outputs = images
    for _ in range(8):
        z = outputs @ noise.standard_normal((outputs.shape[1], 100))
        outputs = 1 / (1 + np.exp(-(z - z.mean(0)) / z.std(0)))
    design = np.c_[images, np.ones(len(images))]
    fitted = np.linalg.lstsq(design[:1297], outputs[:1297], rcond=1e-6)[0]
    truth = outputs[1297:]
    error = ((design[1297:] @ fitted - truth) ** 2).sum() / ((truth - truth.mean(0)) ** 2).sum()
    assert prediction._truth == pytest.approx(100 * (1 - error), abs=4)
    assert 80 < prediction._truth < 91
    assert f"{prediction._truth:.0f}\u202f% for 8" in prediction._found
    assert explained(prediction)
    bent = replace(found, r2=found.r2 / 2)
    assert predictions.straight_stack(bent)._truth == pytest.approx(prediction._truth / 2)


def test_points_of_fixed_gamma():
    run = stored.load("fixed-scale")
    prediction = predictions.points_of_fixed_gamma(run)
    accuracy = {}
    for arm in ("linear", "1/1", "1/learnt"):
        scores, losses = (
            run.snapshots[f"jittered digits/{arm}/{what}"][0] for what in ("accuracy", "loss")
        )
        accuracy[arm] = 100 * scores[min(range(3), key=lambda k: losses[k].sum())].mean()
    assert prediction._truth == pytest.approx(accuracy["1/1"] - accuracy["linear"], abs=1e-4)
    assert -2 < prediction._truth < 3
    assert accuracy["1/learnt"] > accuracy["linear"] + 15
    for score in accuracy.values():
        assert f"{score:.1f}\u202f%" in prediction._found
    assert explained(prediction)


def test_fixed_gamma_may_do_better():
    run = stored.load("fixed-scale")
    key = "jittered digits/1/1/accuracy"
    better = replace(run, snapshots={**run.snapshots, key: run.snapshots[key] + 0.1})
    truth = predictions.points_of_fixed_gamma(run)._truth
    assert predictions.points_of_fixed_gamma(better)._truth == pytest.approx(truth + 10, abs=1e-3)

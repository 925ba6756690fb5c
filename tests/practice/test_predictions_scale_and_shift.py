"""The predictions of notebook 04: each truth against an independent calculation."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bn_teach.demos import scale_and_shift as demos
from bn_teach.experiments import scale_and_shift as experiments
from bn_teach.practice.predictions import scale_and_shift as predictions
from tests.practice.asked import explained

FOUR = [-1.0, 1.0, 2.0, 4.0]


@pytest.fixture(scope="module")
def x_hat():
    layer, channel = demos.busiest_channel(experiments.digits_net(progress=False))
    return layer.normalized[-1][:, channel]


def test_gamma_until_a_third_saturates(x_hat):
    prediction = predictions.gamma_until_a_third(x_hat)
    z = torch.tensor(x_hat)
    for gamma, more in ((prediction._truth - 0.02, False), (prediction._truth + 0.02, True)):
        output = torch.sigmoid(gamma * z)
        share = ((output < 0.05) | (output > 0.95)).double().mean().item()
        assert (share > 1 / 3) == more
        assert share == pytest.approx(1 / 3, abs=0.02)
    assert f"γ = {prediction._truth:.2f}, 33" in prediction._found
    assert explained(prediction)


def test_gamma_follows_the_values(x_hat):
    """Values twice as far out need half of the γ; of a bell curve a third lies beyond 0.967."""
    truth = predictions.gamma_until_a_third(x_hat)._truth
    assert predictions.gamma_until_a_third(2 * x_hat)._truth == pytest.approx(truth / 2)
    bell = np.random.default_rng(0).standard_normal(100_000)
    assert predictions.gamma_until_a_third(bell)._truth == pytest.approx(2.944 / 0.967, abs=0.02)


def test_pairs_in_a_cnn(monkeypatch):
    prediction = predictions.pairs_in_a_cnn(100, 24, 4, 4)
    assert prediction._truth == str(torch.nn.BatchNorm2d(24).weight.numel()) == "24"
    assert "24 γ" in prediction._found
    assert explained(prediction)

    def with_pairs(count):
        monkeypatch.setattr(
            predictions, "BatchNorm2d", lambda c: SimpleNamespace(gamma=torch.ones(count))
        )
        return predictions.pairs_in_a_cnn(100, 24, 4, 4)._truth

    assert with_pairs(1) == "1"
    assert with_pairs(384) == "24 · 16 = 384"
    assert with_pairs(38400) == "24 · 16 · 100 = 38\u202f400"


def test_output_of_number_1():
    prediction = predictions.output_of_number_1(FOUR, larger=6.0)
    before, after = (
        torch.nn.BatchNorm1d(1)(torch.tensor([[-1.0], [1.0], [2.0], [last]]))[0].item()
        for last in (4.0, 6.0)
    )
    assert after > before + 0.1
    assert prediction._truth == "it goes up"
    for number in (before, after, 2.5, 3, 3.25**0.5, 6.5**0.5):
        assert f"{number:.2f}".replace("-", "−") in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize(
    ("batch", "larger", "truth"),
    [([-1.0, 1.0, 2.0, -4.0], -3.0, "it goes down"), ([-1.0, -1.0, -1.0, 4.0], 6.0, "it stays")],
)
def test_number_1_may_also_sink_or_stay(batch, larger, truth):
    """Three equal numbers and one above them come out the same, however far above it is."""
    assert predictions.output_of_number_1(batch, larger)._truth == truth


def test_who_learns_xor():
    arms = experiments.xor_arms(progress=False)
    prediction = predictions.who_learns_xor(arms)
    learnt = {arm for arm, score in arms.accuracy.items() if (score[-1] > 0.9).all()}
    assert learnt == {"no BN", "beta only", "gamma and beta"}
    assert prediction._truth == "no BN, β only, both"
    for arm, score in arms.accuracy.items():
        assert f"{arm} {100 * score[-1].mean():.0f}\u202f%" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize("choice", predictions.LEARNERS)
def test_another_outcome_of_xor_is_another_answer(choice):
    named = predictions.LEARNERS[choice]
    arms = {arm: 0.99 if arm in named else 0.5 for arm in ("no BN", *experiments.ARMS)}
    assert truth_of(arms) == choice
    assert named <= set(arms)


def test_an_outcome_of_xor_that_is_no_choice_is_the_nearest_one():
    scores = {"no BN": 0.8, "neither": 0.5, "gamma only": 0.5, "beta only": 1, "gamma and beta": 1}
    assert truth_of(scores) == "no BN, β only, both"


def truth_of(scores):
    accuracy = {arm: np.array([[0.5, 0.5], [score, score]]) for arm, score in scores.items()}
    return predictions.who_learns_xor(SimpleNamespace(accuracy=accuracy))._truth

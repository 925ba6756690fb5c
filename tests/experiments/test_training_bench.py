"""The training bench: what it refuses, what it trains, and what of it is stored."""

import dataclasses
import math
from itertools import islice

import numpy as np
import pytest
import torch
from torch import nn

from bn_teach import models
from bn_teach.datasets import load_jittered_digits
from bn_teach.experiments import training_bench as experiment
from bn_teach.experiments.training_bench import Settings, Trial
from bn_teach.train import accuracy, as_tensors, train


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(experiment, "STEPS", 25)


def trained(settings, steps=None):
    """The run of a trial, to its end or for so many steps."""
    trial = Trial(settings)
    for _ in islice(trial, steps):
        pass
    return trial.run()


def train_instead(settings, steps):
    """The same by the course's one training loop."""
    digits = load_jittered_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    x_test, y_test = as_tensors(digits.test_images, digits.test_labels, flat=True)
    s = settings
    net = models.mlp(
        [256, *[s.width] * s.depth, 10],
        norm=s.norm,
        activation=s.activation,
        gain=s.gain,
        seed=s.seed,
    )
    return train(
        net,
        x,
        y,
        steps=steps,
        lr=s.lr,
        batch_size=s.batch_size,
        seed=s.seed,
        watch=lambda model: {"test_accuracy": accuracy(model, x_test, y_test)},
        watch_at=[*range(0, steps, 10), steps],
        progress=False,
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"norm": "batch", "batch_size": 1}, "mean of a single value is that value"),
        ({"norm": "group", "width": 50}, "50 cannot be divided by 4"),
        ({"norm": "group", "width": 4}, "mean of a single unit"),
        ({"norm": "layer", "width": 1}, "mean of a single unit"),
        ({"norm": "instance"}, "no norm 'instance'"),
        ({"activation": "gelu"}, "no activation 'gelu'"),
        ({"batch_size": 4001}, "no more to train on"),
        ({"batch_size": 0}, "batch size of 0"),
        ({"batch_size": 2.5}, "batch size of 2.5"),
        ({"depth": 13}, "1 to 12 hidden layers"),
        ({"width": 0}, "width of 0"),
        ({"lr": 0.0}, "above 0"),
        ({"lr": math.nan}, "above 0"),
        ({"gain": -1.0}, "gain of -1.0"),
        ({"gain": math.inf}, "above 0"),
    ],
    ids=str,
)
def test_nonsense_is_refused_with_a_sentence(settings, words):
    refusal = Settings(**settings).refusal()
    assert words in refusal
    assert refusal.endswith(".") and refusal[0].isupper()
    with pytest.raises(ValueError, match="."):
        Trial(Settings(**settings))


@pytest.mark.parametrize("norm", [None, "batch", "layer", "group"])
def test_what_makes_sense_is_not_refused(norm):
    assert Settings(norm=norm).refusal() is None
    assert Settings(norm=norm, batch_size=2, width=8, depth=1, gain=0.1).refusal() is None
    assert (Settings(norm=norm, batch_size=1).refusal() is None) == (norm != "batch")
    assert Settings(norm=norm, batch_size=4000, depth=12, width=256).refusal() is None


def test_the_sentences_know_the_data_and_the_groups():
    digits = load_jittered_digits()
    assert digits.train_images.shape == (experiment.IMAGES, 16, 16)
    assert experiment.PIXELS == 16 * 16
    assert len(np.unique(digits.train_labels)) == experiment.CLASSES
    net = models.mlp([4, 8, 2], norm="group")
    assert net.norm1.num_groups == experiment.GROUPS


@pytest.mark.parametrize("norm", [None, "batch", "layer", "group"])
def test_a_trial_is_the_courses_training_step_by_step(norm, short):
    settings = Settings(norm=norm, depth=3, width=16, lr=0.2, seed=2)
    run, other = trained(settings), train_instead(settings, 25)
    assert run.settings == dataclasses.asdict(settings) | {"end": "finished"}
    assert np.array_equal(run.curves["loss"], other.curves["loss"])
    assert run.steps.tolist() == other.steps.tolist() == [0, 10, 20, 25]
    assert np.array_equal(run.snapshots["test_accuracy"], other.snapshots["test_accuracy"])


def test_a_trial_is_stochastic_gradient_descent_of_torch(short):
    """Against torch's own layers, loss and optimiser."""
    settings = Settings(norm="batch", depth=1, width=16, lr=0.3, batch_size=50)
    digits = load_jittered_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    ours = models.mlp([256, 16, 10], norm="batch", seed=1)
    net = nn.Sequential(
        nn.Linear(256, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 10)
    )
    with torch.no_grad():
        net[0].weight.copy_(ours.linear1.weight)
        net[3].weight.copy_(ours.output.weight)
        net[3].bias.zero_()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.3)
    order = np.random.default_rng(1).permutation(4000)
    losses = []
    for step in range(10):
        batch = order[50 * step : 50 * (step + 1)]
        loss = nn.functional.cross_entropy(net(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.allclose(trained(settings, 10).curves["loss"], losses, rtol=1e-4)


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(short):
    once, again, other = (trained(Settings(depth=2, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(once.curves["loss"], again.curves["loss"])
    assert not np.array_equal(once.curves["loss"], other.curves["loss"])


def test_what_is_stopped_is_the_beginning_of_the_whole(short):
    settings = Settings(depth=2)
    part, whole = trained(settings, 13), trained(settings)
    assert part.settings["end"] == "stopped"
    assert np.array_equal(part.curves["loss"], whole.curves["loss"][:13])
    assert part.steps.tolist() == [0, 10, 13]
    assert np.array_equal(
        part.snapshots["test_accuracy"], train_instead(settings, 13).snapshots["test_accuracy"]
    )


def test_to_look_at_a_trial_does_not_change_it(short):
    settings = Settings(depth=2)
    trial = Trial(settings)
    for _ in trial:
        trial.run()
    assert np.array_equal(trial.run().curves["loss"], trained(settings).curves["loss"])


def test_a_trial_that_diverges_ends_there():
    run = trained(Settings(norm=None, lr=30.0))
    loss = run.curves["loss"]
    assert run.settings["end"] == "diverged"
    assert len(loss) < 50
    assert np.isfinite(loss[:-1]).all() and not np.isfinite(loss[-1])
    assert run.steps.max() < len(loss)
    steps, values = experiment.accuracy_curve(run)
    assert steps[-1] == len(loss) and values[-1] == values[-2]
    steps, means = experiment.loss_curve(run, limits=(0.03, 30))
    assert steps[-1] == len(loss) and means[-1] == 30


def test_the_curve_of_the_loss_is_a_mean_over_ten_steps(short):
    run = trained(Settings(depth=2))
    loss = run.curves["loss"]
    steps, means = experiment.loss_curve(run)
    assert steps.tolist() == [10, 20, 25]
    assert np.allclose(means, [loss[:10].mean(), loss[10:20].mean(), loss[15:].mean()])
    run.curves["loss"][-1] = np.nan
    assert experiment.loss_curve(run, limits=(0.03, 30))[1][-1] == 30


def test_the_number_of_threads_is_put_back_between_two_steps(short):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for _ in Trial(Settings(depth=1)):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_stored_examples_are_what_the_settings_give():
    """Other processors differ in the last digits, which training amplifies: compare roughly."""
    stored = experiment.stored_examples()
    assert list(stored) == ["stored A", "stored B", "stored C"]
    for (name, settings), run in zip(experiment.EXAMPLES.items(), stored.values(), strict=True):
        assert run.settings == dataclasses.asdict(settings) | {"end": run.settings["end"]}, name
        early = trained(settings, 4)
        assert np.allclose(run.curves["loss"][:3], early.curves["loss"][:3], rtol=1e-2)
    ends = {name: run.settings["end"] for name, run in stored.items()}
    assert ends == {"stored A": "finished", "stored B": "finished", "stored C": "diverged"}
    a, b = (stored[name].snapshots["test_accuracy"][-1] for name in ("stored A", "stored B"))
    assert b > a + 0.1


def test_batch_normalization_wins_at_the_start_settings_with_another_seed_too():
    """The comparison that the picture begins with is no accident of its seed."""
    without, with_bn = (
        trained(Settings(norm=norm, seed=2)).snapshots["test_accuracy"][-1]
        for norm in (None, "batch")
    )
    assert with_bn > without + 0.05

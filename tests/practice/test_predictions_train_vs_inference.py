"""The predictions of notebook 05: each truth against an independent calculation."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from bn_teach.experiments import running_statistics
from bn_teach.experiments import train_vs_inference as experiments
from bn_teach.practice.predictions import train_vs_inference as predictions
from tests.practice.asked import explained

NUMBERS = ("low", "high", "right")


@pytest.fixture(scope="module")
def net():
    return experiments.digits_net(progress=False)


@pytest.fixture(scope="module")
def company(net):
    return experiments.neighbours(net, image=3, sizes=(8,))


@pytest.fixture(scope="module")
def switches(net):
    return experiments.two_switches(net, passes=3)


@pytest.fixture(scope="module")
def averages():
    return running_statistics.moving_averages(8, seeds=range(2), progress=False)


@pytest.fixture(scope="module")
def own():
    return experiments.batch_sizes(seeds=range(2), sizes=(2, 64), progress=False)


def test_neighbours(net, company):
    prediction = predictions.neighbours(company)
    wrong = 0
    for images in company.images[8]:
        model = copy.deepcopy(net.model).train()
        answers = model(torch.tensor(images).flatten(1)).argmax(1)
        wrong += answers[0].item() != net.y_test[3].item()
    assert wrong > 2
    assert prediction._truth == "more"
    assert f"{wrong} of 20 in training mode, 0 of 20" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize(("wrong", "truth"), [(0, "none"), (1, "one or two"), (2, "one or two")])
def test_neighbours_that_hardly_matter(company, wrong, truth):
    answers = np.full(20, company.label)
    answers[:wrong] += 1
    doctored = replace(company, training={8: np.eye(10)[answers]})
    assert predictions.neighbours(doctored)._truth == truth


def test_half_way(averages):
    """Against the rule itself, for each step from the batches' means."""
    prediction = predictions.half_way(averages)
    channel = np.abs(averages.truth["mean"][-1]).argmax()
    running, far = 0.0, []
    for mean in averages.batch["mean"][:, channel]:
        running += 0.01 * (mean - running)
        far.append(running)
    share = np.array(far)[9::10] / averages.truth["mean"][1:, channel]
    before, after = (averages.steps[1:][share < 0.5].max(), averages.steps[1:][share >= 0.5].min())
    assert after - before == 10
    assert before <= prediction._truth <= after
    assert "Batches of 64, the network's second norm" in prediction._question
    assert "would be 69, since 0.99 to the power of 69" in prediction._found
    assert 0.99**69 == pytest.approx(0.5, abs=0.001)
    assert explained(prediction)


def test_half_way_of_a_truth_that_stands_still(averages):
    still = np.full_like(averages.truth["mean"], 2.0)
    for momentum, steps in ((0.01, 69), (0.03, 23)):
        rows = 2.0 * (1 - (1 - momentum) ** averages.steps)[:, None] * np.ones(still.shape[1])
        doctored = replace(averages, truth={"mean": still}, running={str(momentum): {"mean": rows}})
        prediction = predictions.half_way(doctored, momentum)
        assert prediction._truth == pytest.approx(steps, abs=1)
        if momentum == 0.01:  # the known mistake, 0.5 / 0.01 = 50, is not taken for right
            assert prediction._truth - prediction._number["within"] > 50


def test_worst_momentum(averages):
    prediction = predictions.worst_momentum(averages)
    errors = {name: np.mean(1 - averages.accuracy[name][-1]) for name in ("0.01", "0.1", "0.9")}
    assert prediction._truth == max((error, name) for name, error in errors.items())[1]
    for name, error in errors.items():
        assert f"{100 * error:.1f}\u202f% with {name}" in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize("worst", ["0.01", "0.1", "0.9"])
def test_worst_momentum_follows_the_errors(averages, worst):
    shares = {name: np.array([[0.9, 0.9]]) for name in ("0.01", "0.1", "0.9")}
    doctored = replace(averages, accuracy=shares | {worst: np.array([[0.8, 0.9]])})
    prediction = predictions.worst_momentum(doctored)
    assert prediction._truth == worst
    assert f"15.0\u202f% with {worst}" in prediction._found


def test_sorted_batches(net, own):
    prediction = predictions.sorted_batches(own)
    shares = [_share_right_in_sorted_batches(seed) for seed in range(2)]
    assert np.mean(own.accuracy["sorted by class"][1]) == pytest.approx(np.mean(shares))
    assert 0.25 < np.mean(shares) < 0.575
    assert prediction._truth == "40\u202f%"
    assert f"{100 * np.mean(shares):.0f}\u202f% if sorted" in prediction._found
    assert explained(prediction)


def _share_right_in_sorted_batches(seed):
    """With torch's batch norm and nothing kept: each batch of 64 by itself."""
    net = experiments.digits_net(seed, progress=False)
    order = net.y_test.sort(stable=True).indices
    right, model = 0, net.model
    with torch.no_grad():
        for rows in order.split(64):
            z = net.x_test[rows]
            for linear, norm in ((model.linear1, model.norm1), (model.linear2, model.norm2)):
                z = torch.nn.functional.batch_norm(
                    linear(z), None, None, norm.weight, norm.bias, training=True, eps=norm.eps
                ).relu()
            right += (model.output(z).argmax(1) == net.y_test[rows]).sum().item()
    return right / len(order)


@pytest.mark.parametrize(
    ("share", "truth"),
    [(0.1, "10\u202f%"), (0.7, "75\u202f%"), (0.95, "as many as before")],
)
def test_sorted_batches_of_other_networks(own, share, truth):
    shares = np.full((2, 2), share)
    doctored = replace(own, accuracy=own.accuracy | {"sorted by class": shares})
    assert predictions.sorted_batches(doctored)._truth == truth


def test_moving_buffers(net, switches):
    prediction = predictions.moving_buffers(switches)
    moved = []
    for mode, gradients in switches:
        model = copy.deepcopy(net.model).train(mode)
        with torch.set_grad_enabled(gradients):
            for _ in range(3):
                model(net.x_test[net.y_test == 4])
        moved.append((model.norm1.running_mean - net.model.norm1.running_mean).abs().max().item())
    assert [far > 0 for far in moved] == [mode for mode, _ in switches]
    assert prediction._truth == "train(), with gradients or without"
    for said in ("After 3 passes", f"gradients {moved[0]:.2f}", "eval() under no_grad 0.00"):
        assert said in prediction._found
    assert explained(prediction)


@pytest.mark.parametrize(
    ("moving", "truth"),
    [
        ([(True, True)], "only train() with gradients"),
        ([(True, True), (False, True)], "with gradients, in train() or in eval()"),
        ([(True, True), (True, False), (False, True), (False, False)], "all four"),
    ],
)
def test_moving_buffers_of_other_layers(switches, moving, truth):
    still = {s: replace(state, running_mean=np.zeros((4, 100))) for s, state in switches.items()}
    move = {s: replace(still[s], running_mean=np.eye(4, 100)) for s in moving}
    assert predictions.moving_buffers(still | move)._truth == truth

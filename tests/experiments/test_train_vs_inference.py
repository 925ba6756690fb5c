"""What notebook 05 says about the modes, measured again with torch's own layers."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from bn_teach.experiments import train_vs_inference as experiments
from bn_teach.train import accuracy


@pytest.fixture(scope="module")
def net():
    return experiments.digits_net(progress=False)


@pytest.fixture(scope="module")
def found(net):
    return experiments.neighbours(net, 3)


@pytest.fixture(scope="module")
def own():
    return experiments.batch_sizes(seeds=range(3), progress=False)


@pytest.fixture(scope="module")
def switched(net):
    return experiments.two_switches(net, passes=15)


def with_torchs_layers(model):
    """The same network, values and all, made of torch.nn alone."""
    twin = nn.Sequential(
        nn.Linear(64, 100, bias=False),
        nn.BatchNorm1d(100),
        nn.ReLU(),
        nn.Linear(100, 100, bias=False),
        nn.BatchNorm1d(100),
        nn.ReLU(),
        nn.Linear(100, 10),
    )
    twin.load_state_dict(dict(zip(twin.state_dict(), model.state_dict().values(), strict=True)))
    return twin


def probabilities(twin, batch):
    with torch.no_grad():
        return twin(torch.tensor(batch).flatten(1)).softmax(1).numpy()


def test_the_network_is_good_and_left_in_evaluation_mode(net):
    assert not net.model.training
    assert accuracy(net.model, net.x_test, net.y_test) > 0.96
    assert net.run.curves["loss"].shape == (300,)


def test_the_image_stands_first_in_every_batch_and_only_there(net, found):
    for m, images in found.images.items():
        assert images.shape == (20, m, 8, 8)
        rows = images.reshape(20, m, 64)
        assert (rows[:, 0] == net.x_test[3].numpy()).all()
        assert not (rows[:, 1:] == rows[:, :1]).all(axis=2).any()
    assert found.label == net.y_test[3]


@pytest.mark.parametrize("m", [2, 8, 64])
def test_probabilities_are_those_of_torchs_layers_in_the_same_mode(m, net, found):
    for b in (0, 7, 19):
        twin = with_torchs_layers(net.model)  # anew: training mode moves its buffers
        in_training = probabilities(twin.train(), found.images[m][b])[0]
        assert np.allclose(found.training[m][b], in_training, atol=1e-4)
        in_evaluation = probabilities(with_torchs_layers(net.model).eval(), found.images[m][b])[0]
        assert np.allclose(found.evaluation[m][b], in_evaluation, atol=1e-5)


def test_neighbours_move_the_prediction_in_training_mode_alone_and_less_in_large_batches(found):
    spread = [found.training[m][:, found.label].std() for m in (2, 8, 64)]
    assert spread[0] > 0.1 and spread[1] > 0.1
    assert spread[2] < 0.1
    assert max(np.ptp(p, axis=0).max() for p in found.evaluation.values()) < 1e-5
    assert (found.training[8].argmax(1) != found.label).sum() >= 3  # "more than two of twenty"


def test_looking_at_neighbours_leaves_the_model_as_it_was(net):
    before = copy.deepcopy(net.model.state_dict())
    experiments.neighbours(net, 5, sizes=(4,), number=2)
    assert all(torch.equal(a, before[name]) for name, a in net.model.state_dict().items())
    assert not net.model.training


def test_one_image_alone_is_refused_and_has_no_accuracy(own):
    assert own.sizes[0] == 1
    assert "more than 1 value per channel" in own.refusal
    for shares in own.accuracy.values():
        assert np.isnan(shares[0]).all() and np.isfinite(shares[1:]).all()


def test_small_mixed_batches_cost_accuracy_and_large_ones_do_not(own):
    mean = dict(zip(own.sizes, own.accuracy["mixed"].mean(axis=1), strict=True))
    assert 0.4 < mean[2] < 0.65  # about half
    assert mean[2] < mean[4] < mean[8] < mean[16] < mean[64]
    assert abs(mean[256] - own.running.mean()) < 0.01
    assert 0.96 < own.running.mean() < 1


def test_sorted_batches_are_far_worse(own):
    mean = dict(zip(own.sizes, own.accuracy["sorted by class"].mean(axis=1), strict=True))
    assert mean[2] < 0.2 and 0.2 < mean[64] < 0.55
    assert mean[256] < own.accuracy["mixed"][-1].mean()


@pytest.mark.parametrize("order", ["mixed", "sorted by class"])
@pytest.mark.parametrize("m", [2, 32, 128])
def test_answers_are_those_of_torchs_layers_on_the_same_images(order, m, net, own):
    label = {image.tobytes(): y for image, y in zip(net.x_test.numpy(), net.y_test, strict=True)}
    images = own.images[order]
    labels = np.array([label[image.tobytes()] for image in images])
    if order == "sorted by class":
        assert (np.diff(labels) >= 0).all()
    twin = with_torchs_layers(net.model).train()
    guesses = [probabilities(twin, images[i : i + m]).argmax(1) for i in range(0, len(images), m)]
    right = np.concatenate(guesses) == labels
    i = own.sizes.index(m)
    assert (own.right[order][i] != right).mean() < 0.01  # the stack rounds differently
    assert own.accuracy[order][i, 0] == pytest.approx(own.right[order][i].mean())


def test_running_means_move_in_training_mode_alone_by_the_closed_form(net, switched):
    start = net.model.norm1.running_mean.numpy()
    fours = net.x_test[net.y_test == 4].numpy()
    goal = (fours @ net.model.linear1.weight.detach().numpy().T).mean(axis=0)
    for (training, _), state in switched.items():
        assert np.allclose(state.batch_mean, goal, atol=1e-5)
        for p in (0, 1, 15):
            expected = goal + 0.9**p * (start - goal) if training else start
            assert np.allclose(state.running_mean[p], expected, atol=1e-4)


def test_the_mode_chooses_the_statistics_and_the_other_switch_the_gradient(switched):
    assert list(switched) == [(True, True), (True, False), (False, True), (False, False)]
    for (training, gradients), state in switched.items():
        near, far = state.from_batch, state.from_running
        near, far = (near, far) if training else (far, near)
        assert near < 1e-4 and far > 0.5
        assert state.differentiable == gradients


def test_the_fours_spoil_the_copy_in_training_mode_and_the_network_stays_good(net, switched):
    for (training, _), state in switched.items():
        assert state.accuracy[0] > 0.96
        assert state.accuracy[-1] < 0.88 if training else state.accuracy[-1] == state.accuracy[0]
    assert accuracy(net.model, net.x_test, net.y_test) == switched[True, True].accuracy[0]
    assert not net.model.training


def test_the_four_is_the_digit_that_does_the_most_harm(net):
    harm = [experiments.two_switches(net, digit)[True, False].accuracy[-1] for digit in range(10)]
    assert np.argmin(harm) == 4


def test_the_same_seed_gives_the_same_numbers_and_another_does_not(net):
    again = experiments.digits_net(progress=False)
    other = experiments.digits_net(seed=1, progress=False)
    assert np.array_equal(net.run.curves["loss"], again.run.curves["loss"])
    assert not np.array_equal(net.run.curves["loss"], other.run.curves["loss"])

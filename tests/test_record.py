"""What is recorded is what went through, and nothing is left behind."""

import numpy as np
import pytest
import torch
from torch import nn

from bn_teach.record import record


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(inplace=True), nn.Linear(5, 2)
    ).double()


def hooks(model):
    return sum(len(m._forward_hooks) + len(m._backward_hooks) for m in model.modules())


def test_values_and_gradients_are_those_of_autograd():
    net, x = network(), torch.randn(7, 3, dtype=torch.float64)
    with record(net, "0", "1") as seen:
        net(x).square().sum().backward()

    a = net[0](x)
    b = net[1](a)
    grad_a, grad_b = torch.autograd.grad(net[3](b.relu()).square().sum(), [a, b])
    assert np.array_equal(seen["0"].inputs, x.numpy())
    assert np.allclose(seen["0"].outputs, a.detach(), atol=1e-12)
    assert np.allclose(seen["1"].inputs, a.detach(), atol=1e-12)
    # The ReLU that follows works in place; the recording is of before.
    assert np.allclose(seen["1"].outputs, b.detach(), atol=1e-12)
    assert (seen["1"].outputs < 0).any()
    assert np.allclose(seen["0"].output_gradients, grad_a, atol=1e-12)
    assert np.allclose(seen["1"].input_gradients, grad_a, atol=1e-12)
    assert np.allclose(seen["1"].output_gradients, grad_b, atol=1e-12)
    assert seen["0"].input_gradients is None


def test_latest_pass_counts_and_no_backward_means_no_gradient():
    net = network()
    with record(net, "0") as seen:
        net(torch.zeros(4, 3, dtype=torch.float64))
        net(torch.ones(6, 3, dtype=torch.float64))
    assert np.array_equal(seen["0"].inputs, np.ones((6, 3)))
    assert seen["0"].output_gradients is None


def test_untouched_where_nothing_passed():
    with record(network(), "1") as seen:
        pass
    assert seen["1"].inputs is None and seen["1"].outputs is None


def test_network_computes_the_same_while_recorded():
    net, x = network(), torch.randn(7, 3, dtype=torch.float64)
    expected = net(x)
    with record(net, "0", "1", "2", "3"):
        assert torch.equal(net(x), expected)


def test_hooks_come_off():
    net = network()
    with record(net, "0", "2"):
        assert hooks(net) == 2
    assert hooks(net) == 0


def test_hooks_come_off_after_an_exception():
    net = network()
    with pytest.raises(RuntimeError, match="mat1 and mat2"), record(net, "0", "3") as seen:
        y = net[0](torch.randn(7, 3, dtype=torch.float64))
        net(torch.zeros(2, 99, dtype=torch.float64))
    assert hooks(net) == 0
    y.sum().backward()  # the hooks on tensors are gone too
    assert seen["0"].outputs is not None
    assert seen["0"].output_gradients is None


def test_unknown_name_is_an_error_that_lists_the_names():
    net = network()
    with pytest.raises(KeyError, match="no module named norm1; it has 0, 1, 2, 3"):
        with record(net, "0", "norm1"):
            pass
    assert hooks(net) == 0

"""Folding a norm into the layer before it, against torch's own and against the two in a row."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from bn_teach import batchnorm
from bn_teach.inference import fold

KINDS = {
    "linear": (lambda bias: nn.Linear(5, 6, bias=bias), 1, (7, 5)),
    "conv1d": (lambda bias: nn.Conv1d(2, 6, 3, bias=bias), 1, (7, 2, 9)),
    "conv2d": (lambda bias: nn.Conv2d(4, 6, 3, stride=2, groups=2, bias=bias), 2, (7, 4, 9, 8)),
    "conv3d": (lambda bias: nn.Conv3d(1, 6, 2, bias=bias), 3, (7, 1, 4, 5, 3)),
}


def used(norm):
    """The norm in evaluation mode, with the values of one that was trained, in float64."""
    generator = torch.Generator().manual_seed(1)
    for tensor in (*norm.parameters(), *norm.buffers()):
        if tensor.is_floating_point():
            tensor.data = torch.rand(tensor.shape, generator=generator) * 2 + 0.2
    norm.running_mean *= -1
    return norm.double().eval()


def make(kind, bias, library):
    torch.manual_seed(0)
    layer, dims, shape = KINDS[kind]
    norm = used(getattr(library, f"BatchNorm{dims}d")(6, eps=0.3))
    return layer(bias).double(), norm, torch.randn(shape).double()


@pytest.mark.parametrize("library", [batchnorm, nn], ids=["ours", "torch"])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_it_equals_the_two_layers_in_evaluation_mode(kind, bias, library):
    layer, norm, x = make(kind, bias, library)
    folded = fold(layer, norm)
    assert type(folded) is type(layer)
    assert torch.allclose(folded(x), norm(layer(x)), rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_it_has_the_weights_of_torchs_own_fusion(kind, bias):
    layer, norm, _ = make(kind, bias, nn)
    folded = fold(layer, norm)
    truth = (fuse_linear_bn_eval if kind == "linear" else fuse_conv_bn_eval)(layer.eval(), norm)
    assert torch.allclose(folded.weight, truth.weight, rtol=0, atol=1e-12)
    assert torch.allclose(folded.bias, truth.bias, rtol=0, atol=1e-12)


@pytest.mark.parametrize("options", [{"affine": False}, {"bias": False}], ids=str)
def test_a_missing_gamma_is_1_and_a_missing_beta_0(options):
    layer, norm = nn.Linear(5, 6).double(), used(batchnorm.BatchNorm1d(6, **options))
    x = torch.randn(7, 5).double()
    assert torch.allclose(fold(layer, norm)(x), norm(layer(x)), rtol=0, atol=1e-12)


def test_the_old_layers_stay_as_they_are_and_share_nothing_with_the_new():
    layer, norm, _ = make("linear", True, batchnorm)
    before = copy.deepcopy([*layer.state_dict().values(), *norm.state_dict().values()])
    folded = fold(layer, norm)
    with torch.no_grad():
        folded.weight.zero_()
        folded.bias.zero_()
    after = [*layer.state_dict().values(), *norm.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert folded.weight.requires_grad and folded.bias.requires_grad


def test_it_is_not_the_layer_in_training_mode():
    layer, norm, x = make("linear", True, batchnorm)
    assert (fold(layer, norm)(x) - norm.train()(layer(x))).abs().max() > 0.1


def test_what_cannot_be_folded_is_refused_with_the_reason():
    norm = batchnorm.BatchNorm1d(6)
    with pytest.raises(TypeError, match="cannot be folded into ReLU"):
        fold(nn.ReLU(), norm)
    with pytest.raises(ValueError, match="no running statistics"):
        fold(nn.Linear(5, 6), batchnorm.BatchNorm1d(6, track_running_stats=False))
    with pytest.raises(ValueError, match="7 outputs and the norm 6 channels"):
        fold(nn.Linear(5, 7), norm)

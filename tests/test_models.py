"""The networks are what their names say, and a stack is the same as its members one by one."""

import math
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from bn_teach.alternatives import GhostBatchNorm1d
from bn_teach.batchnorm import BatchNorm1d, BatchNorm2d
from bn_teach.models import GAINS, cnn, mlp, stack
from bn_teach.train import batches, train


def names(net):
    return [name for name, _ in net.named_children()]


def test_mlp_is_linear_norm_activation():
    net = mlp([64, 50, 40, 10], norm="batch", activation="sigmoid")
    assert names(net) == [
        *("linear1", "norm1", "sigmoid1", "linear2", "norm2", "sigmoid2", "output")
    ]
    assert isinstance(net.norm1, BatchNorm1d)
    assert net.norm2.weight.shape == (40,)
    assert net.linear1.bias is None and net.linear2.bias is None
    assert net.output.bias is not None
    assert net(torch.zeros(3, 64)).shape == (3, 10)


def test_mlp_without_norm_keeps_its_biases():
    net = mlp([64, 50, 10], activation="tanh")
    assert names(net) == ["linear1", "tanh1", "output"]
    assert net.linear1.bias is not None


def test_cnn_is_conv_norm_activation_pool():
    net = cnn((6, 8), norm="batch")
    assert names(net)[:4] == ["conv1", "norm1", "relu1", "pool1"]
    assert isinstance(net.norm2, BatchNorm2d)
    assert net.conv1.bias is None
    assert net(torch.zeros(3, 1, 8, 8)).shape == (3, 10)
    assert cnn((6, 8)).conv1.bias is not None
    assert cnn((6, 8), norm="batch", keep_bias=True).conv1.bias is not None


@pytest.mark.parametrize("make", [partial(mlp, [4, 5, 2]), partial(cnn, (3,))], ids=["mlp", "cnn"])
def test_unknown_words_are_errors(make):
    with pytest.raises(ValueError, match=r"norm 'Batch' is not known.*None or one of \['batch'"):
        make(norm="Batch")
    with pytest.raises(ValueError, match="activation 'selu' is not known.*'relu', 'sigmoid'"):
        make(activation="selu")
    with pytest.raises(ValueError, match=r"learn \('bias',\): expected a tuple of"):
        make(learn=("bias",))
    with pytest.raises(ValueError, match="learn 'gamma': expected a tuple of"):
        make(learn="gamma")


def test_layer_and_group_norm_are_torchs_own():
    net = mlp([4, 8, 2], norm="layer")
    assert isinstance(net.norm1, nn.LayerNorm) and net.norm1.normalized_shape == (8,)
    assert net.linear1.bias is None
    assert mlp([4, 8, 2], norm="group").norm1.num_groups == 4
    # "Layer" normalisation of images is over channels and places, one gamma for each channel.
    net, x = cnn((8,), norm="layer"), torch.randn(3, 8, 4, 4)
    with torch.no_grad():
        net.norm1.weight.normal_(1, 0.3)
        net.norm1.bias.normal_()
    mean, var = x.mean((1, 2, 3)), x.var((1, 2, 3), correction=0)
    x_hat = (x - mean.view(3, 1, 1, 1)) / (var.view(3, 1, 1, 1) + 1e-5).sqrt()
    y = x_hat * net.norm1.weight.view(1, 8, 1, 1) + net.norm1.bias.view(1, 8, 1, 1)
    assert torch.allclose(net.norm1(x), y, atol=1e-5)
    assert cnn((8,), norm="group").norm1.num_groups == 4


def test_group_size_makes_ghost_batches():
    net = mlp([4, 6, 2], norm="batch", group_size=5)
    assert isinstance(net.norm1, GhostBatchNorm1d) and net.norm1.group_size == 5
    assert net(torch.randn(10, 4)).shape == (10, 2)
    with pytest.raises(ValueError, match=r"group_size 5 with norm 'layer': expected norm=.batch"):
        mlp([4, 6, 2], norm="layer", group_size=5)


def test_too_few_sizes_are_an_error():
    with pytest.raises(ValueError, match=r"sizes \[4\]: expected inputs, hidden layers"):
        mlp([4])


def test_arms_start_from_the_same_weights():
    plain, normed = mlp([9, 8, 3], seed=5), mlp([9, 8, 3], norm="batch", learn=(), seed=5)
    assert torch.equal(plain.linear1.weight, normed.linear1.weight)
    assert torch.equal(plain.output.weight, normed.output.weight)
    assert not torch.equal(plain.linear1.weight, mlp([9, 8, 3], seed=6).linear1.weight)
    torch.manual_seed(1)  # torch's own generator plays no part
    assert torch.equal(plain.linear1.weight, mlp([9, 8, 3], seed=5).linear1.weight)


@pytest.mark.parametrize("activation", GAINS)
def test_spread_of_the_first_weights(activation):
    net = mlp([100, 400, 100], activation=activation)
    assert net.linear1.weight.std().item() * 10 == pytest.approx(GAINS[activation], rel=0.02)
    assert net.output.weight.std().item() * 20 == pytest.approx(1, rel=0.02)
    assert (net.linear1.bias == 0).all()
    net = cnn((50, 60), activation=activation, gain=3.0)
    assert net.conv2.weight.std().item() * math.sqrt(50 * 9) == pytest.approx(3, rel=0.02)


@pytest.mark.parametrize("learn", [(), ("gamma",), ("beta",), ("gamma", "beta")])
@pytest.mark.parametrize("stacked", [False, True])
def test_learn_says_what_moves(learn, stacked):
    net = mlp([4, 6, 3], norm="batch", learn=learn)
    net, norm = (stack([net]), "norm1.norm") if stacked else (net, "norm1")
    torch.manual_seed(0)
    train(
        net,
        torch.randn(40, 4),
        torch.randint(0, 3, (40,)),
        steps=5,
        lr=0.5,
        batch_size=20,
        progress=False,
    )
    gamma, beta = net.get_submodule(norm).weight, net.get_submodule(norm).bias
    assert (gamma != 1).all() if "gamma" in learn else (gamma == 1).all()
    assert (beta != 0).all() if "beta" in learn else (beta == 0).all()


def torch_twin(sizes, norm):
    """The same architecture from torch's own parts, nothing of ours."""
    layers = []
    for fan_in, fan_out in zip(sizes, sizes[1:-1], strict=False):
        layers.append(nn.Linear(fan_in, fan_out, bias=not norm))
        if norm:
            layers.append(nn.BatchNorm1d(fan_out))
        layers.append(nn.Sigmoid())
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1])).double()


@pytest.mark.parametrize("norm", [None, "batch"])
@pytest.mark.parametrize("learn", [("gamma", "beta"), ("beta",)])
def test_stack_is_the_same_as_its_members_trained_by_torch(norm, learn):
    sizes, seeds, steps = [6, 7, 5, 3], [0, 1, 2, 3], 30
    torch.manual_seed(0)
    x, y = torch.randn(60, 6, dtype=torch.float64), torch.randint(0, 3, (60,))
    rates = [0.1, 0.3, 0.5, 1.0]

    settings = {"norm": norm, "activation": "sigmoid", "learn": learn}
    members = [mlp(sizes, **settings, seed=seed).double() for seed in seeds]
    for i, member in enumerate(members if norm else []):  # not as they are born
        with torch.no_grad():
            member.norm1.gamma.normal_(1, 0.3)
            member.norm2.beta.normal_(i, 0.3)
            member.norm1.running_mean.normal_(i, 1)
    stacked = stack(members)
    run = train(
        stacked,
        x,
        y,
        steps=steps,
        lr=rates,
        momentum=0.9,
        batch_size=20,
        seed=seeds,
        progress=False,
    )
    stacked.eval()

    for i, member in enumerate(members):
        twin = torch_twin(sizes, norm)
        twin.load_state_dict(
            dict(zip(twin.state_dict(), member.state_dict().values(), strict=True))
        )
        for layer in twin:
            if isinstance(layer, nn.BatchNorm1d):
                layer.weight.requires_grad_("gamma" in learn)
        parameters = [p for p in twin.parameters() if p.requires_grad]
        descent = torch.optim.SGD(parameters, lr=rates[i], momentum=0.9)
        for step, index in enumerate(batches(60, 20, steps, seeds[i])):
            descent.zero_grad()
            loss = F.cross_entropy(twin(x[index]), y[index])
            assert run.curves["loss"][step, i] == pytest.approx(loss.item(), abs=1e-10)
            loss.backward()
            descent.step()

        twin.eval()
        assert torch.allclose(stacked(x)[i], twin(x), atol=1e-10, rtol=0)
        for name, ours in stacked.named_children():
            theirs = twin[names(stacked).index(name)]
            if isinstance(theirs, nn.Linear):
                assert torch.allclose(ours.weight[i].t(), theirs.weight, atol=1e-10, rtol=0)
                if theirs.bias is not None:
                    assert torch.allclose(ours.bias[i, 0], theirs.bias, atol=1e-10, rtol=0)
            elif isinstance(theirs, nn.BatchNorm1d):
                for key in ("weight", "bias", "running_mean", "running_var"):
                    ours_i = getattr(ours.norm, key).view(len(seeds), -1)[i]
                    assert torch.allclose(ours_i, getattr(theirs, key), atol=1e-10, rtol=0), key


def test_stack_takes_shared_samples_or_its_own():
    members = [mlp([4, 6, 3], norm="batch", seed=s) for s in range(3)]
    x = torch.randn(10, 4)
    shared = stack(members)(x)
    assert shared.shape == (3, 10, 3)
    assert torch.equal(shared, stack(members)(x.expand(3, 10, 4)))
    for member, outputs in zip(members, shared, strict=True):
        assert torch.allclose(member(x), outputs, atol=1e-6)


def test_member_that_diverges_leaves_the_others_alone():
    torch.manual_seed(0)
    x, y = torch.randn(40, 4), torch.randint(0, 3, (40,))

    def trained(rates):
        net = stack([mlp([4, 6, 3], activation="tanh", seed=s) for s in range(3)])
        settings = {"steps": 10, "batch_size": 20, "seed": range(3), "progress": False}
        return net, train(net, x, y, lr=rates, **settings)

    quiet, quiet_run = trained([0.1, 0.1, 0.1])
    loud, loud_run = trained([0.1, 1e38, 0.1])
    assert quiet_run.diverged.tolist() == [False, False, False]
    assert loud_run.diverged.tolist() == [False, True, False]
    for ours, theirs in zip(loud.parameters(), quiet.parameters(), strict=True):
        assert torch.equal(ours[[0, 2]], theirs[[0, 2]])


def test_members_may_learn_different_parts():
    torch.manual_seed(0)
    x, y = torch.randn(40, 4), torch.randint(0, 3, (40,))
    settings = {"steps": 10, "lr": 0.5, "momentum": 0.9, "batch_size": 20, "progress": False}
    arms = [(), ("gamma",), ("beta",), ("gamma", "beta")]
    mixed = stack([mlp([4, 6, 3], norm="batch", learn=learn) for learn in arms])
    train(mixed, x, y, seed=[0] * 4, **settings)
    for i, learn in enumerate(arms):
        alone = mlp([4, 6, 3], norm="batch", learn=learn)
        train(alone, x, y, **settings)
        for key in ("gamma", "beta"):
            ours = getattr(mixed.norm1.norm, key).view(4, 6)[i]
            assert torch.allclose(ours, getattr(alone.norm1, key), atol=1e-5), (learn, key)
        assert torch.allclose(mixed.linear1.weight[i].t(), alone.linear1.weight, atol=1e-5)
        assert (alone.norm1.gamma == 1).all() == ("gamma" not in learn)


@pytest.mark.parametrize(
    "settings",
    [{"norm": "layer"}, {"norm": "layer", "learn": ("beta",)}, {"norm": "batch", "group_size": 5}],
    ids=["layer", "layer, beta only", "ghost"],
)
def test_stack_of_other_norms_is_the_same_as_its_members(settings):
    torch.manual_seed(0)
    x, y = torch.randn(60, 4, dtype=torch.float64), torch.randint(0, 3, (60,))
    how = {"steps": 20, "batch_size": 20, "momentum": 0.9, "progress": False}
    members = [mlp([4, 6, 5, 3], **settings, seed=seed).double() for seed in range(3)]
    for member in members:  # not as they are born
        with torch.no_grad():
            member.norm1.weight.normal_(1, 0.3)
            member.norm2.bias.normal_()
    stacked = stack(members)
    run = train(stacked, x, y, lr=[0.1, 0.3, 0.5], seed=range(3), **how)
    stacked.eval()
    for i, (member, lr) in enumerate(zip(members, [0.1, 0.3, 0.5], strict=True)):
        alone = train(member, x, y, lr=lr, seed=i, **how)
        assert run.curves["loss"][:, i] == pytest.approx(alone.curves["loss"], abs=1e-10)
        assert torch.allclose(stacked(x)[i], member.eval()(x), atol=1e-10, rtol=0)


def test_members_of_other_settings_are_refused():
    nets = [mlp([4, 6, 3], norm="batch", group_size=size) for size in (2, 5)]
    with pytest.raises(ValueError, match=r"norm1 differs: .*group_size=2.*group_size=5.*equals"):
        stack(nets)
    with pytest.raises(ValueError, match="linear1 differs"):
        stack([mlp([4, 6, 3]), mlp([4, 7, 3])])


def test_what_cannot_be_stacked_is_named():
    with pytest.raises(TypeError, match="conv1 is a Conv2d, which cannot be stacked"):
        stack([cnn((3,)), cnn((3,))])

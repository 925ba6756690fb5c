"""Why Batch Normalization might work: the runs behind the second half of notebook 08.

    noisy       does training suffer when the shift of the inputs is brought back?
    landscape   how far along a gradient can one trust it?
    scaled      what do loss and gradient do when the weights are multiplied by a?

The first two are stored runs. They follow experiments of Santurkar et al. 2018, arXiv 1805.11604;
networks, data and the constants of the noise are ours. The third is the scale invariance of
section 3.3 of Ioffe & Szegedy 2015, arXiv 1502.03167.

Shapes: K recorded steps, A arms, S seeds, F distances, L layers, N images, D units.
"""

from collections import OrderedDict
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import nn

from ..batchnorm import batch_moments, normalize
from ..datasets import load_digits, load_jittered_digits
from ..models import mlp, stack
from ..record import record, to_numpy
from ..train import (
    Run,
    accuracy,
    as_tensors,
    batches,
    cross_entropy,
    descend,
    one_thread,
    train,
    training_pass,
)

# Arms of ``noisy``: norm, and whether there is noise.
NOISY_ARMS = {
    "no BN": (None, False),
    "BN": ("batch", False),
    "BN + noise": ("batch", True),
    "no BN + noise": (None, True),
}

# Networks of ``landscape``: sizes, activation, batch size.
LANDSCAPES = {
    "tanh, digits": ([64, *[50] * 5, 10], "tanh", 64),
    "ReLU, jittered digits": ([256, *[64] * 6, 10], "relu", 32),
}
MEASURES = ("change", "cosine", "beta", "ics")  # what ``landscape`` finds
DISTANCES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)  # in steps of gradient descent: times lr

FACTORS = 2.0 ** np.arange(-4, 5)  # a of ``scaled``


class Noise(nn.Module):
    """Shift and stretch each unit by chance, anew in each training step: y = s x + m.

    In the manner of Santurkar et al. 2018, with constants of our own: for each unit and step a
    centre m0 from U(-0.5, 0.5) and s0 from U(1, 1.25); for each image m = m0 + U(-0.1, 0.1) and
    s = s0 + N(0, 0.1^2). In evaluation nothing happens. x is (N, D) or, in a stack, (S, N, D).
    """

    def __init__(self, seed=0):
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)

    def forward(self, x):
        if not self.training:
            return x
        unit = (*x.shape[:-2], 1, x.shape[-1])
        shift = self._uniform(unit, 0.5) + self._uniform(x.shape, 0.1)
        stretch = 1.125 + self._uniform(unit, 0.125)
        stretch = stretch + 0.1 * torch.randn(x.shape, generator=self.generator)
        return stretch * x + shift

    def _uniform(self, shape, most):
        return most * (2 * torch.rand(shape, generator=self.generator) - 1)


def with_noise(network, activation, seed=0):
    """The same network, with ``Noise`` before each activation: after the norm, if there is one."""
    layers = OrderedDict()
    for name, module in network.named_children():
        if name.startswith(activation):
            layers[name.replace(activation, "noise")] = Noise(seed)
        layers[name] = module
    return nn.Sequential(layers)


@one_thread()
def noisy(seeds=range(10), arms=tuple(NOISY_ARMS), steps=300, progress=True):
    """Train 64-50x5-10 tanh networks on the digits, with and without BN, with and without noise.

    Batches of 64, learning rate 0.1; looked at every 5 steps and at the step after.

    Returns
    -------
    Run
        ``snapshots["accuracy"]`` (K, A, S): on the test images, in evaluation mode;
        ``snapshots["mean"]`` (K, A, 10): mean of a unit's input to the third tanh, over 256
        training images in training mode, noise included; ten units of the first seed;
        ``snapshots["shift"]`` (K, A, S): by how much that mean changes from step k to k + 1, in
        standard deviations of the unit at step k; here the mean over all 50 units.
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    test = as_tensors(digits.test_images, digits.test_labels, flat=True)
    seeds, looked = list(seeds), np.arange(0, steps, 5)

    def watch(model):
        with record(model, "tanh3") as seen:
            training_pass(model, x[:256])
        inputs = seen["tanh3"].inputs
        return {
            "accuracy": accuracy(model, *test),
            "mean": inputs.mean(axis=1),
            "std": inputs.std(axis=1),
        }

    runs = []
    for arm in arms:
        norm, noise = NOISY_ARMS[arm]
        nets = [mlp([64, *[50] * 5, 10], norm=norm, activation="tanh", seed=s) for s in seeds]
        if noise:
            nets = [with_noise(net, "tanh", seed=1) for net in nets]
        run = train(
            stack(nets),
            x,
            y,
            steps=steps,
            lr=0.1,
            batch_size=64,
            seed=seeds,
            watch=watch,
            watch_at=[*looked, *(looked + 1)],
            progress=progress,
            label=arm,
        )
        runs.append(run.snapshots)
    both = {name: np.stack([seen[name] for seen in runs], axis=1) for name in runs[0]}
    change = np.abs(both["mean"][1::2] - both["mean"][0::2])
    return Run(
        {"arms": list(arms), "seeds": seeds, "lr": 0.1},
        steps=looked,
        snapshots={
            "accuracy": both["accuracy"][0::2],
            "mean": both["mean"][0::2, :, 0, :10],
            "shift": (change / both["std"][0::2]).mean(axis=-1),
        },
    )


@one_thread()
def landscape(seeds=range(5), networks=tuple(LANDSCAPES), steps=300, lr=0.1):
    """Walk along the gradient of a batch, at every 10th step of training, with and without BN.

    At weights w, with the gradient g of the step's own batch (its own mean and variance), the loss
    of the same batch and its gradient g' are taken at w - t lr g, for each t in ``DISTANCES``.

    Returns
    -------
    Run
        Arms: without and with Batch Normalization. For each network ``snapshots``:
        "name/loss" (K, 2, S), the loss at w;
        "name/change" (K, 2, S, F), loss(w - t lr g) - loss(w);
        "name/cosine" (K, 2, S, F), of the angle between g' and g;
        "name/beta" (K, 2, S), the largest |g' - g| / (t lr |g|), "effective beta-smoothness";
        "name/ics" (K, 2, S), |G' - G| / |G| for the weights of a layer, where G' is their
        gradient after the layers below have made their step: mean over the layers but the first.
        (The paper's definition 2.1 is |G' - G|, not divided.)
    """
    seeds, snapshots = list(seeds), {}
    for network in networks:
        sizes, activation, batch_size = LANDSCAPES[network]
        data = load_jittered_digits() if sizes[0] == 256 else load_digits()
        x, y = as_tensors(data.train_images, data.train_labels, flat=True)
        order = torch.stack([batches(len(x), batch_size, steps, s) for s in seeds], dim=1)
        arms = []
        for norm in (None, "batch"):
            model = stack([mlp(sizes, norm=norm, activation=activation, seed=s) for s in seeds])
            updates, seen = descend(model, x, y, order, lr=lr), []
            for step in range(steps):
                if step % 10 == 0:
                    seen.append(_walk(model, x[order[step]], y[order[step]], lr))
                next(updates)
            arms.append({name: np.stack([entry[name] for entry in seen]) for name in seen[0]})
        for name in arms[0]:
            snapshots[f"{network}/{name}"] = np.stack([arm[name] for arm in arms], axis=1)
    return Run(
        {"networks": list(networks), "seeds": seeds, "lr": lr, "distances": list(DISTANCES)},
        steps=np.arange(0, steps, 10),
        snapshots=snapshots,
    )


def _walk(model, x, y, lr):
    """What ``landscape`` finds at one step; only the running statistics, unused here, move."""
    weights = list(model.parameters())
    before = [w.detach().clone() for w in weights]

    def gradients():
        loss = cross_entropy(model(x), y)
        return loss.detach(), torch.autograd.grad(loss.sum(), weights)

    def move(distance, count=None):
        with torch.no_grad():
            for w, old, g in list(zip(weights, before, start, strict=True))[:count]:
                w.copy_(old - distance * lr * g)

    loss, start = gradients()
    g, found = _flat(start, len(loss)), {"change": [], "cosine": [], "beta": []}
    for distance in DISTANCES:
        move(distance)
        there, new = gradients()
        new = _flat(new, len(loss))
        found["change"].append(there - loss)
        found["cosine"].append(torch.cosine_similarity(g, new))
        found["beta"].append((new - g).norm(dim=1) / (distance * lr * g.norm(dim=1)))
    move(0)
    shifts = []
    for i, w in enumerate(weights):
        if w.ndim == 3 and w.shape[1] > 1 and i > 0:  # the weights of a layer above the first
            move(1, i)  # the layers below make their step
            old, new = (_flat([part[i]], len(loss)) for part in (start, gradients()[1]))
            shifts.append((new - old).norm(dim=1) / old.norm(dim=1))
            move(0)
    return {
        "loss": to_numpy(loss),
        "change": to_numpy(torch.stack(found["change"], dim=1)),
        "cosine": to_numpy(torch.stack(found["cosine"], dim=1)),
        "beta": to_numpy(torch.stack(found["beta"]).amax(0)),
        "ics": to_numpy(torch.stack(shifts).mean(0)),
    }


def _flat(parts, networks):
    """Gradients of a stack, (S, ...) or (S*D,) each, as one vector for each network: (S, P)."""
    return torch.cat([part.reshape(networks, -1) for part in parts], dim=1)


@dataclass(frozen=True)
class Scaled:
    """One layer's weights W times a, for each a in ``FACTORS``; nothing else is changed.

    Attributes
    ----------
    loss, gradient : ndarray (len(FACTORS),)
        Of one batch in training mode: its loss, and the Euclidean norm of dL/d(aW).
    along : ndarray (len(FACTORS),)
        Cosine of the angle between dL/d(aW) and W: 0 where they are orthogonal.
    """

    loss: np.ndarray
    gradient: np.ndarray
    along: np.ndarray


@cache  # the prediction and the picture ask for the same networks
@one_thread()
def scaled(seed=0):
    """Scale the second layer's weights of a trained 64-50-50-50-10 ReLU network on the digits.

    Trained for 100 steps of 64 images, learning rate 0.1. Returns a dict of ``Scaled``: "no BN"
    and "BN".
    """
    digits = load_digits()
    x, y = as_tensors(digits.train_images, digits.train_labels, flat=True)
    found = {}
    for arm, norm in {"no BN": None, "BN": "batch"}.items():
        net = mlp([64, 50, 50, 50, 10], norm=norm, seed=seed)
        train(net, x, y, steps=100, lr=0.1, batch_size=64, seed=seed, progress=False)
        w = net.linear2.weight
        once, rows = w.detach().clone(), []
        for a in FACTORS:
            with torch.no_grad():
                w.copy_(float(a) * once)
            loss = cross_entropy(net(x[:256]), y[:256])
            (g,) = torch.autograd.grad(loss, [w])
            cosine = (g * w).sum() / (g.norm() * w.norm())
            rows.append([loss.item(), g.norm().item(), cosine.item()])
        found[arm] = Scaled(*np.array(rows).T)
    return found


def turned_by(weight, lr):
    """By how many degrees one step of gradient descent turns the weights of a normalised layer.

    A layer of 8 inputs and 4 units on 64 random images, Batch Normalization, squared error to
    random targets; ``weight`` (8, 4) is seen as one vector. The same data in each call.
    """
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(64, n, generator=generator).double() for n in (8, 4))
    w = weight.detach().double().requires_grad_()
    z = x @ w
    loss = (normalize(z, *batch_moments(z), eps=1e-9) - y).square().mean()
    (g,) = torch.autograd.grad(loss, [w])
    cosine = torch.cosine_similarity(w.flatten(), (w - lr * g).flatten(), dim=0)
    return torch.rad2deg(torch.acos(cosine)).item()


STORED = {"effects-noisy": noisy, "effects-landscape": landscape}

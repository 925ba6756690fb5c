"""The exercises of notebook 07: a Batch Normalization layer in five steps."""

import torch

from ... import batchnorm
from ...experiments.from_scratch_layers import SecondTry
from .. import formulas, layer
from ..exercise import Exercise
from ..formula import Formula, drawn
from ..gradients import Followed
from ..layer_checks import judge
from ..stand_ins import AnyWidth, OneCall, Strict

NOTEBOOK = "07-from-scratch"


def transform(x, mean, var, weight, bias, eps):
    """y = weight * (x - mean) / sqrt(var + eps) + bias, for x (N, C) and the others (C,)."""
    x_hat = batchnorm.normalize(x, mean, var, eps)
    return batchnorm.scale_and_shift(x_hat, weight, bias)


def images_through(layer, x):
    """Every place of every image x (N, C, H, W) as one more sample for a layer of (n, C)."""
    channels_last = x.permute(0, 2, 3, 1)
    samples = channels_last.reshape(-1, x.shape[1])
    y = layer(samples)
    return y.reshape(channels_last.shape).permute(0, 3, 1, 2)


# 1 Moments


def _moments(made, x):
    axes = () if "whole-batch" in made else (0,)
    mean, var = (value.squeeze() for value in formulas.moments(made, x, axes))
    if "standard-deviation" in made:
        var = torch.sqrt(var)
    if "mean-of-squares" in made:
        var = (x**2).mean(0)
    if "not-divided" in made:
        var = var * len(x)
    return (var, mean) if "swapped" in made else (mean, var)


moments = Exercise(
    "scratch-moments",
    Formula(
        right=batchnorm.batch_moments,
        trials=lambda: [
            (drawn(seed, n, c, centre=2),)
            for seed, (n, c) in enumerate(((3, 2), (4, 4), (7, 4), (6, 4)))
        ],
        made=_moments,
        mistakes=(
            "wrong-axis",
            "whole-batch",
            "n-minus-1",
            "standard-deviation",
            "mean-of-squares",
            "not-divided",
            "swapped",
        ),
        own={
            "not-divided": (
                "the second result is a sum, not a mean",
                "Would twice as many samples of the same kind make your variance twice as large?",
            ),
            "one-pass-variance": layer.OWN["one-pass-variance"],
        },
        arguments=("x",),
        todo="let `moments` return mean and var, in place of the dots.",
        praise="both moments of each channel.",
        differentiable=True,
        large=lambda: (drawn(4, 200, 8, centre=1e4).float(),),
    ),
    batchnorm.batch_moments,
    hints=(
        "Two numbers for each channel, over the samples. Which axis of (N, C) are they?",
        "The mean first. `x - mean` then meets every row of x by itself.",
        "var is the mean of `(x - mean) ** 2` over the same axis: divided by N, not by N − 1.",
    ),
    shown=(
        batchnorm.batch_moments,
        batchnorm.values_per_channel,
        batchnorm.sum_over_batch,
        batchnorm.centre,
    ),
)


# 2 Normalise, scale and shift


def _transform(made, x, mean, var, weight, bias, eps):
    if "own-statistics" in made:
        mean, var = formulas.moments(made, x, (0,))
    if "eps-squared" in made:
        eps = eps**2
    if "eps-clamped" in made:
        var, eps = var.clamp(min=eps), 0
    if "brackets-missing/weight" in made:
        return weight * x - formulas.normalize(made, mean, 0, var, eps) + bias
    x_hat = formulas.normalize(made, x, mean, var, eps)
    if "times-the-deviation" in made:
        x_hat = (x - mean) * torch.sqrt(var + eps)
    return formulas.scale_and_shift(made, x_hat, weight, bias)


def _transforms():
    """Variances near 1, then some below eps, then some so small that a fixed eps shows."""
    sizes = (((2, 1), 1, 0.3), ((4, 4), 0.5, 0.5), ((6, 3), 0.01, 1e-4))
    for seed, ((n, c), spread, eps) in enumerate(sizes):
        x = drawn(seed, n, c, spread=2 * spread, centre=1)
        mean, deviation = drawn(seed + 10, c, spread=spread, centre=1), drawn(seed + 20, c).abs()
        weight, bias = drawn(seed + 30, c, centre=2), drawn(seed + 40, c)
        yield x, mean, spread**2 * (0.5 + deviation), weight, bias, eps


transform_step = Exercise(
    "transform",
    Followed(
        right=transform,
        trials=lambda: list(_transforms()),
        made=_transform,
        mistakes=(
            "own-statistics",
            "mean-not-subtracted",
            "divides-by-variance",
            "times-the-deviation",
            "eps-outside-root",
            "eps-missing",
            "eps-fixed",
            "eps-squared",
            "eps-clamped",
            "brackets-missing",
            "brackets-missing/weight",
            *formulas.AFFINE,
        ),
        own={
            "own-statistics": (
                "mean and variance are taken from x, not those given",
                "In evaluation they come from elsewhere. What are the arguments `mean` and `var` "
                "for?",
            ),
            "times-the-deviation": (
                "the difference is multiplied by the standard deviation",
                "A channel of large spread should come out with a spread of about 1.",
            ),
            "eps-squared": (
                "the square of ε is added",
                "Compare σ² + ε² with σ² + ε. Which of the two is in the formula?",
            ),
            "eps-clamped": (
                "ε is a lower limit, but it should be added",
                "A variance above ε comes out as it was. Look at the formula again.",
            ),
            "gradient-lost": (
                "the output is right, but a gradient is lost on its way back",
                "In training `mean` and `var` come from x, and γ and β learn: all of them need "
                "one. Is there a `.data`, a `detach`, a `no_grad`, an `.item()` or numpy?",
            ),
        },
        arguments=("x", "mean", "var", "weight", "bias", "eps"),
        todo="let `transform` return y, in place of the dots.",
        praise="y = γ x̂ + β.",
    ),
    transform,
    hints=(
        "Two lines of Algorithm 1: first x̂, then y. Everything they need is an argument.",
        "(C,) meets (N, C) by itself: no loop and no reshape.",
        "x̂ is a difference, divided by `torch.sqrt(var + eps)`. Mind the brackets.",
    ),
    shown=(transform, batchnorm.normalize, batchnorm.scale_and_shift),
)


# 3 Running statistics


def _move_running(made, running_mean, running_var, mean, var, n, momentum):
    unbiased = n / (n - 1)
    factor = 1 / unbiased if "inverse-factor" in made else unbiased
    if "biased-buffer" in made:
        factor = 1
    if "n-missing" in made:
        factor = 1 / (n - 1)
    new_var = layer.moved(made, running_var, var * factor, momentum)
    if "factor-on-all" in made:
        new_var = layer.moved(made, running_var, var, momentum) * factor
    new_mean = layer.moved(
        made, running_mean, mean * (factor if "mean-too" in made else 1), momentum
    )
    return (new_var, new_mean) if "swapped" in made else (new_mean, new_var)


def _running_steps():
    for seed, (c, n, momentum) in enumerate(((1, 2, 0.1), (4, 4, 0.3), (3, 5, 0.2))):
        old = drawn(seed, c), 1 + drawn(seed + 10, c).abs()
        new = drawn(seed + 20, c, centre=3), 2 + drawn(seed + 30, c).abs()
        yield *old, *new, n, momentum


move_running = Exercise(
    "move_running",
    Formula(
        right=batchnorm.update_running,
        trials=lambda: list(_running_steps()),
        made=_move_running,
        mistakes=(
            "momentum-reversed",
            "momentum-fixed",
            "biased-buffer",
            "inverse-factor",
            "n-missing",
            "factor-on-all",
            "mean-too",
            "adds-only",
            "no-average",
            "buffers-still",
            "swapped",
        ),
        own={slug: layer.OWN[slug] for slug in ("adds-only", "no-average", "buffers-still")}
        | {
            "inverse-factor": (
                "the variance is multiplied by (n − 1)/n",
                "A batch's own variance is too small. Does your factor make it larger?",
            ),
            "n-missing": (
                "the variance is divided by n − 1, but not multiplied by n",
                "`var` is divided by n already. What makes a sum of squares of it again?",
            ),
            "factor-on-all": (
                "the old running variance is made unbiased once more",
                "It was unbiased when it came in. Which of the two variances needs the factor?",
            ),
            "mean-too": (
                "the mean is multiplied by n/(n − 1) as well",
                "A batch's mean is right on average. Which of the two moments is too small?",
            ),
        },
        arguments=("running_mean", "running_var", "mean", "var", "n", "momentum"),
        todo="let `move_running` return both new statistics, in place of the dots.",
        praise="one step towards the new batch, as in PyTorch.",
    ),
    batchnorm.update_running,
    hints=(
        "Both statistics move in the same way. Write the mean first: it needs no correction.",
        "With momentum 0.1, nine tenths of the old value stay, and a tenth of the new is added.",
        "The unbiased variance is `var * n / (n - 1)`. It takes the place of `var` in the same "
        "formula.",
    ),
)


# 4 The layer

my_batch_norm = Exercise(
    "MyBatchNorm",
    judge,
    SecondTry,
    hints=(
        "Start with the constructor: keep eps and momentum, make two `torch.nn.Parameter`, and "
        "register two buffers. Then one branch for training and one for evaluation.",
        '`self.register_buffer("running_mean", torch.zeros(num_features))` makes a buffer, '
        "`self.running_mean` reads it.",
        "In training: refuse a batch of one, take the moments, move the buffers by detached "
        "moments. In evaluation: take the buffers as mean and var. Then one line for both.",
        "Compare `x.shape[1]` with the length of `self.weight` before anything else. The rest is "
        "`moments`, `move_running` and `transform`, in this order.",
    ),
)


# 5 Images


def _images_through(made, layer, x):
    n, c, h, w = x.shape
    last = x.permute(0, 2, 3, 1)
    if "only-n" in made:
        return layer(x.flatten(1)).reshape(x.shape)
    if "only-n/places" in made:
        return torch.stack([layer(place) for place in x.flatten(2).unbind(2)], 2).reshape(x.shape)
    if "image-by-image" in made:
        return torch.stack([layer(image.flatten(1).T).T.reshape(c, h, w) for image in x])
    if "channels-mixed" in made:
        return layer(x.reshape(-1, c)).reshape(x.shape)
    if "channels-mixed/first" in made:
        y = layer(x.transpose(0, 1).reshape(-1, c))
        return y.reshape(c, n, h, w).transpose(0, 1)
    if "channels-in-rows" in made:
        return layer(x.transpose(0, 1).reshape(c, -1)).reshape(c, n, h, w).transpose(0, 1)
    y = layer(last.reshape(-1, c))
    if "not-moved-back/flat" in made:
        return y
    if "not-moved-back/last" in made:
        return y.reshape(last.shape)
    if "not-moved-back" in made:
        return y.reshape(x.shape)
    if "not-moved-back/again" in made:
        return y.reshape(last.shape).permute(0, 2, 3, 1)
    if "not-moved-back/width" in made:
        return y.reshape(last.shape).permute(0, 3, 2, 1)
    return y.reshape(last.shape).permute(0, 3, 1, 2)


def _image_batches():
    """The channels far apart, so that mixing them shows; the second batch has N = C = H = W."""
    for seed, (n, c, h, w) in enumerate(((2, 2, 1, 2), (4, 4, 4, 4), (3, 2, 5, 4))):
        yield AnyWidth(), drawn(seed, n, c, h, w) + 3 * torch.arange(c).reshape(c, 1, 1)
    strict = Strict(3).double()
    with torch.no_grad():
        strict.weight.copy_(drawn(8, 3, centre=2))
        strict.bias.copy_(drawn(9, 3))
    yield strict, drawn(7, 5, 3, 2, 4) + 3 * torch.arange(3).reshape(3, 1, 1)


images = Exercise(
    "images_through",
    OneCall(
        right=images_through,
        trials=lambda: list(_image_batches()),
        made=_images_through,
        mistakes=(
            "only-n",
            "only-n/places",
            "image-by-image",
            "channels-mixed",
            "channels-mixed/first",
            "channels-in-rows",
            "not-moved-back",
            "not-moved-back/flat",
            "not-moved-back/last",
            "not-moved-back/again",
            "not-moved-back/width",
        ),
        own={
            "image-by-image": (
                "each image goes through the layer by itself",
                "Then a mean belongs to one image. How many values should one channel's mean see?",
            ),
            "channels-mixed": (
                "a column holds values of several channels",
                "`reshape` never moves a number past another one. Which axis has to be the last "
                "before you call it?",
            ),
            "channels-in-rows": (
                "the layer gets the channels as rows",
                "It takes (n, C): a row for each sample. What turns rows into columns?",
            ),
            "gradient-lost": (
                "the output is right, but no gradient finds its way back through it",
                "The layers before need one. Is there a `.data`, a `detach`, a `no_grad` or numpy?",
            ),
            "called-twice": (
                "the output is right, but the layer is called more than once",
                "Each call in training moves its running statistics. Keep what the first returns.",
            ),
            "not-moved-back": (
                "the layer's output does not get back the shape and order of x",
                "The samples went in with the channels last. Undo each step, in reverse order.",
            ),
        },
        arguments=("layer", "x"),
        todo="let `images_through` return y, in place of the dots.",
        praise="every place is one more sample.",
        kept=(1,),
    ),
    images_through,
    hints=(
        "The layer wants a table: a row for each place of each image, a column for each channel.",
        "`x.permute(0, 2, 3, 1)` puts the channels last. Then a reshape to (−1, C) is safe.",
        "Afterwards undo both, the last one first. Which order of axes brings 0, 2, 3, 1 back?",
    ),
)
EXERCISES = [moments, transform_step, move_running, my_batch_norm, images]

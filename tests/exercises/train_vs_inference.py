"""The exercises of notebook 05."""

MEAN = "(1 - momentum) * running_mean + momentum * x.mean(0)"
VAR = "(1 - momentum) * running_var + momentum * x.var(0)"
SCALE = "norm.weight / torch.sqrt(norm.running_var + norm.eps)"
WEIGHT = "scale[:, None] * linear.weight"
BIAS = "norm.bias - scale * norm.running_mean"


def updated(mean=MEAN, var=VAR, before="pass"):
    """Exercise 1: the right lines, but for what is given."""
    return f"""
def update_running(running_mean, running_var, x, momentum):
    {before}
    new_mean = {mean}
    return new_mean, {var}
"""


def with_squares(divisor="(len(x) - 1)", new="{}", mean="x.mean(0)", power=2):
    """Exercise 1 with the variance written out."""
    return f"""
def update_running(running_mean, running_var, x, momentum):
    mean = {mean}
    var = ((x - mean) ** {power}).sum(0) / {divisor}
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return new_mean, {new.format("(1 - momentum) * running_var + momentum * var")}
"""


def folded(weight=WEIGHT, bias=BIAS, scale=SCALE, before="pass"):
    """Exercise 2: the right lines, but for what is given."""
    return f"""
def fold(linear, norm):
    {before}
    scale = {scale}
    return {weight}, {bias}
"""


def without_gamma(bias, weight="linear.weight / std[:, None]"):
    return folded(weight, bias, before="std = torch.sqrt(norm.running_var + norm.eps)")


UPDATE_RUNNING = {
    "right": (
        updated(),
        """
def update_running(running_mean, running_var, x, momentum):  # in place, as in PyTorch: allowed
    torch.nn.functional.batch_norm(x, running_mean, running_var, training=True, momentum=momentum)
    return running_mean, running_var
""",
        """
def update_running(running_mean, running_var, x, momentum):  # a loop, in numpy, rows returned
    old_mean, old_var, values = running_mean.numpy(), running_var.numpy(), x.numpy()
    means, variances = [], []
    for c in range(values.shape[1]):
        column = values[:, c]
        unbiased = ((column - column.mean()) ** 2).sum() / (len(column) - 1)
        means.append(old_mean[c] + momentum * (column.mean() - old_mean[c]))
        variances.append(old_var[c] + momentum * (unbiased - old_var[c]))
    return torch.tensor(np.array([means, variances])).to(x.dtype)
""",
        """
def update_running(running_mean, running_var, x, momentum):
    n = x.size(0)
    centred = x - torch.einsum("nc->c", x) / n
    var = torch.einsum("nc,nc->c", centred, centred) / (n - 1)
    return [torch.lerp(running_mean, x.mean(0), momentum), torch.lerp(running_var, var, momentum)]
""",
    ),
    "wrong": {
        "swapped": (
            """
def update_running(running_mean, running_var, x, momentum):
    var, mean = torch.var_mean(x, 0)
    keep = 1 - momentum
    return keep * running_var + momentum * var, keep * running_mean + momentum * mean
""",
        ),
        "wrong-axis": (
            updated(MEAN.replace("(0)", "(1)"), VAR.replace("(0)", "(1)")),
            """
def update_running(running_mean, running_var, x, momentum):
    mean = x.mean(dim=-1, keepdim=True)
    var = ((x - mean) ** 2).sum(dim=-1, keepdim=True) / (x.shape[1] - 1)
    return running_mean * (1 - momentum) + mean * momentum, (
        running_var * (1 - momentum) + var * momentum
    )
""",
        ),
        "whole-batch": (updated(MEAN.replace("(0)", "()"), VAR.replace("(0)", "()")),),
        "momentum-reversed": (
            """
def update_running(running_mean, running_var, x, momentum):  # as Keras does
    running_mean -= (1 - momentum) * (running_mean - x.mean(0))
    running_var -= (1 - momentum) * (running_var - x.var(0))
    return running_mean, running_var
""",
            updated(mean="momentum * running_mean + (1 - momentum) * x.mean(0)"),
            updated(var="momentum * running_var + (1 - momentum) * x.var(0)"),
        ),
        "moves-away": (
            """
def update_running(running_mean, running_var, x, momentum):
    new_mean = running_mean + momentum * (running_mean - x.mean(0))
    return new_mean, running_var + momentum * (running_var - x.var(0))
""",
        ),
        "old-left-out": (
            updated("momentum * x.mean(0)", "momentum * x.var(0)"),
            updated(mean="momentum * x.mean(0)"),
            updated(var="momentum * x.var(0)"),
            updated("x.mean(0)", "x.var(0)"),
            updated(mean="x.mean(0)"),
            updated(var="x.var(0)"),
        ),
        "old-keeps-weight": (
            """
def update_running(running_mean, running_var, x, momentum):
    running_mean += momentum * x.mean(0)
    running_var += momentum * x.var(0)
    return running_mean, running_var
""",
            updated(mean="running_mean + momentum * x.mean(0)"),
            updated(var="running_var + momentum * x.var(0)"),
        ),
        "start-typed-in": (
            """
def update_running(running_mean, running_var, x, momentum):
    mean, var = torch.zeros_like(running_mean), torch.ones_like(running_var)
    mean = (1 - momentum) * mean + momentum * x.mean(0)
    return mean, (1 - momentum) * var + momentum * x.var(0)
""",
        ),
        "momentum-fixed": (
            updated("0.9 * running_mean + 0.1 * x.mean(0)", "0.9 * running_var + 0.1 * x.var(0)"),
        ),
        "standard-deviation": (updated(var="(1 - momentum) * running_var + momentum * x.std(0)"),),
        "around-running-mean": (
            updated(
                before="var = ((x - running_mean) ** 2).sum(0) / (len(x) - 1)",
                var="(1 - momentum) * running_var + momentum * var",
            ),
            """
def update_running(running_mean, running_var, x, momentum):  # the mean has moved already
    running_mean += momentum * (x.mean(0) - running_mean)
    var = ((x - running_mean) ** 2).sum(0) / (len(x) - 1)
    running_var += momentum * (var - running_var)
    return running_mean, running_var
""",
        ),
        "biased-buffer": (
            updated(var=VAR.replace("(0)", "(0, correction=0)")),
            updated(before="n = len(x)", var=VAR + " * (n - 1) / n"),  # torch's var, turned back
        ),
        "factor-reversed": (
            """
def update_running(running_mean, running_var, x, momentum):
    n = x.shape[0]
    mean = x.mean(0)
    biased = ((x - mean) ** 2).mean(0)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return new_mean, (1 - momentum) * running_var + momentum * biased * (n - 1) / n
""",
        ),
        "corrected-twice": (updated(before="n = x.shape[0]", var=VAR + " * n / (n - 1)"),),
        "factor-on-all": (with_squares("len(x)", "({}) * len(x) / (len(x) - 1)"),),
        "mean-corrected": (
            updated(mean=MEAN.replace("x.mean(0)", "x.sum(0) / (len(x) - 1)")),
            with_squares(mean="x.sum(0) / (len(x) - 1)"),
        ),
        "channels-counted": (with_squares("(x.shape[1] - 1)"),),
        "brackets-missing": (with_squares("len(x) - 1"),),
        "square-missing": (with_squares(power=1),),
        "eps-in-buffer": (
            updated(var=VAR.replace("x.var(0)", "(x.var(0) + 1e-5)")),
            updated(var=f"{VAR} + 1e-5"),
        ),
        "one-pass-variance": (
            """
def update_running(running_mean, running_var, x, momentum):
    n = len(x)
    mean = x.mean(0)
    var = ((x * x).mean(0) - mean * mean) * n / (n - 1)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return new_mean, (1 - momentum) * running_var + momentum * var
""",
        ),
        "dtype-changed": (
            updated(f"({MEAN}).float()", f"({VAR}).float()"),
            """
def update_running(running_mean, running_var, x, momentum):  # float32 arises in passing
    means, variances = [], []
    for c in range(x.shape[1]):
        means.append(((1 - momentum) * running_mean[c] + momentum * x[:, c].mean()).item())
        variances.append(((1 - momentum) * running_var[c] + momentum * x[:, c].var()).item())
    return torch.tensor(means), torch.tensor(variances)
""",
        ),
        "shape-changed": (
            updated(
                MEAN.replace("(0)", "(0, keepdim=True)"), VAR.replace("(0)", "(0, True, True)")
            ),
        ),
        "input-changed": (
            """
def update_running(running_mean, running_var, x, momentum):
    mean = x.mean(0)
    x -= mean
    var = (x**2).sum(0) / (len(x) - 1)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return new_mean, (1 - momentum) * running_var + momentum * var
""",
        ),
        "nothing-returned": (
            """
def update_running(running_mean, running_var, x, momentum):
    running_mean.mul_(1 - momentum).add_(momentum * x.mean(0))
    running_var.mul_(1 - momentum).add_(momentum * x.var(0))
""",
        ),
        "not-a-pair": (
            f"def update_running(running_mean, running_var, x, momentum): return {MEAN}",
            updated(var=f"{VAR}, momentum"),
        ),
    },
    "two": {
        """
def update_running(running_mean, running_var, x, momentum):
    var, mean = torch.var_mean(x, 0, correction=0)
    return momentum * running_mean + (1 - momentum) * mean, (
        momentum * running_var + (1 - momentum) * var
    )
""": "momentum-reversed",
        updated(
            var="(1 - momentum) * running_var + momentum * x.std(0, correction=0)"
        ): "standard-deviation",
        updated(
            "running_mean + 0.1 * x.mean(0)", "running_var + 0.1 * x.var(0)"
        ): "old-keeps-weight",
        """
def update_running(running_mean, running_var, x, momentum):  # biased, and x is written into
    mean = x.mean(0)
    x.sub_(mean).square_()
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return new_mean, (1 - momentum) * running_var + momentum * x.mean(0)
""": "biased-buffer",
    },
    "unknown": (
        updated(mean="(1 - momentum) * running_mean + momentum * x.median(0).values"),
        updated("(running_mean + x.mean(0)) / 2", "(running_var + x.var(0)) / 2"),
        updated(mean="(1 - momentum) * running_mean + momentum * mean"),  # there is no `mean`
    ),
}

FOLD = {
    "right": (
        folded(),
        """
def fold(linear, norm):  # what the two make of nothing, and of each input alone
    with torch.no_grad():
        inputs = torch.eye(linear.in_features, dtype=linear.weight.dtype)
        bias = norm(linear(torch.zeros_like(inputs[:1])))[0]
        return (norm(linear(inputs)) - bias).T, bias
""",
        """
def fold(linear, norm):  # in numpy, a loop over the outputs
    weight, bias = [], []
    for c in range(linear.out_features):
        std = math.sqrt(float(norm.running_var[c]) + norm.eps)
        weight.append(float(norm.weight[c]) / std * linear.weight[c].numpy())
        bias.append(float(norm.bias[c]) - float(norm.weight[c]) * float(norm.running_mean[c]) / std)
    return np.array(weight), np.array(bias)
""",
        """
def fold(linear, norm):
    return torch.nn.utils.fusion.fuse_linear_bn_eval(linear, norm)  # one layer: allowed
""",
        """
def fold(linear, norm):
    with torch.no_grad():
        D = torch.diag(norm.weight * (norm.running_var + norm.eps).rsqrt())
        folded = torch.nn.Linear(linear.in_features, linear.out_features).double()
        folded.weight[:] = D @ linear.weight
        folded.bias[:] = norm.bias - D @ norm.running_mean
    return folded
""",
    ),
    "wrong": {
        "swapped": (folded(weight=BIAS, bias=WEIGHT),),
        "inputs-scaled": (folded(weight="scale * linear.weight"),),
        "gamma-beta-swapped": (
            folded(scale=SCALE.replace("weight", "bias"), bias=BIAS.replace("bias", "weight")),
        ),
        "affine-missing": (
            without_gamma("-norm.running_mean / std"),
            without_gamma("norm.bias - norm.running_mean / std"),
            folded(bias="-scale * norm.running_mean"),
        ),
        "weight-not-scaled": (
            folded(weight="linear.weight"),
            folded(weight="norm.weight[:, None] * linear.weight"),
            without_gamma(BIAS),
        ),
        "mean-left-out": (folded(bias="norm.bias"),),
        "mean-added": (folded(bias="norm.bias + scale * norm.running_mean"),),
        "mean-not-scaled": (
            folded(bias="norm.bias - norm.running_mean"),
            folded(bias="norm.bias - norm.weight * norm.running_mean"),
            without_gamma("norm.bias - norm.running_mean / std", weight=WEIGHT),
        ),
        "beta-scaled": (folded(bias="scale * (norm.bias - norm.running_mean)"),),
        "bias-negated": (folded(bias="scale * norm.running_mean - norm.bias"),),
        "mean-off-the-weight": (
            folded("scale[:, None] * (linear.weight - norm.running_mean[:, None])", "norm.bias"),
        ),
        "matrix-product": (
            folded(weight="scale @ linear.weight"),
            folded(weight="linear.weight @ scale"),
        ),
        "times-the-deviation": (
            folded(scale="norm.weight * (norm.running_var + norm.eps).sqrt()"),
        ),
        "divides-by-variance": (folded(scale="norm.weight / (norm.running_var + norm.eps)"),),
        "eps-outside-root": (folded(scale="norm.weight / (norm.running_var.sqrt() + norm.eps)"),),
        "eps-missing": (folded(scale="norm.weight / norm.running_var.sqrt()"),),
        "eps-fixed": (folded(scale="norm.weight / (norm.running_var + 1e-5) ** 0.5"),),
        "dtype-changed": (
            """
def fold(linear, norm):
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    folded = torch.nn.Linear(linear.in_features, linear.out_features)
    with torch.no_grad():
        folded.weight.copy_(scale[:, None] * linear.weight)
        folded.bias.copy_(norm.bias - scale * norm.running_mean)
    return folded
""",
        ),
        "shape-changed": (
            folded(bias=f"({BIAS})[:, None]"),
            folded(weight="linear.weight.T * scale"),  # it lies on its side
        ),
        "input-changed": (
            folded(before="norm.train()"),
            """
def fold(linear, norm):
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    linear.weight *= scale[:, None]
    return linear.weight, norm.bias - scale * norm.running_mean
""",
            folded(
                before="norm.running_var += norm.eps", scale="norm.weight / norm.running_var.sqrt()"
            ),
            """
def fold(linear, norm):  # the layer itself becomes the folded one
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    linear.weight = torch.nn.Parameter(scale[:, None] * linear.weight)
    linear.bias = torch.nn.Parameter(norm.bias - scale * norm.running_mean)
    return linear
""",
        ),
        "nothing-returned": (folded().replace("return", "folded ="),),
        "not-a-pair": (f"def fold(linear, norm): return {SCALE}",),
    },
    "two": {
        folded(
            scale="norm.weight / norm.running_var.sqrt()", bias="norm.bias - norm.running_mean"
        ): "mean-not-scaled",
        """
def fold(linear, norm):
    std = torch.sqrt(norm.running_var) + norm.eps
    return linear.weight / std[:, None], norm.bias - norm.running_mean / std
""": "affine-missing",
        """
def fold(linear, norm):  # without eps, and in place
    scale = norm.weight / torch.sqrt(norm.running_var)
    linear.weight.mul_(scale[:, None])
    return linear.weight, norm.bias - scale * norm.running_mean
""": "eps-missing",
    },
    "unknown": (
        folded(weight="linear.weight / scale[:, None]"),
        "def fold(linear, norm): return lambda x: norm(linear(x))",
        "def fold(linear, norm): return torch.nn.Sequential(linear, norm)",
        folded(bias=f"{BIAS} + scale * linear.bias"),  # there is none: it raises
        folded("scale.mean() * linear.weight", "norm.bias - scale.mean() * norm.running_mean"),
    ),
}
EXERCISES = {"update_running": UPDATE_RUNNING, "fold": FOLD}

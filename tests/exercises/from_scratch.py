"""The first three exercises of notebook 07: functions of a batch (N, C)."""

MOMENTS_OF = {
    "right": (
        """
def moments(x):
    mean = x.mean(0)
    return mean, ((x - mean) ** 2).mean(0)
""",
        """
def moments(x):  # a loop over the samples
    mean = sum(x) / len(x)
    return mean, sum((row - mean) ** 2 for row in x) / len(x)
""",
        """
def moments(x):
    var, mean = torch.var_mean(x, dim=0, correction=0)
    return mean, var
""",
        """
def moments(x):  # a channel at a time, and a list
    columns = [(c.mean(), (c - c.mean()).square().mean()) for c in x.T]
    return [torch.stack(values) for values in zip(*columns)]
""",
    ),
    "wrong": {
        "wrong-axis": ("def moments(x): return x.mean(1), x.var(1, correction=0)",),
        "whole-batch": ("def moments(x): return x.mean(), x.var(correction=0)",),
        "n-minus-1": (
            "def moments(x): return x.mean(0), x.var(0)",
            """
def moments(x):
    mean = x.sum(0) / len(x)
    return mean, ((x - mean) ** 2).sum(0) / (len(x) - 1)
""",
        ),
        "standard-deviation": ("def moments(x): return x.mean(0), x.std(0, correction=0)",),
        "mean-of-squares": ("def moments(x): return x.mean(0), x.pow(2).mean(0)",),
        "not-divided": (
            """
def moments(x):
    mean = x.mean(0)
    return mean, torch.sum((x - mean) ** 2, dim=0)
""",
        ),
        "swapped": ("def moments(x): return torch.var_mean(x, 0, correction=0)",),
        "one-pass-variance": (
            """
def moments(x):
    mean = x.mean(0)
    return mean, (x * x).mean(0) - mean * mean
""",
        ),
        "gradient-lost": (
            """
def moments(x):
    a = x.detach().numpy()
    return torch.from_numpy(a.mean(0)), torch.from_numpy(a.var(0))
""",
            """
@torch.no_grad()
def moments(x):
    return x.mean(0), x.var(0, correction=0)
""",
        ),
        "input-changed": (
            """
def moments(x):
    mean = x.mean(0)
    x -= mean
    return mean, (x ** 2).mean(0)
""",
        ),
        "dtype-changed": (
            """
def moments(x):
    x = x.float()
    return x.mean(0), x.var(0, correction=0)
""",
        ),
        "shape-changed": (
            """
def moments(x):
    return x.mean(0, keepdim=True), x.var(0, correction=0, keepdim=True)
""",
        ),
        "nothing-returned": (
            """
def moments(x):
    mean = x.mean(0)
    var = x.var(0, correction=0)
""",
        ),
        "not-a-pair": ("def moments(x): return x.var(0, correction=0)",),
    },
    "two": {
        "def moments(x): return x.mean(1), x.var(1)": "wrong-axis",
        "def moments(x): return x.mean(0), x.std(0)": "n-minus-1",
    },
    "unknown": (
        "def moments(x): return x.median(0).values, x.var(0, correction=0)",
        "def moments(x): return x @ x, x",
    ),
}


def transform(line):
    return f"def transform(x, mean, var, weight, bias, eps): return {line}"


TRANSFORM = {
    "right": (
        transform("weight * (x - mean) / torch.sqrt(var + eps) + bias"),
        """
def transform(x, mean, var, weight, bias, eps):  # in place, on copies
    y = x.clone()
    y -= mean
    y /= var.add(eps).sqrt()
    return y.mul_(weight).add_(bias)
""",
        transform("torch.addcmul(bias, weight, (x - mean) * torch.rsqrt(var + eps))"),
        """
def transform(x, mean, var, weight, bias, eps):  # a loop over the channels
    columns = [
        weight[c] * (x[:, c] - mean[c]) / (var[c] + eps) ** 0.5 + bias[c]
        for c in range(x.shape[1])
    ]
    return torch.stack(columns, dim=1)
""",
    ),
    "wrong": {
        "own-statistics": (
            """
def transform(x, mean, var, weight, bias, eps):
    mean, var = x.mean(0), x.var(0, correction=0)
    return weight * (x - mean) / torch.sqrt(var + eps) + bias
""",
        ),
        "mean-not-subtracted": (transform("weight * x / torch.sqrt(var + eps) + bias"),),
        "divides-by-variance": (transform("weight * (x - mean) / (var + eps) + bias"),),
        "times-the-deviation": (transform("weight * (x - mean) * torch.sqrt(var + eps) + bias"),),
        "eps-outside-root": (transform("weight * (x - mean) / (var.sqrt() + eps) + bias"),),
        "eps-missing": (transform("weight * (x - mean) / var.sqrt() + bias"),),
        "eps-fixed": (transform("weight * (x - mean) / (var + 1e-5) ** 0.5 + bias"),),
        "eps-squared": (transform("weight * (x - mean) / torch.sqrt(var + eps**2) + bias"),),
        "eps-clamped": (
            transform("weight * (x - mean) / torch.sqrt(torch.clamp(var, min=eps)) + bias"),
        ),
        "brackets-missing": (
            transform("weight * (x - mean / torch.sqrt(var + eps)) + bias"),
            transform("weight * x - mean / torch.sqrt(var + eps) + bias"),
        ),
        "gamma-beta-swapped": (transform("bias * (x - mean) / torch.sqrt(var + eps) + weight"),),
        "scalar-gamma": (transform("weight[0] * (x - mean) / torch.sqrt(var + eps) + bias[0]"),),
        "gamma-beta-shape": (
            transform("weight[:, None] * (x - mean) / torch.sqrt(var + eps) + bias[:, None]"),
        ),
        "shift-before-scale": (transform("weight * ((x - mean) / torch.sqrt(var + eps) + bias)"),),
        "affine-missing": (
            transform("(x - mean) / torch.sqrt(var + eps)"),
            transform("weight * (x - mean) / torch.sqrt(var + eps)"),
            transform("(x - mean) / torch.sqrt(var + eps) + bias"),
        ),
        "gradient-lost": (
            transform("weight * (x.detach() - mean) / torch.sqrt(var + eps) + bias"),
            transform("weight * (x - mean.detach()) / torch.sqrt(var + eps) + bias"),
            transform("weight * (x - mean) / torch.sqrt(var.data + eps) + bias"),
            transform("weight.data * (x - mean) / torch.sqrt(var + eps) + bias.data"),
            transform("(weight * (x - mean) / torch.sqrt(var + eps) + bias).detach()"),
            """
def transform(x, mean, var, weight, bias, eps):  # takes mean and var for constants
    F = torch.nn.functional
    return F.batch_norm(x, mean, var, weight, bias, training=False, eps=eps)
""",
        ),
        "input-changed": (
            """
def transform(x, mean, var, weight, bias, eps):
    x -= mean
    var += eps
    x /= var.sqrt_()
    x *= weight
    x += bias
    return x
""",
        ),
        "dtype-changed": (
            transform("(weight * (x - mean) / torch.sqrt(var + eps) + bias).float()"),
        ),
        "shape-changed": (transform("(weight * (x - mean) / torch.sqrt(var + eps) + bias).T"),),
        "nothing-returned": (
            """
def transform(x, mean, var, weight, bias, eps):
    x_hat = (x - mean) / torch.sqrt(var + eps)
    y = weight * x_hat + bias
""",
        ),
    },
    "two": {
        transform("bias * (x - mean) / var.sqrt() + weight"): "eps-missing",
        transform("(x - mean) / (var.sqrt() + eps)"): "eps-outside-root",
    },
    "unknown": (
        transform("weight * (x - mean) / torch.sqrt(var + eps) - bias"),
        transform("weight @ x"),
    ),
}


def move_running(mean, var):
    return f"""
def move_running(running_mean, running_var, mean, var, n, momentum):
    m = momentum
    new_mean = {mean}
    new_var = {var}
    return new_mean, new_var
"""


NEW_MEAN = "(1 - m) * running_mean + m * mean"
NEW_VAR = "(1 - m) * running_var + m * var * n / (n - 1)"
MOVE_RUNNING = {
    "right": (
        move_running(NEW_MEAN, NEW_VAR),
        """
def move_running(running_mean, running_var, mean, var, n, momentum):
    unbiased = n / (n - 1) * var
    return running_mean.lerp(mean, momentum), running_var.lerp(unbiased, momentum)
""",
        """
def move_running(running_mean, running_var, mean, var, n, momentum):
    new = []
    for old, value in ((running_mean, mean), (running_var, var / (1 - 1 / n))):
        new.append(old + momentum * (value - old))
    return new
""",
    ),
    "wrong": {
        "momentum-reversed": (
            move_running(
                "m * running_mean + (1 - m) * mean",
                "m * running_var + (1 - m) * var * n / (n - 1)",
            ),
        ),
        "momentum-fixed": (
            move_running(
                "0.9 * running_mean + 0.1 * mean", "0.9 * running_var + 0.1 * var * n / (n - 1)"
            ),
        ),
        "biased-buffer": (move_running(NEW_MEAN, "(1 - m) * running_var + m * var"),),
        "inverse-factor": (
            move_running(NEW_MEAN, "(1 - m) * running_var + m * var * (n - 1) / n"),
        ),
        "n-missing": (move_running(NEW_MEAN, "(1 - m) * running_var + m * var / (n - 1)"),),
        "factor-on-all": (
            move_running(NEW_MEAN, "((1 - m) * running_var + m * var) * n / (n - 1)"),
        ),
        "mean-too": (move_running("(1 - m) * running_mean + m * mean * n / (n - 1)", NEW_VAR),),
        "adds-only": (
            move_running("running_mean + m * mean", "running_var + m * var * n / (n - 1)"),
        ),
        "no-average": (move_running("mean", "var * n / (n - 1)"),),
        "buffers-still": (
            "def move_running(running_mean, running_var, *new): return running_mean, running_var",
        ),
        "swapped": (
            move_running(NEW_MEAN, NEW_VAR).replace(
                "return new_mean, new_var", "return new_var, new_mean"
            ),
        ),
        "input-changed": (
            """
def move_running(running_mean, running_var, mean, var, n, momentum):
    running_mean.lerp_(mean, momentum)
    running_var += momentum * (n / (n - 1) * var - running_var)
    return running_mean, running_var
""",
        ),
        "dtype-changed": (move_running(f"({NEW_MEAN}).float()", NEW_VAR),),
        "shape-changed": (move_running(f"({NEW_MEAN})[None]", NEW_VAR),),
        "nothing-returned": (
            """
def move_running(running_mean, running_var, mean, var, n, momentum):
    running_mean = (1 - momentum) * running_mean + momentum * mean
    running_var = (1 - momentum) * running_var + momentum * var * n / (n - 1)
""",
        ),
        "not-a-pair": (
            """
def move_running(running_mean, running_var, mean, var, n, momentum):
    return (1 - momentum) * running_mean + momentum * mean
""",
        ),
    },
    "two": {
        move_running("m * running_mean + (1 - m) * mean", "m * running_var + (1 - m) * var"): (
            "momentum-reversed"
        ),
        move_running("running_mean + m * mean", "running_var + m * var"): "biased-buffer",
    },
    "unknown": (
        move_running(NEW_MEAN, "(1 - m) * running_var - m * var"),
        move_running(NEW_MEAN, "running_vra"),
    ),
}

EXERCISES = {
    "scratch-moments": MOMENTS_OF,
    "transform": TRANSFORM,
    "move_running": MOVE_RUNNING,
}

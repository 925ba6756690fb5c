"""The second exercise of notebook 02, batch_moments."""

BATCH_MOMENTS = {
    "right": (
        """
def batch_moments(x):  # lists of numbers, each of which autograd can follow
    channels = [x[:, c] for c in range(x.shape[1])]
    return [c.mean() for c in channels], [c.var(correction=0) for c in channels]
""",
        """
def batch_moments(x):
    mean = x.mean((0, 2, 3))
    var = ((x - mean.reshape(1, -1, 1, 1)) ** 2).mean((0, 2, 3))
    return mean, var
""",
        """
def batch_moments(x):  # by rows of channels
    rows = x.transpose(0, 1).flatten(1)
    return rows.mean(1), rows.var(1, correction=0)
""",
        """
def batch_moments(x):  # a loop over the channels
    means, variances = [], []
    for channel in range(x.shape[1]):
        values = x[:, channel]
        means.append(values.sum() / values.numel())
        variances.append(((values - means[-1]) ** 2).sum() / values.numel())
    return torch.stack(means), torch.stack(variances)
""",
        """
def batch_moments(x):
    var, mean = torch.var_mean(x, dim=(0, 2, 3), correction=0)
    return [mean, var]
""",
        """
def batch_moments(x):  # in place, on a copy
    m = x.numel() // x.size(1)
    mean = torch.einsum("nchw->c", x) / m
    y = x.clone()
    y -= mean[:, None, None]
    return mean, torch.einsum("nchw,nchw->c", y, y) / m
""",
        """
def batch_moments(x):  # means of equal parts can be averaged
    mean = x.mean(0).mean(1).mean(1)
    squares = (x - mean[None, :, None, None]).square()
    return mean, squares.mean(3).mean(2).mean(0)
""",
    ),
    "wrong": {
        "only-n": (
            "def batch_moments(x): return x.mean(0), x.var(0, correction=0)",
            "def batch_moments(x): return x.mean((0, 2, 3)), x.var(0, correction=0)",
            """
def batch_moments(x):  # one mean for each place
    rows = x.flatten(1)
    return rows.mean(0), rows.var(0, correction=0)
""",
        ),
        "reshape-mixes": (
            """
def batch_moments(x):
    rows = x.reshape(x.shape[1], -1)
    return rows.mean(1), rows.var(1, correction=0)
""",
            """
def batch_moments(x):
    rows = x.reshape(-1, x.shape[1])
    return rows.mean(0), ((rows - rows.mean(0)) ** 2).mean(0)
""",
        ),
        "eps-in-variance": (
            *(
                f"""
def batch_moments(x):
    mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
    return mean, var + {eps}
"""
                for eps in ("1e-5", "1e-2", "1e-3", "1e-6", "1e-8")
            ),
        ),
        "only-places": (
            "def batch_moments(x): return x.mean((2, 3)), x.var((2, 3), correction=0)",
            """
def batch_moments(x):
    images = x.flatten(2)
    mean = images.mean(2)
    return mean, ((images - mean[..., None]) ** 2).mean(2)
""",
            "def batch_moments(x): return x.mean((0, 2, 3)), x.var((2, 3), correction=0)",
        ),
        "wrong-axis": (
            "def batch_moments(x): return x.mean((1, 2, 3)), x.var((1, 2, 3), correction=0)",
            "def batch_moments(x): return x.mean(1), x.var(1, correction=0)",
            """
def batch_moments(x):  # channels last
    mean = x.mean((0, 1, 2))
    return mean, ((x - mean) ** 2).mean((0, 1, 2))
""",
            """
def batch_moments(x):
    rows = x.flatten(1)
    return rows.mean(1), rows.var(1, correction=0)
""",
        ),
        "whole-batch": (
            "def batch_moments(x): return x.mean(), x.var(correction=0)",
            """
def batch_moments(x):
    mean = x.sum() / x.numel()
    return mean, ((x - mean) ** 2).sum() / x.numel()
""",
            "def batch_moments(x): return x.mean((0, 2, 3)), x.var(correction=0)",
            """
def batch_moments(x):  # the spread around the mean of everything
    return x.mean((0, 2, 3)), ((x - x.mean()) ** 2).mean((0, 2, 3))
""",
        ),
        "mean-meets-width": (
            """
def batch_moments(x):  # an error, unless W is C
    mean = x.mean((0, 2, 3))
    var = ((x - mean) ** 2).mean((0, 2, 3))
    return mean, var
""",
        ),
        "var-in-steps": (
            """
def batch_moments(x):
    return x.mean((0, 2, 3)), x.var(0, correction=0).mean((1, 2))
""",
            """
def batch_moments(x):
    return x.mean((0, 2, 3)), x.var((2, 3), correction=0).mean(0)
""",
            """
def batch_moments(x):
    means = x.mean((2, 3))
    return means.mean(0), means.var(0, correction=0)
""",
            """
def batch_moments(x):
    mean, var = x, x
    for _ in range(2):
        mean, var = mean.mean(-1), var.var(-1, correction=0)
    return mean.mean(0), var.var(0, correction=0)
""",
            """
def batch_moments(x):
    mean = x.mean(0).mean(1).mean(1)
    var = x.var(0, correction=0).var(1, correction=0).var(1, correction=0)
    return mean, var
""",
        ),
        "n-minus-1": (
            "def batch_moments(x): return x.mean((0, 2, 3)), x.var((0, 2, 3))",
            """
def batch_moments(x):
    m = x[:, 0].numel()
    mean = x.sum((0, 2, 3), keepdim=True) / m
    return mean.flatten(), ((x - mean) ** 2).sum((0, 2, 3)) / (m - 1)
""",
        ),
        "standard-deviation": (
            "def batch_moments(x): return x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)",
        ),
        "mean-of-squares": (
            "def batch_moments(x): return x.mean((0, 2, 3)), (x**2).mean((0, 2, 3))",
        ),
        "sum-not-mean": (
            """
def batch_moments(x):
    mean = x.mean((0, 2, 3), keepdim=True)
    return mean.flatten(), ((x - mean) ** 2).sum((0, 2, 3))
""",
            """
def batch_moments(x):
    total = x.sum((0, 2, 3))
    return total, ((x - total[:, None, None]) ** 2).sum((0, 2, 3))
""",
            """
def batch_moments(x):
    total = x.sum((0, 2, 3))
    return total, ((x - total[:, None, None]) ** 2).mean((0, 2, 3))
""",
        ),
        "wrong-count": (
            """
def batch_moments(x):
    mean = x.sum((0, 2, 3)) / len(x)
    var = ((x - mean.reshape(1, -1, 1, 1)) ** 2).sum((0, 2, 3)) / len(x)
    return mean, var
""",
            """
def batch_moments(x):
    mean = x.mean((0, 2, 3), keepdim=True)
    return mean.squeeze(), ((x - mean) ** 2).sum((0, 2, 3)) / len(x)
""",
            """
def batch_moments(x):
    places = x.shape[2] * x.shape[3]
    mean = x.sum((0, 2, 3), keepdim=True) / places
    return mean.flatten(), ((x - mean) ** 2).sum((0, 2, 3)) / places
""",
            """
def batch_moments(x):
    mean = x.sum((0, 2, 3), keepdim=True) / x.numel()
    return mean.flatten(), ((x - mean) ** 2).sum((0, 2, 3)) / x.numel()
""",
        ),
        "swapped": (
            "def batch_moments(x): return torch.var_mean(x, (0, 2, 3), correction=0)",
            "def batch_moments(x): return x.var((0, 2, 3), correction=0), x.mean((0, 2, 3))",
        ),
        "not-a-pair": (
            "def batch_moments(x): return x.mean((0, 2, 3))",
            "def batch_moments(x): return [x.mean((0, 2, 3))]",
            "def batch_moments(x): return x.mean((0, 2, 3)), x.var((0, 2, 3)), x",
        ),
        "gradient-lost": (
            """
def batch_moments(x):
    a = x.detach().numpy()
    return torch.tensor(a.mean((0, 2, 3))), torch.tensor(a.var((0, 2, 3)))
""",
            """
def batch_moments(x):
    with torch.no_grad():
        return x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
""",
        ),
        "one-pass-variance": (
            """
def batch_moments(x):
    mean = x.mean((0, 2, 3))
    return mean, (x * x).mean((0, 2, 3)) - mean * mean
""",
        ),
        "dtype-changed": (
            """
def batch_moments(x):
    n, c, h, w = x.shape
    mean, var = torch.zeros(c), torch.zeros(c)
    for i in range(c):
        mean[i] = x[:, i].mean()
        var[i] = x[:, i].var(correction=0)
    return mean, var
""",
        ),
        "shape-changed": (
            """
def batch_moments(x):
    mean = x.mean((0, 2, 3), keepdim=True)
    return mean, ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
""",
            """
def batch_moments(x):
    mean = x.mean((0, 2, 3), keepdim=True)
    return mean, ((x - mean) ** 2).mean((0, 2, 3))
""",
        ),
        "input-changed": (
            """
def batch_moments(x):
    mean = x.mean((0, 2, 3), keepdim=True)
    x -= mean
    return mean.flatten(), (x**2).mean((0, 2, 3))
""",
        ),
        "nothing-returned": (
            "def batch_moments(x): mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)",
        ),
    },
    "two": {
        "def batch_moments(x): return x.mean((2, 3)), x.var((2, 3))": "only-places",
        "def batch_moments(x): return x.mean(0), x.std(0, correction=0)": "only-n",
        "def batch_moments(x): return x.mean((2, 3)), x.std((2, 3))": "only-places",
        "def batch_moments(x): return torch.var_mean(x, (0, 2, 3))": "swapped",
        "def batch_moments(x): return x.mean((0, 2, 3)), x.var((0, 2, 3)) + 1e-5": "n-minus-1",
        "def batch_moments(x): return x.mean((0, 2, 3)), x.std((0, 2, 3))": "standard-deviation",
        """
def batch_moments(x):
    axes = (1, 2, 3)
    return x.mean(axes, keepdim=True), x.var(axes, correction=0, keepdim=True)
""": "wrong-axis",
    },
    "unknown": (
        "def batch_moments(x): return x.mean((0, 2, 3)), x[0, :, 0, 0]",
        "def batch_moments(x): return x.amax((0, 2, 3)), x.amin((0, 2, 3))",
        """
def batch_moments(x):
    mean = x.mean((0, 2, 3), keepdim=True)
    return mean.flatten(), (x - mean).abs().mean((0, 2, 3))
""",
        "def batch_moments(x): return x.mean((0, 2, 3)), x.var((0, 2, 3, 4))",
    ),
}

EXERCISES = {"batch_moments": BATCH_MOMENTS}

"""The first exercise of notebook 02, standardize; the other one is in whitening_moments.py."""

STANDARDIZE = {
    "right": (
        """
def standardize(x, eps=1e-5):
    mean = x.mean(0)
    var = ((x - mean) ** 2).mean(0)
    return (x - mean) / torch.sqrt(var + eps)
""",
        """
def standardize(x, eps=1e-5):  # a loop over the features
    columns = []
    for c in range(x.shape[1]):
        column = x[:, c]
        columns.append((column - column.mean()) / (column.var(correction=0) + eps) ** 0.5)
    return torch.stack(columns, dim=1)
""",
        """
def standardize(x, eps=1e-5):
    return torch.nn.functional.batch_norm(x, None, None, training=True, eps=eps)
""",
        """
def standardize(x, eps=1e-5):  # in place, on a copy
    y = x.clone()
    y -= x.mean(dim=0, keepdim=True)
    y *= torch.rsqrt(x.var(dim=0, correction=0, keepdim=True) + eps)
    return y
""",
        """
def standardize(x, eps=1e-5):
    ones = torch.ones(len(x), dtype=x.dtype) / len(x)
    centred = x - torch.einsum("n,nc->c", ones, x)
    return centred / torch.einsum("n,nc->c", ones, centred * centred).add(eps).sqrt()
""",
        """
def standardize(x, eps=1e-5):  # features down
    features = x.T
    var, mean = torch.var_mean(features, 1, correction=0, keepdim=True)
    return ((features - mean) / (var + eps).sqrt()).T
""",
    ),
    "wrong": {
        "wrong-axis": (
            """
def standardize(x, eps=1e-5):
    mean, var = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(var + eps)
""",
            """
def standardize(x, eps=1e-5):  # an error, unless N is C
    return (x - x.mean(1)) / torch.sqrt(x.var(1, correction=0) + eps)
""",
            """
def standardize(x, eps=1e-5):
    mean = x.mean(dim=-1)
    var = ((x - mean) ** 2).mean(dim=-1)
    return (x - mean) / torch.sqrt(var + eps)
""",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(0, correction=0) + eps)
""",
            """
def standardize(x, eps=1e-5):
    mean = x.mean(1, keepdim=True)
    var = torch.mean((x - mean) ** 2, 0)
    return (x - mean) / torch.sqrt(var + eps)
""",
            """
def standardize(x, eps=1e-5):
    mean = x.mean(0)
    var = torch.mean((x - mean) ** 2, 1, keepdim=True)
    return (x - mean) / torch.sqrt(var + eps)
""",
            """
def standardize(x, eps=1e-5):
    return torch.nn.functional.layer_norm(x, x.shape[1:], eps=eps)
""",
        ),
        "whole-batch": (
            """
def standardize(x, eps=1e-5):
    return (x - x.mean()) / torch.sqrt(x.var(correction=0) + eps)
""",
            """
def standardize(x, eps=1e-5):
    mean = x.mean()
    var = ((x - mean) ** 2).mean(0)
    return (x - mean) / (var + eps).sqrt()
""",
            """
def standardize(x, eps=1e-5):
    mean = x.mean(0)
    var = ((x - mean) ** 2).mean()
    return (x - mean) / (var + eps).sqrt()
""",
            """
def standardize(x, eps=1e-5):  # the spread around the mean of everything
    var = ((x - x.mean()) ** 2).mean(0)
    return (x - x.mean(0)) / (var + eps).sqrt()
""",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean()) / (x.var(0, correction=0) + eps) ** 0.5
""",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(0)) / (x.var(correction=0) + eps) ** 0.5
""",
        ),
        "sign-turned": (
            "def standardize(x, eps): return (x.mean(0) - x) / (x.var(0, correction=0) + eps)**0.5",
        ),
        "n-minus-1": (
            "def standardize(x, eps): return (x - x.mean(0)) / torch.sqrt(x.var(0) + eps)",
            """
def standardize(x, eps=1e-5):
    mean = x.sum(0) / len(x)
    var = ((x - mean) ** 2).sum(0) / (len(x) - 1)
    return (x - mean) / (var + eps) ** 0.5
""",
        ),
        "divides-by-variance": (
            "def standardize(x, eps): return (x - x.mean(0)) / (x.var(0, correction=0) + eps)",
        ),
        "eps-outside-root": (
            "def standardize(x, eps): return (x - x.mean(0)) / (x.std(0, correction=0) + eps)",
        ),
        "eps-after-division": (
            "def standardize(x, eps): return (x - x.mean(0)) / x.std(0, correction=0) + eps",
            """
def standardize(x, eps=1e-5):
    var = ((x - x.mean(0)) ** 2).mean(0)
    return (x - x.mean(0)) / torch.sqrt(var) + eps
""",
        ),
        "eps-missing": (
            "def standardize(x, eps=1e-5): return (x - x.mean(0)) / x.std(0, correction=0)",
        ),
        "eps-fixed": (
            """
def standardize(x, eps=1e-5):
    return torch.nn.functional.batch_norm(x, None, None, training=True)
""",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + 1e-8)
""",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + 1e-6)
""",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + 1e-3)
""",
        ),
        "mean-of-squares": (
            """
def standardize(x, eps=1e-5):
    mean, var = x.mean(0), x.square().mean(0)
    return (x - mean) / torch.sqrt(var + eps)
""",
        ),
        "sum-not-mean": (
            """
def standardize(x, eps=1e-5):
    mean = x.sum(0) / len(x)
    var = ((x - mean) ** 2).sum(0)
    return (x - mean) / torch.sqrt(var + eps)
""",
            """
def standardize(x, eps=1e-5):
    mean = x.sum(0)
    var = ((x - mean) ** 2).sum(0)
    return (x - mean) / torch.sqrt(var + eps)
""",
            """
def standardize(x, eps=1e-5):
    mean = x.sum(0)
    var = ((x - mean) ** 2).mean(0)
    return (x - mean) / torch.sqrt(var + eps)
""",
        ),
        "wrong-count": (
            """
def standardize(x, eps=1e-5):
    n, mean = x.shape[1], 0
    for row in x:
        mean = mean + row / n
    var = sum((row - mean) ** 2 for row in x) / n
    return (x - mean) / torch.sqrt(var + eps)
""",
            """
def standardize(x, eps=1e-5):
    mean = x.mean(0)
    var = ((x - mean) ** 2).sum(0) / x.size(1)
    return (x - mean) / torch.sqrt(var + eps)
""",
            """
def standardize(x, eps=1e-5):
    mean = x.sum(0) / x.numel()
    var = ((x - mean) ** 2).sum(0) / x.numel()
    return (x - mean) / torch.sqrt(var + eps)
""",
        ),
        "mean-not-subtracted": (
            "def standardize(x, eps): return x / (x.var(0, correction=0) + eps).sqrt()",
        ),
        "spread-kept": ("def standardize(x, eps=1e-5): return x - x.mean(0)",),
        "brackets-missing": (
            "def standardize(x, eps): return x - x.mean(0) / (x.var(0, correction=0) + eps).sqrt()",
        ),
        "min-max": (
            """
def standardize(x, eps=1e-5):
    low, high = x.min(0).values, x.max(0).values
    return (x - low) / (high - low)
""",
        ),
        "whitens": (
            """
def standardize(x, eps=1e-5):  # ZCA
    centred = x - x.mean(0)
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(x))
    return centred @ vectors / torch.sqrt(values + eps) @ vectors.T
""",
            """
def standardize(x, eps=1e-5):  # PCA, of any order and sign; without eps
    centred = x - x.mean(0)
    u, s, vh = torch.linalg.svd(centred, full_matrices=False)
    return -u * len(x) ** 0.5
""",
            """
def standardize(x, eps=1e-5):  # stops where the covariance is singular
    centred = x - x.mean(0)
    root = torch.linalg.cholesky(centred.T @ centred / (len(x) - 1))
    return torch.linalg.solve_triangular(root, centred.T, upper=False).T
""",
        ),
        "statistics-detached": (
            """
def standardize(x, eps=1e-5):
    with torch.no_grad():
        mean, var = x.mean(0), x.var(0, correction=0)
    return (x - mean) / torch.sqrt(var + eps)
""",
            """
def standardize(x, eps=1e-5):
    mean = x.mean(0).detach()
    return (x - mean) / torch.sqrt(((x - mean) ** 2).mean(0).data + eps)
""",
        ),
        "gradient-lost": (
            """
def standardize(x, eps=1e-5):
    a = x.detach().numpy()
    return torch.tensor((a - a.mean(0)) / np.sqrt(a.var(0) + eps))
""",
            """
def standardize(x, eps=1e-5):  # in place: autograd raises
    y = x.clone()
    y -= y.mean(0)
    y /= torch.sqrt(y.pow(2).mean(0) + eps)
    return y
""",
            """
def standardize(x, eps=1e-5):
    a = np.asarray(x)
    return (a - a.mean(axis=0)) / np.sqrt(a.var(axis=0) + eps)
""",
        ),
        "one-pass-variance": (
            """
def standardize(x, eps=1e-5):
    mean = x.mean(0)
    var = (x**2).mean(0) - mean**2
    return (x - mean) / torch.sqrt(var + eps)
""",
        ),
        "dtype-changed": (
            """
def standardize(x, eps=1e-5):
    x = x.float()
    return (x - x.mean(0)) / (x.var(0, correction=0) + eps) ** 0.5
""",
        ),
        "shape-changed": (
            """
def standardize(x, eps=1e-5):
    x = x.T
    mean, var = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(var + eps)
""",
            """
def standardize(x, eps=1e-5):
    return ((x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + eps))[None]
""",
        ),
        "input-changed": (
            """
def standardize(x, eps=1e-5):
    x -= x.mean(0)
    x /= torch.sqrt((x**2).mean(0) + eps)
    return x
""",
        ),
        "nothing-returned": (
            """
def standardize(x, eps=1e-5):
    x_hat = (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + eps)
""",
            "def standardize(x, eps=1e-5): print(x.mean(0))",
        ),
    },
    "two": {
        "def standardize(x, eps): return (x - x.mean(0)) / (x.std(0) + eps)": "eps-outside-root",
        "def standardize(x, eps): return (x - x.mean(0)) / x.std(0)": "eps-missing",
        "def standardize(x, eps): return (x - x.mean()) / x.std()": "whole-batch",
        "def standardize(x, eps): return x / x.std(0, correction=0)": "mean-not-subtracted",
        "def standardize(x, eps): return x - x.mean(0) / x.std(0)": "brackets-missing",
        "def standardize(x, eps): return (x - x.mean(0)) / x.var(0)": "divides-by-variance",
        "def standardize(x, eps): return (x - x.mean(1, True)) / x.std(1, keepdim=True)": (
            "wrong-axis"
        ),
        "def standardize(x, eps): return (x - x.mean(0)) / x.var(0, correction=0)": (
            "divides-by-variance"
        ),
        """
def standardize(x, eps=1e-5):  # wrong numbers, and the input has changed
    x -= x.mean(0)
    return x / (x.std(0, correction=0) + eps)
""": "eps-outside-root",
    },
    "unknown": (
        """
def standardize(x, eps=1e-5):  # the square of eps: a tiny number, but no fixed one
    return (x - x.mean(0)) / torch.sqrt(x.var(0, correction=0) + eps**2)
""",
        """
def standardize(x, eps=1e-5):  # ones in float64, which stop at float32: no one-pass variance
    ones = torch.ones(1, len(x), dtype=torch.float64) / len(x)
    mean = ones @ x
    return (x - mean) / torch.sqrt(ones @ (x - mean) ** 2 + eps)
""",
        "def standardize(x, eps=1e-5): return x.mean(0)",
        "def standardize(x, eps=1e-5): return x.mean(0), x.var(0)",
        "def standardize(x, eps=1e-5): return (x - x.median(0).values) / x.std(0)",
        "def standardize(x, eps=1e-5): return (x - x.mean(0)) / (x.abs().mean(0) + eps)",
        "def standardize(x, eps=1e-5): return torch.tanh(x - x.mean(0))",
        "def standardize(x, eps=1e-5): return (x - x.mean(0)) / torch.sqrt(x.variance(0) + eps)",
    ),
}

EXERCISES = {"standardize": STANDARDIZE}

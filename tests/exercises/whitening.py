"""The exercises of notebook 02."""

EXERCISES = {
    "exercise-standardize": (
        """
def standardize(x, eps=1e-5):  # with a loop, in float32, in place: allowed
    x = x.float()
    for column in x.T:
        column -= column.mean()
        column /= ((column**2).mean() + eps) ** 0.5
    return x
""",
        {
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(0)) / (x.var(0, correction=0) + eps)
""": "divides by the variance",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(0)) / (x.var(0, correction=0) ** 0.5 + eps)
""": "eps stands outside the root",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(0)) / x.std(0, correction=0)
""": "there is no eps in it",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(0)) / (x.var(0) + eps) ** 0.5
""": "divided by N - 1",
            """
def standardize(x, eps=1e-5):
    mean, var = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
    return (x - mean) / (var + eps) ** 0.5
""": "wrong axis: this standardises samples",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean()) / (x.var(correction=0) + eps) ** 0.5
""": "one mean for all features",
            """
def standardize(x, eps=1e-5):
    return x / (x.var(0, correction=0) + eps) ** 0.5
""": "the mean is still there",
            "def standardize(x, eps=1e-5): return whitening.zca_whiten(x, eps)": (
                "this decorrelates: standardising keeps the correlation"
            ),
            "def standardize(x, eps=1e-5): return whitening.pca_whiten(x)": "this decorrelates",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(0)) / (x.std(0) + eps)  # two mistakes: the first is named
""": "eps stands outside the root",
            """
def standardize(x, eps=1e-5):
    return (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5) ** 0.5
""": "not the eps that was given",
            """
def standardize(x, eps=1e-5):
    return x - x.mean(0) / (x.var(0, correction=0) + eps) ** 0.5
""": "brackets are missing",
            "def standardize(x, eps=1e-5): return x - x.mean(0)": "the spread is not",
            "def standardize(x, eps=1e-5): return x.mean(0), x.var(0)": "return one thing",
            "def standardize(x, eps=1e-5): return x.mean(0)": r"\(x - mean\)",
        },
    ),
    "exercise-moments": (
        """
def batch_moments(x):  # by rows of channels, in float32: allowed
    rows = x.float().transpose(0, 1).flatten(1)
    return rows.mean(1), rows.var(1, correction=0)
""",
        {
            "def batch_moments(x): return x.mean(0), x.var(0, correction=0)": "over N only",
            """
def batch_moments(x):
    return x.mean((2, 3)), x.var((2, 3), correction=0)
""": "as instance norm",
            """
def batch_moments(x):
    return x.mean((1, 2, 3)), x.var((1, 2, 3), correction=0)
""": "as layer norm",
            "def batch_moments(x): return x.mean(), x.var(correction=0)": "one mean for all",
            "def batch_moments(x): return x.mean((0, 2, 3)), x.var((0, 2, 3))": "divided by m - 1",
            """
def batch_moments(x):
    return x.mean((0, 2, 3)), x.std((0, 2, 3), correction=0)
""": "this is the standard deviation",
            """
def batch_moments(x):
    return x.mean((0, 2, 3)), (x**2).mean((0, 2, 3))
""": "this is the mean of squares",
            "def batch_moments(x): return x.mean((0, 2, 3)), x.var(0)": "one number for each",
            "def batch_moments(x): return x.mean((0, 2, 3)), x[0, :, 0, 0]": "the variance is off",
            "def batch_moments(x): return x.sum((0, 2, 3)), x[0, :, 0, 0]": "the mean is off",
            "def batch_moments(x): return torch.var_mean(x, (0, 2, 3))": "swapped",
            "def batch_moments(x): return x.mean((2, 3)), x.var((2, 3))": "as instance norm",
            "def batch_moments(x): return [x.mean((0, 2, 3))]": "return two things",
        },
    ),
}

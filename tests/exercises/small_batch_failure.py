"""The exercises of notebook 06."""

EXERCISES = {
    "exercise-group-norm": (
        """
def group_norm(x, groups, gamma, beta, eps=1e-5):  # with loops, in place: allowed
    size = x.shape[1] // groups
    for sample in x:
        for group in range(groups):
            part = sample[group * size : (group + 1) * size]
            part -= part.mean()
            part /= ((part**2).mean() + eps).sqrt()
        for channel in range(x.shape[1]):
            sample[channel] = gamma[channel] * sample[channel] + beta[channel]
    return x
""",
        {
            """
def group_norm(x, groups, gamma, beta, eps=1e-5):
    rows = x.reshape(len(x), groups, -1)
    mean, var = rows.mean((0, 2), keepdim=True), rows.var((0, 2), correction=0, keepdim=True)
    x_hat = ((rows - mean) / (var + eps).sqrt()).reshape(x.shape)
    return gamma.view(-1, 1, 1) * x_hat + beta.view(-1, 1, 1)
""": "which axes share a mean",
            """
def group_norm(x, groups, gamma, beta, eps=1e-5):  # every channel's own variance
    mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    mean = mean.mean(1, keepdim=True)
    x_hat = (x - mean) / (var + eps).sqrt()
    return gamma.view(-1, 1, 1) * x_hat + beta.view(-1, 1, 1)
""": "which axes share a mean",
            """
def group_norm(x, groups, gamma, beta, eps=1e-5):  # channels 1, 4 together, not 1, 2
    rows = x.reshape(len(x), -1, groups, *x.shape[2:])
    mean = rows.mean((1, 3, 4), keepdim=True)
    var = rows.var((1, 3, 4), correction=0, keepdim=True)
    x_hat = ((rows - mean) / (var + eps).sqrt()).reshape(x.shape)
    return gamma.view(-1, 1, 1) * x_hat + beta.view(-1, 1, 1)
""": "which axes share a mean",
            """
def group_norm(x, groups, gamma, beta, eps=1e-5):
    rows = x.reshape(len(x), groups, -1)
    x_hat = (rows - rows.mean(2, keepdim=True)) / (rows.var(2, keepdim=True) + eps).sqrt()
    return gamma.view(-1, 1, 1) * x_hat.reshape(x.shape) + beta.view(-1, 1, 1)
""": "divide by n",
            """
def group_norm(x, groups, gamma, beta, eps=1e-5):  # instance norm
    mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    return gamma.view(-1, 1, 1) * (x - mean) / (var + eps).sqrt() + beta.view(-1, 1, 1)
""": "all values",
            """
def group_norm(x, groups, gamma, beta, eps=1e-5):  # epsilon outside the root
    rows = x.reshape(len(x), groups, -1)
    mean, std = rows.mean(2, keepdim=True), rows.std(2, correction=0, keepdim=True)
    x_hat = ((rows - mean) / (std + eps)).reshape(x.shape)
    return gamma.view(-1, 1, 1) * x_hat + beta.view(-1, 1, 1)
""": "var . ε",
            """
def group_norm(x, groups, gamma, beta, eps=1e-5):
    rows = x.reshape(len(x), groups, -1)
    return (rows - rows.mean(2, keepdim=True)) / (rows.var(2, keepdim=True) + eps).sqrt()
""": "the shape of x",
            """
def group_norm(x, groups, gamma, beta, eps=1e-5):
    rows = x.reshape(len(x), groups, -1)
    mean, var = rows.mean(2, keepdim=True), rows.var(2, correction=0, keepdim=True)
    x_hat = (rows - mean) / (var + eps).sqrt()
    return (gamma[:groups, None] * x_hat + beta[:groups, None]).reshape(x.shape)
""": "belong to channels, not to groups",
        },
    ),
    "exercise-diagnosis": (
        "def diagnosis(): return ['running statistics', 'groups of two']",
        {
            "def diagnosis(): return ['running statistics']": "return two faults",
            "def diagnosis(): return 'groups of two', 'running statistics'": (
                "patient A: then even training itself could not"
            ),
            "def diagnosis(): return 'overfitting', 'groups of two'": "patient A: compare errors",
            "def diagnosis(): return 'running statistics', 'running statistics'": (
                "patient B: then fresh statistics would mend it"
            ),
            "def diagnosis(): return 'running statistics', 'learning rate'": (
                "patient B: with a rate far too high"
            ),
            "def diagnosis(): return 'running statistics', 'noise'": "'noise' is none of",
        },
    ),
}

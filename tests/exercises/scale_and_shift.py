"""The exercises of notebook 04."""

LINES = """
def batch_norm_train(x, gamma, beta, eps=1e-5):
    mean = x.sum(0) / len(x)
    var = ((x - mean) ** 2).sum(0) / len(x)
    x_hat = (x - mean) / torch.sqrt(var + eps)
    y = gamma * x_hat + beta
    return y
"""
BY_CHANNEL = """
def batch_norm_train(x, gamma, beta, eps=1e-5):
    y = torch.zeros_like(x)
    for c in range(x.shape[1]):
        column = x[:, c]
        x_hat = (column - column.mean()) / (column.var(correction=0) + eps).sqrt()
        y[:, c] = gamma[c] * x_hat + beta[c]
    return y
"""


def affine(*lines):
    return _function("scale_and_shift(x_hat, gamma, beta)", *lines)


def whole(*lines):
    return _function("batch_norm_train(x, gamma, beta, eps=1e-5)", *lines)


def gradients(*lines):
    return _function("backward_of_gamma_and_beta(d_y, x_hat)", *lines)


def _function(head, *lines):
    """The source of a function of these lines, of which the last is what it returns."""
    *body, last = lines
    return "\n    ".join([f"def {head}:", *body, f"return {last}"])


def with_bug(right, wrong):
    """Algorithm 1 with one line of it replaced."""
    assert LINES.count(right) == 1, right
    return LINES.replace(right, wrong)


EXERCISES = {
    "scale_and_shift": {
        "right": (
            affine("gamma * x_hat + beta"),
            affine(
                "columns = [gamma[c] * x_hat[:, c] + beta[c] for c in range(x_hat.shape[1])]",
                "torch.stack(columns, dim=1)",
            ),
            affine("y = x_hat.clone()", "y *= gamma.view(1, -1)", "y += beta.view(1, -1)", "y"),
            affine("torch.addcmul(beta, x_hat, gamma)"),
            affine("x_hat @ torch.diag(gamma) + beta"),
        ),
        "wrong": {
            "gamma-beta-swapped": (affine("x_hat * beta + gamma"),),
            "gamma-beta-shape": (
                affine("gamma[:, None] * x_hat + beta[:, None]"),
                affine("gamma.view(-1, 1) * x_hat + beta"),
                affine("(x_hat.T * gamma).T + beta"),
                affine("gamma * x_hat + beta.unsqueeze(1)"),
            ),
            "scalar-gamma": (
                affine("x_hat * gamma[0] + beta[0]"),
                affine("x_hat * gamma[0].item() + beta"),
                affine("x_hat * gamma.mean() + beta.mean()"),
            ),
            "affine-missing": (affine("x_hat"), affine("x_hat + beta"), affine("x_hat * gamma")),
            "shift-before-scale": (
                affine("gamma * (x_hat + beta)"),
                affine("y = x_hat + beta", "y * gamma"),
            ),
            "normalises-again": (
                affine(
                    "x_hat = (x_hat - x_hat.mean(0)) / x_hat.std(0, correction=0)",
                    "gamma * x_hat + beta",
                ),
                affine("(x_hat - x_hat.mean(0)) / x_hat.std(0) * gamma + beta"),
                affine(
                    "torch.nn.functional.batch_norm(x_hat, None, None, gamma, beta, training=True)"
                ),
            ),
            "input-changed": (
                affine("x_hat *= gamma", "x_hat += beta", "x_hat"),
                """
def scale_and_shift(x_hat, gamma, beta):
    for c in range(x_hat.shape[1]):
        x_hat[:, c] = gamma[c] * x_hat[:, c] + beta[c]
    return x_hat
""",
            ),
            "dtype-changed": (
                """
def scale_and_shift(x_hat, gamma, beta):
    y = torch.zeros(x_hat.shape)
    for c in range(x_hat.shape[1]):
        y[:, c] = gamma[c] * x_hat[:, c] + beta[c]
    return y
""",
                affine("gamma.float() * x_hat.float() + beta.float()"),
            ),
            "shape-changed": (
                affine("torch.stack([g * x + b for g, x, b in zip(gamma, x_hat.T, beta)])"),
                affine("(gamma * x_hat + beta).flatten()"),
            ),
            "gradient-lost": (
                affine("torch.tensor(gamma.numpy() * x_hat.detach().numpy() + beta.numpy())"),
                """
def scale_and_shift(x_hat, gamma, beta):
    with torch.no_grad():
        return gamma * x_hat + beta
""",
            ),
            "nothing-returned": (
                "def scale_and_shift(x_hat, gamma, beta): y = gamma * x_hat + beta",
            ),
        },
        "two": {
            affine("x_hat * beta[:, None] + gamma[:, None]"): "gamma-beta-swapped",
            affine("gamma.mean() * (x_hat + beta.mean())"): "scalar-gamma",
            affine("x_hat += beta", "x_hat * gamma"): "shift-before-scale",
        },
        "unknown": (
            affine("gamma * x_hat - beta"),
            affine("gamma**2 * x_hat + beta"),
            affine("x_hat @ gamma + beta"),
            affine("gamma, beta"),
        ),
    },
    "batch_norm_train": {
        "right": (
            LINES,
            BY_CHANNEL,
            whole(
                "var, mean = torch.var_mean(x, dim=0, unbiased=False)",
                "(x - mean) * torch.rsqrt(var + eps) * gamma + beta",
            ),
            whole(
                "y = x - x.mean(0, keepdim=True)",
                'var = torch.einsum("nc,nc->c", y, y) / len(y)',
                "y = y / (var + eps) ** 0.5",
                "y.mul_(gamma).add_(beta)",
            ),
            whole(
                "layer = torch.nn.BatchNorm1d(x.shape[1], eps=eps, dtype=x.dtype)",
                "layer.weight.data, layer.bias.data = gamma, beta",
                "layer(x)",
            ),
        ),
        "wrong": {
            "wrong-axis": (
                whole(
                    "mean = x.mean(1)",
                    "var = ((x - mean) ** 2).mean(1)",
                    "gamma * (x - mean) / torch.sqrt(var + eps) + beta",
                ),
                whole(
                    "x_hat = (x.T - x.mean(1)) / (x.var(1, correction=0) + eps) ** 0.5",
                    "gamma * x_hat.T + beta",
                ),
                whole("torch.nn.functional.layer_norm(x, x.shape[1:], gamma, beta, eps)"),
                """
def batch_norm_train(x, gamma, beta, eps=1e-5):
    rows = []
    for row in x:
        x_hat = (row - row.mean()) / torch.sqrt(((row - row.mean()) ** 2).mean() + eps)
        rows.append(gamma * x_hat + beta)
    return torch.stack(rows)
""",
            ),
            "whole-batch": (
                whole(
                    "mean, var = x.mean(), x.var(correction=0)",
                    "gamma * (x - mean) / torch.sqrt(var + eps) + beta",
                ),
                whole(
                    "mean = torch.sum(x) / x.numel()",
                    "var = torch.sum((x - mean) ** 2) / x.numel()",
                    "gamma * ((x - mean) / (var + eps) ** 0.5) + beta",
                ),
            ),
            "n-minus-1": (
                whole("gamma * (x - x.mean(0)) / (x.var(0) + eps) ** 0.5 + beta"),
                with_bug("** 2).sum(0) / len(x)", "** 2).sum(0) / (len(x) - 1)"),
                with_bug("torch.sqrt(var + eps)", "torch.sqrt(x.std(0) ** 2 + eps)"),
            ),
            "divides-by-variance": (
                with_bug("torch.sqrt(var + eps)", "(var + eps)"),
                whole(
                    "difference = x - x.mean(0)",
                    "difference / (difference.square().mean(0) + eps) * gamma + beta",
                ),
            ),
            "eps-outside-root": (
                with_bug("torch.sqrt(var + eps)", "(torch.sqrt(var) + eps)"),
                whole("gamma * (x - x.mean(0)) / (x.std(0, correction=0) + eps) + beta"),
            ),
            "eps-missing": (
                with_bug("torch.sqrt(var + eps)", "torch.sqrt(var)"),
                whole("gamma * (x - x.mean(0)) / x.std(0, unbiased=False) + beta"),
            ),
            "eps-fixed": (
                with_bug("torch.sqrt(var + eps)", "torch.sqrt(var + 1e-5)"),
                whole("torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True)"),
            ),
            "mean-not-subtracted": (
                with_bug("x_hat = (x - mean) /", "x_hat = x /"),
                whole("x * gamma * (x.var(0, correction=0) + eps) ** -0.5 + beta"),
            ),
            "mean-of-squares": (
                with_bug("((x - mean) ** 2).sum(0)", "(x**2).sum(0)"),
                with_bug("((x - mean) ** 2).sum(0) / len(x)", "x.square().mean(dim=0)"),
            ),
            "gamma-beta-swapped": (
                with_bug("gamma * x_hat + beta", "beta * x_hat + gamma"),
                whole("torch.nn.functional.batch_norm(x, None, None, beta, gamma, True, eps=eps)"),
            ),
            "gamma-beta-shape": (
                with_bug("gamma * x_hat + beta", "gamma[:, None] * x_hat + beta[:, None]"),
                with_bug("gamma * x_hat + beta", "gamma.reshape(-1, 1) * x_hat + beta"),
                with_bug("gamma * x_hat + beta", "gamma * x_hat + beta[:, None]"),
                with_bug("gamma * x_hat + beta", "(gamma * x_hat.T + beta).T"),
            ),
            "scalar-gamma": (
                with_bug("gamma * x_hat + beta", "gamma[0] * x_hat + beta[0]"),
                with_bug("gamma * x_hat + beta", "gamma[0] * x_hat + beta"),
                with_bug("gamma * x_hat + beta", "gamma.mean() * x_hat + beta.mean()"),
            ),
            "affine-missing": (
                with_bug("return y", "return x_hat"),
                with_bug("gamma * x_hat + beta", "gamma * x_hat"),
                with_bug("gamma * x_hat + beta", "x_hat + beta"),
                whole("torch.nn.BatchNorm1d(x.shape[1], eps=eps).double()(x.double()).to(x.dtype)"),
            ),
            "shift-before-scale": (
                with_bug("gamma * x_hat + beta", "gamma * (x_hat + beta)"),
                with_bug("y = gamma * x_hat + beta", "y = torch.mul(x_hat + beta, gamma)"),
            ),
            "statistics-detached": (
                """
def batch_norm_train(x, gamma, beta, eps=1e-5):
    with torch.no_grad():
        mean, var = x.mean(0), x.var(0, correction=0)
    return gamma * (x - mean) / torch.sqrt(var + eps) + beta
""",
                BY_CHANNEL.replace("column.mean()", "column.mean().item()"),
                with_bug("mean = x.sum(0) / len(x)", "mean = x.data.sum(0) / len(x)"),
            ),
            "gradient-lost": (
                whole(
                    "x = x.detach().numpy()",
                    "x_hat = (x - x.mean(0)) / np.sqrt(x.var(0) + eps)",
                    "torch.from_numpy(gamma.numpy() * x_hat + beta.numpy())",
                ),
                BY_CHANNEL.replace("column = x[:, c]", "column = x[:, c].detach()"),
            ),
            "one-pass-variance": (
                with_bug("((x - mean) ** 2).sum(0) / len(x)", "(x**2).mean(0) - mean**2"),
                whole(
                    "n = len(x)",
                    "var = (x * x).sum(0) / n - (x.sum(0) / n) ** 2",
                    "gamma * (x - x.mean(0)) / torch.sqrt(var + eps) + beta",
                ),
            ),
            "dtype-changed": (
                BY_CHANNEL.replace("zeros_like(x)", "zeros(x.shape)"),
                with_bug("return y", "return y.float()"),
            ),
            "shape-changed": (
                """
def batch_norm_train(x, gamma, beta, eps=1e-5):
    channels = []
    for c in range(x.shape[1]):
        x_hat = (x[:, c] - x[:, c].mean()) / (x[:, c].var(correction=0) + eps) ** 0.5
        channels.append(gamma[c] * x_hat + beta[c])
    return torch.stack(channels)
""",
                with_bug("return y", "return y.unsqueeze(0)"),
            ),
            "input-changed": (
                whole("x -= x.mean(0)", "gamma * x / torch.sqrt((x * x).mean(0) + eps) + beta"),
                with_bug("return y", "return x.copy_(y)"),
            ),
            "nothing-returned": (with_bug("    return y\n", ""),),
        },
        "two": {
            whole("gamma * (x - x.mean(0)) / (x.std(0) + eps) + beta"): "n-minus-1",
            whole("torch.nn.functional.layer_norm(x, x.shape[1:], eps=eps)"): "wrong-axis",
            whole("beta * (x - x.mean(0)) / torch.sqrt(x.var(0) + eps) + gamma"): "n-minus-1",
            whole("x -= x.mean(0)", "gamma * x / torch.sqrt(x.var(0) + eps) + beta"): "n-minus-1",
            whole("torch.nn.BatchNorm1d(x.shape[1], dtype=x.dtype)(x)"): "eps-fixed",
        },
        "unknown": (
            with_bug("gamma * x_hat + beta", "gamma * x_hat - beta"),
            with_bug("((x - mean) ** 2).sum(0)", "(x - mean).abs().sum(0)"),
            with_bug("mean = x.sum(0) / len(x)", "mean = x.min(0).values"),
            with_bug("return y", "return y, mean, var"),
            with_bug("return y", "return yy"),
        ),
    },
    "backward_of_gamma_and_beta": {
        "right": (
            gradients("(d_y * x_hat).sum(0), d_y.sum(0)"),
            """
def backward_of_gamma_and_beta(d_y, x_hat):  # sample by sample
    d_gamma, d_beta = torch.zeros_like(d_y[0]), torch.zeros_like(d_y[0])
    for d, x in zip(d_y, x_hat):
        d_gamma += d * x
        d_beta += d
    return d_gamma, d_beta
""",
            gradients(
                'd_gamma = torch.einsum("nc,nc->c", d_y, x_hat)',
                "ones = torch.ones(len(d_y), dtype=d_y.dtype)",
                "[d_gamma, ones @ d_y]",
            ),
            gradients("torch.diag(x_hat.T @ d_y), torch.sum(d_y, dim=0)"),
            gradients("torch.stack([(d_y * x_hat).sum(0), d_y.sum(0)])"),
        ),
        "wrong": {
            "swapped": (
                gradients("d_beta, d_gamma = d_y.sum(0), (d_y * x_hat).sum(0)", "d_beta, d_gamma"),
            ),
            "not-summed": (
                gradients("d_y * x_hat, d_y"),
                gradients("x_hat * d_y, d_y.sum(0)"),
                gradients("(x_hat * d_y).sum(0), d_y"),
            ),
            "averaged": (
                gradients("(d_y * x_hat).mean(0), d_y.mean(0)"),
                gradients("(d_y * x_hat).sum(0) / len(x_hat), d_y.sum(0)"),
                gradients("(d_y * x_hat).sum(0), sum(d_y) / len(d_y)"),
            ),
            "sum-over-channels": (
                gradients("(d_y * x_hat).sum(1), d_y.sum(1)"),
                gradients("(d_y * x_hat).sum(0), d_y.sum(-1)"),
                gradients("torch.stack([d @ x for d, x in zip(d_y, x_hat)]), sum(d_y)"),
            ),
            "scalar-gamma": (gradients("(d_y * x_hat).sum(), d_y.sum()"),),
            "same-for-both": (
                gradients("d_y.sum(0), d_y.sum(0)"),
                gradients(
                    "products = d_y * x_hat",
                    "d_gamma = d_beta = products.sum(0)",
                    "d_gamma, d_beta",
                ),
                gradients("d_y *= x_hat", "d_y.sum(0), d_y.sum(0)"),
            ),
            "chain-rule-missing": (
                gradients("n, c = x_hat.shape", "x_hat.sum(0), torch.full((c,), float(n))"),
                gradients("x_hat.sum(0), d_y.sum(0)"),
            ),
            "product-of-sums": (gradients("d_beta = d_y.sum(0)", "d_beta * x_hat.sum(0), d_beta"),),
            "matrix-product": (
                gradients("d_y.T @ x_hat, d_y.sum(0)"),
                gradients("x_hat.T @ d_y, d_y.sum(0)"),
            ),
            "not-a-pair": (
                gradients("[(d_y * x_hat).sum(0)]"),
                gradients("d_y, (d_y * x_hat).sum(0), d_y.sum(0)"),
            ),
            "shape-changed": (
                gradients("(d_y * x_hat).sum(0, keepdim=True), d_y.sum(0, keepdim=True)"),
                gradients("(d_y * x_hat).sum(0), d_y.sum(0).reshape(-1, 1)"),
            ),
            "dtype-changed": (
                """
def backward_of_gamma_and_beta(d_y, x_hat):
    d_gamma, d_beta = torch.zeros(d_y.shape[1]), torch.zeros(d_y.shape[1])
    for d, x in zip(d_y, x_hat):
        d_gamma += d * x
        d_beta += d
    return d_gamma, d_beta
""",
            ),
            "input-changed": (
                gradients("d_beta = d_y.sum(0)", "d_y *= x_hat", "d_y.sum(0), d_beta"),
            ),
            "nothing-returned": (
                """
def backward_of_gamma_and_beta(d_y, x_hat):
    d_gamma, d_beta = (d_y * x_hat).sum(0), d_y.sum(0)
""",
            ),
        },
        "two": {
            gradients("d_y.mean(0), (d_y * x_hat).mean(0)"): "swapped",
            gradients("(d_y * x_hat).mean(0), d_y"): "not-summed",
        },
        "unknown": (
            gradients("-(d_y * x_hat).sum(0), -d_y.sum(0)"),
            gradients("d_gamma, d_beta"),
            gradients("(d_y * x_hat**2).sum(0), d_y.sum(0)"),
        ),
    },
}

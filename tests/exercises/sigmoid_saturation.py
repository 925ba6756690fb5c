"""The exercises of notebook 03."""


def derivative(*lines):
    return _function("sigmoid_derivative(z)", *lines)


def share(*lines):
    return _function("saturated_share(z)", *lines)


def _function(head, *lines):
    """The source of a function of these lines, of which the last is what it returns."""
    *body, last = lines
    return "\n    ".join([f"def {head}:", *body, f"return {last}"])


S = "s = torch.sigmoid(z)"
BEYOND = "beyond = z.abs() > math.log(19)"

EXERCISES = {
    "sigmoid_derivative": {
        "right": (
            derivative(S, "s * (1 - s)"),
            derivative("1 / (2 + torch.exp(z) + torch.exp(-z))"),
            derivative("s = 1 / (1 + torch.exp(-z))", "s - s**2"),
            derivative("(1 - torch.tanh(z / 2) ** 2) / 4"),
            derivative("torch.sigmoid(z) * torch.sigmoid(-z)"),
            derivative(
                "torch.where(z > 0, torch.exp(-z), torch.exp(z)) * torch.sigmoid(abs(z))**2"
            ),
            """
def sigmoid_derivative(z):  # by autograd, as in the notebook
    z.requires_grad_()
    torch.sigmoid(z).sum().backward()
    return z.grad
""",
            """
def sigmoid_derivative(z):
    step = 1e-4
    slope = torch.sigmoid(z.double() + step) - torch.sigmoid(z.double() - step)
    return (slope / (2 * step)).to(z.dtype)
""",
        ),
        "wrong": {
            "of-the-output": (
                derivative("z * (1 - z)"),
                derivative("s = z", "s - s * s"),
            ),
            "no-derivative": (
                derivative(S, "s"),
                derivative("1 / (1 + torch.exp(-z))"),
            ),
            "one-minus-s": (
                derivative("1 - torch.sigmoid(z)"),
                derivative("1 / (1 + torch.exp(z))"),
            ),
            "of-tanh": (
                derivative("1 - torch.tanh(z) ** 2"),
                derivative(S, "1 - s * s"),
                derivative("1 - z**2"),
            ),
            "sigmoid-twice": (
                derivative(S, "torch.sigmoid(s) * (1 - torch.sigmoid(s))"),
                derivative("for _ in range(2):", "    z = torch.sigmoid(z)", "z - z**2"),
            ),
            "squared-factor": (
                derivative(S, "s**2 * (1 - s)"),
                derivative(S, "s * (1 - s) ** 2"),
                derivative(S, "(s * (1 - s)) ** 2"),
            ),
            "inner-derivative": (
                derivative("-((1 + torch.exp(-z)) ** -2)"),
                derivative("1 / (1 + torch.exp(-z)) ** 2"),
            ),
            "second-derivative": (derivative(S, "d = s * (1 - s)", "d * (1 - s) - s * d"),),
            "times-z": (derivative(S, "s * (1 - s) * z"),),
            "of-relu": (derivative("(z > 0).double()"),),
            "wrong-sign": (
                derivative(S, "s * (s - 1)"),
                derivative(S, "s**2 - s"),
            ),
            "wrong-factor": (
                derivative(S, "4 * s * (1 - s)"),
                derivative(S, "2 * s * (1 - s)"),
                derivative(S, "s * (1 - s) / 2"),
                derivative(S, "s * (1 - s) / 4"),
            ),
            "one-number": (
                derivative(S, "(s * (1 - s)).sum()"),
                derivative(S, "(s - s**2).mean()"),
                derivative(S, "torch.max(s - s**2)"),
            ),
            "overflow": (
                derivative("torch.exp(-z) / (1 + torch.exp(-z)) ** 2"),
                derivative("e = torch.exp(z)", "e / (1 + e) ** 2"),
                derivative("e = math.e ** -z", "e / (1 + 2 * e + e * e)"),
                """
def sigmoid_derivative(z):
    slopes = torch.empty_like(z)
    for place, value in enumerate(z.flatten().tolist()):
        s = 1 / (1 + math.exp(-value))
        slopes.view(-1)[place] = s * (1 - s)
    return slopes
""",
            ),
            "input-changed": (
                derivative("z.sigmoid_()", "z * (1 - z)"),
                derivative("z *= 0.5", "0.25 / torch.cosh(z) ** 2"),
            ),
            "dtype-changed": (
                derivative("1 / (2 + torch.exp(z.double()) + torch.exp(-z.double()))"),
                derivative("s = torch.sigmoid(z.float())", "s * (1 - s)"),
            ),
            "shape-changed": (
                derivative("s = torch.sigmoid(z)[..., None]", "s * (1 - s)"),
                derivative(S, "(s * (1 - s)).flatten()"),
            ),
            "nothing-returned": (
                "def sigmoid_derivative(z):\n    s = torch.sigmoid(z)\n    d = s * (1 - s)",
            ),
        },
        "two": {
            derivative(S, "4 * s * (s - 1)"): "wrong-sign",
            derivative("(z * (1 - z)).sum()"): "of-the-output",
            derivative("z.sigmoid_()", "4 * z * (1 - z)"): "wrong-factor",
        },
        "unknown": (
            derivative("torch.zeros_like(z)"),
            derivative(S, "s * (2 - s)"),
            derivative("math.exp(-z) / (1 + math.exp(-z)) ** 2"),
            derivative(S, "s @ (1 - s)"),
        ),
    },
    "saturated_share": {
        "right": (
            share(BEYOND, "beyond.float().mean(0)"),
            share(BEYOND, "beyond.sum(dim=0) / len(z)"),
            share("s = torch.sigmoid(z)", "((s < 0.05) | (s > 0.95)).double().mean(0)"),
            share("s = torch.sigmoid(z)", "(s * (1 - s) < 0.19 * 0.25).to(z).mean(0)"),
            share("(z >= 2.94).float().mean(0) + (z <= -2.94).float().mean(0)"),
            share('torch.einsum("nc->c", (z.abs() > math.log(19)).to(z)) / z.shape[0]'),
            """
def saturated_share(z):  # with loops, as a list
    shares = []
    for unit in range(z.shape[1]):
        beyond = [abs(float(value)) > math.log(19) for value in z[:, unit]]
        shares.append(sum(beyond) / len(beyond))
    return shares
""",
            share("np.mean(np.abs(z.numpy()) > math.log(19), axis=0)"),
        ),
        "wrong": {
            "wrong-axis": (
                share(BEYOND, "beyond.float().mean(1)"),
                share(BEYOND, "beyond.sum(-1) / z.shape[1]"),
            ),
            "whole-batch": (
                share(BEYOND, "beyond.float().mean()"),
                share(BEYOND, "beyond.sum()"),
            ),
            "count-not-share": (
                share(BEYOND, "beyond.sum(0)"),
                share("[sum(abs(v) > math.log(19) for v in column) for column in z.T]"),
            ),
            "in-percent": (share(BEYOND, "100 * beyond.float().mean(0)"),),
            "wrong-count": (
                share(BEYOND, "beyond.sum(0) / z.shape[1]"),
                share(BEYOND, "beyond.sum(0) / z.numel()"),
                share(BEYOND, "beyond.sum(0) / (len(z) - 1)"),
                share(BEYOND, "beyond.sum(0) / (len(z) + 1)"),
            ),
            "one-side": (
                share("(z > math.log(19)).float().mean(0)"),
                share("(torch.sigmoid(z) > 0.95).float().mean(0)"),
                share("(torch.sigmoid(z) < 0.05).float().mean(0)"),
                share("(z < -math.log(19)).sum(0) / len(z)"),
            ),
            "none-saturated": (
                share("s = torch.sigmoid(z)", "(s.abs() > math.log(19)).float().mean(0)"),
                share("torch.zeros(z.shape[1])"),
            ),
            "share-as-limit": (
                share("(z.abs() > 0.95).float().mean(0)"),
                share("(abs(z) > 0.19).float().mean(0)"),
                share("(abs(z) > 0.05).float().mean(0)"),
            ),
            "wrong-limit": (
                share("(z.abs() > 3).float().mean(0)"),
                share("(z.abs() > math.log(19) / 2).float().mean(0)"),
                share("(z.abs() > 19).float().mean(0)"),
                share("(z.abs() > 1).float().mean(0)"),
            ),
            "not-of-the-maximum": (
                share("s = torch.sigmoid(z)", "(s * (1 - s) < 0.19).float().mean(0)"),
            ),
            "not-saturated": (
                share("(z.abs() <= math.log(19)).float().mean(0)"),
                share(BEYOND, "1 - beyond.float().mean(0)"),
            ),
            "each-value": (
                share(BEYOND, "beyond"),
                share(BEYOND, "torch.where(beyond, 1.0, 0.0)"),
            ),
            "yes-or-no": (
                share(BEYOND, "beyond.any(0)"),
                share(BEYOND, "beyond.all(dim=0).float()"),
                share(BEYOND, "beyond.sum(0) // len(z)"),
            ),
            "mean-first": (
                share("z.mean(0).abs() > math.log(19)"),
                share("(z.abs().mean(0) > math.log(19)).float()"),
            ),
            "sizes-not-counted": (
                share(BEYOND, "(z.abs() * beyond).mean(0)"),
                share(BEYOND, "torch.where(beyond, z, 0.0).sum(0) / len(z)"),
            ),
            "input-changed": (
                share("z.abs_()", "(z > math.log(19)).float().mean(0)"),
                share(BEYOND, "z[beyond] = 1", "z[~beyond] = 0", "z.mean(0)"),
            ),
            "shape-changed": (
                share(BEYOND, "beyond.float().mean(0, keepdim=True)"),
                share(BEYOND, "beyond.float().mean(0)[:, None]"),
            ),
            "nothing-returned": (
                "def saturated_share(z): beyond = (z.abs() > math.log(19)).float().mean(0)",
            ),
        },
        "two": {
            share("(z > math.log(19)).sum(0)"): "count-not-share",
            share("(z > math.log(19)).float().mean(1)"): "wrong-axis",
            share("(z.abs() > 3).float().mean()"): "whole-batch",
            share("z.abs_()", "(z > 3).float().mean(0)"): "wrong-limit",
        },
        "unknown": (
            share("(z.abs() > 2).float().mean(0)"),
            share(BEYOND, "beyond.mean(0)"),
            share("torch.full((z.shape[1],), 0.5)"),
            share(BEYOND, "beyond.float().std(0)"),
        ),
    },
}

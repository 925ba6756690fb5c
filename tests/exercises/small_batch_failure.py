"""The exercises of notebook 06."""

# Groups as rows, line by line: the bugs below are put into it.
LINES = """
def group_norm(x, groups, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    rows = x.reshape(N, groups, -1)
    mean = rows.mean(2, keepdim=True)
    var = rows.var(2, correction=0, keepdim=True)
    x_hat = (rows - mean) / torch.sqrt(var + eps)
    x_hat = x_hat.reshape(N, C, H, W)
    return gamma.view(1, C, 1, 1) * x_hat + beta.view(1, C, 1, 1)
"""
LOOPS = """
def group_norm(x, groups, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    size = C // groups
    y = torch.zeros_like(x)
    for n in range(N):
        for g in range(groups):
            part = x[n, g * size : (g + 1) * size]
            mean = part.mean()
            var = ((part - mean) ** 2).mean()
            for c in range(g * size, (g + 1) * size):
                y[n, c] = gamma[c] * (x[n, c] - mean) / (var + eps) ** 0.5 + beta[c]
    return y
"""


def bug(*pairs, source=LINES):
    """One of the two with some of its text replaced: wrong in place of right, by turns."""
    for right, wrong in zip(pairs[::2], pairs[1::2], strict=True):
        assert right in source, right
        source = source.replace(right, wrong)
    return source


def norm(*lines):
    """A function of these lines, of which the last is what it returns."""
    *body, last = lines
    head = "def group_norm(x, groups, gamma, beta, eps=1e-5):"
    return "\n    ".join([head, *body, f"return {last}"])


def affine(*lines):
    """The same, where the last line is x_hat, in the shape of x."""
    *body, last = lines
    end = "gamma[:, None, None] * x_hat + beta[:, None, None]"
    return norm(*body, f"x_hat = {last}", end)


def over(axes, cut="x.reshape(len(x), groups, -1, *x.shape[2:])"):
    """Statistics over these axes of x, cut in this way."""
    return affine(
        f"cut = {cut}",
        f"mean = cut.mean({axes}, keepdim=True)",
        f"var = cut.var({axes}, unbiased=False, keepdim=True)",
        "((cut - mean) / torch.sqrt(var + eps)).reshape(x.shape)",
    )


END = "return gamma.view(1, C, 1, 1) * x_hat + beta.view(1, C, 1, 1)"
TORCHS = "torch.nn.functional"


def answers(said):
    return f"def diagnosis(): return {said}"


EXERCISES = {
    "group_norm": {
        "right": (
            LINES,
            LOOPS,
            norm(f"{TORCHS}.group_norm(x, groups, gamma, beta, eps)"),
            affine(  # every group a slice of the channels
                "parts = []",
                "for part in x.chunk(groups, dim=1):",
                "    var, mean = torch.var_mean(part, (1, 2, 3), correction=0, keepdim=True)",
                "    parts.append((part - mean) * torch.rsqrt(var + eps))",
                "torch.cat(parts, dim=1)",
            ),
            norm(  # in place on a copy, seen as groups
                "y = x.clone()",
                "rows = y.view(len(x) * groups, -1)",
                "rows -= rows.mean(1, keepdim=True)",
                "var = torch.einsum('rd,rd->r', rows, rows) / rows.shape[1]",
                "y = (rows / (var[:, None] + eps) ** 0.5).view(x.shape)",
                "y.mul_(gamma[:, None, None]).add_(beta[:, None, None])",
            ),
            norm(
                "x_hat = torch.nn.functional.layer_norm(",
                "    x.view(len(x) * groups, -1), (x[0].numel() // groups,), eps=eps)",
                "torch.einsum('c,nchw->nchw', gamma, x_hat.view_as(x)) + beta.view(-1, 1, 1)",
            ),
        ),
        "wrong": {
            "wrong-axis": (
                over((0, 2, 3, 4)),
                bug("mean(2,", "mean((0, 2),", "var(2,", "var((0, 2),"),
                bug("mean(2,", "mean(1,", "var(2,", "var(1,"),
                bug("mean(2,", "mean(0,", "var(2,", "var(0,"),
                bug("x.reshape(N, groups, -1)", "x.reshape(1, groups, -1)"),  # N forgotten
                over((0, 2, 3), cut="x"),  # batch norm
                over((0, 1, 2, 3), cut="x"),
                over((0, 1), cut="x"),
                over(3, cut="x"),
                over((2, 3)),  # as one would, of four axes
                over(2, cut="x"),
                over((0, 1), cut="x.reshape(len(x), groups, -1)"),
                norm(f"{TORCHS}.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)"),
                bug("rows.var(2,", "rows.var((0, 2),"),
            ),
            "instance-norm": (
                over((2, 3), cut="x"),
                norm(f"{TORCHS}.instance_norm(x, weight=gamma, bias=beta, eps=eps)"),
                bug("(x[n, c] - mean)", "(x[n, c] - x[n, c].mean())", source=LOOPS),
                over((3, 4)),
            ),
            "layer-norm": (
                over((1, 2, 3), cut="x"),
                affine(f"{TORCHS}.layer_norm(x, x.shape[1:], eps=eps)"),
                bug("var = rows.var(2,", "var = rows.var((1, 2),"),
                bug(
                    "mean = part.mean()",
                    "mean = x[n].mean()",
                    "var = ((part - mean) ** 2).mean()",
                    "var = x[n].var(correction=0)",
                    source=LOOPS,
                ),
            ),
            "each-place": (
                over(2),
                over(1, cut="x"),
                affine(
                    f"{TORCHS}.layer_norm(x.movedim(1, 3), x.shape[1:2], eps=eps).movedim(3, 1)"
                ),
            ),
            "interleaved": (
                over((1, 3, 4), cut="x.reshape(len(x), -1, groups, *x.shape[2:])"),
                over((1, 3, 4)),
                over(1, cut="x.reshape(len(x), -1, groups)"),
                affine(
                    "x_hat = torch.zeros_like(x)",
                    "for g in range(groups):",
                    "    part = x[:, g::groups]",
                    "    mean = part.mean((1, 2, 3), keepdim=True)",
                    "    var = ((part - mean) ** 2).mean((1, 2, 3), keepdim=True)",
                    "    x_hat[:, g::groups] = (part - mean) / (var + eps).sqrt()",
                    "x_hat",
                ),
            ),
            "groups-as-size": (
                over((2, 3, 4), cut="x.reshape(len(x), -1, groups, *x.shape[2:])"),
                bug("size = C // groups", "size, groups = groups, C // groups", source=LOOPS),
                affine(
                    "parts = []",
                    "for part in x.split(groups, dim=1):",
                    "    var, mean = torch.var_mean(part, (1, 2, 3), correction=0, keepdim=True)",
                    "    parts.append((part - mean) / (var + eps).sqrt())",
                    "torch.cat(parts, dim=1)",
                ),
            ),
            "var-in-steps": (
                affine(
                    "cut = x.reshape(len(x), groups, -1, *x.shape[2:])",
                    "mean = cut.mean((3, 4), keepdim=True).mean(2, keepdim=True)",
                    "var = cut.var((3, 4), correction=0, keepdim=True).mean(2, keepdim=True)",
                    "((cut - mean) / (var + eps).sqrt()).reshape(x.shape)",
                ),
            ),
            "mean-of-squares": (
                bug("rows.var(2, correction=0, keepdim=True)", "(rows**2).mean(2, keepdim=True)"),
                bug("((part - mean) ** 2)", "(part * part)", source=LOOPS),
            ),
            "sum-not-mean": (
                bug("** 2).mean()", "** 2).sum()", source=LOOPS),
                bug("part.mean()", "part.sum()", "** 2).mean()", "** 2).sum()", source=LOOPS),
            ),
            "wrong-count": (
                bug("** 2).mean()", "** 2).sum() / (H * W)", source=LOOPS),
                bug(
                    "part.mean()",
                    "part.sum() / (H * W)",
                    "** 2).mean()",
                    "** 2).sum() / (H * W)",
                    source=LOOPS,
                ),
                bug(
                    "part.mean()",
                    "part.sum() / x[n].numel()",
                    "** 2).mean()",
                    "** 2).sum() / (C * H * W)",
                    source=LOOPS,
                ),
            ),
            "mean-not-subtracted": (
                bug("(rows - mean)", "rows"),
                bug("(x[n, c] - mean)", "x[n, c]", source=LOOPS),
            ),
            "spread-kept": (bug("(rows - mean) / torch.sqrt(var + eps)", "rows - mean"),),
            "brackets-missing": (bug("(rows - mean) /", "rows - mean /"),),
            "n-minus-1": (
                bug("correction=0, ", ""),
                bug("** 2).mean()", "** 2).sum() / (part.numel() - 1)", source=LOOPS),
                bug("((part - mean) ** 2).mean()", "torch.std(part) ** 2", source=LOOPS),
            ),
            "divides-by-variance": (
                bug("torch.sqrt(var + eps)", "(var + eps)"),
                bug(" ** 0.5", "", source=LOOPS),
            ),
            "eps-outside-root": (
                bug("torch.sqrt(var + eps)", "(torch.sqrt(var) + eps)"),
                bug("var(2,", "std(2,", "torch.sqrt(var + eps)", "(var + eps)"),
            ),
            "eps-missing": (
                bug("var + eps", "var"),
                bug("(var + eps) ** 0.5", "var.sqrt()", source=LOOPS),
            ),
            "eps-fixed": (
                norm(f"{TORCHS}.group_norm(x, groups, gamma, beta)"),
                bug("+ eps", "+ 1e-8"),
                bug("+ eps", "+ 1e-6", source=LOOPS),
                bug("+ eps", "+ 0.001"),
            ),
            "gamma-beta-swapped": (
                bug("gamma.view", "b.view", "beta.view", "gamma.view", "b.view", "beta.view"),
                norm(f"{TORCHS}.group_norm(x, groups, beta, gamma, eps)"),
            ),
            "gamma-beta-shape": (
                bug(  # one of each for a group
                    "x_hat = x_hat.reshape(N, C, H, W)",
                    "x_hat = gamma[:groups, None] * x_hat + beta[:groups, None]",
                    END,
                    "return x_hat.reshape(N, C, H, W)",
                ),
                bug("gamma[c]", "gamma[g]", "beta[c]", "beta[g]", source=LOOPS),
                bug("gamma[c]", "gamma[c - g * size]", "beta[c]", "beta[c % size]", source=LOOPS),
                bug(  # their mean
                    "x_hat = x_hat.reshape(N, C, H, W)",
                    "g, b = [p.reshape(groups, -1).mean(1)[:, None] for p in (gamma, beta)]",
                    END,
                    "return (g * x_hat + b).reshape(N, C, H, W)",
                ),
                bug("gamma.view(1, C, 1, 1)", "gamma", "beta.view(1, C, 1, 1)", "beta"),
                bug("(1, C, 1, 1)", "(C, 1)"),
                bug("(1, C, 1, 1)", "(C, 1, 1, 1)"),
            ),
            "scalar-gamma": (
                bug("gamma.view(1, C, 1, 1)", "gamma[0]", "beta.view(1, C, 1, 1)", "beta[0]"),
                bug("gamma.view(1, C, 1, 1)", "gamma[0].item()"),
                bug("gamma[c]", "gamma.mean()", "beta[c]", "beta.mean()", source=LOOPS),
            ),
            "affine-missing": (
                norm(f"{TORCHS}.group_norm(x, groups, eps=eps)"),
                bug("gamma.view(1, C, 1, 1) * x_hat", "x_hat"),
                bug(" + beta[c]", "", source=LOOPS),
            ),
            "shift-before-scale": (
                bug("* x_hat + beta.view(1, C, 1, 1)", "* (x_hat + beta.view(1, C, 1, 1))"),
            ),
            "shape-changed": (
                bug(END, END.replace("return ", "return (") + ").reshape(N, groups, -1)"),
                norm(
                    "cut = x.reshape(len(x), groups, -1, *x.shape[2:])",
                    "var, mean = torch.var_mean(cut, (2, 3, 4), correction=0, keepdim=True)",
                    "x_hat = (cut - mean) / (var + eps).sqrt()",
                    "g, b = [p.reshape(groups, -1, 1, 1) for p in (gamma, beta)]",
                    "g * x_hat + b",
                ),
                bug(END, END.replace("return ", "return (") + ").reshape(N * groups, -1, H, W)"),
            ),
            "dtype-changed": (
                bug("zeros_like(x)", "zeros(x.shape)", source=LOOPS),
                bug(
                    "x.reshape(N, groups, -1)",
                    "x.float().reshape(N, groups, -1)",
                    END,
                    END.replace("gamma", "gamma.float()").replace("beta", "beta.float()"),
                ),
            ),
            "input-changed": (
                bug("x_hat = (rows - mean) /", "rows -= mean\n    x_hat = rows /"),
                norm(
                    "size = x.shape[1] // groups",
                    "for sample in x:",
                    "    for part in sample.split(size):",
                    "        part -= part.mean()",
                    "        part /= ((part**2).mean() + eps).sqrt()",
                    "    for c in range(len(sample)):",
                    "        sample[c] = gamma[c] * sample[c] + beta[c]",
                    "x",
                ),
            ),
            "statistics-detached": (
                bug(
                    "rows.mean(2, keepdim=True)",
                    "rows.mean(2, keepdim=True).detach()",
                    "var(2, correction=0, keepdim=True)",
                    "var(2, correction=0, keepdim=True).detach()",
                ),
                bug(
                    "part.mean()",
                    "part.mean().item()",
                    "** 2).mean()",
                    "** 2).mean().item()",
                    source=LOOPS,
                ),
                bug("rows.mean(2,", "rows.detach().mean(2,"),
            ),
            "gradient-lost": (
                bug("rows = x.reshape", "rows = x.detach().reshape"),
                norm(
                    f"y = {TORCHS}.group_norm(x, groups, gamma, beta, eps)",
                    "torch.tensor(y.tolist(), dtype=x.dtype)",
                ),
            ),
            "one-pass-variance": (
                bug(
                    "rows.var(2, correction=0, keepdim=True)",
                    "(rows**2).mean(2, keepdim=True) - mean**2",
                ),
                bug("((part - mean) ** 2).mean()", "(part**2).mean() - mean**2", source=LOOPS),
            ),
            "nothing-returned": (bug("    return gamma", "    y = gamma"),),
        },
        "two": {
            bug("correction=0, ", "", "var + eps", "var"): "eps-missing",
            norm(f"{TORCHS}.layer_norm(x, x.shape[1:], eps=eps)"): "layer-norm",
            norm(f"{TORCHS}.instance_norm(x, eps=eps)"): "instance-norm",
            affine(  # the mean of all channels, the variance of each
                "var, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)",
                "(x - mean.mean(1, keepdim=True)) / (var + eps).sqrt()",
            ): "instance-norm",
            norm(
                "rows = x.reshape(len(x), groups, -1)",
                "mean, var = rows.mean(2, keepdim=True), rows.var(2, False, keepdim=True)",
                "(rows - mean) / (var + eps).sqrt()",
            ): "affine-missing",
            bug(
                "x_hat = (rows - mean) /", "rows -= mean\n    x_hat = rows /", "correction=0, ", ""
            ): "n-minus-1",
        },
        "unknown": (
            bug("(rows - mean)", "(mean - rows)"),
            bug("var + eps", "var + 2 * eps"),
            norm("x * gamma.mean()"),
            norm("x.reshape(len(x), groups, -1) - x.mean(-1)"),
            norm("x, x"),
        ),
    },
    "diagnosis": {
        "right": (
            answers('"running statistics", "groups of two"'),
            answers('["running statistics", "groups of two"]'),
            answers('("Running  statistics ", "GROUPS OF TWO")'),
        ),
        "wrong": {
            "swapped": (answers('"groups of two", "running statistics"'),),
            "learning-rate-blamed": (
                answers('"learning rate", "groups of two"'),
                answers('"running statistics", "learning rate"'),
            ),
            "overfitting-blamed": (
                answers('"overfitting", "groups of two"'),
                answers('"running statistics", "overfitting"'),
            ),
            "noise-blamed": (answers('"groups of two", "groups of two"'),),
            "mismatch-blamed": (answers('"running statistics", "running statistics"'),),
            "not-a-pair": (
                answers('"running statistics"'),
                answers('["running statistics"]'),
                answers('{"A": "running statistics", "B": "groups of two"}'),
            ),
            "nothing-returned": ("def diagnosis(): a, b = 'running statistics', 'overfitting'",),
        },
        "two": {
            answers('"overfitting", "learning rate"'): "overfitting-blamed",
            answers('"learning rate", "overfitting"'): "learning-rate-blamed",
            answers('"groups of two", "running statistics"'): "swapped",
        },
        "unknown": (
            answers('"running statistics", "noise"'),
            answers('"A", "B"'),
            answers("1, 2"),
            answers("patients['A'].fault, patients['B'].fault"),
        ),
    },
}

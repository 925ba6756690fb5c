"""The exercise of notebook 07 that is a class: a whole layer."""

from tests.layers import FUNCTIONAL, IN_PLACE, IN_STEPS, LAYER, NO_MODE, layer

MEAN_BUFFER = 'self.register_buffer("running_mean", torch.zeros(num_features))'
VAR_BUFFER = 'self.register_buffer("running_var", torch.ones(num_features))'
WEIGHT = "self.weight = torch.nn.Parameter(torch.ones(num_features))"
BIAS = "self.bias = torch.nn.Parameter(torch.zeros(num_features))"
MOMENTS = "mean, var = x.mean(0), x.var(0, correction=0)"
MOVES_MEAN = "self.running_mean = (1 - m) * old + m * mean.detach()"
MOVES_VAR = "self.running_var.mul_(1 - self.momentum).add_(self.momentum * unbiased)"
FROM_BUFFERS = "mean, var = self.running_mean, self.running_var"
X_HAT = "x_hat = (x - mean) / torch.sqrt(var + self.eps)"
Y = "return self.weight * x_hat + self.bias"
KEEPS = "self.eps, self.momentum = eps, momentum"
REFUSES_ONE = """if len(x) == 1:
                raise ValueError("expected more than one sample")
            """
REFUSES_CHANNELS = """if x.shape[1] != len(self.weight):
            raise ValueError("wrong number of channels")
        """

MY_BATCH_NORM = {
    "right": (LAYER, IN_STEPS, IN_PLACE, FUNCTIONAL),
    "wrong": {
        "wrong-axis": (
            layer(MOMENTS, "mean, var = x.mean(1), x.var(1, correction=0)"),
            layer(
                MOMENTS,
                "mean, var = x.mean(1), x.var(1, correction=0)",
                MOVES_VAR,
                "self.running_var = (1 - m) * self.running_var + m * unbiased",
            ),
            layer(
                MOMENTS,
                "mean, var = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)",
                MOVES_VAR,
                "self.running_var = (1 - m) * self.running_var + m * unbiased",
            ),
        ),
        "whole-batch": (layer(MOMENTS, "mean, var = x.mean(), x.var(correction=0)"),),
        "running-in-training": (
            layer(X_HAT, "x_hat = (x - self.running_mean) / (self.running_var + self.eps).sqrt()"),
            layer(MOMENTS, f"shown, {MOMENTS}".replace("shown, mean, var", "mean, var")).replace(
                "        else:\n            mean, var", "        mean, var"
            ),
        ),
        "n-minus-1": (
            layer(MOMENTS, "mean, var = x.mean(0), x.var(0)").replace(
                "var.detach() * len(x) / (len(x) - 1)", "var.detach()"
            ),
            layer(
                X_HAT,
                "used = x.var(0) if self.training else var\n        "
                "x_hat = (x - mean) / torch.sqrt(used + self.eps)",
            ),
        ),
        "divides-by-variance": (layer(X_HAT, "x_hat = (x - mean) / (var + self.eps)"),),
        "eps-outside-root": (layer(X_HAT, "x_hat = (x - mean) / (var.sqrt() + self.eps)"),),
        "eps-missing": (layer(X_HAT, "x_hat = (x - mean) / torch.sqrt(var)"),),
        "eps-fixed": (
            layer(X_HAT, "x_hat = (x - mean) / torch.sqrt(var + 1e-5)"),
            layer(KEEPS, "self.eps, self.momentum = 1e-5, momentum"),
        ),
        "eps-default": (layer("eps=1e-5", "eps=1e-3"),),
        "mean-not-subtracted": (layer(X_HAT, "x_hat = x / torch.sqrt(var + self.eps)"),),
        "statistics-detached": (
            layer(MOMENTS, "mean, var = x.mean(0).detach(), x.var(0, correction=0).detach()"),
            layer(MOMENTS, "mean, var = x.mean(0).detach(), x.var(0, correction=0)"),
            layer(MOMENTS, "mean, var = x.mean(0), x.var(0, correction=0).detach()"),
            layer(
                MOMENTS,
                """with torch.no_grad():
                mean, var = x.mean(0), x.var(0, correction=0)""",
            ),
        ),
        "gradient-lost": (
            layer(X_HAT, "x_hat = ((x - mean) / torch.sqrt(var + self.eps)).detach()"),
            layer(
                Y,
                "return torch.tensor((self.weight * x_hat + self.bias).tolist())",
            ),
        ),
        "parameters-lost": (layer(Y, "return self.weight.data * x_hat + self.bias.data"),),
        "gamma-beta-swapped": (
            layer(Y, "return self.bias * x_hat + self.weight"),
            layer(
                WEIGHT,
                WEIGHT.replace("ones", "zeros"),
                BIAS,
                BIAS.replace("zeros", "ones"),
            ),
        ),
        "scalar-gamma": (
            layer(WEIGHT, "self.weight = torch.nn.Parameter(torch.ones(1))").replace(
                "len(self.weight)", "len(self.running_mean)"
            ),
            layer(WEIGHT, "self.weight = torch.nn.Parameter(torch.tensor(1.0))").replace(
                "len(self.weight)", "len(self.running_mean)"
            ),
            layer(Y, "return self.weight[0] * x_hat + self.bias[0]"),
        ),
        "gamma-beta-shape": (
            layer(WEIGHT, "self.weight = torch.nn.Parameter(torch.ones(num_features, 1))"),
            layer(BIAS, "self.bias = torch.nn.Parameter(torch.zeros(1, num_features))"),
            layer(Y, "return self.weight[:, None] * x_hat + self.bias[:, None]"),
        ),
        "affine-missing": (
            layer(Y, "return x_hat"),
            layer(Y, "return self.weight * x_hat"),
            layer(Y, "return x_hat + self.bias"),
            layer(f"{WEIGHT}\n", "\n", f"{BIAS}\n", "\n", Y, "return x_hat").replace(
                "len(self.weight)", "len(self.running_mean)"
            ),
        ),
        "momentum-reversed": (
            layer(
                MOVES_MEAN,
                "self.running_mean = m * old + (1 - m) * mean.detach()",
                MOVES_VAR,
                "self.running_var = m * self.running_var + (1 - m) * unbiased",
            ),
        ),
        "momentum-fixed": (layer(KEEPS, "self.eps, self.momentum = eps, 0.1"),),
        "adds-only": (
            layer(
                MOVES_MEAN,
                "self.running_mean += m * mean.detach()",
                MOVES_VAR,
                "self.running_var += m * unbiased",
            ),
        ),
        "no-average": (
            layer(
                MOVES_MEAN,
                "self.running_mean = mean.detach()",
                MOVES_VAR,
                "self.running_var = unbiased",
            ),
        ),
        "buffers-still": (
            layer(MOVES_MEAN, "", MOVES_VAR, ""),
            layer(
                MOVES_MEAN,
                "running_mean = (1 - m) * old + m * mean.detach()",
                MOVES_VAR,
                "running_var = (1 - m) * self.running_var + m * unbiased",
            ),
        ),
        "biased-buffer": (
            layer(" * len(x) / (len(x) - 1)", ""),
            layer("add_(self.momentum * unbiased)", "add_(self.momentum * var.detach())"),
        ),
        "unbiased-twice": (layer("unbiased = var.detach()", "unbiased = x.detach().var(0)"),),
        "eval-uses-batch": (layer(FROM_BUFFERS, MOMENTS),),
        "buffers-move-in-eval": (
            layer(
                "        else:\n",
                """        else:
            self.running_mean.lerp_(x.detach().mean(0), self.momentum)
            self.running_var.lerp_(x.detach().var(0), self.momentum)
""",
            ),
            layer(
                X_HAT,
                f"""{X_HAT}
        if not self.training and len(x) > 1:
            self.running_mean = self.running_mean.lerp(x.detach().mean(0), self.momentum)""",
            ),
        ),
        "buffers-not-registered": (
            layer(
                MEAN_BUFFER,
                "self.running_mean = torch.zeros(num_features)",
                VAR_BUFFER,
                "self.running_var = torch.ones(num_features)",
            ),
            layer(MEAN_BUFFER, "self.running_mean = torch.zeros(num_features)"),
        ),
        "statistics-are-parameters": (
            layer(
                MEAN_BUFFER, "self.running_mean = torch.nn.Parameter(torch.zeros(num_features))"
            ).replace(
                "self.running_mean = (1 - m) * old", "self.running_mean.data = (1 - m) * old"
            ),
        ),
        "buffers-not-detached": (
            layer("m * mean.detach()", "m * mean"),
            layer("unbiased = var.detach()", "unbiased = var"),
        ),
        "buffers-reassigned": (
            # a second pair of names, which nobody registered
            layer(
                KEEPS,
                f"{KEEPS}\n        self.mean, self.var = torch.zeros(num_features), "
                "torch.ones(num_features)",
                "old, m = self.running_mean, self.momentum",
                "old, m = self.mean, self.momentum",
                MOVES_MEAN,
                "self.mean = (1 - m) * old + m * mean.detach()",
                MOVES_VAR,
                "self.var = (1 - m) * self.var + m * unbiased",
                FROM_BUFFERS,
                "mean, var = self.mean, self.var",
            ),
            # the same tensors by another name, which .to() does not follow
            layer(
                VAR_BUFFER,
                f"{VAR_BUFFER}\n        self.mean = self.running_mean"
                "\n        self.var = self.running_var",
                MOVES_MEAN,
                "self.mean.mul_(1 - m).add_(m * mean.detach())",
                MOVES_VAR,
                "self.var.mul_(1 - m).add_(m * unbiased)",
                FROM_BUFFERS,
                "mean, var = self.mean, self.var",
            ),
            # registered no more
            layer(
                MOVES_MEAN,
                f"del self.running_mean\n            {MOVES_MEAN}",
            ),
        ),
        "one-pass-variance": (
            layer(MOMENTS, "mean, var = x.mean(0), (x * x).mean(0) - x.mean(0) ** 2"),
        ),
        "dtype-changed": (
            layer(Y, f"{Y}.double()"),
            layer(
                "    def forward(self, x):\n",
                "    def forward(self, x):\n        x = x.float()\n",
            ),
        ),
        "shape-changed": (layer(Y, "return (self.weight * x_hat + self.bias).T"),),
        "input-changed": (
            layer(X_HAT, "x -= mean.detach()\n        x_hat = x / torch.sqrt(var + self.eps)"),
        ),
        "nothing-returned": (layer(Y, "y = self.weight * x_hat + self.bias"),),
        "names-missing": (
            layer(WEIGHT, WEIGHT.replace("weight", "gamma"), BIAS, BIAS.replace("bias", "beta"))
            .replace("self.weight", "self.gamma")
            .replace("self.bias", "self.beta"),
            LAYER.replace("running_", "moving_"),
        ),
        "parameters-not-registered": (
            layer(WEIGHT, "self.weight = torch.ones(num_features)"),
            layer(
                WEIGHT,
                "self.weight = torch.ones(num_features, requires_grad=True)",
                BIAS,
                "self.bias = torch.zeros(num_features, requires_grad=True)",
            ),
        ),
        "wrong-start": (
            layer(WEIGHT, "self.weight = torch.nn.Parameter(torch.rand(num_features))"),
            layer(VAR_BUFFER, VAR_BUFFER.replace("ones", "zeros")),
        ),
        "one-not-refused": (
            layer(REFUSES_ONE, "").replace("(len(x) - 1)", "max(len(x) - 1, 1)"),
            layer(REFUSES_ONE, "").replace("* len(x) / (len(x) - 1)", "* (len(x) / (len(x) - 1))"),
        ),
        "one-refused-in-eval": (
            layer(REFUSES_ONE, "", "!= len(self.weight):", "!= len(self.weight) or len(x) < 2:"),
        ),
        "another-error": (
            layer('raise ValueError("expected', 'raise TypeError("expected'),
            layer(REFUSES_CHANNELS, "assert x.shape[1] == len(self.weight)\n        "),
        ),
        "channels-not-refused": (
            layer(REFUSES_CHANNELS, ""),
            layer("if x.shape[1] !=", "if self.training and x.shape[1] !="),
        ),
    },
    "two": {
        layer(
            MOMENTS,
            "mean, var = x.mean(0), x.var(0)",
            X_HAT,
            "x_hat = (x - mean) / (var.sqrt() + self.eps)",
        ).replace(" * len(x) / (len(x) - 1)", ""): "n-minus-1",
        layer(MOMENTS, "mean, var = x.mean(0), x.var(0)"): "n-minus-1",
        layer(" * len(x) / (len(x) - 1)", "", REFUSES_CHANNELS, ""): "biased-buffer",
        layer(X_HAT, "x_hat = (x - mean) / torch.sqrt(var)", FROM_BUFFERS, MOMENTS): "eps-missing",
        layer("m * mean.detach()", "m * mean", REFUSES_ONE, ""): "buffers-not-detached",
        layer(
            WEIGHT,
            "self.weight = torch.nn.Parameter(torch.rand(num_features))",
            REFUSES_ONE,
            "",
        ): ("wrong-start"),
        NO_MODE: "eval-uses-batch",
    },
    "unknown": (
        layer(Y, "return self.weight * x_hat - self.bias"),
        layer("super().__init__()", "pass"),
        layer("self.momentum * unbiased", "self.momentum * unbaised"),
        layer(
            "def __init__(self, num_features, eps=1e-5, momentum=0.1)",
            "def __init__(self, num_features)",
        ).replace("eps, momentum\n", "1e-5, 0.1\n"),
        layer(MEAN_BUFFER, MEAN_BUFFER.replace("))", "), persistent=False)")),
        layer(KEEPS, f"{KEEPS}\n        self.rho = torch.nn.Parameter(torch.ones(3))"),
        layer(MOVES_MEAN, "self.running_mean = (1 - m) * old - m * mean.detach()"),
        LAYER.replace("num_features)", "2 * num_features)").replace(
            "__init__(self, 2 * ", "__init__(self, "
        ),
    ),
}

EXERCISES = {"MyBatchNorm": MY_BATCH_NORM}

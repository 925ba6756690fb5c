"""The exercises of notebook 07."""

LAYER = """
class MyBatchNorm(torch.nn.Module):  # a right one; the wrong ones replace a line of it
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = torch.nn.Parameter(torch.ones(num_features))
        self.bias = torch.nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if x.dim() != 2 or x.shape[1] != len(self.weight):
            raise ValueError("expected (N, C)")
        if self.training:
            if len(x) == 1:
                raise ValueError("expected more than one sample")
            mean, var = x.mean(0), x.var(0, correction=0)
            unbiased = var.detach() * len(x) / (len(x) - 1)
            # a new tensor in the place of the buffer, and the same one changed: both allowed
            old, m = self.running_mean, self.momentum
            self.running_mean = (1 - m) * old + m * mean.detach()
            self.running_var.mul_(1 - self.momentum).add_(self.momentum * unbiased)
        else:
            mean, var = self.running_mean, self.running_var
        x_hat = (x - mean) / torch.sqrt(var + self.eps)
        return self.weight * x_hat + self.bias
"""


def with_bug(right, wrong):
    assert LAYER.count(right) == 1, right
    return LAYER.replace(right, wrong)


BUFFER = 'self.register_buffer("running_mean", torch.zeros(num_features))'
SIZE_OF_BATCH = """if len(x) == 1:
                raise ValueError("expected more than one sample")
            """
SHAPE = """if x.dim() != 2 or x.shape[1] != len(self.weight):
            raise ValueError("expected (N, C)")
        """

EXERCISES = {
    "exercise-scratch-moments": (
        """
def moments(x):  # with a loop: allowed
    mean = sum(x) / len(x)
    return mean, sum((row - mean) ** 2 for row in x) / len(x)
""",
        {
            "def moments(x): return x.mean(0), x.var(0)": "divide by n, not by n − 1",
            "def moments(x): return x.mean(0), x.std(0, correction=0)": "the standard deviation",
            "def moments(x): return x.mean(1), x.var(1)": r"the shape is \(6,\), not \(4,\)",
            "def moments(x): return x.mean(0)": "return two tensors",
            "def moments(x): return x.mean(), x.var()": r"the shape is \(\), not \(4,\)",
        },
    ),
    "exercise-scratch-transform": (
        """
def transform(x, mean, var, weight, bias, eps):  # in place, the arguments too: allowed
    x -= mean
    var += eps
    x /= var.sqrt_()
    x *= weight
    x += bias
    return x
""",
        {
            """
def transform(x, mean, var, weight, bias, eps):
    return weight * (x - mean) / (var.sqrt() + eps) + bias
""": "ε belongs inside the root",
            """
def transform(x, mean, var, weight, bias, eps):
    mean, var = x.mean(0), x.var(0, correction=0)
    return weight * (x - mean) / torch.sqrt(var + eps) + bias
""": "use the mean and var given",
            """
def transform(x, mean, var, weight, bias, eps):
    return weight * (x - mean) / torch.sqrt(var + eps)
""": "off by up to",
            """
def transform(x, mean, var, weight, bias, eps):
    return weight * (x - mean) / torch.sqrt(var) + bias
""": "ε belongs inside the root",
        },
    ),
    "exercise-scratch-move-running": (
        """
def move_running(running_mean, running_var, mean, var, n, momentum):
    running_mean.lerp_(mean, momentum)
    running_var += momentum * (n / (n - 1) * var - running_var)
    return [running_mean, running_var]
""",
        {
            """
def move_running(running_mean, running_var, mean, var, n, momentum):
    new_mean = momentum * running_mean + (1 - momentum) * mean
    return new_mean, momentum * running_var + (1 - momentum) * var * n / (n - 1)
""": "momentum multiplies the batch's value",
            """
def move_running(running_mean, running_var, mean, var, n, momentum):
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return new_mean, (1 - momentum) * running_var + momentum * var
""": "is the unbiased variance",
            """
def move_running(running_mean, running_var, mean, var, n, momentum):
    new_var = (1 - momentum) * running_var + momentum * var * n / (n - 1)
    return running_mean + momentum * mean, new_var
""": "off by up to",
            """
def move_running(running_mean, running_var, mean, var, n, momentum):
    return (1 - momentum) * running_mean + momentum * mean
""": "return two tensors",
        },
    ),
    "exercise-scratch-layer": (
        LAYER,
        {
            with_bug("correction=0", "correction=1"): "divide the variance by n, not by n − 1",
            with_bug("torch.sqrt(var + self.eps)", "(torch.sqrt(var) + self.eps)"): (
                "put eps inside the root"
            ),
            with_bug("        if self.training:", "        if False:"): (
                "take the statistics of the batch, not the running ones"
            ),
            with_bug("return self.weight * x_hat + self.bias", "return x_hat"): (
                "multiply by weight and add bias"
            ),
            with_bug("mean, var = x.mean(0), x.var", "mean, var = x.mean(0).detach(), x.var"): (
                "the gradient goes through mean and variance too"
            ),
            with_bug("m * mean.detach()", "m * mean"): (
                "running_mean holds the graph of every batch so far"
            ),
            with_bug(
                "(1 - m) * old + m * mean",
                "m * old + (1 - m) * mean",
            ): "1 − momentum the old",
            with_bug(" * len(x) / (len(x) - 1)", ""): "the buffer takes the unbiased variance",
            with_bug(
                "mean, var = self.running_mean, self.running_var",
                """
            mean, var = x.mean(0), x.var(0, correction=0)""",
            ): ("in evaluation use the running statistics"),
            with_bug("        if self.training:", "        if torch.is_grad_enabled():"): (
                "the running statistics moved in evaluation"
            ),
            with_bug(BUFFER, "self.running_mean = torch.zeros(num_features)"): (
                "but not running_mean: use register_buffer"
            ),
            with_bug(BUFFER, "self.running_mean = torch.nn.Parameter(torch.zeros(num_features))"): (
                "not weight and bias"
            ),
            with_bug(SIZE_OF_BATCH, ""): "a batch of one has no spread",
            with_bug(SHAPE, ""): "the layer has 4 channels",
            with_bug("super().__init__()", "pass"): "it stopped with AttributeError",
            with_bug(SIZE_OF_BATCH, "").replace(
                "* len(x) / (len(x) - 1)", "* (len(x) / (len(x) - 1))"
            ): ("it stopped with ZeroDivisionError"),
            with_bug("x.dim() != 2 or", "len(x) == 1 or"): "output in evaluation: it stopped",
            with_bug(
                "self.eps, self.momentum = eps, momentum", "self.eps, self.momentum = eps, 0.1"
            ): ("momentum is an argument"),
            with_bug(
                "self.eps, self.momentum = eps, momentum",
                "self.eps, self.momentum = 1e-5, momentum",
            ): ("eps is an argument"),
            with_bug(
                "Parameter(torch.ones(num_features))", "Parameter(torch.rand(num_features))"
            ): ("weight has to start at 1"),
        },
    ),
    "exercise-scratch-images": (
        """
def images_through(layer, x):
    flat = torch.stack([x[:, c].flatten() for c in range(x.shape[1])], dim=1)
    y = layer(flat)
    return y.T.reshape(x.shape[1], len(x), *x.shape[2:]).transpose(0, 1)
""",
        {
            "def images_through(layer, x): return layer(x.flatten(1)).reshape(x.shape)": (
                r"the layer got \[\(6, 60\)\]"
            ),
            "def images_through(layer, x): return layer(x.flatten(2)).reshape(x.shape)": (
                r"the layer got \[\(6, 4, 15\)\]"
            ),
            "def images_through(layer, x): return layer(x.reshape(-1, 4)).reshape(x.shape)": (
                "move the channels to the end before you reshape"
            ),
            """
def images_through(layer, x):
    return layer(x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])).reshape(x.shape)
""": "now move them back",
            """
def images_through(layer, x):
    return layer(x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]))
""": r"the shape is \(90, 4\)",
        },
    ),
}

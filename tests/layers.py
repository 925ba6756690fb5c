"""Right layers for (N, C), as students write them, and one that knows no mode: notebook 07."""

LAYER = """
class MyBatchNorm(torch.nn.Module):  # a right one; the wrong ones replace lines of it
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = torch.nn.Parameter(torch.ones(num_features))
        self.bias = torch.nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if x.shape[1] != len(self.weight):
            raise ValueError("wrong number of channels")
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


def layer(*changes):
    """LAYER with lines replaced: pairs of old and new."""
    source = LAYER
    for old, new in zip(changes[::2], changes[1::2], strict=True):
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    return source


IN_STEPS = '''
def moments(x):
    mean = x.mean(0)
    return mean, ((x - mean) ** 2).mean(0)

def transform(x, mean, var, weight, bias, eps):
    return weight * (x - mean) / torch.sqrt(var + eps) + bias

def move_running(running_mean, running_var, mean, var, n, momentum):
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return new_mean, (1 - momentum) * running_var + momentum * var * n / (n - 1)

class MyBatchNorm(torch.nn.Module):  # from the functions of the exercises
    """Batch Normalization of (N, C), like torch.nn.BatchNorm1d."""

    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.weight = torch.nn.Parameter(torch.ones(num_features))
        self.bias = torch.nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if x.dim() != 2 or x.shape[1] != self.num_features:
            raise ValueError(f"expected (N, {self.num_features})")
        mean, var = self.running_mean, self.running_var
        if self.training:
            if x.shape[0] < 2:
                raise ValueError("a batch of one has no variance")
            mean, var = moments(x)
            self.running_mean, self.running_var = move_running(
                self.running_mean, self.running_var, mean.detach(), var.detach(),
                len(x), self.momentum,
            )
        return transform(x, mean, var, self.weight, self.bias, self.eps)
'''
IN_PLACE = """
class MyBatchNorm(torch.nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps = eps
        self.momentum = momentum
        self.weight = torch.nn.Parameter(torch.empty(num_features).fill_(1.0))
        self.bias = torch.nn.Parameter(torch.empty(num_features).fill_(0.0))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def _train(self, x):
        n = x.size(0)
        if n == 1:
            raise ValueError("batch of one")
        mu = torch.einsum("nc->c", x) / n
        d = x - mu
        sigma2 = torch.einsum("nc,nc->c", d, d) / n
        with torch.no_grad():
            self.running_mean.mul_(1 - self.momentum).add_(mu, alpha=self.momentum)
            self.running_var.mul_(1 - self.momentum)
            self.running_var.add_(sigma2 * (n / (n - 1)), alpha=self.momentum)
        return d * (sigma2 + self.eps).rsqrt()

    def _eval(self, x):
        return (x - self.running_mean) * (self.running_var + self.eps).rsqrt()

    def forward(self, x):
        if x.size(1) != self.weight.numel():
            raise RuntimeError("wrong number of features")
        out = self._train(x) if self.training else self._eval(x)
        return out.mul(self.weight).add(self.bias)
"""
FUNCTIONAL = """
import torch.nn.functional as F

class MyBatchNorm(torch.nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = torch.nn.Parameter(torch.ones(num_features))
        self.bias = torch.nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias,
            self.training, self.momentum, self.eps,
        )
"""
NO_MODE = """
class MyBatchNorm(torch.nn.Module):  # the batch's own statistics always, and always moved
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.weight = torch.nn.Parameter(torch.ones(num_features))
        self.bias = torch.nn.Parameter(torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def forward(self, x):
        if x.shape[1] != len(self.weight):
            raise ValueError("wrong number of channels")
        if self.training and len(x) == 1:
            raise ValueError("expected more than one sample")
        mean, var = x.mean(0), x.var(0, correction=0)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(x.var(0), self.momentum)
        return self.weight * (x - mean) / (var + self.eps).sqrt() + self.bias
"""

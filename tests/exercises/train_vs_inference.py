"""The exercises of notebook 05."""

EXERCISES = {
    "exercise-one-running-step": (
        """
def update_running(running_mean, running_var, x, momentum):  # a loop, in place: allowed
    for channel in range(x.shape[1]):
        column = x[:, channel].double()
        running_mean[channel] += momentum * (column.mean() - running_mean[channel])
        unbiased = ((column - column.mean()) ** 2).sum() / (len(column) - 1)
        running_var[channel] *= 1 - momentum
        running_var[channel] += momentum * unbiased
    return running_mean, running_var
""",
        {
            """
def update_running(running_mean, running_var, x, momentum):
    mean, var = x.mean(0), x.var(0)
    new_mean = momentum * running_mean + (1 - momentum) * mean
    return new_mean, momentum * running_var + (1 - momentum) * var
""": r"mean off by \d\S+ momentum reversed",
            """
def update_running(running_mean, running_var, x, momentum):
    mean, var = x.mean(0), x.var(0, correction=0)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return new_mean, (1 - momentum) * running_var + momentum * var
""": r"variance off by \d\S+ biased",
            """
def update_running(running_mean, running_var, x, momentum):
    return x.mean(0), x.var(0)
""": r"mean off by \d",
        },
    ),
    "exercise-fold-a-norm": (
        """
def fold(linear, norm):  # in place, in numpy's words: allowed
    scale = norm.weight.numpy() / (norm.running_var.numpy() + norm.eps) ** 0.5
    weight = linear.weight.numpy()
    weight *= scale.reshape(-1, 1)
    bias = norm.bias.numpy() - scale * norm.running_mean.numpy()
    return torch.tensor(weight).double(), torch.tensor(bias).double()
""",
        {
            """
def fold(linear, norm):
    scale = 1 / torch.sqrt(norm.running_var + norm.eps)
    bias = norm.bias - scale * norm.running_mean
    return (norm.weight * scale)[:, None] * linear.weight, bias
""": r"bias off by \d.* is γ in the scale",
            """
def fold(linear, norm):
    scale = norm.weight / torch.sqrt(norm.running_var)
    return scale[:, None] * linear.weight, norm.bias - scale * norm.running_mean
""": r"weight off by \d.* ε inside the root",
            """
def fold(linear, norm):
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale * linear.weight, norm.bias - scale * norm.running_mean
""": r"weight off by \d\S+ scale rows \(outputs\)",
            """
def fold(linear, norm):
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale[:, None] * linear.weight, norm.bias - norm.running_mean
""": r"bias off by \d",
        },
    ),
}

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
""": r"mean off by \d",
            """
def update_running(running_mean, running_var, x, momentum):
    mean, var = x.mean(0), x.var(0, correction=0)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return new_mean, (1 - momentum) * running_var + momentum * var
""": r"variance off by \d\S+ weighed so\? And divided by n − 1",
            """
def update_running(running_mean, running_var, x, momentum):
    return momentum * x.mean(0), (1 - momentum) * running_var + momentum * x.var(0)
""": r"mean off by \d\S+ momentum · new \+ \(1 − momentum\) · old",
            """
def update_running(running_mean, running_var, x, momentum):  # right from a start at 0 and 1 only
    new_mean = (1 - momentum) * running_mean + momentum * x.mean(0)
    return new_mean, (1 - momentum) + momentum * x.var(0)
""": r"variance off by \d\S+ weighed so",
            """
def update_running(running_mean, running_var, x, momentum):
    return (1 - momentum) * running_mean + momentum * x.mean(0)
""": r"shapes \[\(\), \(\), \(\)\]: expected",
        },
    ),
    "exercise-fold-a-norm": (
        """
def fold(linear, norm):  # in place, in numpy's words: allowed
    scale = norm.weight.numpy() / (norm.running_var.numpy() + norm.eps) ** 0.5
    weight = linear.weight.numpy()
    weight *= scale.reshape(-1, 1)
    bias = norm.bias.numpy() - scale * norm.running_mean.numpy()
    return weight, torch.tensor(bias).double()
""",
        {
            """
def fold(linear, norm):
    scale = 1 / torch.sqrt(norm.running_var + norm.eps)
    bias = norm.bias - scale * norm.running_mean
    return (norm.weight * scale)[:, None] * linear.weight, bias
""": r"bias off by \d\S+ β − scale · E, all of the scale",
            """
def fold(linear, norm):
    scale = norm.weight / torch.sqrt(norm.running_var)
    return scale[:, None] * linear.weight, norm.bias - scale * norm.running_mean
""": r"weight off by \d\S+ each row times its γ / √\(Var \+ ε\)",
            """
def fold(linear, norm):
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale * linear.weight, norm.bias - scale * norm.running_mean
""": r"weight off by \d\S+ each row",
            """
def fold(linear, norm):
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return scale[:, None] * linear.weight, norm.bias - norm.running_mean
""": r"bias off by \d",
        },
    ),
}

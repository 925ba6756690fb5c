"""The exercises of notebook 04."""

EXERCISES = {
    "exercise-scale-and-shift": (
        """
def scale_and_shift(x_hat, gamma, beta):  # in place: allowed
    x_hat *= gamma
    x_hat += beta
    return x_hat
""",
        {
            "def scale_and_shift(x_hat, gamma, beta): return gamma[:, None] * x_hat + beta": (
                "belong to channels, not to samples"
            ),
            "def scale_and_shift(x_hat, gamma, beta): return gamma * (x_hat + beta)": "y is off by",
        },
    ),
    "exercise-batch-norm-train": (
        """
def batch_norm_train(x, gamma, beta, eps=1e-5):  # with a loop, in float32: allowed
    y = torch.zeros(x.shape)
    for channel in range(x.shape[1]):
        column = x[:, channel]
        x_hat = (column - column.mean()) / (column.var(correction=0) + eps).sqrt()
        y[:, channel] = gamma[channel] * x_hat + beta[channel]
    return y
""",
        {
            """
def batch_norm_train(x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5) ** 0.5 + beta
""": "off by",
            """
def batch_norm_train(x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(0)) / (x.var(0) + eps) ** 0.5 + beta
""": "divide by n",
            """
def batch_norm_train(x, gamma, beta, eps=1e-5):
    return gamma * (x - x.mean(0)) / (x.var(0, correction=0) ** 0.5 + eps) + beta
""": "eps inside the root",
            """
def batch_norm_train(x, gamma, beta, eps=1e-5):
    x_hat = (x.T - x.mean(1)) / (x.var(1, correction=0) + eps) ** 0.5
    return gamma * x_hat.T + beta
""": "moments over dim 0",
        },
    ),
    "exercise-backward": (
        "def backward_of_gamma_and_beta(d_y, x_hat): return (d_y * x_hat).sum(0), d_y.sum(0)",
        {
            "def backward_of_gamma_and_beta(d_y, x_hat): return [(d_y * x_hat).sum(0)]": (
                "return two things: d_gamma and d_beta"
            ),
            "def backward_of_gamma_and_beta(d_y, x_hat): return d_y * x_hat, d_y": (
                r"d_gamma has shape \(4, 4\): sum over the samples"
            ),
            """
def backward_of_gamma_and_beta(d_y, x_hat):
    return (d_y * x_hat).mean(0), d_y.mean(0)
""": "d_gamma is off by",
            """
def backward_of_gamma_and_beta(d_y, x_hat):
    return (d_y * x_hat).sum(0), d_y.sum(1)
""": "d_beta is off by",
        },
    ),
}

"""The exercises of notebook 03."""

EXERCISES = {
    "exercise-derivative": (
        """
def sigmoid_derivative(z):  # another form of it, in float64: allowed
    return 1 / (2 + torch.exp(z.double()) + torch.exp(-z.double()))
""",
        {
            "def sigmoid_derivative(z): return z * (1 - z)": r"where s is the sigmoid's \*output\*",
            "def sigmoid_derivative(z): return torch.sigmoid(z)": "off by 1 at z = 8.0",
            "def sigmoid_derivative(z): return 1 - torch.sigmoid(z) ** 2": "off by 1 at z = -8",
            "def sigmoid_derivative(z): return 1 - torch.tanh(z) ** 2": "off by 0.75 at z = 0.0",
            "def sigmoid_derivative(z): s = torch.sigmoid(z)[:, None]; return s * (1 - s)": (
                "one derivative for each z"
            ),
        },
    ),
    "exercise-saturated": (
        """
def saturated_share(z):  # with loops, as a list: allowed
    shares = []
    for unit in range(z.shape[1]):
        beyond = [abs(float(value)) > experiments.SATURATED for value in z[:, unit]]
        shares.append(sum(beyond) / len(beyond))
    return shares
""",
        {
            "def saturated_share(z): return (z.abs() > experiments.SATURATED).float().mean()": (
                r"shape \(\): a share for each unit"
            ),
            "def saturated_share(z): return (z.abs() > experiments.SATURATED).float().mean(1)": (
                r"shape \(4,\): a share for each unit, over dim 0"
            ),
            "def saturated_share(z): return (z > experiments.SATURATED).float().mean(0)": (
                "counts, either side"
            ),
            "def saturated_share(z): return (z.abs() > 3).float().mean(0)": "beyond 2.94 once",
            "def saturated_share(z): return (abs(z) > experiments.SATURATED).sum(0)": "divide by N",
        },
    ),
}

"""The exercise of notebook 00."""

EXERCISES = {
    "mean": {
        "right": (
            "def mean(values): return sum(values) / len(values)",
            "def mean(values): return np.mean(values)",
            """
def mean(values):
    total = 0
    for value in values:
        total += value
    return total / len(values)
""",
            "def mean(values): return torch.tensor(values).double().mean()",
        ),
        "wrong": {
            "sum-only": ("def mean(values): return sum(values)",),
            "always-two": ("def mean(values): return sum(values) / 2",),
            "median": (
                "def mean(values): return np.median(values)",
                "def mean(values): return (np.quantile(values, 0.5))",
            ),
            "rounded-down": ("def mean(values): return sum(values) // len(values)",),
            "n-minus-1": ("def mean(values): return sum(values) / (len(values) - 1)",),
            "nothing-returned": ("def mean(values): print(sum(values) / len(values))",),
            "input-changed": (
                """
def mean(values):
    n, total = len(values), 0
    while values:
        total += values.pop()
    return total / n
""",
            ),
        },
        "two": {"def mean(values): return sum(values) // 2": "always-two"},
        "unknown": ("def mean(values): return max(values)",),
    },
}

"""The exercise of notebook 00."""

EXERCISES = {
    "exercise-mean": (
        "def mean(values): return sum(values) / len(values)",
        {
            "def mean(values): return sum(values) / 2": "is 4.5, yours is 9",
            "def mean(values): return sum(values) // len(values)": "is 4.5, yours is 4",
        },
    ),
}

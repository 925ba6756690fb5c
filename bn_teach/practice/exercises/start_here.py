"""The exercise of notebook 00: to see how a check talks."""

from ..exercise import Exercise
from ..formula import Formula

NOTEBOOK = "00-start-here"


def mean(values):
    """The mean of a list of numbers: their sum divided by how many there are."""
    return sum(values) / len(values)


def _made(mistakes, values):
    if "median" in mistakes:
        ordered, half = sorted(values), len(values) // 2
        return (ordered[half] + ordered[-half - 1]) / 2
    count = len(values) - 1 if "n-minus-1" in mistakes else len(values)
    if "always-two" in mistakes:
        count = 2
    if "sum-only" in mistakes:
        count = 1
    return sum(values) // count if "rounded-down" in mistakes else sum(values) / count


EXERCISES = [
    Exercise(
        "mean",
        Formula(
            right=mean,
            trials=lambda: [([1, 3],), ([2, 8, 5.5],), ([1, 2, 6, 9, 30],)],
            made=_made,
            mistakes=("sum-only", "always-two", "median", "rounded-down", "n-minus-1"),
            arguments=("values",),
            own={
                "sum-only": ("this is the sum", "What is still to be done with a sum?"),
                "always-two": (
                    "your function divides by 2",
                    "Right for two numbers. And for five? Python's `len` counts them.",
                ),
                "median": (
                    "this is the median, the number in the middle",
                    "Half of the numbers lie below it. The mean takes all of them into account.",
                ),
                "rounded-down": (
                    "your mean is rounded down to a whole number",
                    "`//` divides without a remainder. What does `/` do?",
                ),
                "n-minus-1": (
                    "the sum is divided by n − 1",
                    "n − 1 belongs to an estimate of a variance. Of how many numbers is this the "
                    "mean?",
                ),
            },
            todo="write `return sum(values) / len(values)` in place of the dots.",
            praise="this is how every exercise tells you.",
        ),
        mean,
        hints=(
            "Python's `sum` adds up a list, and `len` counts it.",
            "One line: `return`, then the sum, divided by the count.",
        ),
    )
]

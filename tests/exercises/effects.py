"""The exercises of notebook 08."""

EXERCISES = {
    "exercise-steps-to-target": (
        """
def steps_to_target(steps, accuracy, target):  # with a loop: allowed
    for step, value in zip(steps, accuracy):
        if value >= target:
            return int(step)
""",
        {
            """
def steps_to_target(steps, accuracy, target):
    return int(np.argmax(accuracy >= target))
""": "return the step that stands there",
            """
def steps_to_target(steps, accuracy, target):
    return steps[np.argmax(accuracy >= target)]
""": "95 % is never reached, you say at 0",
            """
def steps_to_target(steps, accuracy, target):
    return steps[accuracy > target].min() if (accuracy > target).any() else None
""": "at or above the target",
            """
def steps_to_target(steps, accuracy, target):
    return steps[accuracy >= target].max() if (accuracy >= target).any() else None
""": "the first step",
            """
def steps_to_target(steps, accuracy, target):
    return steps[accuracy >= target]
""": "one step, not an array",
            """
def steps_to_target(steps, accuracy, target):
    return min([s for s, value in zip(steps, accuracy) if value >= target], default=np.inf)
""": "95 % is never reached, you say at inf",
        },
    ),
    "exercise-matching-rate": (
        "def matching_rate(lr, a): return lr * a**2",
        {
            "def matching_rate(lr, a): return lr * a": "a times smaller, and W a times longer",
            "def matching_rate(lr, a): return lr": "does not match",
            "def matching_rate(lr, a): return lr / a**2": "does not match",
            "def matching_rate(lr, a): return lr * a**3": "does not match",
            "def matching_rate(lr, a): return -lr * a**2": "does not match",
            "def matching_rate(lr, a): return 3 * lr * a": "not for 0.2 and 0.5",
        },
    ),
}

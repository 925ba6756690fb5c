"""The exercises of notebook 08: solutions as students write them."""

STEPS_TO_TARGET = {
    "right": (
        """
def steps_to_target(steps, accuracy, target):  # with a loop
    for step, value in zip(steps, accuracy):
        if value >= target:
            return step
""",
        """
def steps_to_target(steps, accuracy, target):
    there = steps[accuracy >= target]
    if there.size == 0:
        return None
    return there.min()
""",
        """
def steps_to_target(steps, accuracy, target):
    if accuracy.max() < target:
        return None
    return steps[np.argmax(accuracy >= target)]
""",
        """
def steps_to_target(steps, accuracy, target):
    return next((float(s) for s, v in zip(steps, accuracy) if not v < target), None)
""",
        """
def steps_to_target(steps, accuracy, target):  # backwards: the first one is written last
    found = None
    for i in reversed(range(len(steps))):
        found = int(steps[i]) if accuracy[i] >= target else found
    return found
""",
    ),
    "wrong": {
        "place-not-step": (
            """
def steps_to_target(steps, accuracy, target):
    for i, value in enumerate(accuracy):
        if value >= target:
            return i
""",
            """
def steps_to_target(steps, accuracy, target):
    there = np.where(accuracy >= target)[0]
    return there[0] if len(there) > 0 else None
""",
        ),
        "last-not-first": (
            """
def steps_to_target(steps, accuracy, target):
    there = steps[accuracy >= target]
    return there[-1] if len(there) else None
""",
            """
def steps_to_target(steps, accuracy, target):  # no break
    found = None
    for step, value in zip(steps, accuracy):
        if value >= target:
            found = step
    return found
""",
        ),
        "above-not-at": (
            """
def steps_to_target(steps, accuracy, target):
    return steps[accuracy > target].min() if (accuracy > target).any() else None
""",
            """
def steps_to_target(steps, accuracy, target):
    i = 0
    while i < len(steps) and accuracy[i] <= target:
        i += 1
    return steps[i] if i < len(steps) else None
""",
        ),
        "never-reached": (
            """
def steps_to_target(steps, accuracy, target):  # argmax of nothing but False is 0
    return steps[np.argmax(accuracy >= target)]
""",
            """
def steps_to_target(steps, accuracy, target):
    return min([s for s, value in zip(steps, accuracy) if value >= target], default=np.inf)
""",
            """
def steps_to_target(steps, accuracy, target):
    for step, value in zip(steps, accuracy):
        if value >= target:
            return step
    return -1
""",
            """
def steps_to_target(steps, accuracy, target):
    for step, value in zip(steps, accuracy):
        if value >= target:
            break
    return step
""",
            """
def steps_to_target(steps, accuracy, target):
    for i, value in enumerate(accuracy):
        if value >= target:
            return steps[i]
    return False
""",
            """
def steps_to_target(steps, accuracy, target):
    there = steps[accuracy >= target]
    return there[0] if len(there) else there
""",
            """
def steps_to_target(steps, accuracy, target):
    return next((s for s, v in zip(steps, accuracy) if v >= target), float("nan"))
""",
            """
def steps_to_target(steps, accuracy, target):
    return next((s for s, v in zip(steps, accuracy) if v >= target), len(accuracy))
""",
        ),
        "never-stops": (
            "def steps_to_target(steps, accuracy, target): return steps[accuracy >= target][0]",
            "def steps_to_target(steps, accuracy, target): return min(steps[accuracy >= target])",
            """
def steps_to_target(steps, accuracy, target):
    i = 0
    while accuracy[i] < target:
        i += 1
    return steps[i]
""",
        ),
        "array": (
            "def steps_to_target(steps, accuracy, target): return steps[accuracy >= target]",
            """
def steps_to_target(steps, accuracy, target):
    return [step for step, value in zip(steps, accuracy) if value >= target]
""",
            "def steps_to_target(steps, accuracy, target): return np.where(accuracy >= target)",
            "def steps_to_target(steps, accuracy, target): return np.where(accuracy >= target)[0]",
            "def steps_to_target(steps, accuracy, target): return np.argwhere(accuracy >= target)",
            "def steps_to_target(steps, accuracy, target): return accuracy >= target",
            "def steps_to_target(steps, accuracy, target): return steps[accuracy >= target][:1]",
            """
def steps_to_target(steps, accuracy, target):
    for step, value in zip(steps, accuracy):
        if value >= target:
            return [step]
""",
        ),
        "best-step": (
            "def steps_to_target(steps, accuracy, target): return steps[accuracy.argmax()]",
            """
def steps_to_target(steps, accuracy, target):
    best = max(accuracy)
    if best >= target:
        return steps[list(accuracy).index(best)]
""",
        ),
        "nearest": (
            """
def steps_to_target(steps, accuracy, target):
    return steps[np.argmin(abs(accuracy - target))]
""",
            """
def steps_to_target(steps, accuracy, target):
    if np.all(accuracy < target):
        return None
    return min(zip(steps, accuracy), key=lambda pair: abs(pair[1] - target))[0]
""",
        ),
        "exactly": (
            """
def steps_to_target(steps, accuracy, target):
    if target in accuracy:
        return steps[list(accuracy).index(target)]
""",
        ),
        "below-not-above": (
            """
def steps_to_target(steps, accuracy, target):
    for step, value in zip(steps, accuracy):
        if target >= value:
            return step
""",
            """
def steps_to_target(steps, accuracy, target):
    return next((s for s, v in zip(steps, accuracy) if v < target), None)
""",
        ),
        "assumes-rising": (
            """
def steps_to_target(steps, accuracy, target):
    i = np.searchsorted(accuracy, target)
    return steps[i] if i < len(steps) else None
""",
            """
def steps_to_target(steps, accuracy, target):
    i = np.searchsorted(accuracy, target, side="right")
    return steps[i] if i < len(steps) else None
""",
            """
def steps_to_target(steps, accuracy, target):
    below = int((accuracy < target).sum())
    return None if below == len(steps) else steps[below]
""",
        ),
        "for-good": (
            """
def steps_to_target(steps, accuracy, target):
    found = None
    for step, value in zip(steps, accuracy):
        if value < target:
            found = None
        elif found is None:
            found = step
    return found
""",
        ),
        "one-place-off": (
            """
def steps_to_target(steps, accuracy, target):
    for i in range(len(steps)):
        if accuracy[i] >= target:
            return steps[i - 1]
""",
            """
def steps_to_target(steps, accuracy, target):
    for i in range(len(steps)):
        if accuracy[i] >= target:
            return steps[i + 1] if i + 1 < len(steps) else None
""",
        ),
        "first-round-only": (
            """
def steps_to_target(steps, accuracy, target):
    for step, value in zip(steps, accuracy):
        if value >= target:
            return step
        else:
            return None
""",
        ),
        "judged-by-the-end": (
            """
def steps_to_target(steps, accuracy, target):
    if accuracy[-1] < target:
        return None
    return steps[np.argmax(accuracy >= target)]
""",
        ),
        "zero-lost": (
            """
def steps_to_target(steps, accuracy, target):
    i = np.argmax(accuracy >= target)
    return steps[i] if i > 0 else None
""",
            """
def steps_to_target(steps, accuracy, target):
    return next((s for s, v in zip(steps, accuracy) if v >= target), None) or None
""",
            """
def steps_to_target(steps, accuracy, target):
    found = None
    for step, value in zip(steps, accuracy):
        if value >= target and not found:
            found = step
    return found
""",
        ),
        "steps-compared": (
            """
def steps_to_target(steps, accuracy, target):
    for step in steps:
        if step >= target:
            return step
""",
        ),
        "accuracy-returned": (
            """
def steps_to_target(steps, accuracy, target):
    for value in accuracy:
        if value >= target:
            return value
""",
        ),
        "counted": (
            "def steps_to_target(steps, accuracy, target): return sum(accuracy >= target)",
        ),
        "interpolated": (
            """
def steps_to_target(steps, accuracy, target):
    return np.interp(target, accuracy, steps)
""",
            """
def steps_to_target(steps, accuracy, target):
    last = None
    for step, value in zip(steps, accuracy):
        if value >= target:
            if last is None:
                return step
            return last[0] + (target - last[1]) / (value - last[1]) * (step - last[0])
        last = step, value
""",
        ),
        "nothing-returned": (
            """
def steps_to_target(steps, accuracy, target):
    found = [step for step, value in zip(steps, accuracy) if value >= target]
    print(found[0] if found else None)
""",
        ),
        "input-changed": (
            """
def steps_to_target(steps, accuracy, target):
    accuracy -= target
    return next((s for s, over in zip(steps, accuracy) if over >= 0), None)
""",
        ),
    },
    "two": {
        """
def steps_to_target(steps, accuracy, target):  # the place, and 0 where it is never reached
    return int(np.argmax(accuracy >= target))
""": "place-not-step",
        """
def steps_to_target(steps, accuracy, target):
    return max([s for s, value in zip(steps, accuracy) if value >= target], default=np.inf)
""": "last-not-first",
        """
def steps_to_target(steps, accuracy, target):
    return steps[accuracy > target][0]
""": "above-not-at",
        """
def steps_to_target(steps, accuracy, target):
    return steps[np.searchsorted(accuracy, target)]
""": "never-stops",
        """
def steps_to_target(steps, accuracy, target):  # writes into its input, too
    accuracy *= 100
    return steps[np.argmax(accuracy >= 100 * target)]
""": "never-reached",
    },
    "unknown": (
        "def steps_to_target(steps, accuracy, target): return steps[len(steps) // 2]",
        "def steps_to_target(steps, accuracy, target): return steps.index(target)",
        """
def steps_to_target(steps, accuracy, target):
    for step, value in zip(steps, accuracy):
        if value >= target:
            return step
    return "never"
""",
    ),
}

MATCHING_RATE = {
    "right": (
        "def matching_rate(lr, a): return lr * a**2",
        """
def matching_rate(lr, a):
    gradient, length = 1 / a, a
    return lr / gradient * length
""",
        """
def matching_rate(lr, a):
    rate = lr
    for effect in ("gradient", "length"):
        rate *= a
    return rate
""",
        "def matching_rate(lr, a): return torch.tensor(lr) * torch.tensor(a).square()",
        "def matching_rate(lr, a): return math.exp(math.log(lr) + 2 * math.log(a))",
    ),
    "wrong": {
        "one-effect": (
            "def matching_rate(lr, a): return lr * a",
            """
def matching_rate(lr, a):
    gradient = 1 / a
    return lr / gradient
""",
        ),
        "unchanged": ("def matching_rate(lr, a): return lr",),
        "other-way-round": ("def matching_rate(lr, a): return lr / a**2",),
        "wrong-direction": (
            "def matching_rate(lr, a): return lr / a",
            "def matching_rate(lr, a): return lr / math.sqrt(a)",
        ),
        "effects-added": (
            "def matching_rate(lr, a): return lr * (a + a)",
            "def matching_rate(lr, a): return lr + lr * a",
        ),
        "too-many": (
            "def matching_rate(lr, a): return lr * a**3",
            "def matching_rate(lr, a): return lr * a**2 * a**2",
        ),
        "rate-squared": (
            "def matching_rate(lr, a): return (lr * a) ** 2",
            "def matching_rate(lr, a): return lr * lr * a",
        ),
        "rate-missing": (
            "def matching_rate(lr, a): return a**2",
            "def matching_rate(lr, a): return a",
            "def matching_rate(lr, a): return a**-2",
        ),
        "divides-by-rate": (
            "def matching_rate(lr, a): return a**2 / lr",
            "def matching_rate(lr, a): return a / lr",
        ),
        "one-pair": (
            "def matching_rate(lr, a): return 0.9",
            "def matching_rate(lr, a): return lr * 3**2",
            "def matching_rate(lr, a): return 3 * lr * a",
            "def matching_rate(lr, a): return 0.1 * a**2",
        ),
        "negative": ("def matching_rate(lr, a): return -lr * a**2",),
        "shape-changed": ("def matching_rate(lr, a): return np.array([lr * a**2])",),
        "nothing-returned": ("def matching_rate(lr, a): print(lr * a**2)",),
    },
    "two": {"def matching_rate(lr, a): return -lr * a": "one-effect"},
    "unknown": (
        "def matching_rate(lr, a): return lr * 2**a",
        "def matching_rate(lr, a): return lr * a ^ 2",
        "def matching_rate(lr, a): return lr + a",
    ),
}

EXERCISES = {"steps_to_target": STEPS_TO_TARGET, "matching_rate": MATCHING_RATE}

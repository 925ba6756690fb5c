"""The exercise of notebook 01."""


def moved(*lines):
    """The source of a function of these lines, of which the last is what it returns."""
    *body, last = lines
    return "\n    ".join(["def moved(z):", *body, f"return {last}"])


MEDIANS = "m = np.median(z, axis=1)"

EXERCISES = {
    "moved": {
        "right": (
            moved(MEDIANS, "m.max(axis=0) - m.min(axis=0)"),
            moved("np.ptp(np.percentile(z, 50, axis=1), axis=0)"),
            """
def moved(z):  # with loops, in float32, as a list
    found = []
    for unit in range(z.shape[2]):
        medians = [np.median(z[step, :, unit].astype(np.float32)) for step in range(len(z))]
        found.append(max(medians) - min(medians))
    return found
""",
            """
def moved(z):  # the two in the middle, on a sorted copy
    z = np.sort(z, axis=1)
    n = z.shape[1]
    m = (z[:, (n - 1) // 2] + z[:, n // 2]) / 2
    return np.amax(m, 0) - np.amin(m, 0)
""",
            moved(
                "m = torch.quantile(torch.as_tensor(z), 0.5, dim=1)",
                "m.amax(0) - m.amin(0)",
            ),
            moved("m = np.median(z.transpose(2, 0, 1), axis=-1)", "np.ptp(m, axis=-1)"),
        ),
        "wrong": {
            "wrong-axis": (
                moved("np.ptp(np.median(z, axis=0), axis=0)"),
                moved("m = np.median(z, axis=2)", "m.max(0) - m.min(0)"),
                moved("m = np.median(z, axis=-1)", "m.max(axis=1) - m.min(axis=1)"),
                moved("m = np.median(z, axis=0)", "np.ptp(m, axis=1)"),
            ),
            "spread-over-units": (
                moved("np.ptp(np.median(z, axis=1), axis=1)"),
                moved("[max(m) - min(m) for m in np.median(z, axis=1)]"),
            ),
            "spread-first": (
                moved("np.median(z.max(axis=0) - z.min(axis=0), axis=0)"),
                moved("np.median(np.ptp(z, axis=1), axis=0)"),
            ),
            "no-median": (
                moved("z.max(axis=(0, 1)) - z.min(axis=(0, 1))"),
                moved("z.max(0) - z.min(0)"),
            ),
            "one-image": (moved("m = z[:, 0, :]", "m.max(0) - m.min(0)"),),
            "mean-not-median": (
                moved("m = z.mean(axis=1)", "m.max(axis=0) - m.min(axis=0)"),
                moved("m = z.sum(1) / z.shape[1]", "np.ptp(m, 0)"),
            ),
            "medians-only": (moved("np.median(z, axis=1)"),),
            "largest-only": (
                moved(MEDIANS, "m.max(axis=0)"),
                moved("np.median(z, axis=1).min(axis=0)"),
            ),
            "smallest-minus-largest": (moved(MEDIANS, "np.min(m, axis=0) - np.max(m, axis=0)"),),
            "standard-deviation": (
                moved("np.std(np.median(z, axis=1), axis=0)"),
                moved("torch.tensor(np.median(z, axis=1)).std(dim=0)"),
                moved("np.var(np.median(z, axis=1), axis=0)"),
            ),
            "last-minus-first": (
                moved(MEDIANS, "m[-1] - m[0]"),
                moved(MEDIANS, "abs(m[0] - m[len(z) - 1])"),
                moved(MEDIANS, "m[0] - m[-1]"),
                moved("sum(np.diff(np.median(z, axis=1), axis=0))"),
            ),
            "step-by-step": (
                moved("abs(np.diff(np.median(z, axis=1), axis=0)).sum(0)"),
                moved(MEDIANS, "np.abs(m[1:] - m[:-1]).max(axis=0)"),
                moved(MEDIANS, "np.abs(m[1:] - m[:-1]).mean(axis=0)"),
            ),
            "from-the-start": (moved(MEDIANS, "abs(m - m[0]).max(axis=0)"),),
            "one-number": (
                moved("np.ptp(np.median(z, axis=1), axis=0).mean()"),
                moved("np.ptp(np.median(z, axis=1))"),
                moved(MEDIANS, "max(m.max(0) - m.min(0))"),
                moved(MEDIANS, "sum(m.max(0) - m.min(0))"),
            ),
            "one-middle": (
                moved("m = np.sort(z, axis=1)[:, z.shape[1] // 2]", "m.max(0) - m.min(0)"),
                moved(
                    "m = torch.tensor(z).median(dim=1).values",
                    "m.max(0).values - m.min(0).values",
                ),
            ),
            "input-changed": (
                moved(
                    "z.sort(axis=1)",
                    "n = z.shape[1]",
                    "np.ptp((z[:, (n - 1) // 2] + z[:, n // 2]) / 2, axis=0)",
                ),
            ),
            "shape-changed": (
                moved("np.ptp(np.median(z, axis=1), axis=0, keepdims=True)"),
                moved("m = np.median(z, axis=1, keepdims=True)", "m.max(0) - m.min(0)"),
            ),
            "nothing-returned": (f"def moved(z):\n    {MEDIANS}\n    m.max(0) - m.min(0)",),
        },
        "two": {
            moved("z.mean(axis=1).std(axis=0)"): "mean-not-median",
            moved("np.ptp(np.median(z, axis=0), axis=0).mean()"): "wrong-axis",
            moved("m = z.mean(1)", "m[-1] - m[0]"): "mean-not-median",
            moved("z *= -1", "np.ptp(z.mean(axis=1), axis=0)"): "mean-not-median",
        },
        "unknown": (
            moved("np.ptp(np.percentile(z, 85, axis=1), axis=0)"),
            moved("m = z.median(axis=1)", "m.max(0) - m.min(0)"),
            moved(MEDIANS, "2 * (m.max(0) - m.min(0))"),
            moved("np.zeros(z.shape[2])"),
        ),
    },
}

"""The exercise of notebook 01."""

EXERCISES = {
    "exercise-moved": (
        """
def moved(z):  # with loops, in float32: allowed
    found = []
    for unit in range(z.shape[2]):
        medians = [np.median(z[step, :, unit].astype(np.float32)) for step in range(len(z))]
        found.append(max(medians) - min(medians))
    return found
""",
        {
            "def moved(z): return np.ptp(np.mean(z, axis=1), axis=0)": "Is it the median",
            "def moved(z): return np.median(z, axis=1).max(axis=0)": "then largest - smallest",
            "def moved(z): return np.ptp(np.median(z, axis=0), axis=0)": "off by up to",
            "def moved(z): return abs(np.diff(np.median(z, axis=1), axis=0)).sum(0)": "off by",
            "def moved(z): return np.median(z, axis=1)[-1] - np.median(z, axis=1)[0]": "off by",
            "def moved(z): return np.ptp(np.median(z, axis=1), axis=0).mean()": r"shape \(\)",
            "def moved(z): return np.ptp(np.median(z, axis=1))": r"shape \(\): images are axis 1",
            "def moved(z): return np.ptp(np.median(z, axis=1), axis=1)": r"shape \(6,\)",
        },
    ),
}

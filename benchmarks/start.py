"""From Shift+Enter on a fresh kernel's first cell to the picture: three ways, one and six figures.

The cell imports what the picture needs, and torch is none of it. Each time is of a page of its
own with an empty cache; our last column is a second page of the same browser, which has
plotly.js.
"""

from statistics import mean

from . import pictures, report
from .report import progress, row
from .workbench import run_first_cell, traffic, workbench

ROUNDS = {1: 2, 6: 1}  # figures: rounds. The ways differ by far more than the noise.
CACHED = "ours, cached"
NO_TORCH = '"torch" not in __import__("sys").modules'


def measure(bench, figures, seconds, megabytes):
    """One round of all ways: appends (first picture, all pictures), and what crossed."""
    for way, function in pictures.WAYS.items():
        progress(f"start: {figures} x {way}")
        cell = (
            "from benchmarks import pictures\n"
            f"for _ in range({figures}):\n    pictures.{function.__name__}()"
        )
        lab = bench.open(bench.write("first", cell))
        timed(bench, lab, figures, seconds[way], megabytes[way])
        if way == "ours":
            lab = bench.open_again(lab, bench.write("second", cell))
            timed(bench, lab, figures, seconds[CACHED], megabytes[CACHED])
        lab.close()


def timed(bench, lab, figures, seconds, megabytes):
    seconds.append(run_first_cell(lab, figures))
    bench.settle(lab)
    megabytes.append(traffic(lab) / 1e6)
    assert lab.ask_kernel(bench.folder, NO_TORCH), "the kernel is to be one without torch"
    bench.end_kernel(lab)


def main():
    ways = [*pictures.WAYS, CACHED]
    report.heading("Fresh kernel, no torch: Shift+Enter to picture", *ways)
    with workbench() as bench:
        for figures, rounds in ROUNDS.items():
            seconds, megabytes = {way: [] for way in ways}, {way: [] for way in ways}
            for _ in range(rounds):
                measure(bench, figures, seconds, megabytes)
            first, last = (
                [mean(pair[which] for pair in seconds[way]) for way in ways] for which in (0, 1)
            )
            crossed = [mean(megabytes[way]) for way in ways]
            budgets = report.FIRST_PICTURE, report.FIRST_PICTURE
            said = f"{figures} figure{'s' * (figures > 1)}"
            row(f"{said}: first picture, s", *first, budget=budgets)
            if figures > 1:
                row(f"{said}: all pictures, s", *last)
            budgets = report.TRAFFIC, report.TRAFFIC_CACHED
            row(f"{said}: websocket, MB", *crossed, budget=budgets)

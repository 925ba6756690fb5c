"""Measure the explorables, the BatchNorm and the notebooks against the course's budgets.

    make bench                      all of it, in about ten minutes
    python -m benchmarks latency    one part; `python -m benchmarks --help` lists them

What is compared is measured in turns, in one run: on a busy machine look at the ratios.
"""

import argparse
import os
import sys
import time
from importlib import import_module

from . import report
from .report import progress, row

PARTS = {
    "latency": "a key press in the same picture made three ways",
    "start": "the first picture after Shift+Enter, three ways",
    "bake": "sampling all states",
    "course": "key presses and bytes in the course's own notebook",
    "batchnorm": "our BatchNorm beside torch.nn's",
    "notebooks": "whole notebooks on one core: time and memory",
    "exports": "exported decks and pages: their size",
}


def batchnorm():
    from .batchnorm import BUDGET, measure

    report.heading("BatchNorm, forward and backward, ms", "torch.nn", "ours", "ratio")
    for each in measure():
        title = f"{each['layer']} {' x '.join(map(str, each['shape']))}"
        row(title, each["torch_ms"], each["ours_ms"], each["ratio"], budget=BUDGET)


def main():
    listed = "\n".join(f"  {name:10} {what}" for name, what in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Measure the course against its budgets, in whole or in part:\n\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="part", help="all of them if none is named")
    parts = parser.parse_args().parts or list(PARTS)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; see --help")
    start = time.monotonic()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}", end="")
    print("" if load is None else f"; {load:.1f} processes were running already")
    print("Times in the browser are those of headless Chromium, which paints 60 times a second.")
    for part in parts:
        batchnorm() if part == "batchnorm" else import_module(f"benchmarks.{part}").main()
    progress(f"done in {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main()

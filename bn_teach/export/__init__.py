"""Slides and pages that stay alive without a kernel and without a network.

`jupyter nbconvert --to bn-slides NOTEBOOK` and `--to bn-page NOTEBOOK` write one HTML file each;
nbconvert finds the exporters (exporters.py) through entry points. This package knows nothing of
Batch Normalization: any notebook that calls `explore` is exported the same way.
"""

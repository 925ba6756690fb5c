"""What is put into an exported file beside the notebook: from dependencies, and our front end."""

import base64
import gzip
from functools import cache
from importlib.resources import files
from pathlib import Path

from ..explorable import widget

HERE = Path(__file__).parent


def ours(name):
    """A file of this folder, as text."""
    return (HERE / name).read_text("utf-8")


def front_end(name):
    """A file of the package, as "explorable/explorable.js": the same as in JupyterLab."""
    return (HERE.parent / name).read_text("utf-8")


@cache
def reveal(name):
    """A file of reveal.js, from the package sphinx-revealjs, which carries it."""
    folder = files("sphinx_revealjs") / "_static" / "revealjs" / "dist"
    return (folder / name).read_text("utf-8")


def plotly_source():
    """plotly.js as the plotly package ships it."""
    return widget.plotly_js().decode()


@cache
def plotly_js():
    """plotly.js, packed as small as gzip can, in base64."""
    packed = gzip.compress(widget.plotly_js(), compresslevel=9, mtime=0)
    return base64.b64encode(packed).decode()

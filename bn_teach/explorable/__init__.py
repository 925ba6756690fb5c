"""The explorable: a function from control values to a picture, alive with or without a kernel."""

from .controls import choice, slider, toggle
from .widget import Explorable, explore

__all__ = ["Explorable", "choice", "explore", "slider", "toggle"]

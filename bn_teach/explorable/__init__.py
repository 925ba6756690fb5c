"""The explorable: a function from control values to a picture, alive with or without a kernel."""

from .controls import choice, slider, toggle
from .widget import WORDS, Explorable, StateError, explore

__all__ = ["WORDS", "Explorable", "StateError", "choice", "explore", "slider", "toggle"]

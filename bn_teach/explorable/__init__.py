"""The explorable: a function from control values to a picture, alive with or without a kernel."""

from .controls import choice, slider, toggle
from .widget import WORDS, Explorable, StateError, bake_all, explore

__all__ = ["WORDS", "Explorable", "StateError", "bake_all", "choice", "explore", "slider", "toggle"]

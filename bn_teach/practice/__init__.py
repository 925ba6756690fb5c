"""Predictions before a picture, and checks that know which mistake was made.

    practice.predict(...)              a question: commit to a guess, then see it beside the truth
    practice.check("name", yours)      whether your function is right, and if not, why
    practice.hint("name")              the next hint
    practice.solution("name")          the package's own function
    practice.progress()                what you have predicted and solved
    practice.hand_in("Your Name")      the same as one page, to hand in

``predictions/`` and ``exercises/`` have a file for each notebook.
"""

from .exercise import check, hint, solution
from .memory import hand_in, progress
from .prediction import number, predict
from .verdict import Verdict

__all__ = ["Verdict", "check", "hand_in", "hint", "number", "predict", "progress", "solution"]

"""The exercises of the course by name: check one, ask for a hint, see its solution."""

import ast
import difflib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import NamedTuple

from IPython.display import display

from . import memory
from .verdict import Verdict, wrong


class Exercise(NamedTuple):
    """One exercise.

    ``judge(student)`` gives a Verdict. ``solution`` is the package's own function or class, and
    passes; ``shown`` are the functions and classes to read in its place, if it alone says little.
    ``hints`` go from a nudge to nearly the answer.
    """

    name: str
    judge: Callable[[Callable], Verdict]
    solution: Callable
    hints: tuple[str, ...]
    shown: tuple[Callable, ...] = ()


@cache
def by_notebook():
    """The exercises of each notebook, in order: "02-whitening" to a list of Exercise."""
    from . import exercises as folder

    modules = [
        import_module(f"{folder.__name__}.{module.name}")
        for module in pkgutil.iter_modules(folder.__path__)
    ]
    return dict(sorted((module.NOTEBOOK, module.EXERCISES) for module in modules))


def called(name):
    """The exercise of that name. Raises ValueError if there is none."""
    known = {exercise.name: exercise for found in by_notebook().values() for exercise in found}
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=1)
        rest = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
        raise ValueError(f"there is no exercise {name!r}; {rest}")
    return known[name]


def check(name, student):
    """Say whether a solution is right, and if not, which mistake it makes.

    Parameters
    ----------
    name : str
        Of the exercise, as its notebook gives it.
    student : callable
        Your function or class itself, not what it returns.

    Returns
    -------
    Verdict
        With ``passed``, ``misconception`` and ``message``; it is shown as well. Whatever the
        function does, no error comes out of here: it may raise, or never end.

    Raises
    ------
    ValueError
        If there is no exercise of that name.
    """
    exercise = called(name)
    if callable(student):
        verdict = exercise.judge(student)
    else:
        verdict = wrong(
            f'give the function itself, `practice.check("{name}", your_function)`, without '
            f"calling it; this is a {type(student).__name__}."
        )
    verdict.show()
    if verdict.begun:
        _say(memory.remember_check(name, verdict))
    return verdict


def hint(name):
    """Show the next hint to an exercise; after the last one, the last one again.

    Raises ValueError if there is no exercise of that name.
    """
    hints = called(name).hints
    place = min(memory.hints_seen(name) + 1, len(hints))
    after = "" if place < len(hints) else f' After this: `practice.solution("{name}")`.'
    _show(f"**Hint {place} of {len(hints)}.** {hints[place - 1]}{after}")
    _say(memory.remember_hint(name, place))


def solution(name):
    """Show the solution of an exercise: the package's own function, as it stands there.

    Its docstring is left out; Python's ``help`` has it. Raises ValueError if there is no exercise
    of that name.
    """
    exercise = called(name)
    _say(memory.remember_solution(name))
    for thing in exercise.shown or (exercise.solution,):
        where = f"`{thing.__module__}.{thing.__qualname__}`"
        _show(f"{where}\n\n```python\n{_code(thing)}\n```")


def _code(thing):
    """The source of a function or class without its docstrings: just the lines that work."""
    source = textwrap.dedent(inspect.getsource(thing))
    lines = source.rstrip().splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            said = node.body[0]
            lines[said.lineno - 1 : said.end_lineno] = [None] * (said.end_lineno - said.lineno + 1)
    return "\n".join(line for line in lines if line is not None)


def _say(problem):
    if problem:
        print(problem)


def _show(markdown):
    display({"text/plain": markdown, "text/markdown": markdown}, raw=True)

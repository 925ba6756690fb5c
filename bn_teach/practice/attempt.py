"""Calls a student's function: whatever it does, even a loop for ever, the check goes on."""

import contextvars
import ctypes
import threading
import traceback
from typing import Any, NamedTuple

LIMIT = 5.0  # seconds for one call: a right solution takes milliseconds


class Returned(NamedTuple):
    value: Any


class Raised(NamedTuple):
    said: str  # "in line 3, `y = x @ w`, with RuntimeError: ..."
    unwritten: bool  # NotImplementedError: a stub's way to say so


class Endless(NamedTuple):
    seconds: float  # after which it was not back


def attempt(function, *args):
    """``function(*args)`` in a thread of its own: Returned, Raised or Endless.

    What still runs after LIMIT seconds is stopped between two lines of Python; what sleeps, or goes
    on after whatever is raised in it, is left behind. A single operation that holds the
    interpreter, as ``10**10**10`` does, is waited for.
    """
    outcomes = []

    def call():
        try:
            outcomes.append(Returned(function(*args)))
        except BaseException as error:  # sys.exit() too: the check goes on
            said = f"{_where(error, function)}with {_what(error)}"
            outcomes.append(Raised(said, isinstance(error, NotImplementedError)))

    context = contextvars.copy_context()  # what it prints belongs to this cell
    thread = threading.Thread(target=context.run, args=[call], daemon=True)
    thread.start()
    try:
        thread.join(LIMIT)
        return Endless(LIMIT) if thread.is_alive() else outcomes[0]
    finally:  # also if the student interrupts the check
        _stop(thread)


def _stop(thread):
    """End a thread, if it still runs. It is told so five times, as a bare ``except:`` may catch it.

    By SystemExit, which is no Exception, and of which a thread that ends by it says nothing.
    """
    for _ in range(5):
        if thread.is_alive():
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)
            )
            thread.join(0.1)


def _where(error, function):
    """The student's own line that it came from: the last one in the file of the function."""
    inner = getattr(function, "forward", function)  # of a torch module
    code = getattr(inner, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if code and frame.filename == code.co_filename]
    if not own:
        return ""
    line = f", `{own[-1].line}`," if own[-1].line else ""
    return f"in line {own[-1].lineno}{line} "


def _what(error):
    """As Python says it, on one line; an error whose own words fail is no problem there."""
    return " ".join("".join(traceback.format_exception_only(error)).split())[:240]

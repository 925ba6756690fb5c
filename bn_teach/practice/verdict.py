"""What a check says."""

from dataclasses import dataclass

from IPython import get_ipython
from IPython.display import display


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Attributes
    ----------
    passed : bool
    misconception : str or None
        The known mistake that gives exactly these results, for example "n-minus-1"; None if the
        exercise is solved or not begun, or the mistake is of no known kind.
    message : str
        In a sentence or two: what was found, and where to look. Markdown.
    begun : bool
        False for a stub that nobody has written in yet.
    """

    passed: bool
    misconception: str | None
    message: str
    begun: bool = True

    @property
    def heading(self):
        return "✓ Right:" if self.passed else "✗ Not right:" if self.begun else "… Not yet:"

    def __str__(self):
        return f"{self.heading} {self.message}"

    def show(self):
        """Display it now, and remember in which cell: see ``_ipython_display_``."""
        shell = get_ipython()
        object.__setattr__(self, "_cell", shell.execution_count if shell else None)
        self._display()

    def _display(self):
        rich = {"text/plain": str(self), "text/markdown": f"**{self.heading}** {self.message}"}
        display(rich, raw=True)

    def _ipython_display_(self):
        """As the last line of the cell that has shown it, it is not shown a second time."""
        shell = get_ipython()
        if not shell or getattr(self, "_cell", None) != shell.execution_count:
            self._display()


def right(message):
    return Verdict(True, None, message)


def wrong(message, misconception=None):
    return Verdict(False, misconception, message)


def not_yet(message):
    return Verdict(False, None, message, begun=False)

"""A verdict is shown once: by the check, and not again as the last line of its cell."""

import pytest
from IPython.core.interactiveshell import InteractiveShell

from bn_teach.practice.verdict import not_yet, right, wrong


@pytest.fixture
def shell():
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_what_it_says():
    assert str(right("so.")) == "✓ Right: so."
    assert str(wrong("no.", "n-minus-1")) == "✗ Not right: no."
    assert str(not_yet("go on.")) == "… Not yet: go on."
    assert not not_yet("go on.").begun


def test_it_is_shown_once_in_its_cell_and_again_in_a_later_one(shell, capsys):
    verdict = right("so.")
    verdict.show()
    verdict._ipython_display_()
    assert capsys.readouterr().out.count("so.") == 1
    shell.execution_count += 1
    verdict._ipython_display_()
    assert capsys.readouterr().out.count("so.") == 1

"""The order of the tests, and which of them stay together when two processes share them."""

import re

from xdist.scheduler import LoadScopeScheduling

BROWSER = "tests/browser/"
LAST = "tests/browser/test_exported.py"  # of even length, so that both processes end together
NOTEBOOK = re.compile(r"\b\d\d-[a-z-]+\b")  # in a test's id: "...[04-scale-and-shift]"


def pytest_collection_modifyitems(items):
    """Run the browser tests last: they are slow, and Playwright keeps an event loop running.

    The loop would stand in the way of `asyncio.run` in any test after them.
    """
    items.sort(key=lambda item: (item.nodeid.startswith(BROWSER), item.nodeid.startswith(LAST)))


def pytest_xdist_make_scheduler(config, log):
    config.option.loadscopereorder = False  # in the order of above, not the longest file first
    return ByNotebook(config, log)


class ByNotebook(LoadScopeScheduling):
    """One process runs all tests of a file: they share what is costly to make.

    Of a file with tests for each notebook, it is those of one notebook that stay together.
    """

    def _split_scope(self, nodeid):
        return " ".join([nodeid.partition("::")[0], *NOTEBOOK.findall(nodeid)])

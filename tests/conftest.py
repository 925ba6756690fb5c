"""The order of the tests."""


def pytest_collection_modifyitems(items):
    """Run the browser tests last: they are slow, and Playwright keeps an event loop running.

    The loop would stand in the way of `asyncio.run` in any test after them.
    """
    items.sort(key=lambda item: item.nodeid.startswith("tests/browser/"))

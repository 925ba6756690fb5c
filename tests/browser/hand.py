"""Moves the controls of an explorable as people do, and looks at what it then shows."""

import pytest
from playwright.sync_api import expect


class Hand:
    """One explorable on a page, found by its place among all of them."""

    def __init__(self, lab, place):
        self.page = lab.page
        self.root = lab.explorables().nth(place)
        self.title = self.root.get_attribute("aria-label")

    def control(self, control):
        """The element with the accessible name of a control, as a screen reader finds it."""
        role = {"slider": "slider", "choice": "group", "toggle": "switch"}[control["kind"]]
        return self.root.get_by_role(role, name=control["label"], exact=True)

    def press(self, control, position):
        """By keyboard, to the first or the last stop."""
        element = self.control(control)
        if control["kind"] == "slider":
            element.press("End" if position else "Home")
        elif control["kind"] == "choice":
            element.get_by_role("radio").nth(0).focus()
            for _ in range(position):
                self.page.keyboard.press("ArrowRight")
            if not position:
                self.page.keyboard.press("Space")
        elif element.is_checked() != bool(position):
            element.press("Space")

    def click(self, control, position):
        """By mouse, to the first or the last stop."""
        element = self.control(control)
        if control["kind"] == "slider":
            box = element.bounding_box()
            x = box["width"] - 2 if position else 2
            element.click(position={"x": x, "y": box["height"] / 2})
        elif control["kind"] == "choice":
            element.get_by_role("radio").nth(position).click()
        elif element.is_checked() != bool(position):
            element.click()

    def reset(self, control):
        """By the key that the tooltip names."""
        element = self.control(control)
        if control["kind"] == "choice":
            element = element.get_by_role("radio").nth(control["start"])
        element.press("Delete")

    def sentence(self):
        """What is written below the picture; the first span only keeps room for the longest."""
        return self.root.locator(".caption span").nth(1).inner_text()

    def description(self):
        """What a screen reader says of the picture."""
        return self.root.locator(".plot[role=img]").get_attribute("aria-label")

    def wait_for(self, sentence, seconds=20):
        self.page.wait_for_function(
            "([root, text]) => root.querySelectorAll('.caption span')[1].textContent === text",
            arg=[self.root.element_handle(), sentence],
            timeout=seconds * 1000,
        )

    def shows(self, move):
        """Wait until the page shows what the kernel says of this state, and compare all of it."""
        if move["error"]:
            self.root.locator(".notice", has_text=move["error"]).wait_for(timeout=20_000)
            return
        # Found anew at each look: JupyterLab may draw a cell's output again in the meantime.
        expect(self.root).to_have_attribute("data-state", str(move["state"]), timeout=20_000)
        assert self.sentence() == move["text"]
        assert self.description() == move["text"]
        drawn = self.root.locator(".plot").evaluate("plot => JSON.parse(JSON.stringify(plot.data))")
        _compare(drawn, move["data"])


def _compare(drawn, expected, spread=0):
    if isinstance(expected, dict):
        for key, value in expected.items():
            _compare(drawn[key], value, spread)
    elif isinstance(expected, list):
        assert len(drawn) == len(expected)
        numbers = [v for v in expected if isinstance(v, (int, float))]
        # The table keeps numbers to 1/16384 of their spread over all states, a few times this.
        spread = max([spread, *map(abs, numbers)])
        for one, other in zip(drawn, expected, strict=True):
            _compare(one, other, spread)
    elif isinstance(expected, float):
        assert drawn == pytest.approx(expected, rel=1e-3, abs=max(1e-3 * spread, 1e-6))
    else:
        assert drawn == expected

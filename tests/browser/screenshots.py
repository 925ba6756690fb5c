"""Screenshots of every explorable of a notebook, for human eyes.

    python -m tests.browser.screenshots FOLDER [NOTEBOOK ...]

Light and dark, 1600 and 700 pixels wide; the start, each control alone at both ends, each still.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from tests.browser import lab as real
from tests.browser.conftest import NOTEBOOKS
from tests.browser.hand import Hand


def main(folder, names):
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as served:
        for name in names:
            shutil.copy(NOTEBOOKS / name, served)
        with real.server(served) as server, real.browser() as chromium:
            for name in names:
                for dark in (False, True):
                    for width in (1600, 700):
                        lab = real.Lab(chromium, *server, name, width=width, dark=dark)
                        take(
                            lab, served, target, f"{name[:2]}-{'dark' if dark else 'light'}-{width}"
                        )
                        lab.close()


def take(lab, served, target, prefix):
    lab.run_all()
    lab.wait_until_complete(served)
    if "-700" in prefix:
        lab.page.keyboard.press("Control+b")  # nobody keeps the file browser open at this width
    truth = lab.ask_kernel(served, f"{real.TRUTH}.truth()")
    for place in range(lab.explorables().count()):
        hand = Hand(lab, place)
        name = f"{prefix}-{place}-{hand.title.replace(' ', '-')}"
        hand.root.scroll_into_view_if_needed()
        hand.root.screenshot(path=target / f"{name}-start.png")
        if "light-1600" not in prefix:
            continue  # the ends look alike in every theme and width: once is enough
        controls = {control["name"]: control for control in truth[hand.title]["controls"]}
        for move in truth[hand.title]["moves"]:
            control = controls[move["control"]]
            hand.press(control, move["position"])
            hand.shows(move)
            hand.root.screenshot(path=target / f"{name}-{move['control']}-{move['position']}.png")
            hand.reset(control)
    print(f"{prefix}: {lab.explorables().count()} explorables, errors: {lab.errors}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:] or sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")))

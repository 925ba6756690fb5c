"""What a student has predicted and solved: a small file beside the notebooks, and a page of it.

The file is read and written anew at each event, whole or not at all, so notebooks that are open at
the same time share it, and it outlives every kernel. It stays where it is: nothing is sent.
"""

import datetime
import json
import re
from html import escape
from importlib.metadata import version
from pathlib import Path

from ..files import write_whole

FILE = "my-progress.json"  # in the folder of the notebook, the kernel's working directory


# Each function that keeps something returns "", or a sentence on why it could not be kept.


def remember_prediction(name, question, guess, truth, fits):
    """Keep the first guess: that is the one that was a prediction."""
    entry = {"question": question, "guess": guess, "truth": truth, "fits": fits, "on": _today()}
    return _change(lambda kept: kept["predictions"].setdefault(name, entry))


def first_guess(name):
    """The guess that was committed to earlier, as its text; None if there is none."""
    return _read()["predictions"].get(name, {}).get("guess")


def remember_check(name, verdict):
    """Count a check, and keep whether it passed and which mistake it named."""

    def change(kept):
        entry = _exercise(kept, name)
        if not entry["passed"]:
            entry["checks"] += 1
            entry["passed"] = verdict.passed
            if verdict.misconception and verdict.misconception not in entry["mistakes"]:
                entry["mistakes"].append(verdict.misconception)
            if verdict.passed:
                entry["on"] = _today()
                entry["helped"] = entry["hints"]

    return _change(change)


def hints_seen(name):
    return _exercise(_read(), name)["hints"]


def remember_hint(name, place):
    """Keep that the hints up to number ``place`` were shown."""
    return _change(lambda kept: _exercise(kept, name).update(hints=place))


def remember_solution(name):
    """Keep that the solution was read before the exercise was solved."""

    def change(kept):
        entry = _exercise(kept, name)
        entry["solution"] = entry["solution"] or not entry["passed"]

    return _change(change)


class Progress:
    """What was predicted and solved; a notebook shows it as two tables."""

    def __init__(self, kept):
        from .exercise import by_notebook  # here, as it imports this module

        self.exercises = [
            (notebook, exercise.name, _exercise(kept, exercise.name))
            for notebook, found in by_notebook().items()
            for exercise in found
        ]
        self.predictions = kept["predictions"]

    @property
    def solved(self):
        return sum(entry["passed"] for _, _, entry in self.exercises)

    def summary(self):
        fitting = sum(entry["fits"] for entry in self.predictions.values())
        return (
            f"{self.solved} of {len(self.exercises)} exercises solved, "
            f"{len(self.predictions)} predictions made, {fitting} of them right."
        )

    def exercise_rows(self):
        return [(notebook, name, _state(entry)) for notebook, name, entry in self.exercises]

    def prediction_rows(self, called="question"):
        """``called``: whether a row begins with the "question", or with the shorter "name"."""
        return [
            (
                name if called == "name" else entry["question"],
                entry["guess"],
                entry["truth"],
                "✓" if entry["fits"] else "✗",
            )
            for name, entry in self.predictions.items()
        ]

    def __repr__(self):
        rows = [*self.exercise_rows(), *self.prediction_rows()]
        return "\n".join([self.summary(), *(" | ".join(row) for row in rows)])

    def _repr_markdown_(self):
        tables = [self.summary(), _table(EXERCISES, self.exercise_rows())]
        if self.predictions:
            tables.append(_table(PREDICTIONS, self.prediction_rows()))
        return "\n\n".join(tables)


EXERCISES = ("notebook", "exercise", "state")
PREDICTIONS = ("question", "your guess", "measured", "")


def progress():
    """What you have predicted and solved so far, in all notebooks of this folder."""
    return Progress(_read())


def hand_in(name="", path=None):
    """Write your progress as one page to hand in, and return where it is.

    Parameters
    ----------
    name : str
        Yours, as it shall stand at the top.
    path : str or Path, optional
        By default record-of-your-name.html, beside the notebook.

    Raises
    ------
    ValueError
        If the name is empty.
    OSError
        If the page cannot be written there; an older one is then as it was.
    """
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f'hand_in: the name is {name!r}; give yours, hand_in("Your Name")')
    slug = re.sub(r"\W+", "-", name.strip().lower()).strip("-")
    path = Path(path or f"record-of-{slug}.html")
    write_whole(path, _page(name.strip(), progress()))
    return path


def _page(name, done):
    return PAGE.format(
        name=escape(name),
        day=_today(),
        version=version("bn-teach"),
        summary=escape(done.summary()),
        exercises=_html(EXERCISES, done.exercise_rows()),
        predictions=_html(("prediction", *PREDICTIONS[1:]), done.prediction_rows("name")),
    )


def _state(entry):
    if not (entry["checks"] or entry["hints"] or entry["solution"]):
        return "not begun"
    said = [f"solved at check {entry['checks']}" if entry["passed"] else "not solved yet"]
    if not entry["passed"] and entry["checks"]:
        said.append(_counted(entry["checks"], "check"))
    if entry["mistakes"]:
        met, more = entry["mistakes"][:2], len(entry["mistakes"]) - 2
        said.append(f"met: {', '.join(met)}{f' and {more} more' if more > 0 else ''}")
    hints = entry["helped"] if entry["passed"] else entry["hints"]
    if hints:
        said.append(_counted(hints, "hint"))
    if entry["solution"]:
        said.append("solution read first")
    return "; ".join(said)


def _counted(count, noun):
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _exercise(kept, name):
    """What is kept of an exercise; what an older version of the course did not keep is empty."""
    empty = {
        "checks": 0,
        "passed": False,
        "mistakes": [],
        "hints": 0,
        "helped": 0,
        "solution": False,
    }
    kept["exercises"][name] = empty | kept["exercises"].get(name, {})
    return kept["exercises"][name]


def _read():
    """What is kept. A file that cannot be read counts as empty: looking on must not fail."""
    try:
        return _parsed()
    except (OSError, ValueError):
        return _nothing()


def _parsed():
    """The file as it is. Raises OSError, or ValueError if it is broken or not ours."""
    try:
        kept = json.loads(Path(FILE).read_text("utf-8"))
        return {part: dict(kept[part]) for part in _nothing()}
    except FileNotFoundError:
        return _nothing()
    except (TypeError, KeyError) as error:
        raise ValueError(f"{FILE} is of another kind") from error


def _nothing():
    return {"predictions": {}, "exercises": {}}


def _change(change):
    """Read, change, write. A broken file is put aside; one that may not be read stays as it is."""
    path, said = Path(FILE), ""
    try:
        try:
            kept = _parsed()
        except ValueError:
            kept, aside = _nothing(), path.with_name(f"{path.stem}-unreadable{path.suffix}")
            path.replace(aside)
            said = f"{path.resolve()} could not be read; it is now called {aside.name}."
        change(kept)
        write_whole(path, json.dumps(kept, ensure_ascii=False, indent=1))
    except OSError as error:
        said = f"Your progress could not be kept in {path.resolve()}: {error.strerror or error}."
    return said


def _today():
    return datetime.date.today().isoformat()


def _table(heading, rows):
    lines = [heading, ["---"] * len(heading), *rows]
    cells = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _html(heading, rows):
    head = "".join(f"<th scope='col'>{escape(cell)}</th>" for cell in heading)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Batch Normalization: {name}</title>
<style>
@page {{ size: A4; margin: 10mm; }}
body {{ max-width: 190mm; margin: auto; font: 7pt/1.1 system-ui, sans-serif; color: #1a1a1a; }}
h1 {{ font-size: 14pt; margin: 0 0 1mm; }}
h2 {{ font-size: 9pt; margin: 2mm 0 0.5mm; }}
p {{ margin: 0; }}
table {{ border-collapse: collapse; width: 100%; }}
td:first-child {{ white-space: nowrap; }}
th, td {{ text-align: left; vertical-align: top; padding: 0.1mm 2mm 0.1mm 0; border-bottom: 0.2mm
  solid #b0b0b0; }}
</style>
</head>
<body>
<h1>{name}</h1>
<p>Batch Normalization, a course in notebooks (bn-teach {version}). {day}. {summary}</p>
<h2>Exercises</h2>
{exercises}
<h2>Predictions, as first made</h2>
{predictions}
</body>
</html>
"""

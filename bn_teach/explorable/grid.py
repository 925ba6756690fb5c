"""The grid of all states: every combination of the controls' stops."""

import math

import numpy as np

MOST_STATES = 5_000


class Grid:
    """The states of a set of controls, numbered with the last control running fastest."""

    def __init__(self, controls):
        self.controls = controls
        self.shape = tuple(len(control.stops) for control in controls.values())
        self.size = math.prod(self.shape)
        self.start = {name: control.stops[control.start] for name, control in controls.items()}
        if self.size > MOST_STATES:
            raise ValueError(
                f"{self.sizes_said()} are more than {MOST_STATES:,}; give {self.longest()} fewer "
                "stops (a larger step or factor), or make two explorables of it"
            )

    def sizes_said(self):
        factors = " x ".join(f"{len(c.stops)} ({name})" for name, c in self.controls.items())
        return f"{factors} = {self.size:,} states"

    def longest(self):
        return max(self.controls, key=lambda name: len(self.controls[name].stops))

    def described(self):
        return [
            {
                "name": name,
                "kind": control.kind,
                "label": control.label or name,
                "stops": list(control.stops),
                "texts": list(control.texts),
                "start": control.start,
                "play": control.play,
            }
            for name, control in self.controls.items()
        ]

    def checked(self, values):
        """The full values, each exactly one of its control's stops."""
        full = dict(self.start)
        for name, value in values.items():
            control = self.controls.get(name)
            if control is None:
                raise ValueError(
                    f"there is no control {name!r}; there are {', '.join(self.controls)}"
                )
            index = control.index(value)
            if index is None:
                raise ValueError(f"{name}={value!r} {control.why_not(value)}")
            full[name] = control.stops[index]
        return full

    def state(self, values):
        index = [control.index(values[name]) for name, control in self.controls.items()]
        return int(np.ravel_multi_index(index, self.shape))

    def values(self, state):
        index = np.unravel_index(state, self.shape)
        return {
            name: control.stops[i]
            for (name, control), i in zip(self.controls.items(), index, strict=True)
        }

    def spoken(self, state):
        """The state in words, for a picture without a sentence of its own."""
        index = np.unravel_index(state, self.shape)
        return ", ".join(
            f"{control.label or name} {control.texts[i]}"
            for (name, control), i in zip(self.controls.items(), index, strict=True)
        )

    def nearest(self, state):
        """All states, those that take the fewest key presses from `state` first."""
        index = np.indices(self.shape).reshape(len(self.shape), -1)
        here = np.array(np.unravel_index(state, self.shape))[:, None]
        return np.argsort(np.abs(index - here).sum(axis=0), kind="stable").tolist()

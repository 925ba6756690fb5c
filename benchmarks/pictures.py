"""The same picture with the same two sliders, made three ways.

A histogram of seeded activations, scaled by gamma and shifted by beta (40 bars), and the normal
density with the same mean and standard deviation (a curve of 120 points). Each way is written
as its own documentation has it. The benchmark's notebooks import this file: each function
below is one cell of theirs.
"""

import numpy as np

GAMMA = {"min": 0.1, "max": 3.1, "step": 0.1, "value": 1.0}  # 31 stops
BETA = {"min": -3.0, "max": 3.0, "step": 0.25, "value": 0.0}  # 25 stops
HEIGHT = 400  # pixels

EDGES = np.linspace(-8, 8, 41)
CENTRES = (EDGES[:-1] + EDGES[1:]) / 2
X = np.linspace(-8, 8, 120)
ACTIVATIONS = np.random.default_rng(0).standard_normal(5_000)


def numbers(gamma, beta):
    """Heights of the bars and of the curve."""
    bars, _ = np.histogram(gamma * ACTIVATIONS + beta, EDGES, density=True)
    curve = np.exp(-(((X - beta) / gamma) ** 2) / 2) / (gamma * np.sqrt(2 * np.pi))
    return bars, curve


def matplotlib_interact():
    import matplotlib.pyplot as plt
    from IPython.display import display
    from ipywidgets import FloatSlider, interactive

    def draw(gamma, beta):
        bars, curve = numbers(gamma, beta)
        _, axes = plt.subplots(figsize=(8, HEIGHT / 100))
        axes.bar(CENTRES, bars, width=0.4)
        axes.plot(X, curve, color="tab:orange")
        axes.set(xlim=(-8, 8), ylim=(0, 1))
        plt.show()

    display(interactive(draw, gamma=FloatSlider(**GAMMA), beta=FloatSlider(**BETA)))


def figure_widget():
    import plotly.graph_objects as go
    from IPython.display import display
    from ipywidgets import FloatSlider, VBox

    gamma, beta = FloatSlider(**GAMMA), FloatSlider(**BETA)
    figure = go.FigureWidget(as_figure(gamma.value, beta.value))

    def moved(_):
        bars, curve = numbers(gamma.value, beta.value)
        with figure.batch_update():
            figure.data[0].y = bars
            figure.data[1].y = curve

    gamma.observe(moved, names="value")
    beta.observe(moved, names="value")
    display(VBox([gamma, beta, figure]))


def ours():
    from IPython.display import display

    display(explorable(as_dict))


WAYS = {"matplotlib": matplotlib_interact, "FigureWidget": figure_widget, "ours": ours}


def explorable(function):
    """An explorable of the picture, which `function` returns for gamma and beta."""
    from bn_teach import explore, slider

    controls = {
        name: slider(s["min"], s["max"], step=s["step"], start=s["value"])
        for name, s in {"gamma": GAMMA, "beta": BETA}.items()
    }
    return explore(function, **controls)


def as_dict(gamma, beta):
    bars, curve = numbers(gamma, beta)
    return {
        "data": [
            {"type": "bar", "x": CENTRES, "y": bars, "width": 0.4},
            {"type": "scatter", "mode": "lines", "x": X, "y": curve},
        ],
        "layout": {"xaxis": {"range": [-8, 8]}, "yaxis": {"range": [0, 1]}, "height": HEIGHT},
    }


def as_figure(gamma, beta):
    import plotly.graph_objects as go

    bars, curve = numbers(gamma, beta)
    figure = go.Figure([go.Bar(x=CENTRES, y=bars, width=0.4), go.Scatter(x=X, y=curve)])
    return figure.update_layout(xaxis_range=[-8, 8], yaxis_range=[0, 1], height=HEIGHT)

"""How the course looks: colours, plotly templates for light and dark, number formats.

Colours are those of Okabe and Ito (2008), which people with any common form of colour
blindness can tell apart. BLUE, VERMILLION, GREEN and PURPLE reach a contrast of 3:1 on white
and on near-black, so lines and outlines use these four. ORANGE and SKY are too pale on white
for thin lines: use them for fills that have an outline. Never let colour alone carry a
meaning; pair it with DASHES, a marker symbol or a label.
"""

BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREY = "#808080"  # guide lines: the one grey that shows on white and on near-black

PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")

_INK = {"light": "#1a1a1a", "dark": "#ececec"}
_GRID = {"light": "#d9d9d9", "dark": "#454545"}
_PAPER = {"light": "#ffffff", "dark": "#1e1e1e"}


def template(theme):
    """The plotly template of a theme, "light" or "dark", as a dict.

    The paper is transparent, so a picture sits on whatever page it is put into. Text is large
    enough for the back row of a lecture hall.
    """
    ink, grid, paper = _INK[theme], _GRID[theme], _PAPER[theme]
    axis = {
        "gridcolor": grid,
        "linecolor": ink,
        "zerolinecolor": GREY,
        "ticks": "outside",
        "tickcolor": grid,
        "automargin": True,
        "title": {"standoff": 8},
    }
    return {
        "layout": {
            "font": {"size": 15, "color": ink, "family": "system-ui, sans-serif"},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(PALETTE),
            "colorscale": {"sequential": "Cividis"},
            "xaxis": axis,
            "yaxis": axis,
            "margin": {"l": 64, "r": 16, "t": 40, "b": 52},
            "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
            "hoverlabel": {"bgcolor": paper, "font": {"color": ink}},
            "annotationdefaults": {"showarrow": False, "font": {"color": ink}},
        }
    }


def number(value, digits=2):
    """A number for prose: fixed digits, a real minus sign, never "−0.00"."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def percent(share, digits=0):
    """A share between 0 and 1 for prose: 0.314 gives "31 %" (narrow no-break space)."""
    return f"{number(100 * share, digits)}\u202f%"

import pytest

from bn_teach import choice, slider, toggle


def test_even_stops_are_tidy_numbers_and_include_both_ends():
    control = slider(0.1, 3, step=0.1, start=0.3)
    assert control.stops == tuple(i / 10 for i in range(1, 31))
    assert control.stops[control.start] == 0.3
    assert control.texts[:2] == ("0.1", "0.2")


def test_integers_stay_integers():
    assert slider(0, 4).stops == (0, 1, 2, 3, 4)
    assert slider(2, 16, factor=2).stops == (2, 4, 8, 16)


def test_logarithmic_stops_meet_the_upper_end_exactly():
    control = slider(1e-3, 10, factor=10**0.5, start=0.1)
    assert len(control.stops) == 9
    assert control.stops[-1] == 10
    assert control.stops[control.start] == pytest.approx(0.1)
    assert control.texts[1] == "0.0032"


def test_minus_signs_are_real_ones():
    assert slider(-1, 0, step=0.5).texts == ("−1.0", "−0.5", "0.0")


def test_choice_and_toggle():
    control = choice(["none", "batch"], start="batch", label="norm")
    assert (control.stops, control.start, control.label) == (("none", "batch"), 1, "norm")
    assert toggle(True).stops[toggle(True).start] is True


def test_a_value_is_found_among_the_stops_by_its_worth():
    assert slider(0, 1, step=0.1).index(0.1 + 0.2) == 3
    assert slider(0, 1, step=0.1).index(0.25) is None
    assert choice([1, 2, "1x"]).index("1x") == 2
    assert toggle().index(1) is None  # True is meant, not 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: slider(3, 1), r"low=3 is not below high=1; swap"),
        (lambda: slider("a", 1), r"low is 'a'; expected a finite number"),
        (lambda: slider(0, float("inf")), r"high is inf; expected a finite number"),
        (lambda: slider(0, 1, step=0.3), r"steps of 0.3 from 0 do not meet high=1; .* be 0.9"),
        (lambda: slider(0, 1, step=-1), r"step=-1; expected a number above 0"),
        (lambda: slider(0, 8, factor=2), r"low=0, factor=2; logarithmic stops need low above 0"),
        (lambda: slider(1, 9, factor=2), r"factors of 2 from 1 do not meet high=9"),
        (lambda: slider(1, 8, factor=2, step=1), r"give step .* or factor .*, not both"),
        (lambda: slider(0, 3, start=5), r"start=5 is outside the range 0 to 3"),
        (lambda: slider(0, 3, start=1.5), r"start=1.5 lies between two stops; .* 1 and 2"),
        (lambda: choice(["a"]), r"expected two or more different options"),
        (lambda: choice(["a", "a"]), r"got \[.a., .a.\]; expected two or more different options"),
        (lambda: choice([1, "1"]), r"got \[1, .1.\]; expected two or more different options"),
        (lambda: choice(["a", None]), r"option None is neither a string nor a number"),
        (lambda: choice(["a", "b"], start="c"), r"start='c' is not one of 'a', 'b'"),
        (lambda: toggle(2), r"start=2 is not one of False, True"),
    ],
)
def test_nonsense_is_refused_in_words(call, words):
    with pytest.raises(ValueError, match=words):
        call()

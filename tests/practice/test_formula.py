"""The judge itself, with a formula small enough to see through."""

from dataclasses import replace

import pytest
import torch

from bn_teach.practice import formula
from bn_teach.practice.formula import Formula


def right(x, a):
    mean = x.mean(0)
    return a * (x - mean)


def made(mistakes, x, a):
    axis = 1 if "wrong-axis" in mistakes else 0
    mean = x.mean(axis)
    if "statistics-detached" in mistakes:
        mean = mean.detach()
    if "forgets-a" in mistakes:
        a = 1
    return a * (x + mean if "adds" in mistakes else x - mean)


JUDGE = Formula(
    right=right,
    trials=lambda: [
        (formula.drawn(0, 2, 1, centre=1), 2.0),
        (formula.drawn(1, 3, 3, centre=1), 2.0),
        (formula.drawn(2, 5, 3, centre=1), 3.0),
    ],
    made=made,
    mistakes=("wrong-axis", "forgets-a", "adds"),
    arguments=("x", "a"),
    own={"forgets-a": ("a is not used", "Where is it?"), "adds": ("mean is added", "Centre?")},
    todo="return y.",
    praise="so it is.",
    differentiable=True,
)


def test_right_is_right_however_it_is_written():
    assert JUDGE(right).passed
    assert JUDGE(lambda x, a: a * x - a * x.sum(0, keepdim=True) / len(x)).message == "so it is."


@pytest.mark.parametrize(
    ("student", "misconception"),
    [
        (lambda x, a: a * (x - x.mean(1)), "wrong-axis"),  # raises where N and C differ
        (lambda x, a: x - x.mean(0), "forgets-a"),
        (lambda x, a: a * (x + x.mean(0)), "adds"),
        (lambda x, a: a * (x - x.mean(0).detach()), "statistics-detached"),
        (lambda x, a: (a * (x - x.mean(0))).detach(), "gradient-lost"),
        (lambda x, a: torch.tensor((a * (x - x.mean(0))).tolist()).double(), "gradient-lost"),
        (lambda x, a: (a * (x - x.mean(0))).float(), "dtype-changed"),
        (lambda x, a: (a * (x - x.mean(0))).T, "shape-changed"),
        (lambda x, a: (a * (x - x.mean(0)))[None], "shape-changed"),
        (lambda x, a: x.sub_(x.mean(0)).mul_(a), "input-changed"),
    ],
    ids=range(10),
)
def test_one_mistake_is_named(student, misconception):
    verdict = JUDGE(student)
    assert (verdict.passed, verdict.misconception) == (False, misconception)
    assert "There may be more" not in verdict.message


def test_of_two_the_first_is_named():
    verdict = JUDGE(lambda x, a: x + x.mean(0))
    assert verdict.misconception == "forgets-a"
    assert verdict.message.endswith("There may be more than this.")
    in_place = JUDGE(lambda x, a: x.sub_(x.mean(0)))
    assert in_place.misconception == "forgets-a"
    assert "There may be more" in in_place.message


def test_what_is_off_by_more_than_rounding_is_not_right():
    small = JUDGE(lambda x, a: right(x, a) + 1e-5)
    assert (small.passed, small.misconception) == (False, None)
    assert small.message.startswith("nearly right, but off by more than rounding")
    known = replace(
        JUDGE,
        made=lambda mistakes, x, a: right(x, a) + (1e-5 if "eps-added" in mistakes else 0),
        mistakes=("eps-added",),
        own={"eps-added": ("ε is added", "Where does it belong?")},
    )
    assert known(lambda x, a: right(x, a) + 1e-5).misconception == "eps-added"
    assert known(right).passed


def test_an_unknown_one_gets_the_smallest_failing_example():
    only_large = JUDGE(lambda x, a: a * (x - x.mean(0)) + (len(x) > 4))
    assert only_large.misconception is None
    assert "`x = Tensor of shape (5, 3)`, `a = 3`" in only_large.message
    first = right(*JUDGE.trials()[2])[0, 0].item()
    assert f"it returns `{first + 1:.4g}` at `[0, 0]`; right is `{first:.4g}`" in only_large.message
    x = JUDGE.trials()[0][0].flatten().tolist()
    small = JUDGE(lambda x, a: 7 * x).message
    assert f"`x = [[{x[0]:.3f}], [{x[1]:.3f}]]`, `a = 2`" in small
    assert f"it returns `[[{7 * x[0]:.3f}], [{7 * x[1]:.3f}]]`" in small
    half = x[0] - x[1]
    assert f"right is `[[{half:.3f}], [{-half:.3f}]]`" in small


def test_a_gradient_that_is_wrong_in_no_known_way_gets_no_name():
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return 2 * gradient

    verdict = JUDGE(lambda x, a: right(Doubled.apply(x), a))
    assert verdict.misconception is None
    assert "gradient is off by" in verdict.message


def test_rows_in_a_list_are_right_and_their_gradient_is_followed():
    assert JUDGE(lambda x, a: list(a * (x - x.mean(0)))).passed
    lost = JUDGE(lambda x, a: (a * (x - x.mean(0))).tolist())
    assert lost.misconception == "gradient-lost"


def test_only_numbers_that_are_wrong_are_a_one_pass_variance():
    judge = replace(
        JUDGE,
        differentiable=False,
        large=lambda: (formula.drawn(3, 200, 3, centre=1e4).float(), 3.0),
    )
    assert judge(right).passed
    rounded = judge(lambda x, a: a * (x - ((x + 1e8).mean(0) - 1e8)))  # loses digits in float32
    assert rounded.misconception == "one-pass-variance"
    ones = torch.ones(1, 200, dtype=torch.float64)
    in_float64 = judge(lambda x, a: a * (x - ones[:, : len(x)] @ x / len(x)))
    assert in_float64.misconception is None
    assert "for float32 numbers around 10 000 your code stopped in line" in in_float64.message


class Silent:
    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Silent(), "returned a Silent, `<tests.practice.test_formula.Silent object at"),
        (torch.zeros(2, device="meta"), "returned a Tensor, `tensor(..., device='meta'"),
        (torch.tensor(1j), "returned a Tensor"),
        ("3", "returned a str, `'3'`"),
        ("words", "returned a str, `'words'`; expected a Tensor"),
        ([1, "two"], "a list of 2"),
        (object, "a type"),
    ],
)
def test_rubbish_is_said_to_be_so(value, said):
    assert said in JUDGE(lambda x, a: value).message


def test_pairs():
    judge = Formula(
        right=lambda x: (x.mean(), x.max()),
        trials=lambda: [(formula.drawn(0, 3),), (formula.drawn(1, 5),)],
        made=lambda mistakes, x: (
            (x.max(), x.mean()) if "swapped" in mistakes else (x.mean(), x.max())
        ),
        mistakes=("swapped",),
        arguments=("x",),
        todo="return two.",
        praise="both.",
    )
    assert judge(lambda x: [x.mean(), x.max()]).passed
    assert judge(lambda x: (x.max(), x.mean())).misconception == "swapped"
    assert judge(lambda x: x.mean()).misconception == "not-a-pair"
    assert judge(lambda x: (x.mean(), x.max(), x.min())).misconception == "not-a-pair"
    lazy = judge(lambda x: (part(x) for part in (torch.mean, torch.max)))
    assert "returned a generator" in lazy.message
    assert "returned a dict" in judge(lambda x: {"mean": x.mean(), "max": x.max()}).message
    assert "`('mean', 'max')`; expected a tuple of 2" in judge(lambda x: ("mean", "max")).message


def test_words_in_place_of_none():
    judge = Formula(
        right=lambda x: None if len(x) > 1 else x,
        trials=lambda: [(formula.drawn(0, 1),), (formula.drawn(1, 2),)],
        made=lambda mistakes, x: None if len(x) > 1 else x,
        mistakes=(),
        arguments=("x",),
        todo="return x.",
        praise="none of two.",
    )
    assert judge(lambda x: None if len(x) > 1 else x).passed
    assert "`'never'`; expected None." in judge(lambda x: "never" if len(x) > 1 else x).message


def test_changes_of_arguments_that_need_not_be_kept_are_allowed():
    judge = Formula(
        right=lambda old, new: old + new,
        trials=lambda: [(formula.drawn(0, 3), formula.drawn(1, 3))],
        made=lambda mistakes, old, new: old + new,
        mistakes=(),
        arguments=("old", "new"),
        todo="return it.",
        praise="moved.",
        kept=(1,),
    )
    assert judge(lambda old, new: old.add_(new)).passed
    assert judge(lambda old, new: new.add_(old)).misconception == "input-changed"


@pytest.mark.parametrize(
    ("function", "expected"),
    [(lambda: None, True), (lambda x: x, False), (print, False), (lambda: 3 + len("a"), False)],
    ids=range(4),
)
def test_stubs_are_told_from_work(function, expected):
    def documented(x):
        """Only words."""
        ...

    assert formula.is_stub(documented)
    assert formula.is_stub(function) == expected

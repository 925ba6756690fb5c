"""The ten checks of a layer, and the verdict on a student's class whatever it does.

Which mistake is named is tested in test_exercises, with the layers of tests/exercises.
"""

import copy
import time
from itertools import combinations

import pytest
import torch

from bn_teach.batchnorm import BatchNorm1d, BatchNorm2d
from bn_teach.experiments.from_scratch_layers import FirstTry, SecondTry, compare
from bn_teach.practice import attempt, layer, layer_checks
from bn_teach.practice.formula import slug_of
from bn_teach.practice.results import same
from tests.layers import FUNCTIONAL, IN_PLACE, IN_STEPS, LAYER

TORCHS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)
FORMULAS = {name: value for name, value in vars(layer).items() if isinstance(value, layer.Formula)}


def class_of(source):
    names = {"torch": torch}
    exec(source, names)
    return names["MyBatchNorm"]


def with_line(old, new):
    assert LAYER.count(old) == 1
    return class_of(LAYER.replace(old, new))


def images_of(flat):
    class Images(flat):
        def forward(self, x):
            rows = x.movedim(1, -1)
            y = super().forward(rows.reshape(-1, x.shape[1]))
            return y.reshape(rows.shape).movedim(-1, 1)

    return Images


def test_the_first_try_has_its_four_bugs_and_no_other():
    found = layer_checks.hunt(FirstTry, FirstTry)
    assert {check: verdict.misconception for check, verdict in found} == {
        "output in training": None,
        "gradient": None,
        "running mean": None,
        "running variance": "biased-buffer",
        "output in evaluation": "biased-buffer",  # which takes the running variance
        "statistics saved in state_dict()": "buffers-not-registered",
        "statistics moved by .to()": "buffers-not-registered",
        "a batch of one is refused": "one-not-refused",
        "a wrong number of channels is refused": "channels-not-refused",
        "images (N, C, H, W)": "only-n",
    }
    passed = [verdict.passed for _, verdict in found]
    assert passed == [verdict.misconception is None for _, verdict in found]
    lines = found._repr_markdown_().splitlines()
    assert len(lines) == 12
    assert lines[2] == "| output in training | passes |"
    assert lines[5].startswith("| running variance | **fails**: the running variance collects")


@pytest.mark.parametrize("layers", [TORCHS, (BatchNorm1d, BatchNorm2d)], ids=["torch", "package"])
def test_right_layers_pass_every_check(layers):
    findings = layer_checks.hunt(*layers)
    assert len(findings) == 10
    assert all(verdict.passed for _, verdict in findings)


def test_a_layer_that_cuts_the_graph_of_images_is_not_used_and_can_be_compared():
    class Cuts(images_of(SecondTry)):
        def forward(self, x):
            return super().forward(x.detach())

    class CutsAll(Cuts):
        def forward(self, x):
            return super().forward(x).detach()

    for images in (Cuts, CutsAll):
        assert layer_checks.yours_or_ours(SecondTry, images)[:2] == (SecondTry, BatchNorm2d)
        assert layer_checks.hunt(SecondTry, images)[-1].verdict.misconception == "gradient-lost"
        found = {row.what: row for row in compare(SecondTry, images)}
        assert found["output in training"].images < 1e-12
        assert found["gradient of x"].images > 1
        assert found["gradient of x"].flat < 1e-12
    assert found["gradient of γ"].images > 1  # CutsAll


def test_a_layer_in_place_of_its_class_is_told_so():
    verdict = layer_checks.judge(class_of(LAYER)(4))
    assert "the class itself" in verdict.message


def test_a_step_that_is_still_dots_is_told_by_name():
    body = "    mean = x.mean(0)\n    return mean, ((x - mean) ** 2).mean(0)"
    assert IN_STEPS.count(body) == 1
    verdict = layer_checks.judge(class_of(IN_STEPS.replace(body, "    ...")))
    assert verdict.message.startswith("`forward` calls `moments`, of which nothing is written")
    assert verdict.begun


@pytest.mark.parametrize(
    ("error", "passes"),
    [("ValueError", True), ("RuntimeError", True), ("TypeError", False), ("Exception", False)],
)
def test_a_refusal_is_a_value_error_or_a_runtime_error(error, passes):
    old = 'raise ValueError("expected more than one sample")'
    verdict = layer_checks.judge(with_line(old, old.replace("ValueError", error)))
    assert verdict.passed == passes
    if not passes:
        assert f"it is refused, but not with a ValueError: with {error}." in verdict.message


@pytest.mark.parametrize("make", [LAYER, IN_PLACE, FUNCTIONAL, BatchNorm1d])
def test_a_right_layer_passes(make):
    assert layer_checks.judge(class_of(make) if isinstance(make, str) else make).passed


def test_layers_that_pass_are_used_and_others_are_not():
    mine = class_of(LAYER)
    found = layer_checks.yours_or_ours(mine, images_of(mine))
    assert found[0] is mine
    assert found[2:] == ("your", "your")
    only_flat = layer_checks.yours_or_ours(mine, FirstTry)
    assert only_flat[:2] == (mine, BatchNorm2d)
    assert only_flat[2:] == ("your", "the package's")
    found = layer_checks.yours_or_ours(FirstTry, images_of(FirstTry))
    assert found == (BatchNorm1d, BatchNorm2d, "the package's", "the package's")
    assert "**the package's** layer" in found._repr_markdown_()


@pytest.mark.parametrize(
    "forward", ["...", "pass", "return None", "raise NotImplementedError"], ids=str.split
)
@pytest.mark.parametrize("constructor", ["...", "self.eps = eps"])
def test_a_class_whose_forward_is_not_written_is_not_begun(forward, constructor):
    stub = class_of(f"""
class MyBatchNorm(torch.nn.Module):
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        super().__init__()
        {constructor}

    def forward(self, x):
        {forward}
""")
    if "raise" in forward:  # the constructor comes first
        stub = type("MyBatchNorm", (torch.nn.BatchNorm1d,), {"forward": stub.forward})
    verdict = layer_checks.judge(stub)
    assert (verdict.passed, verdict.begun) == (False, False)
    assert verdict.message == layer.TODO


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("super().__init__()", "1 / 0", "stopped in line 4 with ZeroDivisionError"),
        ("super().__init__()", "raise SystemExit('out')", "SystemExit: out"),
        ("if self.training:", "if self.trainign:", "has no attribute 'trainign'"),
        ("return self.weight * x_hat + self.bias", "return 'y'", "a str, `'y'`"),
        ("return self.weight * x_hat + self.bias", "return x_hat, x_hat", "returns `([["),
        ("return self.weight * x_hat + self.bias", "return x_hat[0]", "output in training: "),
        ("self.weight = torch.nn.Parameter(", "self.weight = list(", "there is no weight"),
        ("(x - mean) / torch", "torch.nan * (x - mean) / torch", "returns `[[nan, nan]"),
    ],
)
def test_whatever_a_class_does_there_is_a_sentence(old, new, said):
    verdict = layer_checks.judge(with_line(old, new))
    assert (verdict.passed, verdict.begun) == (False, True)
    assert said in verdict.message
    assert "Traceback" not in verdict.message


@pytest.mark.parametrize(
    "old", ["super().__init__()", "if self.training:", "self.running_var\n        x_hat"]
)
def test_a_class_that_never_ends_is_told_so_in_time(old, monkeypatch):
    monkeypatch.setattr(attempt, "LIMIT", 0.2)
    new = "while True: pass" if "init" in old else f"{old}\n            while True: pass"
    if "x_hat" in old:  # in evaluation only
        new = "self.running_var\n            while True: pass\n        x_hat"
    start = time.perf_counter()
    verdict = layer_checks.judge(with_line(old, new))
    assert "not back after 0 seconds" in verdict.message
    assert not verdict.passed
    assert time.perf_counter() - start < 60  # guards against a hang, not a measurement


def test_after_a_problem_the_rest_is_looked_at_while_there_is_time(monkeypatch):
    both = with_line(" * len(x) / (len(x) - 1)", "")
    both = type("MyBatchNorm", (both,), {"state_dict": lambda self: {}})
    assert layer_checks.judge(both).message.endswith(layer_checks.MORE)
    clock = iter(range(1000))
    monkeypatch.setattr(layer_checks.time, "monotonic", lambda: 60 * next(clock))
    assert not layer_checks.judge(both).message.endswith(layer_checks.MORE)


def outcomes(function, trials):
    for arguments in trials:
        try:
            yield attempt.Returned(function(*copy.deepcopy(arguments)))
        except Exception as error:
            yield attempt.Raised(str(error), unwritten=False)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_formula_without_mistakes_is_torchs(name):
    formula = FORMULAS[name]
    trials = formula.trials()
    truths = [outcome.value for outcome in outcomes(formula.right, trials)]
    made = outcomes(lambda *a: formula.made(set(), *a), trials)
    assert all(map(same, made, truths))


@pytest.mark.parametrize("name", FORMULAS)
def test_no_two_mistakes_give_the_same_numbers(name):
    formula = FORMULAS[name]
    trials = formula.trials()
    found = {
        m: [*outcomes(lambda *a, m=m: formula.made({m}, *a), trials)] for m in formula.mistakes
    }
    found["right"] = [*outcomes(formula.right, trials)]
    for (one, a), (other, b) in combinations(found.items(), 2):
        if slug_of(one) != slug_of(other):
            alike = [
                isinstance(x, attempt.Raised) if isinstance(y, attempt.Raised) else same(x, y.value)
                for x, y in zip(a, b, strict=True)
            ]
            assert not all(alike), (one, other)

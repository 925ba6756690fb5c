"""The predictions of notebook 02: each truth against an independent calculation."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bn_teach import stored
from bn_teach.experiments import whitening as experiments
from bn_teach.practice.predictions import whitening as predictions
from tests.practice.asked import explained


def test_more_than_the_bells_share_lies_in_the_band_of_a_long_tail():
    prediction = predictions.share_in_the_band(experiments.samples())
    values = torch.tensor(experiments.samples()["skewed"])
    x_hat = torch.nn.functional.batch_norm(values[:, None], None, None, training=True)
    share = (x_hat.abs() < 1).double().mean().item()
    bell = torch.distributions.Normal(0, 1).cdf(torch.tensor([-1.0, 1.0])).diff().item()
    assert share > bell + 0.03
    assert prediction._truth == "more"
    assert prediction._found.count(f"{100 * share:.0f}\u202f%") == 2
    assert predictions.BELL == pytest.approx(bell, abs=1e-3)
    assert explained(prediction)


@pytest.mark.parametrize(
    ("values", "truth"),
    [
        (np.random.default_rng(0).normal(3, 2, size=20_000), "about 68\u202f%"),
        (np.linspace(5, 9, 401), "fewer"),  # 2 / sqrt(12) = 58 %
        (np.repeat([-1.0, 1.0, 0.0], [1, 1, 18]), "more"),
    ],
)
def test_the_share_is_that_of_the_values(values, truth):
    assert predictions.share_in_the_band({"skewed": values})._truth == truth


def test_the_correlation_is_still_there():
    clouds = experiments.clouds()
    prediction = predictions.correlation(clouds)
    x = torch.tensor(clouds.raw[35])
    x_hat = torch.nn.functional.batch_norm(x, None, None, training=True, eps=1e-12)
    assert (x_hat[:, 0] * x_hat[:, 1]).mean().item() == pytest.approx(0.8)
    assert prediction._truth == "still 0.8"
    assert "0.80 before, 0.80 after standardising, 0.00 after ZCA" in prediction._found
    assert explained(prediction)


def test_the_correlation_is_that_of_the_points():
    clouds = experiments.clouds()
    whitened = clouds.after | {"standardised": clouds.after["PCA"]}
    assert predictions.correlation(replace(clouds, after=whitened))._truth == "0"
    half = np.broadcast_to(clouds.raw[28], clouds.raw.shape)  # correlation 0.45
    weaker = clouds.after | {"standardised": half}
    assert predictions.correlation(replace(clouds, after=weaker))._truth == "something between"
    assert predictions.correlation(clouds, rho=0.5)._truth == "still 0.5"


def test_the_price_is_that_of_the_stored_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where guesses are kept
    run = stored.load("whitening-cost")
    prediction = predictions.price_of_zca(run)
    slow, fast = run.snapshots["ZCA"][-1], run.snapshots["standardised"][-1]
    assert prediction._truth == pytest.approx(slow / fast)
    assert f"{slow:.0f} ms with ZCA, {fast:.0f} ms" in prediction._found
    assert "N = 2048 samples of k = 1024 features" in prediction._question
    assert "factor would be 2560." in prediction._number["high"]  # 2 · 1024 + 1024² / 2048
    assert run.settings["machine"] in prediction._found
    assert explained(prediction)
    for guess, fits in ((float(slow / fast), True), (2, False), (512, False)):
        prediction.guess = guess
        assert prediction.fits() == fits


def test_the_price_follows_the_times():
    run = stored.load("whitening-cost")
    truth = predictions.price_of_zca(run)._truth
    slower = run.snapshots | {"ZCA": 3 * run.snapshots["ZCA"]}
    assert predictions.price_of_zca(replace(run, snapshots=slower))._truth == pytest.approx(
        3 * truth
    )
    assert predictions.price_of_zca(run, k=8)._truth < truth


@pytest.mark.parametrize(("n", "c", "h", "w"), [(3, 4, 8, 8), (5, 2, 3, 4)])
def test_mu_has_the_shape_of_torchs_running_mean(n, c, h, w):
    maps = np.random.default_rng(0).normal(size=(n, c, h, w)).astype(np.float32)
    prediction = predictions.shape_of_mu(maps)
    layer = torch.nn.BatchNorm2d(c)
    layer(torch.tensor(maps))
    assert prediction._truth == str(tuple(layer.running_mean.shape))
    assert f"= {maps[:, 0].size} values" in prediction._found
    assert len(prediction._choices) == 4
    assert explained(prediction)

"""The loop does what torch's optimiser does, remembers it, and leaves no trace elsewhere."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from bn_teach import train as train_module
from bn_teach.models import mlp, stack
from bn_teach.train import (
    Run,
    accuracy,
    as_tensors,
    batches,
    cross_entropy,
    descend,
    evaluating,
    one_thread,
    squared_error,
    train,
    training_pass,
)


def data(n=60):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 4, generator=generator)
    return x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long()


def fit(net, **changes):
    settings = {"steps": 12, "lr": 0.3, "batch_size": 20, "progress": False} | changes
    return train(net, *data(), **settings)


def test_one_network_moves_as_with_torch_optim():
    ours, theirs = (mlp([4, 6, 3], norm="batch", seed=1) for _ in range(2))
    run = fit(ours, momentum=0.8, seed=7)
    x, y = data()
    descent = torch.optim.SGD(theirs.parameters(), lr=0.3, momentum=0.8)
    for step, index in enumerate(batches(60, 20, 12, 7)):
        loss = F.cross_entropy(theirs(x[index]), y[index])
        assert run.curves["loss"][step] == pytest.approx(loss.item(), abs=1e-6)
        descent.zero_grad()
        loss.backward()
        descent.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-6, rtol=0)


def test_the_learning_rate_drops_to_a_tenth():
    ours, theirs = (mlp([4, 6, 3], norm="batch", seed=1) for _ in range(2))
    run = fit(ours, drop_at=4)
    assert run.settings["drop_at"] == 4
    x, y = data()
    descent = torch.optim.SGD(theirs.parameters(), lr=0.3)
    schedule = torch.optim.lr_scheduler.MultiStepLR(descent, milestones=[4])
    for index in batches(60, 20, 12, seed=0):
        descent.zero_grad()
        F.cross_entropy(theirs(x[index]), y[index]).backward()
        descent.step()
        schedule.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-6, rtol=0)


def test_each_network_learns_from_its_own_pool():
    x, y = data()
    pools = np.array([np.arange(0, 40), np.arange(20, 60)])
    members = [mlp([4, 6, 3], norm="batch", seed=s) for s in (5, 6)]
    settings = {"steps": 9, "lr": 0.3, "batch_size": 10, "progress": False}
    together = train(stack(members), x, y, seed=[5, 6], pools=pools, **settings)
    for i, (member, pool) in enumerate(zip(members, pools, strict=True)):
        alone = train(member, x[pool], y[pool], seed=5 + i, **settings)
        assert together.curves["loss"][:, i] == pytest.approx(alone.curves["loss"], abs=1e-5)
    with pytest.raises(ValueError, match="batch_size 50: expected 1 to 40"):
        train(stack(members), x, y, seed=[5, 6], pools=pools, **settings | {"batch_size": 50})


def test_descending_can_be_left_off_and_gone_on_with():
    whole, parts = (mlp([4, 6, 3], norm="batch", seed=1) for _ in range(2))
    x, y = data()
    run = fit(whole, momentum=0.8)
    updates = descend(parts, x, y, batches(60, 20, 12, seed=0), lr=0.3, momentum=0.8)
    losses = [next(updates) for _ in range(5)]
    evaluated = accuracy(parts, x, y)  # looks, and leaves no trace
    losses += updates
    assert 0 < evaluated < 1
    assert np.array_equal(torch.stack(losses).numpy(), run.curves["loss"])
    for p, q in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(p, q)


def test_same_seed_same_numbers_whatever_torchs_own_generator_does():
    runs = []
    for seed, noise in [(3, 0), (3, 1), (4, 0)]:
        net = mlp([4, 6, 3], norm="batch")
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        runs.append(fit(net, seed=seed).curves["loss"])
        assert torch.equal(torch.get_rng_state(), before)
    assert (runs[0] == runs[1]).all()
    assert not (runs[0] == runs[2]).all()


def test_watch_is_called_after_so_many_updates():
    net = mlp([4, 6, 3])
    first = net.output.weight.detach().clone()
    run = fit(
        net,
        watch=lambda model: {"w": model.output.weight.detach().numpy().copy(), "one": 1.0},
        watch_at=[12, 0, 5, 5],
    )
    assert run.steps.tolist() == [0, 5, 12]
    assert run.snapshots["w"].shape == (3, 3, 6)
    assert run.snapshots["one"].tolist() == [1, 1, 1]
    assert (run.snapshots["w"][0] == first.numpy()).all()
    assert (run.snapshots["w"][2] == net.output.weight.detach().numpy()).all()

    five = mlp([4, 6, 3])
    fit(five, steps=5)
    assert (run.snapshots["w"][1] == five.output.weight.detach().numpy()).all()


@pytest.mark.parametrize("step", [-1, 13])
def test_watching_outside_the_run_is_an_error(step):
    with pytest.raises(ValueError, match=rf"watch_at \[{step}\]: expected steps from 0 to 12"):
        fit(mlp([4, 6, 3]), watch=dict, watch_at=[step])


def test_divergence_is_recorded_not_raised():
    run = fit(mlp([4, 6, 3], activation="relu"), lr=1e30, loss=squared_error_of_class)
    assert run.diverged
    assert np.isnan(run.curves["loss"][-1])
    assert not fit(mlp([4, 6, 3])).diverged


def squared_error_of_class(outputs, labels):
    return squared_error(outputs, labels[:, None].float())


def test_losses_are_what_they_are_called():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(2, 5, 3)), rng.integers(0, 3, (2, 5))
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    expected = -np.log(np.take_along_axis(shares, labels[..., None], -1)).mean((1, 2))
    ours = cross_entropy(torch.tensor(logits), torch.tensor(labels))
    assert np.allclose(ours, expected, atol=1e-12)
    assert cross_entropy(torch.tensor(logits[1]), torch.tensor(labels[1])) == ours[1]
    # Labels shared by a stack
    shared = cross_entropy(torch.tensor(logits), torch.tensor(labels[1]))
    assert shared.shape == (2,)
    assert shared[1] == ours[1]
    target = rng.normal(size=(2, 5, 3))
    error = squared_error(torch.tensor(logits), torch.tensor(target))
    assert np.allclose(error, ((logits - target) ** 2).mean((1, 2)), atol=1e-12)


def test_batches_are_passes_without_repetition():
    got = batches(10, 3, 7, seed=0)
    assert got.shape == (7, 3)
    for one_pass in (got[0:3], got[3:6]):
        assert len(one_pass.unique()) == 9  # the tenth sample is left out of this pass
    assert not torch.equal(got[0:3], got[3:6])
    assert torch.equal(got, batches(10, 3, 7, seed=0))
    assert not torch.equal(got, batches(10, 3, 7, seed=1))


@pytest.mark.parametrize("size", [0, 11])
def test_batch_size_out_of_range_is_an_error(size):
    with pytest.raises(ValueError, match=f"batch_size {size}: expected 1 to 10"):
        batches(10, size, 1, seed=0)


def test_as_tensors_gives_each_network_its_shape():
    images, labels = np.arange(32, dtype=np.float32).reshape(2, 4, 4), np.array([3, 4])
    flat, y = as_tensors(images, labels, flat=True)
    assert flat.shape == (2, 16) and flat[1, 5] == images[1, 1, 1]
    assert as_tensors(images, labels, flat=False)[0].shape == (2, 1, 4, 4)
    assert y.dtype == torch.int64
    flat[0, 0] = -1
    assert images[0, 0, 0] == 0  # a copy


def test_accuracy_by_hand_and_in_evaluation_mode():
    x, y = data()
    net = mlp([4, 6, 3], norm="batch")
    fit(net)
    buffers = [buffer.clone() for buffer in net.buffers()]
    got = accuracy(net, x, y)
    assert net.training
    for buffer, before in zip(net.buffers(), buffers, strict=True):
        assert torch.equal(buffer, before)
    hits = [net.eval()(x[i : i + 1]).argmax().item() == y[i].item() for i in range(len(x))]
    assert got == pytest.approx(np.mean(hits))
    assert 0.4 < got < 1
    members = [mlp([4, 6, 3], seed=s) for s in range(3)]
    assert accuracy(stack(members), x, y).tolist() == [accuracy(m, x, y) for m in members]


def test_evaluating_puts_the_mode_back_even_after_an_exception():
    net = mlp([4, 6, 3], norm="batch")
    for mode in (True, False):
        net.train(mode)
        with pytest.raises(KeyError), evaluating(net):
            assert not net.norm1.training
            assert not torch.is_grad_enabled()
            raise KeyError
        assert net.norm1.training is mode
        assert torch.is_grad_enabled()


def test_training_pass_uses_the_batch_and_leaves_no_trace():
    x, _ = data()
    net = mlp([4, 6, 3], norm="batch")
    fit(net)
    buffers = [buffer.clone() for buffer in net.buffers()]
    net.eval()
    outputs = training_pass(net, x)
    assert not net.norm1.training
    for buffer, before in zip(net.buffers(), buffers, strict=True):
        assert torch.equal(buffer, before)

    hidden = F.linear(x, net.linear1.weight)
    hidden = (hidden - hidden.mean(0)) / torch.sqrt(hidden.var(0, correction=0) + net.norm1.eps)
    hidden = torch.relu(net.norm1.weight * hidden + net.norm1.bias)
    assert torch.allclose(outputs, net.output(hidden), atol=1e-5)
    assert not outputs.requires_grad


def test_one_thread_puts_the_number_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(KeyError), one_thread():
            assert torch.get_num_threads() == 1
            raise KeyError
        assert torch.get_num_threads() == 2
        run = fit(
            mlp([4, 6, 3]), watch=lambda m: {"threads": torch.get_num_threads()}, watch_at=[1]
        )
        assert run.snapshots["threads"] == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_progress_bar_is_text_with_the_label(capsys):
    fit(mlp([4, 6, 3]), progress=True, label="learning")
    captured = capsys.readouterr()
    assert "learning: 100%" in captured.out
    assert "12/12" in captured.out
    assert captured.err == ""
    fit(mlp([4, 6, 3]))
    assert capsys.readouterr().out == ""


@pytest.fixture
def run():
    return Run(
        settings={"lr": [0.1, 0.3], "arm": "gamma only", "seed": 0},
        curves={"loss": np.array([[1.0, np.nan], [0.5, np.nan]], dtype=np.float32)},
        steps=np.array([0, 2]),
        snapshots={"norm1.gamma": np.ones((2, 5)), "x/y": np.zeros((2, 1))},
    )


def assert_same(a, b):
    assert a.settings == b.settings
    np.testing.assert_array_equal(a.steps, b.steps)
    for left, right in [(a.curves, b.curves), (a.snapshots, b.snapshots)]:
        assert left.keys() == right.keys()
        for key, array in left.items():
            assert array.dtype == right[key].dtype
            np.testing.assert_array_equal(array, right[key])


def test_run_comes_back_as_it_was_saved(run, tmp_path):
    run.save(tmp_path / "a.npz")
    assert_same(Run.load(tmp_path / "a.npz"), run)
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]
    assert Run.load(tmp_path / "a.npz").diverged.tolist() == [False, True]

    real = fit(mlp([4, 6, 3]), watch=lambda m: {"one": 1.0}, watch_at=[0, 3])
    real.save(tmp_path / "b.npz")
    assert_same(Run.load(tmp_path / "b.npz"), real)


def test_failed_save_leaves_the_old_file_and_nothing_else(run, tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    run.save(path)

    def full(file, **arrays):
        file.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(train_module.np, "savez_compressed", full)
    with pytest.raises(OSError, match="no space left"):
        Run(settings={}).save(path)
    assert_same(Run.load(path), run)
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]

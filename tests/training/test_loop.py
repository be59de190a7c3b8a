"""The training loop on a network of a few weights: what resumes, what is kept, what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import nn

from istrc.errors import IstrcError
from istrc.training import loop
from istrc.training.loop import cosine, generator, load_best, load_modules, passes, train
from istrc.training.settings import Run, setting

pytest.importorskip("tensorboard")


@dataclass(kw_only=True)
class LineSettings(Run):
    steps: int = 30


@dataclass(kw_only=True)
class AveragedSettings(LineSettings):
    steps: int = 4
    rate: float = setting(0.5, "Peak learning rate.")
    average: float = setting(0.75, "Decay.")


def constant(step, steps, peak):
    return peak


class Line:
    """Fits y = 3x - 1 with dropout, so that every step needs its own random numbers."""

    def __init__(self):
        torch.manual_seed(11)
        self.net = nn.Sequential(nn.Linear(1, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=0.05, betas=(0.8, 0.9))
        self.state = {"count": 0.0}
        self.steps_seen, self.batches_made = [], []

    def batch(self, step):
        self.batches_made.append(step)
        return torch.from_numpy(generator(0, step).normal(size=(8, 1))).float()

    def gradients(self, step, x):
        self.steps_seen.append(step)
        self.state["count"] += 0.1
        loss = (self.net(x) - (3 * x - 1)).square().mean()
        loss.backward()
        return {"loss": loss.detach()}

    def run(self, out, **given):
        settings = LineSettings()
        for name in ("steps", "seed", "minutes", "validate_every"):
            setattr(settings, name, given.pop(name, getattr(settings, name)))
        return train(
            "line",
            settings,
            out,
            modules={"net": self.net},
            optimizers={"adam": self.optimizer},
            batch=self.batch,
            gradients=self.gradients,
            schedule=constant,
            state=self.state,
            **{"config": {}, "echo": False, "checkpoint_every": 0.0, **given},
        )

    def weights(self):
        return torch.cat([p.detach().flatten() for p in self.net.parameters()])


class Killed(Exception):
    pass


def killed_at(fatal):
    """A line whose process dies within a step, after the weights have changed."""
    line = Line()
    step = line.optimizer.step

    def doomed():
        step()
        if line.steps_seen[-1] == fatal:
            raise Killed

    line.optimizer.step = doomed
    return line


@pytest.mark.parametrize("checkpoint_every", [0.0, 1e9])
@pytest.mark.parametrize("fatal", [0, 1, 13, 29])
def test_an_interrupted_run_ends_with_the_same_bits(fatal, checkpoint_every, tmp_path):
    whole = Line()
    assert whole.run(tmp_path / "whole") == 30
    with pytest.raises(Killed):
        killed_at(fatal).run(tmp_path / "killed", checkpoint_every=checkpoint_every)
    again = Line()
    assert again.run(tmp_path / "killed") == 30
    assert torch.equal(again.weights(), whole.weights())
    assert again.state == whole.state
    assert again.steps_seen[0] == (fatal if checkpoint_every == 0 else 0)
    for slot, value in whole.optimizer.state_dict()["state"][0].items():
        assert torch.equal(again.optimizer.state_dict()["state"][0][slot], value)


def test_random_numbers_drawn_between_steps_change_nothing(tmp_path):
    whole, disturbed = Line(), Line()
    whole.run(tmp_path / "a")
    disturbed.run(
        tmp_path / "b",
        validate=lambda step: {"drawn": torch.rand(step).sum().item()},
        validate_every=3,
    )
    assert torch.equal(whole.weights(), disturbed.weights())


def test_each_step_has_one_batch_made_once(tmp_path):
    line = Line()
    line.run(tmp_path, steps=7)
    assert line.steps_seen == list(range(7)) == line.batches_made


def test_a_finished_run_is_not_trained_again(tmp_path):
    first, again = Line(), Line()
    first.run(tmp_path)
    assert again.run(tmp_path) == 30
    assert again.steps_seen == [] == again.batches_made
    assert torch.equal(again.weights(), first.weights())


def test_other_settings_are_refused_by_name(tmp_path):
    Line().run(tmp_path, config={"rate": 0.1, "widths": (1, 2)})
    with pytest.raises(IstrcError) as caught:
        Line().run(tmp_path, config={"rate": 0.2, "widths": (1, 2)}, seed=1)
    message = str(caught.value)
    assert "\n" not in message and str(tmp_path) in message
    assert "other settings (rate, seed)" in message and "another folder" in message
    # Tuples come back as lists, which is no other setting
    Line().run(tmp_path, config={"rate": 0.1, "widths": (1, 2)})


def test_a_run_may_be_made_longer_and_says_so(tmp_path):
    Line().run(tmp_path, steps=10)
    line = Line()
    assert line.run(tmp_path, steps=15) == 15
    assert line.steps_seen == list(range(10, 15))
    recorded = json.loads((tmp_path / "run.json").read_text())
    assert recorded == {
        "part": "line",
        "seed": 0,
        "steps": 15,
        "was": [{"at": 10, "steps": 10}],
    }
    assert Line().run(tmp_path, steps=15) == 15
    assert json.loads((tmp_path / "run.json").read_text()) == recorded


@pytest.mark.parametrize("checkpoint_every", [0.0, 1e9])
def test_a_diverged_loss_is_refused_and_its_weights_are_not_kept(checkpoint_every, tmp_path):
    line = Line()
    gradients = line.gradients

    def diverge(step, x):
        if step == 7:
            with torch.no_grad():
                line.net[0].weight.fill_(float("nan"))
        return gradients(step, x)

    line.gradients = diverge
    with pytest.raises(IstrcError, match="diverged at step .*lower the learning rate") as caught:
        line.run(tmp_path, log_every=1000, checkpoint_every=checkpoint_every)
    assert "\n" not in str(caught.value)
    if checkpoint_every == 0:
        kept = Line()
        assert load_modules(tmp_path / "checkpoint.safetensors", {"net": kept.net}) == 7
        assert kept.weights().isfinite().all()
    else:
        assert not (tmp_path / "checkpoint.safetensors").exists()


def test_the_best_weights_are_kept_and_the_best_is_the_highest(tmp_path):
    line, seen = Line(), {}
    scores = {5: 0.1, 10: 0.7, 15: 0.7, 20: float("nan"), 22: 0.2}

    def validate(step):
        seen[step] = line.weights().clone()
        return {"score": scores[step]}

    line.run(tmp_path, steps=22, validate=validate, validate_every=5, best="score")
    assert list(seen) == [5, 10, 15, 20, 22]  # the last step always
    kept = Line()
    assert load_best(tmp_path, {"net": kept.net}) == 10
    assert torch.equal(kept.weights(), seen[10])
    assert line.state["best"] == 0.7 and line.state["best_step"] == 10


def test_the_best_survives_an_interruption(tmp_path):
    """Killed after a better measurement and before the next checkpoint: measured again."""

    def validate(step):
        return {"score": -abs(step - 10)}

    options = dict(validate=validate, validate_every=5, best="score", checkpoint_every=1e9)
    with pytest.raises(Killed):
        killed_at(12).run(tmp_path, **options)
    line = Line()
    line.run(tmp_path, **options)
    assert line.state["best_step"] == 10
    whole, kept = Line(), Line()
    whole.run(tmp_path / "whole", steps=30, **options)
    assert load_best(tmp_path, {"net": kept.net}) == 10
    assert torch.equal(kept.weights(), whole.weights())


def test_minutes_stop_resumably(tmp_path):
    whole, line = Line(), Line()
    whole.run(tmp_path / "whole")
    done = line.run(tmp_path / "part", minutes=0.0, checkpoint_every=1e9)
    assert done == 1
    # Nothing has been measured yet: what there is are the last weights
    kept = Line()
    assert load_best(tmp_path / "part", {"net": kept.net}) == 1
    assert torch.equal(kept.weights(), line.weights())
    again = Line()
    assert again.run(tmp_path / "part") == 30
    assert torch.equal(again.weights(), whole.weights())


def test_missing_and_damaged_checkpoints_are_named(tmp_path):
    with pytest.raises(IstrcError, match="no checkpoint here; run the training first"):
        load_modules(tmp_path / "checkpoint.safetensors", {"net": Line().net})
    Line().run(tmp_path, steps=3)
    path = tmp_path / "checkpoint.safetensors"
    blob = path.read_bytes()
    for damaged in (b"", blob[:5], blob[:-9], b"x" * 100, blob.replace(b"istrc", b"other", 1)):
        path.write_bytes(damaged)
        with pytest.raises(IstrcError, match="damaged one .*delete it") as caught:
            Line().run(tmp_path, steps=3)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_network_of_another_shape_is_named(tmp_path):
    small, large = nn.Linear(2, 2), nn.Linear(2, 3)
    loop._save(tmp_path / "checkpoint.safetensors", {"net": small}, {}, {}, {"steps": 1}, 1)
    with pytest.raises(IstrcError, match=r"another net than this version trains.*size mismatch"):
        loop.load_modules(tmp_path / "checkpoint.safetensors", {"net": large})


def test_numbers_go_to_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    line = Line()
    line.run(
        tmp_path, steps=25, log_every=10, checkpoint_every=1e9, validate=lambda s: {"auc": s / 100}
    )
    events = EventAccumulator(str(tmp_path / "log")).Reload()
    assert [e.step for e in events.Scalars("train/loss")] == [10, 20, 25]
    assert [(e.step, round(e.value, 3)) for e in events.Scalars("valid/auc")] == [(25, 0.25)]


def test_progress_goes_to_standard_error(tmp_path, capsys):
    Line().run(tmp_path, steps=3, echo=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "3 of 3" in captured.err and "loss" in captured.err


def test_a_checkpoint_holds_no_pickle_and_says_what_it_is(tmp_path):
    Line().run(tmp_path, steps=4)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "checkpoint.safetensors",
        "cost.json",
        "log",
        "run.json",
    ]
    with safe_open(tmp_path / "checkpoint.safetensors", framework="pt") as file:
        note = json.loads(file.metadata()["istrc"])
    assert note["step"] == 4 and note["config"]["part"] == "line"


def test_momentum_less_and_tied_weights(tmp_path):
    """An optimiser without a state, and two names for one tensor."""

    def build():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
        net[1].weight = net[0].weight
        return net, torch.optim.SGD(net.parameters(), lr=0.1)

    def trained(steps):
        net, optimizer = build()

        def gradients(step, x):
            loss = net(x).square().mean()
            loss.backward()
            return {"loss": loss.detach()}

        train(
            "tied",
            LineSettings(steps=steps),
            tmp_path,
            modules={"net": net},
            optimizers={"sgd": optimizer},
            batch=lambda step: torch.full((2, 3), step + 1.0),
            gradients=gradients,
            schedule=constant,
            config={},
            echo=False,
        )
        return net

    trained(2)
    net = trained(4)
    whole, optimizer = build()
    for step in range(4):
        optimizer.zero_grad()
        whole(torch.full((2, 3), step + 1.0)).square().mean().backward()
        optimizer.step()
    assert torch.equal(net[0].weight, whole[0].weight)
    assert net[0].weight is net[1].weight


SAVE_FOR_EVER = """
import sys, torch
from pathlib import Path
from torch import nn
from istrc.training.loop import _save
net = nn.Linear(400, 400)
for step in range(10**9):
    with torch.no_grad():
        net.weight.fill_(float(step)); net.bias.fill_(float(step))
    _save(Path(sys.argv[1]), {"net": net}, {}, {}, {}, step)
"""


def test_a_checkpoint_is_whole_whenever_it_is_killed(tmp_path):
    """kill -9 while checkpoints are being written: what is there can be read, and is one step's."""
    path = tmp_path / "checkpoint.safetensors"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    process = subprocess.Popen([sys.executable, "-c", SAVE_FOR_EVER, str(path)], env=environment)
    net = nn.Linear(400, 400)
    try:
        deadline = time.monotonic() + 120
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        steps = []
        for _ in range(10):  # a reader never sees half of one either
            (tmp_path / "copy").write_bytes(path.read_bytes())
            steps.append(load_modules(tmp_path / "copy", {"net": net}))
            assert (net.weight == steps[-1]).all() and (net.bias == steps[-1]).all()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert steps == sorted(steps)
    last = load_modules(path, {"net": net})
    assert (net.weight == last).all() and (net.bias == last).all()


def test_cosine_warms_up_and_comes_down():
    rates = [cosine(step, 1000, peak=2.0, warmup=100, floor=0.01) for step in range(1001)]
    assert rates[0] == pytest.approx(0.02) and rates[49] == pytest.approx(1.0)
    assert max(rates) == pytest.approx(2.0) and np.argmax(rates) in (99, 100)
    assert rates[550] == pytest.approx(2 * (0.01 + 0.99 * 0.5))  # half way down
    assert rates[1000] == pytest.approx(0.02)
    assert all(a >= b for a, b in pairwise(rates[100:]))
    assert cosine(5000, 1000, peak=2.0) == pytest.approx(0.02)


def test_random_numbers_of_steps_seeds_and_streams_are_their_own():
    drawn = {
        (seed, step, stream): generator(seed, step, stream).integers(0, 2**60)
        for seed in range(3)
        for step in range(5)
        for stream in range(2)
    }
    assert len(set(drawn.values())) == len(drawn)
    assert generator(1, 2).integers(0, 2**60) == drawn[1, 2, 0]


def test_passes_are_over_all_things_each_in_its_own_order():
    chosen = np.concatenate([passes(3, step, 7, 4) for step in range(7)])
    for turn in range(4):
        once = chosen[7 * turn : 7 * turn + 7]
        assert sorted(once) == list(range(7))
    assert not np.array_equal(chosen[:7], chosen[7:14])


def test_a_step_of_a_training_by_hand(tmp_path):
    """The schedule's rate, the clipped gradient of the first network, the average, the record."""
    net, averaged, other = (nn.Linear(2, 1, bias=False) for _ in range(3))
    averaged.load_state_dict(net.state_dict())
    weight, mean, second = (n.weight.detach().clone() for n in (net, averaged, other))
    x = torch.tensor([[3.0, 4.0]])
    shown = []

    def gradients(step, batch):
        (net(batch) + other(batch)).sum().backward()
        return {"loss": torch.tensor(1.0)}

    s = AveragedSettings(seed=5)
    done = train(
        "line",
        s,
        tmp_path,
        modules={"net": net, "average": averaged, "other": other},
        optimizers={
            "a": torch.optim.SGD(net.parameters(), lr=s.rate),
            "b": torch.optim.SGD(other.parameters(), lr=0.1),
        },
        batch=lambda step: x,
        gradients=gradients,
        averaged=averaged,
        clip=1.0,
        schedule=lambda step, steps, peak: shown.append((step, steps, peak)) or peak / (step + 1),
        config={"net": "a line"},
        echo=False,
    )
    for step in range(4):
        weight = weight - 0.5 / (step + 1) * x / 5
        second = second - 0.1 / (step + 1) * x  # the first alone is clipped
        mean = mean.lerp(weight, 1 - min(0.75, (step + 1) / (step + 10)))
    torch.testing.assert_close(net.weight, weight)
    torch.testing.assert_close(other.weight, second)
    torch.testing.assert_close(averaged.weight, mean)
    assert done == 4 and shown[:2] == [(0, 4, 0.5), (0, 4, 0.1)]
    assert json.loads((tmp_path / "run.json").read_text()) == {
        "part": "line", "rate": 0.5, "average": 0.75, "net": "a line", "steps": 4, "seed": 5,
        "was": [],
    }  # fmt: skip


def test_the_networks_have_the_best_weights_in_the_end(tmp_path):
    net, seen = nn.Linear(1, 1), []

    def gradients(step, batch):
        net(batch).sum().backward()
        return {}

    def validate(step):
        seen.append(net.weight.item())
        return {"score": -abs(step - 2)}

    s = AveragedSettings()
    s.validate_every = 1
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    train(
        "line", s, tmp_path, modules={"net": net}, optimizers={"sgd": optimizer},
        batch=lambda step: torch.ones(1, 1), gradients=gradients, validate=validate, best="score",
        config={}, echo=False,
    )  # fmt: skip
    assert net.weight.item() == seen[1] != seen[3]

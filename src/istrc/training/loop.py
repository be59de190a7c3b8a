"""The one training loop: every part of the circle is trained by `train`.

A part's own file is its networks, its batches, and the gradients of its loss. The schedule, the
optimisers' steps, the moving average, validation, the choice of the best weights, checkpoints and
records are here.

A step is a pure function of the weights, the optimiser's state and (seed, step): the batch is
chosen by the step's own generator, and torch's global generator is seeded anew before each step.
A checkpoint therefore needs no random state, and a run that was killed and started again ends
with the same bits as one that was not. `istrc.training.processes` has what several processes do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from istrc.errors import IstrcError, reason
from istrc.progress import Bar
from istrc.runtime import needed
from istrc.training import processes
from istrc.training.cost import Cost
from istrc.training.settings import Run
from istrc.whole import parse_json, read_json, whole, write_json


def generator(seed: int, step: int, stream: int = 0) -> np.random.Generator:
    """The random numbers of one step; `stream` keeps independent uses apart."""
    return np.random.default_rng([seed, stream, step])


def uniform(seed: int, step: int, count: int, batch_size: int) -> torch.Tensor:
    """The rows of a step's batch, drawn uniformly from so many."""
    return torch.from_numpy(generator(seed, step).integers(0, count, batch_size))


def passes(seed: int, step: int, count: int, batch_size: int) -> np.ndarray:
    """The batch of a step in whole passes over so many things, each pass in an order of its own."""
    places = np.arange(step * batch_size, (step + 1) * batch_size)
    chosen = np.empty(batch_size, np.int64)
    for turn in np.unique(places // count):
        here = places // count == turn
        chosen[here] = generator(seed, int(turn)).permutation(count)[places[here] % count]
    return chosen


def cosine(step: int, steps: int, *, peak: float, warmup: int = 200, floor: float = 0.01) -> float:
    """The learning rate at a step: linear warm-up to `peak`, then a cosine down to floor * peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (floor + (1 - floor) * 0.5 * (1 + np.cos(np.pi * min(1.0, progress))))


@torch.no_grad()
def update_average(averaged: nn.Module, net: nn.Module, step: int, decay: float) -> None:
    """Exponential moving average of weights and of batch statistics, in place.

    Early in a run the average is short (it spans about a tenth of the steps so far), so that it
    does not remember the initial weights.
    """
    decay = min(decay, (step + 1) / (step + 10))
    for mean, value in zip(averaged.state_dict().values(), net.state_dict().values(), strict=True):
        if mean.is_floating_point():
            mean.lerp_(value, 1 - decay)
        else:
            mean.copy_(value)


def train(
    part: str,
    settings: Run,  # steps, seed, minutes and validate_every; what it records is in the record
    out: str | Path,  # folder for the checkpoint, the log and the configuration
    *,
    modules: Mapping[str, nn.Module],  # of the checkpoint, first the network that is trained
    optimizers: Mapping[str, torch.optim.Optimizer],  # whose rates are the schedule's peaks
    batch: Callable[[int], Any],  # step -> batch; pure, runs one step ahead in a thread
    gradients: Callable[[int, Any], Mapping[str, Any]],  # backward passes -> numbers to log
    averaged: nn.Module | None = None,  # one of the modules, which follows the first
    clip: float | None = None,  # the largest norm of the first network's gradient
    schedule: Callable[..., float] = cosine,  # (step, steps, peak=) -> learning rate
    state: dict[str, float] | None = None,  # numbers that live between steps (BEGAN's k_t)
    validate: Callable[[int], Mapping[str, float]] | None = None,  # held-out numbers
    best: str | None = None,  # one of them: its highest value's weights the modules have in the end
    config: Mapping[str, Any],  # recorded beside the settings; a resumed run must have the same
    log_every: int = 20,  # steps
    checkpoint_every: float = 120.0,  # seconds
    echo: bool = True,  # progress on standard error
) -> int:
    """Train a part as its settings say, on from a checkpoint in `out`; returns the steps done.

    With the same settings a resumed run ends with the bits of an uninterrupted one. Their `steps`,
    of the whole run over all resumptions, may differ from the interrupted one's: it is recorded.

    Raises IstrcError where `out` holds another configuration's run or a damaged checkpoint, and
    when a loss is no longer finite.
    """
    out, steps, seed, minutes = Path(out), settings.steps, settings.seed, settings.minutes
    state = {} if state is None else state
    config = {"part": part, **settings.recorded(), **config, "steps": steps, "seed": seed}
    recorded = json.loads(json.dumps({**config, "was": []}))

    # Resume. A run made longer or shorter says so: one of this length had other learning rates
    step = _load(out / "checkpoint.safetensors", modules, optimizers, state, recorded)
    if first := processes.rank() == 0:
        write_json(out / "run.json", recorded)
    if step >= steps:
        if best:
            load_best(out, modules)
        return step
    net, cost, held_out = next(iter(modules.values())), Cost(out, step), dict[str, float]()
    started = saved = time.monotonic()
    progress: Any = Bar(out.name, steps, step, lasting=True) if echo and first else nullcontext()
    with _log_writer(out, step) as writer, ThreadPoolExecutor(1) as loader, progress:
        pending = loader.submit(batch, step)
        expired = False
        while step < steps and not expired:
            # One step, whose randomness depends on nothing but (seed, step)
            current = pending.result()
            if step + 1 < steps:
                pending = loader.submit(batch, step + 1)
            torch.manual_seed(seed * 1_000_003 + step)
            with cost.counting():
                for optimizer in optimizers.values():
                    for group in optimizer.param_groups:
                        group["lr"] = schedule(step, steps, peak=optimizer.defaults["lr"])
                    optimizer.zero_grad(set_to_none=True)
                numbers = dict(gradients(step, current))
                processes.average_gradients(modules, optimizers)
                if clip is not None:
                    numbers["grad"] = nn.utils.clip_grad_norm_(net.parameters(), clip)
                for optimizer in optimizers.values():
                    optimizer.step()
                if averaged is not None:
                    update_average(averaged, net, step, settings.average)
            step += 1
            elapsed = time.monotonic() - started
            expired = processes.synchronised(state, minutes is not None and elapsed > 60 * minutes)
            due = started + elapsed - saved > checkpoint_every or step == steps or expired

            # Log, and look at the numbers before the weights are saved
            if step % log_every == 0 or due:
                numbers = _logged(writer, out, step, numbers)
                if echo and first:
                    shown = {**numbers, **held_out}.items()
                    progress.at(step, steps, " ".join(f"{name} {v:.4g}" for name, v in shown))

            # Measure on held-out faces, keep the best
            if validate and (step % settings.validate_every == 0 or step == steps):
                with torch.no_grad():
                    held_out = {f"val_{name}": float(v) for name, v in validate(step).items()}
                for name, value in held_out.items():
                    writer.add_scalar(f"valid/{name[4:]}", value, step)
                if best and held_out[f"val_{best}"] > state.get("best", -np.inf):
                    state["best"], state["best_step"] = held_out[f"val_{best}"], step
                    _save(out / "best.safetensors", modules, {}, state, recorded, step)

            # Checkpoint
            if due:
                _save(out / "checkpoint.safetensors", modules, optimizers, state, recorded, step)
                if first:
                    cost.save(step, time.monotonic() - started)
                saved = time.monotonic()
        pending.cancel()
    processes.barrier()
    if best:
        load_best(out, modules)
    return step


def recorded_runs(run: Path) -> list[dict]:
    """The configurations of the runs that made a part: its own, and those of its stages."""
    records = [run / stage / "run.json" for stage in ("", "rough", "fine")]
    return [read_json(path) for path in records if path.exists()]


def load_modules(path: str | Path, modules: Mapping[str, nn.Module]) -> int:
    """Read the weights of a checkpoint (last or best) into `modules`. Returns its step."""
    if not Path(path).exists():
        raise IstrcError(f"{path}: no checkpoint here; run the training first")
    return _load(Path(path), modules, {}, {}, None)


def load_best(out: str | Path, modules: Mapping[str, nn.Module]) -> int:
    """Read the best weights of a run; the last ones while nothing was measured (see `minutes`)."""
    best, last = Path(out) / "best.safetensors", Path(out) / "checkpoint.safetensors"
    return load_modules(best if best.exists() else last, modules)


def _save(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    state: dict[str, float],
    config: dict[str, Any],
    step: int,
) -> None:
    if processes.rank():
        return
    tensors = {
        f"module/{name}/{key}": value
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    for name, optimizer in optimizers.items():  # whose rates are the schedule's at every step
        for index, slots in optimizer.state_dict()["state"].items():
            for slot, value in slots.items():
                tensors[f"optimizer/{name}/{index}/{slot}"] = torch.as_tensor(value)
    # Tied or viewed tensors would be refused by safetensors; a checkpoint stores each apart.
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}
    note = {"step": step, "state": dict(state), "config": config}
    with whole(path, alone=True) as temporary:
        save_file(tensors, temporary, metadata={"istrc": json.dumps(note)})


def _load(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimizers: Mapping[str, torch.optim.Optimizer],
    state: dict[str, float],
    config: dict[str, Any] | None,
) -> int:
    if not path.exists():
        return 0
    try:
        opened = safe_open(path, framework="pt")
        note = parse_json(opened.metadata()["istrc"])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise IstrcError(
            f"{path}: not a checkpoint, or a damaged one ({error}); delete it to start again"
        ) from None
    with opened as file:
        if config is not None:
            _agree(path.parent, note, config)
        names = list(file.keys())
        for name, module in modules.items():
            prefix = f"module/{name}/"
            tensors = {k[len(prefix) :]: file.get_tensor(k) for k in names if k.startswith(prefix)}
            try:
                module.load_state_dict(tensors)
            except RuntimeError as error:  # a network of another version of this package
                raise IstrcError(
                    f"{path}: holds another {name} than this version trains "
                    f"({reason(error)[:200]}); "
                    "use another folder, or delete it to start again"
                ) from None
        for name, optimizer in optimizers.items():
            prefix = f"optimizer/{name}/"
            slots: dict[int, dict[str, torch.Tensor]] = {}
            for key in names:
                if key.startswith(prefix):
                    index, slot = key[len(prefix) :].split("/")
                    slots.setdefault(int(index), {})[slot] = file.get_tensor(key)
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": slots, "param_groups": groups})
    state.update(note["state"])
    return note["step"]


def _agree(folder: Path, note: Mapping[str, Any], config: dict[str, Any]) -> None:
    """Refuse to resume a run under other settings; a change of `steps` alone is written down."""
    old = note["config"]
    config["was"] = list(old.get("was", []))
    if old["steps"] != config["steps"]:
        config["was"].append({"at": note["step"], "steps": old["steps"]})
    others = {*old, *config} - {"steps", "was"}
    changed = sorted(key for key in others if old.get(key) != config.get(key))
    if changed:
        raise IstrcError(
            f"{folder}: holds a run with other settings ({', '.join(changed)}); "
            "use the same settings, another folder, or delete it to start again"
        )


def _logged(writer: Any, out: Path, step: int, numbers: Mapping[str, Any]) -> dict[str, float]:
    """A step's numbers, written to the log. Raises IstrcError where one is not finite."""
    shown = {name: float(value) for name, value in numbers.items()}
    for name, value in shown.items():
        writer.add_scalar(f"train/{name}", value, step)
    if not all(map(np.isfinite, shown.values())):
        raise IstrcError(
            f"{out}: training diverged at step {step} ({shown}); lower the learning rate, "
            "or delete the folder to start again"
        )
    return shown


def _log_writer(out: Path, step: int) -> Any:
    with needed("training logs need TensorBoard: pip install 'istrc[train]'"):
        from torch.utils.tensorboard import SummaryWriter
    place = out / "log"
    if rank := processes.rank():  # whose numbers are of its own share
        place /= f"process{rank}"
    return SummaryWriter(str(place), purge_step=step)

"""The one training loop: every part of the circle is trained by `run`.

A step is a pure function of the weights, the optimiser's state and (seed, step): the batch is
chosen by the step's own generator, and torch's global generator is seeded anew before each step.
A checkpoint therefore needs no random state, and a run that was killed and started again ends
with the same bits as one that was not.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from istrc.errors import IstrcError
from istrc.training.records import write_json
from istrc.training.spent import Spent

# Allocations of a training step are large and short-lived; with glibc's defaults each one is a
# fresh mmap, and half of the time goes into page faults. These are read when a process starts.
ALLOCATOR = {
    "THP_MEM_ALLOC_ENABLE": "1",
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "8589934592",
}


def generator(seed: int, step: int, stream: int = 0) -> np.random.Generator:
    """The random numbers of one step; `stream` keeps independent uses apart."""
    return np.random.default_rng([seed, stream, step])


def cosine(step: int, steps: int, *, peak: float, warmup: int = 200, floor: float = 0.01) -> float:
    """The learning rate at a step: linear warm-up to `peak`, then a cosine down to floor * peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return peak * (floor + (1 - floor) * 0.5 * (1 + np.cos(np.pi * min(1.0, progress))))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """The learning rate of the next step, for all of an optimiser's parameters."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def descend(optimizer: torch.optim.Optimizer, loss: torch.Tensor, rate: float) -> None:
    """One step of an optimiser down a loss, at this learning rate."""
    set_rate(optimizer, rate)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def run(
    *,
    modules: Mapping[str, nn.Module],  # everything whose weights a checkpoint must hold
    optimizers: Mapping[str, torch.optim.Optimizer],  # over the modules' parameters
    batch: Callable[[int], Any],  # step -> batch; pure, runs one step ahead in a thread
    update: Callable[[int, Any], Mapping[str, Any]],  # one optimiser step -> numbers to log
    steps: int,  # length of the whole run, over all resumptions; may change between them
    out: str | Path,  # folder for the checkpoint, the log and the configuration
    config: Mapping[str, Any],  # recorded; a resumed run must have the same
    seed: int = 0,
    state: dict[str, float] | None = None,  # numbers that live between steps (BEGAN's k_t)
    validate: Callable[[int], Mapping[str, float]] | None = None,  # held-out numbers
    validate_every: int = 1000,  # steps
    best: str | None = None,  # a number of `validate`; its highest value's weights are kept
    log_every: int = 20,  # steps
    checkpoint_every: float = 120.0,  # seconds
    minutes: float | None = None,  # stop (resumably) after this long
    echo: bool = True,  # progress on standard error
) -> int:
    """Train to `steps`, resuming from `out` if a checkpoint is there. Returns the steps done.

    With the same settings a resumed run ends with the bits of an uninterrupted one. `steps` alone
    may differ from the interrupted run's, which is recorded.

    Raises IstrcError when `out` holds a run with another configuration or a damaged checkpoint,
    and when a loss is no longer finite.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    state = {} if state is None else state
    recorded = json.loads(json.dumps({**config, "steps": steps, "seed": seed, "was": []}))

    # Resume. A run that is made longer or shorter says so: its learning rates are not those of
    # a run that had this length from the start.
    step = _load(out / "checkpoint.safetensors", modules, optimizers, state, recorded)
    write_json(out / "run.json", recorded)
    spent = Spent(out, step)
    started, first = time.monotonic(), step
    saved = started
    if step >= steps:
        return step

    progress = Progress(steps, step, enabled=echo, name=out.name)
    held_out: dict[str, float] = {}
    with _log_writer(out, step) as writer, ThreadPoolExecutor(1) as loader, progress:
        pending = loader.submit(batch, step)
        while step < steps:
            # One step, whose randomness depends on nothing but (seed, step)
            current = pending.result()
            if step + 1 < steps:
                pending = loader.submit(batch, step + 1)
            torch.manual_seed(seed * 1_000_003 + step)
            with spent.counting():
                numbers = update(step, current)
            step += 1
            elapsed = time.monotonic() - started
            expired = minutes is not None and elapsed > 60 * minutes
            due = started + elapsed - saved > checkpoint_every or step == steps or expired

            # Log, and look at the numbers before the weights are saved
            if step % log_every == 0 or due:
                numbers = {name: float(value) for name, value in numbers.items()}
                for name, value in numbers.items():
                    writer.add_scalar(f"train/{name}", value, step)
                if not all(np.isfinite(value) for value in numbers.values()):
                    raise IstrcError(
                        f"{out}: training diverged at step {step} ({numbers}); "
                        "lower the learning rate, or delete the folder to start again"
                    )
                progress.show(step, {**numbers, **held_out}, elapsed, first)

            # Measure on held-out faces, keep the best
            if validate and (step % validate_every == 0 or step == steps):
                held_out = {f"val_{name}": float(v) for name, v in validate(step).items()}
                for name, value in held_out.items():
                    writer.add_scalar(f"valid/{name[4:]}", value, step)
                if best and held_out[f"val_{best}"] > state.get("best", -np.inf):
                    state["best"], state["best_step"] = held_out[f"val_{best}"], step
                    _save(out / "best.safetensors", modules, {}, state, recorded, step)

            # Checkpoint
            if due:
                _save(out / "checkpoint.safetensors", modules, optimizers, state, recorded, step)
                spent.save(step, time.monotonic() - started)
                saved = time.monotonic()
            if expired:
                break
        pending.cancel()
    return step


def load_modules(path: str | Path, modules: Mapping[str, nn.Module]) -> int:
    """Read the weights of a checkpoint (last or best) into `modules`. Returns its step."""
    if not Path(path).exists():
        raise IstrcError(f"{path}: no checkpoint here; run the training first")
    return _load(Path(path), modules, {}, {}, None)


def load_best(out: str | Path, modules: Mapping[str, nn.Module]) -> int:
    """Read the best weights of a run; the last ones while nothing was measured (see `minutes`)."""
    best, last = Path(out) / "best.safetensors", Path(out) / "checkpoint.safetensors"
    return load_modules(best if best.exists() else last, modules)


def _save(path, modules, optimizers, state, config, step) -> None:
    tensors = {
        f"module/{name}/{key}": value.detach().cpu().contiguous()
        for name, module in modules.items()
        for key, value in module.state_dict().items()
    }
    groups = {}
    for name, optimizer in optimizers.items():
        packed = optimizer.state_dict()
        groups[name] = [
            {key: value for key, value in group.items() if key != "params"}
            for group in packed["param_groups"]
        ]
        for index, slots in packed["state"].items():
            for slot, value in slots.items():
                tensor = value if torch.is_tensor(value) else torch.tensor(value)
                tensors[f"optimizer/{name}/{index}/{slot}"] = tensor.detach().cpu().contiguous()
    # Tied or viewed tensors would be refused by safetensors; a checkpoint stores each apart.
    tensors = {key: value.clone() for key, value in tensors.items()}
    note = {"step": step, "state": dict(state), "config": config, "groups": groups}
    temporary = path.with_name(path.name + ".tmp")
    save_file(tensors, temporary, metadata={"istrc": json.dumps(note)})
    os.replace(temporary, path)


def _load(path, modules, optimizers, state, config) -> int:
    if not path.exists():
        return 0
    try:
        opened = safe_open(path, framework="pt")
        note = json.loads(opened.metadata()["istrc"])
    except (SafetensorError, KeyError, TypeError) as error:
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
                reason = " ".join(str(error).split())[:200]
                raise IstrcError(
                    f"{path}: holds another {name} than this version trains ({reason}); "
                    "use another folder, or delete it to start again"
                ) from None
        for name, optimizer in optimizers.items():
            prefix = f"optimizer/{name}/"
            slots: dict[int, dict[str, torch.Tensor]] = {}
            for key in names:
                if key.startswith(prefix):
                    index, slot = key[len(prefix) :].split("/")
                    slots.setdefault(int(index), {})[slot] = file.get_tensor(key)
            packed = optimizer.state_dict()
            for group, stored in zip(packed["param_groups"], note["groups"][name], strict=True):
                group.update(stored)
            optimizer.load_state_dict({"state": slots, "param_groups": packed["param_groups"]})
    state.update(note["state"])
    return note["step"]


def _agree(folder: Path, note: Mapping[str, Any], config: dict[str, Any]) -> None:
    """Refuse to resume a run under other settings; a change of `steps` alone is written down."""
    old = note["config"]
    config["was"] = list(old.get("was", []))
    if old["steps"] != config["steps"]:
        config["was"].append({"at": note["step"], "steps": old["steps"]})
    changed = {key for key in {*old, *config} if old.get(key) != config.get(key)}
    changed = sorted(changed - {"steps", "was"})
    if changed:
        raise IstrcError(
            f"{folder}: holds a run with other settings ({', '.join(changed)}); "
            "use the same settings, another folder, or delete it to start again"
        )


def _log_writer(out: Path, step: int):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise IstrcError("training logs need TensorBoard: pip install 'istrc[train]'") from None
    return SummaryWriter(str(out / "log"), purge_step=step)


class Progress:
    """A bar on a terminal; on anything else one line every half minute."""

    def __init__(self, steps: int, step: int, *, enabled: bool, name: str):
        self.steps, self.enabled, self.name = steps, enabled, name
        self.bar = None
        self.printed = 0.0
        if enabled and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                MofNCompleteColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            self.bar = Progress(
                TextColumn(name),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[numbers]}"),
                console=Console(stderr=True),
            )
            self.task = self.bar.add_task(name, total=steps, completed=step, numbers="")

    def __enter__(self):
        if self.bar:
            self.bar.start()
        return self

    def __exit__(self, *_):
        if self.bar:
            self.bar.stop()

    def show(self, step: int, numbers: Mapping[str, float], seconds: float, first: int) -> None:
        text = " ".join(f"{name} {value:.4g}" for name, value in numbers.items())
        if self.bar:
            self.bar.update(self.task, completed=step, numbers=text)
        elif self.enabled and (time.monotonic() - self.printed > 30 or step == self.steps):
            self.printed = time.monotonic()
            rate = (step - first) / max(seconds, 1e-9)
            left = (self.steps - step) / max(rate, 1e-9) / 60
            print(
                f"{self.name} {step}/{self.steps} {rate:.2f} steps/s, {left:.0f} min left: {text}",
                file=sys.stderr,
                flush=True,
            )

"""How long training takes from embeddings that are there: the classifiers and the mapping.

The training functions themselves are called, on embeddings of faces or, without data, on random
ones of the same number. Few steps are timed, at two lengths, and the whole is projected from them:
what a run costs besides its steps is in it.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.evaluation import plain
from istrc.evaluation.speed.faces import embedded
from istrc.evaluation.speed.machine import Clock

ATTRIBUTES_STEPS, MAPPING_STEPS = 1200, 6000  # of training as it is by default
HELD = 2_000  # faces that the choice of step is made on


def time_training(
    circle: Any,
    clock: Clock,
    *,
    prepared: Prepared | None = None,  # labels; embeddings cost what random ones cost
    faces: int = 50_000,
    sample: int = 100,  # steps of the longer run that is timed
) -> dict[str, Any]:
    """Seconds that each training takes, projected; None and a reason where it cannot run here."""
    try:
        import sklearn  # noqa: F401
        from torch.utils.tensorboard import SummaryWriter  # noqa: F401
    except ImportError as error:
        reason = f"needs {error.name}: pip install 'istrc[train]'"
        return {part: {"s": None, "reason": reason} for part in ("attributes", "mapping")}
    from istrc.training.attributes import train_on_embeddings
    from istrc.training.mapping import train_on_codes

    z, labels, names = cached(circle, prepared, faces)
    held_z, held_labels = z[:HELD], labels[:HELD].to(torch.int8)

    def classifiers(steps: int, out: Path) -> None:
        train_on_embeddings(
            z, labels, held_z, held_labels, names, out, steps=steps, validate_every=10**9,
            width=circle.attributes.config["width"], layers=circle.attributes.config["layers"],
            device=circle.device.type, config={},
        )  # fmt: skip

    code = circle.code
    random = torch.Generator().manual_seed(1)
    # Each face and its mirror image, as the mapping is trained
    doubled, h = z.repeat(2, 1), torch.randn(2 * len(z), code, generator=random)

    def mapping(steps: int, out: Path) -> None:
        train_on_codes(
            doubled, h, held_z, h[: len(held_z)], circle.autoencoder, out, steps=steps,
            validate_every=10**9, width=circle.mapping.config["width"],
            layers=circle.mapping.config["layers"], device=circle.device.type, config={},
        )  # fmt: skip

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        # Imports and first allocations are not counted
        classifiers(1, Path(folder) / "classifiers")
        mapping(1, Path(folder) / "mapping")
    found: dict[str, Any] = {
        "faces": len(z),
        "data": "drawn" if prepared is None else "prepared",
        "attributes": projected(classifiers, ATTRIBUTES_STEPS, sample, clock),
        # Its steps are so short that few of them would be lost in what a run costs beside
        "mapping": projected(mapping, MAPPING_STEPS, 4 * sample, clock),
    }
    found["attributes"]["count"] = len(names)

    # The plain reading trains one classifier after the other
    own = circle.attributes
    target = (labels[:, 0] > 0).float()
    few = max(2, sample // 4)
    times = clock.seconds(lambda: plain.train_classifier(z, target, own, own.names[0], steps=few))
    found["attributes"]["plain_s"] = times / few * ATTRIBUTES_STEPS * len(names)
    return found


def cached(
    circle: Any, prepared: Prepared | None, faces: int
) -> tuple[torch.Tensor, torch.Tensor, tuple[str, ...]]:
    """Embeddings (N, D), their labels (N, A) and the attributes' names."""
    z = embedded(circle, faces).cpu()
    if prepared is not None:
        rows = np.resize(prepared.rows("fit"), faces)
        labels = torch.from_numpy(prepared.attributes[rows]).float()
        return z, labels, tuple(prepared.attribute_names)
    names = tuple(circle.attributes.names)
    labels = torch.randint(0, 2, (faces, len(names)), generator=torch.Generator().manual_seed(0))
    labels[:2] = torch.tensor([[0], [1]])  # both known, of every attribute
    return z, labels.float(), names


def projected(
    train: Callable[[int, Path], None], steps: int, sample: int, clock: Clock
) -> dict[str, Any]:
    """Seconds of `steps` steps, from runs of a quarter of the sample and of all of it."""
    took, few = [], sample // 4
    for length in (few, sample):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            took.append(clock.once(partial(train, length, Path(folder) / "run")))
    each = max(took[1] - took[0], 0.0) / (sample - few)
    if not each:  # so short that the clock's noise decides
        each = took[1] / sample
    rest = max(took[1] - each * sample, 0.0)
    cost = {"s": rest + each * steps, "step_s": each, "steps": steps}
    return cost | {"projected_from_steps": sample}

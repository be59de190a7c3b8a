"""How far prototypes go: until the recogniser sees in the picture what was asked.

Probes read codes. What shows in a picture beside an edited face's own hair, skin and light is
another matter, and differs from attribute to attribute: a mean mustache is fainter than a real one.
So edited pictures of faces to tune on are embedded again, and each edit goes as many times the way
to the middle of its class as it takes for nearly all of them to be seen for what they are meant.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from istrc.attributes import TRANSFORMATIONS
from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.edit.render import Rendering
from istrc.models.probes import Probes
from istrc.models.store import fingerprint
from istrc.training.probes import RARE
from istrc.training.records import write_json

TIMES = (1.0, 1.25, 1.5, 2.0, 2.5)  # the ways that are tried, shortest first
SEEN = 0.9  # share of the faces; of what never comes so far the first to come within SLACK of most
SLACK = 0.03


@torch.no_grad()
def train_reach(
    data: str | Path,  # a prepared folder
    out: str | Path,  # run folder; holds what was measured
    *,
    circle: Circle,  # whose probes are measured
    faces: int = 60,  # of each edit
    seed: int = 0,
    device: str = "cpu",
) -> Probes:
    """Measure `reach` of the transformations on tune; the others keep 1. Returns the probes."""
    prepared, probes = Prepared(data), circle.probes
    told: dict[str, dict[str, float]] = {}
    probes.reach.fill_(1.0)
    settings = dict(part="reach", seed=seed, faces=faces, probes=fingerprint(probes))
    record = Path(out) / "run.json"
    if record.exists():
        before = json.loads(record.read_text())
        if {name: before.get(name) for name in settings} == settings:  # finished before
            for edit, found in before["edits"].items():
                side = 0 if edit.endswith("+") else 1
                probes.reach[probes.names.index(edit[:-1]), side] = found["reach"]
            return probes
    for name in TRANSFORMATIONS:
        if name not in probes.names or name not in circle.attributes.names:
            continue
        column = probes.names.index(name)
        for side, sign in enumerate((1.0, -1.0)):
            rows = candidates(prepared, name, sign, faces, seed)
            if not len(rows):
                continue
            x = prepared.batch(rows).to(device)
            z, drawing = circle.embed(x), Rendering.of(circle, x)
            shares: list[float] = []
            for times in TIMES:
                probes.reach[column, side] = times
                change = circle.reach(x, z, {name: sign}, drawing=drawing).change
                edited = circle.embed(drawing.drawn(change, "photo", [name]))
                said = sign * circle.logits(edited, [name])[:, 0]
                shares.append((said > 0).float().mean().item())
                if shares[-1] >= SEEN:
                    break
            enough = next(at for at, share in enumerate(shares) if share >= max(shares) - SLACK)
            probes.reach[column, side] = TIMES[enough]
            told[f"{name}{'+' if sign > 0 else '-'}"] = dict(
                reach=TIMES[enough], seen=shares[enough], faces=len(rows)
            )
    record.parent.mkdir(parents=True, exist_ok=True)
    write_json(record, dict(settings, edits=told))
    return probes


def candidates(prepared: Prepared, name: str, sign: float, faces: int, seed: int) -> np.ndarray:
    """Faces to tune on that lack what is asked, of those who might have it: a sex of which hardly
    anyone has the attribute is left out.
    """
    rows, column = prepared.rows("tune"), prepared.column(name)
    lack = column[rows] == (0 if sign > 0 else 1)
    if "male" in prepared.attribute_names and name != "male":
        male = prepared.column("male")[rows]
        share = (male[column[rows] == 1] == 1).mean() if (column[rows] == 1).any() else 0.5
        for sex, of in ((1, share), (0, 1 - share)):
            if of < RARE:
                lack &= male != sex
    rows = rows[lack]
    return np.sort(np.random.default_rng(seed).permutation(rows)[:faces])

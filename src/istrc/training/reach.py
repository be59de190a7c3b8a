"""How far prototypes go: until the recogniser sees in the picture what was asked.

Probes read codes. What shows in a picture beside an edited face's own hair, skin and light is
another matter, and differs from attribute to attribute: a mean mustache is fainter than a real one.
So edited pictures of faces to tune on are embedded again, and each edit goes as many times the way
to the middle of its class as it takes for nearly all of them to be seen for what they are meant,
while most are still taken for the same people.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from istrc import sphere
from istrc.attributes import TRANSFORMATIONS
from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.edit.render import Rendering
from istrc.models.probes import Probes
from istrc.models.store import fingerprint
from istrc.training.probes import RARE
from istrc.training.records import write_json

TIMES = (1.0, 1.25, 1.5, 2.0, 2.5)  # the ways that are tried, shortest first
LESS = (0.875, 0.75, 0.5)  # ... where the first of them loses the person
SEEN = 0.9  # share of the faces; of what never comes so far the first to come within SLACK of most
SLACK = 0.03
SAME = 0.7  # share of the faces that stay nearer to themselves than FAR of all strangers are
FAR = 0.01
PEOPLE = 500  # whose angles say how near strangers are


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
    settings = dict(part="reach", seed=seed, faces=faces, same=SAME, probes=fingerprint(probes))
    record = Path(out) / "run.json"
    if record.exists():
        before = json.loads(record.read_text())
        if {name: before.get(name) for name in settings} == settings:  # finished before
            for edit, found in before["edits"].items():
                side = 0 if edit.endswith("+") else 1
                probes.reach[probes.names.index(edit[:-1]), side] = found["reach"]
            return probes
    near = nearest(circle, prepared, seed)
    for name in TRANSFORMATIONS:
        if name not in probes.names or name not in circle.attributes.names:
            continue
        for sign in (1.0, -1.0):
            rows = candidates(prepared, name, sign, faces, seed)
            if len(rows):
                found = measured(circle, prepared.batch(rows).to(device), name, sign, near)
                told[f"{name}{'+' if sign > 0 else '-'}"] = dict(found, faces=len(rows))
    record.parent.mkdir(parents=True, exist_ok=True)
    write_json(record, dict(settings, edits=told))
    return probes


def measured(
    circle: Circle, x: torch.Tensor, name: str, sign: float, near: float
) -> dict[str, float]:
    """Sets `reach` of an edit of these faces (B, 3, S, S): what it is, and the shares of them that
    are seen for what is meant and stay `near` to themselves.
    """
    probes, z, drawing = circle.probes, circle.embed(x), Rendering.of(circle, x)
    column, side = probes.names.index(name), 0 if sign > 0 else 1

    def at(times: float) -> dict[str, float]:
        probes.reach[column, side] = times
        change = circle.reach(x, z, {name: sign}, drawing=drawing).change
        edited = circle.embed(drawing.drawn(change, "photo", [name]))
        said = sign * circle.logits(edited, [name])[:, 0]
        same = sphere.angle(z, edited) < near
        return dict(reach=times, seen=_share(said > 0), same=_share(same))

    tried = []
    for times in TIMES:
        tried.append(at(times))
        if tried[-1]["seen"] >= SEEN or tried[-1]["same"] < SAME:
            break
    for times in LESS:
        if tried[0]["same"] < SAME and tried[-1]["same"] < SAME:
            tried.append(at(times))
    kept = [one for one in tried if one["same"] >= SAME] or tried[-1:]
    most = max(one["seen"] for one in kept)
    found = next(one for one in kept if one["seen"] >= most - SLACK)
    probes.reach[column, side] = found["reach"]
    return found


def _share(of: torch.Tensor) -> float:
    return of.float().mean().item()


def nearest(circle: Circle, prepared: Prepared, seed: int) -> float:
    """The angle, radians, below which `FAR` of pairs of different people of tune lie."""
    rows = np.random.default_rng(seed).permutation(prepared.rows("tune"))
    rows = rows[np.sort(np.unique(prepared.identity[rows], return_index=True)[1])][:PEOPLE]
    z = torch.cat([circle.embed(prepared.batch(part)) for part in np.array_split(rows, 8)])
    above = torch.ones(len(z), len(z)).triu(1).bool()
    return (z @ z.T).clamp(-1, 1).acos().cpu()[above].quantile(FAR).item()


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

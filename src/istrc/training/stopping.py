"""Where edits stop: once the recogniser sees in the picture what was asked.

Probes read codes. What shows in a picture beside an edited face's own hair, skin and light is
another matter, and differs from attribute to attribute: a mean mustache is fainter than a real one.
So edited pictures of faces to tune on are embedded again, and each edit goes as many times the way
to the middle of its class as it takes for nearly all of them to be seen for what they are meant.
Lengths go as many times what is asked of them as it takes for landmarks to find it on the picture.
How far each face goes of that is bounded by the recogniser, too: as far as it is the same person.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.attributes import TRANSFORMATIONS
from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.edit.render import Rendering
from istrc.models.probes import Probes
from istrc.models.serialization import fingerprint
from istrc.progress import Bar
from istrc.shape.measures import MEASURED, measures
from istrc.training.probes import RARE
from istrc.training.settings import OLD_PARTS, StoppingSettings
from istrc.whole import read_json, write_json

FACTORS = (1.0, 1.25, 1.5, 2.0, 2.5)  # that are tried, the least first
GAINS = (0.7, 0.85, *FACTORS)  # ... of lengths, of which many faces need less than is asked of them
# Share of the faces; of what never comes so far the first to come within SLACK of most
SUFFICIENT = 0.9
SLACK = 0.03
HALF = 0.5  # of the gap between the classes: what has moved by more is found to have
FALSE_ACCEPTS = 0.002  # share of pairs of strangers that are as near as an edit may lead
PEOPLE = 500  # whose angles say how near strangers are


@torch.no_grad()
def train_stopping(data: str | Path, out: str | Path, **given: Any) -> Probes:
    """Measure how far edits of the transformations go, on tune: the probes' `reach` and `gain`."""
    s = StoppingSettings(**given)
    circle, prepared, probes = s.circle, Prepared(data), s.circle.probes
    result: dict[str, dict[str, float]] = {}
    probes.reach.fill_(1.0), probes.gain.fill_(1.0)
    of = dict(same_person=round(circle.same_person, 6), probes=fingerprint(probes))
    settings = dict(part="stopping", seed=s.seed, **s.recorded(), **of)
    record = Path(out) / "run.json"
    before = read_json(record) if record.exists() else {}
    if before.get("part") in OLD_PARTS:
        before["part"] = OLD_PARTS[before["part"]]
    if {name: before.get(name) for name in settings} == settings:  # finished before
        for edit, found in before["edits"].items():
            name, side = edit[:-1], 0 if edit.endswith("+") else 1
            probes.reach[probes.names.index(name), side] = found["reach"]
            if "gain" in found:
                probes.gain[probes.measures.index(name), side] = found["gain"]
        return probes
    known = {*probes.names} & {*circle.attributes.names}
    # Others of faces are experimental; of anything else the attributes are the user's own
    names = circle.attribute_names if circle.whole else TRANSFORMATIONS
    edits = [(name, sign) for name in names if name in known for sign in (1.0, -1.0)]
    with Bar("stopping", len(edits), lasting=True) as progress:
        for number, (name, sign) in enumerate(edits, 1):
            rows, found = candidates(prepared, name, sign, s.faces, s.seed), {}
            if len(rows):
                found = measured(circle, prepared.batch(rows).to(s.device), name, sign)
                result[f"{name}{'+' if sign > 0 else '-'}"] = dict(found, faces=len(rows))
            shown = " ".join(f"{key} {value:.4g}" for key, value in found.items())
            progress.at(number, len(edits), shown)
    write_json(record, dict(settings, edits=result))
    return probes


def measured(circle: Circle, x: torch.Tensor, name: str, sign: float) -> dict[str, float]:
    """Sets `reach` of an edit of these faces (B, 3, S, S), and `gain` of what is measured: what
    they are, and the shares of the faces that are seen for what is meant, and found to be.
    """
    probes, z, drawing = circle.probes, circle.embed(x), Rendering.of(circle, x)
    side, result = 0 if sign > 0 else 1, {}

    def edited() -> torch.Tensor:
        change = circle.stopped_walk(x, z, {name: sign}, drawing=drawing).change
        return drawing.drawn(change, "photo", {name: sign})

    def recognised() -> torch.Tensor:
        return sign * circle.logits(circle.embed(edited()), [name])[:, 0] > 0

    if name in probes.measures:
        row = probes.measures.index(name)
        gap = probes.ranges[row, 0, 0] - probes.ranges[row, 1, 0]
        own = measures(circle.shapes(drawing.c))[MEASURED[name]]

        def moved() -> torch.Tensor:
            now = measures(circle.find(edited())[..., :2])[MEASURED[name]]
            return sign * (now - own) / gap > HALF

        result["gain"], result["found"] = sufficient(probes.gain[row, side], moved, GAINS, 1.0)
    reach = probes.reach[probes.names.index(name), side]
    result["reach"], result["seen"] = sufficient(reach, recognised)
    return result


def sufficient(
    value: torch.Tensor,
    shows: Callable[[], torch.Tensor],
    factors: Sequence[float] = FACTORS,
    share: float = SUFFICIENT,
) -> tuple[float, float]:
    """Sets a value () to the first of some factors with which enough faces show something.

    Args:
        shows: which faces (B,) do, as it is.
        share: of the faces, that is enough.

    Returns the value, and the share of the faces.
    """
    tried = []
    for times in factors:
        value.fill_(times)
        tried.append((times, shows().float().mean().item()))
        if tried[-1][1] >= share:
            break
    most = max(found for _, found in tried)
    found = next(one for one in tried if one[1] >= most - SLACK)
    value.fill_(found[0])
    return found


def same_person_angle(circle: Circle, prepared: Prepared, seed: int) -> float:
    """The angle, radians, at which `FALSE_ACCEPTS` of pairs of different people of tune are taken
    for one; pi where tune has nobody but one.
    """
    rows = np.random.default_rng(seed).permutation(prepared.rows("tune"))
    rows = rows[np.sort(np.unique(prepared.identity[rows], return_index=True)[1])][:PEOPLE]
    if len(rows) < 2:
        return math.pi
    z = torch.cat([circle.embed(x) for x in prepared.batches(rows, 64)])
    above = torch.ones(len(z), len(z)).triu(1).bool()
    return (z @ z.T).clamp(-1, 1).acos().cpu()[above].quantile(FALSE_ACCEPTS).item()


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

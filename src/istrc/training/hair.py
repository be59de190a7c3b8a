"""Where hair is on aligned faces, and what tone it has that has an attribute; see
istrc.edit.hair_colour.

There are no masks of hair to learn from, and none are needed: faces with fair and with dark hair
differ where hair is.
"""

from __future__ import annotations

import numpy as np
import torch

from istrc.attributes import HAIR_COLOURS
from istrc.data.prepared import Prepared
from istrc.edit.hair_colour import tone
from istrc.edit.hair_segment import segment
from istrc.models.probes import Probes
from istrc.resample import resized

FAIR, DARK = "blond_hair", "black_hair"
UNLIKE = ("wearing_hat", "bald", "blurry")  # faces that are not looked at
SIDE = 64  # pixels at which they are
COUNT = 2_000  # faces of a sex and a colour, whose means are compared
MEASURED = 6_000  # faces whose tones are
HARDLY, WHOLE = 0.15, 0.7  # of the greatest difference: none is hair, and how much more, all is
LEAST = 0.04  # of the pixels that are hair, from which on a tone is trusted
RIDGE = 1.0  # faces' worth of doubt that a tone has to do with the skin's


def needed(names: tuple[str, ...]) -> bool:
    """Whether attributes tell where hair is."""
    return {FAIR, DARK, "male"} <= {*names}


def measure_hair(net: Probes, prepared: Prepared, rows: np.ndarray, seed: int = 0) -> None:
    """Fill in `hair_places` and `hair_tones` from these rows of the faces."""
    labels = {name: prepared.attributes[rows, at] == 1 for at, name in enumerate(net.names)}
    plain = ~np.any([labels[name] for name in UNLIKE if name in labels], 0)
    rng = np.random.default_rng(seed)
    side = net.hair_places.shape[-1]
    for sex in (0, 1):
        of = plain & (labels["male"] == bool(sex))
        means = []
        for colour in (FAIR, DARK):
            some = np.sort(rng.permutation(rows[of & labels[colour]])[:COUNT])
            total = sum(x.double().sum(0) for x in prepared.batches(some, 64))
            means.append(resized(np.asarray(total / max(len(some), 1)), SIDE))
        apart = (means[0] - means[1]).mean(0)
        apart = (apart + apart[:, ::-1]) / 2
        hair = ((apart / max(apart.max(), 1e-6) - HARDLY) / WHOLE).clip(0, 0.97)
        places = np.stack([hair, _skin() * (1 - hair)])
        net.hair_places[sex] = torch.from_numpy(resized(places, side, linear=True))
    _tones(net, prepared, np.sort(rng.permutation(rows[plain])[:MEASURED]))


def _skin() -> np.ndarray:
    """Where a face and a neck are in the crop, roughly: (SIDE, SIDE)."""
    y, x = np.meshgrid(*2 * [(np.arange(SIDE) + 0.5) * 2 / SIDE - 1], indexing="ij")
    face = np.exp(-(((x / 0.55) ** 2 + ((y - 0.2) / 0.75) ** 2) ** 2))
    return np.maximum(face, 0.35 * ((y > 0.75) & (abs(x) < 0.45)))


def _tones(net: Probes, prepared: Prepared, rows: np.ndarray) -> None:
    """The tones of hair with and without each attribute: least squares on those of the skin."""
    hair, skin, enough = [], [], []
    places = [resized(one, SIDE, linear=True) for one in net.hair_places.numpy()]
    men = prepared.attributes[rows, net.names.index("male")] == 1
    views = (x for batch in prepared.batches(rows, 64) for x in batch.numpy())
    for row, male, x in zip(rows, men, views, strict=True):
        view = resized((x + 1) / 2, SIDE).clip(0, 1)
        own = places[int(male)]
        found = segment(view, prepared.landmarks[row], own)
        hair.append(tone(view, found[0], own[0]))
        skin.append(tone(view, found[1], own[1]))
        enough.append(found[0].mean() > LEAST)
    given = np.column_stack([np.ones(len(rows)), np.array(skin)[:, :3]])
    wanted, seen = np.array(hair), np.array(enough)
    for column, name in enumerate(net.names):
        of = prepared.attributes[rows, column]
        if name not in HAIR_COLOURS or min((seen & (of == value)).sum() for value in (0, 1)) < 20:
            continue
        for side, value in enumerate((1, 0)):
            x, y = given[seen & (of == value)], wanted[seen & (of == value)]
            doubt = RIDGE * np.diag([0, 1, 1, 1])
            solved = np.linalg.solve(x.T @ x + doubt, x.T @ y)
            net.hair_tones[column, side] = torch.from_numpy(solved)

"""The changes' training: pairs of real pictures, and nothing that is to be pleased.

Two pictures a and b of one person teach what changes within a person: a smile, a mouth, make-up.
Pictures of two people in the same pose teach what differs between people: a nose, an age, a sex.
The network is asked for c_b - c_a, and sees z_a, z_b - z_a and c_a.
"""

from __future__ import annotations

from collections.abc import Mapping as Numbers
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.models.changes import Changes
from istrc.shape.measures import COUNT, pose
from istrc.training import loop
from istrc.training.mapping import code_weights
from istrc.training.settings import ChangesSettings
from istrc.training.spaces import open_spaces, standardise

NEAREST = 24  # strangers of whom the one in the nearest pose makes a pair
REGIONS = {  # of iBUG's points, whose explained variance is told apart
    "jaw": range(0, 17),
    "brows": range(17, 27),
    "nose": range(27, 36),
    "eyes": range(36, 48),
    "mouth": range(48, 68),
}


class Pairs:
    """Pairs of faces of a part of the data, drawn by a generator.

    Args:
        identity: (N,) of the faces; those below 0 are of nobody known.
        poses: (N, 2) yaw and pitch.
    """

    def __init__(self, identity: np.ndarray, poses: np.ndarray):
        self.poses = (poses - poses.mean(0)) / poses.std(0).clip(min=1e-6)
        self.identity = identity
        order = np.argsort(identity, kind="stable")
        _, first, counts = np.unique(identity[order], return_index=True, return_counts=True)
        several = (counts > 1) & (identity[order][first] >= 0)
        self._order, self._first, self._counts = order, first[several], counts[several]
        if not len(self._first):
            raise ValueError("nobody with two pictures")

    def same(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Two pictures each of so many people, drawn by their number of pictures."""
        weight = self._counts / self._counts.sum()
        person = rng.choice(len(self._first), count, p=weight)
        a = rng.integers(0, self._counts[person])
        b = (a + rng.integers(1, self._counts[person])) % self._counts[person]
        return self._order[self._first[person] + a], self._order[self._first[person] + b]

    def strangers(self, rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Faces, and each with that of `NEAREST` drawn at random whose pose is nearest."""
        a = rng.integers(0, len(self.identity), count)
        b = rng.integers(0, len(self.identity), (count, NEAREST))
        apart = ((self.poses[b] - self.poses[a][:, None]) ** 2).sum(2)
        known = self.identity[a] >= 0
        apart[(self.identity[b] == self.identity[a][:, None]) & known[:, None]] = np.inf
        return a, b[np.arange(count), apart.argmin(1)]


def explained(found: torch.Tensor, wanted: torch.Tensor, weights: torch.Tensor) -> float:
    """The share of the variance of wanted (N, C) that found explains, coordinates weighed (C,)."""
    rest = ((found - wanted).square() * weights).sum()
    return 1 - (rest / (wanted.square() * weights).sum()).item()


def train_changes(data: str | Path, out: str | Path, **given: Any) -> Changes:
    """Learn what changes in a code from pairs; returns the network that was best on tune."""
    s = ChangesSettings(**given)
    prepared, spaces, nets = open_spaces(data, out, s)
    texture = s.autoencoder.code
    sides = {part: spaces.sides(part) for part in ("fit", "tune")}
    z, c = sides["fit"]  # (2, N, D), (2, N, C)
    identity = {part: prepared.identity[spaces.rows[part]] for part in sides}
    pairs = {part: Pairs(identity[part], poses(sides[part][1][0], texture)) for part in sides}

    torch.manual_seed(s.seed)
    net = Changes(z.shape[2], c.shape[2], s.width, s.layers).to(s.device)
    flat = c.view(-1, c.shape[2])
    standardise(net, flat)
    weights = code_weights(s.autoencoder, flat, net.spread)

    def drawn(
        part: str, rng: np.random.Generator, count: int, same: float
    ) -> tuple[torch.Tensor, ...]:
        alike = round(same * count)
        one, others = pairs[part].same(rng, alike), pairs[part].strangers(rng, count - alike)
        a, b = (np.concatenate(both) for both in zip(one, others, strict=True))
        side = torch.from_numpy(rng.integers(0, 2, count))
        z, c = sides[part]
        return z[side, a], z[side, b], c[side, a], c[side, b]

    parts = {"texture": slice(0, texture), "shape": slice(texture, c.shape[2])}
    if c.shape[2] == texture:  # all shapes are taken as the same
        del parts["shape"]
    validation = {
        kind: drawn("tune", loop.generator(s.seed, 0, 1), 4096, share)
        for kind, share in (("same", 1.0), ("others", 0.0))
    }

    def gradients(step: int, given: tuple[torch.Tensor, ...]) -> Numbers[str, torch.Tensor]:
        z1, z2, c1, c2 = (part.to(s.device) for part in given)
        wanted = (c2 - c1) / net.spread
        loss = ((net.standardised(c1, z1, z2) - wanted).square() * weights).mean()
        loss.backward()
        return {"loss": loss.detach()}

    def validate(step: int) -> dict[str, float]:
        numbers = {}
        for kind, (z1, z2, c1, c2) in validation.items():
            found, wanted = net.standardised(c1, z1, z2), (c2 - c1) / net.spread
            counts = torch.cat([weights[:texture], net.spread[texture:]]).square()
            for part, of in parts.items():
                numbers[f"{part}_{kind}"] = explained(found[:, of], wanted[:, of], counts[of])
        numbers["mean"] = float(np.mean([*numbers.values()]))
        if c.shape[2] == texture + 2 * COUNT:
            z1, z2, c1, c2 = validation["same"]
            found, wanted = net(c1, z1, z2), c2 - c1
            for region, points in REGIONS.items():
                of = slice(texture + 2 * points.start, texture + 2 * points.stop)
                one = torch.ones(2 * len(points))
                numbers[region] = explained(found[:, of], wanted[:, of], one)
        return numbers

    loop.train(
        "changes",
        s,
        out,
        modules={"net": net},
        optimizers={"adam": torch.optim.AdamW(net.parameters(), lr=s.rate, weight_decay=s.decay)},
        batch=lambda step: drawn("fit", loop.generator(s.seed, step), s.batch_size, s.same),
        gradients=gradients,
        validate=validate,
        best="mean",
        log_every=100,
        config=dict(data=prepared.info.get("source"), faces=z.shape[1], **nets, net=net.config),
    )
    return net.eval()


def poses(codes: torch.Tensor, texture: int) -> np.ndarray:
    """Yaw and pitch (N, 2) of codes (N, C) whose first coordinates are of the texture; or zeros,
    where the others are no face's points.
    """
    if codes.shape[1] != texture + 2 * COUNT:
        return np.zeros((len(codes), 2))
    return pose(codes[:, texture:].reshape(-1, 68, 2).numpy().astype(np.float64))

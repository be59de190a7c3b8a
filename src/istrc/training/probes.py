"""The probes' training: logistic regression on codes, all attributes at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.attributes import moves, of_the_skin
from istrc.data.prepared import Prepared
from istrc.edit.detail import BANDS, SIDE, amplitudes, bands, lit, places, shares
from istrc.models.probes import Probes
from istrc.resample import resized
from istrc.shape.frame import mirrored
from istrc.shape.measures import COUNT, MEASURED, measures
from istrc.shape.regions import skin
from istrc.training import loop, mouths
from istrc.training.changes import Pairs, poses
from istrc.training.entropy import areas_under_curves, known_entropy
from istrc.training.hair import measure_hair, needed
from istrc.training.settings import ProbesSettings
from istrc.training.spaces import open_spaces, standardise
from istrc.training.wrinkles import measure_wrinkles

RARE = 0.02  # share of a sex among those who have an attribute, from which it counts
RANGE = torch.tensor([0.5, 0.03, 0.97])  # the quantiles that tell where a class lies
RIDGE = 1e-3  # added to the variances of what prototypes are told by
DETAILED = 12_000  # faces whose detail is measured, of either part
# Controlled for where detail is compared: sex, expression, and what covers skin. The rest, such as
# bags under eyes, is what ageing is
CONTROLS = (
    "male", "smile", "mouth_open", "makeup", "eyeglasses", "beard", "mustache", "goatee",
    "five_o_clock_shadow", "sideburns", "bangs", "wearing_hat", "blurry",
)  # fmt: skip
# Of what 94 % of a class span: how far apart the classes' detail must be for it to be edited
LEAST_APART = 0.2
HAIR = 32  # side of the maps of where hair is
PAIRS = 20_000  # of either kind, that say how shapes change with a measure


def train_probes(data: str | Path, out: str | Path, **given: Any) -> Probes:
    """Train the probes on fit; what is typical of a class is measured on tune."""
    s = ProbesSettings(**given)
    prepared, spaces, nets = open_spaces(data, out, s)
    texture = s.autoencoder.code
    codes = {part: spaces.sides(part)[1] for part in ("fit", "tune")}  # (2, N, C)
    labels = {
        part: torch.from_numpy(prepared.attributes[spaces.rows[part]]) for part in codes
    }  # (N, A)
    c, flat = codes["fit"], codes["fit"].flatten(0, 1)
    names = tuple(prepared.attribute_names)
    shaped = c.shape[2] == texture + 2 * COUNT  # of a face
    measured = tuple(name for name in MEASURED if name in names) if shaped else ()

    torch.manual_seed(s.seed)
    straight = Prepared(s.textures) if s.textures and shaped else None
    hair = HAIR if shaped and needed(names) else 0
    detail = (BANDS, SIDE, SIDE) if straight else ()
    speaking = texture if straight and mouths.needed(names) else 0
    wrinkles = SIDE if straight and "young" in names else 0
    mouth = mouths.KNOTS if speaking else ()
    net = Probes(names, c.shape[2], measured, detail, hair, speaking, wrinkles, mouth)
    standardise(net, flat)
    net = net.to(s.device)

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = loop.generator(s.seed, step)
        at = rng.integers(0, c.shape[1], s.batch_size)
        return c[torch.from_numpy(rng.integers(0, 2, s.batch_size)), at], labels["fit"][at]

    def gradients(step: int, given: tuple[torch.Tensor, ...]) -> Mapping[str, torch.Tensor]:
        own, wanted = (part.to(s.device) for part in given)
        loss = known_entropy(net(own), wanted)
        loss.backward()
        return {"entropy": loss.detach()}

    def validate(step: int) -> dict[str, float]:
        areas = areas_under_curves(net(codes["tune"][0].to(s.device)), labels["tune"], names)
        return {"auc": float(np.mean([*areas.values()]))}

    loop.train(
        "probes",
        s,
        out,
        modules={"net": net},
        optimizers={"adam": torch.optim.Adam(net.parameters(), lr=s.rate, weight_decay=s.l2)},
        batch=batch,
        gradients=gradients,
        validate=validate,
        log_every=100,
        config=dict(data=prepared.info.get("source"), faces=c.shape[1], **nets, net=net.config),
    )
    _typical(net, codes["tune"][0], labels["tune"])
    pose = np.concatenate([poses(side, texture) for side in c])  # (2N, 2)
    net.prototypes.copy_(_differences(names, labels["fit"].repeat(2, 1), pose, flat))
    if measured:
        _ranges(net, codes["tune"][0][:, texture:], labels["tune"])
        _directions(net, codes["fit"], texture, prepared.identity[spaces.rows["fit"]], s.seed)
    if straight:
        measure_detail(net, straight, spaces.rows, s.seed)
    if straight and speaking:
        mouths.measure_mouths(net, straight, spaces.rows["fit"], codes["fit"])
    if straight and wrinkles:
        measure_wrinkles(net, straight, spaces.rows["fit"], s.seed)
    if net.config["hair"]:
        measure_hair(net, prepared, spaces.rows["fit"], s.seed)
    return net.eval()


@torch.no_grad()
def _typical(net: Probes, codes: torch.Tensor, labels: torch.Tensor) -> None:
    """The median logit of faces (N, C) that have each attribute, and that lack it.

    Those that lack it are compared as people of the same sex: nobody asks for a beard in order to
    look less like a woman.
    """
    said = net.cpu()(codes)
    men = labels[:, net.names.index("male")] == 1 if "male" in net.names else None
    for column, name in enumerate(net.names):
        classes = [labels[:, column] == value for value in (1, 0)]
        parts = [(1.0, torch.ones(len(codes), dtype=torch.bool))]
        if men is not None and name != "male" and classes[0].any():
            share = men[classes[0]].float().mean().item()
            both = [(share, men), (1 - share, ~men)]
            both = [(weight, part) for weight, part in both if weight > RARE]
            if all((of & part).any() for of in classes for _, part in both):
                parts = both
        total = sum(weight for weight, _ in parts)
        for side, of in enumerate(classes):
            if of.any():
                medians = [weight * said[of & part, column].median() for weight, part in parts]
                net.typical[column, side] = sum(medians) / total


def _differences(
    names: tuple[str, ...],
    labels: torch.Tensor,
    pose: np.ndarray,
    flat: torch.Tensor,
    controls: Collection[str] | None = None,
) -> torch.Tensor:
    """How rows (N, C) differ with each attribute, (A, C): least squares, with every other attribute
    that it does not move by its meaning, and with the pose, held as they are.

    Args:
        labels: (N, A); pose: (N, 2).
        controls: of the attributes, those that are the same; None for all.
    """
    known = labels.double()
    known = torch.where(known < 0, torch.nan, known)
    known = (known - known.nanmean(0)).nan_to_num(0)
    turned = torch.from_numpy(pose)
    turned = (turned - turned.mean(0)) / turned.std(0).clamp(min=1e-9)
    bent = torch.cat([turned.square(), turned[:, :1] * turned[:, 1:]], 1)
    given = torch.cat([known, turned, bent], 1)
    given -= given.mean(0)
    flat = flat.double()
    products = given.T @ given / len(given)
    with_rows = given.T @ (flat - flat.mean(0)) / len(given)
    products += RIDGE * torch.eye(len(products), dtype=products.dtype)
    found = []
    for column, name in enumerate(names):
        others = [at for at, other in enumerate(names) if not moves(name, other)]
        others = [at for at in others if controls is None or names[at] in controls]
        rows = [column, *others, *range(len(names), len(products))]
        found.append(torch.linalg.solve(products[rows][:, rows], with_rows[rows])[0])
    return torch.stack(found).float()


@torch.no_grad()
def measure_detail(
    net: Probes, straight: Prepared, rows: Mapping[str, np.ndarray], seed: int = 0
) -> None:
    """How strong detail is with each attribute (istrc.edit.detail), and where classes lie on it.

    Args:
        straight: the faces in the mean shape, with their shapes.
        rows: of the faces to fit and to tune on.
    """
    reference = np.array(straight.info["shape_free"]["reference"])
    mask = skin(reference, straight.size)

    def measured(part: str) -> tuple[np.ndarray, np.ndarray]:
        some = np.random.default_rng(seed).permutation(rows[part])[:DETAILED]
        some = np.sort(some)
        lumas = (lit(x.numpy(), mask)[0] for x in straight.batches(some, 64))
        return some, np.concatenate([amplitudes(bands(luma)) for luma in lumas])

    some, found = measured("fit")
    shapes = torch.from_numpy(straight.landmarks[some]).flatten(1)
    labels = torch.from_numpy(straight.attributes[some])
    flat = torch.from_numpy(found).flatten(1)
    net.detail_mean.copy_(flat.mean(0).view_as(net.detail_mean))
    way = _differences(net.names, labels, poses(shapes, 0), flat, CONTROLS)
    net.detail.copy_(way.view_as(net.detail))
    some, found = measured("tune")
    for column, name in enumerate(net.names):
        where = resized(places(reference, straight.size, name), SIDE, linear=True)
        share = torch.from_numpy(shares(found, net, column, where)).float()
        of = torch.from_numpy(straight.attributes[some][:, column])
        for side, value in enumerate((1, 0)):
            if (of == value).any():
                net.detail_ranges[column, side] = share[of == value].quantile(RANGE)
        having, lacking = net.detail_ranges[column]  # medians, 3rd and 97th percentiles
        span = (having[2] - having[1] + lacking[2] - lacking[1]) / 2
        if not of_the_skin(name) or having[0] - lacking[0] < LEAST_APART * span:
            net.detail[column], net.detail_ranges[column] = 0, 0


@torch.no_grad()
def _ranges(net: Probes, shapes: torch.Tensor, labels: torch.Tensor) -> None:
    """What is measured on faces that have each attribute, and on those that lack it."""
    found = measures(shapes.reshape(-1, 68, 2))
    for row, name in enumerate(net.measures):
        of = labels[:, net.names.index(name)]
        for side, value in enumerate((1, 0)):
            net.ranges[row, side] = found[MEASURED[name]][of == value].quantile(RANGE)


@torch.no_grad()
def _directions(
    net: Probes, codes: torch.Tensor, texture: int, identity: np.ndarray, seed: int
) -> None:
    """How shapes change with what is measured on them, and with the pose: least squares over pairs
    of codes (2, N, C) of strangers in the same pose and of pictures of one person.
    """
    pairs, rng = Pairs(identity, poses(codes[0], texture)), loop.generator(seed, 0, 2)
    drawn = zip(pairs.strangers(rng, PAIRS), pairs.same(rng, PAIRS), strict=True)
    a, b = (np.concatenate(both) for both in drawn)
    shapes = codes[0][:, texture:].reshape(-1, 68, 2).double()
    found = measures(shapes)
    columns = [found[MEASURED[name]] for name in net.measures]
    # The pose that is left between them is not the measures' doing
    columns += [torch.from_numpy(column) for column in poses(codes[0], texture).T.copy()]
    known = torch.stack(columns, 1)  # (N, M + 2)
    moved = (shapes[b] - shapes[a]).flatten(1)
    solved = torch.linalg.lstsq(known[b] - known[a], moved).solution
    directions, turns = solved.view(-1, 68, 2).split([len(net.measures), 2])
    net.directions.copy_((directions + mirrored(directions)) / 2)
    sides = torch.tensor([-1, 1])[:, None, None]  # in the mirror a head turns the other way
    net.turns.copy_((turns + sides * mirrored(turns)) / 2)

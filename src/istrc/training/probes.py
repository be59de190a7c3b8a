"""The probes' training: logistic regression on codes, all attributes at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from istrc.attributes import moves
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.probes import Probes
from istrc.models.store import fingerprint
from istrc.recognisers.recogniser import Recogniser
from istrc.shape.frame import mirrored
from istrc.shape.measures import MEASURED, measures
from istrc.training import loop
from istrc.training.changes import Pairs, poses
from istrc.training.embeddings import recorded
from istrc.training.entropy import known_entropy
from istrc.training.spaces import Spaces, both_sides, open_spaces

RARE = 0.02  # share of a sex among those who have an attribute, from which it counts
RIDGE = 1e-3  # added to the variances of what prototypes are told by
PAIRS = 20_000  # of either kind, that say how shapes change with a measure


def train_probes(
    data: str | Path,  # a prepared folder
    out: str | Path,  # run folder; holds the checkpoint
    *,
    facenet: FaceNet | None = None,
    recogniser: Recogniser | None = None,
    autoencoder: AutoEncoder,
    embeddings: str | Path | None = None,  # where a recogniser's are kept; OUT/embeddings if none
    textures: str | Path | None = None,  # the faces in the mean shape (istrc train textures)
    made: Spaces | None = None,  # of the same data and networks; they are made otherwise
    steps: int = 1500,  # batches
    batch_size: int = 2048,
    rate: float = 2e-3,  # peak learning rate of Adam
    l2: float = 3e-4,  # weight of the L2 regularisation
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,  # stop, resumably, after this long
) -> Probes:
    """Train the probes on fit; what is typical of a class is measured on tune."""
    prepared, facenet, made = open_spaces(
        data, out, made, facenet, recogniser, autoencoder, embeddings, textures, device
    )
    texture = autoencoder.code
    codes = {part: both_sides(made, part)[1] for part in ("fit", "tune")}  # (2, N, C)
    labels = {
        part: torch.from_numpy(prepared.attributes[made.rows[part]]) for part in codes
    }  # (N, A)
    c, flat = codes["fit"], codes["fit"].flatten(0, 1)
    names = tuple(prepared.attribute_names)
    shaped = c.shape[2] > texture
    measured = tuple(name for name in MEASURED if name in names) if shaped else ()

    torch.manual_seed(seed)
    net = Probes(names, c.shape[2], measured)
    net.mean.copy_(flat.mean(0))
    net.spread.copy_(flat.std(0).clamp(min=1e-4))
    net = net.to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=rate, weight_decay=l2)

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = loop.generator(seed, step)
        at = rng.integers(0, c.shape[1], batch_size)
        return c[torch.from_numpy(rng.integers(0, 2, batch_size)), at], labels["fit"][at]

    def update(step: int, given) -> Mapping[str, torch.Tensor]:
        own, wanted = (part.to(device) for part in given)
        loss = known_entropy(net(own), wanted)
        loop.descend(optimizer, loss, loop.cosine(step, steps, peak=rate))
        return {"entropy": loss.detach()}

    @torch.no_grad()
    def validate(step: int) -> dict[str, float]:
        from sklearn.metrics import roc_auc_score

        said, known = net(codes["tune"][0].to(device)).cpu().numpy(), labels["tune"].numpy()
        areas = []
        for column in range(len(names)):
            of = known[:, column] >= 0
            if len(np.unique(known[of, column])) == 2:
                areas.append(roc_auc_score(known[of, column], said[of, column]))
        return {"auc": float(np.mean(areas))}

    loop.run(
        modules={"net": net},
        optimizers={"adam": optimizer},
        batch=batch,
        update=update,
        validate=validate,
        validate_every=500,
        steps=steps,
        out=out,
        seed=seed,
        minutes=minutes,
        log_every=100,
        config=dict(
            part="probes",
            data=prepared.info.get("source"),
            faces=c.shape[1],
            batch_size=batch_size,
            rate=rate,
            l2=l2,
            **recorded(facenet),
            autoencoder=fingerprint(autoencoder),
            net=net.config,
        ),
    )
    _typical(net, codes["tune"][0], labels["tune"])
    _prototypes(net, codes["fit"], labels["fit"], texture)
    if measured:
        _ranges(net, codes["tune"][0][:, texture:], labels["tune"])
        _directions(net, codes["fit"], texture, prepared.identity[made.rows["fit"]], seed)
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


@torch.no_grad()
def _prototypes(net: Probes, codes: torch.Tensor, labels: torch.Tensor, texture: int) -> None:
    """How codes (2, N, C) differ with each attribute: least squares, with every other attribute
    that it does not move by its meaning, and with the pose, held as they are.
    """
    known = labels.double()  # (N, A)
    known = torch.where(known < 0, torch.nan, known)
    known = (known - known.nanmean(0)).nan_to_num(0)
    pose = torch.cat([torch.from_numpy(poses(side, texture)) for side in codes])  # (2N, 2)
    pose = (pose - pose.mean(0)) / pose.std(0).clamp(min=1e-9)
    bent = torch.cat([pose.square(), pose[:, :1] * pose[:, 1:]], 1)
    given = torch.cat([known.repeat(2, 1), pose, bent], 1)
    given -= given.mean(0)
    flat = codes.flatten(0, 1).double()
    products = given.T @ given / len(given)
    with_codes = given.T @ (flat - flat.mean(0)) / len(given)
    products += RIDGE * torch.eye(len(products), dtype=products.dtype)
    for column, name in enumerate(net.names):
        others = [at for at, other in enumerate(net.names) if not moves(name, other)]
        rows = [column, *others, *range(len(net.names), len(products))]
        solved = torch.linalg.solve(products[rows][:, rows], with_codes[rows])
        net.prototypes[column] = solved[0]


@torch.no_grad()
def _ranges(net: Probes, shapes: torch.Tensor, labels: torch.Tensor) -> None:
    """What is measured on faces that have each attribute, and on those that lack it."""
    found = measures(shapes.reshape(-1, 68, 2))
    at = torch.tensor([0.5, 0.03, 0.97])
    for row, name in enumerate(net.measures):
        of = labels[:, net.names.index(name)]
        for side, value in enumerate((1, 0)):
            net.ranges[row, side] = found[MEASURED[name]][of == value].quantile(at)


@torch.no_grad()
def _directions(
    net: Probes, codes: torch.Tensor, texture: int, identity: np.ndarray, seed: int
) -> None:
    """How shapes change with what is measured on them: least squares over pairs of codes (2, N, C)
    of strangers in the same pose and of pictures of one person.
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
    directions = solved[: len(net.measures)].view(-1, 68, 2)
    net.directions.copy_((directions + mirrored(directions)) / 2)

"""How long the two small networks of a circle must be trained: quality against steps.

The classifiers and the mapping learn from embeddings that are there already, in a minute or three
(section 6.1 of the paper: 3 hours and 2). What a longer training would have given stands beside
that here: each length is a run of its own, with its own schedule, by the training functions
themselves.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation import metrics
from istrc.evaluation.embedding import silent
from istrc.evaluation.judges import MEASURED, finite_mean
from istrc.evaluation.results import circle_checksum, markdown_table

SHOWN = 500  # faces whose pictures the mapping's PSNR is of
BATCH = 128  # faces that are embedded and encoded at once


def evaluate_duration(
    *,
    circle: Any,
    prepared: Prepared,
    split: str = "valid",
    attributes: Sequence[int] = (),  # steps of the classifiers' trainings
    mapping: Sequence[int] = (),  # steps of the mapping's
    faces: int | None = None,  # to learn from, at most
    limit: int | None = None,  # to report on, at most
    seed: int = 0,
    progress: Callable[[int, int], None] = silent,
) -> dict[str, Any]:
    """Train each network at each length on the fit part, choose on tune, report on a split.

    Returns, for each network and number of steps, the seconds of training and, of the classifiers,
    the mean AUC over CelebA's attributes; of the mapping, the variance of the codes explained
    (weighted as in training) and the PSNR (dB) of decode(F(z)).

    Raises InputError for a circle with an outside recogniser.
    """
    from istrc.training.attributes import train_on_embeddings
    from istrc.training.mapping import code_weights, train_on_codes

    if circle.facenet is None:
        raise InputError("this circle belongs to an outside recogniser; give one with our FaceNet")
    rows = {
        "fit": prepared.rows("fit")[:faces],
        "tune": prepared.rows("tune")[:faces],
        "report": prepared.rows(split)[:limit],
    }
    device = circle.device.type
    z, c = {}, {}
    for part, chosen in rows.items():
        z[part], c[part] = _both_spaces(circle, prepared, chosen)
    straight = {part: slice(len(chosen)) for part, chosen in rows.items()}
    labels = {part: torch.from_numpy(prepared.attributes[some]) for part, some in rows.items()}
    names = tuple(prepared.attribute_names)
    counted = [column for column, name in enumerate(names) if name not in MEASURED]
    weights = code_weights(circle.autoencoder, c["fit"], c["fit"].std(0).clamp(min=1e-4))
    x = prepared.batch(rows["report"][:SHOWN]).to(device)

    def classifiers(steps: int, out: Path) -> dict[str, float]:
        net, seconds = _timed(
            lambda: train_on_embeddings(
                z["fit"][straight["fit"]], labels["fit"].float(),
                z["tune"][straight["tune"]], labels["tune"], names, out,
                steps=steps, seed=seed, device=device, config={},
                width=circle.attributes.config["width"], layers=circle.attributes.config["layers"],
            )
        )  # fmt: skip
        with torch.no_grad():
            scores = net.raw(z["report"][straight["report"]].to(device)).cpu().numpy()
        aucs = [metrics.roc_auc(scores[:, c], labels["report"][:, c].numpy()) for c in counted]
        return {"seconds": seconds, "auc": finite_mean(aucs)}

    def mappings(steps: int, out: Path) -> dict[str, float]:
        net, seconds = _timed(
            lambda: train_on_codes(
                z["fit"], c["fit"], z["tune"], c["tune"], circle.autoencoder, out,
                steps=steps, seed=seed, device=device, config={},
                width=circle.mapping.config["width"], layers=circle.mapping.config["layers"],
            )
        )  # fmt: skip
        at = straight["report"]
        with torch.no_grad():
            made = net(z["report"][at].to(device))
            error = ((made.cpu() - c["report"][at]) / net.spread.cpu()).square() * weights.cpu()
            drawn = circle.decode_code(made[: len(x)])
        psnr = float(metrics.psnr(x, drawn).mean())
        return {"seconds": seconds, "explained": 1 - float(error.mean()), "psnr": psnr}

    runs = [("attributes", classifiers, n) for n in attributes]
    runs += [("mapping", mappings, n) for n in mapping]
    found: dict[str, dict[str, dict[str, float]]] = {}
    for done, (network, train, steps) in enumerate(runs):
        progress(done, len(runs))
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            found.setdefault(network, {})[str(steps)] = train(steps, Path(folder) / "run")
    progress(len(runs), len(runs))
    return {
        **found,
        "learned_from": len(rows["fit"]),
        "faces": len(rows["report"]),
        "split": split,
        "seed": seed,
        "weights": circle_checksum(circle),
    }


def _both_spaces(
    circle: Any, prepared: Prepared, rows: np.ndarray
) -> tuple[torch.Tensor, torch.Tensor]:
    """z (2N, D) and c (2N, C) of faces, and after all of them of their mirror images."""
    z, c = ([], []), ([], [])
    for start in range(0, len(rows), BATCH):
        x = prepared.batch(rows[start : start + BATCH])
        for side, seen in enumerate((x, x.flip(3))):
            z[side].append(circle.embed(seen).float().cpu())
            c[side].append(circle.encode(seen).float().cpu())
    return torch.cat([*z[0], *z[1]]).clone(), torch.cat([*c[0], *c[1]]).clone()


def _timed(train: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    return train(), time.perf_counter() - started


def duration_markdown(found: Mapping[str, Any]) -> str:
    """A table for each network, a row for each length, and what it is short of the longest."""
    parts = []
    for network, title, measures in (
        ("attributes", "classifiers of all attributes", {"auc": "mean AUC"}),
        ("mapping", "mapping", {"explained": "explained", "psnr": "PSNR, dB"}),
    ):
        lengths = found.get(network, {})
        if not lengths:
            continue
        last = lengths[max(lengths, key=int)]
        first = next(iter(measures))
        header = [f"{title}, steps", "of the longest's time", *measures.values(), "short of it"]
        rows = [
            [steps, one["seconds"] / last["seconds"], *(one[name] for name in measures),
             last[first] - one[first]]
            for steps, one in lengths.items()
        ]  # fmt: skip
        parts.append(markdown_table(header, rows))
    return (
        "\n".join(parts)
        + f"\nLearned from {found['learned_from']} faces, chosen on tune, reported "
        f"on {found['faces']} faces of {found['split']}.\n"
    )

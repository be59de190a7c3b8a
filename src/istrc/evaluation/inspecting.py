"""What a recogniser knows: attributes read off its embeddings, and faces drawn from them alone."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from istrc import roc
from istrc.circle import Circle
from istrc.data.prepared import Prepared, to_pixels
from istrc.errors import InputError
from istrc.evaluation.attributes import MEASURED
from istrc.evaluation.embedding import drawn_rows
from istrc.evaluation.metrics import finite_mean
from istrc.evaluation.results import markdown_table, plain, write_results, write_text
from istrc.figures import Row, strip
from istrc.recognisers.recogniser import Recogniser, difference
from istrc.training.attributes import prevalence, train_on_embeddings
from istrc.training.embeddings import Embeddings


def linear_probe(
    z: torch.Tensor,  # (N, D)
    labels: np.ndarray,  # (N,) 1, 0, -1 not known
    test_z: torch.Tensor,  # (M, D)
) -> np.ndarray:
    """Logistic regression on embeddings; the held-out faces' decision values (M,)."""
    from sklearn.linear_model import LogisticRegression

    known = labels >= 0
    unit = z.shape[1] ** 0.5  # unit variance in each coordinate
    probe = LogisticRegression(max_iter=1000).fit(z.numpy()[known] * unit, labels[known])
    return probe.decision_function(test_z.numpy() * unit)


def inspect_recogniser(
    data: str | Path,  # a prepared folder
    out: str | Path,  # holds the tables, the picture, the embeddings and the classifiers' run
    *,
    recogniser: Recogniser,
    circle: Circle | None = None,  # of this recogniser; its decode(F(z)) is drawn
    limit: int | None = None,  # faces of each of fit, tune and valid, drawn by the seed
    layers: int = 4,  # fully connected layers of the paper's classifier, 4 to 7
    steps: int = 1200,  # batches of the paper's classifiers
    faces: int = 16,  # in the picture
    beside: Sequence[Mapping[str, Any]] = (),  # what was found for others, for the table
    seed: int = 0,
    device: str = "cpu",
) -> dict[str, Any]:
    """A linear probe and the paper's classifier (section 5.3) for every attribute.

    Both are trained on `fit`; `tune` chooses the classifier's step; both are measured on `valid`,
    whose people neither has seen. An attribute that all known faces have, or none, is left out.
    Writes inspect.json and inspect.md, and faces.png if there is a circle; returns what the JSON
    holds. Raises InputError where the circle belongs to another recogniser.
    """
    out, prepared = Path(out), Prepared(data)
    if circle is not None:
        found = difference(circle.recogniser.record, recogniser.record)
        if found:
            raise InputError(
                f"the model belongs to the recogniser {circle.recogniser.record['kind']}, not to "
                f"{recogniser.record['kind']}: different {found}; leave one of the two out"
            )
    kept = Embeddings(recogniser, prepared, out / "embeddings")
    rows = {split: drawn_rows(prepared, split, limit, seed) for split in ("fit", "tune", "valid")}
    z = {split: kept.of(those, mirror=False) for split, those in rows.items()}
    every = {split: prepared.attributes[those] for split, those in rows.items()}

    # An attribute is told apart only where both kinds are seen, in training and in the report
    both = [
        a
        for a in range(len(prepared.attribute_names))
        if all({0, 1} <= set(every[split][:, a].tolist()) for split in ("fit", "valid"))
    ]
    labels = {split: of_all[:, both] for split, of_all in every.items()}
    names = tuple(prepared.attribute_names[a] for a in both)
    if not names:
        raise InputError(f"{data}: no attribute has faces with and without it; prepare labels")

    started = time.monotonic()
    linear = [linear_probe(z["fit"], column, z["valid"]) for column in labels["fit"].T]
    linear_seconds = time.monotonic() - started
    started = time.monotonic()
    net = train_on_embeddings(
        z["fit"],
        torch.from_numpy(labels["fit"]),
        z["tune"],
        torch.from_numpy(labels["tune"]),
        names,
        out / "classifiers",
        steps=steps,
        batch_size=min(1024, len(rows["fit"])),
        layers=layers,
        seed=seed,
        device=device,
        config=dict(data=prepared.info.get("source"), facenet=kept.key),
    )
    with torch.no_grad():
        scores = net(z["valid"].to(device)).cpu().numpy()
    shares = prevalence(torch.from_numpy(labels["valid"])).tolist()
    columns = zip(names, labels["valid"].T, linear, scores.T, shares, strict=True)
    per = {
        name: {
            "linear": roc.roc_auc(said, truth),
            "classifier": roc.roc_auc(score, truth),
            "prevalence": share,
            "known": int((truth >= 0).sum()),
        }
        for name, truth, said, score, share in columns
    }
    celeba = [name for name in names if name not in MEASURED]
    results = {
        "recogniser": recogniser.record,
        "attributes": per,
        "left_out": [name for name in prepared.attribute_names if name not in names],
        "mean_linear": finite_mean([per[name]["linear"] for name in celeba]),
        "mean_classifier": finite_mean([per[name]["classifier"] for name in celeba]),
        "mean_over": len(celeba),
        "faces": {split: len(those) for split, those in rows.items()},
        "layers": layers,
        "data": prepared.info.get("source"),
        "seconds": {
            "embedding": round(kept.seconds, 1),
            "linear": round(linear_seconds, 1),
            "classifier": round(time.monotonic() - started, 1),
        },
        "embeddings_made": kept.made,
    }
    if circle is not None:
        draw(circle, prepared, faces, seed).save(out / "faces.png")
    write_text(out / "inspect.md", table([results, *beside]))
    return write_results(out / "inspect.json", results, seed=seed)


def draw(
    circle: Circle, prepared: Prepared, faces: int, seed: int, columns: int = 8
) -> Image.Image:
    """Valid faces drawn by the seed, and under each decode(F(z)): what its embedding kept."""
    rows = drawn_rows(prepared, "valid", faces, seed)
    x = prepared.batch(rows)
    drawn = to_pixels(circle.decode(circle.embed(x)))
    lines = []
    for start in range(0, len(rows), columns):
        part = slice(start, start + columns)
        lines.append(Row("face", list(prepared.images[rows[part]])))
        lines.append(Row("decode(F(z))", list(drawn[part])))
    return strip(lines, cell=96, title=f"What {called(circle.recogniser.record)} keeps of a face")


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Attributes as rows; two AUCs for each recogniser and the share of faces, in Markdown."""
    kinds, first = ("linear", "classifier"), results[0]["attributes"]
    names = [called(one["recogniser"]) for one in results]
    header = ["attribute", "share", *(f"{name}: {kind}" for name in names for kind in kinds)]
    rows = []
    for name in sorted(first, key=lambda name: -(first[name]["classifier"] or 0)):
        found = [one["attributes"].get(name, {}) for one in results]
        rows.append([name, first[name]["prevalence"], *(f.get(k) for f in found for k in kinds)])
    means = [one[f"mean_{kind}"] for one in results for kind in kinds]
    return markdown_table(header, plain([*rows, ["mean over CelebA's", None, *means]]))


def called(record: Mapping[str, Any]) -> str:
    """A short name: the file of an ONNX recogniser, the kind of any other."""
    kind = str(record["kind"])
    return {"onnx": str(record.get("file")), "own": "FaceNet"}.get(kind, kind)

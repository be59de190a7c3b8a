"""Which triplets should be selected in a batch: all, semi-hard ones or hard ones, and from when?

    python -m studies.triplets prepared/ --runs runs/triplets --json results/triplets.json

The same small FaceNet is trained with each way of selecting (FaceNet, section 3.2), alone and after
contrast, for as many steps of the same batches, with several seeds. What it is worth is recall@1
on a split whose classes nothing was trained on: the share of pictures whose nearest other one is of
their class. Beside it stand bare pixels, histograms of oriented gradients, and these in the linear
discriminants of the classes trained on, which is the strongest that learns without a network here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from studies.command import Study, run
from studies.own_data import found_first, oriented_gradients

from istrc.data.prepared import Prepared
from istrc.evaluation.results import markdown_table
from istrc.progress import Bar
from istrc.training.facenet import SELECTIONS, embed_rows, train_facenet
from istrc.training.presets import PRESETS

DEFAULT = "contrast, then semihard"
WAYS: dict[str, dict[str, Any]] = {
    "contrast alone": dict(triplet_weight=0.0),
    **{f"contrast, then {one}": dict(triplets=one) for one in SELECTIONS},
    **{f"{one} alone": dict(triplets=one, contrast_weight=0.0) for one in SELECTIONS},
}


def study(
    data: str | Path,
    runs: Path,  # a folder that keeps every training, so that a stopped study goes on
    *,
    split: str,  # of classes that nothing was trained on
    size: int,  # of the pictures that the network sees, pixels
    steps: int,
    seeds: int,
    only: Sequence[str] | None = None,  # of WAYS; None: all
    device: str = "cpu",
) -> dict[str, Any]:
    """`ways`, of each its recall@1 by seed; `references`, recall@1 of each."""
    prepared = Prepared(data, size)
    rows = prepared.rows(split)
    rows = rows[prepared.identity[rows] >= 0]
    classes = prepared.identity[rows]
    given = PRESETS["image64"].parts["facenet"]
    ways: dict[str, list[float]] = {name: [] for name in only or WAYS}
    with Bar("triplets", len(ways) * seeds) as bar:
        for seed in range(seeds):
            for name in ways:
                run = runs / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}"
                asked = {**given, **WAYS[name], "size": size, "steps": steps, "seed": seed}
                asked |= dict(validate_every=steps, device=device)
                net = train_facenet(data, run, **asked)
                z = embed_rows(net, prepared, rows, device)
                ways[name].append(float(found_first(z, classes).mean()))
                bar.advance()
    return {
        "data": prepared.info["source"],
        "split": split,
        "pictures": len(rows),
        "classes": len(np.unique(classes)),
        "size": size,
        "steps": steps,
        "seeds": seeds,
        "batch": [given["people"], given["pictures"]],
        "ways": ways,
        "references": references(prepared, rows),
    }


def references(prepared: Prepared, rows: np.ndarray) -> dict[str, float]:
    """Recall@1 of what needs no network."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    fit = prepared.rows("fit")
    fit = fit[prepared.identity[fit] >= 0]
    known, x = (torch.cat([*prepared.batches(some)]) for some in (fit, rows))
    shapes, of_known = oriented_gradients(x), oriented_gradients(known)
    # Shrinkage: there are about as many gradients as pictures
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
    lda.fit(of_known.double().numpy(), prepared.identity[fit])
    told = torch.from_numpy(lda.transform(shapes.double().numpy()))
    spaces = {
        "pixels": x.flatten(1),
        "oriented gradients": shapes,
        "their linear discriminants": torch.nn.functional.normalize(told),
    }
    classes = prepared.identity[rows]
    return {name: float(found_first(one, classes).mean()) for name, one in spaces.items()}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the mean over all seeds lies, of which these are some: 95 %, by Student's t."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return float(np.mean(values) - half), float(np.mean(values) + half)


def triplets_markdown(found: Mapping[str, Any]) -> str:
    """The table of docs/studies/triplets.md, best first.

    Differences are of the same seeds, which begin with the same weights and see the same batches.
    """
    rows: list[list[Any]] = []
    default = found["ways"].get(DEFAULT)
    for name, values in found["ways"].items():
        row = [f"**{name}** (the default)" if name == DEFAULT else name, float(np.mean(values))]
        row += ["{:.3f} to {:.3f}".format(*interval(values)) if len(values) > 1 else None]
        if default and name != DEFAULT and len(values) > 1:
            row += ["{:+.3f} to {:+.3f}".format(*interval(np.subtract(values, default)))]
        rows.append([*row, None][:4])
    rows += [[f"*{name}*", value, None, None] for name, value in found["references"].items()]
    rows.sort(key=lambda row: -row[1])
    people, pictures = found["batch"]
    heading = ["trained by", "mean", "its 95 % interval", "of its difference from the default"]
    return (
        f"Recall@1 of {found['pictures']} pictures of {found['classes']} classes that nothing was "
        f"trained on, seen at {found['size']} px; {found['steps']} steps of at most {people} "
        f"classes x {pictures} pictures, {found['seeds']} seed{'s' * (found['seeds'] != 1)}:\n\n"
        + markdown_table(heading, rows)
    )


def main(arguments: list[str] | None = None) -> None:
    data = "a folder made by istrc prepare --unseen"
    study_ = Study("triplets", __doc__, model=False, data=data, split="test")
    add = study_.parser.add_argument
    add("--runs", required=True, help="keep the trainings in this folder")
    add("--size", type=int, default=64, help="of the pictures that are seen, pixels")
    add("--steps", type=int, default=400, help="of each training")
    add("--seeds", type=int, default=3, help="trainings of each way")
    add("--only", choices=WAYS, action="append", help="these ways alone")
    given = study_.parse(arguments)
    names = ("split", "size", "steps", "seeds", "only", "device")
    asked = {name: getattr(given, name) for name in names}
    study_.finish("triplets", study(given.data, Path(given.runs), **asked), triplets_markdown)


if __name__ == "__main__":
    run(main)

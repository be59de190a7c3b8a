"""How well a face comes back: through BEGAN's code, through the sphere, and beside a plain L1."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc import figures
from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.evaluation import metrics
from istrc.evaluation.embedding import Progress, drawn_rows, silent
from istrc.evaluation.judges import Judge
from istrc.evaluation.results import circle_checksum
from istrc.shape.regions import outline

FEATURES = "the judge's penultimate layer"
Rebuild = Callable[[torch.Tensor], torch.Tensor]  # x -> x


@torch.inference_mode()
def evaluate_reconstruction(
    *,
    circle: Any,
    prepared: Prepared,
    judge: Judge | None = None,  # gives the feature space of the Fréchet distance
    baseline: Rebuild | None = None,  # such as an AutoEncoder
    baseline_name: str = "plain L1 auto-encoder",
    split: str = "valid",
    limit: int | None = None,  # this many faces, drawn with the seed
    sheet: str | Path | None = None,  # a PNG of some faces and what became of them
    sheet_faces: int = 12,  # drawn with the seed, not by hand
    batch_size: int = 128,
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """PSNR, SSIM, sharpness and Fréchet distance of rebuilt faces.

    `psnr_face` counts the pixels inside the face's outline, where the circle has landmarks: the
    mean over the faces of each one's decibels, as `psnr` is.

    `auto_encoder` is decode(E(x)), `circle` decode(F(z)), `baseline` the other network; all of
    them rounded to 8 bits first, as they would be saved. A sharpness ratio is the mean of the
    rebuilt faces over the mean of the faces themselves: 1 is as sharp as the photograph.

    `frechet` is in the feature space of the judge's penultimate layer, against the very faces that
    were rebuilt; `real` is the distance of as many train faces, the floor that other real people
    reach. It is not comparable with Inception's FID.

    `by_age` has PSNR and Fréchet distance apart for old and young faces (attribute `young`), of as
    many faces on either side, drawn with the seed: the Fréchet distance of few faces is larger. It
    is left out where fewer than two of either are known.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(drawn_rows(prepared, split, None, seed))
    rows = np.sort(order[:limit])
    ways: dict[str, Rebuild] = {
        "auto_encoder": lambda x: circle.decode_code(circle.encode(x)),
        "circle": lambda x: circle.decode(circle.embed(x)),
    }
    if baseline is not None:
        place = getattr(circle, "device", "cpu")
        ways["baseline"] = lambda x: baseline(x.to(place))

    measured: dict[str, Any] = {way: defaultdict(list) for way in ["faces", *ways]}
    for number, x in enumerate(prepared.batches(rows, batch_size)):
        inside = _inside(circle, x)
        looked = {"faces": x} | {way: to_tensor(to_pixels(of(x))) for way, of in ways.items()}
        for way, y in looked.items():
            measured[way]["sharpness"].append(metrics.sharpness(y).numpy())
            if judge is not None:
                measured[way]["features"].append(judge.features(y))
            if way == "faces":
                continue
            measured[way]["psnr"].append(metrics.psnr(x, y).numpy())
            measured[way]["ssim"].append(metrics.ssim(x, y).numpy())
            if inside is not None:
                measured[way]["psnr_face"].append(metrics.psnr(x, y, inside).numpy())
        progress(number * batch_size + len(x), len(rows))

    found = {way: {k: np.concatenate(v) for k, v in one.items()} for way, one in measured.items()}
    faces = found.pop("faces")
    results: dict[str, Any] = {way: _summary(one, faces) for way, one in found.items()}
    if judge is not None:
        others = rng.permutation(prepared.rows("train"))[: len(rows)]
        none = np.zeros((0, faces["features"].shape[1]))  # which have no distance
        floor = [none, *map(judge.features, prepared.batches(others, batch_size))]
        distance = metrics.frechet_distance(faces["features"], np.concatenate(floor))
        results["real"] = {"frechet": distance}
        results["frechet_features"] = {"space": FEATURES, "judge": judge.checksum}
    if baseline is not None:
        results["baseline"]["name"] = baseline_name
    if "young" in prepared.attribute_names:
        groups = age_groups(prepared.column("young")[rows], seed)
        if min(map(len, groups.values())) > 1:
            results["by_age"] = {
                age: _of_some(chosen, faces, found) for age, chosen in groups.items()
            }
    if sheet is not None:
        chosen = np.sort(order[:sheet_faces])
        title = f"{len(chosen)} {split} faces drawn with seed {seed}"
        _draw(prepared.batch(chosen), ways, baseline_name, sheet, title)
    results |= dict(faces=len(rows), split=split, size=prepared.size, batch_size=batch_size)
    return {**results, "seed": seed, "weights": circle_checksum(circle)}


def _summary(one: dict[str, np.ndarray], faces: dict[str, np.ndarray]) -> dict[str, Any]:
    """The means of one way's faces and their standard errors, beside the faces themselves."""
    found = ("psnr", "psnr_face", "ssim")
    there = [name for name in found if name in one]
    summary: dict[str, Any] = {name: float(one[name].mean()) for name in there}
    summary["standard_error"] = {name: metrics.standard_error(one[name]) for name in there}
    summary["sharpness_ratio"] = float(one["sharpness"].mean() / faces["sharpness"].mean())
    if "features" in faces:
        summary["frechet"] = metrics.frechet_distance(faces["features"], one["features"])
    return summary


def _draw(
    x: torch.Tensor, ways: dict[str, Rebuild], baseline: str, sheet: str | Path, title: str
) -> None:
    """Write a sheet of faces and what became of them."""
    labels = {"auto_encoder": "decode(E(x))", "circle": "decode(F(z))"}
    labels["baseline"] = baseline.replace(" ", "\n", 1)
    rows = [figures.Row("face", list(to_pixels(x)))]
    rows += [figures.Row(labels[way], list(to_pixels(of(x)))) for way, of in ways.items()]
    Path(sheet).parent.mkdir(parents=True, exist_ok=True)
    figures.strip(rows, cell=96, title=title).save(sheet, format="PNG")


def _inside(circle: Any, x: torch.Tensor) -> torch.Tensor | None:
    """Where each of these pictures (B, 3, S, S) shows the face itself, (B, S, S) bool."""
    if not getattr(circle, "facial", False):
        return None
    shapes = circle.find(x)[..., :2].cpu().numpy()
    return torch.from_numpy(np.stack([outline(shape, x.shape[-1]) > 0.5 for shape in shapes]))


def age_groups(young: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Indices of as many old as young faces, drawn with the seed; young (N,): 1, 0, -1 unknown."""
    groups = {"old": np.flatnonzero(young == 0), "young": np.flatnonzero(young == 1)}
    count = min(map(len, groups.values()))
    rng = np.random.default_rng([seed, 1])
    return {age: np.sort(rng.permutation(group)[:count]) for age, group in groups.items()}


def _of_some(
    chosen: np.ndarray, faces: dict[str, np.ndarray], found: dict[str, dict[str, np.ndarray]]
) -> dict[str, Any]:
    """PSNR and, where there are features, Fréchet distance of every way, of these faces alone."""
    summary: dict[str, Any] = {"faces": len(chosen)}
    for way, one in found.items():
        summary[way] = {"psnr": float(one["psnr"][chosen].mean())}
        if "features" in faces:
            summary[way]["frechet"] = metrics.frechet_distance(
                faces["features"][chosen], one["features"][chosen]
            )
    return summary

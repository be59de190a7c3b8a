"""What a circle of pictures of anything is worth: classes never trained on, blends, edits.

    python -m studies.own_data prepared/ --model mine/ --judge judge/ --json own.json

Of data with landmarks it also tells how far from their places they are found.

`retrieval` is the paper's section 6.3: triplets make of any data set a Euclidean space of its own.
A space is good where a picture's nearest neighbour is of its class, also of classes that nothing
was trained on. The same is asked of the bare pixels, and of histograms of oriented gradients
(Dalal, Triggs 2005), which learn nothing either and know shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from studies.command import Study, records_table, run

from istrc import figures, sphere
from istrc.arrays import numpy
from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.edit.render import Rendering
from istrc.errors import InputError
from istrc.evaluation import metrics
from istrc.evaluation.embedding import Progress, drawn_rows, embed_rows, silent
from istrc.evaluation.judges import Judge
from istrc.evaluation.reconstruction import evaluate_reconstruction
from istrc.evaluation.results import (
    circle_checksum,
    markdown_table,
)
from istrc.progress import Bar
from istrc.training.cost import read
from istrc.training.settings import OLD_PARTS
from istrc.verbs.blend import blend

FRAMES = 9  # of a blend
CUT = 0.5  # a judge's probability, from which a picture has an attribute


def evaluate_own(
    *,
    circle: Any,
    prepared: Prepared,
    judge: Judge,
    runs: Path | None = None,  # of `istrc train all`, which say what training took
    unseen: str = "test",  # the split whose classes nothing was trained on
    split: str = "valid",
    count: int = 100,  # pictures of each edit, and blends, at most
    sheets: str | Path | None = None,  # a folder for pictures of all of it
    seed: int = 0,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Retrieval, landmarks, reconstruction, blends and edits: see the functions of these names."""
    sheets = None if sheets is None else Path(sheets)
    fit = prepared.rows("fit")
    mean = torch.stack([x.sum(0) for x in prepared.batches(fit)]).sum(0) / len(fit)
    steps = iter(range(1, 5))
    found: dict[str, Any] = {}
    if near := retrieval(circle, prepared, unseen):
        found["retrieval"] = near
    if circle.landmarks is not None:
        some = (one for one in (split, unseen) if len(prepared.rows(one)))
        found["landmarks"] = {one: landmarks(circle, prepared, one) for one in some}
    progress(next(steps), 4)
    found["reconstruction"] = evaluate_reconstruction(
        circle=circle,
        prepared=prepared,
        judge=judge,
        baseline=mean.expand_as,
        baseline_name="the mean picture",
        split=split,
        sheet=sheets and sheets / "reconstruction.png",
        seed=seed,
    )
    progress(next(steps), 4)
    if count:
        found["blends"] = blends(circle, prepared, split, count, seed, sheets)
        progress(next(steps), 4)
        found["edits"] = edits(circle, prepared, judge, split, count, seed, sheets)
        progress(next(steps), 4)
    if runs is not None:
        found["training"] = {
            run.name: cost for run in sorted(runs.iterdir()) if (cost := read(run))
        }
    return {**found, "judge": judge.checksum, "weights": circle_checksum(circle)}


def retrieval(circle: Any, prepared: Prepared, split: str) -> dict[str, Any] | None:
    """Recall@1: the share of a split's pictures whose nearest other one in it is of their class.

    `chance` is the share that a neighbour drawn at random would have. None where the split has
    fewer than two classes.
    """
    rows = prepared.rows(split)
    rows = rows[prepared.identity[rows] >= 0]
    names, classes, counts = np.unique(
        prepared.identity[rows], return_inverse=True, return_counts=True
    )
    if len(names) < 2:
        return None
    x = torch.cat([*prepared.batches(rows)])
    spaces = {
        "embedding": embed_rows(circle, prepared, rows),
        "pixels": x.flatten(1),
        "oriented gradients": oriented_gradients(x),
    }
    hits = {name: found_first(space, classes) for name, space in spaces.items()}
    known = dict(enumerate(prepared.info.get("classes", [])))
    return {
        "split": split,
        "pictures": len(rows),
        "chance": float((counts * (counts - 1)).sum() / (len(rows) * (len(rows) - 1))),
        "recall_at_1": {name: float(one.mean()) for name, one in hits.items()},
        "classes": {
            known.get(name, str(name)): {
                "pictures": int(counts[place]),
                **{space: float(one[classes == place].mean()) for space, one in hits.items()},
            }
            for place, name in enumerate(names)
        },
    }


def landmarks(circle: Any, prepared: Prepared, split: str) -> dict[str, Any]:
    """How far points are found from where they are, in pixels of the prepared pictures.

    `found` are the circle's; `mean` the data's mean shape, which is what a guess would be. Of each
    the mean over points and pictures, the median and 95th percentile of pictures' means, and
    `points`, the mean of each point.
    """
    points = prepared.landmarks.astype(np.float64)
    marked = np.isfinite(points).all((1, 2))
    fit, rows = (some[marked[some]] for some in map(prepared.rows, ("fit", split)))
    if not len(rows):
        raise InputError(f"{prepared.folder}: no landmarks are known in the {split} split")
    looked = np.concatenate([numpy(circle.find(x))[..., :2] for x in prepared.batches(rows)])
    result: dict[str, Any] = {"pictures": len(rows)}
    for name, guess in (("found", looked), ("mean", points[fit].mean(0))):
        apart = np.linalg.norm(guess - points[rows], axis=-1) * prepared.size / 2  # (N, K) pixels
        of_pictures = apart.mean(1)
        result[name] = {
            "mean": float(apart.mean()),
            "median": float(np.median(of_pictures)),
            "p95": float(np.percentile(of_pictures, 95)),
            "points": apart.mean(0).tolist(),
        }
    return result


def found_first(space: torch.Tensor, classes: np.ndarray) -> np.ndarray:
    """Whether the nearest other one of each point (N, D) is of its class (N,): (N,) bool."""
    apart = torch.cdist(space, space)
    apart.fill_diagonal_(torch.inf)
    return classes[apart.argmin(1).numpy()] == classes


def oriented_gradients(x: torch.Tensor) -> torch.Tensor:
    """Pictures (B, 3, S, S) -> their histograms of oriented gradients (B, F), in cells of S / 8."""
    from skimage.feature import hog

    cell = (x.shape[-1] // 8,) * 2
    found = [
        hog(one, pixels_per_cell=cell, cells_per_block=(2, 2), channel_axis=0) for one in x.numpy()
    ]
    return torch.from_numpy(np.stack(found)).float()


@torch.inference_mode()
def blends(
    circle: Any, prepared: Prepared, split: str, count: int, seed: int, sheets: Path | None = None
) -> dict[str, Any]:
    """Blends of pairs of pictures: is what is half way between two pictures half way on the sphere?

    `off` is the mean angle, radians, from the middle of the way on the sphere to where the picture
    in the middle is seen; beside it that of the pixels' mean, of which nothing is asked, and the
    angle between both ends. `sharpness` is that of the middle over that of the ends.
    """
    rows = drawn_rows(prepared, split, 2 * count, seed)
    rows = np.random.default_rng([seed, 1]).permutation(rows)[: len(rows) // 2 * 2].reshape(-1, 2)
    made: dict[str, list] = {name: [] for name in ("anchored", "circle", "pixels")}
    sharp: dict[str, list] = {name: [] for name in made}
    between: list[float] = []
    shown: list[Any] = []
    for pair in rows:
        x = prepared.batch(pair).to(circle.device)
        z = circle.embed(x)
        between.append(float(sphere.angle(z[:1], z[1:])))
        frames = {
            mode: blend(circle, z, x, frames=FRAMES, mode=mode) for mode in ("anchored", "circle")
        }
        wanted = frames["circle"].z[FRAMES // 2][None]
        middle = {mode: one.faces[FRAMES // 2][None].clip(-1, 1) for mode, one in frames.items()}
        middle["pixels"] = x.mean(0, keepdim=True)
        ends = metrics.sharpness(x).mean()
        for name, y in middle.items():
            made[name].append(float(sphere.angle(wanted, circle.embed(y))))
            sharp[name].append(float(metrics.sharpness(y)[0] / ends))
        if len(shown) < 6:
            shown.append(figures.Row("", list(to_pixels(frames["anchored"].faces))))
    if sheets is not None and shown:
        _write(figures.strip(shown, cell=96, title="blends"), sheets / "blends.png")
    return {
        "pairs": len(rows),
        "between": metrics.finite_mean(between),
        "off": {name: metrics.finite_mean(one) for name, one in made.items()},
        "sharpness": {name: metrics.finite_mean(one) for name, one in sharp.items()},
    }


@torch.inference_mode()
def edits(
    circle: Any,
    prepared: Prepared,
    judge: Judge,
    split: str,
    count: int,
    seed: int,
    sheets: Path | None = None,
) -> dict[str, dict[str, Any]]:
    """Edits of strength +1 and -1 of pictures that lack what is asked, by a judge that is apart.

    `before` and `success` are the shares of the pictures that the judge says have it, `real` that
    of pictures that do; `others` is the mean share of the other attributes whose verdict changed,
    `class_kept` that of pictures whose nearest neighbours (5) in fit are mostly of their class
    still, of those of which it was so before.
    """
    fit = prepared.rows("fit")
    own = embed_rows(circle, prepared, fit), prepared.identity[fit]
    result: dict[str, dict[str, Any]] = {}
    shown = []
    for name in circle.attribute_names:
        if name not in judge.attribute_names or name not in prepared.attribute_names:
            continue
        labels, column = prepared.column(name), judge.column(name)
        for sign, word in ((1, "+"), (-1, "-")):
            rows = drawn_rows(prepared, split, None, seed)
            has = rows[labels[rows] == (1 if sign > 0 else 0)]
            rows = rows[labels[rows] == (0 if sign > 0 else 1)]
            rows = np.sort(np.random.default_rng(seed).permutation(rows)[:count])
            if not len(rows) or not len(has):
                continue
            x = prepared.batch(rows).to(circle.device)
            z, drawing, asked = circle.embed(x), Rendering.of(circle, x), {name: sign}
            stopped = circle.stopped_walk(x, z, asked, drawing=drawing)
            y = to_tensor(to_pixels(drawing.drawn(stopped.change, "photo", asked)))
            before, after = judge.probabilities(x) >= CUT, judge.probabilities(y) >= CUT
            real = judge.probabilities(prepared.batch(has))[:, column] >= CUT
            others = [at for at in range(after.shape[1]) if at != column]
            was, is_ = (_of_class(v, prepared.identity[rows], *own) for v in (z, circle.embed(y)))
            result[name + word] = {
                "pictures": len(rows),
                "before": float((before[:, column] == (sign > 0)).mean()),
                "success": float((after[:, column] == (sign > 0)).mean()),
                "real": float((real == (sign > 0)).mean()),
                "others": float((before != after)[:, others].mean()),
                "class_kept": metrics.finite_mean(is_[was]),
                "psnr": float(metrics.psnr(x, y).mean()),
                "angle": float(stopped.walk.angle.mean()),
            }
            if circle.landmarks is not None:
                layers = drawing.layers(stopped.change, asked)
                far = _moved(layers, len(circle.mesh.reference))
                result[name + word]["moved"] = far * prepared.size / 2
            drawn = to_pixels(torch.stack([x, y], 1).flatten(0, 1)[:16])
            shown.append(figures.Row(name + word, list(drawn)))
    if sheets is not None and shown:
        title = "pictures, each followed by its edit"
        _write(figures.strip(shown, cell=64, title=title), sheets / "edits.png")
    return result


def _of_class(z, classes: np.ndarray, known: torch.Tensor, of: np.ndarray) -> np.ndarray:
    """Whether most of the five nearest of known points (M, D) are of the class of each (N, D)."""
    near = (z.cpu() @ known.T).topk(min(5, len(known)), 1).indices.numpy()  # (N, 5)
    return (of[near] == classes[:, None]).mean(1) > 0.5


def _moved(layers: list[Any], points: int) -> float:
    """How far the first points of meshes move, in half crops: the mean over them and pictures."""
    before, after = (
        np.stack([getattr(one, side) for one in layers]) for side in ("before", "after")
    )
    return float(np.linalg.norm(after - before, axis=-1)[:, :points].mean())


def _write(picture, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def own_markdown(found: Mapping[str, Any]) -> str:
    """The tables of docs/studies/own-data.md."""
    text = ""
    if near := found.get("retrieval"):
        columns = {"pictures": "pictures", **{space: space for space in near["recall_at_1"]}}
        every = {"all": {"pictures": near["pictures"], **near["recall_at_1"]}, **near["classes"]}
        text += "Recall@1 on classes that nothing was trained on (chance: "
        text += f"{near['chance']:.3f}):\n\n{records_table('class', columns, every)}\n"
    if known := found.get("landmarks"):
        size = found["reconstruction"]["size"]
        rows = [
            [f"{said}, {split}", one["pictures"], *map(one[way].get, ("mean", "median", "p95"))]
            for split, one in known.items()
            for way, said in (("found", "found"), ("mean", "the mean shape"))
        ]
        text += f"Landmarks, pixels of {size} from where they are:\n\n"
        heading = ["points", "pictures", "mean", "median picture", "95th percentile"]
        text += markdown_table(heading, rows) + "\n"
    columns = {"psnr": "PSNR, dB", "ssim": "SSIM", "sharpness_ratio": "sharpness"}
    names = {"auto_encoder": "decode(E(x))", "circle": "decode(F(z))", "baseline": "mean picture"}
    rebuilt = {said: found["reconstruction"][way] for way, said in names.items()}
    text += f"Rebuilt pictures ({found['reconstruction']['faces']}, never trained on, of the "
    text += f"classes trained on):\n\n{records_table('way', columns, rebuilt)}\n"
    if between := found.get("blends"):
        text += f"The middles of {between['pairs']} blends; both ends are "
        text += f"{between['between']:.2f} radians apart on the sphere:\n\n"
        rows = [[name, off, between["sharpness"][name]] for name, off in between["off"].items()]
        text += markdown_table(["way", "off the middle, radians", "sharpness"], rows) + "\n"
    columns = {
        "pictures": "pictures", "before": "judged so before", "success": "after",
        "real": "real ones", "others": "others changed", "class_kept": "class kept",
        "psnr": "PSNR, dB",
    }  # fmt: skip
    if "landmarks" in found:
        columns["moved"] = "points moved, pixels"
    if edited := found.get("edits"):
        text += "Edits at strength 1, told by a judge that took no part in making them:\n\n"
        text += records_table("edit", columns, edited)
    if cost := found.get("training"):
        rows = [
            [
                OLD_PARTS.get(name, name),
                one.get("steps"),
                one.get("seconds", 0) + one.get("beside_seconds", 0),
            ]
            for name, one in cost.items()
        ]
        text += "\nWhat training took:\n\n" + markdown_table(["part", "steps", "seconds"], rows)
    return text


def main(arguments: list[str] | None = None) -> None:
    data = "a folder made by istrc prepare --unseen"
    study = Study("own_data", __doc__, data=data, split="valid")
    add = study.parser.add_argument
    add("--judge", required=True, help="the folder of istrc train judge")
    add("--unseen", default="test", help="split that nothing was trained on")
    add("--count", type=int, default=100, help="of each edit, and blends, at most; 0: none")
    add("--sheets", help="draw contact sheets into this folder")
    given = study.parse(arguments)
    asked = {name: getattr(given, name) for name in ("unseen", "count", "sheets")}
    opened, judge = study.open(), Judge.load(given.judge)
    asked["runs"] = Path(given.model) / "runs"
    with Bar("own data", 1) as bar:
        found = evaluate_own(**opened, judge=judge, **asked, progress=bar.at)
    study.finish("own", found, own_markdown)


if __name__ == "__main__":
    run(main)

"""What is lost by how weights are stored: half precision, and eight bits for great matrices.

A circle that `istrc train all` made is compared with itself, as it was trained (single precision,
from its runs' checkpoints) and as it was stored: how far embeddings and pictures are apart, and
what the judges say of the same edits made by either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.circle import Circle
from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.errors import InputError
from istrc.evaluation.editing import evaluate_editing
from istrc.evaluation.embedding import silent
from istrc.evaluation.identity import SecondRecogniser
from istrc.evaluation.judges import Judge
from istrc.evaluation.results import circle_checksum, markdown_table
from istrc.training.loop import load_best

# Part: the runs that may have made it and its name in their checkpoints, the last run first; and
# what was fitted when the steps were done, which no checkpoint has
CHECKPOINTS = {
    "facenet": ({"facenet": "average"}, ()),
    "autoencoder": ({"decoder": "average", "began": "average"}, ()),
    "mapping": ({"likeness": "average", "mapping": "net"}, ()),
    "attributes": ({"attributes": "net"}, ("slope", "shift", "covariance")),
    "changes": ({"closing": "average"}, ()),
    "guides": ({"guides-look": "average"}, ("typical",)),
}
WAYS = ("decode(E(x))", "decode(F(z))")
MEASURES = ("success", "same_person", "sex_flips", "leakage")  # of edits
BATCH = 128


def as_trained(folder: str | Path, device: str = "cpu") -> Circle:
    """The circle of a folder with the weights of its runs' checkpoints, in single precision.

    Raises InputError where a run is missing.
    """
    folder = Path(folder)
    circle = Circle.from_pretrained(folder, device=device, runtime="torch")
    for part, (runs, fitted) in CHECKPOINTS.items():
        net = getattr(circle, part)
        if net is None:
            continue
        made = [run for run in runs if (folder / "runs" / run / "checkpoint.safetensors").exists()]
        if not made:
            raise InputError(
                f"{folder}: has no checkpoint of {part}; give the folder that istrc train all "
                "made, with its runs"
            )
        kept = {key: net.state_dict()[key].clone() for key in fitted}
        load_best(folder / "runs" / made[0], {runs[made[0]]: net})
        net.load_state_dict(kept, strict=False)
    return circle


def evaluate_storing(
    *,
    folder: str | Path,  # of the circle and its runs
    circle: Circle,  # as it is stored there
    prepared: Prepared,
    judge: Judge,
    second: SecondRecogniser | None = None,
    split: str = "valid",
    limit: int | None = None,  # this many faces, drawn with the seed, to embed and rebuild
    faces: int = 20,  # to edit, of each attribute and direction
    seed: int = 0,
    progress: Callable[[int, int], None] = silent,
) -> dict[str, Any]:
    """Embed, rebuild and edit the same faces by the circle as trained and as stored.

    Returns the `angle` (radians; mean and largest) between embeddings; for each way of rebuilding
    the `psnr` (dB) between the pictures of the two, rounded to 8 bits, how far the judge's
    probabilities are apart (mean over attributes) and the share of verdicts that differ; the
    `edits` of each (means over the attributes and directions, photo mode, strength 1); and the
    megabytes of the weights as stored and in single precision.
    """
    trained = as_trained(folder, circle.device.type)
    both = {"trained": trained, "stored": circle}
    rows = prepared.rows(split)
    rows = np.sort(np.random.default_rng(seed).permutation(rows)[:limit])
    angles, apart = [], {way: {"squared": [], "moved": [], "flips": []} for way in WAYS}
    for start in range(0, len(rows), BATCH):
        x = prepared.batch(rows[start : start + BATCH])
        z = {name: one.embed(x) for name, one in both.items()}
        angles.append(sphere.angle(z["trained"], z["stored"]).cpu())
        for way in WAYS:
            drawn = {
                name: one.decode_code(one.encode(x)) if way == WAYS[0] else one.decode(z[name])
                for name, one in both.items()
            }
            y = {name: to_tensor(to_pixels(picture)) for name, picture in drawn.items()}
            p, q = (judge.probabilities(picture) for picture in y.values())
            found = apart[way]
            found["squared"].append((y["trained"] - y["stored"]).square().mean((1, 2, 3)))
            found["moved"].append(np.abs(p - q).mean(1))
            found["flips"].append(((p > 0.5) != (q > 0.5)).mean(1))
    angle = torch.cat(angles)
    edits = {}
    for number, (name, one) in enumerate(both.items()):

        def say(_: str, done: int, total: int, before: int = number) -> None:
            progress(before * total + done, len(both) * total)

        edited = evaluate_editing(
            circle=one, prepared=prepared, judge=judge, second=second, modes=("photo",),
            faces=faces, walks=0, nothing=False, split=split, seed=seed, progress=say,
        )  # fmt: skip
        mean = edited["methods"]["photo"]["1"]["mean"]
        edits[name] = {measure: mean[measure] for measure in MEASURES if measure in mean}
    weights = sum(
        value.numel() * value.element_size()
        for part in CHECKPOINTS
        if (net := getattr(trained, part)) is not None
        for value in net.state_dict().values()
    )
    stored = [Path(folder) / part / "model.safetensors" for part in CHECKPOINTS]
    return {
        "angle": {"mean": angle.mean().item(), "largest": angle.max().item()},
        "rebuilt": {
            way: {
                "psnr": _psnr(torch.cat(found["squared"])),
                "judge_difference": float(np.concatenate(found["moved"]).mean()),
                "judge_flips": float(np.concatenate(found["flips"]).mean()),
            }
            for way, found in apart.items()
        },
        "edits": edits,
        "faces_per_edit": faces,
        "stored_mb": sum(path.stat().st_size for path in stored if path.exists()) / 1e6,
        "single_precision_mb": weights / 1e6,
        "faces": len(rows),
        "split": split,
        "seed": seed,
        "judge": judge.checksum,
        "weights": circle_checksum(circle),
    }


def _psnr(squared: torch.Tensor) -> float:
    """dB between pictures in [-1, 1], of the mean squared difference over all of them."""
    return float(10 * np.log10(4 / max(float(squared.mean()), 1e-12)))


def storing_markdown(found: Mapping[str, Any]) -> str:
    """Three small tables: sizes, pictures, edits."""
    sizes = markdown_table(
        ["weights", "MB"],
        [
            ["as stored", f"{found['stored_mb']:.1f}"],
            ["in single precision", f"{found['single_precision_mb']:.1f}"],
        ],
    )
    pictures = markdown_table(
        ["stored beside trained", "PSNR, dB", "judge differs by", "verdicts that differ"],
        [
            [way, f"{one['psnr']:.1f}", f"{one['judge_difference']:.4f}",
             f"{100 * one['judge_flips']:.2f} %"]
            for way, one in found["rebuilt"].items()
        ],
    )  # fmt: skip
    measures = [name for name in MEASURES if name in found["edits"]["stored"]]
    edits = markdown_table(
        ["edits, photo, strength 1", *(name.replace("_", " ") for name in measures)],
        [[name, *(one[m] for m in measures)] for name, one in found["edits"].items()],
    )
    angle = found["angle"]
    return (
        f"{sizes}\n{pictures}\n{edits}\nOf {found['faces']} faces of {found['split']}, and "
        f"{found['faces_per_edit']} for each of the edits. Embeddings are {angle['mean']:.4f} "
        f"radians apart in the mean, {angle['largest']:.4f} at most.\n"
    )

"""What a lighter or heavier decoder would give: quality and judge's scores against arithmetic.

The encoder and the code stay as they are; decoders of other widths are trained anew on its codes,
all for as many steps and by the loss of the decoder's own training without its critic. Beside them
stand the shipped decoder, which was trained far longer, and the principal components without any
convolution. So the shipped one is a choice that can be checked: where the curve still climbs, and
what a step down would buy.
"""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.errors import InputError
from istrc.evaluation import metrics
from istrc.evaluation.embedding import silent
from istrc.evaluation.judges import Judge
from istrc.evaluation.results import circle_checksum, markdown_table
from istrc.evaluation.speed.clock import Clock
from istrc.evaluation.speed.limit import PRECISIONS, counted
from istrc.models.began import AutoEncoder, Decoder
from istrc.models.quick import Drawing

BATCH = 256  # faces drawn at once where speed is measured
SHIPPED, LINEAR = "shipped", "components alone"
Draw = Callable[[torch.Tensor], torch.Tensor]


def evaluate_decoders(
    *,
    circle: Any,
    prepared: Prepared,
    judge: Judge,
    split: str = "valid",
    widths: Sequence[float] = (0.25, 0.5, 1.0, 1.5),  # parts of the shipped decoder's channels
    steps: int = 1500,  # of each decoder's training
    limit: int | None = None,  # this many faces, drawn with the seed
    seed: int = 0,
    progress: Callable[[int, int], None] = silent,
) -> dict[str, Any]:
    """Train a decoder at each width on the fit part; measure all of them on a split.

    Returns a row for each decoder: its millions of multiply-adds a face (as the network is written,
    and as they are done), weights, faces drawn a second, and of decode(E(x)) rounded to 8 bits the
    PSNR (dB), the Fréchet distance in the judge's features, how far the judge's probabilities are
    from those of the photographs (mean over attributes) and the share that crosses 0.5.

    Raises InputError for a circle with an outside recogniser or a finer level.
    """
    from istrc.training.decoder import codes_of, train_decoder

    if circle.facenet is None or circle.finer is not None:
        raise InputError("give a model of 64 px with our own FaceNet, such as celeba64")
    net, device = circle.autoencoder, circle.device
    rows = prepared.rows(split)
    rows = np.sort(np.random.default_rng(seed).permutation(rows)[:limit])
    found = []
    total = len(widths) + 1
    made = codes_of(net.to(memory_format=torch.channels_last), prepared, device.type)
    for done, share in enumerate(sorted(widths)):
        progress(done, total)
        other = of_width(net, share, seed)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            other = train_decoder(
                prepared.folder, Path(folder) / "run", autoencoder=other, facenet=circle.facenet,
                made=made, critic_weight=0.0, rate=1e-3, steps=steps, validate_every=steps,
                seed=seed, device=device.type,
            )  # fmt: skip
        row = {"name": f"{share:g} of the channels", "steps": steps}
        found.append({**row, **_network(other), **_measured(circle, other, prepared, rows, judge)})
    progress(len(widths), total)
    shipped = {"name": SHIPPED, **_network(net), **_measured(circle, net, prepared, rows, judge)}
    if net.components is not None:
        linear = {"name": LINEAR, **_measured(circle, net, prepared, rows, judge, linear=True)}
        found.insert(0, linear)
    progress(total, total)
    return {
        "decoders": [*found, shipped],
        "faces": len(rows),
        "learned_from": len(prepared.rows("fit")),
        "split": split,
        "batch": BATCH,
        "threads": torch.get_num_threads(),
        "seed": seed,
        "judge": judge.checksum,
        "weights": circle_checksum(circle),
    }


def of_width(net: AutoEncoder, share: float, seed: int = 0) -> AutoEncoder:
    """The auto-encoder with a new decoder, drawn with the seed, of this share of its channels."""
    config = net.config
    widths = tuple(max(4, round(width * share / 4) * 4) for width in config["widths"])
    other = copy.deepcopy(net)
    torch.manual_seed(seed)
    place = next(net.parameters()).device
    other.decoder = Decoder(
        config["size"], widths, config["code"], config["light"], config["carry"], config["skip"]
    ).to(place, memory_format=torch.channels_last)
    return other


def _network(net: AutoEncoder) -> dict[str, Any]:
    return {"weights": sum(weight.numel() for weight in net.decoder.parameters())}


@torch.inference_mode()
def _measured(
    circle: Any,
    net: AutoEncoder,
    prepared: Prepared,
    rows: np.ndarray,
    judge: Judge,
    linear: bool = False,  # the components of the code alone
) -> dict[str, Any]:
    draws: dict[str, Draw] = {
        name: _composed(net) if linear else Drawing(net, precision)
        for name, precision in PRECISIONS.items()
    }
    squared, seen = [], {"faces": [], "drawn": []}
    for start in range(0, len(rows), BATCH):
        x = prepared.batch(rows[start : start + BATCH])
        y = to_tensor(to_pixels(draws["float32"](circle.encode(x))))
        squared.append(metrics.psnr(x, y).numpy())
        seen["faces"].append(judge.look(x))
        seen["drawn"].append(judge.look(y))
    (p, features), (q, drawn) = (
        tuple(np.concatenate(part) for part in zip(*looks, strict=True)) for looks in seen.values()
    )
    h = circle.encode(prepared.batch(rows[:BATCH]))
    clock = Clock(circle.device)
    written = counted(partial(_composed(net), h) if linear else partial(net.decode, h))
    return {
        "million_multiply_adds": written.operations / 2e6 / len(h),
        "million_multiply_adds_done": counted(lambda: draws["float32"](h)).operations
        / 2e6
        / len(h),
        "faces_per_s": {name: len(h) / clock.seconds(partial(d, h)) for name, d in draws.items()},
        "psnr": float(np.concatenate(squared).mean()),
        "frechet": metrics.frechet_distance(features, drawn),
        "judge_difference": float(np.abs(p - q).mean()),
        "judge_flips": float(((p > 0.5) != (q > 0.5)).mean()),
    }


def _composed(net: AutoEncoder) -> Draw:
    """The principal components alone, as `Drawing` draws them."""
    drawing = Drawing(net)
    return lambda h: drawing.composed(h[:, : len(drawing.basis)])


def decoders_markdown(found: Mapping[str, Any]) -> str:
    """A row for each decoder, from the lightest; speeds beside the shipped one's."""
    shipped = found["decoders"][-1]["faces_per_s"]
    header = [
        "decoder", "million multiply-adds", "done", "million weights", "faces/s, float32",
        "faces/s, bfloat16", "PSNR, dB", "Fréchet", "judge differs by", "judge flips",
    ]  # fmt: skip
    rows = [
        [
            one["name"], one["million_multiply_adds"], one["million_multiply_adds_done"],
            one["weights"] / 1e6 if "weights" in one else None,
            *(f"{one['faces_per_s'][name] / shipped[name]:.2f}x" for name in PRECISIONS),
            one["psnr"], one["frechet"], one["judge_difference"],
            f"{100 * one['judge_flips']:.1f} %",
        ]
        for one in found["decoders"]
    ]  # fmt: skip
    steps = next((one["steps"] for one in found["decoders"] if "steps" in one), 0)
    return (
        markdown_table(header, rows)
        + f"\nOf decode(E(x)) of {found['faces']} faces of {found['split']}, speeds in batches of "
        f"{found['batch']} beside the shipped decoder's. The others were trained for {steps} steps "
        f"on the codes of {found['learned_from']} faces, without a critic; the shipped one far "
        "longer. Multiply-adds are the network's as it is written, and those that are done. "
        "Fréchet distance: in the judge's features. The judge differs by: the mean distance of its "
        "probabilities from those of the photographs; flips: the share that crosses a half. A "
        "decoder that is no better than the components alone learnt nothing at this rate: its "
        "row says nothing of its size.\n"
    )

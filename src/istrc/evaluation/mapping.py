"""The ablation of the mapping (paper sections 3.3, 5.2): which of its choices matter, by how much.

The paper says that convolutions "never descend", that the generator's input space has "so high" a
loss that it was given up, and that five connected layers with BatchNorm and tanh "work pretty
great". Here every one of those is trained on the same faces for as many steps, and judged by what
it is for: the picture, and what the recogniser sees in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.errors import InputError
from istrc.evaluation import metrics
from istrc.evaluation.embedding import Progress, silent
from istrc.evaluation.mapping_spaces import BATCH, Spaces, chosen_rows, make_spaces
from istrc.evaluation.mapping_variants import (
    VARIANTS,
    Variant,
    explained_variance,
    train_variant,
)
from istrc.evaluation.results import markdown_table, plain, write_text
from istrc.models.began import Generator
from istrc.training.mapping import code_weights

MEASURES = ("explained_tune", "explained_valid", "psnr", "angle")


def choose_variants(only: Sequence[str]) -> tuple[Variant, ...]:
    """The variants of these names; all of them for none. Raises InputError for an unknown one."""
    known = {variant.name: variant for variant in VARIANTS}
    for name in only:
        if name not in known:
            raise InputError(f"--only {name}: no such variant; give one of {', '.join(known)}")
    return tuple(known[name] for name in only) if only else VARIANTS


@torch.inference_mode()
def picture_measures(
    circle: Any,
    z: torch.Tensor,  # (N, D), of the faces
    face: Callable[[int, int], torch.Tensor],  # (start, stop) -> the faces themselves
    rebuild: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],  # (z, x) -> rebuilt faces
) -> dict[str, float]:
    """PSNR of rebuilt faces in dB, and the angle from z to where they embed again, radians."""
    closeness, angles = [], []
    for start in range(0, len(z), BATCH):
        few = z[start : start + BATCH]
        x = face(start, start + len(few))
        y = to_tensor(to_pixels(rebuild(few, x)))
        closeness.append(metrics.psnr(x, y))
        angles.append(sphere.angle(circle.embed(y).float().cpu(), few))
    return {"psnr": float(torch.cat(closeness).mean()), "angle": float(torch.cat(angles).mean())}


def evaluate_mapping(
    *,
    circle: Any,
    prepared: Prepared,
    out: str | Path,  # run folder: the shared spaces, and one JSON file a finished variant
    generator: Generator | None = None,  # BEGAN's G; without it its input space is left out
    only: Sequence[str] = (),  # names of variants
    steps: int = 2000,  # batches, for each variant alike
    batch_size: int = 512,
    faces: int = 20_000,  # to learn from, at most
    held: int = 1000,  # to choose the best step on, and to report on, at most
    width: int = 512,  # of connected layers
    rate: float = 1e-3,
    l2: float = 1e-5,
    seeds: int = 1,  # trainings of each variant
    seed: int = 0,  # the first of them
    progress: Progress = silent,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Every variant on equal budgets; one that was finished before, with these settings, is read.

    The best step of a training is chosen on the tune part; `explained_valid` (of the standardised
    code, each coordinate weighed by what it does to the picture, or of u), `psnr` (dB) and `angle`
    (radians between z and what is seen in the rebuilt face) are of valid faces. The generator's
    input is only known for faces that it made, so a variant of target `input` learns from those
    and `explained` is of those; `psnr` and `angle` are of real faces like the others', and
    `psnr_generated` and `angle_generated` of its own kind.

    `references`: decode(E(x)), which no mapping passes; decode(mean h), which knows nothing of the
    face; and the circle's own F.
    """
    out = Path(out)
    variants = choose_variants(only)
    left_out = []
    if generator is None:
        left_out = [variant.name for variant in variants if variant.target == "input"]
        variants = tuple(variant for variant in variants if variant.target == "code")
        if not variants:
            raise InputError(f"--only {', '.join(left_out)}: needs --generator FOLDER")
    common = dict(faces=faces, held=held, seed=seed)
    say("embedding and encoding faces ...")
    spaces = make_spaces(
        circle, prepared, generator, **common, file=out / "spaces.safetensors", progress=progress
    )
    rows = chosen_rows(prepared, **common)["valid"]
    weights = _weights(circle, spaces.tensors["fit_code"])

    def real(start: int, stop: int) -> torch.Tensor:
        return prepared.batch(rows[start:stop])

    budget = dict(steps=steps, batch_size=batch_size, width=width, rate=rate, l2=l2)
    place = getattr(circle, "device", torch.device("cpu"))
    found: dict[str, list[dict[str, Any]]] = {}
    done, total = 0, len(variants) * seeds * steps
    for variant in variants:
        for number in range(seed, seed + seeds):
            settings = plain({**vars(variant), **budget, "seed": number, "spaces": spaces.key})
            file = out / f"{variant.name}-seed{number}.json"
            one = _read(file, settings)
            if one is None:
                say(f"training {variant.name}, seed {number} ...")
                before, weighed = done, weights if variant.target == "code" else None
                trained = train_variant(
                    variant,
                    *(
                        _moved(spaces.pairs(part, variant.target), place)
                        for part in ("fit", "tune")
                    ),
                    **budget,
                    seed=number,
                    weights=None if weighed is None else weighed.to(place),
                    progress=lambda step, before=before: progress(before + step, total),
                )
                one = _measured(circle, generator, spaces, variant, trained, real, weighed)
                write_text(file, json.dumps(plain({**one, "settings": settings}), indent=2) + "\n")
                one = _read(file, settings)  # rounded alike, whether read or made
            found.setdefault(variant.name, []).append(one)
            done += steps
            progress(done, total)
    return {
        "variants": {
            variant.name: {**vars(variant), **_over_seeds(found[variant.name])}
            for variant in variants
        },
        "references": _references(circle, spaces, real),
        "left_out": left_out,
        "budget": budget,
        "faces": len(spaces.tensors["fit_z"]),
        "held": len(rows),
        "seeds": list(range(seed, seed + seeds)),
        "weights": spaces.key["circle"],
        "generator": spaces.key["generator"],
    }


def _weights(circle: Any, h: torch.Tensor) -> torch.Tensor | None:
    """What coordinates of the code count, as `train_mapping` has it; None: all alike."""
    if not hasattr(circle, "autoencoder"):
        return None
    spread = h.std(0).clamp(min=1e-4)
    return code_weights(circle.autoencoder, h, spread).cpu()


def _measured(circle, generator, spaces: Spaces, variant: Variant, trained, real, weights):
    net = trained.net.cpu()
    z, target = spaces.pairs("valid", variant.target)
    one = {
        "explained_tune": trained.explained,
        "explained_valid": explained_variance(net, z, target, weights),
        "best_step": trained.step,
        "seconds": trained.seconds,
        "parameters": sum(p.numel() for p in net.parameters()),
    }
    if variant.target == "code":

        def rebuild(z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
            return circle.decode_code(net(z))

        return one | picture_measures(circle, z, real, rebuild)
    device = next(generator.parameters()).device

    def generate(z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        return generator(net(z).clamp(-1, 1).to(device)).clamp(-1, 1).cpu()

    def generated(start: int, stop: int) -> torch.Tensor:
        return generator(target[start:stop].to(device)).clamp(-1, 1).cpu()

    own = picture_measures(circle, z, generated, generate)
    one |= {f"{key}_generated": value for key, value in own.items()}
    return one | picture_measures(circle, spaces.tensors["valid_z"], real, generate)


def _references(circle, spaces: Spaces, real) -> dict[str, dict[str, float]]:
    mean = spaces.tensors["fit_code"].mean(0, keepdim=True)
    ways = {
        "auto_encoder": lambda z, x: circle.decode_code(circle.encode(x)),
        "mean_code": lambda z, x: circle.decode_code(mean).expand(len(x), -1, -1, -1),
        "own_mapping": lambda z, x: circle.decode(z),
    }
    z = spaces.tensors["valid_z"]
    return {way: picture_measures(circle, z, real, rebuild) for way, rebuild in ways.items()}


def _moved(pair, place):
    return tuple(tensor.to(place) for tensor in pair)


def _read(file: Path, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """A variant that was finished with these settings, or None."""
    try:
        kept = json.loads(file.read_text())
        return kept if kept.pop("settings") == settings else None
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _over_seeds(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the seeds, standard deviations as NAME_std where there are several."""
    found: dict[str, Any] = {}
    for key in runs[0]:
        values = [np.nan if run[key] is None else run[key] for run in runs]
        found[key] = float(np.mean(values))
        if len(runs) > 1 and key in MEASURES:
            found[f"{key}_std"] = float(np.std(values, ddof=1))
    return found


def mapping_markdown(found: Mapping[str, Any]) -> str:
    """One row a variant, then the references."""
    header = ["variant", "layers", "weights", "explained, tune", "explained, valid", "PSNR, dB"]
    header += ["angle, rad", "s"]
    rows = []
    for name, one in found["variants"].items():
        row = [name, one["layers"], int(one["parameters"]), *(one[key] for key in MEASURES)]
        rows.append([*row, round(one["seconds"])])
    for name, one in found["references"].items():
        rows.append([name.replace("_", " "), *[None] * 4, one["psnr"], one["angle"], None])
    budget = found["budget"]
    return (
        f"{markdown_table(header, rows)}\nEach variant: {budget['steps']} steps of "
        f"{budget['batch_size']} of {found['faces']} faces, seeds {found['seeds']}; reported on "
        f"{found['held']} valid faces of people that nothing was trained on.\n"
    )

"""Do averages of many faces become one face (paper section 4.2)?

The paper says so of a generator's input space for n > 60, since the mean of n uniform or Gaussian
vectors comes ever nearer to 0, and says that on the sphere "the average face will never not be the
same person". Here: averages of disjoint random groups, and how far they are from one another,
looked at in pictures, for an average in any space is a picture in the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.errors import InputError
from istrc.evaluation.embedding import (
    Progress,
    drawn_rows,
    embed_rows,
    frechet_means,
    precise,
    silent,
)
from istrc.evaluation.results import circle_checksum, markdown_table, weights_checksum
from istrc.models.began import Generator
from istrc.models.store import load_part

SIZES = (1, 2, 4, 8, 16, 32, 64, 100)  # faces in an average; 1 is what single faces differ by
WAYS = {
    "sphere": "Fréchet mean on the sphere, decode(F(m))",
    "plain": "plain mean of z, not put back, decode(F(m))",
    "generator": "mean of u, G(m)",
    "generator_shell": "mean of u scaled back to the length of a u, G(m)",
    "sphere_of_generated": "Fréchet mean of the same generated faces, decode(F(m))",
}


def load_generator(folder: str | Path) -> Generator:
    """BEGAN's generator: its own folder, or a run folder of `istrc train began`.

    A run that has not ended has only a checkpoint, and that is read.
    """
    folder = Path(folder)
    for place in (folder, folder / "generator"):
        try:
            kind = json.loads((place / "config.json").read_text())["kind"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if kind == "Generator":
            return load_part(place)
    if (folder / "checkpoint.safetensors").is_file():
        return _from_checkpoint(folder)
    raise InputError(f"{folder}: no generator here; give the run folder of `istrc train began`")


def _from_checkpoint(folder: Path) -> Generator:
    from safetensors import SafetensorError, safe_open

    prefix = "module/generator/"
    try:
        with safe_open(folder / "checkpoint.safetensors", framework="pt") as file:
            arguments = json.loads(file.metadata()["istrc"])["config"]["generator"]
            tensors = {
                name[len(prefix) :]: file.get_tensor(name)
                for name in file.keys()
                if name.startswith(prefix)
            }
        generator = Generator(
            **{k: tuple(v) if isinstance(v, list) else v for k, v in arguments.items()}
        )
        generator.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{folder}/checkpoint.safetensors: holds no generator of this version ({reason})"
        ) from None
    return generator.eval().requires_grad_(False)


def shell(u: torch.Tensor, code: int) -> torch.Tensor:
    """Means u (B, U) scaled to the root mean square length of a uniform u: sqrt(U / 3)."""
    return u * (code / 3) ** 0.5 / u.norm(dim=1, keepdim=True).clamp(min=1e-12)


def apart(points: torch.Tensor, distance: Callable) -> float:
    """The mean distance of all pairs of `points` (K, ...); NaN for fewer than two."""
    pairs = list(combinations(range(len(points)), 2))
    if not pairs:
        return float("nan")
    return float(np.mean([float(distance(points[i], points[j])) for i, j in pairs]))


@torch.inference_mode()
def evaluate_averages(
    *,
    circle: Any,
    prepared: Prepared,
    generator: Generator | None = None,  # BEGAN's G; without it only the sphere is measured
    split: str = "valid",
    sizes: Sequence[int] = SIZES,  # faces in an average
    groups: int = 20,  # averages of each size, of disjoint random groups
    second: Any = None,  # dlib's recogniser, which took no part in any of it
    limit: int | None = None,  # only so many faces to choose from
    progress: Progress = silent,
    seed: int = 0,
) -> dict[str, Any]:
    """How far averages are apart: radians between their pictures embedded again, and pixels.

    Groups are random, with no structure in them. The pictures are rounded to 8 bits and embedded
    by the circle's own recogniser (`angle`, radians) and by `second` (`second`, its Euclidean
    distance); `pixels` is the mean absolute difference in levels of 0..255. `groups` that have no
    single mean on the sphere are left out of it. `left` is each of
    them over its value for single faces (n = 1), since a generator's faces differ less to begin
    with. With fewer faces than groups * n there are fewer groups; sizes with fewer than two are
    left out.

    `ratio` is sphere over generator at the largest n that was measured.
    """
    rows = np.random.default_rng([seed, 1]).permutation(drawn_rows(prepared, split, limit, seed))
    sizes = sorted({1, *sizes})
    sizes = [n for n in sizes if len(rows) // n >= 2]
    if len(sizes) < 2:
        raise InputError(f"averages need at least 4 faces to choose from, not {len(rows)}")
    counts = {n: min(groups, len(rows) // n) for n in sizes}
    pool = max(n * count for n, count in counts.items())
    z = precise(embed_rows(circle, prepared, rows[:pool]))
    u = made = None
    if generator is not None:
        source = torch.Generator().manual_seed(seed)
        u = torch.rand(pool, generator.code, generator=source) * 2 - 1
        parts = [_generated_z(circle, generator, part) for part in u.split(128)]
        made = precise(torch.cat(parts))

    found: dict[str, dict[str, Any]] = {}
    for number, n in enumerate(sizes):
        for way, x in _averages(circle, generator, z, u, made, n, counts[n]).items():
            x = to_tensor(to_pixels(x))
            one = {
                "angle": apart(circle.embed(x).cpu().double(), sphere.angle),
                "pixels": apart(x, lambda a, b: (a - b).abs().mean() * 127.5),
            }
            if second is not None:
                descriptors = torch.from_numpy(second.describe(x))
                one["second"] = apart(descriptors, lambda a, b: (a - b).norm())
            found.setdefault(way, {})[str(n)] = {**one, "groups": len(x)}
        progress(number + 1, len(sizes))
    for by_size in found.values():
        single = by_size["1"]
        for one in by_size.values():
            one["left"] = {
                key: one[key] / single[key] if single[key] else float("nan")
                for key in ("angle", "pixels", "second")
                if key in one
            }
    last = str(sizes[-1])
    results = {
        "ways": found,
        "largest": sizes[-1],
        "ratio": None,
        "split": split,
        "faces": len(rows),
        "seed": seed,
        "second_recogniser": getattr(second, "name", None),
        "weights": circle_checksum(circle),
    }
    if generator is not None:
        results["generator"] = weights_checksum(generator)
        results["ratio"] = {
            against: {
                key: _ratio(found["sphere"][last][key], found[against][last][key])
                for key in ("angle", "pixels", "second")
                if key in found["sphere"][last]
            }
            for against in ("generator", "generator_shell")
        }
    return results


def _averages(circle, generator, z, u, made, n: int, count: int) -> dict[str, torch.Tensor]:
    """The pictures of `count` averages of `n` faces each, (count, 3, S, S), by way.

    Fewer on the sphere where points are so spread that they have no single mean.
    """

    def grouped(points: torch.Tensor) -> torch.Tensor:  # (count, n, ...)
        return points[: n * count].view(count, n, -1)

    pictures = {
        "sphere": circle.decode(_frechet(grouped(z))),
        "plain": circle.decode(grouped(z).mean(1).float()),
    }
    if generator is not None:
        mean = grouped(u).mean(1)
        pictures["generator"] = _generate(generator, mean)
        pictures["generator_shell"] = _generate(generator, shell(mean, generator.code))
        pictures["sphere_of_generated"] = circle.decode(_frechet(grouped(made)))
    return pictures


def _frechet(groups: torch.Tensor) -> torch.Tensor:
    """The Fréchet means of groups (K, n, D) that have one: (at most K, D) float32."""
    means, _ = frechet_means(groups)
    if not len(means):
        raise InputError(
            f"no group of {groups.shape[1]} faces has a single mean on this sphere: its faces lie "
            "all round it; give smaller --sizes"
        )
    return means.float()


def _generate(generator: Generator, u: torch.Tensor) -> torch.Tensor:
    return generator(u.to(next(generator.parameters()).device)).clamp(-1, 1)


def _generated_z(circle: Any, generator: Generator, u: torch.Tensor) -> torch.Tensor:
    return circle.embed(_generate(generator, u)).float().cpu()


def _ratio(a: float, b: float) -> float:
    return a / b if b else float("nan")


def averages_markdown(found: Mapping[str, Any]) -> str:
    """One row a way and size."""
    header = [
        "average",
        "faces",
        "angle apart, rad",
        "left of single faces'",
        "levels apart",
        "left",
    ]
    asked = found["second_recogniser"] is not None
    header += ["dlib apart", "left"] if asked else []
    rows = []
    for way, by_size in found["ways"].items():
        for n, one in by_size.items():
            row = [WAYS[way], n, one["angle"], one["left"]["angle"]]
            row += [one["pixels"], one["left"]["pixels"]]
            row += [one["second"], one["left"]["second"]] if asked else []
            rows.append(row)
    text = markdown_table(header, rows)
    if found["ratio"]:
        for against, by_key in found["ratio"].items():
            said = ", ".join(
                f"{key} {value:.2f}" for key, value in by_key.items() if value is not None
            )
            text += (
                f"\nSphere over {against.replace('_', ', ')} at n = {found['largest']}: {said}.\n"
            )
    return text

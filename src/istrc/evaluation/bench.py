"""`istrc bench`: how fast and how light it is, beside the paper's section 6.1.

And beside a plain reading of the paper (istrc.evaluation.plain), timed in the same run. What the
parts take to train the record of their training says (studies/training.py), what an edit takes of
each peer `istrc evaluate editing --peers`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from istrc import sphere
from istrc.attributes import TRANSFORMATIONS
from istrc.data.prepared import Prepared, to_pixels
from istrc.edit import constraints
from istrc.edit import walk as walking
from istrc.errors import IstrcError
from istrc.evaluation import plain
from istrc.evaluation.machine import Clock, installed, machine, peak_mb, size_of
from istrc.photo.write import write_picture
from istrc.shape.crop import CROP, CROP_SIDE, FRAME_SIZE
from istrc.shipped import folder_of

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
BATCHES = (1, 16, 256)
# The paper's ten: its beard and mustache are one, and makeup is not among them
TEN = tuple(name for name in TRANSFORMATIONS if name not in ("mustache", "makeup"))
STEPS, PICTURES = 500, 10  # of each walk; pictures evenly spaced
NEVER = 1e3  # logits, that no walk arrives before its last step
MEGAPIXELS = 12


def bench(
    circle: Any,
    *,
    model: str,  # as new processes find it: a shipped name or a folder
    prepared: Prepared | None = None,  # whose faces; none: drawn from the model
    quick: bool = False,  # smaller samples and fewer runs, under a minute on two idle cores
    steps: int = STEPS,  # of each walk
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measure; the numbers that scripts ask for stand at the top."""
    clock = Clock(circle.device, runs=3 if quick else 7, budget=0.4 if quick else 5.0)
    batches: tuple[int, ...] = (1, 16, 64) if quick else BATCHES
    if circle.device.type == "cuda":
        batches = (*batches, 4096)  # what fills it
    x = faces_for(circle, prepared, batches[-1])
    found: dict[str, Any] = {"quick": quick, "machine": machine(circle.device)}
    found["data"] = "drawn" if prepared is None else prepared.info.get("source")

    say("bench: the stages ...")
    found["stages"] = time_stages(circle, x, clock, batches)
    few = x[: 4 if quick else 16]
    plainly = len(few) / clock.seconds(lambda: plain.reconstruct(circle, few))
    rebuilt = {p: last(one["rebuild"]) for p, one in found["stages"].items()}
    best = max(rebuilt, key=lambda precision: rebuilt[precision])

    say("bench: ten walks ...")
    sample = 10 if quick else 25
    found["walks"] = time_walks(circle, circle.embed(x[:1]), clock, best, steps, sample)

    say("bench: photographs, each in a process of its own ...")
    with tempfile.TemporaryDirectory() as folder:
        attribute = found["walks"]["attributes"][0]
        large = time_edit(model, *portrait(circle, Path(folder), MEGAPIXELS), attribute)
        small = portrait(circle, Path(folder), 0.25)
        starts = [time_edit(model, *small, attribute) for _ in range(1 if quick else 5)]
    return {
        "walk_10x500_s": found["walks"]["s"],
        "walk_10x500_speedup_vs_plain": found["walks"]["speedup_vs_plain"],
        "rebuild_faces_per_s": rebuilt[best],
        "rebuild_precision": best,
        "rebuild_float32_faces_per_s": rebuilt["float32"],
        "rebuild_speedup_vs_plain": rebuilt[best] / plainly,
        "embed_faces_per_s": last(found["stages"][best]["embed"]),
        "decode_faces_per_s": last(found["stages"][best]["decode"]),
        "cold_start_s": median(one["process_s"] for one in starts),
        "photo_12mp_s": large["s"],
        "peak_memory_mb": large["peak_mb"],
        "installed_size_mb": sum(installed().values()),
        "weights_size_mb": size_of(folder_of(model)),
        **found,
    }


def faces_for(circle: Any, prepared: Prepared | None, count: int) -> torch.Tensor:
    """Faces (count, 3, S, S): a prepared folder's valid ones, over again if few; or drawn.

    How fast a network is does not depend on what it sees, so that drawn ones will do.
    """
    if prepared is not None:
        return prepared.batch(np.resize(prepared.rows("valid"), count)).to(circle.device)
    random = torch.Generator().manual_seed(0)
    code = torch.randn(count, circle.mapping.code, generator=random).to(circle.device)
    return circle.decode_code(circle.mapping.mean + 0.7 * circle.mapping.spread * code)


def stages(circle: Any, x: torch.Tensor) -> dict[str, Callable[[], torch.Tensor]]:
    """The stages by name, each of these faces x (B, 3, S, S).

    embed:   x -> z            map:     z -> c = F(z)
    encode:  x -> c = E(x)     decode:  c -> x'
    rebuild: x -> decode(F(z)), the paper's circle
    change:  x, z, z' -> the picture's own pixels, edited (mode photo)
    """
    z, c = circle.embed(x), circle.encode(x)
    z2 = sphere.step(z, torch.ones_like(z), 0.3)
    return {
        "embed": lambda: circle.embed(x),
        "encode": lambda: circle.encode(x),
        "map": lambda: circle.map(z),
        "decode": lambda: circle.decode_code(c),
        "rebuild": lambda: circle.decode(circle.embed(x)),
        "change": lambda: circle.rebuild(x, z, z2),
    }


def time_stages(
    circle: Any,
    x: torch.Tensor,  # (B, 3, S, S), as many as the largest batch
    clock: Clock,
    batches: tuple[int, ...] = BATCHES,
) -> dict[str, Any]:
    """Faces a second of every stage, precision and batch; `difference` is the largest from float32
    of pictures in [-1, 1], embeddings or codes.
    """
    found: dict[str, Any] = {}
    few = stages(circle, x[:16])  # what goes in is of single precision
    exact = {name: work() for name, work in few.items()}
    for precision, kind in PRECISIONS.items():
        with computing_in(circle, precision):
            found[precision] = {name: {"faces_per_s": {}} for name in few}
            for batch in batches:
                for name, work in stages(circle, x[:batch]).items():
                    seconds = clock.seconds(work)
                    found[precision][name]["faces_per_s"][str(batch)] = batch / seconds
            for name, work in few.items() if kind != torch.float32 else ():
                apart = (work().float() - exact[name].float()).abs()
                found[precision][name]["difference"] = apart.max().item()
    return found


@contextmanager
def computing_in(circle: Any, precision: str) -> Iterator[None]:
    """A circle's networks compute in this precision, for as long."""
    kept, circle.precision = circle.precision, PRECISIONS[precision]
    try:
        yield
    finally:
        circle.precision = kept


def last(stage: dict[str, Any]) -> float:
    """Faces a second of a stage's largest batch."""
    return list(stage["faces_per_s"].values())[-1]


def names_for(circle: Any, count: int = 10) -> list[str]:
    """The attributes that are walked: the paper's ten, or of those that there are the first."""
    known = circle.attributes.names
    return list(dict.fromkeys([*(name for name in TEN if name in known), *known]))[:count]


def long_walks(circle: Any, z: torch.Tensor, names: list[str], steps: int) -> torch.Tensor:
    """All walks of z (B, D) in one batch, none of which ends early: points (T+1, E, B, D).

    They hold what every edit holds (istrc.edit.constraints), which the paper's do not.
    """
    column, known = circle.classifiers.names.index, circle.attributes.names
    edits = [
        ([column(name)], [column(one) for one in constraints.preserved([name]) if one in known])
        for name in names
    ]
    wanted = [z.new_full((len(z), 1), NEVER) for _ in names]
    how: dict[str, Any] = dict(step=circle.bound / steps, bound=torch.pi, steps=steps)
    with torch.inference_mode():
        walks = walking.walk_each(z, circle.classifiers, wanted, edits, metric="data", **how)
        return torch.stack([one.points for one in walks], 1)


def pictures(circle: Any, points: torch.Tensor, count: int = PICTURES) -> torch.Tensor:
    """Pictures of `count` points (T+1, ..., D), evenly spaced after the first."""
    end = len(points) - 1
    points = points[torch.linspace(end / count, end, count).round().long()]
    return circle.decode(points.reshape(-1, points.shape[-1]))


def time_walks(
    circle: Any,
    z: torch.Tensor,  # (1, D)
    clock: Clock,
    precision: str,  # of the networks that draw; the plain reading draws in single precision
    steps: int,  # of each walk
    sample: int,  # steps of one attribute that the plain reading is timed on
) -> dict[str, Any]:
    """Seconds of the ten walks with their pictures; the plain reading draws one a step, too."""
    names = names_for(circle)
    points = long_walks(circle, z, names, steps)
    walked = clock.seconds(lambda: long_walks(circle, z, names, steps))
    with computing_in(circle, precision):
        drawn = clock.seconds(lambda: pictures(circle, points))
    ours = walked + drawn

    # A fraction of the plain reading's steps: each costs what every other costs
    length, classifier = circle.bound / steps, plain.Classifier(circle.attributes, names[0])
    one = clock.seconds(lambda: plain.walk(z, classifier, 1.0, sample, length)) / sample
    with_picture = clock.seconds(lambda: plain.transform(circle, z, classifier, sample, length))
    picture = with_picture / sample - one
    return {
        "attributes": names,
        "steps": steps,
        "pictures_each": PICTURES,
        "plain_projected_from_steps": sample,
        "s": ours,
        "walks_s": walked,
        "pictures_s": drawn,
        "speedup_vs_plain": (one + picture) * steps * len(names) / ours,
        "speedup_same_pictures": (one * steps + picture * PICTURES) * len(names) / ours,
    }


def portrait(circle: Any, folder: Path, megapixels: float) -> tuple[Path, bool]:
    """A photograph of so many pixels in the folder, and whether it is an aligned face.

    scikit-image's (Eileen Collins, photographed by NASA: public domain) scaled up, where it is
    installed; or else a face of the model's own in CelebA's frame, in which none has to be found.
    """
    from PIL import Image

    try:
        from skimage.data import astronaut

        picture, aligned = Image.fromarray(astronaut()), False
    except ImportError:
        crop = Image.fromarray(to_pixels(faces_for(circle, None, 1))[0])
        picture, aligned = Image.new("RGB", FRAME_SIZE, (128, 128, 128)), True
        picture.paste(crop.resize((CROP_SIDE, CROP_SIDE)), CROP[:2])
    scale = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    size = (round(picture.width * scale), round(picture.height * scale))
    path = folder / f"portrait-{megapixels:g}.jpg"
    write_picture(None, np.asarray(picture.resize(size, Image.Resampling.BICUBIC)), path)
    return path, aligned


def time_edit(model: str, photograph: Path, aligned: bool, attribute: str) -> dict[str, Any]:
    """`istrc edit` in a new process: `process_s` from its start to its end, `s` of them to read,
    edit and write the photograph, and the most memory that it took, MB.
    """
    out = photograph.with_name("edited.jpg")
    command = ["edit", str(photograph), "-a", attribute, "-o", str(out), "--model", model, "--json"]
    command += ["--aligned"] if aligned else []
    started, peak = time.perf_counter(), None
    with subprocess.Popen(
        [sys.executable, "-m", "istrc", *command], stdout=subprocess.PIPE, text=True
    ) as process:
        while process.poll() is None:
            peak = peak_mb(process.pid) or peak
            time.sleep(0.005)
        took = time.perf_counter() - started
        output = process.communicate()[0]
    if process.returncode:
        raise IstrcError(f"istrc {' '.join(command)}: failed in a process of its own; see above")
    return {"process_s": took, "s": json.loads(output)["results"][0]["seconds"], "peak_mb": peak}

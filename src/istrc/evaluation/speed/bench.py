"""`istrc bench`: everything that the paper's section 6.1 claims, measured in one run."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import istrc
from istrc.data.prepared import Prepared
from istrc.evaluation.speed import learning, photograph, rivals, stages, walks
from istrc.evaluation.speed.faces import faces_for
from istrc.evaluation.speed.machine import Clock, installed, machine, size_of

# What the paper tells of its own times and sizes, all in its section 6.1
PAPER = {
    "rebuild_faces_per_s": 100.0,
    "walk_10x500_s": 25.0,
    "mapping_train_s": 2 * 3600.0,
    "attributes_train_s": 3 * 3600.0,
}
PARTS = 8  # of what is measured, for the progress


def bench(
    circle: Any,
    *,
    model: str,  # as new processes find it: a shipped name or a folder
    prepared: Prepared | None = None,
    quick: bool = False,
    steps: int = walks.STEPS,  # of each walk
    faces: int | None = None,  # whose embeddings are trained on; 50,000, or 10,000 if quick
    progress: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Measure; see docs/bench.md for what each number means.

    Args:
        quick: smaller samples and fewer runs, under a minute on two idle cores.
    """
    clock = Clock(circle.device, runs=3 if quick else 7, budget=0.4 if quick else 5.0)
    batches: tuple[int, ...] = (1, 16, 64) if quick else stages.BATCHES
    if circle.device.type == "cuda":
        batches = (*batches, 4096)  # what fills it
    found: dict[str, Any] = {"quick": quick, "size": circle.size}
    done = 0

    def part(name: str) -> None:
        nonlocal done
        progress(done, PARTS)
        say(f"bench: {name} ...")
        done += 1

    part("the stages")
    found["machine"] = machine(circle.device)
    x = faces_for(circle, prepared, batches[-1])
    found["data"] = "drawn" if prepared is None else prepared.info.get("source")
    found["stages"] = stages.time_stages(circle, x, clock, batches, say)
    found["plain_faces_per_s"] = stages.time_plain(circle, x[: 4 if quick else 16], clock)

    part("ten walks of 500 steps")
    z = circle.embed(x[:1])
    found["walks"] = walks.time_walks(
        circle, z, clock, steps=steps, sample=10 if quick else 25, all_pictures=not quick,
        precision=stages.faster(found["stages"]),
    )  # fmt: skip
    names = found["walks"]["attributes"]

    part("the peers")
    found["edits"] = rivals.time_rivals(
        circle,
        x[: 2 if quick else 8],
        clock,
        attribute="smile" if "smile" in names else names[0],
        prepared=prepared,
        pool=40 if quick else 500,
    )

    part("training")
    found["training"] = learning.time_training(
        circle,
        clock,
        prepared=prepared,
        faces=faces or (10_000 if quick else 50_000),
        sample=12 if quick else 100,
    )

    with tempfile.TemporaryDirectory() as folder:
        part("a photograph of twelve megapixels")
        attribute = found["edits"]["attribute"]
        large, aligned = photograph.portrait(circle, Path(folder), photograph.MEGAPIXELS)
        found["photograph"] = photograph.time_photograph(model, large, attribute, aligned)
        found["photograph"]["aligned"] = aligned  # and so nothing was detected

        part("cold start")
        small, aligned = photograph.portrait(circle, Path(folder), 0.25)
        found["cold_starts_s"] = [
            photograph.time_cold_start(model, small, attribute, aligned)
            for _ in range(1 if quick else 5)
        ]

    part("sizes")
    sizes = installed()
    weights = Path(istrc.__file__).parent / "weights"
    own = weights / model if (weights / model / "circle.json").exists() else Path(model)
    found["installed_mb"] = sizes
    found["weights_size_mb"] = size_of(own) if own.is_dir() else None

    progress(PARTS, PARTS)
    return {**headlines(found), **found}


def headlines(found: dict[str, Any]) -> dict[str, Any]:
    """The numbers at the top of the file, made of the parts."""
    best, speed = stages.faster(found["stages"]), stages.speed
    rebuilt = {p: speed(one["rebuild"]) for p, one in found["stages"].items()}
    quickest, seconds = found["stages"][best], found["edits"]["s"]
    on_ours = seconds.get("dfi")
    return {
        "walk_10x500_s": found["walks"]["s"],
        "walk_10x500_speedup_vs_plain": found["walks"]["speedup_vs_plain"],
        "rebuild_faces_per_s": rebuilt[best],
        "rebuild_precision": best,
        "rebuild_float32_faces_per_s": rebuilt["float32"],
        "rebuild_speedup_vs_plain": rebuilt[best] / found["plain_faces_per_s"]["rebuild"],
        "embed_faces_per_s": speed(quickest["embed"]),
        "decode_faces_per_s": speed(quickest["decode"]),
        "attributes_train_s": found["training"]["attributes"]["s"],
        "mapping_train_s": found["training"]["mapping"]["s"],
        "cold_start_s": median(found["cold_starts_s"]),
        "photo_12mp_s": found["photograph"]["s"],
        "edit_speedup_vs_dfi_on_our_maps": None if on_ours is None else on_ours / seconds["ours"],
        "edit_speedup_vs_boundary": seconds["boundary"] / seconds["ours"],
        "peak_memory_mb": found["photograph"]["peak_mb"],
        "installed_size_mb": sum(found["installed_mb"].values()),
    }

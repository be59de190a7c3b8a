"""docs/bench.md, from what `bench` found: ratios first, and absolute times with the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from istrc.evaluation.bench import PAPER
from istrc.evaluation.results import markdown_table


def amount(value: float | None, unit: str = "") -> str:
    """Three digits that count, and the unit: 0.0412 s, 1,230 /s."""
    if value is None:
        return "-"
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".strip()


def page(found: Mapping[str, Any]) -> str:
    """The whole page."""
    machine, walks, best = found["machine"], found["walks"], found["rebuild_precision"]
    ten = f"10 transformations x {walks['steps']} steps"
    ratios = [
        [f"faces rebuilt, decode(F(z)) of pictures, {best}",
         found["rebuild_faces_per_s"] / PAPER["rebuild_faces_per_s"],
         found["rebuild_speedup_vs_plain"]],
        [f"{ten}, {walks['pictures_each']} pictures of each; the plain reading draws every step",
         PAPER["walk_10x500_s"] / walks["s"], walks["speedup_vs_plain"]],
        ["... where it draws as few", None, walks["speedup_same_pictures"]],
    ]  # fmt: skip
    stages = [
        [f"{name}, {precision}", *map(amount, one["faces_per_s"].values()),
         amount(one.get("difference"))]
        for precision, parts in found["stages"].items() for name, one in parts.items()
    ]  # fmt: skip
    batches = found["stages"]["float32"]["rebuild"]["faces_per_s"]
    here = {
        f"{ten}, {walks['pictures_each']} pictures of each": (walks["s"], "s"),
        "... the walks alone": (walks["walks_s"], "s"),
        "cold start: `istrc edit` from its start to its end": (found["cold_start_s"], "s"),
        "12 megapixels: read, edited and written": (found["photo_12mp_s"], "s"),
        "... peak of memory of that process": (found["peak_memory_mb"], "MB"),
        "installed, with all that is required": (found["installed_size_mb"], "MB"),
        "weights": (found["weights_size_mb"], "MB"),
    }
    memory = f"{machine['memory_gb']} GiB, " if machine["memory_gb"] else ""
    where = machine.get("gpu") or f"{machine['cpu']}, {machine['cores']} cores"
    load = "" if "load" not in machine else f", load before the run {machine['load']}"
    lines = [
        "# Faster and lighter, measured",
        "`istrc bench --json results/bench.json --markdown docs/bench.md` makes this page"
        + (", here with `--quick`" if found["quick"] else "") + ".",
        "## Ratios",
        markdown_table(
            ["what", "the paper's", "a plain reading"],
            [[what, *(one and f"{amount(one)}x" for one in values)] for what, *values in ratios],
        ),
        "The paper's numbers are those of its section 6.1, on a GTX 1080 (rebuilding) "
        "and on a CPU (25 s for 500 steps and ten pictures): that column compares machines, too. "
        "The plain reading is one face, one attribute, one step and one picture at "
        "a time, with gradients by autograd (istrc.evaluation.plain), on this machine in this run; "
        f"its walks are projected from {walks['plain_projected_from_steps']} of their 5,000 "
        f"steps. Ours draws in {best}, and our walks do more than the paper's: they hold what an "
        "edit is not about.",
        "## Stages",
        markdown_table(["faces a second, at once", *batches, "differs by"], stages),
        "bfloat16 (`circle.precision = torch.bfloat16`) is a choice, float32 the default. "
        "`differs by` is the largest difference from float32 of pictures in [-1, 1], embeddings "
        "or codes.",
        f"## On {where}",
        f"{memory}{machine['threads']} threads, {machine['system']}, Python {machine['python']}, "
        f"torch {machine['torch']}{load}.",
        markdown_table(["measured", "here"], [[what, amount(*one)] for what, one in here.items()]),
    ]  # fmt: skip
    return "\n\n".join(line.strip() for line in lines) + "\n"


def headline(found: Mapping[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    return (
        f"10 x 500 steps in {amount(found['walk_10x500_s'], 's')}, "
        f"{amount(found['walk_10x500_speedup_vs_plain'])}x of a plain reading; "
        f"{amount(found['rebuild_faces_per_s'])} faces rebuilt a second "
        f"({found['rebuild_precision']})"
    )

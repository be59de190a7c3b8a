"""docs/bench.md, from what `bench` found: ratios first, and absolute times with the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from istrc.evaluation.results import markdown_table
from istrc.evaluation.speed.bench import PAPER


def amount(value: float | None, unit: str = "") -> str:
    """Three digits that count, and the unit: 0.0412 s, 1,230 /s."""
    if value is None:
        return "-"
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".strip()


def times(value: float | None) -> str:
    """A ratio, as `12x`."""
    return "-" if value is None else f"{amount(value)}x"


def share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"


def over(a: float | None, b: float | None) -> float | None:
    return None if a is None or not b else a / b


def ratios(found: Mapping[str, Any]) -> str:
    """What is faster than what."""
    walks, training = found["walks"], found["training"]
    best = found["rebuild_precision"]
    attributes, mapping = training["attributes"], training["mapping"]
    rows = [
        [f"faces rebuilt, decode(F(z)) of pictures, {best}",
         times(found["rebuild_faces_per_s"] / PAPER["rebuild_faces_per_s"]),
         times(found["rebuild_speedup_vs_plain"])],
        ["... in float32",
         times(found["rebuild_float32_faces_per_s"] / PAPER["rebuild_faces_per_s"]),
         times(found["rebuild_float32_faces_per_s"] / found["plain_faces_per_s"]["rebuild"])],
        [f"... the decoder alone, {best}", "-",
         times(found["decode_faces_per_s"] / found["plain_faces_per_s"]["decode"])],
        [f"10 transformations x {walks['steps']} steps, {walks['pictures_each']} pictures of each",
         times(PAPER["walk_10x500_s"] / walks["s"]), times(walks["speedup_vs_plain"])],
        ["... where the plain reading draws as few", "-",
         times(walks["speedup_same_pictures"])],
        ["... where both draw a picture of every step",
         times(PAPER["walk_10x500_s"] / walks["with_all_pictures_s"]),
         times(walks["speedup_all_pictures"])],
        ["training of all attributes' classifiers",
         times(over(PAPER["attributes_train_s"], attributes["s"])),
         times(over(attributes.get("plain_s"), attributes["s"]))],
        ["training of the mapping", times(over(PAPER["mapping_train_s"], mapping["s"])), "-"],
    ]  # fmt: skip
    return markdown_table(["what", "the paper's", "a plain reading"], rows)


def edits(found: Mapping[str, Any]) -> str:
    """An edit of one face by each method."""
    ours = found["edits"]["s"]["ours"]
    rows = [
        [name, times(seconds / ours), amount(1e3 * seconds, "ms")]
        for name, seconds in found["edits"]["s"].items()
    ]
    return markdown_table(["one edit of one face", "takes, of ours", "time"], rows)


def stages(found: Mapping[str, Any]) -> str:
    """Faces a second of every stage."""
    rows = []
    for precision, parts in found["stages"].items():
        for name, one in parts.items():
            difference = one.get("difference", {}).get("largest")
            rows.append(
                [f"{name}, {precision}", *map(amount, one["faces_per_s"].values()),
                 amount(one["multiply_adds_per_face"] / 1e6), amount(difference)]
            )  # fmt: skip
    batches = next(iter(found["stages"]["float32"].values()))["faces_per_s"]
    header = ["faces a second, at once", *batches, "million multiply-adds", "differs by"]
    return markdown_table(header, rows)


def absolute(found: Mapping[str, Any]) -> str:
    """Seconds and sizes; they mean nothing without the machine."""
    walks, photo = found["walks"], found["photograph"]
    rows = [
        [f"10 transformations x {walks['steps']} steps, {walks['pictures_each']} pictures of each",
         amount(walks["s"], "s")],
        ["... drawn in float32", amount(walks["float32_s"], "s")],
        ["... the walks, as every edit walks", amount(walks["walks_s"], "s")],
        ["... the walks, as the paper's", amount(walks["paper_walks_s"], "s")],
        ["... with a picture of every step", amount(walks["with_all_pictures_s"], "s")],
        ["... plain, with a picture of every step",
         amount(walks["plain"]["with_all_pictures_s"], "s")],
        ["classifiers trained", amount(found["attributes_train_s"], "s")],
        ["mapping trained", amount(found["mapping_train_s"], "s")],
        ["cold start: `istrc edit` from its start to its end", amount(found["cold_start_s"], "s")],
        ["12 megapixels: read, aligned, edited and written", amount(photo["s"], "s")],
        ["... read / edit / write",
         " / ".join(amount(photo[f"{p}_s"], "s") for p in ("read", "edit", "write"))],
        ["... another edit of it", amount(photo["another_edit_s"], "s")],
        ["peak of memory of that process", amount(found["peak_memory_mb"], "MB")],
        ["installed, with all that is required", amount(found["installed_size_mb"], "MB")],
        ["... the largest",
         ", ".join(f"{name} {amount(size)}" for name, size in
                   sorted(found["installed_mb"].items(), key=lambda one: -one[1])[:4])],
        ["weights", amount(found["weights_size_mb"], "MB")],
    ]  # fmt: skip
    return markdown_table(["measured", "here"], rows)


def page(found: Mapping[str, Any]) -> str:
    """The whole page."""
    machine = found["machine"]
    walks, training = found["walks"], found["training"]
    sampled = training["attributes"].get("projected_from_steps")
    memory = f"{machine['memory_gb']} GiB, " if machine["memory_gb"] else ""
    where = machine.get("gpu") or f"{machine['cpu']}, {machine['cores']} cores"
    load = "" if "load" not in machine else f", load before the run {machine['load']}"
    share_drawn = walks["all_pictures_projected_from"]
    drawn = "" if share_drawn == 1 else f" (projected from {share(share_drawn)} of them)"
    dfi = found["edits"].get("dfi")
    lines = [
        "# Faster and lighter, measured",
        "`istrc bench --json results/bench.json --markdown docs/bench.md` makes this page"
        + (", here with `--quick`" if found["quick"] else "") + ".",
        "## Ratios",
        ratios(found),
        "The paper's numbers are those of its section 6.1, on a GTX 1080 (rebuilding, training) "
        "and on a CPU (25 s for 500 steps and ten pictures): that column compares machines, too. "
        "The plain reading is one face, one attribute, one step and one picture at "
        "a time, with gradients by autograd (istrc.evaluation.plain), on this machine in this run; "
        f"its walks are projected from {walks['plain']['projected_from_steps']} of their 5,000 "
        f"steps. Ours draws {walks['pictures_each']} pictures of each walk, evenly spaced, in "
        f"{walks['precision']}, unless "
        f"it says all{drawn}; our walks do more than the paper's: they hold what an edit is not "
        "about."
        + (f" Training is projected from {sampled} steps, on {training['faces']:,} "
           f"{training['data']} embeddings." if sampled else ""),
        "## Beside the peers",
        edits(found),
        f"`{found['edits']['attribute']}`, strength 1, {found['edits']['faces']} faces at once. "
        "Ours embeds, walks, looks at what the code shows on the way, and rebuilds; "
        "where z alone says how far, none is looked at. `boundary` is one linear step, `dfi` is "
        "deep feature interpolation in our own FaceNet's maps, the peer of docs/peers.md"
        + (f" ({dfi['iterations']} iterations of L-BFGS; neighbours among {dfi['pool']} faces a "
           "side, whose maps were made before)." if dfi else ", which was not measured."),
        "## Stages",
        stages(found),
        "bfloat16 (`circle.precision = torch.bfloat16`) is a choice, float32 the default. "
        "`differs by` is the largest difference from float32 of pictures in [-1, 1], embeddings "
        "or codes.",
        f"## On {where}",
        f"{memory}{machine['threads']} threads, {machine['system']}, Python {machine['python']}, "
        f"torch {machine['torch']}{load}.",
        absolute(found),
    ]  # fmt: skip
    return "\n\n".join(line.strip() for line in lines) + "\n"


def headline(found: Mapping[str, Any]) -> str:
    """The numbers that a reader looks for first."""
    return (
        f"10 x 500 steps in {amount(found['walk_10x500_s'], 's')}, "
        f"{times(found['walk_10x500_speedup_vs_plain'])} of a plain reading; "
        f"{amount(found['rebuild_faces_per_s'])} faces rebuilt a second "
        f"({found['rebuild_precision']})"
    )

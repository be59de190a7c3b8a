"""Pages of docs/results/ from results/.

    python -m tools.pages results/editing.json docs/results/editing.md

The page of whichever measure of `istrc evaluate` or `istrc bench` the file holds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from studies.command import records_table, with_interval

from istrc.attributes import TAUGHT
from istrc.evaluation.photos import MODES
from istrc.evaluation.results import markdown_table, write_text
from istrc.evaluation.verification import FALSE_ACCEPT_RATES, distances_in
from istrc.whole import read_json

# What the paper tells of its own times, in its section 6.1
PAPER = {"rebuild_faces_per_s": 100.0, "walk_10x500_s": 25.0}

COLUMNS = {
    "faces": "faces",
    "success": "success",
    "same_person": "same person",
    "sex_flips": "sex flips",
    "leakage": "leakage",
    "flips": "other flips",
    "background_psnr": "background dB",
    "pose_shift": "pose shift",
    "descriptor_angle": "dlib angle (rad)",
    "seconds_per_edit": "s / edit",
}
OF_EDITS = {"faces": "faces", "success": "success", "recognised": "of real faces", **COLUMNS}
SEEN = {  # by geometry and colour
    "moved": "moved",
    "middle": "to the middle",
    "moved_by": "by, of the gap",
    "beyond": "beyond real",
    "shut": "shut",
    "inside_seen": "inside still seen",
    "closed": "shut and not seen",
    "open_before": "of",
    "tone_inside": "tone inside",
    "tone_outside": "tone outside",
    "chroma_added": "chroma added",
}
SEEN_MEANS = {key: word for key, word in SEEN.items() if key not in ("middle", "open_before")}
OF_GROUPS = {k: COLUMNS[k] for k in ("faces", "success", "same_person", "sex_flips", "leakage")}
OF_GROUPS |= SEEN_MEANS


def editing_markdown(results: Mapping[str, Any]) -> str:
    """The means of every method and strength, how methods compare, then the first edit by edit."""
    means = {**COLUMNS, "frechet": "Fréchet", "kernel": "kernel"}
    text = ["## Means over the edits\n\n", _by_method(results["methods"], means)]
    few = results.get("few")
    if few:
        text.append(
            f"\n## On {few['faces_per_edit']} faces an edit, spread evenly over the same faces\n\n"
            f"All methods, because {', '.join(few['slow'])} would take too long on more.\n\n"
        )
        text.append(_by_method(few["methods"], means))
    if "measures" in results.get("geometry", {}):
        text.append("\n## Geometry and colour, means over the edits\n\n")
        text.append(_by_method(results["methods"], SEEN_MEANS))
    equal = [("", results.get("equal_identity"))]
    equal += [(f", {few['faces_per_edit']} faces", few["equal_identity"])] if few else []
    for where, by_method in equal:
        if by_method:
            shares = next(iter(by_method.values()))
            rows = [[method, *one.values()] for method, one in by_method.items()]
            text.append(f"\n## Success where so many are the same person{where}\n\n")
            text.append(markdown_table(["method", *shares], rows))
    if peers := results.get("peers"):
        rows = [[n, p["unit"], p["measure"], p["goal"]] for n, p in peers.items()]
        text.append("\n## Strength 1 of the peers, found on tune faces\n\n")
        text.append(markdown_table(["peer", "unit", "of", "our success there"], rows))
    # Of the first method that was measured edit by edit: what "nothing" does has means alone
    each = [one for one in results["methods"].items() if "edits" in next(iter(one[1].values()))]
    method, by_strength = each[0]
    for strength, found in by_strength.items():
        text.append(f"\n## {method}, strength {strength}\n\n")
        text.append(_edit_by_edit(found, results))
    return "".join([*text, _notes(results)]).rstrip() + "\n"


def _by_method(methods: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    rows = [
        [method, strength, *(with_interval(found["mean"], key) for key in columns)]
        for method, by_strength in methods.items()
        for strength, found in by_strength.items()
    ]
    return markdown_table(["method", "strength", *columns.values()], rows)


def _edit_by_edit(found: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """Every edit, what geometry and colour say of it where they could look, and every group."""
    real, measured = results.get("recognised", {}), results.get("geometry", {}).get("measures")
    edits = {
        name: {"recognised": real.get(name), **(measured or {}).get(name[:-1], {}), **one}
        | {"standard_error": {}}  # of as many faces, as the note says
        for name, one in found["edits"].items()
    }
    text = [records_table("edit", OF_EDITS, edits)]
    if measured is not None:
        text.append(records_table("edit", {"measure": "measured by", **SEEN}, edits))
    if groups := found["mean"]["groups"]:
        there = {"faces", *(key for group in groups.values() for key in group)}
        columns = {key: word for key, word in OF_GROUPS.items() if key in there}
        text.append(records_table("group", columns, groups))
    return "\n".join(text)


def _notes(results: Mapping[str, Any]) -> str:
    faces = results["faces_per_edit"]
    text = [
        f"\nA share of {faces} faces is known to ± {0.98 / faces**0.5:.2f} at most (95 %); "
        "± beside a mean is its own interval. "
        f"Split {results['split']}, seed {results['seed']}, at most {faces} "
        "faces an edit that lack the target by label and by judge; beard and mustache on men. "
        "Success: the judge's plain probability >= "
        f"{results['judge']['probability_threshold']:g}; of real faces that have by their label "
        "what is asked it takes the share beside it for such. Sex flips are not counted for "
        "`male`. Pose shift: of landmarks that no expression moves, in distances between the eyes. "
        f"Fréchet and kernel distance to real faces of the split in {results['features']}; "
        "Inception's weights are not here. "
    ]
    if second := results.get("second_recogniser"):
        text.append(
            f"Same person: {second['name']}, distance < {second['threshold']:.3f}, which "
            f"{second['far']:g} of {second['pairs']} train pairs of different people reach. "
        )
    if "measures" in results.get("geometry", {}):
        text.append(
            "Moved: by more than half of the gap between labelled faces with and without it, "
            "measured on dlib's 68 points, which some ghosts please as well; to the middle: so "
            "many would have, had each face ended in the middle of real faces that are as asked; "
            "beyond real: where 1 % of real faces are; shut: mouths that were clearly open and are "
            "at most half as open; inside still seen: those whose teeth or tongue still show where "
            "they were, whatever the points say. Tone: CIEDE2000 of the skin's mean colour, in the "
            "edit's part of the face and outside it; chroma: C* of the skin of grey photographs. "
        )
    for name in ("geometry", "colour", "groups"):
        if why := results.get(name, {}).get("skipped"):
            text.append(f"Not measured: {name} ({why}). ")
    text += [f"Left out: {name} ({why}). " for name, why in results["left_out"].items()]
    return "".join(text)


def verification_markdown(found: Mapping[str, Any]) -> str:
    """The distances side by side."""
    header = ["distance", "accuracy", "standard error", "AUC"]
    header += [f"TAR at FAR {rate:g}" for rate in FALSE_ACCEPT_RATES]
    rows = [
        [name, one["accuracy"], one["accuracy_standard_error"], one["auc"]]
        + [one["tar_at_far"].get(f"{rate:g}") for rate in FALSE_ACCEPT_RATES]
        for name, one in distances_in(found).items()
    ]
    return markdown_table(header, rows)


def photos_markdown(found: Mapping[str, Any]) -> str:
    """A row a resolution and mode, with notes."""
    words = {"photo": "the change added (photo)", "anchored": "the decoded face pasted (anchored)"}
    rows = []
    for name, resolution in found["resolutions"].items():
        at = "own resolution" if name == "own" else f"{found['megapixels']:g} megapixels"
        for mode in MODES:
            one = resolution[mode]
            outside = f"{one['outside']:.1e}" if one["outside"] else "0"  # not rounded to nothing
            if one["outside"] and (error := one.get("standard_error", {}).get("outside")):
                outside += f" ± {1.96 * error:.1e}"
            sharp, seam, seconds = (
                with_interval(one, key) for key in ("sharpness", "seam", "seconds")
            )
            rows.append([f"{at}, {words[mode]}", sharp, seam, outside, seconds])
    heads = ["sharpness", "seam", "changed outside", "processor's seconds an edit"]
    text = [
        markdown_table(["photographs", *heads], rows),
        f"\n{len(found['found'])} photographs, the largest face of each, every transformation in "
        f"both directions at strength {found['strength']:g}. Sharpness: variance of the Laplacian "
        "inside the face; seam: mean gradient where the mask fades; both edited over original. "
        "Changed outside: share of pixels beyond the mask. ± is the 95 % interval over the "
        "photographs. Strength 0 gives every byte back in "
        f"{100 * min(one['nothing'] for one in found['resolutions'].values()):g} % of them. "
        f"{found['faces']:.2f} faces found a photograph.",
    ]
    text += [f" Left out: {name} ({why})." for name, why in found["left_out"].items()]
    return "".join(text) + "\n"


def learning_markdown(found: Mapping[str, Any]) -> str:
    """One row a number of pictures: the AUC of each attribute, the mean, and what was promised."""
    order = {name: place for place, name in enumerate(TAUGHT)}  # a file's names are sorted
    names = sorted(found["attributes"], key=lambda name: order.get(name, len(order)))
    keys = {"auc": "mean", "promised": "promised", "kept": "promise kept", "angle": "angle"}
    keys["success"] = "judged success"
    rows = []
    for count in [*map(str, found["counts"]), "own"]:
        if mean := found["mean"].get(count):
            word = "the circle's own" if count == "own" else f"{count} a side"
            aucs = [found["attributes"][name].get(count, {}).get("auc") for name in names]
            rows.append([word, *aucs, *(mean.get(key) for key in keys)])
    return (
        f"{markdown_table(['pictures', *names, *keys.values()], rows)}\n"
        f"AUC on {found['split']} faces of other people, mean of {found['draws']} draws; "
        f"{found['faces']} faces in all.\n"
    )


def amount(value: float | None, unit: str = "") -> str:
    """Three digits that count, and the unit: 0.0412 s, 1,230 /s."""
    if value is None:
        return "-"
    digits = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{digits} {unit}".strip()


def bench_markdown(found: Mapping[str, Any]) -> str:
    """docs/results/bench.md: ratios first, and absolute times with the machine."""
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
        "By `istrc bench --json results/bench.json`, and `python -m tools.pages` of it"
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


def numbers_markdown(found: Mapping[str, Any]) -> str:
    """Every number by its name."""
    return markdown_table(["measure", "found"], list(_numbers(found)))


def _numbers(found: Mapping[str, Any], within: str = "") -> Iterator[list[Any]]:
    for name, value in found.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{within}{name}, ")
        elif isinstance(value, (int, float)):
            yield [within + name, value]


MAKERS = {
    "editing": editing_markdown,
    "verification": verification_markdown,
    "photos": photos_markdown,
    "learning": learning_markdown,
}


def page(record: Mapping[str, Any]) -> str:
    """The page of what a file of results holds. Raises ValueError where it has none."""
    if "rebuild_faces_per_s" in record:
        return bench_markdown(record)
    for part, found in record.items():
        if part in MAKERS or (isinstance(found, Mapping) and "seconds" in found):  # a measure's
            return MAKERS.get(part, numbers_markdown)(found)
    raise ValueError(f"no page of {', '.join(record)}")


def main(arguments: list[str]) -> None:
    results, out = arguments
    made = f"<!-- made by `python -m tools.pages {results} {out}`; do not edit by hand -->\n"
    write_text(Path(out), made + page(read_json(results)))


if __name__ == "__main__":
    main(sys.argv[1:])

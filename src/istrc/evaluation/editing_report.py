"""What a reader sees of `evaluate_editing`: a Markdown table, and contact sheets nobody picked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from istrc import figures
from istrc.data.prepared import Prepared
from istrc.evaluation.editing_measures import Outcome
from istrc.evaluation.judges import Judge
from istrc.evaluation.results import markdown_table, records_table

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
SEEN_MEANS = {key: word for key, word in SEEN.items() if key != "open_before"}
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
    method, by_strength = next(iter(results["methods"].items()))
    for strength, found in by_strength.items():
        text.append(f"\n## {method}, strength {strength}\n\n")
        text.append(_edit_by_edit(found, results))
    return "".join([*text, _notes(results)]).rstrip() + "\n"


def _by_method(methods: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    rows = [
        [method, strength, *map(found["mean"].get, columns)]
        for method, by_strength in methods.items()
        for strength, found in by_strength.items()
    ]
    return markdown_table(["method", "strength", *columns.values()], rows)


def _edit_by_edit(found: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """Every edit, what geometry and colour say of it where they could look, and every group."""
    real, measured = results.get("recognised", {}), results.get("geometry", {}).get("measures")
    edits = {
        name: {"recognised": real.get(name), **(measured or {}).get(name[:-1], {}), **one}
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
    text = [
        f"\nSplit {results['split']}, seed {results['seed']}, at most {results['faces_per_edit']} "
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
            "measured on dlib's 68 points, which some ghosts please as well; beyond real: where "
            "1 % of real faces are; shut: mouths that were clearly open and are at most half as "
            "open; inside still seen: those whose teeth or tongue still show where they were, "
            "whatever the points say. Tone: CIEDE2000 of the skin's mean colour, in the edit's "
            "part of the face and outside it; chroma: C* of the skin of grey photographs. "
        )
    for name in ("geometry", "colour", "groups"):
        if why := results.get(name, {}).get("skipped"):
            text.append(f"Not measured: {name} ({why}). ")
    text += [f"Left out: {name} ({why}). " for name, why in results["left_out"].items()]
    return "".join(text)


def ranked(verdict: np.ndarray, each: int = 4) -> dict[str, np.ndarray]:
    """Places of the worst, the middle and the best by the judge, `each` of them, worst first.

    verdict (N,): the judge's probability of the wanted outcome. No place is shown twice.
    """
    order = np.argsort(verdict, kind="stable")
    if len(order) < 3:
        return {"all": order}
    each = min(each, len(order) // 3)
    start = (len(order) - each) // 2
    return {
        "worst": order[:each],
        "median": order[start : start + each],
        "best": order[len(order) - each :],
    }


class Sheets:
    """Collects outcomes while they are measured and writes one PNG a transformation.

    Pass the object as `show` to `evaluate_editing`. Only one method and strength is drawn.
    """

    def __init__(
        self,
        folder: str | Path,
        prepared: Prepared,
        judge: Judge,
        *,
        method: str = "photo",
        strength: float = 1.0,
        each: int = 4,
    ):
        self.folder, self.prepared, self.judge = Path(folder), prepared, judge
        self.method, self.strength, self.each = method, strength, each
        self.rows: dict[str, list[figures.Row]] = {}

    def __call__(self, method: str, strength: float, outcome: Outcome) -> None:
        if (method, strength) != (self.method, self.strength):
            return
        edit = outcome.edit
        column = outcome.after[:, self.judge.column(edit.attribute)]
        verdict = column if edit.sign > 0 else 1 - column
        groups = ranked(verdict, self.each)
        places = np.concatenate(list(groups.values()))
        words = [word for word, group in groups.items() for _ in group]
        captions = [f"{w} {v:.2f}" for w, v in zip(words, verdict[places], strict=True)]
        rows = self.rows.setdefault(edit.attribute, [])
        rows.append(figures.Row("before", list(self.prepared.images[edit.rows[places]])))
        rows.append(figures.Row(edit.name, list(outcome.pixels[places]), captions))
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{edit.attribute}.png"
        title = (
            f"{edit.attribute}, {method}, strength {strength:g}: worst, median and best "
            "by the judge's probability of the wanted outcome"
        )
        figures.strip(rows, cell=96, title=title).save(path, format="PNG")

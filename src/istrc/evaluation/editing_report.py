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
from istrc.evaluation.results import markdown_table

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


def editing_markdown(results: Mapping[str, Any]) -> str:
    """The means of every method and strength, how methods compare, then the first edit by edit."""
    text = ["## Means over the edits\n\n", _means(results["methods"])]
    few = results.get("few")
    if few:
        text.append(
            f"\n## On {few['faces_per_edit']} faces an edit, spread evenly over the same faces\n\n"
            f"All methods, because {', '.join(few['slow'])} would take too long on more.\n\n"
        )
        text.append(_means(few["methods"]))
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
    if grows := results.get("monotonicity"):
        ways = [("walk", w) for w in grows.get("walk", {}).get("methods", {}).items()]
        ways += [("strength", w) for w in grows["strengths"]["methods"].items()]
        rows = [[m, w, one["mean"]["rising"], one["mean"]["spearman"]] for w, (m, one) in ways]
        text.append("\n## How evenly edits grow\n\n")
        text.append(markdown_table(["method", "along the", "rising", "Spearman"], rows))
    method, by_strength = next(iter(results["methods"].items()))
    for strength, found in by_strength.items():
        text.append(f"\n## {method}, strength {strength}\n\n")
        table = [[name, *(e.get(c) for c in COLUMNS)] for name, e in found["edits"].items()]
        text.append(markdown_table(["edit", *COLUMNS.values()], table))
        if groups := found["mean"]["groups"]:
            rows = [[w, g["faces"], g["success"], g.get("same_person")] for w, g in groups.items()]
            text.append("\n" + markdown_table(["group", "faces", "success", "same person"], rows))
    return "".join([*text, _notes(results)]).rstrip() + "\n"


def _means(methods: Mapping[str, Any]) -> str:
    rows = []
    for method, by_strength in methods.items():
        for strength, found in by_strength.items():
            mean = found["mean"]
            realism = [mean.get("frechet"), mean.get("kernel")]
            rows.append([method, strength, *(mean.get(c) for c in COLUMNS), *realism])
    return markdown_table(["method", "strength", *COLUMNS.values(), "Fréchet", "kernel"], rows)


def _notes(results: Mapping[str, Any]) -> str:
    text = [
        f"\nSplit {results['split']}, seed {results['seed']}, at most {results['faces_per_edit']} "
        "faces an edit that lack the target by label and by judge; beard and mustache on men. "
        "Success: the judge's plain probability >= "
        f"{results['judge']['probability_threshold']:g}. Sex flips are not counted for `male`. "
        "Pose shift: of landmarks that no expression moves, in distances between the eyes. Fréchet "
        f"and kernel distance to real faces of the split in {results['features']}; Inception's "
        "weights are not here. "
    ]
    if second := results.get("second_recogniser"):
        text.append(
            f"Same person: {second['name']}, distance < {second['threshold']:.3f}, which "
            f"{second['far']:g} of {second['pairs']} train pairs of different people reach. "
        )
    if grows := results.get("monotonicity"):
        text.append(
            f"Rising: steps at which the judge's probability of what is wanted does not fall by "
            f"over {grows['strengths']['fall']:g}; Spearman: of it with the step's number. "
        )
    text += [f"Left out: {name} ({why}). " for name, why in results["left_out"].items()]
    return "".join(text)


def ranked(verdict: np.ndarray, each: int = 4) -> dict[str, np.ndarray]:
    """Places of the worst, the middle and the best by the judge, `each` of them, worst first.

    verdict (N,): the judge's probability of the wanted outcome. No place is shown twice.
    """
    order = np.argsort(verdict, kind="stable")
    each = min(each, max(1, len(order) // 3))
    start = max(0, (len(order) - each) // 2)
    places = {
        "worst": order[:each],
        "median": order[start : start + each],
        "best": order[len(order) - each :],
    }
    if len(order) < 3:
        places = {"all": order}
    return places


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
        self.written: list[Path] = []

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
        if path not in self.written:
            self.written.append(path)

"""Figures 1, 2 and 9 to 13: semantic transformations, each a walk from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from istrc.edit.composite import put
from istrc.errors import InputError
from istrc.figures import Row
from istrc.paper_figures.page import face_page, pixels
from istrc.paper_figures.people import Person, Stage, z_of

FRAMES = 8
DETAIL = 160  # pixels, the side of a face that keeps its photograph's own
# The paper's words for a transformation; others are told by name and sign.
WORDS = {
    "male+": "male",
    "male-": "female",
    "smile+": "adding smile",
    "smile-": "less smile",
    "mouth_open+": "open mouth",
    "mouth_open-": "close mouth",
    "beard+": "adding beard",
    "beard-": "less beard",
    "mustache+": "adding mustache",
    "big_nose+": "bigger nose",
    "big_nose-": "smaller nose",
    "young+": "younger",
    "young-": "older",
    "big_lips+": "bigger lips",
    "big_lips-": "smaller lips",
    "big_eyes+": "bigger eyes",
    "big_eyes-": "smaller eyes",
    "wide_mouth+": "bigger mouth",
    "wide_mouth-": "smaller mouth",
    "attractive+": "more attractive",
    "makeup+": "adding makeup",
    "makeup-": "less makeup",
}
# What each figure shows, by the paper's number
STEPS = {
    1: "makeup+ big_lips+ mustache+",
    2: "beard- makeup+ mustache+ attractive+ smile+",
    9: "male+ male- smile+ mouth_open+ beard- mustache+ makeup+",
    10: "big_nose+ big_nose- young- young+ big_lips+ big_eyes+ wide_mouth+ wide_mouth- attractive+",
    12: "smile- mouth_open- beard+ makeup- big_lips- big_eyes- young- eyeglasses+",
    13: "male- makeup+ male+",
}
Step = tuple[str, int]


def walk_row(
    stage: Stage, person: Person, name: str, sign: int, *, keep: Any = None, label: str = ""
) -> Row:
    """The input picture, then the walk: under each face the classifier's probability."""
    circle = stage.circle
    walk = circle.walk(person.z, {name: float(sign)}, keep=keep)
    whole = len(walk.points) > 1  # a walk that had nowhere to go is its start
    points = (walk.frames(FRAMES) if whole else walk.points.expand(FRAMES, -1, -1))[:, 0]
    start = person.z.to(points.device).expand_as(points)
    first, faces = _rebuilt(stage, person, start, points)
    scores = circle.scores(torch.cat([person.z.to(points.device), points]))
    shown = scores[:, circle.attribute_names.index(name)].tolist()
    captions = ["input", *(f"{score:.2f}" for score in shown[1:])]
    if label and "male" in circle.attribute_names:
        sex = scores[:, circle.attribute_names.index("male")].tolist()
        captions = [f"{one}\nmale {p:.2f}" for one, p in zip(captions, sex, strict=True)]
    words = WORDS.get(f"{name}{'+' if sign > 0 else '-'}", f"{name} {sign:+d}")
    return Row(label or words, [first, *faces], captions, marked=0)


def _rebuilt(
    stage: Stage, person: Person, start: torch.Tensor, points: torch.Tensor
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The input and the faces with the embeddings `points`, uint8; of a photograph its own pixels
    in the mode that keeps them."""
    x = person.x.expand(len(points), -1, -1, -1)
    if stage.mode != "photo" or person.face is None:
        return pixels(person.x)[0], pixels(stage.circle.rebuild(x, start, points, stage.mode))
    circle, face = stage.circle, person.face
    photograph, frame = face.picture.pixels, face.frame
    changes = circle.map_change(face.code.expand(len(points), -1), start, points)
    layers = [face.rendering.layers(one[None])[0] for one in changes]
    faces = [frame.crop(put(photograph, one, frame, circle.mesh), DETAIL) for one in layers]
    return frame.crop(photograph, DETAIL), faces


def sex_faults(stage: Stage, number: int) -> Figure:
    """Figure 11: makeup and beard change the sex, and do not where it is kept."""
    rows, left, shown = [], [], []
    for name, lowest in (("makeup", False), ("beard", True), ("mustache", True)):
        if not {name, "male"} <= set(stage.circle.attribute_names):
            left.append(name)
            continue
        person = stage.people.with_score("male", lowest=lowest)  # a man for makeup
        shown.append(person)
        words = WORDS[f"{name}+"]
        for keep, said in (([], "as in the paper"), (["none", "male"], "keep male")):
            label = f"{words},\n{said}"
            rows.append(walk_row(stage, person, name, 1, keep=keep, label=label))
    text = (
        "Sex faults in semantic transformations: makeup, beard and mustache move the face across "
        "the classifier's border between the sexes, and do not with --keep male. Under each face "
        "the probability of the attribute, and of male."
    )
    return _page(stage, number, "Sex faults, and keeping the sex", rows, left, text, shown)


def of_one_person(stage: Stage, number: int) -> Figure:
    """Figures 1 and 2: all transformations of the same person."""
    known, left = _known(stage, number)
    rows, shown = [], []
    if known:
        # The person to whom most of it can still be done
        people = stage.people.take(max(2, min(4, len(stage.people.given))))
        scores = stage.circle.scores_of(z_of(people), [name for name, _ in known])
        signs = torch.tensor([float(sign) for _, sign in known], device=scores.device)
        person = people[int((scores * signs).sum(1).argmin())]
        shown = [person]
        rows = [walk_row(stage, person, name, sign) for name, sign in known]
    text = "Semantic transformations of one person."
    return _page(stage, number, "Semantic transformations of one person", rows, left, text, shown)


def of_anyone(stage: Stage, number: int) -> Figure:
    """Figures 9, 10, 12 and 13: each transformation of whoever has most of the way to go."""
    known, left = _known(stage, number)
    shown = [stage.people.with_score(name, lowest=sign > 0) for name, sign in known]
    rows = [
        walk_row(stage, person, name, sign)
        for person, (name, sign) in zip(shown, known, strict=True)
    ]
    text = "Semantic transformations, each of the face that has most of the way to go."
    return _page(stage, number, "Semantic transformations", rows, left, text, shown)


def _known(stage: Stage, number: int) -> tuple[list[Step], list[str]]:
    """The steps of a figure that this circle has classifiers for, and the names of the others."""
    names = set(stage.circle.attribute_names)
    steps = [(word[:-1], 1 if word[-1] == "+" else -1) for word in STEPS[number].split()]
    return [s for s in steps if s[0] in names], [n for n, _ in steps if n not in names]


def _page(
    stage: Stage,
    number: int,
    title: str,
    rows: Sequence[Row],
    left: Sequence[str],
    text: str,
    shown: Sequence[Person],
) -> Figure:
    if not rows:
        raise InputError(
            f"figure {number}: this circle has no classifier of {', '.join(dict.fromkeys(left))}"
        )
    if "probability" not in text:
        text += " Under each face the probability that its classifier gives the attribute."
    text += f" Leftmost the input, then the walk at even angles, rebuilt in mode {stage.mode}."
    if "keep male" not in text and "male" in stage.circle.attribute_names:
        text += " The sex is kept where it is not the transformation itself."
    if left:
        text += f" Left out, as this circle has no classifier: {', '.join(dict.fromkeys(left))}."
    return face_page(rows, title=title, caption=stage.caption(number, text, shown))

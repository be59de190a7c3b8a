"""Figures 1, 2 and 9 to 13: semantic transformations, each a walk from left to right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from istrc.edit.render import put
from istrc.errors import InputError
from istrc.figures import Row
from istrc.paper_figures.page import face_page, pixels
from istrc.paper_figures.people import Person
from istrc.paper_figures.stage import Stage

FRAMES = 8
DETAIL = 160  # pixels, the side of a face that keeps its photograph's own
# The paper's words for a transformation; others are told by name and sign.
WORDS = {
    ("male", 1): "male",
    ("male", -1): "female",
    ("smile", 1): "adding smile",
    ("smile", -1): "less smile",
    ("mouth_open", 1): "open mouth",
    ("mouth_open", -1): "close mouth",
    ("beard", 1): "adding beard",
    ("beard", -1): "less beard",
    ("mustache", 1): "adding mustache",
    ("big_nose", 1): "bigger nose",
    ("big_nose", -1): "smaller nose",
    ("young", 1): "younger",
    ("young", -1): "older",
    ("big_lips", 1): "bigger lips",
    ("big_lips", -1): "smaller lips",
    ("big_eyes", 1): "bigger eyes",
    ("big_eyes", -1): "smaller eyes",
    ("wide_mouth", 1): "bigger mouth",
    ("wide_mouth", -1): "smaller mouth",
    ("attractive", 1): "more attractive",
    ("makeup", 1): "adding makeup",
    ("makeup", -1): "less makeup",
}
Step = tuple[str, int]


def walk_row(
    stage: Stage, person: Person, name: str, sign: int, *, keep=None, label: str = ""
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
    words = WORDS.get((name, sign), f"{name} {sign:+d}")
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


def three(stage: Stage) -> Figure:
    """Figure 1: makeup, bigger lips, mustache."""
    return _of_one_person(stage, 1, [("makeup", 1), ("big_lips", 1), ("mustache", 1)])


def five(stage: Stage) -> Figure:
    """Figure 2: five transformations of the same person."""
    steps = [("beard", -1), ("makeup", 1), ("mustache", 1), ("attractive", 1), ("smile", 1)]
    return _of_one_person(stage, 2, steps)


def transformations(stage: Stage) -> Figure:
    """Figure 9: the first of the paper's ten."""
    steps = [("male", 1), ("male", -1), ("smile", 1), ("mouth_open", 1), ("beard", -1)]
    return _of_anyone(stage, 9, [*steps, ("mustache", 1), ("makeup", 1)])


def more_transformations(stage: Stage) -> Figure:
    """Figure 10: the others of the ten."""
    steps = [("big_nose", 1), ("big_nose", -1), ("young", -1), ("young", 1), ("big_lips", 1)]
    steps += [("big_eyes", 1), ("wide_mouth", 1), ("wide_mouth", -1), ("attractive", 1)]
    return _of_anyone(stage, 10, steps)


def sex_faults(stage: Stage) -> Figure:
    """Figure 11: makeup and beard change the sex, and do not where it is kept."""
    rows, left, shown = [], [], []
    for name, lowest in (("makeup", False), ("beard", True), ("mustache", True)):
        if not {name, "male"} <= set(stage.circle.attribute_names):
            left.append(name)
            continue
        person = stage.people.with_score("male", lowest=lowest)  # a man for makeup
        shown.append(person)
        words = WORDS[name, 1]
        rows.append(walk_row(stage, person, name, 1, keep=[], label=f"{words},\nas in the paper"))
        rows.append(
            walk_row(stage, person, name, 1, keep=["none", "male"], label=f"{words},\nkeep male")
        )
    text = (
        "Sex faults in semantic transformations: makeup, beard and mustache move the face across "
        "the classifier's border between the sexes, and do not with --keep male. Under each face "
        "the probability of the attribute, and of male."
    )
    return _page(stage, 11, "Sex faults, and keeping the sex", rows, left, text, shown)


def supplement(stage: Stage) -> Figure:
    """Figure 12: the same transformations of further people, and the other directions."""
    steps = [("smile", -1), ("mouth_open", -1), ("beard", 1), ("makeup", -1), ("big_lips", -1)]
    return _of_anyone(stage, 12, [*steps, ("big_eyes", -1), ("young", -1), ("eyeglasses", 1)])


def last_supplement(stage: Stage) -> Figure:
    """Figure 13: female, makeup, male."""
    return _of_anyone(stage, 13, [("male", -1), ("makeup", 1), ("male", 1)])


def _of_one_person(stage: Stage, number: int, steps: Sequence[Step]) -> Figure:
    known, left = _known(stage, steps)
    rows, shown = [], []
    if known:
        # The person to whom most of it can still be done
        people = stage.people.take(max(2, min(4, len(stage.people.given))))
        scores = stage.circle.scores(torch.cat([person.z for person in people]))
        columns = [stage.circle.attribute_names.index(name) for name, _ in known]
        signs = torch.tensor([float(sign) for _, sign in known], device=scores.device)
        person = people[int((scores[:, columns] * signs).sum(1).argmin())]
        shown = [person]
        rows = [walk_row(stage, person, name, sign) for name, sign in known]
    text = "Semantic transformations of one person."
    return _page(stage, number, "Semantic transformations of one person", rows, left, text, shown)


def _of_anyone(stage: Stage, number: int, steps: Sequence[Step]) -> Figure:
    known, left = _known(stage, steps)
    shown = [stage.people.with_score(name, lowest=sign > 0) for name, sign in known]
    rows = [
        walk_row(stage, person, name, sign)
        for person, (name, sign) in zip(shown, known, strict=True)
    ]
    text = "Semantic transformations, each of the face that has most of the way to go."
    return _page(stage, number, "Semantic transformations", rows, left, text, shown)


def _known(stage: Stage, steps: Sequence[Step]) -> tuple[list[Step], list[str]]:
    """The steps that this circle has classifiers for, and the names of the others."""
    names = set(stage.circle.attribute_names)
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

"""Figures 5 to 8: what the sphere is good for (paper section 4)."""

from __future__ import annotations

from matplotlib.figure import Figure

from istrc.figures import Row
from istrc.paper_figures.page import BELOW, CELL, GAP, INK, face_page, new_page, pixels, put_face
from istrc.paper_figures.people import Person, Stage, z_of
from istrc.verbs import arithmetic as calculating
from istrc.verbs import expression as expressions
from istrc.verbs.average import average
from istrc.verbs.blend import blend
from istrc.verbs.vary import vary

FRAMES = 8
NOISE = 0.3  # radians
CROWD = 100  # faces of the largest average
EXPRESSIONS = ("A - B + C", "(A + B)/2 - C + D")


def interpolation(stage: Stage, number: int) -> Figure:
    """Figure 5: slerp and lerp between two pairs of people, decoded as the paper does."""
    people, rows = stage.people.take(4), []
    for first, second in ((people[0], people[1]), (people[2], people[3])):
        ends, z = [pixels(first.x)[0], pixels(second.x)[0]], z_of([first, second])
        for path in ("slerp", "lerp"):
            result = blend(stage.circle, z, frames=FRAMES, path=path, mode="circle")
            captions = [f"{angle:.2f} rad" for angle in result.angles.tolist()]
            faces = [ends[0], *pixels(result.faces), ends[1]]
            rows.append(Row(path, faces, ["input", *captions, "input"]))
    text = (
        "Interpolation between the two inputs at the ends of each row, decode(F(z)), by slerp and "
        "by lerp. Under each face its angle from the first: slerp moves at constant speed."
    )
    caption = stage.caption(number, text, people)
    return face_page(rows, title="Interpolation on the sphere", caption=caption)


def neighbours(stage: Stage, number: int) -> Figure:
    """Figure 6: the face (1, 1) and 63 neighbours of it."""
    [person] = stage.people.take(1)
    result = vary(
        stage.circle, person.z, angle=NOISE, count=63, seed=stage.seed, metric="euclidean",
        mode="circle",
    )  # fmt: skip
    faces = [*pixels(stage.circle.decode(person.z)), *pixels(result.faces)]
    rows = [Row("", faces[:8], marked=0), *(Row("", faces[k : k + 8]) for k in range(8, 64, 8))]
    text = (
        f"The face (1, 1) is decode(F(z)); the other 63 have random noise added to z: each is "
        f"{NOISE:g} rad from it, in a direction drawn from all alike."
    )
    return face_page(
        rows, title="63 neighbours of a face", caption=stage.caption(number, text, [person])
    )


def averages(stage: Stage, number: int) -> Figure:
    """Figure 7: averages of two, of four and of many faces."""
    crowd = stage.people.take(CROWD)
    rows = []
    for letters, group in (("ab", crowd[:2]), ("cd", crowd[:4])):
        result = average(stage.circle, z_of(group), mode="circle")
        names = [person.name if len(person.name) < 18 else "derived" for person in group]
        captions = [*names, f"average\nspread {result.spread:.2f} rad"]
        faces = [pixels(person.x)[0] for person in group]
        label = f"({letters[0]}) {len(group)} faces,\n({letters[1]}) average"
        rows.append(Row(label, [*faces, *pixels(result.face)], captions, marked=len(group)))
    result = average(stage.circle, z_of(crowd), mode="circle")
    some = [pixels(person.x)[0] for person in crowd[:7]]
    captions = [""] * 7 + [f"average\nspread {result.spread:.2f} rad"]
    label = f"(e) {len(crowd)} faces,\n(f) average"
    rows.append(Row(label, [*some, *pixels(result.face)], captions, marked=7))
    text = (
        "Average faces on the sphere, decode(F(mean)): the average of two is slerp(a, b; 1/2), of "
        f"more the Fréchet mean. (b) of (a), (d) of (c), (f) of {len(crowd)} faces of which seven "
        "are shown. Spread: the mean angle from the average to its faces."
    )
    return face_page(rows, title="Average faces", caption=stage.caption(number, text, crowd))


def arithmetic(stage: Stage, number: int) -> Figure:
    """Figure 8: two sets of sums and differences."""
    people = dict(zip("ABCD", _cast(stage), strict=True))
    side, step = CELL, CELL + 0.5  # an operator stands between two faces
    body = len(EXPRESSIONS) * (side + 0.42)
    width = 0.45 + 5 * step
    text = (
        "Arithmetic of embeddings: the weighted sum, put back on the sphere and decoded as "
        "decode(F(z)). Right of = the result, and how far it is from each operand."
    )
    caption = stage.caption(number, text, people.values())
    figure, axes, top = new_page(width, body, title="Arithmetic with faces", caption=caption)
    for text in EXPRESSIONS:
        weights = expressions.parse(text)
        names = [operand.name for operand in weights]
        z = z_of(people[name] for name in names)
        result = calculating.arithmetic(stage.circle, list(weights.values()), z)
        axes.text(0.15, top + 0.1, text, size=8, color=INK, va="center", family="monospace")
        y = top + 0.2
        shown = [*(pixels(people[name].x)[0] for name in names), *pixels(result.face)]
        signs = [_weight(weight, first=i == 0) for i, weight in enumerate(weights.values())]
        angles = ", ".join(
            f"{name} {angle:.2f}" for name, angle in zip(names, result.angles.tolist(), strict=True)
        )
        under = [*names, f"{angles}\nrad away"]
        for number, (face, sign) in enumerate(zip(shown, [*signs, "="], strict=True)):
            x = 0.15 + number * step + 0.45
            axes.text(x - 0.22, y + side / 2, sign, size=9, color=INK, va="center", ha="center")
            put_face(axes, face, x, y, side, framed=number == len(names))
            size = 5.5 if number < len(names) else 5
            axes.text(x + side / 2, y + side + 0.02, under[number], size=size, **BELOW)
        top += side + 0.42 + GAP
    return figure


def _cast(stage: Stage) -> list[Person]:
    """Four people for whom a difference is a thing with a name: A smiles and B does not."""
    circle, people = stage.circle, stage.people.take(6)
    if "smile" not in circle.attribute_names:
        return people[:4]
    scores = circle.scores_of(z_of(people), ["smile"])[:, 0]
    order = [people[int(i)] for i in scores.argsort(descending=True)]
    return [order[0], order[-1], order[-2], order[1]]


def _weight(weight: float, first: bool) -> str:
    sign = "-" if weight < 0 else ("" if first else "+")
    number = "" if abs(abs(weight) - 1) < 1e-9 else f"{abs(weight):g}"
    return f"{sign}{number}"

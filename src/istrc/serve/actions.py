"""What the page does, each a function of one session: files and numbers in, files and facts out.

Those of the tabs beside Edit are endpoints as they stand: their parameters and texts are public.
Everything is done by the package's own verbs; here inputs are checked, results become files that
say what made them, and every failure is an InputError for the visitor's eyes.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from istrc.arrays import numpy
from istrc.attributes import experimental
from istrc.data.prepared import to_pixels
from istrc.errors import InputError
from istrc.face import Face
from istrc.figures import Row, contact_sheet, signed, strip
from istrc.photo.mark import mark
from istrc.photo.write import write_picture
from istrc.photo.xmp import COMPOSITE, GENERATED, packet
from istrc.serve import limits
from istrc.serve.sessions import Session
from istrc.verbs.anchor import stack
from istrc.verbs.strips import walk_row

SHOWN = 384  # pixels of a face's side on the page
CELL = 160  # ... and in a strip
FRAME_MS = 120  # of an animation
Edits = Mapping[str, float]  # attribute: strength
WRITTEN = (".jpg", ".png", ".webp")  # what browsers show; other photographs become PNG


class Strip(NamedTuple):
    """Faces in a row: as one picture, as an animation there and back, and in words; and that
    animation as a GIF, for what shows no WebP."""

    strip: Path
    animation: Path
    text: str
    gif: Path


# One photograph


def faces(session: Session, photo: str | None) -> tuple[Path, int]:
    """A preview with the faces framed and numbered, and how many they are."""
    found = session.faces(photo)
    picture = found[0].picture
    marked = mark(picture.pixels, [face.frame for face in found], picture.alpha)
    out = session.new_file("faces.webp")
    Image.fromarray(marked).save(out, quality=80)
    return out, len(found)


def before(session: Session, photo: str | None, number: int) -> Path:
    """The face as it is, cut out."""
    return _show(session, session.face(photo, number).x, "before.jpg")


def preview(
    session: Session, photo: str | None, number: int, edits: Edits, keep: Sequence[str]
) -> Path:
    """The edited face alone, drawn at the model's size: what follows a slider."""
    face = session.face(photo, number)
    edits, kept = _checked(edits, keep)
    if not edits:
        return _show(session, face.x, "after.jpg")
    stopped = face.circle.stopped_walk(face.x, face.z, edits, keep=kept, drawing=face.rendering)
    return _show(session, face.rendering.drawn(stopped.change, "photo", edits), "after.jpg")


def edit(
    session: Session, photo: str | None, number: int, edits: Edits, keep: Sequence[str]
) -> tuple[Path, str]:
    """The whole photograph, edited, with its provenance inside; and what was done, in words."""
    face = session.face(photo, number)
    moved, kept = _checked(edits, keep)
    strengths: dict[str, Any] = dict(moved)
    suffix = face.picture.suffix if face.picture.suffix in WRITTEN else ".png"
    out = session.new_file(f"{face.path.stem}-edited{suffix}")
    if not strengths:
        write_picture(face.picture, face.picture.pixels, out)
        return out, "Nothing is changed yet: move a slider."
    edited = face.edit(keep=kept, **strengths)
    edited.save(out)
    done = ", ".join(f"{name} {signed(value)}" for name, value in moved.items())
    message = [f"{done}: {edited.angle:.2f} rad on the sphere."]
    if edited.walk is not None and not bool(edited.walk.reached[0]):
        message.append("It goes as far as the face stays the same person, and not all the way.")
    message += [
        f"{name} is experimental: it may be faint, or a stain."
        for name in moved
        if experimental(name)
    ]
    return out, " ".join(message + [f"{note}." for note in face.picture.notes])


def walk(
    session: Session, photo: str | None, face: int, attribute: str, strength: float, frames: int
) -> Strip:
    """The faces on the way of one edit: a strip, an animation, and what was done."""
    subject = session.face(photo, face)
    if not attribute:
        raise InputError("no attribute: choose the one to walk to")
    if not strength:
        raise InputError(f"{attribute} 0: a strength of 0 goes nowhere; give one up to -1 or +1")
    frames = limits.check_count("frames", frames, limits.FRAMES, 2)
    row, angles = walk_row(subject, attribute, float(strength), frames=frames, cell=SHOWN)
    return _strip(session, row, f"{attribute} {signed(strength)}: {angles[-1]:.2f} rad.")


def vary(
    session: Session, photo: str | None, face: int, angle: float, count: int, seed: int
) -> Path:
    """Faces around this one, all at one angle in radians, on one sheet."""
    from istrc.verbs.vary import vary as vary_of

    subject = session.face(photo, face)
    count = limits.check_count("count", count, limits.NEIGHBOURS)
    how: dict[str, Any] = dict(
        angle=float(angle), count=count, seed=int(seed or 0)
    )  # None: emptied
    result = vary_of(session.circle, subject.z, subject.x, **how)
    sheet = contact_sheet([to_pixels(subject.x)[0], *to_pixels(result.faces)], columns=8, cell=96)
    return _write(session, np.asarray(sheet), "neighbours.png")


def inside(
    session: Session, photo: str | None, face: int
) -> tuple[list[list[Any]], list[list[Any]], Path]:
    """Probabilities of every attribute, how many radians away its other side is, and a map."""
    from istrc.serve.diagrams import draw_map

    subject, circle = session.face(photo, face), session.circle
    names = circle.attribute_names
    scores = dict(zip(names, numpy(circle.scores(subject.z))[0].tolist(), strict=True))
    known = sorted(scores, key=lambda name: -abs(scores[name] - 0.5))  # the surest first
    table = [[name, round(scores[name], 3), "yes" if experimental(name) else ""] for name in known]
    signs = {name: -1.0 if scores[name] > 0.5 else 1.0 for name in names}
    walks = {name: circle.walk(subject.z, {name: signs[name]}) for name in names}
    ways = [[n, signed(signs[n]), round(float(walk.angle[0]), 3)] for n, walk in walks.items()]
    figure = draw_map(
        {f"{n} {signed(signs[n])}": walk for n, walk in walks.items() if not experimental(n)}
    )
    drawn = _write(session, np.asarray(figure), "map.png", None)
    return table, sorted(ways, key=lambda way: way[2]), drawn


# Several faces


def blend(session: Session, photo: str | None, face: int, second: str | None, frames: int) -> Strip:
    """The faces between two: a strip, an animation, and how far apart they are."""
    from istrc.verbs.blend import blend as blend_of

    two = [session.face(photo, face), session.face(second)]
    frames = limits.check_count("frames", frames, limits.FRAMES, 2)
    result = blend_of(session.circle, *stack(two), frames=frames)
    angles = result.angles.tolist()
    row = Row("", list(to_pixels(result.faces)), [f"{angle:.2f} rad" for angle in angles])
    return _strip(session, row, f"{frames} faces over {angles[-1]:.2f} rad.")


def average(session: Session, photos: Sequence[str] | None) -> tuple[Path, str]:
    """The face in the middle of several, and how far they are from it."""
    from istrc.verbs.average import average as average_of

    found = _read(session, photos, "average")
    result = average_of(session.circle, *stack(found))
    out = _write(session, np.asarray(_enlarged(result.face)), "average.png")
    return out, f"{len(found)} faces, {result.spread:.2f} rad from their average in the mean."


def arithmetic(session: Session, expression: str, photos: Sequence[str] | None) -> tuple[Path, str]:
    """A sum of faces A, B, C... (the photographs in their order), and what it is near to."""
    from istrc.verbs import expression as expressions
    from istrc.verbs.arithmetic import arithmetic as calculate

    photos = list(photos or [])
    letters = [chr(ord("A") + place) for place in range(min(len(photos), 26))]
    weights = expressions.parse(expression or "")
    for operand in weights:
        if operand.is_file or operand.row is not None:  # files of the server are not the page's
            raise InputError(f"{operand}: call the pictures A, B, C in the order of the list")
        if operand.name not in letters:
            there = f"there are {', '.join(letters)}" if letters else "add pictures first"
            raise InputError(f"{operand.name}: no picture is called so; {there}")
    used = [session.face(photos[letters.index(operand.name)]) for operand in weights]
    z, _ = stack(used)
    result = calculate(session.circle, list(weights.values()), z)
    out = _write(session, np.asarray(_enlarged(result.face)), "arithmetic.png", GENERATED)
    near = ", ".join(
        f"{operand} {angle:.2f}"
        for operand, angle in zip(weights, result.angles.tolist(), strict=True)
    )
    return out, f"Radians from each face to the result: {near}."


def compare(
    session: Session, photo: str | None, face: int, second: str | None, far: float, model: str
) -> tuple[str, Path | None, list[list[Any]]]:
    """Whether two faces are the same person, their place on the ROC, and what differs."""
    from istrc.serve.diagrams import one_in, position
    from istrc.verbs.calibration import read_threshold
    from istrc.verbs.compare import angles, differences

    two = [session.face(photo, face), session.face(second)]
    z, _ = stack(two)
    angle = float(angles(z)[0, 1])
    table = [
        [one.name, round(one.first, 2), round(one.second, 2)]
        for one in differences(session.circle, two[0].z, two[1].z)
    ]
    message = f"{angle:.3f} rad ({math.degrees(angle):.0f} degrees) apart."
    limit = read_threshold(model, session.circle, far)
    if limit is None:
        return f"{message} The model is not calibrated: istrc calibrate does it.", None, table
    verdict = "The same person" if angle < limit.angle else "Not the same person"
    message += (
        f" {verdict}, by the rule that under {limit.angle:.3f} rad is the same: so it is with"
        f" {one_in(limit.far)} pairs of different people, and with {limit.tar:.0%} of pairs of one."
    )
    figure, where = position(model, session.circle, angle)
    return f"{message} {where}", _write(session, np.asarray(figure), "roc.png", None), table


# An attribute of one's own


def learn(
    session: Session, name: str, having: Sequence[str] | None, lacking: Sequence[str] | None
) -> tuple[Path, str]:
    """A new attribute from two sets of photographs: a file, and how far it can be trusted.

    /edit, /preview and /walk of this session know it from then on, by its name."""
    from istrc.learning.learn import ENOUGH, checked_name, differing, trust_of

    circle = session.circle
    name = checked_name((name or "").strip().lower().replace(" ", "_"))
    circle.refuse_taken(name)
    sides = [_read(session, having, "faces with it"), _read(session, lacking, "faces without it")]
    known = circle.attribute_names  # before it is known: it would differ in itself
    scores = [numpy(circle.scores(stack(side)[0])) for side in sides]
    learned = circle.learn(name, with_=sides[0], without=sides[1])
    out = session.new_file(f"{name}.safetensors")
    learned.save(out)
    message = [f"{name}: {trust_of(learned)}."]
    if min(learned.notes["with"], learned.notes["without"]) < ENOUGH:
        message.append(f"{ENOUGH} pictures on each side would tell more.")
    for other, auc in differing(scores[0], scores[1], known).items():
        message.append(f"Faces with it also have {'more' if auc > 0.5 else 'less'} {other}.")
    return out, " ".join(message)


# What they share


def _checked(edits: Edits, keep: Sequence[str]) -> tuple[dict[str, float], list[str] | None]:
    """The edits that change something, and what is kept: None is what an edit keeps by itself."""
    edits = {name: float(value) for name, value in edits.items() if value}
    if both := sorted(set(edits) & set(keep or [])):
        raise InputError(f"{both[0]}: kept and moved at once; unlock it, or set its slider to 0")
    return edits, list(keep) or None if keep else None


def _read(session: Session, photos: Sequence[str] | None, what: str) -> list[Face]:
    """The largest face of each of several photographs. Raises InputError."""
    photos = list(photos or [])
    if not photos:
        raise InputError(f"{what}: no pictures; add some")
    limits.check_count(f"{what}: pictures", len(photos), limits.PICTURES)
    # Without their photographs, of which a hundred would fill the memory
    return [
        replace(session.face(photo), path=Path(Path(photo).name), picture=None)  # type: ignore[arg-type]  # not drawn on
        for photo in photos
    ]


def _enlarged(x: Any) -> Image.Image:
    """One face (1, 3, S, S) at the size at which the page shows it."""
    return Image.fromarray(to_pixels(x)[0]).resize((SHOWN, SHOWN), Image.Resampling.BICUBIC)


def _show(session: Session, x: Any, name: str) -> Path:
    """One face (1, 3, S, S) for the eye alone: JPEG is encoded in a sixth of WebP's time."""
    out = session.new_file(name)
    _enlarged(x).save(out, quality=90, subsampling=0)
    return out


def _strip(session: Session, row: Row, text: str) -> Strip:
    picture = _write(session, np.asarray(strip([row], cell=CELL)), "strip.png")
    there = [Image.fromarray(np.asarray(face)) for face in row.faces]
    there = [image.resize((SHOWN, SHOWN), Image.Resampling.BICUBIC) for image in there]
    animation, gif = session.new_file("animation.webp"), session.new_file("animation.gif")
    how: dict[str, Any] = dict(
        save_all=True, append_images=[*there[1:], *there[-2:0:-1]], duration=FRAME_MS, loop=0
    )
    there[0].save(animation, quality=85, method=0, xmp=packet(None, source_type=COMPOSITE), **how)
    there[0].save(gif, comment=COMPOSITE, **how)  # it has no place for XMP
    return Strip(picture, animation, text, gif)


def _write(
    session: Session, pixels: np.ndarray, name: str, source_type: str | None = COMPOSITE
) -> Path:
    out = session.new_file(name)
    write_picture(None, pixels, out, source_type=source_type)
    return out


def copied(session: Session, picture: Path) -> str:
    """A picture of the server's folder as a file of this session. Raises InputError."""
    try:
        return str(shutil.copyfile(picture, session.new_file(picture.name)))
    except OSError as error:
        raise InputError(f"{picture.name}: cannot be read ({error.strerror})") from None

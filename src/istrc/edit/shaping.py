"""What an edit does to a shape: the points that it moves, and what is missing of a length.

What is measured on real faces that have an attribute says how far an edit of it must go to be seen,
and how far no face goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from istrc.arrays import library, numbers
from istrc.attributes import LENGTHS, STILL, leaves, regions_of
from istrc.shape.measures import MEASURED, eyes, measures, pose
from istrc.shape.regions import movement

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.networks import Networks

SHUT = [[[1.0, 1.0, 1.0], [0.0, 0.0, 1.0]]]  # what lip_gap's ranges become: (1, 2, 3)
EXPRESSIONS = ("mouth_open", "smile")  # that shapes are measured by
LEAST = 0.15  # of the gap between the classes, that an edit of strength 1 goes in any case
ROUNDS = 3  # of holding the measures of lips, of which each changes the others a little
NEAR = 0.01  # of the distance of the eyes, over which a measure's slope is taken
ENOUGH = 1.2  # ... that a measure goes, where the class has room for it
ROOM = 0.2  # of the way from the middle of a class to where 97 % of it lie, that an edit goes on
VISIBLE = 0.42  # ... and of what 94 % of a class span, in any case
_FARTHEST = {"mouth_width": 1.2}  # times that: a small mouth does not become a wide one's
_RISES = 0.15  # of what a mouth is wider, its corners lie higher (15,303 faces that do not smile)


def wanted_measures(
    found: Array,
    ranges: Array,
    strengths: Array,
    gain: float | Array = 1.0,
    most: float = 1e3,
) -> Array:
    """Where a strength leads in a shape's measures: (B, M).

    To the middle of the class, and in any case as far as is seen: `ENOUGH` of the gap between the
    classes and `VISIBLE` of what faces of the class span, `gain` times either; but not far beyond
    what all but 3 % of the class show (`ROOM`).

    Args:
        found: (B, M) of the faces themselves.
        ranges: (M, 2, 3) of faces that have, and lack, what is measured: the median, the 3rd and
            97th percentile.
        strengths: (M,) signed.
        gain: of all, or (M,).
        most: times as far as is seen, that any face goes.
    """
    lib = library(found)
    sign = lib.sign(strengths)
    goal = lib.where((strengths > 0)[:, None], ranges[:, 0], ranges[:, 1])  # (M, 3)
    edge = lib.where(strengths > 0, goal[:, 2], goal[:, 1])
    edge = edge + ROOM * (edge - goal[:, 0])
    gap = abs(ranges[:, 0, 0] - ranges[:, 1, 0])
    seen = gain * lib.maximum(ENOUGH * gap, VISIBLE * (goal[:, 2] - goal[:, 1]))  # (M,)
    full = lib.maximum(sign * (goal[:, 0] - found), seen)  # (B, M)
    full = lib.minimum(full, most * seen + 0 * full)
    room = (sign * (edge - found)).clip(min=0)
    full = lib.maximum(lib.minimum(full, room), LEAST * gap)
    return found + strengths * full


def moving(edits: Iterable[str]) -> np.ndarray:
    """What an edit of these keeps of a shape's displacement, (68, 68): see `movement`."""
    edits = [name for name in edits if name not in STILL]
    regions = regions_of(edits) if edits else []
    return np.eye(68, dtype=np.float32) if regions is None else movement(regions)


def unturned(nets: Networks, shapes: Array, moved: Array) -> Array:
    """A displacement (B, 68, 2) of shapes without what turns, tilts, shifts or scales the head.

    Pictures of open mouths and of smiles are taken from elsewhere than others, and a mean of
    differences brings that along. And shapes lie as the data's pictures were aligned, by the mouth
    as well as by the eyes: there a mouth is shut by an upper half of the face that comes down, and
    a photograph's upper half stays where it is.
    """
    turned = pose(shapes + moved) - pose(shapes)  # (B, 2)
    ways = nets.probes.turns.reshape(2, -1)
    new = shapes + moved - (turned @ ways).reshape(moved.shape)
    (left, right), (to_left, to_right) = eyes(new), eyes(shapes)
    was, now = (to_right - to_left)[:, None], (right - left)[:, None]  # (B, 1, 2)
    square = (now * now).sum(-1).clip(min=1e-9)
    cos = (now * was).sum(-1) / square
    sin = (now[..., 0] * was[..., 1] - now[..., 1] * was[..., 0]) / square
    x, y = (new[..., axis] - left[:, None, axis] for axis in (0, 1))  # (B, 68)
    placed = library(new).stack([cos * x - sin * y, sin * x + cos * y], -1)
    return placed + to_left[:, None] - shapes


def placed(nets: Networks, way: Array) -> Array:
    """A direction (68, 2) of shapes as `unturned` leaves it of the mean shape."""
    mean = nets.shapes(nets.probes.mean[None])
    return unturned(nets, mean, NEAR * way[None])[0] / NEAR


def made_up(nets: Networks, c: Array, change: Array, strengths: Mapping[str, float]) -> Array:
    """A change (B, C) of codes c with what is missing of what is measured on the shape.

    Where a measure falls short of `wanted_measures`, or leaves what the class shows, the points
    that such an edit moves go on in the measure's own direction. A smile opens the mouth no further
    than the middle of open mouths, or than it was; the corners of a mouth that widens rise by
    `_RISES` of it, and neither smile nor fall.
    """
    probes, lib = nets.probes, library(c)
    for name, strength in strengths.items():
        if name not in probes.measures:
            continue
        row, measure = probes.measures.index(name), MEASURED[name]
        ranges, asked = probes.ranges[row : row + 1], numbers([strength], c)
        own = measures(nets.shapes(c))[measure]
        if measure == "lip_gap" and strength < 0:  # landmarks leave a gap between shut lips
            ranges = ranges * numbers(SHUT, c)
        gain = probes.gain[row, 0 if strength > 0 else 1]
        most = _FARTHEST.get(measure, 1e3)
        goal = wanted_measures(own[:, None], ranges, asked, gain, most)[:, 0]  # (B,)
        side = ranges[0, 0 if strength > 0 else 1]
        if strength > 0:
            goals = goal, lib.maximum(lib.maximum(side[2] + 0 * own, goal), own)
        else:
            goals = lib.minimum(lib.minimum(side[1] + 0 * own, goal), own), goal
        change = _within(nets, c, change, name, *goals)
    if strengths.get("smile", 0) > 0 and "mouth_open" in {*probes.measures} - {*strengths}:
        own = measures(nets.shapes(c))["lip_gap"]
        most = lib.maximum(own, probes.ranges[probes.measures.index("mouth_open"), 0, 0] + 0 * own)
        change = _within(nets, c, change, "mouth_open", -1e3 + 0 * own, most)
    if "wide_mouth" in strengths and "smile" in {*probes.measures} - {*strengths}:
        was, now = measures(nets.shapes(c)), measures(nets.shapes(c + change))
        curve = was["lip_curve"] + _RISES * (now["mouth_width"] - was["mouth_width"])
        change = _within(nets, c, change, "smile", curve, curve)
    return change


def unexpressive(nets: Networks, c: Array, change: Array, strengths: Mapping[str, float]) -> Array:
    """A change (B, C) of codes c with the expression that the faces had, where no edit moves it.

    Women smile more often than men where pictures are taken, and the young more than the old:
    what differs between them brings that along. Nor are full lips those of mouths as wide, as open
    or as curved as others: an edit of one of the lips' lengths leaves the other measures. A mouth
    that becomes small does so in proportion, or its teeth would stand tall.
    """
    if not leaves(strengths, "mouth_open"):
        return change
    lengths = {name: strengths[name] for name in LENGTHS if name in strengths}
    held = [
        name
        for name in ((*LENGTHS, *EXPRESSIONS) if lengths else EXPRESSIONS)
        if name in nets.probes.measures and leaves(strengths, name)
    ]
    if "wide_mouth" in lengths and "smile" in held:
        held.remove("smile")  # which rises with it, see `made_up`
    own = measures(nets.shapes(c))
    for _ in range(ROUNDS if lengths else 1):  # one moves the points of another
        if lengths:
            change = made_up(nets, c, change, lengths)
        size: Any = 1
        if "wide_mouth" in lengths:
            width = measures(nets.shapes(c + change))["mouth_width"]
            size = (width / own["mouth_width"]).clip(max=1)
        for name in held:
            goal = own[MEASURED[name]] * size
            change = _within(nets, c, change, name, goal, goal)
    return change


def _within(nets: Networks, c: Array, change: Array, name: str, low: Array, high: Array) -> Array:
    """A change of codes whose points are moved until what is measured of `name` lies between."""
    probes, measure = nets.probes, MEASURED[name]
    way = numbers(moving([name]), c) @ placed(nets, probes.directions[probes.measures.index(name)])
    for _ in range(2):  # a measure is nearly linear in the shape
        shapes = nets.shapes(c + change)
        now = measures(shapes)[measure]
        missing = (low - now).clip(min=0) - (now - high).clip(min=0)
        slope = (measures(shapes + NEAR * way)[measure] - now) / NEAR
        moved = (missing / slope.clip(min=0.5))[:, None] * way.reshape(1, -1)
        texture = change[:, : nets.texture]
        change = library(c).concatenate([texture, change[:, nets.texture :] + moved], 1)
    return change

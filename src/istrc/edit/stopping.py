"""How far an edit goes: until the code says what was asked, and not the sphere.

An edit counts when the picture has changed, not when z has, and how soon a picture follows z is a
matter of the face. So the changes of the code along a walk are asked what they show before one is
drawn: probes read what shape and texture say of an attribute, and the edit ends in the middle of
what they say of real faces of the class. What the walk leaves over is made up: of lengths, of a
mouth or a nose, in the direction in which real faces differ by them; of all else along the
attribute's prototype, as far as what the picture will show of it asks. A face that is there
already changes little, and no code leaves what real faces show.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from istrc import sphere
from istrc.arrays import along, indices, inference, library, numbers
from istrc.attributes import BROUGHT, FORMED, STILL
from istrc.edit import walk as walking
from istrc.edit.shaping import LEAST, made_up, moving, placed, unexpressive, unturned

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.networks import Networks

FRAMES = 8  # places along a walk that are looked at, beside the face itself
FURTHER = np.array([1.125, 1.25])  # ... and beyond its end, times its change
CONFIDENT = math.log(0.7 / 0.3)  # the logit of probability 0.7: sure of what is kept
BEYOND = 2.5  # times the evidence asked of z: how far a walk may go for a picture that lags behind
MAX_PROTOTYPE = 4  # of the differences between classes that prototypes add, an edit of strength 1
MAX_SHAPE = 1.0  # ... of what the shape differs by
MAX_MEASURED = 1.5  # ... where the shape says it, and more colour of it is dirt
ORDINARY = 2.5  # spreads from the mean face that a texture's coordinate is moved to at most
LOOKS = 3  # pictures on the way of a prototype, where its end is taken for another person
WATCHED = ("male",)  # of what is preserved by default, this is in the picture as well


@dataclass(frozen=True)
class Stopped:
    """Where an edit of B faces stops.

    Attributes:
        walk: on the sphere, ended there.
        change: (B, C) of the codes; it may go further than the walk's end asks for.
    """

    walk: walking.Walk
    change: Array


def arrival(seen: Array, wanted: Array) -> tuple[Array, Array]:
    """Where along its way each face first shows everything that was asked.

    Args:
        seen: (K, B, A) logits of evenly spaced frames, the first of which is the face itself.
        wanted: (B, A), none of which the face itself has.

    Returns the share of the way (B,), interpolated between two frames, and whether it was seen at
    all (B,) bool; 1 where it was not.
    """
    lib, way = library(seen), wanted - seen[0]
    none = way == 0  # where nothing is wanted all of it is there
    gone = lib.where(none, 1.0, (seen - seen[0]) / lib.where(none, 1.0, way))  # (K, B, A)
    done = lib.amin(gone, 2)  # (K, B): 0 at the face, 1 is all
    return crossing(done - 1), (done >= 1).any(0)


def departure(seen: Array) -> Array:
    """Where along its way each face begins to lose what was to be kept: shares (B,), 1 if never.

    A logit may weaken by `CONFIDENT`, and further while it stays as sure as that; it may not change
    sides. Where it is less sure than that at the face itself, there is nothing to lose: a face
    whose sex the probes can only guess could not be edited at all.

    Args:
        seen: (K, B, C) logits of what is kept, of evenly spaced frames from the face itself on.
    """
    if not seen.shape[2]:
        return numbers([1.0] * seen.shape[1], seen)
    lib = library(seen)
    firm = seen * lib.sign(seen[0])  # (K, B, C)
    return lib.amin(crossing(least(firm[0]) - firm), 1)


def least(firm: Array) -> Array:
    """How firm a logit must stay that was so firm: see `departure`."""
    never = -1e9  # and not infinity, of which differences are taken
    return library(firm).where(firm < CONFIDENT, never, (firm - CONFIDENT).clip(0, CONFIDENT))


def crossing(excess: Array) -> Array:
    """Where along the way a quantity (K, ...) is first at 0 or above: shares (...), 1 if never.

    Interpolated between two of the K frames, and never at the first of them.
    """
    lib, there = library(excess), excess >= 0
    first = lib.argmax(lib.where(there, 1.0, 0.0), 0)[None].clip(min=1)
    before, after = along(excess, first - 1, 0)[0], along(excess, first, 0)[0]
    between = (-before / (after - before).clip(min=1e-6)).clip(0, 1)
    share = (numbers(first[0] - 1, between) + between) / (len(excess) - 1)
    return lib.where(there.any(0), share, lib.ones_like(share))


def wanted_logits(said: Array, typical: Array, strengths: Array) -> Array:
    """Where a strength leads in the probes' logits: (B, A).

    Strength +1 goes to the middle of the faces that have the attribute, -1 to the middle of those
    that lack it, other strengths a share of that way.

    Args:
        said: (B, A) of the faces themselves.
        typical: (A, 2) the median logit of faces that have, and lack, each attribute.
        strengths: (A,) signed.
    """
    lib = library(said)
    sign = lib.sign(strengths)
    gap = typical[:, 0] - typical[:, 1]
    goal = lib.where(strengths > 0, typical[:, 0], typical[:, 1])
    full = lib.maximum(sign * (goal - said), LEAST * gap)  # (B, A)
    return said + strengths * full


@inference
def stop(
    nets: Networks,
    c: Array,
    z: Array,
    strengths: Mapping[str, float],
    walk: walking.Walk,
    kept: Iterable[str],
    shown: Callable[[Array], Array] = lambda change: change,
    recognised: Callable[[Array, Array], Array] | None = None,
    same_person: float = math.pi,
) -> Stopped:
    """End a walk, and what it changes in codes c (B, C), where the code shows what was asked.

    Args:
        z: (B, D) the faces' embeddings, where the walk starts.
        strengths: of attributes that the probes know, none of them 0.
        walk: as far as an edit may go.
        kept: attributes that the code must not lose on the way.
        shown: what of a change (B, C) of the codes the picture will show, (B, C).
        recognised: the embeddings (R, D) of the pictures that a change (R, C) of the codes makes
            of some of the faces, whose rows (R,) it takes as well.
        same_person: the farthest from z that those may be, radians.
    """
    lib, names = library(c), list(strengths)
    frames = walk.frames(FRAMES + 1)  # (K, B, D)
    count, faces = frames.shape[:2]
    own = lib.concatenate([c] * count)
    start = lib.concatenate([z] * count)
    change = nets.map_change(own, start, frames.reshape(count * faces, -1))
    change = change.reshape(count, faces, -1)
    further = numbers(FURTHER, c)[:, None, None]
    change = lib.concatenate([change, further * change[-1:]])  # (K', B, C)
    codes = (c[None] + change).reshape(-1, c.shape[1])
    said = nets.read_code(codes).reshape(len(change), faces, -1)  # (K', B, A)

    asked = numbers([strengths[name] for name in names], c)
    columns = [nets.probes.names.index(name) for name in names]
    told = said[:, :, columns]
    goal = wanted_logits(told[0], nets.probes.typical[columns], asked)
    share, seen = arrival(told, goal)
    keep = [nets.probes.names.index(name) for name in kept if name in nets.probes.names]
    limit = departure(said[:, :, keep])
    # What is never shown is not to be had by going on: it ends where the walk does
    share = lib.where(seen, share, share.clip(max=FRAMES / (len(change) - 1)))
    seen = seen & (share <= limit)
    place = lib.minimum(share, limit) * (len(change) - 1)  # (B,) in frames
    low = place.clip(0, len(change) - 1.001)
    first = numbers(lib.floor(low), low)
    between = (place - first)[:, None]
    index, rows = indices(first, low), lib.arange(faces)
    ended = change[index, rows] * (1 - between) + change[index + 1, rows] * between
    points = walk.until((place / FRAMES).clip(0, 1))
    if nets.facial:
        moved = unturned(nets, nets.shapes(c), nets.shapes(ended))  # (B, 68, 2)
        moved = numbers(moving(strengths), c) @ moved
        ended = lib.concatenate([ended[:, : nets.texture], moved.reshape(faces, -1)], 1)
    shaped = dict(strengths)
    if shaped.get("smile", 0) < 0 and "mouth_open" not in {*shaped, *kept}:
        shaped["mouth_open"] = shaped["smile"]  # who stops smiling shuts their mouth
    ended = made_up(nets, c, ended, shaped)
    whole, all_ = completed(nets, c, ended, strengths, shown, keep)
    ended, whole = (
        ordinary(nets, c, unexpressive(nets, c, one, strengths)) for one in (ended, whole)
    )
    if recognised is not None:
        share = within(z, ended, whole, recognised, same_person)
        near = ended + share[:, None] * (whole - ended)
        whole, all_ = lib.where(share[:, None] < 1, near, whole), all_ & (share >= 1)
    walk = replace(
        walk,
        points=points,
        angle=sphere.angle(points[0], points[-1]),
        reached=seen | all_,
        after=nets.logits(points[-1], strengths),
    )
    return Stopped(walk, whole)


def ordinary(nets: Networks, c: Array, change: Array) -> Array:
    """A change (B, C) of codes c whose texture, and shape that is no face's, ends no farther from
    the mean than `ORDINARY` standard deviations, or than it was.
    """
    bound = nets.texture if nets.facial else nets.code
    lib, own, mean = library(c), c[:, :bound], nets.probes.mean[:bound]
    edge = ORDINARY * nets.probes.spread[:bound]
    low, high = lib.minimum(own, mean - edge), lib.maximum(own, mean + edge)
    bounded = lib.minimum(lib.maximum(own + change[:, :bound], low), high) - own
    return lib.concatenate([bounded, change[:, bound:]], 1)


def within(
    z: Array,
    start: Array,
    end: Array,
    recognised: Callable[[Array, Array], Array],
    same_person: float,
) -> Array:
    """How far from one change (B, C) of the codes to another the pictures stay near z (B, D).

    Args:
        recognised, same_person: see `stop`.

    Returns shares (B,): 1 where the end is near enough, 0 where nothing on the way is.
    """
    lib, every = library(z), library(z).arange(len(z))
    share = lib.ones_like(z[:, 0])
    last = sphere.angle(z, recognised(end, every)) - same_person
    rows = every[last > 0]
    if len(rows):
        z, start, end = z[rows], start[rows], end[rows]
        excess = []
        for step in range(LOOKS):  # from the start on
            seen = recognised(start + step / LOOKS * (end - start), rows)
            excess.append(sphere.angle(z, seen) - same_person)
        excess.append(last[rows])
        share[rows] = crossing(lib.stack(excess))
    return share


def completed(
    nets: Networks,
    c: Array,
    change: Array,
    strengths: Mapping[str, float],
    shown: Callable[[Array], Array],
    keep: Sequence[int] = (),
) -> tuple[Array, Array]:
    """A change (B, C) of codes c with what its picture is short of, along the prototypes.

    The mean of what may be, which is what a network learns from pairs, is fainter than any of it;
    and some faces are far from all that have what is asked. A prototype is as clean as the mean of
    thousands of faces is, and goes as far as it is needed, but `MAX_PROTOTYPE` times at most (of
    what is measured `MAX_MEASURED` times, and a face's shape `MAX_SHAPE` times), and not so far
    that the picture loses what is to be kept (`departure`).

    Args:
        keep: columns of the probes.

    Returns the change, and where all was shown in the end, (B,) bool.
    """
    probes, lib, ways, done = nets.probes, library(c), list[Any](), dict[str, Any]()
    said, keep = nets.read_code(c), list(keep)  # (B, A)
    for name, strength in strengths.items():
        if name in FORMED and name in probes.measures:  # all of it is made up already
            done[name] = lib.ones_like(said[:, 0]) > 0
            continue
        column, sign = probes.names.index(name), np.sign(strength)
        way = sign * probes.prototypes[column]
        for other in BROUGHT.get((name, int(sign)), ()):
            if other in probes.names:
                way = way + probes.prototypes[probes.names.index(other)]
        if nets.facial:
            # What is measured is made up already
            moved = numbers(moving([name]) * (name not in probes.measures), c) @ placed(
                nets, nets.shapes(way[None])[0]
            )
            way = lib.concatenate([way[: nets.texture], moved.reshape(-1)])
        further = probes.reach[column, 0 if strength > 0 else 1]
        most = MAX_MEASURED if name in probes.measures else MAX_PROTOTYPE
        still = lib.concatenate([way[: nets.texture], 0 * way[nets.texture :]])
        if nets.code == nets.texture or name in probes.measures or (nets.facial and name in STILL):
            ways.append((name, strength, further, most, way))
        elif nets.facial:  # shapes of the classes differ by no more; what lags behind is colour
            ways.append((name, strength, further, MAX_SHAPE, way))
            ways.append((name, strength, further, most - MAX_SHAPE, still))
        else:  # of a shape all is seen: only colours go further than codes ask for
            ways += [(name, strength, 1, most, way), (name, strength, further, most, still)]
    for name, strength, further, most, way in ways:
        column, sign = probes.names.index(name), np.sign(strength)
        asked = numbers([strength], c)
        goal = wanted_logits(said[:, [column]], probes.typical[[column]], further * asked)[:, 0]
        now = nets.read_code(c + shown(change))  # (B, A)
        more = nets.read_code(c + shown(change + way)) - now  # a picture is nearly linear in it
        most = most * abs(strength)
        share = _share(sign * (goal - now[:, column]), sign * more[:, column], most)
        done[name] = share < most
        if keep:
            side = lib.sign(said[:, keep])
            room = (side * now[:, keep] - least(side * said[:, keep])).clip(min=0)
            limit = lib.amin(_share(room, -side * more[:, keep], most), 1)
            done[name], share = done[name] & (share <= limit), lib.minimum(share, limit)
        change = change + share[:, None] * way
    return change, lib.stack([*done.values()]).all(0)


def _share(way: Array, slope: Array, most: float) -> Array:
    """How many times a slope a way takes, 0 to `most`; `most` where there is none."""
    lib = library(way)
    goes = slope > 1e-3
    return lib.where(goes, way / lib.where(goes, slope, 1 + 0 * slope), most + 0 * way).clip(
        0, most
    )

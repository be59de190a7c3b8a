"""How far an edit must go: seen in the picture, and not on the sphere.

An edit counts when the picture has changed, not when z has, and how soon the picture follows z is
a matter of the face. So a walk is drawn before it is believed: pictures along it are shown to the
guides (`models.guide`), pixel classifiers that share nothing with FaceNet, and the walk ends where
they see what was asked. Easy faces stop early, which keeps the person; hard ones go on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from istrc import holding, sphere
from istrc import walk as walking
from istrc.arrays import along, inference, library, numbers
from istrc.rebuilding import Rebuilding

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.circle import Circle
    from istrc.models.guide import Guides

FRAMES = 8  # pictures along a walk that are looked at, beside the face itself
TOGETHER = 32  # pictures drawn and looked at in one batch
SEEN = math.log(0.95 / 0.05)  # the logit of probability 0.95: the guides have seen it
RARE = math.log(0.85 / 0.15)  # of 0.85: so have they of what they are seldom sure of
SURE = math.log(0.7 / 0.3)  # the logit of probability 0.7: sure of what is kept
NEAREST = 0.6  # of the way that z asks for: an edit goes as far though it is seen before
FURTHEST = 1.4  # times the bound, for a picture that lags behind
BEYOND = 2.5  # times the evidence asked of z: how far a walk may go for a picture that lags behind
WATCHED = ("male",)  # of what is held by default, this is held in the picture as well


def arrival(seen: Array, wanted: Array) -> tuple[Array, Array]:
    """Where along its way each face first shows everything that was asked.

    Args:
        seen: (K, B, A) logits of evenly spaced frames, the first of which is the face itself.
        wanted: (B, A), none of which the face itself has.

    Returns the share of the way (B,), interpolated between two frames, and whether it was seen at
    all (B,) bool; 1 where it was not.
    """
    gone = (seen - seen[0]) / (wanted - seen[0])  # (K, B, A)
    done = library(seen).amin(gone, 2)  # (K, B): 0 at the face, 1 is all
    return crossing(done - 1), (done >= 1).any(0)


def departure(seen: Array) -> Array:
    """Where along its way each face begins to lose what was to be kept: shares (B,), 1 if never.

    A logit may weaken by `SURE`, and further while it stays as sure as that; it may not change
    sides. Where it is less sure than that at the face itself, there is nothing to lose: a face
    whose sex the guides can only guess could not be edited at all.

    Args:
        seen: (K, B, C) logits of what is kept, of evenly spaced frames from the face itself on.
    """
    if not seen.shape[2]:
        return numbers([1.0] * seen.shape[1], seen)
    lib = library(seen)
    firm = seen * lib.sign(seen[0])  # (K, B, C)
    never = -1e9  # and not infinity, of which differences are taken
    least = lib.where(firm[0] < SURE, never, (firm[0] - SURE).clip(0, SURE))
    return lib.amin(crossing(least - firm), 1)


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


def certainty(guides: Guides, strengths: dict[str, float]) -> Array:
    """The logits (K,) at which the guides have seen a full transformation of each attribute.

    As sure as they are of half of the faces that have it (or lack it), from `RARE` to `SEEN`: of a
    moustache, which is rare, they are never as sure as of a smile, and an edit that waited for it
    would go too far.
    """
    columns = [guides.attributes.index(name) for name in strengths]
    lacking = [int(value < 0) for value in strengths.values()]
    return guides.typical[columns, lacking].clip(RARE, SEEN)


@inference
def look(
    guides: Guides,
    draw: Callable[[Array], Array],  # embeddings (K B, D), pictures (K B, 3, S, S)
    path: walking.Walk,
    strengths: dict[str, float],  # of attributes that the guides know, none of them 0
    keep: list[str] = (),  # attributes to hold; those that the guides do not know are not looked at
    least: Array | float = 0.0,  # (B,) share of the way to go though it is seen before
) -> tuple[Array, Array]:
    """Where a walk of B faces is to end: shares of the way (B,), and whether it was seen (B,)."""
    columns = [guides.attributes.index(name) for name in strengths]
    kept = [guides.attributes.index(name) for name in keep if name in guides.attributes]
    frames = path.frames(FRAMES + 1)  # (K, B, D)
    several = max(1, TOGETHER // frames.shape[1])
    seen = library(frames).concatenate(
        [
            guides(draw(frames[k : k + several].reshape(-1, frames.shape[2]))).mean(0)
            for k in range(0, len(frames), several)
        ]
    )
    seen = seen.reshape(*frames.shape[:2], -1)  # (K, B, A)
    asked = numbers(list(strengths.values()), seen)
    wanted = walking.targets(seen[0][:, columns], asked, certainty(guides, strengths))
    share, arrived = arrival(seen[:, :, columns], wanted)
    limit = departure(seen[:, :, kept])
    share_or_least = share.clip(min=least)
    return library(seen).minimum(share_or_least, limit), arrived & (share <= limit)


@inference
def reach(
    circle: Circle,
    x: Array,
    z: Array,
    strengths: Mapping[str, float],
    keep: Iterable[str] | None,
    mode: str,
    metric: str,
) -> walking.Walk:
    """The walk of an edit of faces x (B, 3, S, S), ended where the picture shows what was asked.

    See `Circle.reach`, whose arguments these are.
    """
    keep = holding.named(keep)
    asked = {name: float(value) for name, value in strengths.items() if value}
    known = circle.guides is not None and set(asked) <= set(circle.guides.attributes)
    if not asked or not known:
        return circle.walk(z, strengths, keep=keep, metric=metric)
    # As far as z asks for and as far as an edit may go, in one batch
    z = circle.here(z)
    both = circle.walk(
        library(z).concatenate([z, z]),
        strengths,
        keep=keep,
        metric=metric,
        beyond=numbers([1.0] * len(z) + [BEYOND] * len(z), z),
        bound=numbers([1.0] * len(z) + [FURTHEST] * len(z), z) * circle.bound,
    )
    near, far = both.of(slice(len(z))), both.of(slice(len(z), None))
    rebuilding = Rebuilding(circle, x, z)
    share, seen = look(
        circle.looking,
        lambda z2: rebuilding.drawn(z2, mode),
        far,
        asked,
        [name for name in circle.held(keep, strengths) if name in {*WATCHED, *(keep or [])}],
        least=NEAREST * near.angle / far.angle.clip(min=1e-6),
    )
    points = far.until(share)
    return replace(
        far,
        points=points,
        angle=sphere.angle(points[0], points[-1]),
        reached=seen,
        after=circle.logits(points[-1], strengths),
    )

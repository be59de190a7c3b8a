"""The second pass: every frame gets the edit of the clip, and what trembles is held still."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from istrc.circle import Circle
from istrc.data.prepared import to_tensor
from istrc.errors import InputError
from istrc.film.direction import Direction
from istrc.film.flicker import Flicker
from istrc.film.put import Layer, make_layers, paste, steadied
from istrc.film.read import Film
from istrc.film.shot import Shot
from istrc.film.track import HALF_WIDTH, Track, frame_at

BATCH = 16  # frames in the networks at once
HELD = 64 << 20  # bytes of them in memory; fewer frames of a large film
STEADY = 2.0  # a motion is averaged over so many times the seconds of a place
REACH = 2.0  # sigmas of that mean; frames are held until it has been reached
AHEAD = 24  # frames, at most


@dataclass(frozen=True, eq=False)
class Plan:
    """What the first pass found out, and the edit that follows from it.

    Attributes:
        track: where the face is and what it is, smoothed as the edit uses it.
        ruler: the same as flicker is measured by: smoothed even if the edit is not.
        direction: the edit of the whole clip.
        smooth: seconds over which the track was smoothed.
        people: faces in the first frame that has any.
        mode, moving: how the edit is put into a frame, see istrc.film.put.
    """

    track: Track
    ruler: Track
    direction: Direction
    smooth: float
    people: int
    mode: str
    moving: bool


def rendered(
    circle: Circle, film: Film, plan: Plan, flicker: Flicker | None = None
) -> Iterator[Any]:
    """Every frame of a film, edited where the face is, and PyAV's packets of sound among them.

    Frames without the face are the very `Shot`s that were read.
    """
    stage = _Stage(circle, plan, flicker)
    size = max(1, min(BATCH, HELD // (film.width * film.height * 3 // 2)))
    batch: list[Shot] = []
    for item in film.read(sound=True):
        if not isinstance(item, Shot):
            yield item
            continue
        batch.append(item)
        if len(batch) == size:
            stage.enter(batch)
            yield from stage.leave()
            batch = []
    if batch:
        stage.enter(batch)
    yield from stage.leave()
    if stage.left != len(plan.track.times):
        raise InputError(f"{film.path}: changed while it was read; wait until it is complete")


class _Stage:
    """Frames come in by the batch and go out one by one, as soon as their neighbours are in."""

    def __init__(self, circle: Circle, plan: Plan, flicker: Flicker | None):
        self.circle, self.plan, self.flicker = circle, plan, flicker
        self.shares = plan.track.shares()
        self.runs = np.full(len(self.shares), -1)  # which run a frame is of
        for number, run in enumerate(plan.track.runs()):
            self.runs[run] = number
        self.sigma = STEADY * plan.smooth / HALF_WIDTH if plan.moving else 0.0  # seconds
        self.entered = self.left = 0  # frames
        self.waiting: deque[Shot] = deque()
        self.layers: dict[int, Layer] = {}

    def enter(self, batch: list[Shot]) -> None:
        track, first = self.plan.track, self.entered
        self.entered += len(batch)
        self.waiting.extend(batch)
        faces = [i for i in range(len(batch)) if self.shares[first + i : first + i + 1].any()]
        if not faces:
            return
        numbers = [first + i for i in faces]
        crops = [
            frame_at(track.places[n]).crop(batch[i].rgb(), self.circle.size)
            for i, n in zip(faces, numbers, strict=True)
        ]
        z = track.z[torch.tensor(numbers)].to(self.circle.device)
        spaces = to_tensor(np.stack(crops)), z, self.plan.direction.of(z)
        made = make_layers(self.circle, *spaces, self.plan.mode, self.plan.moving)
        self.layers.update(zip(numbers, made, strict=True))

    def leave(self) -> Iterator[Shot]:
        total = len(self.shares)
        while self.waiting and self.left < total:
            near = self._near(self.left)
            if near.stop > self.entered:
                return
            shot = self.waiting.popleft()
            yield self._edited(shot, self.left, near)
            self.left += 1
            for old in [n for n in self.layers if n < near.start]:
                del self.layers[old]

    def _near(self, number: int) -> range:
        """The frames whose motion counts for this one's: of its run, and not far in time."""
        times, run = self.plan.track.times, self.runs[number]
        first = last = number
        if run >= 0 and self.sigma:
            while self._counts(first - 1, number, times, run):
                first -= 1
            while self._counts(last + 1, number, times, run):
                last += 1
        return range(first, last + 1)

    def _counts(self, other: int, number: int, times: np.ndarray, run: int) -> bool:
        if not 0 <= other < len(times) or self.runs[other] != run or abs(other - number) > AHEAD:
            return False
        return abs(times[other] - times[number]) <= REACH * self.sigma and self.shares[other] > 0

    def _edited(self, shot: Shot, number: int, near: range) -> Shot:
        if number not in self.layers:
            return shot
        times, frame = self.plan.track.times, frame_at(self.plan.track.places[number])
        layer = self.layers[number]
        if self.sigma:
            away = (times[near.start : near.stop] - times[number]) / self.sigma
            layer = steadied(layer, [self.layers[n] for n in near], np.exp(-(away**2) / 2).tolist())
        pixels = shot.rgb()
        new = paste(pixels, layer, frame)
        result = shot.changed(pixels, new, frame.corners(), self.shares[number])
        if self.flicker is not None:
            ruler, size = frame_at(self.plan.ruler.places[number]), self.flicker.size
            faces = (ruler.crop(picture, size) for picture in (pixels, result.rgb()))
            self.flicker.add(int(self.runs[number]), *faces)
        return result

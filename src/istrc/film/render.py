"""The second pass: every frame gets the edit of the clip, as a photograph does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from istrc.circle import Circle
from istrc.data.prepared import to_tensor
from istrc.edit.composite import Layers, put
from istrc.edit.render import Rendering
from istrc.errors import InputError
from istrc.film.direction import Direction
from istrc.film.flicker import Flicker
from istrc.film.read import Film
from istrc.film.shot import Shot
from istrc.film.track import Track, frame_at
from istrc.photo.align import Frame
from istrc.photo.paste import paste_crop

BATCH = 16  # frames in the networks at once
BATCH_BYTES = 64 << 20  # bytes of them in memory; fewer frames of a large film

Layer = Layers | np.ndarray  # what is put into a frame: an edit's layers, or a face (S, S, 3)


@dataclass(frozen=True, eq=False)
class Plan:
    """What the first pass found out, and the edit that follows from it."""

    track: Track  # where the face is and what it is, smoothed as the edit uses it
    ruler: Track  # the same as flicker is measured by: smoothed even if the edit is not
    direction: Direction  # the edit of the whole clip
    people: int  # faces in the first frame that has any
    mode: str  # how the edit is put into a frame, see `Circle.rebuild`
    doubts: tuple[str, ...] = ()  # why the edit may not fit, a line each


def rendered(
    circle: Circle, film: Film, plan: Plan, flicker: Flicker | None = None
) -> Iterator[Any]:
    """Every frame of a film, edited where the face is, and PyAV's packets of sound among them.

    Frames without the face are the very `Shot`s that were read.
    """
    stage = _Stage(circle, plan, flicker)
    size = max(1, min(BATCH, BATCH_BYTES // (film.width * film.height * 3 // 2)))
    batch: list[Shot] = []
    for item in film.read(sound=True):
        if not isinstance(item, Shot):
            yield item
            continue
        batch.append(item)
        if len(batch) == size:
            yield from stage.edit(batch)
            batch = []
    yield from stage.edit(batch)
    if stage.count != len(plan.track.times):
        raise InputError(f"{film.path}: changed while it was read; wait until it is complete")


class _Stage:
    """Frames are edited by the batch."""

    def __init__(self, circle: Circle, plan: Plan, flicker: Flicker | None):
        self.circle, self.plan, self.flicker = circle, plan, flicker
        self.shares = plan.track.shares()
        self.runs = np.full(len(self.shares), -1)  # which run a frame is of
        for number, run in enumerate(plan.track.runs()):
            self.runs[run] = number
        self.count = 0  # frames so far

    def edit(self, batch: list[Shot]) -> list[Shot]:
        track, first = self.plan.track, self.count
        self.count += len(batch)
        faces = [i for i in range(len(batch)) if self.shares[first + i : first + i + 1].any()]
        if not faces:
            return batch
        numbers = [first + i for i in faces]
        crops = [
            frame_at(track.places[n]).crop(batch[i].rgb(), self.circle.size)
            for i, n in zip(faces, numbers, strict=True)
        ]
        z = track.z[torch.tensor(numbers)].to(self.circle.device)
        points = track.points
        if points is not None:
            points = self.circle.to_device(points[numbers].astype(np.float32))
        x = to_tensor(np.stack(crops))
        made = make_layers(self.circle, x, z, points, self.plan.direction, self.plan.mode)
        for i, number, layer in zip(faces, numbers, made, strict=True):
            batch[i] = self._edited(batch[i], number, layer)
        return batch

    def _edited(self, shot: Shot, number: int, layer: Layer) -> Shot:
        frame, pixels = frame_at(self.plan.track.places[number]), shot.rgb()
        new = paste(self.circle, pixels, layer, frame)
        result = shot.changed(pixels, new, self.shares[number])
        if self.flicker is not None:
            ruler, size = frame_at(self.plan.ruler.places[number]), self.flicker.size
            faces = (ruler.crop(picture, size) for picture in (pixels, result.rgb()))
            self.flicker.add(int(self.runs[number]), *faces)
        return result


def make_layers(
    circle: Circle,
    x: torch.Tensor,
    z: torch.Tensor,
    points: torch.Tensor | None,
    direction: Direction,
    mode: str = "photo",
) -> list[Layer]:
    """The edit of a clip, of B faces x with embeddings z and points (B, 68, 3)."""
    z2 = direction.of(z)
    if mode == "circle":
        drawn = circle.decode(z2)
    else:
        rendering = Rendering.of(circle, x, points, direction.detail)
        change = direction.further * circle.map_change(rendering.c, z, z2)
        if direction.rest is not None:
            change = change + direction.rest.to(change)
        if mode == "photo":
            return [*rendering.layers(change, direction.edits)]
        drawn = rendering.drawn(change, mode, direction.edits)
    return list(drawn.permute(0, 2, 3, 1).cpu().numpy())


def paste(circle: Circle, picture: np.ndarray, layer: Layer, frame: Frame) -> np.ndarray:
    """A picture (H, W, 3) uint8 with an edit in it, a new array."""
    if isinstance(layer, np.ndarray):
        return paste_crop(picture, layer, frame)
    return put(picture, layer, frame, circle.mesh)

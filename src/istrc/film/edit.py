"""A film in, the same film with an edited face out.

It is read twice. First one face is followed and embedded in every frame; of all that, the edit of
the whole clip is made. Then every frame gets it. Only a second of frames is in memory at a time,
and beside them a place and an embedding a frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.arrays import numpy
from istrc.circle import Circle
from istrc.data.prepared import to_tensor
from istrc.edit.render import MODES
from istrc.errors import InputError, check_choice
from istrc.film.direction import find_direction, middle
from istrc.film.flicker import Flicker
from istrc.film.follow import Follower
from istrc.film.read import Film
from istrc.film.render import Plan, rendered
from istrc.film.shot import Shot
from istrc.film.write import Writer, check_output
from istrc.whole import resolved

SMOOTH = 0.3  # seconds
CRF = 18
DARK = 24.0  # levels; in a frame or a face with a lower mean little can be seen

Progress = Callable[[str, int, int], None]  # what is done, frames done, of how many (0: unknown)


@dataclass(frozen=True)
class EditedFilm:
    """What `edit_film` did."""

    path: Path  # the film that was written
    frames: int
    faces: int  # frames in which the face was found
    fps: float
    size: tuple[int, int]  # width and height, pixels
    angle: float  # radians by which every frame was moved on the sphere
    people: int  # faces in the first frame that has any
    flicker: dict[str, float | None]  # see `istrc.film.flicker.Flicker.result`
    sound: str  # "copied", "encoded" (the container does not take it as it is) or "none"
    losses: tuple[str, ...]  # what the film that was written has not, or has otherwise, a line each
    doubts: tuple[str, ...]  # why the edit may not fit, a line each


def edit_film(
    circle: Circle,
    source: str | Path,
    out: str | Path,
    strengths: Mapping[str, float],
    *,
    keep: Iterable[str] | None = None,
    mode: str = "photo",
    metric: str = "data",
    face: str | int = "largest",
    smooth: float = SMOOTH,
    crf: int = CRF,
    provenance: bool = True,
    location: bool = False,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> EditedFilm:
    """Edit one face through a film: `edit_film(circle, "in.mp4", "out.mp4", {"smile": 1})`.

    Args:
        out: .mp4, .mov, .mkv or .webm; nothing of it stays when anything goes wrong.
        strengths, keep, mode, metric: as in `Circle.stopped_walk`.
        face: "largest" or K, the K-th largest of the first frame with faces.
        smooth: seconds over which the face's place and embedding are smoothed; 0 is not at all.
        crf: quality of the film that is written, 0 (lossless) to 51.
        provenance: say in the file that a model made parts of it, if an edit did.
        location: keep where the film was taken.
        progress: called after every frame of either pass.
        tell: called with each of the losses before the first pass, and of the doubts after it.

    Raises InputError for what is no film, a film that is damaged or cut off, one without a face
    or with sound that `out` cannot hold, and IstrcError where PyAV is missing.
    """
    check_choice("mode", mode, MODES)
    check_output(out)
    film = Film(source, odd=Path(out).suffix.lower() == ".webm")
    if resolved(out) == resolved(film.path):
        raise InputError(f"{out}: would overwrite the input; give another name")
    writer = Writer(out, film, crf, location=location)
    tell, progress = tell or (lambda line: None), progress or (lambda *_: None)
    for line in writer.losses:
        tell(line)
    settings: dict[str, Any] = dict(face=face, smooth=smooth, keep=keep, mode=mode, metric=metric)
    plan = make_plan(circle, film, strengths, progress=progress, **settings)
    for line in plan.doubts:
        tell(line)
    flicker = Flicker(circle.size)
    writer.provenance = provenance and (mode != "photo" or plan.direction.angle > 0)
    with writer:
        count = 0
        for item in rendered(circle, film, plan, flicker):
            if not isinstance(item, Shot):
                writer.add_sound(item)
                continue
            writer.write(item)
            count += 1
            progress("edit", count, len(plan.track.times))
    return EditedFilm(
        path=Path(out),
        frames=len(plan.track.times),
        faces=int(plan.track.found.sum()),
        fps=float(film.fps),
        size=(film.width, film.height),
        angle=plan.direction.angle,
        people=plan.people,
        flicker=flicker.result(),
        sound=writer.sound,
        losses=writer.losses,
        doubts=plan.doubts,
    )


def make_plan(
    circle: Circle,
    film: Film,
    strengths: Mapping[str, float],
    *,
    face: str | int = "largest",
    smooth: float = SMOOTH,
    progress: Progress = lambda *_: None,
    mode: str = "photo",
    **settings: Any,
) -> Plan:
    """The first pass: follow the face, then walk once for the whole clip."""
    find = None if circle.landmarks is None else lambda crops: numpy(circle.find(to_tensor(crops)))
    follower = Follower(
        lambda crops: circle.embed(to_tensor(crops)), circle.aligner, circle.size, face, find
    )
    count = 0
    for count, shot in enumerate(film.read(), 1):
        follower.look(shot.rgb(), shot.time)
        progress("follow", count, film.expected and max(count, film.expected))
    found = follower.finish()
    if not found.found.any():
        lighter = "; it is dark: lighten it first" if follower.brightest < DARK else ""
        raise InputError(
            f"{film.path}: no face found in any of {count} frames; use a film in which a face is "
            f"seen from the front{lighter}"
        )
    track = found.smoothed(smooth)
    numbers = sorted(follower.crops)
    brightness = float(np.median([follower.crops[n].mean() for n in numbers]))
    x = to_tensor(np.stack([follower.crops[n] for n in numbers]))
    z = track.z[torch.tensor(numbers)].to(circle.device)
    mean = middle(track.z[torch.from_numpy(found.found)])
    direction = find_direction(circle, x, z, mean, strengths, mode=mode, **settings)
    ruler = track if smooth >= SMOOTH else found.smoothed(SMOOTH)
    doubts: tuple[str, ...] = ()
    if brightness < DARK:
        level = f"mean level {brightness:.0f} of 255"
        doubts = (f"its face is dark ({level}), and its edit may not fit: lighten it",)
    return Plan(track, ruler, direction, follower.count, mode, doubts)

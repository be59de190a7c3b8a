"""The faces of a photograph that a command takes, found and not embedded yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from istrc.cli.files import Job
from istrc.cli.options import FaceOptions

if TYPE_CHECKING:
    import numpy as np

    from istrc.photo.align import Frame
    from istrc.photo.picture import Picture

TOGETHER = 64  # faces embedded or drawn at once: more are not quicker


@dataclass(frozen=True)
class Seen:
    """Of one photograph."""

    picture: Picture
    frames: list[Frame]  # where these faces are in it, K
    crops: np.ndarray  # (K, S, S, 3) uint8
    first: int  # the number of the first of them, from 1
    count: int  # faces that it has

    @property
    def pixels(self) -> int:
        """Of the photograph."""
        return self.picture.pixels[..., 0].size


def look(circle: Any, job: Job, settings: dict[str, Any]) -> Seen:
    """Read a photograph and find the faces that `settings["faces"]` asks for.

    Raises InputError where it cannot be read or has no such face.
    """
    from istrc.circle import number_of

    which: FaceOptions = settings["faces"]
    where = dict(aligned=which.aligned, min_face=which.min_face)
    picture, frames, crops = circle.crops(job.source, **where)
    count, first = len(frames), 1
    if which.face != "all":
        first = number_of(which.face, count, job.source)
        frames, crops = frames[first - 1 : first], crops[first - 1 : first]
    return Seen(picture, frames, crops, first, count)


def embedded(circle: Any, crops: Sequence[np.ndarray]) -> tuple[Any, Any]:
    """The faces x (N, 3, S, S) of all of these crops, and their embeddings z (N, D)."""
    import numpy as np

    from istrc.arrays import library
    from istrc.data.prepared import to_array

    x = to_array(np.concatenate(crops))
    z = [circle.embed(x[start : start + TOGETHER]) for start in range(0, len(x), TOGETHER)]
    return x, library(z[0]).concatenate(z)

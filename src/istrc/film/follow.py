"""One face is followed through a film: found once, then looked for where it was.

The detector looks at the whole frame until it sees the face, then at every `EVERY`-th frame only
round it; the aligner alone goes from frame to frame. What the aligner says counts only between two
frames in which the detector saw the face as well: it would see one in a wall. After a cut, or
when the face was lost, the same person is looked for, by the embedding.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from istrc import sphere
from istrc.errors import InputError
from istrc.film.track import Track, place_of
from istrc.photo.align import FindsPoints, Frame, find_frame, transform
from istrc.photo.detect import FIRST_SIDE, LAST_TURNS, SECOND_SIDE, Box, glance
from istrc.photo.find import Found, believed
from istrc.shape.crop import BOX_CENTRE, BOX_SIDE

LOOKS = 2  # of the aligner, where the face was in the frame before
EVERY = 3  # frames from one look of the detector round the face to the next
PATIENCE = 0.4  # seconds that a face may go unseen by the detector before it counts as lost
SEARCH = 0.2  # seconds between two looks at the whole frame
TURNED_SEARCH = 1.0  # seconds between two looks for faces that lie on their side or head
TURNED = math.radians(30)  # a face turned further is looked for in a window turned with it
WINDOW = 2.2  # of the detector's look round a face, in sides of its box
SEEN_AT = 110  # pixels that the box has in that look; the detector sees 80 and more
NEAR = 0.6  # of a box's side: what is farther from where the face was is another
SIZES = 1.6  # a face does not change its size by more from look to look
AGAIN = 1.0  # seconds in which a face that comes back in its place is the same one
STRANGER = 1.1  # radians; a face farther from the followed one is another person
CUT = 30.0  # levels, mean over a thumbnail: more change from frame to frame is a cut
THUMBNAIL = (32, 18)
BATCH = 16  # faces embedded at once
SAMPLE = 128  # faces of which crops are kept


class Follower:
    """Follows one face; `look` at every frame in order, then `finish`.

    Args:
        embed: crops (B, S, S, 3) uint8 -> embeddings (B, D).
        size: S.
        which: "largest", or K: the K-th largest in the first frame with faces.
        find: crops -> their points (B, 68, 3), see `Circle.find`; None finds none.
    """

    def __init__(
        self,
        embed: Callable[[np.ndarray], torch.Tensor],
        aligner: FindsPoints | None,
        size: int,
        which: str | int = "largest",
        find: Callable[[np.ndarray], np.ndarray] | None = None,
    ):
        self.find = find
        self.embed, self.aligner, self.size = embed, aligner, size
        self.rank = 1 if which == "largest" else int(which)
        self.count = 0  # faces in the first frame that has any
        self.crops: dict[int, np.ndarray] = {}  # frame number: crop, evenly thinned to SAMPLE
        self._keep_every = 1
        self._places: list[np.ndarray] = []
        self._z: list[torch.Tensor] = []
        self._points: list[np.ndarray] = []
        self._embedded: list[int] = []  # the frame of each of their rows
        self._scenes: list[int] = []
        self._times: list[float] = []
        self._waiting: list[tuple[int, np.ndarray]] = []  # crops that are not embedded yet
        self._sum: torch.Tensor | None = None  # of the embeddings: the person
        self._thumbnail: np.ndarray | None = None
        self._box: Box | None = None  # where the face was in the frame before
        self._gone: tuple[Box, float] | None = None  # where and when it was last seen
        self._confirmed = 0  # the last frame in which the detector saw it
        self._doubted = False  # it looked again since then, and did not
        self._searched = -math.inf  # seconds: the last look at the whole frame
        self._turned = -math.inf  # and the last at the turned one
        self.brightest = 0.0  # of the brightest frame, its mean level

    def look(self, pixels: np.ndarray, time: float) -> None:
        """The next frame, (H, W, 3) uint8 RGB, at `time` seconds."""
        number = len(self._places)
        scene = self._scenes[-1] if self._scenes else 0
        if self._is_cut(pixels):
            self._lose(number)
            scene, self._gone = scene + 1, None
            self._searched = self._turned = -math.inf
        self._scenes.append(scene)
        self._times.append(time)
        self._places.append(np.full(4, np.nan))
        frame = self._follow(pixels, number, time)
        if frame is None and time - self._searched >= SEARCH - 1e-6:
            self._searched = time
            frame = self._search(pixels, number, time)
        if frame is None:
            return
        self._places[number] = place_of(frame)
        self._box = box_of(frame)
        self._add(number, frame.crop(pixels, self.size))

    def finish(self) -> Track:
        """The track of the face; without what the detector did not confirm at its end."""
        self._lose(len(self._places))
        self._flush()
        dim = self._z[0].shape[1] if self._z else 0
        places = np.stack(self._places) if self._places else np.empty((0, 4))
        z = torch.zeros(len(places), dim)
        if self._z:
            z[torch.tensor(self._embedded)] = torch.cat(self._z)
        points = None if self.find is None else np.zeros((len(places), 68, 3))
        if self._points and points is not None:
            points[self._embedded] = np.concatenate(self._points)
        kept = {n: c for n, c in self.crops.items() if np.isfinite(places[n, 0])}
        self.crops = kept or self.crops
        return Track(places, z, np.array(self._scenes, int), np.array(self._times), points)

    # Following

    def _follow(self, pixels: np.ndarray, number: int, time: float) -> Frame | None:
        if self._box is None:
            return None
        if number - self._confirmed >= EVERY:
            detected = self._near(pixels, self._box)
            if detected is not None:
                self._confirmed, self._doubted, self._box = number, False, detected
                return find_frame(pixels, detected, self.aligner)
            self._doubted = True
            if time - self._times[self._confirmed] > PATIENCE:
                self._lose(number)
                return None
        return find_frame(pixels, self._box, self.aligner, LOOKS)

    def _near(self, pixels: np.ndarray, box: Box) -> Box | None:
        """The face where it was, if the detector sees it there."""
        height, width = pixels.shape[:2]
        reach = WINDOW * box.side / 2
        left, top = (max(0, int(v - reach)) for v in box.centre)
        right, bottom = int(box.x + reach) + 1, int(box.y + reach) + 1
        window = pixels[top : min(bottom, height), left : min(right, width)]
        if min(window.shape[:2]) < 8:
            return None
        turn = math.degrees(box.angle) if abs(box.angle) > TURNED else 0.0
        boxes = glance(window, max(8, round(max(window.shape[:2]) * SEEN_AT / box.side)), turn)
        boxes = [other.moved(left, top) for other in boxes]
        boxes = [other for other in boxes if _same_place(other, box)]
        return min(boxes, key=lambda other: math.dist(other.centre, box.centre), default=None)

    def _lose(self, number: int) -> None:
        """Not followed any more; where the detector looked in vain, what came after it last saw
        the face is let go."""
        if self._box is None:
            return
        self._gone = (self._box, self._times[self._confirmed])
        self._box = None
        if self._doubted:
            for late in range(self._confirmed + 1, number):
                self._places[late][:] = np.nan

    def _search(self, pixels: np.ndarray, number: int, time: float) -> Frame | None:
        """The face somewhere in the frame: at first by its rank, later by who it is."""
        faces = self._faces(pixels, time)
        if not faces:
            return None
        if not self.count:
            self.count = len(faces)
            if self.rank > self.count:
                found = "1 face" if self.count == 1 else f"{self.count} faces"
                raise InputError(
                    f"--face {self.rank}: the first frame with faces has {found}, at {time:.1f} s"
                )
            chosen: Found | None = faces[self.rank - 1]
        else:
            chosen = self._recognised(pixels, faces, time)
        if chosen is None:
            return None
        self._confirmed, self._doubted = number, False
        return chosen.frame

    def _faces(self, pixels: np.ndarray, time: float) -> list[Found]:
        """The faces of a frame, the largest first."""
        for side in (FIRST_SIDE, SECOND_SIDE):
            if faces := believed(pixels, glance(pixels, side), self.aligner):
                return faces
        if time - self._turned >= TURNED_SEARCH - 1e-6:
            self._turned = time
            for degrees in LAST_TURNS:
                detected = glance(pixels, FIRST_SIDE, degrees)
                if faces := believed(pixels, detected, self.aligner):
                    return faces
        return []

    def _recognised(self, pixels: np.ndarray, faces: list[Found], time: float) -> Found | None:
        if self._gone is not None and time - self._gone[1] <= AGAIN:
            for face in faces:
                if _same_place(face.box, self._gone[0]):
                    return face
        self._flush()
        z = self.embed(np.stack([face.frame.crop(pixels, self.size) for face in faces]))
        distances = sphere.angle(z.cpu(), sphere.normalize(self._sum))
        best = int(distances.argmin())
        return faces[best] if float(distances[best]) < STRANGER else None

    def _is_cut(self, pixels: np.ndarray) -> bool:
        height, width = pixels.shape[:2]
        step = max(1, min(height, width) // 128)  # the thumbnail does not need every pixel
        small = Image.fromarray(np.ascontiguousarray(pixels[::step, ::step]))
        thumbnail = np.asarray(small.resize(THUMBNAIL, Image.Resampling.BOX), np.float32)
        before, self._thumbnail = self._thumbnail, thumbnail
        self.brightest = max(self.brightest, float(thumbnail.mean()))
        return before is not None and float(np.abs(thumbnail - before).mean()) > CUT

    # Embedding

    def _add(self, number: int, crop: np.ndarray) -> None:
        self._waiting.append((number, crop))
        if number % self._keep_every == 0:
            self.crops[number] = crop
            if len(self.crops) > SAMPLE:
                self._keep_every *= 2
                self.crops = {n: c for n, c in self.crops.items() if n % self._keep_every == 0}
        if len(self._waiting) == BATCH:
            self._flush()

    def _flush(self) -> None:
        if not self._waiting:
            return
        numbers, crops = zip(*self._waiting, strict=True)
        self._waiting = []
        z = self.embed(np.stack(crops)).cpu()
        total = z.sum(0)
        self._sum = total if self._sum is None else self._sum + total
        self._z.append(z)
        if self.find is not None:
            self._points.append(self.find(np.stack(crops)))
        self._embedded.extend(numbers)


def box_of(frame: Frame) -> Box:
    """The detector's box of an aligned face: what `istrc.photo.align.frame_from_box` undoes."""
    x, y = transform(frame.inverse, BOX_CENTRE)
    return Box(x, y, BOX_SIDE / frame.scale, score=0.0, angle=frame.angle)


def _same_place(box: Box, other: Box) -> bool:
    near = math.dist(box.centre, other.centre) < NEAR * max(box.side, other.side)
    return near and 1 / SIZES < box.side / other.side < SIZES

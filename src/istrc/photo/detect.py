"""Where the faces are in a photograph: dlib's HOG detector, whose model is inside its wheel.

Coordinates are the photograph's, continuous: (0, 0) is the top left corner of the first pixel and
pixel (column i, row j) has its centre at (i + 0.5, j + 0.5).
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from istrc.cache import folder
from istrc.errors import InputError
from istrc.photo.proposals import proposals
from istrc.runtime import needed
from istrc.shape.crop import BOX_CENTRE, BOX_DROP, BOX_SIDE, CROP_SIDE
from istrc.whole import whole

FIRST_SIDE = 800  # longest side of the first look, pixels; a face of 10 % of it is found in ~40 ms
SECOND_SIDE = 1600  # the second look, only when the first saw nothing: faces of 5 %
LAST_TURNS = (60, -60, 120, -120, 180)  # degrees; each covers 40 to both sides (see _TURNED)
LEAST, LEAST_UP_TO = 40.0, 12e6  # the smallest face, pixels, in photographs of up to so many
SURELY_SEEN = 160  # the side of a crop that the first look does not miss, pixels of that look
ENLARGED = 150  # to which the crop of a small face is brought before the detector judges it
AROUND = 1.8  # sides of the crop that the detector then sees
_SHARE, _DROP = BOX_SIDE / CROP_SIDE, BOX_DROP / CROP_SIDE
PATIENCE = 30  # places without a face in a row, the likelier ones first, after which it gives up
CLEAR = 0.3  # a score below this is doubtful: folds of cloth reach 0.2, most faces 1 and more

# The detector is five filters. Two of them see faces turned in the picture, and tell so: measured
# on CelebA turned by 20 to 40 degrees, their faces are turned by 30 on average.
_TURNED = {3: -math.radians(30), 4: math.radians(30)}
# Two see faces turned to the side; their boxes are larger and lie higher on the same face
# (CelebA train pictures): side 99.8 frame pixels, centre 127.0 down.
_TO_THE_SIDE = (1, 2)
_SIDE_RATIO, _SIDE_DROP = BOX_SIDE / 99.8, (float(BOX_CENTRE[1]) - 127.0) / 99.8


@dataclass(frozen=True)
class Box:
    """A square round a face, eyebrows to chin."""

    x: float  # of its centre in the photograph, pixels; the square may reach outside of it
    y: float
    side: float
    score: float  # the detector's confidence; 0 is its threshold, a clear face has 1 to 2
    # Radians that the face, and with it the square about its centre, is turned clockwise in the
    # photograph; a first guess, within 20 degrees or so
    angle: float = 0.0

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of its centre, pixels."""
        return self.x, self.y

    def moved(self, x: float, y: float) -> Box:
        """The same where the photograph goes on to the left and above by so much."""
        return replace(self, x=self.x + x, y=self.y + y)


@cache
def detector() -> tuple[Any, threading.Lock]:
    """The detector, and the lock that guards it: it keeps its pyramid between calls.

    Its five filters lie packed as text inside dlib's wheel, and unpacking them takes a quarter of a
    second, as long as all of istrc's networks take to load. So the first process that needs them
    writes them, unpacked, into the user's cache folder; those after it read 150 kB in a
    millisecond. Where nothing can be written, they are unpacked every time.

    Raises IstrcError when dlib is not installed.
    """
    with needed(
        "finding faces needs dlib: `pip install dlib-bin`, or give pictures that are aligned "
        "already (--aligned)"
    ):
        import dlib
    lock, name = threading.Lock(), f"faces-dlib-{dlib.__version__}.svm"
    with contextlib.suppress(OSError, RuntimeError):  # no home, or dlib's own errors
        if (path := folder() / name).is_file():
            return dlib.fhog_object_detector(str(path)), lock
    hog = dlib.get_frontal_face_detector()
    with contextlib.suppress(OSError, RuntimeError), whole(folder() / name) as temporary:
        hog.save(str(temporary))
    return hog, lock


def looks(pixels: np.ndarray, min_face: float | None = None) -> Iterator[list[Box]]:
    """What ever dearer looks at a photograph see, doubtful faces too; stop when it is enough.
    `istrc.photo.find` judges them.

    The first look finds faces of all sizes: near ones at a longest side of 800 pixels, and smaller
    ones where a small network proposes them. The second is at up to 1600, the last at turned
    pictures; faces turned by up to 40 degrees are found without.

    Args:
        pixels: (H, W, 3) uint8 RGB, upright.
        min_face: the side of the smallest face's crop, pixels; None takes `least(pixels)`.

    Raises:
        IstrcError: dlib is not installed.
        InputError: not an (H, W, 3) uint8 array.
    """
    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
        raise InputError(f"expected uint8 pixels (H, W, 3), got {pixels.dtype} {pixels.shape}")
    longest = max(pixels.shape[:2])
    picture = Image.fromarray(pixels)
    first, scale = _at_side(picture, min(longest, FIRST_SIDE))
    smallest = least(pixels) if min_face is None else min_face
    near = _search(first, scale)
    yield without_doubles(near + _small(picture, smallest, SURELY_SEEN * scale, near))
    # Small pictures are enlarged up to 4 times, so that faces of 20 pixels reach dlib's 80
    yield _search(*_at_side(picture, min(4 * longest, SECOND_SIDE)))
    for degrees in LAST_TURNS:
        seen = _clear(_search_turned(first, scale, degrees))
        if seen:
            yield seen


def least(pixels: np.ndarray) -> float:
    """The smallest face that is looked for, the side of its crop in pixels: so that the search of
    a photograph of more than 12 megapixels takes no longer than of one of 12.
    """
    height, width = pixels.shape[:2]
    return LEAST * max(1.0, math.sqrt(height * width / LEAST_UP_TO))


def glance(pixels: np.ndarray, side: int = FIRST_SIDE, turn: float = 0.0) -> list[Box]:
    """The clear faces that one look finds, largest first: for films, which are looked at often.

    Args:
        pixels: (H, W, 3) uint8 RGB, upright.
        side: the longest side at which to look, pixels; faces of 80 are found. A picture is
            enlarged up to 4 times for it.
        turn: degrees clockwise that the faces are turned by; 40 more to both sides are seen.

    Raises IstrcError when dlib is not installed.
    """
    height, width = pixels.shape[:2]
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    small, scale = _at_side(picture, min(4 * max(height, width), side))
    seen = _search_turned(small, scale, turn) if turn else _search(small, scale)
    return without_doubles(_clear(seen))


def _at_side(picture: Image.Image, side: int) -> tuple[Image.Image, float]:
    """The picture with this longest side, and photograph pixels per pixel of it."""
    scale = max(picture.size) / side
    if scale == 1:
        return picture, 1.0
    size = (max(1, round(picture.width / scale)), max(1, round(picture.height / scale)))
    resample = Image.Resampling.BILINEAR if scale > 1 else Image.Resampling.BICUBIC
    return picture.resize(size, resample, reducing_gap=2.0), scale


def _search(picture: Image.Image, scale: float) -> list[Box]:
    """The faces of a resized picture, in photograph pixels."""
    hog, lock = detector()
    with lock:
        found, scores, filters = hog.run(np.asarray(picture), 0, 0.0)
    boxes = []
    for square, score, index in zip(found, scores, filters, strict=True):
        # dlib's right and bottom pixels belong to the square
        side = (square.right() - square.left() + square.bottom() - square.top()) / 2 + 1
        x = (square.left() + square.right() + 1) / 2
        y = (square.top() + square.bottom() + 1) / 2
        if index in _TO_THE_SIDE:
            y += _SIDE_DROP * side
            side *= _SIDE_RATIO
        turn = _TURNED.get(index, 0.0)
        boxes.append(Box(x * scale, y * scale, side * scale, float(score), turn))
    return boxes


def _small(picture: Image.Image, smallest: float, largest: float, near: list[Box]) -> list[Box]:
    """The faces that the detector sees where small ones are proposed, beside those
    that are clear already.
    """
    found: list[Box] = []
    missed = 0
    for place in proposals(picture, smallest, largest):
        guess = Box(place.x, place.y + _DROP * place.side, _SHARE * place.side, 0.0)
        if any(_same_face(guess, box) for box in _clear(near + found)):
            continue
        half = AROUND * place.side / 2
        left, top = max(0, math.floor(place.x - half)), max(0, math.floor(place.y - half))
        right = min(picture.width, math.ceil(place.x + half))
        bottom = min(picture.height, math.ceil(place.y + half))
        window = picture.crop((left, top, right, bottom))
        side = max(1, round(max(window.size) * ENLARGED / place.side))
        seen = [box.moved(left, top) for box in _search(*_at_side(window, side))]
        missed = 0 if seen else missed + 1
        found += seen
        if missed == PATIENCE:
            break
    return found


def _search_turned(picture: Image.Image, scale: float, degrees: float) -> list[Box]:
    """The faces that show once the picture is turned counter-clockwise by `degrees`."""
    turned = picture.rotate(degrees, Image.Resampling.BILINEAR, expand=True)
    turn = math.radians(degrees)
    cos, sin = math.cos(turn), math.sin(turn)
    boxes = []
    for box in _search(turned, 1.0):
        x, y = box.x - turned.width / 2, box.y - turned.height / 2
        # Turned back clockwise, about the centres of both pictures
        x, y = cos * x - sin * y + picture.width / 2, sin * x + cos * y + picture.height / 2
        angle = math.remainder(box.angle + turn, 2 * math.pi)
        boxes.append(Box(x * scale, y * scale, box.side * scale, box.score, angle))
    return boxes


def _clear(boxes: list[Box]) -> list[Box]:
    return [box for box in boxes if box.score >= CLEAR]


def without_doubles(boxes: list[Box]) -> list[Box]:
    """Largest first, without the weaker of two whose centre lies well inside the other.

    dlib's own suppression keeps a small false face inside a large true one.
    """
    kept: list[Box] = []
    for box in sorted(boxes, key=lambda box: box.score, reverse=True):
        if not any(_same_face(box, other) for other in kept):
            kept.append(box)
    return sorted(kept, key=lambda box: box.side, reverse=True)


def _same_face(a: Box, b: Box) -> bool:
    return math.dist(a.centre, b.centre) < 0.5 * max(a.side, b.side)

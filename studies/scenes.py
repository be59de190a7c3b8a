"""Photographs put together from aligned faces, so that it is known where each face is.

CelebA's faces are aligned: their frames were made from eyes marked by hand. Laid onto a background
by a similarity transform, the frame of each is known to the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch.nn import functional as F

from istrc.data.prepared import Prepared
from istrc.data.sources.celeba_official import CelebaOfficial
from istrc.errors import InputError
from istrc.evaluation.embedding import drawn_rows
from istrc.photo.align import Frame, aligned_frame, compose, invert, transform
from istrc.photo.detect import Box
from istrc.resample import places
from istrc.shape.crop import BOX_CENTRE, BOX_SIDE, CROP_CENTRE, CROP_SIDE, FRAME_SIZE

BACKGROUNDS = ("neutral", "noise", "photograph")
FEATHER = 0.06  # of a face's side: where its edge fades into the background
# Mean eye centres in CelebA's frame, the picture's left one first
EYES = np.array([[70.0, 111.5], [108.5, 111.5]])
EYE_DISTANCE = float(np.linalg.norm(EYES[1] - EYES[0]))  # frame pixels


def background(kind: str, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """A picture without a face, (height, width, 3) uint8.

    neutral: grey. noise: every value as likely at every pixel. photograph: random phases under the
    1/f amplitudes of photographs (Field 1987), mostly grey as they are.
    """
    if kind == "neutral":
        return np.full((height, width, 3), 128, np.uint8)
    if kind == "noise":
        return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    if kind != "photograph":
        raise ValueError(f"background must be one of {BACKGROUNDS}, not {kind!r}")
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.hypot(down, across)
    frequency[0, 0] = np.inf  # no mean
    spectrum = np.fft.rfft2(rng.normal(size=(4, height, width))) / frequency
    layers = np.fft.irfft2(spectrum, (height, width))  # (4, H, W): light, and a trace of colour
    layers /= layers.std((1, 2), keepdims=True)
    picture = 115 + 45 * layers[0] + 12 * layers[1:]  # (3, H, W)
    return np.clip(picture, 0, 255).round().astype(np.uint8).transpose(1, 2, 0)


def frame_at(centre: tuple[float, float], side: float, angle: float) -> Frame:
    """The frame of a face whose CROP has this centre and side (pixels), turned clockwise.

    angle: radians.
    """
    scale = CROP_SIDE / side
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn_back = np.array([[cos, sin], [-sin, cos]])
    return Frame(np.column_stack([turn_back, CROP_CENTRE - turn_back @ np.array(centre)]))


def lay(face: np.ndarray, ground: np.ndarray, frame: Frame, feather: float = FEATHER) -> np.ndarray:
    """A photograph with one face in it, (H, W, 3) uint8; the ground is not changed.

    Args:
        face: (h, w, 3) uint8, THE CROP of an aligned face or the whole aligned picture.
        ground: (H, W, 3) uint8.
        frame: where the face is to be.
        feather: share of the face's side over which its edge fades.
    """
    height, width = face.shape[:2]
    to_face = compose(invert(aligned_frame(width, height).matrix), frame.matrix)
    corners = transform(invert(to_face), [[0, 0], [width, 0], [width, height], [0, height]])
    # Shrunk without aliasing before it is turned; the cubic kernel does the rest
    factor = max(1.0, float(np.sqrt(np.linalg.det(to_face[:, :2]))))
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    shrink = np.array([[size[0] / width, 0, 0], [0, size[1] / height, 0]])
    small = np.asarray(Image.fromarray(face).resize(size, Image.Resampling.LANCZOS))

    result = ground.copy()
    ends = (ground.shape[1], ground.shape[0])
    left, top = (int(v) for v in np.clip(np.floor(corners.min(0)), 0, ends))
    right, bottom = (int(v) for v in np.clip(np.ceil(corners.max(0)), 0, ends))
    if left >= right or top >= bottom:
        return result
    looks = np.stack(places(compose(shrink, to_face), (left, top, right, bottom)), -1)  # (h, w, 2)
    grid = torch.from_numpy((2 * (looks + 0.5) / size - 1).astype(np.float32))[None]
    picture = torch.from_numpy(small.copy()).permute(2, 0, 1)[None].float()
    laid = F.grid_sample(picture, grid, mode="bicubic", padding_mode="border", align_corners=False)
    inside = (1 - grid[0].abs()).amin(-1) / (2 * feather)  # (h, w): 0 at the edge, 1 further in
    inside = inside.clamp(0, 1)
    opaque = (inside * inside * (3 - 2 * inside)).numpy()[..., None]
    under = result[top:bottom, left:right]
    over = laid[0].permute(1, 2, 0).numpy()
    mixed = over * opaque + under * (1 - opaque)
    result[top:bottom, left:right] = np.clip(mixed, 0, 255).round().astype(np.uint8)
    return result


def spoilt(pixels: np.ndarray, light: float = 1.0, blur: float = 0.0) -> np.ndarray:
    """A worse photograph: less light (a factor), and blurred (standard deviation, pixels)."""
    if blur:
        pixels = np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(blur)))
    return pixels if light == 1 else np.clip(pixels * light, 0, 255).round().astype(np.uint8)


def box_of(frame: Frame) -> Box:
    """The box that a detector draws round this face on average, if it is upright."""
    x, y = transform(frame.inverse, BOX_CENTRE)
    return Box(x, y, BOX_SIDE / frame.scale, score=1.0)


def disturbed(box: Box, rng: np.random.Generator, *, shift: float, scale: float) -> Box:
    """The box moved by up to `shift` of its side and resized by up to a factor of `scale`."""
    x, y = np.array(box.centre) + box.side * rng.uniform(-shift, shift, 2)
    return Box(x, y, box.side * scale ** rng.uniform(-1, 1), box.score, box.angle)


def eye_error(found: Frame, true: Frame) -> float:
    """How far from their places in the frame the eyes come, mean of both, in eye distances."""
    landed = transform(compose(found.matrix, true.inverse), EYES)
    return float(np.linalg.norm(landed - EYES, axis=1).mean() / EYE_DISTANCE)


def is_face(box: Box, frame: Frame) -> bool:
    """Whether a box is of this face: its centre inside half of the true box, its side within 2."""
    true = box_of(frame)
    near = np.linalg.norm(np.subtract(box.centre, true.centre)) < true.side / 2
    return bool(near and 0.5 < box.side / true.side < 2)


def draw_faces(
    prepared: Prepared, whole: str | Path | None, *, split: str, count: int, seed: int
) -> Sequence[np.ndarray]:
    """Faces that nothing was trained on, uint8: crops (S, S, 3), or whole pictures (218, 178, 3).

    Args:
        prepared: whose crops of `split` are drawn where there is no other folder.
        whole: CelebA's official folder, of which those are drawn that are not of its train split.
        count: at most.

    Raises InputError where there is none.
    """
    if whole is None:
        return prepared.images[drawn_rows(prepared, split, count, seed)]
    rng, source = np.random.default_rng(seed), CelebaOfficial(Path(whole))
    faces: list[np.ndarray] = []
    for place in rng.permutation(np.flatnonzero(source.split > 0)):
        for data, _ in source.read(range(place, place + 1)):
            picture = Image.open(BytesIO(data)).convert("RGB") if data else None
            if picture is not None and picture.size == FRAME_SIZE:
                faces.append(np.asarray(picture))
        if len(faces) == count:
            break
    if not faces:
        raise InputError(f"{whole}: no 178x218 picture of the valid or test split")
    return faces

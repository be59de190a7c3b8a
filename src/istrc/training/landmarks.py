"""The landmark network's training: dlib's points on faces that are moved, relit and partly covered.

The labels are the prepared folder's (`istrc.data.measured`). What surrounds THE CROP is known only
for the full 178x218 pictures; elsewhere it is filled in, in several ways and from a border that
moves, so that the network cannot read the frame off the border. Points may be of anything: nothing
is then aligned by them, nor mirrored, because nobody says which is which in the mirror.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from istrc.data.prepared import Prepared, to_tensor
from istrc.device import reduced
from istrc.errors import InputError
from istrc.models.fused import channels_last
from istrc.models.landmarks import Landmarks, Regressor
from istrc.shape.frame import mirrored
from istrc.shape.measures import eyes, of_a_face
from istrc.shape.mesh import held_open, triangulated
from istrc.training import loop, processes
from istrc.training.settings import LandmarksSettings

COVERED = 0.4  # share of views over which something is laid
FILLS = {"repeat": 0.4, "mirror": 0.3, "other": 0.3}  # of surroundings, and how often each


def similarities(
    rng: np.random.Generator, count: int, *, shift: float, scale: float, rotate: float
) -> np.ndarray:
    """(count, 2, 3) float32: the places of a view -> those of the face, both [-1, 1].

    The first half are full-sized, the rest down to a tenth of it: the last look must be exact, the
    first must only be right.

    Args:
        shift: largest shift, as a share of THE CROP's side.
        scale: largest change of scale, as a factor.
        rotate: largest turn, degrees.
    """
    share = np.ones((count, 1))
    share[count // 2 :] = rng.uniform(0.1, 0.6, (count - count // 2, 1))
    size = np.array([2 * shift, 2 * shift, np.log(scale), np.radians(rotate)])
    dx, dy, s, a = (rng.uniform(-1, 1, (count, 4)) * size * share).T
    cos, sin = np.exp(s) * np.cos(a), np.exp(s) * np.sin(a)
    return np.stack([cos, -sin, dx, sin, cos, dy], 1).reshape(-1, 2, 3).astype(np.float32)


def in_views(points: np.ndarray, views: np.ndarray) -> np.ndarray:
    """Points (B, K, 2) of faces as they lie in views (B, 2, 3) of them."""
    turn, shift = views[:, :, :2], views[:, None, :, 2]
    return np.linalg.solve(turn, (points - shift).transpose(0, 2, 1)).transpose(0, 2, 1)


def grid(matrices: np.ndarray, size: int) -> torch.Tensor:
    """Where the pixels of views (B, 2, 3) look, (B, S, S, 2)."""
    axis = (torch.arange(size) + 0.5) * (2 / size) - 1
    places = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).view(1, size * size, 2)
    to = torch.from_numpy(matrices)
    looked = places @ to[:, :, :2].transpose(1, 2) + to[:, None, :, 2]
    return looked.view(-1, size, size, 2)


def sampled(
    x: torch.Tensor,  # (B, 3, T, T)
    views: np.ndarray,  # (B, 2, 3)
    size: int,
    fill: str,  # beyond the edge: "repeat" it, "mirror" at it, or show the "other" pictures
    rng: np.random.Generator,
) -> torch.Tensor:
    """Views (B, 3, S, S) of faces, what lies outside of them filled in."""
    places = grid(views, size)  # (B, S, S, 2)
    # The edge of what is seen lies anywhere up to an eighth inside, for half of them
    inside = rng.uniform(0, 0.25, (len(x), 2, 2)) * (rng.random((len(x), 1, 1)) < 0.5)
    low = torch.from_numpy(-1 + inside[:, 0]).float()[:, None, None]  # (B, 1, 1, 2)
    high = torch.from_numpy(1 - inside[:, 1]).float()[:, None, None]
    outside = ((places < low) | (places > high)).any(3)  # (B, S, S)
    if fill == "mirror":
        span = high - low
        clamped = low + span - (torch.remainder(places - low, 2 * span) - span).abs()
    else:
        clamped = torch.minimum(torch.maximum(places, low), high)
    seen = F.grid_sample(x, clamped, padding_mode="border", align_corners=False)
    if fill == "other":
        behind = F.grid_sample(x.roll(1, 0), -places, padding_mode="border", align_corners=False)
        seen = torch.where(outside[:, None], behind, seen)
    return seen


def occlude(x: torch.Tensor, points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay a hand, hair or a microphone over a share of views x (B, 3, S, S), in place.

    It is a turned ellipse or rectangle of one colour, of other pictures, or of the face's own skin.

    Args:
        points: (B, N, 2) of the views.

    Returns (B, N) bool: which of the points it covers.
    """
    b, size = len(x), x.shape[-1]
    count = int(COVERED * b)
    centre = points[:count, rng.integers(0, points.shape[1])] + rng.normal(0, 0.25, (count, 2))
    radius = rng.uniform(0.12, 0.55, (count, 2))
    angle, square = rng.uniform(0, np.pi, count), rng.random(count) < 0.5
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.stack([cos, sin, -sin, cos], 1).reshape(-1, 2, 2)

    def inside(places: np.ndarray) -> np.ndarray:  # (count, N, 2) -> (count, N)
        own = np.abs((places - centre[:, None]) @ turn.transpose(0, 2, 1)) / radius[:, None]
        own *= own  # squared, and cubed besides where it is a rectangle
        return np.where(square[:, None, None], own**3, own).sum(-1) < 1

    axis = (np.arange(size) + 0.5) * 2 / size - 1
    places = np.stack(np.meshgrid(axis, axis), -1).reshape(1, -1, 2)
    mask = inside(places).reshape(count, 1, size, size)
    stuff = x[:count].clone()
    third = count // 3
    colours = torch.from_numpy(rng.uniform(-1, 1, (third, 3, 1, 1)).astype(np.float32))
    stuff[:third] = colours
    stuff[third : 2 * third] = stuff[third : 2 * third].roll(1, 0).flip(2)
    # The face's own skin: the cheek, enlarged and turned
    own = similarities(rng, count - 2 * third, shift=0.2, scale=1.2, rotate=180)
    own[:, :, :2] *= 0.35
    stuff[2 * third :] = F.grid_sample(
        stuff[2 * third :], grid(own, size), padding_mode="reflection", align_corners=False
    )
    x[:count] = torch.where(torch.from_numpy(mask), stuff, x[:count])
    occluded = np.zeros(points.shape[:2], bool)
    occluded[:count] = inside(points[:count])
    return occluded


def disturb(x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Blur, light, colour and grain, for views (B, 3, S, S) in [-1, 1]."""
    b, size = len(x), x.shape[-1]

    def draw(low: float, high: float, channels: int = 1) -> torch.Tensor:
        drawn = rng.uniform(low, high, (b, channels, 1, 1))
        return torch.from_numpy(drawn.astype(np.float32))

    # Blur: a third has a quarter to five eighths of the sharpness
    coarse, side = b // 3, int(rng.integers(size // 4, 5 * size // 8 + 1))
    small = F.interpolate(x[:coarse], (side, side), mode="area")
    blurred = F.interpolate(small, (size, size), mode="bilinear", align_corners=False)
    x = torch.cat([blurred, x[coarse:]])

    # Light and colour: tone, exposure, each channel's gain, saturation down to grey
    x = ((x + 1) / 2).clamp(0, 1)
    x = x + draw(-0.5, 0.5) * x * (1 - x)  # like a gamma, and far quicker than a power
    x = x * draw(0.55, 1.3) * draw(0.85, 1.15, 3) + draw(-0.1, 0.15)
    x = torch.lerp(x.mean(1, keepdim=True), x, draw(-0.2, 1.2).clamp(min=0))
    grain = rng.standard_normal(x.shape, dtype=np.float32)
    x = x + torch.from_numpy(grain) * draw(0, 0.04)
    return x.clamp(0, 1) * 2 - 1


def views(
    pixels: np.ndarray,  # (B, T, T, 3) uint8, aligned faces
    points: np.ndarray,  # (B, N, 2) of them
    size: int,
    rng: np.random.Generator,
    **jitter: float,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Views (B, 3, S, S) in [-1, 1], their points (B, N, 2), and which of those are covered."""
    x = to_tensor(pixels)
    points = points.astype(np.float64)
    if of_a_face(points):
        turned = (rng.random(len(x)) < 0.5)[:, None, None]
        x = torch.where(torch.from_numpy(turned)[..., None], x.flip(3), x)
        points = np.where(turned, mirrored(points), points)
    # Bilinear samples of the whole picture are sharp up to aliasing, of the halved one soft
    if rng.random() < 0.5:
        x = F.avg_pool2d(x, 2)
    matrices = similarities(rng, len(x), **jitter)
    fill = rng.choice(list(FILLS), p=list(FILLS.values()))
    # The first half of the frames are far off, the first half of the faces is covered
    matrices = matrices[rng.permutation(len(x))]
    seen, places = sampled(x, matrices, size, fill, rng), in_views(points, matrices)
    occluded = occlude(seen, places, rng)
    order = rng.permutation(len(x))
    seen = disturb(seen[torch.from_numpy(order)], rng)
    places = places[order].astype(np.float32)
    return seen, torch.from_numpy(places), torch.from_numpy(occluded[order])


def point_loss(
    found: torch.Tensor,  # (B, N, 3), the network's
    wanted: torch.Tensor,  # (B, N, 2), what it is to say
    occluded: torch.Tensor,  # (B, N) bool
    points: torch.Tensor,  # (B, N, 2), where the points are
    weight: float = 0.02,  # of the entropy of what is covered
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """The mean distance of the points over the eye distance (of anything else half crops), smooth
    at zero, and the entropy of their being covered. A distance and not its square, as dlib's labels
    have outliers.
    """
    unit: torch.Tensor | float = 1.0
    if of_a_face(points):
        left, right = eyes(points)
        unit = (right - left).square().sum(1).sqrt()[:, None]
    apart = ((found[..., :2] - wanted).square().sum(2) + 1e-6).sqrt() / unit  # (B, N)
    error = torch.where(occluded, 0.5, 1.0) * apart
    entropy = F.binary_cross_entropy_with_logits(found[..., 2], occluded.float())
    # Beyond the picture a point cannot be seen: it counts less the further out it is
    excess = (points.abs().amax(2) - 1).clamp(min=0)
    error = (error / (1 + 5 * excess)).mean()
    return error + weight * entropy, {"error": apart.mean().detach(), "covered": entropy.detach()}


# How far off the frames are that either regressor is trained on; see `similarities`
JITTER = {
    "rough": dict(shift=0.15, scale=1.35, rotate=35.0),
    "fine": dict(shift=0.03, scale=1.08, rotate=8.0),
}


def train_landmarks(data: str | Path, out: str | Path, **given: Any) -> Landmarks:
    """Train the landmark network; returns the averaged one."""
    s = LandmarksSettings(**given)
    prepared = Prepared(data)
    points = prepared.landmarks.astype(np.float32)
    fit, tune = prepared.rows("fit"), prepared.rows("tune")
    fit, tune = (rows[np.isfinite(points[rows]).all((1, 2))] for rows in (fit, tune))
    if not (len(fit) and len(tune)):
        raise InputError(f"{data}: too few landmarks are known; leave out or --landmarks-steps 0")
    mean = points[fit].mean(0)
    facial = of_a_face(mean)
    if facial:
        mean = (mean + mirrored(mean)) / 2  # a mirrored face is as likely
    triangles = triangulated(mean.astype(np.float64))

    torch.manual_seed(s.seed)
    net = Landmarks(faces=len(triangles), points=len(mean))
    net.mean.copy_(torch.from_numpy(mean))
    net.reference.copy_(torch.from_numpy(held_open(mean)))
    net.triangles.copy_(torch.from_numpy(triangles))
    for part in JITTER if facial else ("fine",):
        steps = s.steps if part == "rough" else s.fine_steps
        made = _train(part, net, replace(s, steps=steps), prepared, (fit, tune), Path(out) / part)
        getattr(net, part).load_state_dict(made.state_dict())
    return net.to(s.device).eval()


def _train(
    part: str,
    whole: Landmarks,
    s: LandmarksSettings,
    prepared: Prepared,
    rows: tuple[np.ndarray, np.ndarray],  # to fit and to tune on
    out: Path,
) -> Regressor:
    """One of the network's regressors, on frames as far off as it will see."""
    points, (fit, tune) = prepared.landmarks.astype(np.float32), rows
    net, mean, jitter = getattr(whole, part), whole.mean.to(s.device), JITTER[part]
    size = net.size
    net = channels_last(copy.deepcopy(net), s.device)
    averaged = copy.deepcopy(net).eval()
    tune, rng = tune[:512], loop.generator(s.seed, 0, 1)
    validation = views(prepared.images[tune], points[tune], size, rng, **jitter)

    def batch(step: int) -> tuple[torch.Tensor, ...]:
        rng = loop.generator(s.seed, step)
        rows = np.sort(rng.choice(fit, min(s.batch_size, len(fit)), replace=False))
        seen = views(prepared.images[rows], points[rows], size, rng, **jitter)
        return tuple(map(processes.shard, seen))

    def gradients(step: int, data: tuple[torch.Tensor, ...]) -> Mapping[str, torch.Tensor]:
        x, places, occluded = (part.to(s.device) for part in data)
        with reduced(s.device):
            found = net(x.contiguous(memory_format=torch.channels_last))
        loss, parts = point_loss(found.float(), places - mean, occluded, places)
        loss.backward()
        return parts

    def validate(step: int) -> dict[str, float]:
        x, places, occluded = (part.to(s.device) for part in validation)
        _, parts = point_loss(averaged(x), places - mean, occluded, places)
        return {name: value.item() for name, value in parts.items()}

    loop.train(
        "landmarks",
        s,
        out,
        modules={"net": net, "averaged": averaged},
        optimizers={"adamw": torch.optim.AdamW(net.parameters(), lr=s.rate, weight_decay=s.decay)},
        batch=batch,
        gradients=gradients,
        averaged=averaged,
        schedule=partial(loop.cosine, warmup=min(100, s.steps // 10)),
        validate=validate,
        config=dict(data=prepared.info.get("source"), faces=len(fit), net=net.config, **jitter),
    )
    return averaged

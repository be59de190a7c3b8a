"""The aligner's training: undo random similarity transforms of faces that are aligned already.

The faces are CelebA's; their frames were made from hand-marked eyes. What surrounds THE CROP is
known only for the full 178x218 pictures; elsewhere it is filled in, in several ways and from a
border that moves, so that the network cannot read the frame off the border.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.models.aligner import HALF, Aligner, similarity
from istrc.training import loop
from istrc.training.average import follow

# Eyes, nose, corners of the mouth and chin in the frame, normalised to THE CROP
POINTS = torch.tensor(
    [[-0.297, 0.039], [0.305, 0.039], [0.0, 0.4], [-0.25, 0.67], [0.25, 0.67], [0.0, 1.0]]
)
FRAME_WIDTH = 178  # pixels
EYE_DISTANCE = 0.602  # normalised: 38.5 of the 64 frame pixels that are 1


def landing_error(
    predicted: torch.Tensor,  # (B, 4) corrections, see models/aligner.py
    true: torch.Tensor,  # (B, 4)
    points: torch.Tensor = POINTS,  # (K, 2) of the true frame, normalised
) -> torch.Tensor:
    """How far from its place each point lands, (B, K), in eye distances.

    What lies at q in the true frame is seen at v = C^-1(q); the prediction takes v to C'(v).
    """
    ours, truth = similarity(predicted), similarity(true)
    places = points.T.to(predicted)  # (2, K)
    seen = torch.linalg.solve(truth[:, :, :2], places - truth[:, :, 2:])  # (B, 2, K)
    landed = ours[:, :, :2] @ seen + ours[:, :, 2:]
    # A distance and not its square, as marks have outliers; smooth at zero
    return ((landed - places).square().sum(1) + 1e-6).sqrt() / EYE_DISTANCE


def draw_corrections(
    rng: np.random.Generator, count: int, *, shift: float, scale: float, rotate: float
) -> torch.Tensor:
    """(count, 4) corrections. The first half are full-sized, the rest down to a tenth of it:
    the last look must be exact, the first must only be right.

    Args:
        shift: largest shift, as a share of THE CROP's side.
        scale: largest change of scale, as a factor.
        rotate: largest turn, degrees.
    """
    size = np.array([2 * shift, 2 * shift, np.log(scale), np.radians(rotate)])
    reach = np.ones((count, 1))
    reach[count // 2 :] = rng.uniform(0.1, 0.6, (count - count // 2, 1))
    return torch.from_numpy((rng.uniform(-1, 1, (count, 4)) * size * reach).astype(np.float32))


def look(
    pictures: torch.Tensor,  # (B, 3, h, w) float, any range
    rectangle: torch.Tensor,  # (B, 4) left, top, right, bottom of what may be seen, picture pixels
    to_picture: torch.Tensor,  # (B, 2, 3) normalised view coordinates -> picture pixels
    size: int,  # side of the view
    fill: str,  # "repeat" the rectangle's edge, "mirror" at it, or show the "other" pictures
    others: torch.Tensor | None = None,  # (B, 3, h, w), for "other"
) -> torch.Tensor:
    """Views (B, 3, S, S) of pictures; outside the rectangle filled in."""
    b, _, h, w = pictures.shape
    axis = (torch.arange(size) + 0.5) * (2 / size) - 1
    v = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1).view(1, size * size, 2)
    points = v @ to_picture[:, :, :2].transpose(1, 2) + to_picture[:, :, 2][:, None]  # (B, S*S, 2)
    low, high = rectangle[:, None, :2], rectangle[:, None, 2:]
    outside = ((points < low) | (points > high)).any(2)  # (B, S*S)
    if fill == "mirror":
        span = high - low
        points = low + span - (torch.remainder(points - low, 2 * span) - span).abs()
    points = points.clamp(low + 0.5, high - 0.5)
    grid = (points / torch.tensor([w, h]) * 2 - 1).view(b, size, size, 2)
    seen = F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)
    if fill == "other":
        behind = F.grid_sample(others, -grid, padding_mode="border", align_corners=False)
        seen = torch.where(outside.view(b, 1, size, size), behind, seen)
    return seen


def disturb(x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Light, colour, blur, noise and a hidden patch, for views (B, 3, S, S) in [-1, 1]."""
    b, size = len(x), x.shape[-1]

    def draw(low: float, high: float, channels: int = 1) -> torch.Tensor:
        drawn = rng.uniform(low, high, (b, channels, 1, 1))
        return torch.from_numpy(drawn.astype(np.float32))

    # Blur: a third has the sharpness of a face of 12 to 40 pixels
    coarse, side = b // 3, int(rng.integers(12, 41))
    small = F.interpolate(x[:coarse], (side, side), mode="area")
    blurred = F.interpolate(small, (size, size), mode="bilinear", align_corners=False)
    x = torch.cat([blurred, x[coarse:]])

    # Light and colour: gamma, exposure, each channel's gain, saturation down to grey
    x = ((x + 1) / 2).clamp(0, 1) ** draw(0.6, 1.4)
    x = x * draw(0.55, 1.3) * draw(0.85, 1.15, 3) + draw(-0.1, 0.15)
    x = torch.lerp(x.mean(1, keepdim=True), x, draw(-0.2, 1.2).clamp(min=0))

    # A hidden patch (hand, hair, microphone) on a quarter, grain on all
    for i in range(0, b, 4):
        high, wide = rng.integers(size // 10, size // 3, 2)
        top, left = rng.integers(0, size - high), rng.integers(0, size - wide)
        x[i, :, top : top + high, left : left + wide] = float(rng.uniform(0, 1))
    grain = rng.standard_normal(x.shape, dtype=np.float32)
    x = x + torch.from_numpy(grain) * draw(0, 0.03)
    return x.clamp(0, 1) * 2 - 1


class Views:
    """Batches of faces under wrong frames with their corrections; pure functions of a generator.

    Args:
        crops: (N, T, T, 3) uint8, THE CROP of aligned faces; T = 128 is CelebA's own resolution.
        full: (M, 218, 178, 3) uint8, whole aligned pictures, or None.
        size: side of the views, pixels.
    """

    # How the surroundings of a crop are filled in, and its share of a batch; the rest is whole
    FILLS = {"repeat": 0.3, "mirror": 0.2, "other": 0.25}

    def __init__(self, crops: np.ndarray, full: np.ndarray | None, size: int):
        self.crops, self.full, self.size = crops, full, size

    def __call__(
        self,
        rng: np.random.Generator,
        rows: np.ndarray,
        *,
        shift: float,
        scale: float,
        rotate: float,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Views (B, 3, S, S) in [-1, 1] and corrections (B, 4); rows: which crops may be used."""
        count = len(rows)
        true = draw_corrections(rng, count, shift=shift, scale=scale, rotate=rotate)
        true = true[torch.from_numpy(rng.permutation(count))]
        views, start = [], 0
        for fill, share in self.FILLS.items():
            end = start + int(share * count)
            views.append(
                self._look(rng, self.crops[np.sort(rows[start:end])], true[start:end], fill)
            )
            start = end
        if self.full is None:
            rest = self.crops[np.sort(rows[start:])]
        else:
            rest = self.full[rng.integers(0, len(self.full), count - start)]
        views.append(self._look(rng, rest, true[start:], "repeat"))
        order = torch.from_numpy(rng.permutation(count))
        return disturb(torch.cat(views)[order], rng), true[order]

    def _look(self, rng, pixels: np.ndarray, true: torch.Tensor, fill: str) -> torch.Tensor:
        b, height, width = pixels.shape[:3]
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)
        # Bilinear samples of the full picture are sharp up to aliasing, of the halved one soft;
        # a crop made by Frame.crop lies between
        if rng.random() < 0.5:
            x, height, width = F.avg_pool2d(x, 2), height // 2, width // 2
        # Normalised crop coordinates -> pixels of these pictures, half of them mirrored
        half = width / 2 if height == width else width * HALF / FRAME_WIDTH
        matrix = similarity(true) * half
        matrix[torch.from_numpy(rng.random(b) < 0.5), 0] *= -1
        matrix[:, :, 2] += torch.tensor([width / 2, height / 2])
        # The border of what is seen lies anywhere up to an eighth inside, for half of them
        inside = rng.uniform(0, half / 4, (b, 4)) * (rng.random((b, 1)) < 0.5)
        edges = np.array([0, 0, width, height]) + inside * np.array([1, 1, -1, -1])
        rectangle = torch.from_numpy(edges.astype(np.float32))
        return look(x, rectangle, matrix, self.size, fill, x.roll(1, 0))


def read_whole_pictures(folder: str | Path) -> np.ndarray:
    """The train pictures of CelebA's official folder, whole: (M, 218, 178, 3) uint8.

    Raises InputError when the folder is not laid out as CelebA is.
    """
    folder = Path(folder)
    try:
        lines = (folder / "list_eval_partition.txt").read_text().splitlines()
        names = [name for name, split in map(str.split, lines) if split == "0"]
        pictures = []
        for name in names:
            if (folder / "img_align_celeba" / name).exists():
                with Image.open(folder / "img_align_celeba" / name) as picture:
                    pictures.append(np.asarray(picture.convert("RGB")))
        return np.stack(pictures)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder}: not CelebA's official folder of 178x218 pictures ({error})"
        ) from None


def train_aligner(
    data: str | Path,  # a prepared folder, best of size 128
    out: str | Path,  # run folder; holds the checkpoint
    *,
    whole: str | Path | None = None,  # CelebA's official folder: faces with their surroundings
    steps: int = 1200,  # batches
    batch_size: int = 256,
    size: int = 64,  # side of what the network looks at, pixels
    shift: float = 0.2,  # largest shift of a guessed frame, share of the crop
    scale: float = 1.4,  # largest change of scale, factor
    rotate: float = 35.0,  # largest turn, degrees
    rate: float = 2e-3,  # peak learning rate of AdamW
    decay: float = 0.02,  # weight decay
    average: float = 0.995,  # decay of the moving average of the weights, which is what is kept
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,  # stop, resumably, after this long
    validate_every: int = 200,  # steps
) -> Aligner:
    """Train the aligner by the distance at which landmarks land; returns the averaged network."""
    prepared = Prepared(data)
    fit, tune = prepared.rows("fit"), prepared.rows("tune")
    reach = dict(shift=shift, scale=scale, rotate=rotate)
    views = Views(prepared.images, read_whole_pictures(whole) if whole else None, size)
    # Held-out people, the same views each time; whole pictures are trained on, so crops only
    held = Views(prepared.images, None, size)(loop.generator(seed, 0, 1), tune[:512], **reach)

    torch.manual_seed(seed)
    net = Aligner(size).to(device, memory_format=torch.channels_last)
    averaged = copy.deepcopy(net).eval()
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = loop.generator(seed, step)
        return views(rng, rng.choice(fit, batch_size), **reach)

    def update(step: int, data) -> Mapping[str, torch.Tensor]:
        x, true = (part.to(device) for part in data)
        net.train()
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            predicted = net(x.contiguous(memory_format=torch.channels_last))
        loss = landing_error(predicted.float(), true).mean()
        loop.set_rate(optimizer, loop.cosine(step, steps, peak=rate, warmup=min(100, steps // 10)))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        follow(averaged, net, step, average)
        return {"landing": loss.detach()}

    @torch.no_grad()
    def validate(step: int) -> dict[str, float]:
        x, true = (part.to(device) for part in held)
        error = landing_error(averaged(x), true, POINTS[:2]).mean(1)
        start = landing_error(torch.zeros_like(true), true, POINTS[:2]).mean(1)
        return {"eyes": error.median().item(), "start": start.median().item()}

    loop.run(
        modules={"net": net, "averaged": averaged},
        optimizers={"adamw": optimizer},
        batch=batch,
        update=update,
        validate=validate,
        validate_every=validate_every,
        steps=steps,
        out=out,
        seed=seed,
        minutes=minutes,
        config=dict(
            part="aligner",
            data=prepared.info.get("source"),
            faces=len(fit),
            whole=0 if views.full is None else len(views.full),
            batch_size=batch_size,
            rate=rate,
            decay=decay,
            average=average,
            net=net.config,
            **reach,
        ),
    )
    return averaged.eval()

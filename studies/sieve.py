"""Training of the network that proposes small faces, on scenes that are put together from crops and
grounds.

    python -m studies.sieve CELEBA-OFFICIAL runs/sieve --crops TRAIN.parquet --plain PLAIN

RUN/sieve.onnx is what `istrc.photo.proposals` looks through.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import nn
from torch.nn import functional as F

from istrc.photo.proposals import SIDES, STRIDE
from istrc.shape.crop import CROP_CENTRE, CROP_SIDE
from istrc.training import loop
from istrc.training.settings import Run, other, setting

CANVAS = 128  # pixels a side
NEAR, FAR = 6, 12  # pixels from a face's centre: cells that answer for it, and that need not
REACH = 1.13  # a head answers for its sides and this factor beyond; there both may


@dataclass(kw_only=True)
class SieveSettings(Run):
    """What the sieve is trained with."""

    crops: str = other(MISSING, "A parquet file of crops of faces.")
    plain: tuple[str, ...] = other((), "Folders of pictures without a face.")
    scenes: int = setting(12_000, "Scenes that are put together, and seen in every pass.")
    steps: int = other(2250, "Batches.")
    batch_size: int = setting(32, "Scenes in a batch.")
    rate: float = setting(4e-3, "Peak learning rate of AdamW.")
    decay: float = setting(1e-4, "Weight decay.")


class Sieve(nn.Module):
    """Grey pictures (B, 1, H, W), 0 to 255 -> logits (B, 2, H/8, W/8) of a face's centre."""

    def __init__(self, widths: Sequence[int] = (12, 24, 40, 48, 48)):
        super().__init__()
        a, b, c, d, e = widths
        layers: list[nn.Module] = []
        for before, after, size, stride in (
            (1, a, 5, 2), (a, b, 3, 2), (b, c, 3, 2), (c, d, 3, 1), (d, e, 3, 1)
        ):  # fmt: skip
            layers += [
                nn.Conv2d(before, after, size, stride, size // 2, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        last = nn.Conv2d(e, len(SIDES) - 1, 1)
        self.look = nn.Sequential(*layers, last)
        if last.bias is not None:
            nn.init.constant_(last.bias, -4.0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.look((x - 128) / 64)


def place(
    canvas: Image.Image, picture: Image.Image, centre, about, scale: float, turn: float, soft: float
) -> None:
    """Lay a picture onto the canvas so that its point `about` comes to `centre`."""
    cos, sin = np.cos(turn) / scale, np.sin(turn) / scale
    shift = np.array(about) - np.array([[cos, sin], [-sin, cos]]) @ np.array(centre)
    matrix = (cos, sin, shift[0], -sin, cos, shift[1])
    small = picture
    if scale < 0.5:  # without aliasing
        factor = int(1 / scale)
        small = picture.reduce(factor)
        matrix = tuple(v / factor for v in matrix)
    width, height = small.size
    mask = Image.new("L", small.size, 0)
    edge = soft * min(width, height)
    ImageDraw.Draw(mask).rounded_rectangle(
        (edge, edge, width - edge, height - edge), radius=3 * edge, fill=255
    )
    if edge:
        mask = mask.filter(ImageFilter.GaussianBlur(edge / 2))
    how = dict(resample=Image.Resampling.BILINEAR)
    size = canvas.size
    laid = small.transform(size, Image.Transform.AFFINE, matrix, **how)
    canvas.paste(laid, (0, 0), mask.transform(size, Image.Transform.AFFINE, matrix, **how))


def ground(rng: np.random.Generator, plain: Sequence[Image.Image]) -> Image.Image:
    """A canvas without a face."""
    kind = rng.integers(5)
    if kind == 0:
        return Image.new("L", (CANVAS, CANVAS), int(rng.integers(256)))
    if kind == 1:  # phases at random under a falling spectrum
        f = np.hypot(np.fft.fftfreq(CANVAS)[:, None], np.fft.rfftfreq(CANVAS)[None])
        f[0, 0] = np.inf
        spectrum = np.fft.rfft2(rng.normal(size=(CANVAS, CANVAS))) / f ** rng.uniform(0, 1.3)
        layer = np.fft.irfft2(spectrum, (CANVAS, CANVAS))
        layer = rng.uniform(60, 200) + rng.uniform(5, 60) * layer / layer.std()
        return Image.fromarray(layer.clip(0, 255).astype(np.uint8))
    canvas = Image.new("L", (CANVAS, CANVAS), 128)
    picture = plain[int(rng.integers(len(plain)))]
    longest = min(picture.size)
    scale = CANVAS / longest * np.exp(rng.uniform(0, np.log(max(1.3, longest / CANVAS * 1.5))))
    about = [rng.uniform(0.25, 0.75) * s for s in picture.size]
    half = CANVAS / 2
    place(canvas, picture, (half, half), about, scale, rng.uniform(-np.pi, np.pi), 0.0)
    return canvas


def drawn(rng: np.random.Generator) -> Image.Image:
    """Letters, dots or stripes."""
    picture = Image.new("L", (96, 96), int(rng.integers(256)))
    draw = ImageDraw.Draw(picture)
    ink = int(rng.integers(256))
    kind = rng.integers(3)
    if kind == 0:
        for y in range(0, 96, 11):
            draw.text((2, y), "".join(chr(c) for c in rng.integers(33, 127, 15)), fill=ink)
    elif kind == 1:
        for _ in range(rng.integers(2, 14)):
            (x, y), r = rng.uniform(0, 96, 2), rng.uniform(2, 16)
            draw.ellipse((x - r, y - r, x + r, y + r), fill=int(rng.integers(256)))
    else:
        step = int(rng.integers(3, 20))
        for x in range(0, 96, 2 * step):
            draw.rectangle((x, 0, x + step, 96), fill=ink)
            if rng.random() < 0.5:
                draw.rectangle((0, x, 96, x + step // 2), fill=int(rng.integers(256)))
    return picture


def scene(rng, whole, crops, plain) -> tuple[np.ndarray, np.ndarray]:
    """A canvas (S, S) uint8 and what each cell is to say, (2, S/8, S/8) int8: 0, 1, or -1 where it
    does not matter.
    """
    canvas = ground(rng, plain)
    cells = CANVAS // STRIDE
    wanted = np.zeros((len(SIDES) - 1, cells, cells), np.int8)
    at = (np.arange(cells) + 0.5) * STRIDE
    taken: list[tuple[float, float, float]] = []
    for _ in range(rng.integers(0, 7)):
        side = 14 * 4.5 ** rng.uniform()
        x, y = rng.uniform(0.4 * side, CANVAS - 0.4 * side, 2)
        if any(np.hypot(x - u, y - v) < 0.75 * (side + s) for u, v, s in taken):
            continue
        taken.append((x, y, side))
        if rng.random() < 0.3:  # something else
            other = drawn(rng) if rng.random() < 0.4 else plain[int(rng.integers(len(plain)))]
            middle = [s / 2 for s in other.size]
            scale = 1.3 * side / min(other.size)
            turn = rng.normal() * (3 if rng.random() < 0.3 else 0.3)
            place(canvas, other, (x, y), middle, scale, turn, rng.uniform(0, 0.1))
            continue
        face, soft = crops[rng.integers(len(crops))], rng.uniform(0.02, 0.12)
        about = (face.width / 2, face.height / 2)
        scale = side / face.width
        if rng.random() < 0.5:
            face, soft = whole[rng.integers(len(whole))], rng.uniform(0, 0.06)
            about, scale = tuple(CROP_CENTRE), side / CROP_SIDE
        place(canvas, face, (x, y), about, scale, rng.normal() * 0.25, soft)
        far = np.maximum(abs(at[None] - x), abs(at[:, None] - y))  # (cells, cells)
        for head, (low, high) in enumerate(pairwise(SIDES)):
            if low / REACH <= side <= high * REACH:
                wanted[head][far < FAR] = -1
                wanted[head][far < NEAR] = 1
            elif low / 1.4 < side < high * 1.4:
                wanted[head][far < FAR] = -1
    pixels = np.asarray(canvas)
    if rng.random() < 0.5:  # as a camera and its encoder leave them
        stream = io.BytesIO()
        canvas.save(stream, "JPEG", quality=int(rng.integers(50, 95)))
        pixels = np.asarray(Image.open(stream))
    return pixels, wanted


def varied(x: torch.Tensor) -> torch.Tensor:
    """Canvases (B, 1, S, S) in other light, softer or noisier."""
    count = (len(x), 1, 1, 1)
    x = 255 * (x / 255).clamp(1e-3) ** torch.exp(0.4 * torch.randn(count))
    x = x * torch.empty(count).uniform_(0.35, 1.15)
    soft = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    mix = torch.rand(count) * (torch.rand(count) < 0.5)
    x = x + mix * (soft - x)
    return (x + torch.randn_like(x) * torch.empty(count).uniform_(0, 6)).clamp(0, 255)


def one_cycle(step: int, steps: int, low: float, high: float, last: float) -> float:
    """From low to high over three tenths of the steps and down to the last, each half a cosine
    (Smith and Topin 2018; torch's OneCycleLR).
    """
    top = 0.3 * steps - 1
    if step <= top:
        share, start, end = step / top, low, high
    else:
        share, start, end = (step - top) / (steps - 1 - top), high, last
    return end + (start - end) / 2 * (1 + np.cos(np.pi * share))


def train_on_scenes(
    whole: Sequence[Image.Image],  # grey aligned pictures, 178x218
    crops: Sequence[Image.Image],  # grey crops
    plain: Sequence[Image.Image],  # grey pictures without a face
    out: str | Path,  # run folder
    s: SieveSettings,
) -> Sieve:
    """A sieve that tells the cells where a face of its sides has its centre."""
    rng = np.random.default_rng(s.seed)
    made = [scene(rng, whole, crops, plain) for _ in range(s.scenes)]
    x = torch.from_numpy(np.stack([pixels for pixels, _ in made]))[:, None]  # (N, 1, S, S)
    y = torch.from_numpy(np.stack([wanted for _, wanted in made]))  # (N, 2, S/8, S/8)
    torch.manual_seed(s.seed)
    net = Sieve().to(s.device)
    optimizer = torch.optim.AdamW(net.parameters(), s.rate, weight_decay=s.decay)

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        places = loop.passes(s.seed, step, s.scenes, s.batch_size)
        return x[places].float(), y[places]

    def gradients(step: int, data) -> Mapping[str, torch.Tensor]:
        optimizer.param_groups[0]["betas"] = one_cycle(step, s.steps, 0.95, 0.85, 0.95), 0.999
        seen, wanted = varied(data[0]).to(s.device), data[1].to(s.device)
        if torch.rand(()) < 0.5:
            seen, wanted = seen.flip(3), wanted.flip(3)
        matters, target = (wanted >= 0).float(), (wanted == 1).float()
        each = F.binary_cross_entropy_with_logits(net(seen), target, reduction="none")
        sure = torch.exp(-each)  # of what is right; the sure ones count less (Lin 2017, eq. 5)
        loss = ((1 - sure) ** 2 * each * matters * (1 + target)).sum() / target.sum().clamp(1)
        loss.backward()
        return {"loss": loss.detach()}

    loop.train(
        "sieve",
        s,
        out,
        modules={"net": net},
        optimizers={"adamw": optimizer},
        batch=batch,
        gradients=gradients,
        schedule=lambda step, steps, peak: one_cycle(step, steps, peak / 25, peak, peak / 25e4),
        config=dict(pictures=len(whole), crops=len(crops), plain=len(plain)),
    )
    return net.eval()


def grey(data: bytes | Path) -> Image.Image:
    return Image.open(io.BytesIO(data) if isinstance(data, bytes) else data).convert("L")


def train_sieve(data: str | Path, out: str | Path, **given: Any) -> Sieve:
    """Read the pictures, train the sieve, and write it as OUT/sieve.onnx."""
    import pyarrow.parquet as pq

    s, folder = SieveSettings(**given), Path(data)
    splits = [line.split() for line in (folder / "list_eval_partition.txt").open()]
    whole = [grey(folder / "img_align_celeba" / name) for name, split in splits if split == "0"]
    file = next(pq.ParquetFile(s.crops).iter_batches(12_000, columns=["image"]))
    small = [grey(row["bytes"]).resize((96, 96)) for row in file.column("image").to_pylist()]
    rng = np.random.default_rng(1)
    plain = [grey(p) for one in s.plain for p in sorted(Path(one).rglob("*.*")) if _readable(p)]
    # Parts of faces, and faces on their heads, are none
    for k in rng.integers(len(whole), size=300):
        x, y = rng.integers(40, 100), rng.integers(60, 130)
        plain.append(whole[k].crop((x, y, x + 50, y + 50)).resize((120, 120)))
        plain.append(whole[k].rotate(180))
    net = train_on_scenes(whole, small, plain, out, s).cpu()
    torch.onnx.export(
        net,
        (torch.zeros(1, 1, CANVAS, CANVAS),),
        str(Path(out) / "sieve.onnx"),
        input_names=["grey"],
        output_names=["logits"],
        dynamic_axes={"grey": {2: "H", 3: "W"}, "logits": {2: "h", 3: "w"}},
        dynamo=False,
    )
    return net


def _readable(path: Path) -> bool:
    return path.suffix.lower() in (".jpg", ".png", ".webp") and path.stat().st_size > 500


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m studies.sieve", description=__doc__)
    parser.add_argument("data", help="CelebA's official folder, with pictures' surroundings")
    parser.add_argument("out", help="run folder; holds the checkpoint and, at the end, sieve.onnx")
    parser.add_argument("--crops", required=True, help="a parquet file of crops of faces")
    parser.add_argument("--plain", nargs="*", default=(), help="folders of pictures without a face")
    parser.add_argument("--steps", type=int, default=SieveSettings.steps, help="batches")
    train_sieve(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    main()

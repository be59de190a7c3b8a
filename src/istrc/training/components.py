"""The components of shape-free faces, measured: the whole face first, then eyes, nose and mouth."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.models.components import Components, Region, feathered
from istrc.resample import resized
from istrc.shape.measures import of_a_face
from istrc.shape.mesh import points

INSIDE, OUTSIDE = 1.0, 0.15  # what a pixel counts inside the face's outline, and far outside
PARTS = {  # points of each region, its margin in pixels of 128, its share of the components
    "eyes": ([*range(17, 27), *range(36, 48)], 6, 0.43),
    "nose": ([*range(27, 36)], 7, 0.14),
    "mouth": ([*range(48, 68)], 9, 0.43),
}


def regions_of(mean: np.ndarray, size: int, count: int) -> list[Region]:
    """Eyes, nose and mouth in the mean shape (68, 2), with their shares of `count` components."""
    found = []
    for marked, margin, share in PARTS.values():
        at = (mean[marked] + 1) * size / 2
        around = margin * size / 128
        low = np.floor((at.min(0) - around).clip(0)).astype(int)
        high = np.ceil((at.max(0) + around).clip(max=size)).astype(int)
        left, top = (int(v) for v in low)
        width, height = (int(v) for v in high - low)
        found.append((left, top, width, height, round(share * count)))
    return found


def weights_of(mean: np.ndarray, side: int) -> np.ndarray:
    """The root of what each pixel counts, (side, side): the face, and little of what is beyond."""
    from PIL import Image, ImageDraw, ImageFilter

    scale = 4 * side / 2
    outline = points(mean)[68 : 68 + 27]  # the first ring: jaw, then above the brows
    polygon = [*outline[:17], *outline[26:16:-1]]
    picture = Image.new("L", (4 * side, 4 * side))
    drawn = ImageDraw.Draw(picture)
    drawn.polygon([tuple((place + 1) * scale) for place in polygon], fill=255)
    picture = picture.filter(ImageFilter.GaussianBlur(0.06 * 4 * side)).resize((side, side))
    inside = np.asarray(picture, np.float32) / 255
    return np.sqrt(OUTSIDE + (INSIDE - OUTSIDE) * inside)


def reference_shape(prepared: Prepared) -> np.ndarray | None:
    """The shape (68, 2) of a folder's faces where they are shape-free; None elsewhere."""
    made = prepared.info.get("shape_free")
    shape = None if made is None else np.array(made["reference"])
    return shape if shape is not None and of_a_face(shape) else None


@torch.no_grad()
def fit_components(
    net: Components,  # never measured
    prepared: Prepared,  # shape-free faces, or faces as they are
    rows: np.ndarray,  # which to measure on; every other block of them mirrored
    mean: np.ndarray | None,  # (68, 2) their shape; None weighs all pixels alike
    *,
    faces: int = 20_000,  # at most
    seed: int = 0,
) -> None:
    """Measure components by randomised subspace iteration (Halko, Martinsson, Tropp 2011)."""
    torch.manual_seed(seed)
    count, side, regions = len(net.basis), net.side, net.regions
    if mean is not None:
        net.weight.copy_(torch.from_numpy(weights_of(mean, side)).flatten())
    rows = np.sort(np.random.default_rng(seed).permutation(rows)[:faces])

    def blocks() -> Iterator[torch.Tensor]:
        for number, x in enumerate(prepared.batches(rows, 500)):
            yield x.flip(3) if number % 2 else x

    small = torch.cat([resized(x, side, linear=True).flatten(1) for x in blocks()])
    net.mean.copy_(small.mean(0))
    small.sub_(net.mean).mul_(net.weight.repeat(3))
    basis, spread = principal(small, count)
    net.basis.copy_(basis)
    net.spread[:count] = spread
    del small
    start = count
    for number, (left, top, width, height, own) in enumerate(regions):
        window = torch.from_numpy(feathered(width, height))
        parts = []
        for x in blocks():
            rest = x - net.compose(net(x))  # regions that were not measured yet draw nothing
            rest = rest[:, :, top : top + height, left : left + width]
            parts.append((rest * window).flatten(1))
        basis, spread = principal(torch.cat(parts), own)
        getattr(net, f"basis{number}").copy_(basis)
        # Where the whole face's components rebuild every face, what is left is rounding
        net.spread[start : start + own] = spread.clamp(min=1e-3 * net.spread[0].item())
        start += own


def principal(rows: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The first principal directions (count, M) of rows (N, M) about 0, and their spreads.

    Where the rows have fewer, the others are 0.
    """
    _, values, vectors = torch.svd_lowrank(rows, q=min(count + 16, *rows.shape), niter=2)
    missing = max(0, count - len(values))
    basis = torch.nn.functional.pad(vectors.T[:count], (0, 0, 0, missing))
    values = torch.nn.functional.pad(values, (0, missing))
    # The sign of a direction is arbitrary: make its largest entry positive
    largest = basis.gather(1, basis.abs().argmax(1, keepdim=True))
    spread = values[:count] / len(rows) ** 0.5
    return basis * largest.sign(), spread.clamp(min=1e-3 * spread[0].item())

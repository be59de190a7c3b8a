"""The network that tells edited pictures from untouched ones (studies.realism)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from istrc.data.prepared import to_tensor
from istrc.models.quick import channels_last


class Detector(nn.Module):
    """Pictures (B, 3, S, S) in [-1, 1] -> one logit (B,), high for an edited one.

    Full resolution goes in by space to depth (S >= 16, even); then at every level a strided
    convolution and a pre-activation residual one. 33 million multiplications a face of 128 px.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 48, 96)):
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, widths[0], 3, 1, 1))
        self.down = nn.ModuleList(
            _activated(a, b, stride=2) for a, b in zip(widths, widths[1:], strict=False)
        )
        # None at the last level, where there are few places and many channels
        self.stay = nn.ModuleList(_activated(width, width) for width in widths[1:-1])
        self.norm = nn.BatchNorm2d(widths[-1])
        self.head = nn.Linear(2 * widths[-1], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)  # (B, 16, S/2, S/2)
        for level, down in enumerate(self.down):
            x = down(x)  # (B, C, S/4, S/4), and half of that at every further level
            if level < len(self.stay):
                x = x + self.stay[level](x)
        x = F.relu(self.norm(x))
        # A ghost may be everywhere a little, or in one place
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)  # (B, 2C)
        return self.head(pooled)[:, 0]  # (B,)


def _activated(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), convolution)


def train(
    kinds: list[tuple[np.ndarray, np.ndarray]],  # (pictures, places to draw); first the untouched
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object],
    batch_size: int = 64,  # half of them untouched, the other shared by the methods
    rate: float = 2e-3,  # peak learning rate of AdamW
    decay: float = 0.05,  # weight decay
    widths: tuple[int, ...] = (16, 32, 48, 96),
    device: str | torch.device = "cpu",
) -> Detector:
    """A network of pictures drawn from each kind at these places, mirrored and shifted alike."""
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = channels_last(Detector(widths), device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=max(steps, 2), pct_start=0.1
    )
    half = batch_size // 2
    counts = [half] + [len(part) for part in np.array_split(np.arange(half), len(kinds) - 1)]
    target = torch.zeros(sum(counts), device=device)
    target[half:] = 1
    net.train()
    for step in range(steps):
        drawn = [
            pictures[np.sort(rng.choice(places, count))]
            for (pictures, places), count in zip(kinds, counts, strict=True)
        ]
        x = to_tensor(jitter(np.concatenate(drawn), rng)).to(device)
        loss = F.binary_cross_entropy_with_logits(net(x), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        progress(step + 1)
    return net.eval()


def jitter(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures (B, S, S, 3), half of them mirrored, each shifted by up to S/16 px, both ways.

    What comes in at the border is the picture's own, reflected.
    """
    size = pictures.shape[1]
    most = max(1, size // 16)
    padded = np.pad(pictures, ((0, 0), (most, most), (most, most), (0, 0)), mode="reflect")
    moved = np.empty_like(pictures)
    for i, (y, x) in enumerate(rng.integers(0, 2 * most + 1, (len(pictures), 2))):
        one = padded[i, y : y + size, x : x + size]
        moved[i] = one[:, ::-1] if rng.random() < 0.5 else one
    return moved


@torch.inference_mode()
def score(net: Detector, pictures: np.ndarray, places: np.ndarray, batch: int = 256) -> np.ndarray:
    """The mean logit of a picture and its mirror image, of the pictures at these places: (n,)."""
    device = next(net.parameters()).device
    found = [np.zeros(0)]
    for start in range(0, len(places), batch):
        x = to_tensor(pictures[places[start : start + batch]]).to(device)
        found.append(((net(x) + net(x.flip(3))) / 2).cpu().numpy())
    return np.concatenate(found)

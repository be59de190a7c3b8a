"""The translator's training: real faces of either class, and a critic that knows both.

As in StarGAN (Choi et al. 2018) there are no pairs: a critic tells real faces of a class from
translated ones, and the translator learns to add what makes the difference. The faces are in the
mean shape, so that the critic's last layer looks at places: what is typical of lids is looked for
at lids. A critic without them, of patches alone, learnt no class in as many steps.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from studies.translator.network import ClassCritic, Translator
from torch.nn import functional as F

from istrc.attributes import moves, shades
from istrc.data.prepared import Prepared
from istrc.device import reduced
from istrc.edit.masks import Masks
from istrc.errors import InputError
from istrc.models.fused import channels_last
from istrc.shape.mesh import Mesh
from istrc.training import loop
from istrc.training.settings import AVERAGE, Run, other, setting

LEARNT = ("young", "male", "attractive", "beard", "mustache", "makeup")
FIRST = 150  # steps that the critic learns alone, what classes are
BESIDE = 0.3  # weight of the classes that are to stay, beside the one that changes
WRONG = 0.5  # ... of real faces of the other class, that the critic must know as such
NOISE = 0.05  # standard deviation, over which a critic's opinion of a real face may hardly change


@dataclass(kw_only=True)
class TranslatorSettings(Run):
    """Learn what attributes change in a face's texture; keeps the averaged network."""

    data: ClassVar[str] = "Faces in the mean shape (istrc train textures)."

    steps: int = other(4400, "Batches.")
    batch_size: int = setting(16, "Faces that are translated in a batch, and as many real ones.")
    rate: float = setting(2e-4, "Peak learning rate of the translator.")
    critic_rate: float = setting(5e-4, "Peak learning rate of the critic.")
    sparsity: float = setting(0.25, "Weight of the size of what is added.")
    smoothness: float = setting(5.0, "Weight of the critic's steepness at real faces.")
    average: float = setting(0.998, AVERAGE)


def train_translator(data: str | Path, out: str | Path, **given: Any) -> Translator:
    """Train the translator on faces in the mean shape; returns the averaged network."""
    s = TranslatorSettings(**given)
    straight = Prepared(data)
    known = straight.info.get("shape_free")
    if not known:
        raise InputError(f"{data}: no faces in the mean shape; make them: istrc train textures")
    if not (names := learnable(straight)):
        raise InputError(f"{data}: no faces that have, and that lack, any of {', '.join(LEARNT)}")
    torch.manual_seed(s.seed)
    size = straight.size
    box = size // 8, size // 4, size // 4 * 3  # which a face's outline lies in
    net = channels_last(Translator(names, size, box), s.device)
    critic = channels_last(ClassCritic(len(names), box[2]), s.device)
    averaged = copy.deepcopy(net).eval()
    faces = Classes(straight, names)
    left, top, side = box
    within = (slice(top, top + side), slice(left, left + side))
    mesh = Mesh(*(np.array(known[key]) for key in ("reference", "triangles")))
    masks = Masks(mesh, size, False)
    # Where each attribute shows, and where a skin's tone is measured
    where = torch.from_numpy(np.stack([masks.shows([name])[within] for name in names]))
    skin = torch.from_numpy(masks.skin[within] / masks.skin[within].sum())
    where, skin = (part.float().to(s.device) for part in (where, skin))
    toned = torch.tensor([not shades([name]) for name in names], device=s.device)

    def gradients(step: int, given: Any) -> Mapping[str, torch.Tensor]:
        column, value, x, labels = (part.to(s.device) for part in given)
        x = x[:, :, within[0], within[1]].contiguous(memory_format=torch.channels_last)
        count = len(column)
        rows = torch.arange(count, device=s.device)
        asked = x.new_zeros(count, len(names))
        asked[rows, column] = 2 * value - 1
        wanted, counts, weights = classes_asked(labels, column, value, names)
        with reduced(s.device):
            change = net.inside(x[:count], asked)
            tone = (change * skin).sum((2, 3), keepdim=True) * toned[column][:, None, None, None]
            change = where[column][:, None] * (change - tone)
            made = x[:count] + change
            # The critic: what is real, what is translated, and what is real but of the other class
            critic.requires_grad_(True)
            some = x[count : count + count // 2]
            noisy = some + NOISE * torch.randn_like(some)
            said, patches = critic(torch.cat([x, made.detach(), noisy]))
        loss, texture, steep = critic_losses(said, patches, labels, wanted, counts, weights)
        other = F.relu(1 + of(said[:count], wanted)[rows, column]).mean() / len(names)
        loss = loss + WRONG * other
        (loss + texture + s.smoothness * steep).backward()
        shown = {"critic": loss.detach(), "patches": texture.detach()}
        if step < FIRST:
            return shown
        # The translator
        critic.requires_grad_(False)
        with reduced(s.device):
            said, patches = critic(made)
        fooled = (F.softplus(-of(said, wanted)) * weights).sum(1).mean()
        fooled = fooled + F.softplus(-patches).mean()
        added = change.abs().mean() / where.mean()
        (fooled + s.sparsity * added).backward()
        return {**shown, "fooled": fooled.detach(), "added": added.detach()}

    loop.train(
        "translator",
        s,
        out,
        modules={"net": net, "average": averaged, "critic": critic},
        optimizers={
            "adam": torch.optim.Adam(net.parameters(), lr=s.rate, betas=(0.5, 0.99)),
            "critic": torch.optim.Adam(critic.parameters(), lr=s.critic_rate, betas=(0.0, 0.99)),
        },
        batch=lambda step: faces.batch(s.seed, step, s.batch_size),
        gradients=gradients,
        averaged=averaged,
        clip=1.0,
        config=dict(
            data=straight.info.get("source"), faces=len(straight.rows("fit")), net=net.config
        ),
    )
    return averaged


def pools(data: Prepared, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The rows to fit on that lack an attribute and that have it; of facial hair, those of men:
    women are no men without a beard.
    """
    rows = may_have(data, data.rows("fit"), name)
    labels = data.column(name)[rows]
    return rows[labels == 0], rows[labels == 1]


def may_have(data: Prepared, rows: np.ndarray, name: str) -> np.ndarray:
    """Of these rows those whose people may have an attribute."""
    if shades([name]) and "male" in data.attribute_names:
        return rows[data.column("male")[rows] == 1]
    return rows


def learnable(data: Prepared) -> tuple[str, ...]:
    """The attributes of which a prepared folder has faces of both classes."""
    known = (name for name in LEARNT if name in data.attribute_names)
    return tuple(name for name in known if all(map(len, pools(data, name))))


class Classes:
    """Faces of both classes of attributes, mirrored at random."""

    def __init__(self, straight: Prepared, names: tuple[str, ...]):
        self.straight, self.pools = straight, [pools(straight, name) for name in names]
        self.labels = np.stack([straight.column(name) for name in names], 1).astype(np.float32)

    def batch(self, seed: int, step: int, count: int) -> tuple[torch.Tensor, ...]:
        """The attributes' columns (B,) and the values that are asked for (B,); faces of the other
        class and then real ones of it (2 B, 3, S, S); and their labels (2 B, K).
        """
        rng = loop.generator(seed, step)
        columns = rng.integers(0, len(self.pools), count)
        values = rng.integers(0, 2, count)
        rows = np.concatenate(
            [
                [rng.choice(self.pools[at][value]) for at, value in zip(columns, side, strict=True)]
                for side in (1 - values, values)
            ]
        )
        mirror = torch.from_numpy(rng.random(len(rows)) < 0.5)
        x = self.straight.batch(rows)
        x = torch.where(mirror[:, None, None, None], x.flip(3), x)
        asked = torch.from_numpy(columns), torch.from_numpy(values).float()
        return *asked, x, torch.from_numpy(self.labels[rows])


def classes_asked(
    labels: torch.Tensor, column: torch.Tensor, value: torch.Tensor, names: tuple[str, ...]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The labels that translated faces are to have (B, K); and what each counts, of the real faces
    (2 B, K) and of these (B, K): those that move with the attribute, and are not known, nothing.

    Args:
        labels: (2 B, K) of the faces that are translated and of as many others; -1 is not known.
        column, value: (B,) the attribute that is asked for.
    """
    count, rows = len(column), torch.arange(len(column), device=column.device)
    beside = [
        [1.0 if one == other else 0.0 if moves(one, other) else BESIDE for other in names]
        for one in names
    ]
    counts = torch.tensor(beside, device=column.device)[column].repeat(2, 1) * (labels >= 0)
    wanted, weights = labels[:count].clone(), counts[:count].clone()
    wanted[rows, column] = value
    if "male" in names:
        women = (column == names.index("male")) & (value == 0)
        for hair in (at for at, name in enumerate(names) if shades([name])):
            wanted[women, hair], weights[women, hair] = 0, BESIDE
    return wanted, counts, weights


def critic_losses(
    said: torch.Tensor,
    patches: torch.Tensor,
    labels: torch.Tensor,
    wanted: torch.Tensor,
    counts: torch.Tensor,
    weights: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The critic's losses of classes and of patches, and how steep it is at real faces.

    Args:
        said, patches: of 2 B real faces, of B translated ones, and of those of the real ones that
            follow the first B, with noise.
        labels, wanted, counts, weights: see `classes_asked`.
    """
    both, count = len(labels), len(wanted)
    sizes = [both, count, len(said) - both - count]
    (real, fake, near), (p_real, p_fake, p_near) = said.split(sizes), patches.split(sizes)
    classes = (F.relu(1 - of(real, labels)) * counts).mean()
    classes = classes + (F.relu(1 + of(fake, wanted)) * weights).mean()
    texture = F.relu(1 - p_real).mean() + F.relu(1 + p_fake).mean()
    # Its gradient is kept small by differences, which need no second derivative (Lin et al. 2025)
    at = slice(count, count + len(near))
    steep = (near - real[at]).square().mean() + (p_near - p_real[at]).square().mean()
    return classes, texture, steep


def of(said: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Of logits of both classes of each attribute (B, 2 K) those of the labels (B, K): (B, K)."""
    lacks, has = said.view(len(labels), -1, 2).unbind(2)
    return torch.where(labels > 0.5, has, lacks)

"""Edits whose texture the translator draws: how much of it, and in the face's own tone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from studies.translator.network import Translator

from istrc.arrays import numbers, numpy
from istrc.attributes import shades, tints
from istrc.edit.render import Rendering
from istrc.edit.stopping import wanted_logits
from istrc.edit.tone import LUMA, Known

# Times what the network adds, that a face takes at most with strength 1; beyond once, nobody has
# taught it what becomes of the face, and so no more than makes it so great (luma, in units of the
# [-1, 1] range, that 99 % of its places stay within)
MOST, GREATEST = 3.0, 0.22
SHIFTS = (0, 2), (2, -1), (-2, -1)  # pixels
KEPT = 0.8  # of its colour, that skin keeps
SEEN = 1e-3  # of a logit, that counts as seen


class Translated(Rendering):
    """A rendering of edits of one attribute, whose textures the subclass's translator draws."""

    net: Translator

    def _shifts(self, drawn: Any, c: Any, masks: Any, known: Any, edits: Any) -> Any:
        ((name, strength),) = edits.items()
        if name not in self.net.names:
            return super()._shifts(drawn, c, masks, known, edits)
        if not hasattr(self, "_drawn"):  # a picture is asked for several times on the way to it
            self._drawn = self._translated(name, strength, masks, known)
        much = amounts(self.nets, self.c, c - self.c, name, strength, *self._drawn)
        return (much[:, None, None, None] * self._drawn[0]).astype(np.float32), None

    def _translated(
        self, name: str, strength: float, masks: np.ndarray, known: Sequence[Known]
    ) -> tuple[np.ndarray, torch.Tensor]:
        """What is added where the edit shows, (B, 3, S, S), and what codes see of it, (B, C)."""
        bare = self._at.bare if tints([name]) else 1 - self._at.within_lips
        bare = 0 if shades([name]) else bare
        masks = (masks * (1 - self._bared))[:, None]
        added = masks * translation(self.net, self._real, name, strength, known, bare)
        read = self.nets.encode_texture(self._texture + self.nets.to_device(added)) - self._read
        return added, torch.cat([read, 0 * self.c[:, self.nets.texture :]], 1)


def amounts(
    nets: Any,
    c: Any,
    change: Any,
    name: str,
    strength: float,
    added: np.ndarray,
    seen: Any,
) -> np.ndarray:
    """How much of what the network adds of an attribute a change (B, C) of codes c shows, (B,).

    With strength 1 as much as a picture takes to look like the middle of its class to the probes,
    and in any case as much as the face is away from there: hardly any, where it is there already. A
    change that ends early shows a share of it.

    Args:
        added: (B, 3, S, S) what the network adds.
        seen: (B, C) what codes see of that.
    """
    column, sign = [nets.probes.names.index(name)], np.sign(strength)
    said, now, drawn = (numpy(nets.read_code(one))[:, column] for one in (c, c + change, c + seen))
    typical = numpy(nets.probes.typical)[column]
    wanted = wanted_logits(said, typical, numbers([sign], said)) - said
    gone = ((now - said) / (abs(strength) * wanted)).clip(0, 1)
    away = wanted / (sign * (typical[:, 0] - typical[:, 1]))
    taken = wanted / (sign * (sign * (drawn - said)).clip(min=SEEN))
    sizes = abs((LUMA * added).sum(1)).reshape(len(added), -1)
    most = (GREATEST / np.quantile(sizes, 0.99, axis=1).clip(min=SEEN)).clip(1, MOST)[:, None]
    return (abs(strength) * np.maximum(away.clip(max=1), np.minimum(taken, most)) * gone)[:, 0]


def translation(
    net: Translator,
    real: np.ndarray,
    name: str,
    strength: float,
    known: Sequence[Known],
    bare: np.ndarray | float,
) -> np.ndarray:
    """What the network adds to faces (B, 3, S, S) in the mean shape, whose tones are known, that
    are to have an attribute or to lack it: (B, 3, S, S). See `in_tone`.

    The mean over mirrored and shifted faces: what it adds by accident it adds to one of them.
    """
    asked = torch.zeros(len(real), len(net.names))
    asked[:, net.names.index(name)] = float(np.sign(strength))
    total = np.zeros_like(real)
    for mirrored in (slice(None), slice(None, None, -1)):
        for aside, down in SHIFTS:
            moved = np.roll(real[..., mirrored], (down, aside), (2, 3))
            with torch.no_grad():
                made = net(torch.from_numpy(moved), asked).numpy()
            total += np.roll(made, (-down, -aside), (2, 3))[..., mirrored]
    made = total / (2 * len(SHIFTS))
    return np.stack([in_tone(*one, bare) for one in zip(made, known, strict=True)])


def in_tone(change: np.ndarray, known: Known, bare: np.ndarray | float) -> np.ndarray:
    """A change (3, S, S) that leaves the skin its tone and its hue, and a grey face grey.

    Args:
        bare: (S, S) where is skin, which becomes lighter or darker and keeps its colour; 0 for hair
            upon it, which shades a part of the face by its meaning.
    """
    if np.any(bare):
        change = change - (change * known.skin).sum((1, 2), keepdims=True) / known.skin.sum()
    grey = (LUMA * change).sum(0, keepdims=True)
    tint = (change - grey) * (1 - KEPT * bare)
    if np.any(bare):  # hair over a face becomes no lighter
        grey = np.where(grey < 0, grey, grey * known.light.clip(max=1))
    hue = (known.own + 1) / (known.luma + 1).clip(min=0.1)
    hue = np.where(grey < 0, hue, (1 + known.white) / 2)
    return grey * (1 + bare * (hue - 1)) + known.colour * tint

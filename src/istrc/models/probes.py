"""Linear probes of a face's code: what its shape and texture say of each attribute.

An edit counts when the picture has changed, not when z has. A probe (Alain, Bengio 2016) is a
logistic regression on the code, which is linear in the picture: it is moved to the middle of a
class by about the difference that real faces of both classes have, and by nothing that does not
show. It says where an edit has arrived (istrc.edit.stopping). What a walk leaves over is made up
with prototypes, the mean differences between faces of both classes (Tiddeman, Burt, Perrett 2001).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from istrc.models.kinds import KINDS, sizes
from istrc.models.part_files import arguments


class Probes(nn.Module):
    """Codes (B, C) -> logits of attributes (B, A).

    Args:
        names: the attributes.
        code: C.
        measures: what is measured on shapes (istrc.shape.measures), in the order of `ranges`.
        detail: bands, side and side of the maps of detail (istrc.edit.detail); empty for none.
        hair: side of the maps of hair (istrc.edit.hair_colour); 0 for none.
        speaking: numbers of a texture's code; 0 where no mouths that speak are known.
        wrinkles: side of the map of how these run; 0 for none.
        mouth: openings and cells at which the light between lips is known (istrc.edit.teeth); empty
            for none.

    Buffers:
        typical: (A, 2) the median logit of faces that have an attribute, and of those that lack it,
            both with as many men as there are among those that have it.
        prototypes: (A, C) how codes differ where faces have an attribute and where they lack it,
            what it does not move being the same.
        reach: (A, 2) times the way to `typical` of the class that edits to it, and away from it, go
            so that pictures show it (istrc.training.stopping).
        ranges: (M, 2, 3) of each measure, of the faces that have and lack its attribute: the
            median, and the 3rd and 97th percentile.
        gain: (M, 2) times what is asked of a measure that shapes go, up and down, so that it is
            found on pictures (istrc.training.stopping).
        directions: (M, 68, 2) how a shape changes, from one real face to another in the same pose,
            where a measure grows by 1 and the others stay.
        turns: (2, 68, 2) how a shape changes where yaw or pitch (istrc.shape.measures.pose) grow by
            1 and what is measured stays.
        detail: (A, bands, side, side) how log amplitudes differ, as `prototypes` do of codes.
        detail_mean: (bands, side, side) of all faces.
        detail_ranges: (A, 2, 3) as `ranges`, of how far faces are on the way of `detail`.
        hair_places: (2, 2, side, side) how likely hair, and skin, are on the crop of women and men.
        hair_tones: (A, 2, 4, 4) by the skin's tone, what tone hair has that has an attribute, and
            that lacks it; 0 for attributes that are not of its colour.
        speaking: (T,) how textures' codes of mouths that speak, with teeth above and the dark
            below, differ from the mean of all open ones that do not smile.
        wrinkles: (2, side, side) how lines run that older faces have, and younger lack (see
            istrc.edit.wrinkles).
        mouth_light: (2, openings, cells, 2) luma from 0 to 2 between open lips, of mouths that
            speak, with teeth above and the dark below, and that smile: a constant, and what is
            added of the skin's light.
    """

    if TYPE_CHECKING:  # the buffers

        def __getattr__(self, name: str) -> Any: ...

    def __init__(
        self,
        names: tuple[str, ...],
        code: int,
        measures: tuple[str, ...] = (),
        detail: tuple[int, ...] = (),
        hair: int = 0,
        speaking: int = 0,
        wrinkles: int = 0,
        mouth: tuple[int, ...] = (),
    ):
        super().__init__()
        self.config = arguments(locals())
        self.names, self.measures, self.code = tuple(names), tuple(measures), code
        self.read = nn.Linear(code, len(names))
        optional: dict[str, Any] = {"detail": detail, "hair": hair, "speaking": speaking}
        optional.update(wrinkles=wrinkles, mouth=mouth)
        for name, shape in KINDS["Probes"].arrays.items():
            if optional.get(name.split("_")[0], True):
                self.register_buffer(name, torch.zeros(sizes(shape, self.config)))
        for ones in (self.spread, self.reach, self.gain):
            ones.fill_(1)

    def forward(self, c: torch.Tensor) -> torch.Tensor:
        return self.read((c - self.mean) / self.spread)

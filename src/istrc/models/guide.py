"""The guides: small pixel classifiers that tell the closing of the circle what a picture shows.

FaceNet alone is fooled by what it trains (its embedding of an edited picture arrives before the
picture does). Guides see pixels, share nothing with it, and are several and unlike. A network that
closing follows is fooled a little too, so that those that look how far an edit has come are a team
of their own. The judge, which measures, is yet another network, and no training ever sees it.
"""

from __future__ import annotations

import torch
from torch import nn

# Team: its members' widths and first kernels
TEAMS = {
    "look": (((32, 64, 128, 192), (40, 80, 112, 160)), (3, 5)),
    "close": (((48, 80, 128, 192), (32, 72, 144, 224), (40, 64, 160, 192)), (3, 5, 7)),
}


def _stage(inputs: int, outputs: int, kernel: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, 1, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.SiLU(),
    ]


class Guides(nn.Module):
    """Faces (B, 3, S, S) in [-1, 1] -> logits of every member (M, B, A).

    `typical` (A, 2) are the logits at which half of the faces that have an attribute are seen to,
    and, with the sign turned, half of those that lack it; `measure` finds them.

    Args:
        attributes: names of the A attributes, in the order of the logits.
        widths: of each member's stages, at S/2, S/4, S/8...; as many members as there are tuples.
        kernels: of each member's first convolution.
    """

    def __init__(
        self,
        attributes: tuple[str, ...] = (),
        widths: tuple[tuple[int, ...], ...] = TEAMS["look"][0],
        kernels: tuple[int, ...] = TEAMS["look"][1],
    ):
        super().__init__()
        widths = [tuple(member) for member in widths]
        self.config = dict(
            attributes=list(attributes), widths=[list(w) for w in widths], kernels=list(kernels)
        )
        self.attributes = list(attributes)
        members = []
        for member, kernel in zip(widths, kernels, strict=True):
            layers: list[nn.Module] = [nn.PixelUnshuffle(2), *_stage(12, member[0], kernel)]
            for before, width in zip(member, member[1:], strict=False):
                layers += [nn.MaxPool2d(2), *_stage(before, width, 3), *_stage(width, width, 3)]
            layers += [nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.1)]
            members.append(nn.Sequential(*layers, nn.Linear(4 * member[-1], len(attributes))))
        self.members = nn.ModuleList(members)
        self.register_buffer("typical", torch.full((len(attributes), 2), 20.0))  # not measured

    def forward(self, x: torch.Tensor, members: list[int] | None = None) -> torch.Tensor:
        """`members`: which of them look; None is all."""
        chosen = range(len(self.members)) if members is None else members
        return torch.stack([self.members[i](x).float() for i in chosen])

    def measure(self, logits: torch.Tensor, labels: torch.Tensor) -> None:
        """Set `typical` from the members' mean logits (N, A) of faces with labels (N, A).

        Labels are 1, 0, or -1 where it is not known; what no face shows stays as it was.
        """
        for column in range(logits.shape[1]):
            for place, (label, sign) in enumerate([(1, 1), (0, -1)]):
                shown = sign * logits[labels[:, column] == label, column]
                if len(shown):
                    self.typical[column, place] = shown.median()

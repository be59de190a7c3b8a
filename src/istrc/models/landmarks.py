"""The landmark network: where the points of a face are, and which of them are covered."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from istrc.shape.frame import averaged_over_mirror, found_in
from istrc.shape.measures import COUNT, of_a_face


class Regressor(nn.Module):
    """A small convolutional regressor on a space-to-depth stem: faces (B, 3, S, S) in [-1, 1] ->
    (B, N, 3), how far each point lies from the mean shape's, and the logit of being covered.

    Args:
        size: side S of the faces it looks at, pixels, a multiple of 8 * fold.
        fold: pixels of a side that the stem folds into channels.
        widths: channels at S/fold, and at a half, a quarter and an eighth of that.
        hidden: units of the layer that sees the whole face.
        points: N.
    """

    def __init__(
        self,
        size: int,
        fold: int,
        widths: tuple[int, ...],
        hidden: int = 256,
        *,
        points: int = COUNT,
    ):
        super().__init__()
        self.config = dict(size=size, fold=fold, widths=list(widths), hidden=hidden)
        self.size, self.points = size, points
        a, b, c, d = widths
        layers: list[nn.Module] = [nn.PixelUnshuffle(fold)]
        steps = ((3 * fold**2, a, 1), (a, b, 2), (b, b, 1), (b, c, 2), (c, c, 1), (c, d, 2))
        for inputs, outputs, stride in steps:
            convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
        self.look = nn.Sequential(*layers)
        # Where things are must survive to the end: flattened, not averaged
        self.judge = nn.Sequential(nn.Linear(d * (size // fold // 8) ** 2, hidden), nn.ReLU())
        self.place = nn.Linear(hidden, 3 * points)
        nn.init.zeros_(self.place.weight)
        nn.init.zeros_(self.place.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        seen = self.look(x)  # (B, d, S/fold/8, S/fold/8)
        return self.place(self.judge(seen.flatten(1))).float().view(-1, self.points, 3)


class Landmarks(nn.Module):
    """Two regressors: one that finds a face's points under a frame that may be far off, and one
    that finds them exactly in a face that is aligned.

    Args:
        rough, fine: arguments of either `Regressor`.
        faces: triangles of the mesh over the reference shape (istrc.shape.mesh).
        points: N, of a shape. Where they are no face's, nothing is aligned by them, and which is
            which in the mirror is not known.

    Buffers:
        mean: (N, 2) the mean shape; a face's is its own mirror image.
        reference: (N, 2) the shape of the shape-free frame; triangles: (T, 3) over it.
    """

    ROUGH = dict(size=64, fold=2, widths=(32, 64, 128, 128), hidden=256)
    FINE = dict(size=128, fold=4, widths=(48, 64, 128, 128), hidden=256)

    mean: torch.Tensor
    reference: torch.Tensor
    triangles: torch.Tensor

    def __init__(
        self, rough: dict = ROUGH, fine: dict = FINE, faces: int = 258, points: int = COUNT
    ):
        super().__init__()
        self.rough, self.fine = (Regressor(**one, points=points) for one in (rough, fine))
        own = dict(rough=self.rough.config, fine=self.fine.config)
        self.config = dict(**own, faces=faces, points=points)
        self.size, self.rough_size = self.fine.size, self.rough.size
        self.register_buffer("mean", torch.zeros(points, 2))
        self.register_buffer("reference", torch.zeros(points, 2))
        self.register_buffer("triangles", torch.zeros(faces, 3, dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Aligned faces (B, 3, S, S) in [-1, 1] -> (B, N, 3): x, y in [-1, 1] over the picture,
        and the logit of being covered.
        """
        return self._placed(self.fine(x))

    def guess(self, x: torch.Tensor) -> torch.Tensor:
        """The same of faces (B, 3, R, R) under a frame that may be off, and of less precision."""
        return self._placed(self.rough(x))

    def _placed(self, found: torch.Tensor) -> torch.Tensor:
        return torch.cat([found[..., :2] + self.mean, found[..., 2:]], -1)

    @torch.no_grad()
    def find(self, x: torch.Tensor) -> torch.Tensor:
        """`forward`'s mean over each face and its mirror image, (B, N, 3)."""
        return averaged_over_mirror(self, x) if of_a_face(self.mean) else self(x)

    @torch.no_grad()
    def find_in(self, faces: np.ndarray, rough: bool = False) -> np.ndarray:
        """The points of pictures (B, S, S, 3) uint8, or (B, R, R, 3): (B, 68, 3) float32."""
        look = self.guess if rough else self

        def seen(x: np.ndarray) -> np.ndarray:
            return look(torch.from_numpy(np.ascontiguousarray(x)).to(self.mean)).cpu().numpy()

        return found_in(seen, faces, self.rough_size if rough else self.size)

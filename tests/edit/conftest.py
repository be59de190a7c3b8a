"""Networks whose codes say what they are asked, and walks for them; a photograph and its face."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from istrc import sphere
from istrc.edit.walk import Walk
from istrc.photo.align import Frame
from istrc.shape.crop import CROP_CENTRE, CROP_SIDE
from istrc.shape.measures import measures
from istrc.shape.mesh import Mesh

SIDE = 150  # of the face's crop in the photograph
TEXTURE = 32  # S, of a face in the mean frame


@pytest.fixture(scope="session")
def nets():
    def nets(texture=2, shape=None, names=("smile", "male"), measured=(), ranges=None):
        """Networks whose changes are as long as the walk in every coordinate: c + angle * WAY.

        The logits of `names` are the first coordinates of a code.
        """
        code = texture if shape is None else texture + 136
        way = torch.zeros(code)
        way[: len(names)] = torch.tensor([10.0, -6.0])[: len(names)]
        mean = torch.zeros(code)
        if shape is not None:
            mean[texture:] = torch.from_numpy(shape).float().flatten()

        def map_change(c, z, z2):
            return sphere.angle(z, z2)[:, None] * way

        return SimpleNamespace(
            way=way,
            code=code,
            texture=texture,
            facial=shape is not None,
            map_change=map_change,
            read_code=lambda c: c[:, : len(names)],
            shapes=lambda c: c[:, texture:].reshape(-1, 68, 2),
            logits=lambda z, asked: z[:, : len(list(asked))],
            probes=SimpleNamespace(
                names=names,
                measures=measured,
                mean=mean,
                spread=torch.full((code,), 100.0),
                typical=torch.tensor([[4.0, -4.0]] * len(names)),
                reach=torch.ones(len(names), 2),
                prototypes=torch.zeros(len(names), code),
                ranges=torch.as_tensor(ranges or []),
                gain=torch.ones(len(measured), 2),
                directions=torch.zeros(len(measured), 68, 2),
                turns=torch.zeros(2, 68, 2),
            ),
        )

    return nets


@pytest.fixture(scope="session")
def path():
    def path(faces=1, far=1.2):
        """Walks of `far` radians along a great circle."""
        start, end = torch.eye(4)[:2]
        shares = torch.linspace(0, far / (torch.pi / 2), 51)
        points = torch.stack([sphere.slerp(start, end, share) for share in shares])
        blank = torch.zeros(faces, 1)
        return Walk(points[:, None].expand(-1, faces, -1), *[blank] * 5), start.expand(faces, -1)

    return path


@pytest.fixture(scope="session")
def shaped(nets):
    def shaped(face_points, name, ranges, measure):
        """A toy with one measured attribute, whose direction is that measure's own gradient."""
        toy = nets(shape=face_points, names=(name,), measured=(name,), ranges=[ranges])
        at = torch.from_numpy(face_points).float().requires_grad_()
        (gradient,) = torch.autograd.grad(measures(at)[measure], at)
        toy.probes.directions[0] = gradient / gradient.square().sum()
        return toy, torch.cat([torch.zeros(2), at.detach().flatten()])[None]

    return shaped


@pytest.fixture(scope="session")
def mesh(face_points):
    return Mesh(face_points)


@pytest.fixture(scope="session")
def frame():
    """A face that is turned a little, in a photograph of 320 x 260."""
    scale, angle = CROP_SIDE / SIDE, 0.2
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return Frame(np.column_stack([turn, CROP_CENTRE - turn @ [150.0, 140.0]]))


@pytest.fixture(scope="session")
def photo():
    coarse = np.random.default_rng(0).integers(0, 256, (27, 33, 3), dtype=np.uint8)
    return coarse.repeat(10, 0).repeat(10, 1)[:260, :320]


@pytest.fixture
def own():
    """A coloured face (3, S, S)."""
    rng = np.random.default_rng(0)
    return (rng.normal(0, 0.1, (3, TEXTURE, TEXTURE)) + [[[0.4]], [[0.1]], [[-0.1]]]).astype(
        np.float32
    )


@pytest.fixture
def skin():
    """Where the skin of that face is, (S, S)."""
    mask = np.zeros((TEXTURE, TEXTURE), np.float32)
    mask[8:24, 6:26] = 1
    return mask

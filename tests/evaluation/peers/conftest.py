"""A real circle, untrained, and what peers learn from."""

import pytest
import torch

from istrc.evaluation.peers.examples import Examples
from istrc.photo.paste import face_mask


@pytest.fixture(scope="session")
def untrained(prepared):
    from istrc.circle import Circle
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.changes import Changes
    from istrc.models.facenet import FaceNet
    from istrc.models.mapping import Mapping

    torch.manual_seed(0)
    changes = Changes(8, 24, 16)
    torch.nn.init.normal_(changes.fit[-1].weight, std=0.1)
    return Circle(
        FaceNet(16, 8, (8, 12), (1, 1)).eval(),
        AutoEncoder(16, 24, (8, 12)),
        Mapping(8, 24, 16),
        AttributeClassifiers(tuple(prepared.attribute_names), 8, 8),
        changes=changes,
    )


@pytest.fixture(scope="session")
def examples(untrained, prepared):
    return Examples(untrained, prepared, faces=120)


@pytest.fixture(scope="session")
def mask():
    """Where a face's edit may show: (16, 16)."""
    return torch.from_numpy(face_mask(16))


@pytest.fixture
def x(prepared):
    return prepared.batch(prepared.rows("valid")[:3])

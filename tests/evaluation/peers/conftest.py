"""A real circle, untrained, and what peers learn from."""

import pytest
import torch

from istrc.evaluation.peers.examples import Examples


@pytest.fixture(scope="session")
def untrained(prepared):
    from istrc.circle import Circle
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.changes import Changes
    from istrc.models.facenet import FaceNet
    from istrc.models.mapping import Mapping

    torch.manual_seed(0)
    return Circle(
        FaceNet(16, 8, (8, 12), (1, 1)).eval(),
        AutoEncoder(16, 24, (8, 12)),
        Mapping(8, 24, 16),
        AttributeClassifiers(tuple(prepared.attribute_names), 8, 8),
        changes=Changes.of(Mapping(8, 24, 16)),
    )


@pytest.fixture(scope="session")
def examples(untrained, prepared):
    return Examples(untrained, prepared, faces=120)


@pytest.fixture
def x(prepared):
    return prepared.batch(prepared.rows("valid")[:3])

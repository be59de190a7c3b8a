"""An untrained circle and a few faces, for the verbs."""

from types import SimpleNamespace

import pytest


@pytest.fixture(scope="session")
def blank(blank_model):
    """A circle of 32 px, D = 8, never trained."""
    from istrc.circle import Circle

    return Circle.from_pretrained(blank_model)


@pytest.fixture(scope="session")
def crowd(blank):
    """Five faces x (5, 3, 32, 32) and their embeddings z (5, 8), in one hemisphere."""
    import torch

    from istrc import sphere

    generator = torch.Generator().manual_seed(1)
    x = torch.rand(5, 3, 32, 32, generator=generator) * 2 - 1
    # An untrained FaceNet puts all noise into one place; the verbs take any z
    z = sphere.normalize(torch.ones(8) + torch.randn(5, 8, generator=generator))
    return SimpleNamespace(x=x, z=z)

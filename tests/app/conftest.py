"""A circle of 32 px whose weights mean nothing."""

import pytest


@pytest.fixture(scope="session")
def blank_model(tmp_path_factory):
    """The folder of a circle that was never trained, with every transformation."""
    import torch

    from istrc.circle import TRANSFORMATIONS, Circle
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.facenet import FaceNet
    from istrc.models.mapping import Mapping

    torch.manual_seed(0)
    widths = (4, 4, 4, 4)
    circle = Circle(
        FaceNet(32, 8, widths),
        AutoEncoder(32, 6, widths),
        Mapping(8, 6, 8, 5),
        AttributeClassifiers((*TRANSFORMATIONS, "eyeglasses"), 8, 4, 4),
    )
    folder = tmp_path_factory.mktemp("blank") / "model"
    circle.save_pretrained(folder)
    return folder

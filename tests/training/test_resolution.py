"""256 px by configuration: shapes, memory, arithmetic of a few steps, and an edit at that size."""

import numpy as np
import pytest
import torch

from istrc.attributes import TRANSFORMATIONS
from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.models.attributes import AttributeClassifiers
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.mapping import Mapping
from istrc.training.began import train_began
from istrc.training.cost import read

SIZES = (128, 256)
TINY = dict(widths=(8, 8, 8, 8), linear=12, linear_side=32, detail=8, generator_code=4)
FEW = dict(generator_widths=(8, 8, 8, 8), steps=2, batch_size=4, fakes=2, validate_every=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, write_prepared):
    """What two steps of BEGAN made at either size, and its run, by the size."""
    made = {}
    for size in SIZES:
        folder = tmp_path_factory.mktemp(f"at{size}")
        images = np.random.default_rng(0).integers(0, 256, (24, size, size, 3))
        people = np.repeat(np.arange(6), 4)
        about = dict(attributes=("odd",), identity=people, split=np.zeros(24))
        write_prepared(folder, images, np.arange(24)[:, None] % 2, **about)
        net, _ = train_began(folder, folder / "run", **TINY, **FEW)
        made[size] = net.eval(), folder
    return made


def held(net, x):
    """Bytes that a training step of an auto-encoder keeps for its backward pass."""
    total = 0

    def keep(tensor):
        nonlocal total
        total += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        net(x)
    return total


def test_pictures_come_out_at_their_size(trained):
    for size, (net, folder) in trained.items():
        x = Prepared(folder).batch(np.arange(2))
        with torch.no_grad():
            code = net.encode(x)
            assert x.shape[-1] == size and code.shape == (2, net.code)
            drawn = net.decode(code)
        assert drawn.shape == (2, 3, size, size) and drawn.isfinite().all()
    assert trained[128][0].code == trained[256][0].code  # components, not pixels


def test_four_times_the_pixels_are_four_times_the_work_and_memory(trained):
    work, memory = [], []
    for size in SIZES:
        net, folder = trained[size]
        work.append(read(folder / "run")["operations"])
        memory.append(held(net.train(), Prepared(folder).batch(np.arange(2)).requires_grad_()))
        net.eval()
    assert 3.5 < work[1] / work[0] < 4.5
    assert 3.5 < memory[1] / memory[0] < 4.5


def test_a_circle_of_256_px_edits(trained):
    net, folder = trained[256]
    torch.manual_seed(0)
    names = TRANSFORMATIONS
    facenet = FaceNet(64, 8, (4, 4, 4, 4))  # which sees 64 px of whatever size
    mapping, classifiers = Mapping(8, net.code, 8, 5), AttributeClassifiers(names, 8, 4, 4)
    circle = Circle(facenet.eval(), net, mapping.eval(), classifiers.eval())
    x = Prepared(folder).batch(np.arange(1))
    for mode in ("photo", "anchored", "circle"):
        edited = circle.edit(x, {"smile": 1.0}, mode=mode)
        assert edited.shape == (1, 3, 256, 256) and edited.isfinite().all(), mode
    assert isinstance(net, AutoEncoder) and circle.size == 256

"""A circle small enough for tests, whose weights mean nothing, and pictures for it."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory):
    """The folder of a circle of 32 px, D = 8, that was never trained."""
    torch = pytest.importorskip("torch")
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
    folder = tmp_path_factory.mktemp("toy") / "model"
    circle.save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="session")
def faces(tmp_path_factory):
    """A folder of three aligned pictures, 178x218: a.png, b.jpg, c.webp."""
    folder = tmp_path_factory.mktemp("faces")
    rng = np.random.default_rng(0)
    for name in ("b.jpg", "a.png", "c.webp"):
        coarse = rng.integers(0, 256, (7, 6, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((178, 218), Image.Resampling.BICUBIC).save(folder / name)
    return folder


@pytest.fixture
def istrc():
    """Runs a command line in this process: exit_code, out, err, and json() of the output."""
    from istrc.cli import app

    def run(*arguments):
        result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return SimpleNamespace(
            exit_code=result.exit_code,
            out=result.stdout,
            err=result.stderr,
            lines=result.stderr.splitlines(),
            json=lambda: json.loads(result.stdout),
        )

    return run

"""What the tests of the command line share: pictures, an untrained circle, a runner."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner


@pytest.fixture(scope="session")
def toy_model(blank_model):
    """The untrained circle, as the command line takes it."""
    return str(blank_model)


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

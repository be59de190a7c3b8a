"""What the tests of the command line share: pictures, an untrained circle, a runner."""

import json
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from istrc import progress


@pytest.fixture(autouse=True)
def no_line_by_the_clock(monkeypatch):
    """How far a command is, told every half minute, is a further line on a busy machine."""
    for name in ("FIRST_LINE", "LINE_EVERY"):
        monkeypatch.setattr(progress, name, threading.TIMEOUT_MAX)


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


@pytest.fixture(scope="session")
def bright_smiles(tmp_path_factory, write_prepared):
    """Writes a prepared folder of 32 px: 60 people of 3 pictures, 20 of them held out.

    What has the first of the attributes is brighter, and by nothing else do the faces differ.
    """

    def write(attributes):
        rng = np.random.default_rng(0)
        identity = np.repeat(np.arange(60), 3)
        labels = rng.integers(0, 2, (180, len(attributes)))
        images = rng.integers(0, 60, (180, 32, 32, 3)) + 120 * labels[:, :1, None, None]
        return write_prepared(
            tmp_path_factory.mktemp("prepared"),
            images,
            labels,
            attributes=attributes,
            identity=identity,
            split=identity >= 40,
        )

    return write


@pytest.fixture(scope="session")
def bright_judge(tmp_path_factory, bright_smiles):
    """The folder of a judge that knows smiles and the sex, and sees a smile in what is bright."""
    import torch

    from istrc.data.prepared import Prepared
    from istrc.evaluation.judges import Judge
    from istrc.models.judge import JudgeNet

    torch.manual_seed(0)
    net = JudgeNet(32, ("smile", "male"), (4, 4), (1, 1)).eval()
    data = Prepared(bright_smiles(("smile", "male")))
    with torch.no_grad():
        seen = net.features(data.batch(np.arange(180)))
        labels = torch.from_numpy(data.attributes).float() * 2 - 1
        ones = torch.cat([seen, torch.ones(180, 1)], 1)
        fitted = torch.linalg.lstsq(ones, labels, driver="gelsd").solution
        net.heads.weight.copy_(4 * fitted[:-1].T)
        net.heads.bias.copy_(4 * fitted[-1])
    folder = tmp_path_factory.mktemp("judge")
    Judge(net).save(folder)
    return folder

"""`istrc evaluate holding`, wired together: options, the file, the table, and slips."""

import json

import numpy as np
import pytest
import torch

from istrc.circle import TRANSFORMATIONS

pytest.importorskip("sklearn")
NAMES = ("smile", "male", *(n for n in TRANSFORMATIONS if n not in ("smile", "male")), "eyeglasses")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A prepared folder of 32 px: 60 people of 3 pictures, 20 of them held out."""
    folder = tmp_path_factory.mktemp("prepared")
    rng = np.random.default_rng(0)
    identity = np.repeat(np.arange(60), 3).astype(np.int32)
    labels = rng.integers(0, 2, (180, len(NAMES))).astype(np.int8)
    images = rng.integers(0, 60, (180, 32, 32, 3)) + 120 * labels[:, :1, None, None]
    arrays = {
        "images": images.astype(np.uint8),
        "attributes": labels,
        "identity": identity,
        "split": (identity >= 40).astype(np.int8),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    (folder / "names.txt").write_text("".join(f"{i}.png\n" for i in range(180)))
    info = {"format": 1, "size": 32, "count": 180, "attributes": list(NAMES)}
    info |= {"splits": ["train", "valid", "test"], "source": "noise"}
    info |= {"skipped": [], "complete": True}
    (folder / "prepared.json").write_text(json.dumps(info))
    return folder


@pytest.fixture(scope="module")
def judge(tmp_path_factory, prepared):
    """A judge that knows smiles and the sex: it sees both in what is bright."""
    from istrc.data.prepared import Prepared
    from istrc.evaluation.judges import Judge
    from istrc.models.judge import JudgeNet

    torch.manual_seed(0)
    net = JudgeNet(32, ("smile", "male"), (4, 4), (1, 1)).eval()
    data = Prepared(prepared)
    with torch.no_grad():
        seen = net.features(data.batch(np.arange(180)))
        labels = torch.from_numpy(data.attributes[:, :2]).float() * 2 - 1
        ones = torch.cat([seen, torch.ones(180, 1)], 1)
        fitted = torch.linalg.lstsq(ones, labels, driver="gelsd").solution
        net.heads.weight.copy_(4 * fitted[:-1].T)
        net.heads.bias.copy_(4 * fitted[-1])
    folder = tmp_path_factory.mktemp("judge")
    Judge(net).save(folder)
    return folder


def test_ways_are_measured_written_and_told(istrc, toy_model, prepared, judge, tmp_path):
    files = [tmp_path / "h.json", tmp_path / "h.md"]
    result = istrc(
        "evaluate", "holding", "--data", prepared, "--judge", judge, "--model", toy_model,
        "--no-second", "--faces", 2, "--steps", 2, "--training-faces", 50,
        "--json", files[0], "--markdown", files[1],
    )  # fmt: skip
    assert result.exit_code == 0, result.err
    found = json.loads(files[0].read_text())["holding"]
    assert found["steps"] == 2 and found["split"] == "valid"
    assert found["variants"]["the sex held"]["keep"] == ["none", "male"]
    assert set(found["variants"]["nothing held"]["edits"]) >= {"smile+", "smile-"}
    assert "| balanced classifiers, the default held |" in files[1].read_text()
    assert result.json()["variants"].keys() == found["variants"].keys()


def test_slips_are_one_line(istrc, toy_model, prepared, tmp_path):
    for options, said in (
        (["--data", tmp_path], "istrc prepare"),
        (["--data", prepared, "--split", "all"], "--split all"),
    ):
        result = istrc("evaluate", "holding", "--model", toy_model, "--no-second", *options)
        assert result.exit_code == 1 and said in result.lines[-1]

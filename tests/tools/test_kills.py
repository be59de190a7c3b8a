"""A handful of kills; `python tools/kills.py` makes hundreds of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import istrc
from istrc.errors import IstrcError

pytest.importorskip("torch.utils.tensorboard")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="it forks")


def test_what_is_not_whole_is_told(tmp_path):
    from tools.kills import broken, compared, files

    np.save(tmp_path / "z.npy", np.ones(9))
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / ".istrc-1.partial.png").write_text("half")
    (tmp_path / ".parts").mkdir()
    (tmp_path / ".parts" / "plan.json").write_text("half")
    whole = files(tmp_path)
    assert sorted(whole) == ["a.json", "z.npy"]
    assert [broken(tmp_path / name) for name in whole] == [None, None]
    (tmp_path / "z.npy").write_bytes(whole["z.npy"][:-1])
    (tmp_path / "a.json").write_text("{")
    assert broken(tmp_path / "z.npy").startswith("z.npy: ValueError: ")
    assert broken(tmp_path / "a.json").startswith("a.json: JSONDecodeError: ")
    assert broken(tmp_path / "b.exe") == "b.exe: of a kind that is not known here"
    differ = list(compared(files(tmp_path) | {"log/x": b"1", "new": b""}, whole | {"log/x": b"2"}))
    assert [one.partition(":")[0] for one in differ] == ["a.json", "new", "z.npy"]


def test_a_kill_comes_at_the_change_that_was_asked_for(tmp_path):
    from tools.kills import Doom, ended, files, started

    log, out = tmp_path / "log", tmp_path / "out"

    def work():
        out.mkdir()
        (tmp_path / "elsewhere").write_text("no change of OUT")
        (out / "a.tmp").write_text("half")
        os.replace(out / "a.tmp", out / "a")
        (out / "a").read_text()
        for _ in range(10**9):  # computes until it is killed
            pass

    lying = []
    for number, after in ((1, 0), (2, 0), (3, 0), (3, 0.01)):
        assert not ended(started(work, log, Doom(out, number, after)))
        lying.append([path.name for path in out.rglob("*")])
        shutil.rmtree(out, ignore_errors=True)
    assert lying == [[], [], ["a.tmp"], ["a"]]
    assert ended(started(lambda: (out.mkdir(), np.save(out / "z.npy", np.ones(3))), log, Doom(out)))
    assert log.with_suffix(".changes").read_text() == "2" and [*files(out)] == ["z.npy"]
    with pytest.raises(IstrcError, match="ended with status 70"):
        ended(started(lambda: 1 / 0, log))
    assert "ZeroDivisionError" in log.read_text()


@pytest.mark.slow
def test_killed_and_started_again_it_ends_with_the_same_bytes(tmp_path):
    path = tmp_path / "kills.json"
    environment = {**os.environ, "PYTHONPATH": str(Path(istrc.__file__).parents[1])}
    tool = Path(__file__).parents[2] / "tools/kills.py"
    command = [sys.executable, str(tool), "--kills", "2", "--json", str(path)]
    command += ["--only", "prepare", "--only", "embed"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    found = json.loads(path.read_text())["kills"]
    assert set(found) == {"prepare", "embed"}
    for one in found.values():
        assert one["kills"] == 2 and one["rounds"] >= 1 and one["failed"] == []
        assert one["half"] or one["files_looked_at"]

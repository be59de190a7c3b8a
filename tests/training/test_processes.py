"""Training on two processes: the weights of one process with the same whole batch."""

import builtins
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tests.training import together

from istrc.errors import InputError, IstrcError
from istrc.training import processes

pytestmark = pytest.mark.slow  # processes are started that train

# Sums of a share and then of shares are rounded otherwise than those of a whole batch; eight steps
# of SGD, and four of Adam, which divides by the gradient's own size, carry that on
TINY, ADAM = 2e-6, 2e-4


def checkpoint(run):
    return load_file(Path(run) / "checkpoint.safetensors")


@pytest.fixture(scope="module")
def runs(toy_folder, tmp_path_factory):
    """The folders of one process and of two: all but FaceNet's are to be the same."""
    pytest.importorskip("lightning_fabric")
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    together.train_tiny(one / "tiny")
    together.train_pictures(toy_folder, one / "began")
    together.train_tiny(two / "other", minutes=1e-9)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*torchrun, together.__file__, str(toy_folder), str(two)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return one, two


@pytest.mark.parametrize(("run", "tolerance"), [("tiny", TINY), ("began", ADAM)])
def test_two_processes_train_what_one_does(runs, run, tolerance):
    one, two = (checkpoint(folder / run) for folder in runs)
    assert set(one) == set(two)
    weights = [name for name in one if name.startswith("module/") and one[name].is_floating_point()]
    apart = max(float((one[name] - two[name]).abs().max()) for name in weights)
    assert 0 <= apart < tolerance


def test_a_run_goes_on_with_another_number_of_processes(runs):
    one, two = runs
    wanted = checkpoint(one / "tiny")
    began_alone = checkpoint(two / "other")  # one step of one process, seven of two
    assert together.train_tiny(two / "stopped") == together.STEPS  # one step of two, seven of one
    for other in (began_alone, checkpoint(two / "stopped")):
        for name, value in wanted.items():
            torch.testing.assert_close(other[name], value, atol=TINY, rtol=0, msg=name)


def test_only_the_first_writes(runs):
    _, two = runs
    found = {path.name for path in (two / "tiny").iterdir()}
    assert found == {"best.safetensors", "checkpoint.safetensors", "log", "run.json", "cost.json"}


def test_shares_are_the_whole(monkeypatch):
    whole, parts = np.arange(12), []
    monkeypatch.setenv("WORLD_SIZE", "3")
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        parts.append(processes.shard(whole))
    assert np.array_equal(np.concatenate(parts), whole)
    with pytest.raises(InputError, match="a batch of 8 has no equal shares for 3 processes"):
        processes.shard(torch.zeros(8))


def test_one_process_has_all_and_joins_nobody():
    x = torch.ones(3, requires_grad=True)
    assert processes.shard(x).equal(x) and processes.all_gather(x) == (x,)
    assert processes.connect() is None and processes.rank() == 0
    state = {"k": 0.3}
    assert processes.synchronised(state, True) is True and state == {"k": 0.3}


def test_without_the_library_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def absent(name, *rest):
        if name.startswith("lightning_fabric"):
            raise ImportError(name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    monkeypatch.setattr(processes, "_joined", [])
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(IstrcError, match=r"pip install 'istrc\[fabric\]'"):
        processes.connect()

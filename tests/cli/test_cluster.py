"""Work by Ray Data on a local cluster of two workers, one of which is killed in the middle."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from istrc.cli.cluster import _shared_out, by_ray
from istrc.cli.files import Job
from istrc.cli.many import do_all, parts
from istrc.cli.report import Report
from istrc.cli.task import Outcome, Stop, Task
from istrc.errors import InputError

COUNT = 24


def copy_some(opened, looked, settings):
    """Copies texts; a text says what becomes of its worker, once or whenever it is tried."""
    done = []
    for job, _ in looked:
        text = job.source.read_text()
        marks = job.source.with_suffix(".tried")
        with marks.open("a") as file:
            file.write("x")
        if text == "kills always" or (text == "kills" and marks.read_text() == "x"):
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.02)
        job.output.write_text(text)
        facts = dict(input=str(job.source), output=str(job.output), worker=os.getpid())
        done.append(Outcome(facts, listed=[text]))
    return done


def look(opened, job, settings):
    text = job.source.read_text()
    if text == "bad":
        raise InputError(f"{job.source}: bad; give a better one")
    if text == "defect":
        raise ZeroDivisionError
    return text


@pytest.fixture(scope="module")
def cluster():
    """A local Ray of two workers, which take this module's functions by value."""
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield ray
    ray.shutdown()


@pytest.fixture
def jobs(tmp_path):
    def write(**special):
        made = []
        for k in range(COUNT):
            source = tmp_path / f"{k:02d}.txt"
            source.write_text(special.get(f"at{k}", f"text {k}"))
            made.append(Job(source, tmp_path / f"{k:02d}.out"))
        return made

    return write


@pytest.mark.parametrize("count", [1, 2, 5])
def test_batches_are_given_in_order_and_ever_fewer(count):
    batches = [[(number, None)] for number in range(200)]
    given = _shared_out(batches, count, 4)
    assert [one for some in given for one in some] == batches
    sizes = [len(some) for some in given]
    assert sizes[0] == 4 and sizes == sorted(sizes, reverse=True)
    assert sizes[-8 * count :] == [1] * 8 * count
    assert _shared_out(batches, count, 1) == [[one] for one in batches]
    assert _shared_out([], count, 4) == []


TASK = Task(look, {}, list, "onnx", copy_some, at_once=3)


def test_a_killed_worker_loses_nothing(cluster, jobs):
    every = jobs(at10="kills", at17="bad")
    report = Report("copy", True)
    do_all(report, every, TASK, [], processes=2, engine="ray")
    assert [row["input"] for row in report.rows] == [str(job.source) for job in every]
    assert [error["input"] for error in report.errors] == [str(every[17].source)]
    for job in every[:17] + every[18:]:
        assert job.output.read_text() == job.source.read_text()
    assert every[10].source.with_suffix(".tried").read_text() == "xx"
    assert len({one["worker"] for one in report.results}) >= 2


def test_what_kills_every_worker_is_told_and_the_others_are_done(cluster, jobs):
    """Of its batch, and of no other."""
    every = jobs(at4="kills always")
    found = dict(by_ray(parts(every, (), TASK.at_once), TASK, 2, Stop()))
    lost = [number for number, outcome in sorted(found.items()) if outcome.error]
    assert sorted(found) == list(range(COUNT)) and lost == [3, 4, 5]
    assert every[4].source.with_suffix(".tried").read_text() == "xxx"
    assert "ended from outside, 3 times" in found[4].error


def test_what_is_lost_in_company_is_done_alone(cluster, jobs, monkeypatch):
    """Four batches are a worker's at once, and of these the one that kills is told."""
    monkeypatch.setattr("istrc.cli.cluster.TURNS", 1)
    every = jobs(at4="kills always")
    found = dict(by_ray(parts(every, (), TASK.at_once), TASK, 2, Stop()))
    lost = {number for number, outcome in found.items() if outcome.error}
    assert sorted(found) == list(range(COUNT)) and lost == {3, 4, 5}
    for number in {*range(COUNT)} - lost:
        assert every[number].output.read_text() == f"text {number}"


def test_a_defect_keeps_its_traceback(cluster, jobs):
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        list(by_ray(parts(jobs(at2="defect"), (), 3), TASK, 2, Stop()))


def test_a_command_makes_the_same_and_does_not_make_it_again(istrc, blank_model, tmp_path):
    pytest.importorskip("ray.data")
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(6):
        noise = np.random.default_rng(k).integers(0, 256, (218, 178, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{k}.png")
    (folder / "6.png").write_bytes(b"no picture")
    words = ["reconstruct", folder, "--aligned", "--crop", "--model", blank_model, "--json"]
    plain = istrc(*words, "-o", tmp_path / "plain")
    words += ["-o", tmp_path / "ray", "--engine", "ray", "--jobs", "2"]
    # As a program of its own, which starts a cluster and ends it
    by = subprocess.run(
        [sys.executable, "-m", "istrc", *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert plain.exit_code == by.returncode == 1, by.stderr  # of the one that is no picture
    told, said = json.loads(plain.out), json.loads(by.stdout)
    assert [e["input"] for e in said["errors"]] == [e["input"] for e in told["errors"]]
    assert len(said["results"]) == 6
    for one in said["results"]:
        name = Path(one["output"]).name
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    (folder / "6.png").unlink()
    again = json.loads(istrc(*words).out)  # which has nothing to do, and begins no cluster
    assert [one.get("already") for one in again["results"]] == [True] * 6

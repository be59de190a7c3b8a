"""Work in several processes: what becomes of it when one of them dies or has a defect."""

import os
from pathlib import Path

import pytest

from istrc.cli.files import Job
from istrc.cli.processes import in_processes
from istrc.cli.task import Outcome, Stop, Task
from istrc.errors import IstrcError

PARTS = [[(number, Job(Path(f"{number}.png"), None))] for number in range(6)]


def opened():
    return os.getpid()


def work(pid, job, settings):
    if job.source.stem in settings["dies"]:
        os._exit(9)
    if job.source.stem in settings["breaks"]:
        raise ZeroDivisionError("of ours")
    return Outcome(line=f"{job.source} by {pid}")


def done(dies=(), breaks=(), count=2):
    task = Task(work, {"dies": dies, "breaks": breaks}, opened, runtime="onnx")
    return in_processes(PARTS, task, count, Stop())


def test_every_job_is_done_once_by_other_processes():
    found = dict(done())
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    workers = set()
    for number, outcome in found.items():
        name, _, pid = outcome.line.partition(" by ")
        assert name == f"{number}.png" and outcome.error is None
        workers.add(int(pid))
    assert os.getpid() not in workers and len(workers) <= 2


def test_what_a_process_had_when_it_died_is_told_and_the_other_does_the_rest():
    found = dict(done(dies=("1",)))
    assert sorted(found) == [0, 1, 2, 3, 4, 5]
    assert found[1].error.startswith("its process was ended from outside; if memory ran out")
    assert all(found[number].error is None for number in (0, 2, 3, 4, 5))


def test_when_all_have_died_the_rest_is_not_waited_for():
    found = {}
    with pytest.raises(IstrcError, match="all 2 processes were ended from outside; if memory"):
        for number, outcome in done(dies=("0", "1")):
            found[number] = outcome
    assert sorted(found) == [0, 1] and all(one.error for one in found.values())


def test_a_defect_of_ours_comes_with_its_traceback():
    with pytest.raises(RuntimeError, match="(?s)in another process:.*ZeroDivisionError: of ours"):
        dict(done(breaks=("3",)))

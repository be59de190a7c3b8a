"""Many pictures, on a task that copies text: order, stops, full disks, and what is told of each."""

import csv
import errno
import itertools
import json
import os
import signal
from types import SimpleNamespace

import pytest
import typer

from istrc import progress
from istrc.cli import many
from istrc.cli import task as tasks
from istrc.cli.files import Job
from istrc.cli.manifest import Manifest
from istrc.cli.many import do_all, parts
from istrc.cli.report import Report
from istrc.cli.task import Outcome, Stop, Task, attempted, in_this_process
from istrc.errors import InputError, OutOfSpace


def copy(circle, job, settings):
    """The task: an input is told by its text what to do."""
    text = job.source.read_text()
    if text == "bad":
        raise InputError(f"{job.source}: bad; give a better one")
    if text == "gone":
        raise FileNotFoundError(2, "No such file", str(job.source))
    if text == "full":
        raise OutOfSpace(f"{job.output}: the disk is full; make room")
    if text == "full, says the system":
        raise OSError(errno.ENOSPC, "No space left on device", str(job.output))
    if text == "stop":
        os.kill(os.getpid(), signal.SIGINT)
    if text == "defect":
        raise ZeroDivisionError
    circle.append(job.source.name)
    job.output.write_text(text)
    return Outcome(
        dict(input=str(job.source), output=str(job.output), faces=1, angle=[0.5]),
        f"{job.source.name} copied",
        [f"{job.source.name}: odd"] if text == "odd" else [],
    )


TASK = Task(copy, {}, list)


@pytest.fixture
def run(tmp_path, capsys):
    """Does the task on files a, b, c... of these texts; what came of it."""

    class Run:
        out = tmp_path / "out"

        def __call__(self, *texts, table="report.json", key=None, again=False):
            self.out.mkdir(exist_ok=True)
            jobs = []
            for name, text in zip("abcdefgh", texts, strict=False):
                jobs.append(Job(tmp_path / name, self.out / name))
                if not jobs[-1].source.exists() or jobs[-1].source.read_text() != text:
                    jobs[-1].source.write_text(text)
            self.table, self.done, self.code = tmp_path / table, [], 0
            manifest = Manifest(self.out, key, again=again) if key else None
            try:
                with Report("edit", True) as report:
                    report.table = self.table
                    do_all(report, jobs, TASK, self.done, manifest=manifest)
            except typer.Exit as exit_:
                self.code = exit_.exit_code
            except KeyboardInterrupt:
                self.code = 130
            captured = capsys.readouterr()
            self.value, self.lines = json.loads(captured.out), captured.err.splitlines()
            self.rows = json.loads(self.table.read_text()) if table.endswith("json") else None
            return self

    return Run()


def test_every_input_has_its_row_in_order(run):
    run("x", "bad", "odd", "gone", "y")
    assert run.code == 1 and run.done == ["a", "c", "e"]
    assert [os.path.basename(row["input"]) for row in run.rows] == list("abcde")
    assert [bool(row["error"]) for row in run.rows] == [False, True, False, True, False]
    assert all(row["seconds"] >= 0 for row in run.rows)
    assert [row["faces"] for row in run.rows] == [1, None, 1, None, 1]
    assert len(run.lines) == 3 and "c: odd" in run.lines
    assert len(run.value["results"]) == 3 and len(run.value["errors"]) == 2


def test_the_table_as_csv(run):
    run("x", "bad", table="report.csv")
    with open(run.table, newline="") as file:
        good, bad = csv.DictReader(file)
    assert list(good) == ["input", "output", "faces", "edited", "angle", "error", "seconds"]
    assert good["angle"] == "0.5" and good["error"] == "" and bad["output"] == ""
    assert bad["error"].endswith("give a better one")


def test_a_second_run_does_what_is_missing_and_tells_all(run):
    run("x", "bad", "y", key="k")
    assert run.done == ["a", "c"]
    run("x", "z", "y", key="k")
    assert run.code == 0 and run.done == ["b"]
    assert [os.path.basename(row["input"]) for row in run.rows] == list("abc")
    assert [row.get("already", False) for row in run.rows] == [True, False, True]
    assert [row["faces"] for row in run.rows] == [1, 1, 1]
    assert run.lines == ["2 of 3 were done already and are left; --again redoes them"]
    assert run("x", "z", "y", key="other").done == ["a", "b", "c"]
    assert run("x", "z", "y", key="other", again=True).done == ["a", "b", "c"]
    assert run("x", "z", "y", key="other").done == []


def test_the_rate_of_a_second_run_is_of_what_that_did(run, monkeypatch):
    run("x", "bad", "y", key="k")
    clock = itertools.count(step=10)  # seconds
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    said = []

    class Told(progress.Bar):
        def advance(self):
            super().advance()
            said.append(self.said())

    monkeypatch.setattr(many, "Bar", Told)
    run("x", "z", "y", key="k")
    assert said == ["3 of 3, 10.0 s each, 0 s left"]


def test_a_file_that_is_there_and_not_ours_is_written_as_ever(run):
    run.out.mkdir()
    (run.out / "a").write_text("somebody's")
    assert run("x", key="k").done == ["a"] and (run.out / "a").read_text() == "x"


def test_ctrl_c_finishes_the_picture_at_hand_and_lists_the_rest(run):
    before = signal.getsignal(signal.SIGINT)
    run("x", "stop", "y", "z", key="k")
    assert run.code == 130 and run.done == ["a", "b"]
    assert signal.getsignal(signal.SIGINT) is before
    assert [row["error"] for row in run.rows] == [None, None] + ["not done: stopped"] * 2
    assert not run.value["ok"] and run.value["errors"][-1]["message"] == "stopped"
    assert sorted(p.name for p in run.out.iterdir()) == [".istrc.jsonl", "a", "b"]
    run("x", "t", "y", "z", key="k")
    assert run.done == ["b", "c", "d"]  # b's input is another now


def test_what_was_asked_for_is_listed_and_the_command_may_tell_by_itself(tmp_path, capsys):
    jobs = [Job(tmp_path / name, None) for name in "ab"]
    task = Task(lambda _, job, __: Outcome(listed=[f"{job.source.name}!"]), {}, list)
    with Report("faces", False) as report:
        do_all(report, jobs, task, [], tell=lambda report, job, _: report.done(name=job.source))
    assert capsys.readouterr().out == "a!\nb!\n"
    assert report.results == [{"name": tmp_path / "a"}, {"name": tmp_path / "b"}]
    with Report("faces", True) as report:
        do_all(report, jobs, task, [])
    assert json.loads(capsys.readouterr().out)["results"][0].keys() == {"seconds"}


def test_of_one_picture_ctrl_c_stops_at_once(run):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # behind a shell's & ignored
    try:
        assert run("stop").code == 130 and run.done == []
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("full", ["full", "full, says the system"])
def test_a_full_disk_is_one_line_and_ends_the_work(run, full):
    run("x", full, "y", key="k")
    assert run.code == 1 and run.done == ["a"] and len(run.lines) == 1
    assert sorted(p.name for p in run.out.iterdir()) == [".istrc.jsonl", "a"]
    assert [row["error"] for row in run.rows] == [None] + ["not done: the disk is full"] * 2


def test_a_disk_that_is_too_full_for_the_record(run, monkeypatch):
    def fail(manifest, job, facts):
        raise OSError(errno.ENOSPC, "No space left on device", ".istrc.jsonl")

    monkeypatch.setattr(Manifest, "add", fail)
    run("x", "y", key="k")
    assert run.code == 1 and run.done == ["a"] and "no space left" in run.lines[0]


def test_a_defect_is_no_error_of_the_input_s(run):
    with pytest.raises(ZeroDivisionError):
        run("x", "defect", "y")
    assert json.loads(run.table.read_text())[0]["error"] is None


def read(circle, job, settings):
    """The first half of the task on several pictures at once."""
    if job.source.read_text() == "bad":
        raise InputError(f"{job.source}: bad; give a better one")
    return SimpleNamespace(pixels=settings.get("pixels", 0))


def copy_all(circle, looked, settings):
    """The second: each is told how many they were."""
    outcomes = [attempted(copy, circle, job, settings) for job, _ in looked]
    for outcome in outcomes:
        outcome.facts["together"] = len(looked)
    return outcomes


def many_at_once(**more):
    return Task(read, more.pop("settings", {}), list, "onnx", together=copy_all, **more)


@pytest.mark.parametrize("side_by_side", [False, True])
@pytest.mark.parametrize("at_once", [3, 64])
@pytest.mark.parametrize("processes", [1, 2])
def test_together_is_as_one_by_one(tmp_path, processes, at_once, side_by_side, capsys):
    texts = ["a", "bad", "c", "gone", "e", "f", "g"]
    jobs = [Job(tmp_path / f"{k}", tmp_path / f"out{k}") for k in range(len(texts))]
    for job, text in zip(jobs, texts, strict=True):
        job.source.write_text(text)
    report = Report("copy", True)
    task = many_at_once(at_once=at_once, side_by_side=side_by_side)
    do_all(report, jobs, task, [], processes=processes)
    assert [one["input"] for one in report.results] == [
        str(jobs[k].source) for k in (0, 2, 4, 5, 6)
    ]
    assert [one["input"] for one in report.errors] == [str(jobs[k].source) for k in (1, 3)]
    sizes = {one["together"] for one in report.results}
    assert max(sizes) == min(at_once, 6) if processes == 1 else max(sizes) <= 4


def test_large_pictures_are_not_held_together(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tasks, "PIXELS_AT_ONCE", 100)
    jobs = [Job(tmp_path / f"{k}", tmp_path / f"out{k}") for k in range(6)]
    for job in jobs:
        job.source.write_text("a")
    # Of each part of four
    for pixels, together in ((40, [3, 3, 3, 1, 2, 2]), (50, [2] * 6), (1000, [1] * 6)):
        report = Report("copy", True)
        task = many_at_once(at_once=4, settings=dict(pixels=pixels))
        do_all(report, jobs, task, [])
        assert [one["together"] for one in report.results] == together


def test_what_was_done_keeps_the_rest_company_and_is_not_done_again(tmp_path):
    jobs = [Job(tmp_path / f"{k}", tmp_path / f"out{k}") for k in range(9)]
    for job in jobs:
        job.source.write_text("bad" if job in (jobs[1], jobs[4], jobs[6]) else "a")
    looked, done = [], []

    def see(circle, job, settings):
        looked.append(job.source.name)
        return read(circle, job, settings)

    def note(circle, seen, settings):
        done.append([job.source.name for job, _ in seen])
        return [Outcome() if job.done else copy(circle, job, settings) for job, _ in seen]

    task = Task(see, {}, list, together=note, at_once=3)
    outcomes = in_this_process(parts(jobs, {0, 3, 5, 7}, 3), task, [], Stop())
    assert [(k, bool(one.error)) for k, one in outcomes] == [
        *((1, True), (2, False), (4, True), (6, True), (8, False))
    ]
    # Of 3, 4 and 5 only the bad one was left
    assert done == [["0", "2"], ["7", "8"]]
    assert looked == [*"12", "0", "4", *"68", "7"]
    assert not (tmp_path / "out0").exists() and (tmp_path / "out2").exists()


def test_what_was_not_looked_at_when_it_was_stopped_is_not_begun(tmp_path):
    stop, seen = Stop(), []

    def see(circle, job, settings):
        seen.append(job.source.name)
        stop.asked = len(seen) == 2

    jobs = [Job(tmp_path / f"{k}", None) for k in range(3)]
    task = Task(see, {}, list, together=copy_all, at_once=3)
    assert [*in_this_process(parts(jobs, (), 3), task, [], stop)] == [] and seen == ["0", "1"]


def test_ctrl_c_ends_what_is_looked_at_ahead(tmp_path, capsys):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    jobs = [Job(tmp_path / f"{k}", tmp_path / f"out{k}") for k in range(8)]
    for job in jobs:
        job.source.write_text("stop" if job is jobs[1] else "a")
    report = Report("copy", True)
    try:
        with pytest.raises(KeyboardInterrupt):
            do_all(report, jobs, many_at_once(at_once=2), done := [])
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["0", "1"]  # the pictures at hand
    assert [row.get("error") for row in report.rows] == [None] * 2 + ["not done: stopped"] * 6


@pytest.mark.parametrize("at_once", [2, 4])
def test_a_defect_ends_what_is_together(tmp_path, at_once):
    jobs = [Job(tmp_path / f"{k}", tmp_path / f"out{k}") for k in range(4)]
    for job, text in zip(jobs, ["a", "defect", "c", "d"], strict=True):
        job.source.write_text(text)
    with pytest.raises(ZeroDivisionError):
        do_all(Report("copy", True), jobs, many_at_once(at_once=at_once), [])


def test_one_that_cannot_be_drawn_costs_no_other(tmp_path):
    jobs = [Job(tmp_path / f"{k}", tmp_path / f"out{k}") for k in range(4)]
    for job, text in zip(jobs, ["a", "odd", "c", "d"], strict=True):
        job.source.write_text(text)

    def draw(circle, looked, settings):
        if any(job.source.read_text() == "odd" for job, _ in looked):
            raise InputError("no face to draw")
        return copy_all(circle, looked, settings)

    report = Report("copy", True)
    do_all(report, jobs, Task(read, {}, list, together=draw, at_once=3), [])
    assert [one["input"] for one in report.results] == [str(jobs[k].source) for k in (0, 2, 3)]
    (failed,) = report.errors
    assert failed["input"] == str(jobs[1].source) and failed["message"] == "no face to draw"


def test_a_disk_that_is_full_stops_what_is_together(tmp_path):
    jobs = [Job(tmp_path / f"{k}", tmp_path / f"out{k}") for k in range(3)]
    for job, text in zip(jobs, ["a", "full", "c"], strict=True):
        job.source.write_text(text)
    with pytest.raises(OutOfSpace):
        do_all(Report("copy", True), jobs, many_at_once(at_once=64), [])
    assert (tmp_path / "out0").exists()

"""One command on many pictures: what is there already is left alone, the rest is done.

Pictures are done a few together or by several processes, told in the order of the inputs, and
recorded as soon as they are done. Ctrl-C lets the pictures at hand be finished and begins no other;
a second one stops at once. No picture outlives its turn: 10,000 take the memory of a few.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import typer

from istrc.cli.cluster import by_ray
from istrc.cli.files import Job, find_all, plan_outputs
from istrc.cli.manifest import Manifest
from istrc.cli.processes import in_processes
from istrc.cli.report import Report, describe, table_file
from istrc.cli.task import Outcome, Part, Stop, Task, in_this_process, is_full
from istrc.errors import OutOfSpace
from istrc.progress import Bar


@dataclass
class BatchOptions:
    """How a command works through its inputs.

    Args:
        jobs: Pictures done at once, each in a process of its own with its own copy of the model.
        engine: Whose processes --jobs are: plain, this command's; ray, Ray Data's, on this machine
            or on the cluster that RAY_ADDRESS names (needs the extra `ray`).
        table: Also write what became of every input: output, faces found and edited, angle in
            radians, error, seconds. Written when the command ends, however it ends.
    """

    jobs: Annotated[int, typer.Option(min=1, max=64, metavar="N")] = 1
    engine: Literal["plain", "ray"] = "plain"
    table: Annotated[
        str | None,
        typer.Option("--report", metavar="FILE.csv|FILE.json", show_default="not written"),
    ] = None

    def plan(
        self, report: Report, inputs: list[str], out: str | None = None, suffix: str | None = None
    ) -> tuple[list[Job], bool]:
        """What is to be done (see `plan_outputs`), and whether OUT is a folder for it. What cannot
        be begun is reported.
        """
        found = find_all(inputs)
        report.table = table_file(self.table, found.paths)
        jobs = [Job(path, None) for path in found.paths]
        clashes: list = []
        if out is not None:
            jobs, clashes = plan_outputs(found.paths, out, several=found.several, suffix=suffix)
        report.all_failed(found.missing + clashes)
        return jobs, found.several


@dataclass
class ResumeOptions(BatchOptions):
    """The same of a command that goes on where it was stopped.

    Args:
        again: Do all inputs. Otherwise an output in a folder that this very command made before,
            from an input that has not changed since, is left as it is.
    """

    again: bool = False


def do_all(
    report: Report,
    jobs: Sequence[Job],
    task: Task,
    opened: Any,
    *,
    processes: int = 1,
    engine: str = "plain",
    manifest: Manifest | None = None,
    tell: Callable[[Report, Job, Outcome], None] | None = None,
) -> None:
    """Do the task on every job, and tell the report of each in their order.

    `opened`: what the task opens, for this process. `engine`: whose the processes are, see
    `BatchOptions`. `tell`: how a job that was done is told.

    Raises KeyboardInterrupt if it was stopped and OutOfSpace if the disk is full, both after what
    had been done is told and the rest is listed as not done.
    """
    ready: dict[int, Outcome] = {}
    for number, job in enumerate(jobs):
        if manifest is not None and (facts := manifest.find(job)) is not None:
            ready[number] = Outcome({**facts, "already": True})
    already, count = len(ready), max(1, min(processes, len(jobs)))
    # At least one part for each process
    todo = parts(jobs, ready, min(task.at_once, max(1, len(jobs) // count)))
    reported, full = 0, None
    with (
        _interruptible(len(jobs) - already > 1) as stop,
        Bar(report.command, len(jobs), already) as bar,
    ):
        if todo and engine == "ray":
            outcomes = by_ray(todo, task, count, stop)
        elif todo and count > 1:
            outcomes = in_processes(todo, task, count, stop)
        else:
            outcomes = in_this_process(todo, task, opened, stop)
        with contextlib.closing(outcomes):
            for number, outcome in outcomes:
                if outcome.error is None and manifest is not None:
                    outcome = _record(manifest, jobs[number], outcome)
                if outcome.full:
                    stop.asked, full = True, full or outcome.error
                else:
                    ready[number] = outcome
                while reported in ready:
                    _report(report, jobs[reported], ready.pop(reported), tell)
                    reported += 1
                bar.advance()
    for number in range(reported, len(jobs)):  # after a gap, when it was stopped
        if number in ready:
            _report(report, jobs[number], ready[number], tell)
        else:
            why = "not done: the disk is full" if full else "not done: stopped"
            report.rows.append({"input": str(jobs[number].source), "error": why})
    if already:
        report.say(f"{already} of {len(jobs)} were done already and are left; --again redoes them")
    if full:
        raise OutOfSpace(full)
    if stop.asked:
        raise KeyboardInterrupt


def parts(jobs: Sequence[Job], ready: Container[int], size: int) -> list[Part]:
    """What is done together, by the places of jobs among all, where anything is left to do.

    Which faces are drawn together, and how many, rounds each of them. So those that are ready are
    drawn once more in the company of others, and not written: what a command leaves that was
    stopped and went on is, to the bit, what it leaves in one go.
    """
    every = [(number, replace(job, done=number in ready)) for number, job in enumerate(jobs)]
    some = [every[start : start + size] for start in range(0, len(every), size)]
    return [part for part in some if not all(job.done for _, job in part)]


def _record(manifest: Manifest, job: Job, outcome: Outcome) -> Outcome:
    try:
        manifest.add(job, {**outcome.facts, "seconds": outcome.seconds})
    except OSError as error:
        if is_full(error):
            outcome.error, outcome.full = f"{describe(error)}; make room, then run it again", True
        else:
            outcome.remarks.append(f"not recorded, so it will be done again: {describe(error)}")
    return outcome


def _report(
    report: Report, job: Job, outcome: Outcome, tell: Callable[[Report, Job, Outcome], None] | None
) -> None:
    if outcome.error is not None:
        report.failed(job.source, outcome.error)
        report.rows[-1]["seconds"] = outcome.seconds
        return
    if tell is not None:
        tell(report, job, outcome)
    else:
        report.done(outcome.line, **{"seconds": outcome.seconds, **outcome.facts})
    if not report.as_json:
        for line in outcome.listed:
            print(line, flush=True)
    for remark in outcome.remarks:
        report.say(remark)


@contextlib.contextmanager
def _interruptible(many: bool) -> Iterator[Stop]:
    """Ctrl-C asks to stop; a second one, or any where there is but one picture, does."""
    stop = Stop()
    if not many or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: Any) -> None:
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)

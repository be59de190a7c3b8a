"""A command's work on a cluster, by Ray Data: the same batches, in processes on any machine.

Where RAY_ADDRESS names a cluster it is that one's, otherwise one of this machine's, which ends with
the command. All machines see the files under the same names. Pictures stream through the workers a
few batches at a time. What a killed worker had is done again, a batch at a time; a batch that ends
three workers is told, and the others are done.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

from istrc.cli.options import need
from istrc.cli.processes import REMEDY
from istrc.cli.task import Done, Outcome, Part, Stop, Task, in_this_process

AGAIN = 2  # times that a batch is tried anew
# Batches that a worker is given at once, as each of Ray's tasks costs time; fewer towards the end,
# when each is to have so many turns more: none waits long for another
TOGETHER, TURNS = 4, 8


class Worker:
    """One of Ray's actors: opens what the task needs, once, and does batches of jobs."""

    def __init__(self, task: Task, threads: int):
        from istrc.runtime import limit_threads

        limit_threads(task.runtime, threads)
        self.task, self.opened = task, task.open()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        [one] = batch["one"]
        try:
            done: list[tuple[int, Any]] = list(
                in_this_process(one["parts"], self.task, self.opened, Stop())
            )
        except Exception:  # a defect of ours, which Ray would take for a lost batch
            done = [(one["parts"][0][0][0], traceback.format_exc())]
        return {"one": [{"done": done}]}  # one object: each takes its time on the way


def _shared_out(parts: Sequence[Part], count: int, most: int) -> list[list[Part]]:
    """Batches as they are given to `count` workers, in order: so many at once at most, and ever
    fewer (guided self-scheduling, Polychronopoulos and Kuck 1987).
    """
    given, at = [], 0
    while at < len(parts):
        size = max(1, min(most, (len(parts) - at) // (TURNS * count)))
        given.append(list(parts[at : at + size]))
        at += size
    return given


def by_ray(parts: Sequence[Part], task: Task, count: int, stop: Stop) -> Done:
    """The jobs in `count` workers of Ray, as they are done; see `in_processes`."""
    need("--engine ray", "ray.data", extra="ray")
    import ray
    import ray.data

    from istrc.runtime import threads_of

    threads = max(1, threads_of(task.runtime) // count)
    with _joined(ray, min(count, len(parts))):
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.max_errored_blocks = -1  # what killed its workers does not end the others
        left = list(parts)
        # What was lost with a worker is done once more alone, with nothing that waits behind it. It
        # asks for no processor: a worker that was begun again as the others ended keeps its own
        for most, waiting, again, cpus in ((TOGETHER, 2, 0, 1), (1, 1, AGAIN - 1, 0)):
            rows = [{"one": {"parts": some}} for some in _shared_out(left, count, most)]
            found = ray.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                Worker,
                fn_constructor_args=(task, threads),
                batch_size=1,
                num_cpus=cpus,
                compute=ray.data.ActorPoolStrategy(
                    size=min(count, len(rows)), max_tasks_in_flight_per_actor=waiting
                ),
                max_restarts=(1 + again) * len(rows),  # each try of each may end a worker
                max_task_retries=again,
            )
            missing = {number for part in left for number, job in part if not job.done}
            for number, outcome in (one for row in found.iter_rows() for one in row["one"]["done"]):
                if isinstance(outcome, str):
                    raise RuntimeError(f"in a worker of Ray:\n{outcome}")
                missing.discard(number)
                yield number, outcome
                if stop.asked:
                    return
            left = [part for part in left if missing & {number for number, _ in part}]
            gc.collect()  # Ray's handle of a worker that was killed lies in a cycle
            if not left:
                break
    lost = f"its worker was ended from outside, {1 + AGAIN} times; {REMEDY}"
    for number in sorted(missing):
        yield number, Outcome(error=lost)


@contextlib.contextmanager
def _joined(ray: Any, count: int) -> Iterator[None]:
    """A cluster: that of RAY_ADDRESS, or one of `count` workers on this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its maker what runs
    if ray.is_initialized():  # by a script's own
        yield
        return
    own = {} if "RAY_ADDRESS" in os.environ else dict(num_cpus=count, include_dashboard=False)
    # Of workers that are begun again it says what nobody can act on
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    # Ray's own workers give way to all else on the machine; --jobs of the plain engine do not
    os.environ.setdefault("RAY_worker_niceness", "0")
    ray.init(log_to_driver=False, logging_level=logging.ERROR, **own)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()

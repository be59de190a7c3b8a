"""A command's work in several processes, each of which opens the model for itself."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import traceback
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing import connection
from typing import Any

from istrc.cli.task import Done, Outcome, Part, Stop, Task, in_this_process
from istrc.errors import IstrcError

REMEDY = "if memory ran out, use fewer --jobs or smaller pictures"


def in_processes(parts: Sequence[Part], task: Task, count: int, stop: Stop) -> Done:
    """The jobs in other processes, as they are done; each has one part at a time.

    They are `count` or as many as there are parts; their threads are those of `count`, as it is
    these that round what is computed.
    """
    from istrc.runtime import threads_of

    # Threads of several processes that fight for the same cores are slower than one of them
    threads = max(1, threads_of(task.runtime) // count)
    context = multiprocessing.get_context("spawn")  # torch does not survive a fork
    waiting = deque(parts)
    busy: dict[Any, Any] = {}
    started: dict[Any, Any] = {}
    try:
        for _ in range(min(count, len(parts))):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, task, threads), daemon=True)
            with _without_sigint():
                process.start()
            theirs.close()
            started[ours] = process
        for pipe in started:
            busy[pipe] = _send_next(pipe, waiting)
        while busy:
            ready: list[Any] = connection.wait(list(busy))
            for pipe in ready:
                part = busy.pop(pipe)
                try:
                    outcomes = pipe.recv()
                except (EOFError, ConnectionError):
                    for number, job in part:
                        if not job.done:
                            said = "its process was ended from outside; " + REMEDY
                            yield number, Outcome(error=said)
                    continue
                if isinstance(outcomes, str):  # a defect of ours, told by its traceback
                    raise RuntimeError(f"in another process:\n{outcomes}")
                if waiting and not stop.asked:
                    busy[pipe] = _send_next(pipe, waiting)
                yield from outcomes
        if waiting and not stop.asked:
            raise IstrcError(f"all {len(started)} processes were ended from outside; {REMEDY}")
    finally:
        for pipe, process in started.items():
            if pipe in busy:  # it would finish its picture first
                process.terminate()
            pipe.close()
        for process in started.values():
            process.join()


def _send_next(pipe: connection.Connection, waiting: deque[Part]) -> Part:
    """Send the next jobs; which they are. Of a process that is gone the answer will tell."""
    part = waiting.popleft()
    with contextlib.suppress(OSError):
        pipe.send(part)
    return part


def _serve(pipe: connection.Connection, task: Task, threads: int) -> None:
    """Another process: does jobs until the pipe is closed, even by the death of the command."""
    # A terminal sends Ctrl-C to all its processes; the command decides what it means
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Leaves by way of `finally`, so that no half a picture stays
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        from istrc.runtime import limit_threads

        limit_threads(task.runtime, threads)
        opened = task.open()
        while True:
            try:
                part = pipe.recv()
            except (EOFError, OSError):
                return
            pipe.send(list(in_this_process([part], task, opened, Stop())))
    except BrokenPipeError:
        return
    except Exception:
        with contextlib.suppress(OSError):
            pipe.send(traceback.format_exc())


@contextlib.contextmanager
def _without_sigint() -> Iterator[None]:
    """What is started here does not hear Ctrl-C, from its first instruction on."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

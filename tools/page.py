"""How soon the page is there, answers a slider, and serves many at once: `istrc serve`, measured.

    python tools/page.py --json results/page.json

The server is a process of its own, as a person starts it; visitors are Gradio's clients, and a
time is from asking to having the picture's bytes. The faces are of nobody: the model drew them.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from istrc.errors import IstrcError
from istrc.runtime import cores

PICTURES = 10  # faces that are uploaded, of as many people
GREEDY = 10  # requests that one visitor sends at once, before another one's only one


@contextlib.contextmanager
def serving(*options: str) -> Iterator[tuple[str, float, subprocess.Popen]]:
    """A running page: its address, the seconds until it was printed, and the process."""
    command = [sys.executable, "-m", "istrc", "serve", "--no-browser", *options]
    begun = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if found := re.match(r"http\S+", line):
                break
        else:
            raise IstrcError(f"the page did not start: {said.strip()}")
        seconds = time.monotonic() - begun
        # Read on, or its pipe fills
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield found[0], seconds, process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def measure_start(rounds: int) -> dict[str, Any]:
    """From the command to the address, one start after another; the first one is not counted."""
    seconds, work = [], []
    for number in range(rounds + 1):
        with serving() as (_, spent, process):
            worked = _worked(process)
        if number:
            seconds.append(spent)
            work.append(worked)
    return {"rounds": rounds, "seconds": _spread(seconds), "cpu_seconds": _spread(work)}


def measure_slider(
    address: str, process: subprocess.Popen, picture: Path, moves: int
) -> dict[str, Any]:
    """Pictures that follow one visitor's slider, one after the other, each of another strength."""
    with visiting(address, picture) as preview:
        preview(0.5)
        worked = _worked(process)
        seconds = [_timed(preview, value) for value in np.linspace(-1, 1, moves)]
        worked = _worked(process) - worked
    return {"moves": moves, "seconds": _spread(seconds), "cpu_seconds_each": worked / moves}


def measure_visitors(
    address: str, pictures: Sequence[Path], visitors: int, moves: int
) -> dict[str, Any]:
    """Many at once, each with a photograph: uploaded, a slider moved, the photograph edited."""
    ready = threading.Barrier(visitors)

    def visit(number: int) -> dict[str, Any]:
        seconds: list[float] = []
        begun = time.monotonic()
        try:
            with visiting(address, pictures[number % len(pictures)]) as preview:
                ready.wait(120)  # all of them move their sliders at once
                seconds += (_timed(preview, value) for value in np.linspace(0.1, 1, moves))
                edited = _timed(preview, 1.0, "/edit")
        except Exception as error:
            ready.abort()
            return {"error": f"{type(error).__name__}: {error}"}
        return {"preview": seconds, "edit": edited, "all": time.monotonic() - begun}

    with ThreadPoolExecutor(visitors) as pool:
        found = list(pool.map(visit, range(visitors)))
    errors = [one["error"] for one in found if "error" in one]
    served = [one for one in found if "error" not in one]
    means = [sum(one["preview"]) / moves for one in served]
    return {
        "visitors": visitors,
        "errors": errors,
        "preview_seconds": _spread([one for visit in served for one in visit["preview"]]),
        "edit_seconds": _spread([one["edit"] for one in served]),
        "all_seconds": _spread([one["all"] for one in served]),
        # Of the visitors' mean waits for a picture: the longest by the shortest
        "unfairness": max(means) / min(means) if means else None,
    }


def measure_turns(address: str, picture: Path) -> dict[str, Any]:
    """Of one visitor's many requests, how many are done before another one's, which came last."""
    from gradio_client import handle_file

    with client(address) as many, client(address) as one:
        photo = handle_file(str(picture))
        asked = [
            many.submit(photo, 1, "smile", k / GREEDY, 2, api_name="/walk")
            for k in range(1, GREEDY + 1)
        ]
        while not any(job.done() for job in asked):  # by then all of them have arrived
            time.sleep(0.02)
        before = sum(job.done() for job in asked)
        one.predict(photo, 1, "young", 1, 2, api_name="/walk")
        done = sum(job.done() for job in asked) - before
        for job in asked:
            job.result()
    return {"requests": GREEDY, "before_the_other": done}


@contextlib.contextmanager
def client(address: str) -> Iterator[Any]:
    """A visitor who is no browser."""
    from gradio_client import Client

    folder = tempfile.TemporaryDirectory()
    # No certificates: the client would read them anew for each of its requests, 0.02 s of processor
    # time that is no part of the page's answer, and the address is one of HTTP
    one = Client(
        address,
        verbose=False,
        download_files=folder.name,
        ssl_verify=False,
        httpx_kwargs={"timeout": 300},
    )
    try:
        yield one
    finally:
        one.close()
        folder.cleanup()


@contextlib.contextmanager
def visiting(address: str, picture: Path) -> Iterator[Any]:
    """A visitor with a photograph, read once: from a strength to the edited face's file. The client
    uploads it anew with every request, which a browser does not.
    """
    from gradio_client import handle_file

    with client(address) as one:
        file = handle_file(str(picture))
        one.predict(file, api_name="/faces")
        yield lambda smile, name="/preview": one.predict(
            photo=file, face=1, smile=float(smile), api_name=name
        )


def make_pictures(folder: Path) -> list[Path]:
    """Photographs of people who do not exist."""
    from istrc.circle import Circle
    from istrc.serve.samples import draw_samples

    drawn = draw_samples(Circle.from_pretrained(runtime="onnx"), count=PICTURES, seed=3)
    paths = [folder / f"face-{number}.jpg" for number in range(len(drawn))]
    for path, face in zip(paths, drawn, strict=True):
        framed = np.pad(face, ((60, 60), (90, 90), (0, 0)), mode="edge")
        Image.fromarray(framed).save(path, quality=95)
    return paths


def page_markdown(found: dict[str, Any]) -> str:
    """The table of docs/results.md."""
    from istrc.evaluation.results import markdown_table

    many, turns = found["visitors"], found["turns"]
    sent = f"a visitor's {turns['requests']} requests done before another's, which came last"
    rows: list[list[Any]] = [
        ["from the command to the address", *_row(found["start"]["seconds"])],
        ["... for which the processor worked", *_row(found["start"]["cpu_seconds"])],
        ["the face after a slider moved, one visitor", *_row(found["slider"]["seconds"])],
        [
            "... for which the server's processor worked, in the mean",
            f"{found['slider']['cpu_seconds_each']:.2f}",
            "",
            "",
        ],
        [f"the same, {many['visitors']} visitors at once", *_row(many["preview_seconds"])],
        ["... their whole photograph", *_row(many["edit_seconds"])],
        ["... the longest mean wait by the shortest", f"{many['unfairness']:.2f}", "", ""],
        ["... errors", str(len(many["errors"])), "", ""],
        [sent, str(turns["before_the_other"]), "", ""],
    ]
    return markdown_table(["seconds, or as it says", "median", "least", "most"], rows)


def _row(spread: dict[str, float]) -> list[str]:
    return [f"{spread[key]:.2f}" for key in ("median", "least", "most")]


def _spread(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return {}
    return {"median": median(values), "least": min(values), "most": max(values)}


def _timed(ask: Any, *given: Any) -> float:
    begun = time.monotonic()
    ask(*given)
    return time.monotonic() - begun


def _worked(process: subprocess.Popen) -> float:
    """Seconds that the processor has worked for a process so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5, help="starts")
    parser.add_argument("--moves", type=int, default=40, help="of the one visitor's slider")
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--json", required=True)
    given = parser.parse_args()
    from istrc.evaluation.results import write_results

    found: dict[str, Any] = {"cores": cores(), "load": os.getloadavg()[0]}
    found["start"] = measure_start(given.rounds)
    with tempfile.TemporaryDirectory() as folder, serving() as (address, _, process):
        pictures = make_pictures(Path(folder))
        found["slider"] = measure_slider(address, process, pictures[0], given.moves)
        found["visitors"] = measure_visitors(address, pictures, given.visitors, 5)
        found["turns"] = measure_turns(address, pictures[0])
    command = ["python", "tools/page.py", *sys.argv[1:]]
    write_results(given.json, {"page": found}, command=command)
    print(page_markdown(found), file=sys.stderr)
    sys.exit(bool(found["visitors"]["errors"]))


if __name__ == "__main__":
    main()

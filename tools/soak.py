"""Does memory stay flat? Edits through one process, and visits to the page.

    python tools/soak.py edits 10000 results/soak.json --minutes 60

Edits that were stopped go on when it is given again, in another process with a slope of its own.
Slopes are by least squares over all but the first quarter, in which caches fill. Linux.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import typer
from PIL import Image

from istrc.attributes import TRANSFORMATIONS
from istrc.circle import Circle
from istrc.evaluation.results import commit, write_results
from istrc.health import drawn
from istrc.whole import read_json

VISITORS, STAY = 4, 6  # at once; previews of each before they leave


def measured(
    do: Callable[[int], Any], most: int, seconds: float, process: int, workers: int = 1
) -> dict[str, Any]:
    """Do it so often or so long: what failed, and the memory of a process, MB."""
    begun = time.monotonic()
    looks: list[tuple[int, float]] = []
    failed: list[str] = []

    def one(k: int) -> None:
        if time.monotonic() - begun < seconds:
            try:
                do(k)
            except Exception as error:  # whatever it is, it counts
                failed.append(f"{type(error).__name__}: {error}")
            pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
            looks.append((k, pages * os.sysconf("SC_PAGE_SIZE") / 1e6))

    with ThreadPoolExecutor(workers) as pool:
        [*pool.map(one, range(most))]
    done, mb = np.array(looks[len(looks) // 4 :]).T
    found = {"times": len(looks), "failed": failed, "seconds": round(time.monotonic() - begun)}
    return found | {"mb": [mb[0], mb[-1]], "mb_per_thousand": 1000 * np.polyfit(done, mb, 1)[0]}


def edits(circle: Circle, home: Path, **how: Any) -> dict[str, Any]:
    def edit(k: int) -> None:
        given: dict[str, Any] = {TRANSFORMATIONS[k % 12]: (1.0, -1.0, 0.5)[k // 12 % 3]}
        circle.read(home / f"{k % 8}.png", aligned=True).edit(**given).save(home / "out.png")

    return measured(edit, process=os.getpid(), **how)


def page(circle: Circle, home: Path, **how: Any) -> dict[str, Any]:
    from gradio_client import Client, handle_file

    def visit(k: int) -> None:
        client = Client(address, verbose=False, httpx_kwargs={"timeout": 300})
        for smile in np.linspace(-1, 1, STAY):
            photo = handle_file(str(home / f"{k % 8}.png"))
            client.predict(photo=photo, face=1, smile=smile, api_name="/preview")
        client.close()

    serve = [sys.executable, "-m", "istrc", "serve", "--no-browser", "--json"]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as server:
        address = json.loads(next(iter(server.stdout or ())))["address"]
        found = measured(visit, process=server.pid, workers=VISITORS, **how)
        server.terminate()
    return found


def soak(what: str, count: int, out: Path, minutes: float = 600) -> None:
    def there() -> dict[str, list[dict[str, Any]]]:
        return read_json(out)["soak"] if out.exists() else {}

    before, command = there().get(what, []), " ".join(["python", "tools/soak.py", *sys.argv[1:]])
    with tempfile.TemporaryDirectory() as folder:
        home, circle = Path(folder), Circle.from_pretrained(runtime="onnx")
        for k in range(8):  # twice the size of CelebA's, as the page has to find the faces
            Image.fromarray(drawn(circle, k)).resize((356, 436)).save(home / f"{k}.png")
        most = count - sum(one["times"] for one in before)
        found = {"edits": edits, "page": page}[what](circle, home, most=most, seconds=60 * minutes)
    # Read again, as edits and visits may be under way side by side
    parts = {**there(), what: [*before, {**found, "command": command, "commit": commit()}]}
    write_results(out, {"soak": parts}, command=command)


if __name__ == "__main__":
    typer.run(soak)

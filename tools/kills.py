"""Long commands, killed at random moments and started again until they end.

    python tools/kills.py --kills 24 --json results/kills.json

Each command runs as a process of its own, forked from this one so that nothing is imported anew,
and dies by SIGKILL at a moment that a seed chose, again and again, in the same OUT. After every
kill each file that has its final name must be whole; in the end OUT must hold what the same command
leaves that was never killed, to the byte. Made faces and toy networks of 16 pixels, the shipped
circle for `edit` and `embed`; a checkpoint a step, or there would be nothing to go on from.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from istrc.cli import built
from istrc.errors import IstrcError
from istrc.whole import read_json

SMALL = ("--steps", "12", "--validate-every", "5")
PEOPLE, EACH = 24, 24  # made faces; as many parts of `prepare` as fill two
AT_MOST = 6  # kills in one OUT, or a command that keeps nothing on the way would never end
NEEDED = ("prepare", "facenet", "began")  # by trainings
# Of these the same bytes cannot be asked: seconds, times of files, and logs that go on
OTHERWISE = ("spent.json", ".istrc.jsonl", "log")
UNDER_WAY = (".tmp", ".partial", ".parts")  # in names of what is not whole yet


def commands(home: Path) -> dict[str, Callable[[Path], list[str]]]:
    """What is tried by its name, from OUT to the command line, in the order of what needs what."""
    prepared, facenet, began = home / "prepare", home / "facenet", home / "began"
    on_both = ("--facenet", facenet, "--autoencoder", began)
    net = ("--size", 16, "--dim", 16, "--widths", "8,12", "--depths", "1,1")
    code: tuple[Any, ...] = ("--batch-size", 8, "--linear", 12, "--linear-side", 16, "--detail", 0)
    code += ("--widths", "8,12", "--generator-code", 4, "--generator-widths", "8,12")

    def train(part: str, *options: Any) -> Callable[[Path], list[str]]:
        return lambda out: ["train", part, *map(str, [prepared, out, *options]), *SMALL]

    def faces(verb: str, name: str, *options: str) -> Callable[[Path], list[str]]:
        given = [verb, str(home / "faces"), "--aligned", *options]
        return lambda out: [*given, "-o", str(out / name)]

    source, plain = str(home / "pictures"), ("--size", "16", "--workers", "1")
    return {
        "prepare": lambda out: ["prepare", source, str(out), *plain],
        "facenet": train("facenet", "--people", 6, "--pictures", 4, *net),
        "began": train("began", *code),
        "mapping": train("mapping", *on_both, "--width", 8, "--fine-steps", 4),
        "attributes": train("attributes", "--facenet", facenet, "--width", 8),
        "changes": train("changes", *on_both, "--width", 8),
        "probes": train("probes", *on_both),
        "edit": faces("edit", "", "-a", "smile=+1"),
        "embed": faces("embed", "z.npy"),
    }


def make_pictures(home: Path, seed: int = 0) -> None:
    """A folder of made people with labels, and one of faces that the shipped circle draws."""
    rng = np.random.default_rng(seed)
    (home / "pictures").mkdir()
    lines, y = ["file,identity,smile,male"], np.mgrid[:24, :24] - 11.5
    for k in range(PEOPLE * EACH):
        person, smile, male = k // EACH, k % 2, k // EACH % 2
        colour = np.random.default_rng(person).uniform(90, 220, 3)
        inside = ((y[0] / 11) ** 2 + (y[1] / (9 if male else 6)) ** 2 < 1)[..., None]
        pixels = np.where(inside, colour, 60) + rng.normal(0, 6, (24, 24, 3))
        pixels[15:17, 8:16] = 250 if smile else 30
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(home / f"pictures/{k}.png")
        lines.append(f"{k}.png,{person},{smile},{male}")
    (home / "pictures" / "labels.csv").write_text("\n".join(lines) + "\n")


def make_faces(home: Path, count: int = 4) -> None:
    """Faces that the shipped circle draws, in CelebA's aligned frame."""
    from istrc.circle import Circle
    from istrc.health import drawn

    circle = Circle.from_pretrained(runtime="light")
    (home / "faces").mkdir()
    for k in range(count):
        Image.fromarray(drawn(circle, k)).save(home / "faces" / f"{k}.png")


def started(work: Callable[[], Any], log: Path) -> int:
    """A forked process that does this alone: its id."""
    if process := os.fork():
        return process
    code = 0
    try:
        with open(log, "ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 70
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(code)


def ended(process: int, moment: float = float("inf")) -> bool:
    """Whether the process ended by itself before `moment`, seconds, at which it is killed.

    Raises IstrcError where it ended with an error.
    """
    begun = time.monotonic()
    while True:
        found, status = os.waitpid(process, os.WNOHANG)
        if found and status:
            raise IstrcError(f"ended with status {os.waitstatus_to_exitcode(status)}")
        if found:
            return True
        if time.monotonic() - begun >= moment:
            os.kill(process, 9)
            _, status = os.waitpid(process, 0)
            return status == 0  # it had just ended
        time.sleep(0.002)


def run(arguments: list[str]) -> None:
    """One command line of istrc in this process, with a checkpoint after every step."""
    if arguments[0] == "train":
        from istrc.training import loop

        loop.run = partial(loop.run, checkpoint_every=0.0)
    built([arguments[0]])(args=arguments, prog_name="istrc")


def files(out: Path) -> dict[str, bytes]:
    """What has its final name in OUT."""
    found = {path.relative_to(out): path for path in out.rglob("*") if path.is_file()}
    return {
        str(name): path.read_bytes()
        for name, path in sorted(found.items())
        if not any(mark in part for part in name.parts for mark in UNDER_WAY)
    }


def broken(path: Path) -> str | None:
    """Why a file of ours that has its final name is not whole."""
    try:
        if path.suffix == ".json":
            read_json(path)
        elif path.suffix == ".npy":
            np.load(path, allow_pickle=False)
        elif path.suffix == ".safetensors":
            from safetensors.numpy import load_file

            load_file(path)
        elif path.suffix == ".png":
            Image.open(path).load()
        elif path.name not in (".istrc.jsonl", "names.txt", "z.txt") and "log" not in path.parts:
            return f"{path.name}: of a kind that is not known here"
    except Exception as error:
        return f"{path.name}: {type(error).__name__}: {error}"
    return None


def compared(got: dict[str, bytes], wanted: dict[str, bytes]) -> Iterator[str]:
    """In which files two results differ, those apart of which the same bytes cannot be asked."""
    for name in sorted({*got, *wanted}):
        if not any(part in OTHERWISE for part in Path(name).parts):
            if got.get(name) != wanted.get(name):
                yield f"{name}: differs from the run that was never killed"


def tried(
    name: str, line: Callable[[Path], list[str]], home: Path, kills: int, seed: int
) -> dict[str, Any]:
    """Kill one command so often: how often, at which runs, and what was wrong."""
    whole, log, moments = home / name, home / f"{name}.log", random.Random(f"{seed} {name}")
    begun = time.monotonic()
    ended(started(partial(run, line(whole)), log))
    seconds, wanted = time.monotonic() - begun, files(whole)
    if not wanted:
        raise IstrcError("left nothing to compare with")
    tally: dict[str, Any] = {"files": len(wanted)}
    tally |= {"kills": 0, "rounds": 0, "files_looked_at": 0, "left": 0, "failed": []}
    while tally["kills"] < kills:
        out, here = home / f"{name}-killed", 0
        while here < min(AT_MOST, kills - tally["kills"]):
            moment = moments.uniform(0, seconds)
            if ended(started(partial(run, line(out)), log), moment):
                break
            here += 1
            seen = files(out)
            tally["files_looked_at"] += len(seen)
            tally["failed"] += filter(None, (broken(out / one) for one in seen))
        else:
            ended(started(partial(run, line(out)), log))
        tally["failed"] += compared(files(out), wanted)
        tally["left"] += sum(
            any(mark in path.name for mark in UNDER_WAY) for path in out.rglob("*")
        )
        tally["kills"], tally["rounds"] = tally["kills"] + here, tally["rounds"] + 1
        shutil.rmtree(out)
    return tally | {"seconds": round(time.monotonic() - begun, 1)}


def tried_all(
    kills: int, seed: int, wanted: list[str] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every command, or those that are wanted, killed so often each, by its name."""
    _imported()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_pictures(home)
        ended(started(partial(make_faces, home), home / "faces.log"))
        lines = commands(home)
        wanted = wanted or [*lines]
        trains = any(lines[name](home)[0] == "train" for name in wanted)
        for name, line in lines.items():
            if name not in wanted:
                if trains and name in NEEDED:
                    ended(started(partial(run, line(home / name)), home / f"{name}.log"))
                continue
            try:
                yield name, tried(name, line, home, kills, seed)
            except IstrcError as error:
                said = (home / f"{name}.log").read_text(errors="replace").strip()
                raise IstrcError(f"{name}: {error}: {said[-2000:]}") from None


def _imported() -> None:
    """All that the commands need, before the forks; nothing is computed here, so no thread is."""
    os.environ["OMP_NUM_THREADS"] = "1"
    import onnxruntime  # noqa: F401
    import torch
    import torch.utils.tensorboard  # noqa: F401

    import istrc.cli.train
    import istrc.light.parts
    import istrc.training.all  # noqa: F401

    torch.set_num_threads(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=24, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="this command; may be given again")
    parser.add_argument("--json", required=True)
    given = parser.parse_args()
    from istrc.evaluation.results import write_results

    found: dict[str, Any] = {}
    for name, one in tried_all(given.kills, given.seed, given.only):
        found[name] = one  # written at once: the rest may take hours
        command = ["python", "tools/kills.py", *sys.argv[1:]]
        write_results(given.json, {"kills": found}, seed=given.seed, command=command)
        print(f"{name}: {one['kills']} kills, {len(one['failed'])} failed", file=sys.stderr)
    sys.exit(any(one["failed"] for one in found.values()))


if __name__ == "__main__":
    main()

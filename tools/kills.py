"""Long commands, killed at random moments and started again until they end.

    python tools/kills.py --kills 24 --json results/kills.json

Each command runs as a process of its own, forked from this one so that nothing is imported anew,
and is killed again and again in the same OUT, at moments that a seed chose: as it is about to open,
rename or delete a file in OUT, the first or the hundredth, or up to 50 ms of computing after that.
So a kill comes neither before it has begun to write nor depends on how fast the machine is; one
after which all is there proves nothing, and is not counted. After every kill each file that has its
final name must be whole; in the end OUT must hold what the same command leaves that was never
killed, to the byte. Made faces and toy networks of 16 pixels, the shipped circle for faces and
films; a checkpoint a step, or there would be nothing to go on from. `film` needs PyAV.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from istrc.cli import built
from istrc.errors import IstrcError
from istrc.whole import read_json

SMALL = ("--steps", "12", "--validate-every", "5")
PEOPLE, EACH = 24, 24  # made faces; as many parts of `prepare` as fill two
CHANGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")  # audited, of files in OUT
LATER = 0.05  # seconds of computing after one of them, at most
M_PERTURB = -6  # of glibc's malloc.h
AT_MOST = 6  # kills in one OUT, or a command that keeps nothing on the way would never end
# By trainings, in this order
NEEDED = ("prepare", "facenet", "began", "landmarks")
# Of these the same bytes cannot be asked: seconds, times of files, and logs that go on
OTHERWISE = ("cost.json", ".istrc.jsonl", "log")
UNDER_WAY = (".tmp", ".partial", ".parts")  # in names of what is not whole yet
IMPORTED = ("onnxruntime", "istrc.onnx_runtime.parts")
FOR_TRAINING = (
    *("torch.utils.tensorboard", "torch._dynamo", "pytorch_metric_learning.losses"),
    *("istrc.cli.train", "istrc.training.all"),
)
Line = Callable[[Path], list[str]]  # from OUT to the command line
TRIES = 8  # for each kill that is asked for; a command that is never hit in time ends with fewer


def commands(home: Path) -> dict[str, Line]:
    """What is tried by its name, from OUT to the command line, in the order of what needs what."""
    prepared, facenet, began = home / "prepare", home / "facenet", home / "began"
    shaped, landmarks = home / "shaped", ("--landmarks", home / "landmarks")
    on_both = ("--facenet", facenet, "--autoencoder", began)
    net = ("--size", 16, "--dim", 16, "--widths", "8,12", "--depths", "1,1")
    code: tuple[Any, ...] = ("--batch-size", 8, "--linear", 12, "--linear-side", 16, "--detail", 0)
    code += ("--widths", "8,12", "--generator-code", 4, "--generator-widths", "8,12")

    def train(part: str, *options: Any, data: Path = prepared, small: Any = SMALL) -> Line:
        return lambda out: ["train", part, *map(str, [data, out, *options, *small])]

    def faces(verb: str, name: str, *options: str) -> Line:
        given = [verb, str(home / "faces"), "--aligned", *options]
        return lambda out: [*given, "-o", str(out / name)]

    steps: tuple[str, ...] = (
        "landmarks",
        "landmarks-fine",
        "facenet",
        "began",
        "mapping",
        "mapping-fine",
    )
    steps += ("attributes", "changes", "probes")
    each = [text for part in steps for text in (f"--{part}-steps", 2)]

    source, plain = str(home / "pictures"), ("--size", "16", "--workers", "1")
    return {
        "prepare": lambda out: ["prepare", source, str(out), *plain],
        "facenet": train("facenet", "--people", 6, "--pictures", 4, *net),
        "began": train("began", *code),
        "mapping": train("mapping", *on_both, "--width", 8, "--fine-steps", 4),
        "attributes": train("attributes", "--facenet", facenet, "--width", 8),
        "changes": train("changes", *on_both, "--width", 8),
        "probes": train("probes", *on_both),
        "landmarks": train("landmarks", "--batch-size", 4, "--fine-steps", 4, data=shaped),
        "textures": train("textures", *landmarks, data=shaped, small=()),
        "search": train("search", *landmarks, "--autoencoder", began, data=shaped, small=()),
        "all": train("all", *each, data=shaped, small=()),
        "edit": faces("edit", "", "-a", "smile=+1"),
        "reconstruct": faces("reconstruct", ""),
        "embed": faces("embed", "z.npy"),
        "film": lambda out: [
            *("film", str(home / "film.mp4"), "-a", "smile=+1", "-o", str(out / "film.mp4"))
        ],
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


def make_faces(home: Path, count: int = 20) -> None:
    """Faces that the shipped circle draws, in CelebA's aligned frame; a film where PyAV is."""
    from istrc.circle import Circle
    from istrc.health import drawn

    circle = Circle.from_pretrained(runtime="onnx")
    (home / "faces").mkdir()
    for k in range(count):
        Image.fromarray(drawn(circle, k)).save(home / "faces" / f"{k}.png")
    with suppress(ImportError):
        import av

        with av.open(str(home / "film.mp4"), "w") as film:
            video = film.add_stream("libx264", rate=12)
            video.width, video.height, video.pix_fmt = 178, 218, "yuv420p"
            for k in range(16):
                moved = np.roll(drawn(circle), k // 2, axis=1)
                film.mux(video.encode(av.VideoFrame.from_ndarray(moved, "rgb24")))
            film.mux(video.encode())


def make_shaped(home: Path) -> None:
    """What `prepare` has left, with landmarks: the shipped mean shape, a little moved."""
    from istrc.circle import Circle

    shutil.copytree(home / "prepare", home / "shaped")
    mean, rng = np.asarray(Circle.from_pretrained().landmarks.mean), np.random.default_rng(0)
    moved = mean + rng.normal(0, 0.02, (PEOPLE * EACH, 68, 2))
    np.save(home / "shaped" / "landmarks.npy", moved.astype(np.float32))


class Doom:
    """Kills its own process at its so-manieth change of OUT, or some computing later.

    number: 0 only counts. after: seconds of computing; 0 is before that change is made.
    """

    def __init__(self, out: Path, number: int = 0, after: float = 0.0):
        self.out, self.number, self.after, self.changes = str(out), number, after, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """A hook for `sys.addaudithook`."""
        if event not in CHANGES or not str(arguments[0]).startswith(self.out):
            return
        if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
            return
        self.changes += 1
        if self.changes == self.number and self.after:
            signal.setitimer(signal.ITIMER_PROF, self.after)  # its signal ends what expects none
        elif self.changes == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


def started(work: Callable[[], Any], log: Path, doom: Doom | None = None) -> int:
    """A forked process that does this alone: its id. The log's neighbour tells its changes."""
    if process := os.fork():
        return process
    code = 0
    try:
        with open(log, "ab") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        if doom is not None:
            sys.addaudithook(doom)
        work()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        code = 70
    if doom is not None:
        log.with_suffix(".changes").write_text(str(doom.changes))
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(code)


def ended(process: int) -> bool:
    """Whether the process ended by itself. Raises IstrcError where it ended with an error."""
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if code and code not in (-signal.SIGKILL, -signal.SIGPROF):
        raise IstrcError(f"ended with status {code}")
    return code == 0


def run(arguments: list[str]) -> None:
    """One command line of istrc in this process, with a checkpoint after every step."""
    if arguments[0] == "film" or arguments[:2] == ["train", "all"]:
        # Both read memory that they have not written, x264 and oneDNN, of whose convolutions in
        # bfloat16 that is so where a map is one pixel wide, as a mouth's at 16 pixels: that holds
        # zeros in each run. Without this, two runs that nothing kills differ
        ctypes.CDLL(None).mallopt(M_PERTURB, 255)
    if arguments[0] == "train":
        from istrc.training import loop

        loop.train = partial(loop.train, checkpoint_every=0.0)
    built([arguments[0]])(args=arguments, prog_name="istrc")


def files(out: Path) -> dict[str, bytes]:
    """What has its final name in OUT."""
    found = {path.relative_to(out): path for path in out.rglob("*") if path.is_file()}
    return {
        str(name): path.read_bytes() for name, path in sorted(found.items()) if not under_way(name)
    }


def under_way(name: Path) -> bool:
    """Whether a file in OUT is not whole yet, by its name or its folder's."""
    return any(mark in part for part in name.parts for mark in UNDER_WAY)


def halves(out: Path) -> int:
    """How many files lie in OUT that are not whole yet."""
    return sum(under_way(path.relative_to(out)) for path in out.rglob("*") if path.is_file())


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
        elif path.suffix == ".mp4":
            import av

            with av.open(str(path)) as film:
                assert len([*film.decode(video=0)]) == film.streams.video[0].frames
        elif path.name not in (".istrc.jsonl", "names.txt", "z.txt") and "log" not in path.parts:
            return f"{path.name}: of a kind that is not known here"
    except Exception as error:
        return f"{path.name}: {type(error).__name__}: {error}"
    return None


def compared(got: dict[str, bytes], wanted: dict[str, bytes]) -> Iterator[str]:
    """In which files two results differ, those apart of which the same bytes cannot be asked."""
    for name in sorted({*got, *wanted}):
        same = got.get(name) == wanted.get(name)
        if not same and not any(part in OTHERWISE for part in Path(name).parts):
            yield f"{name}: differs from the run that was never killed"


def tried(name: str, line: Line, home: Path, kills: int, seed: int) -> dict[str, Any]:
    """Kill one command so often: how often, in how many runs, and what was wrong.

    changes: of OUT in a run that is not killed. in_vain: kills that are not counted, as OUT was
    whole by then. half: those of the counted at which a file that was not whole lay under another
    name. left: such files when all was done.
    """
    whole, log, chosen = home / name, home / f"{name}.log", random.Random(f"{seed} {name}")
    begun = time.monotonic()
    ended(started(partial(run, line(whole)), log, Doom(whole)))
    changes, wanted = int(log.with_suffix(".changes").read_text()), files(whole)
    if not wanted:
        raise IstrcError("left nothing to compare with")
    counts = ("kills", "in_vain", "rounds", "files_looked_at", "half", "left")
    tally: dict[str, Any] = {"files": len(wanted), "changes": changes, **dict.fromkeys(counts, 0)}
    tally["failed"], tries = [], 0
    while tally["kills"] < kills and tries < TRIES * kills:
        out, here, ahead = home / f"{name}-killed", 0, changes
        while here < min(AT_MOST, kills - tally["kills"]):
            number, tries = chosen.randint(1, ahead), tries + 1
            doom = Doom(out, number, chosen.choice((0, chosen.uniform(0, LATER))))
            if ended(started(partial(run, line(out)), log, doom)):
                break
            ahead = max(1, ahead - number)  # what it has done it will hardly do again
            if not [*compared(seen := files(out), wanted)]:
                tally["in_vain"] += 1
                break  # from here on OUT is whole, whatever is done again
            here += 1
            tally["files_looked_at"] += len(seen)
            tally["half"] += halves(out) > 0
            tally["failed"] += filter(None, (broken(out / one) for one in seen))
        ended(started(partial(run, line(out)), log))
        tally["failed"] += compared(files(out), wanted)
        tally["left"] += halves(out)
        tally["kills"], tally["rounds"] = tally["kills"] + here, tally["rounds"] + 1
        shutil.rmtree(out)
    return tally | {"seconds": round(time.monotonic() - begun, 1)}


def tried_all(
    kills: int, seed: int, wanted: list[str] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every command, or those that are wanted, killed so often each, by its name."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_pictures(home)
        lines = commands(home)
        wanted = wanted or [name for name in lines if name != "film" or find_spec("av")]
        trains = any(lines[name](home)[0] == "train" for name in wanted)
        _imported(trains)
        ended(started(partial(make_faces, home), home / "faces.log"))
        for name, line in lines.items():
            if trains and name == "facenet":
                ended(started(partial(make_shaped, home), home / "shaped.log"))
            if name not in wanted:
                if trains and name in NEEDED:
                    ended(started(partial(run, line(home / name)), home / f"{name}.log"))
                continue
            try:
                yield name, tried(name, line, home, kills, seed)
            except IstrcError as error:
                said = (home / f"{name}.log").read_text(errors="replace").strip()
                raise IstrcError(f"{name}: {error}: {said[-2000:]}") from None


def _imported(trains: bool) -> None:
    """All that the commands need, before the forks; nothing is computed here, so no thread is."""
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in (*IMPORTED, *(FOR_TRAINING if trains else ())):
        import_module(name)
    if trains:
        import torch

        torch.set_num_threads(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=24, help="of each command")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", help="this command; may be given again")
    parser.add_argument("--json", required=True)
    given = parser.parse_args()
    from istrc.evaluation.results import commit, write_results

    failed, command = False, " ".join(["python", "tools/kills.py", *sys.argv[1:]])
    for name, one in tried_all(given.kills, given.seed, given.only):
        # Written at once, as the rest may take hours; what is there of other commands is kept
        found = read_json(given.json)["kills"] if Path(given.json).exists() else {}
        found[name] = {**one, "command": command, "commit": commit()}
        failed = failed or bool(one["failed"])
        write_results(given.json, {"kills": found}, seed=given.seed, command=command)
        print(f"{name}: {one['kills']} kills, {len(one['failed'])} failed", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    main()

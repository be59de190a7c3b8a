"""`istrc prepare`: any source to one prepared folder, however often the run is interrupted.

The source's rows are cut into chunks; workers decode each into a part (see parts.py) inside
OUT/.parts. When all are there the parts are put together in the source's order, and prepared.json
is written last. Killed at any moment and run again, it goes on, and the result is the same to the
byte as that of a run that was left alone.
"""

from __future__ import annotations

import contextlib
import errno
import json
import multiprocessing
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from istrc.data import measured as measuring
from istrc.data import parts
from istrc.data.parts import load_part, one_line, part_path
from istrc.data.prepared import FORMAT, SPLITS, Prepared, write_images
from istrc.data.sources import Source, open_source
from istrc.errors import InputError, IstrcError, OutOfSpace
from istrc.runtime import cores
from istrc.whole import read_json, whole, write_whole

SIZES = (16, 512)
_CHUNK = 512
_PARTS = ".parts"
_Progress = Callable[[int, int], None]


@dataclass
class Report:
    """What was prepared, and what was left out and why."""

    folder: str
    kind: str
    size: int
    total: int  # pictures that the source names: `count` + the length of `skipped`
    count: int
    splits: dict[str, int]
    attributes: list[str]
    skipped: list[dict[str, str]]  # {name, reason}, in the source's order
    measured: list[str]  # attributes that were measured from landmarks, if any
    notes: list[str] = field(default_factory=list)
    resumed: int = 0  # pictures that an earlier, interrupted run had done already
    seconds: float = 0.0


def prepare(
    source: str | Path,
    out: str | Path,
    *,
    size: int = 128,  # side of the prepared faces, pixels
    kind: str = "auto",  # auto, or one of istrc.data.sources.KINDS
    measured: bool | None = None,  # wide_mouth and big_eyes; None: if it can be done
    workers: int | None = None,  # processes; None: one a core; 1: this process alone
    identity_column: str | None = None,  # folder + CSV: the column of the identity or class
    categories: Sequence[str] = (),  # folder + CSV: columns whose values become attributes
    unseen: float = 0.0,  # folder: share of the identities that are held out whole, as `test`
    chunk: int = _CHUNK,  # pictures a part: what a kill can cost each worker
    progress: _Progress = lambda done, total: None,  # of pictures
) -> Report:
    """Prepares a source into the folder `out` (see prepared.py for the format).

    Continues where an interrupted run ended, and does nothing if `out` is complete already.
    Workers are spawned: a script calls this under `if __name__ == "__main__":`, or with workers=1.

    Raises InputError if the source cannot be used, if nothing in it can be read, or if `out`
    holds something else or another source or size; IstrcError if a run cannot end as it should.
    """
    started = time.monotonic()
    if not SIZES[0] <= size <= SIZES[1]:
        raise InputError(f"size {size}: choose {SIZES[0]} to {SIZES[1]} pixels")
    if chunk < 1 or (workers is not None and workers < 1):
        raise InputError("workers and chunk must be 1 or more")
    if not 0 <= unseen < 1:
        raise InputError(f"unseen {unseen:g}: a share of the identities, 0 or more and below 1")
    opened = open_source(
        source, kind, identity_column=identity_column, categories=tuple(categories), unseen=unseen
    )
    if not opened.names:
        raise InputError(f"{source}: no pictures are named in it")
    out = Path(out)
    plan = _agree_on_plan(opened, out, size, measured, chunk)
    if (out / "prepared.json").exists():
        shutil.rmtree(out / _PARTS, ignore_errors=True)  # a kill may have come just before this
        return _report(opened, out, resumed=len(opened.names), seconds=0.0)

    with _turning_full_disk_into_one_line(out), _only_one_run(out / _PARTS):
        if plan["measured"]:
            measuring.Measurer()  # if it cannot be loaded, say so here and not in every worker
        write_whole(out / _PARTS / "plan.json", json.dumps(plan).encode(), durable=True)
        total, step = len(opened.names), plan["chunk"]
        chunks = [range(start, min(start + step, total)) for start in range(0, total, step)]
        resumed = _make_parts(opened, out / _PARTS, plan, chunks, workers or cores(), progress)
        _assemble(opened, out, plan, len(chunks))
    shutil.rmtree(out / _PARTS)
    return _report(opened, out, resumed, time.monotonic() - started)


def _agree_on_plan(
    source: Source, out: Path, size: int, measured: bool | None, chunk: int
) -> dict[str, Any]:
    """What this run makes; refuses a folder where another run makes or made something else."""
    plan: dict[str, Any] = {key: getattr(source, key) for key in ("kind", "name", "fingerprint")}
    plan |= {"size": size, "measured": measured, "chunk": chunk}
    before = _earlier_plan(out)
    if before is None:
        if measured is None:
            plan["measured"] = _measurable(source) and measuring.available()
        elif measured and not _measurable(source):
            raise InputError(
                f"measured labels need CelebA's faces and attributes, not {source.kind}"
            )
        return plan

    # Where the source lies does not matter, what is in it does; and what the user left to us
    # is what the earlier run decided.
    given = ["kind", "fingerprint", "size"] + (["measured"] if measured is not None else [])
    differs = [key for key in given if before.get(key) != plan[key]]
    if differs:
        raise InputError(
            f"{out}: holds {before.get('kind')} {before.get('name', '')} at size "
            f"{before.get('size')}, and this run differs in {', '.join(differs)}; "
            "choose another OUT or delete it"
        )
    return before


def _earlier_plan(out: Path) -> dict[str, Any] | None:
    """What an earlier run made or was making in this folder, if it is a run's folder at all."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: a file, not a folder; choose another OUT")
    if (out / "prepared.json").exists():
        info = Prepared(out).info
        source = info.get("source")
        source = source if isinstance(source, dict) else {"kind": source}
        return {**source, "size": info.get("size"), "measured": bool(info.get("measured"))}
    if (out / _PARTS / "plan.json").exists():
        try:
            return dict(read_json(out / _PARTS / "plan.json"))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{out / _PARTS}: its plan.json is damaged ({error}); delete {out}, and run again"
            ) from None
    if out.exists() and any(path.name != _PARTS for path in out.iterdir()):
        raise InputError(f"{out}: not empty and not a prepared folder; choose another OUT")
    return None


def _measurable(source: Source) -> bool:
    return source.celeba and set(measuring.EXPLAINED) <= set(source.attribute_names)


def _make_parts(
    source: Source,
    folder: Path,
    plan: dict[str, Any],
    chunks: list[range],
    workers: int,
    progress: _Progress,
) -> int:
    """Makes the parts that are not there yet; returns how many pictures were done before."""
    total = len(source.names)
    missing = [k for k in range(len(chunks)) if not part_path(folder, k).exists()]
    resumed = done = total - sum(len(chunks[k]) for k in missing)
    progress(done, total)
    arguments = (source, plan["size"], plan["measured"], folder)

    def one_after_another() -> Iterator[int]:
        make = parts.PartMaker(*arguments)
        for k in missing:
            make(k, chunks[k])
            yield k

    def side_by_side() -> Iterator[int]:
        # spawn: a fork would copy the threads' locks of Arrow and torch in whatever state.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(
            min(workers, len(missing)), context, parts.start_worker, arguments
        ) as pool:
            jobs = {pool.submit(parts.make_in_worker, k, chunks[k]): k for k in missing}
            try:
                for job in as_completed(jobs):
                    job.result()
                    yield jobs[job]
            except BrokenProcessPool:
                raise IstrcError(
                    "a worker process died (out of memory, or prepare() was called from a script "
                    "without `if __name__ == '__main__':`); run again to go on, or use workers=1"
                ) from None
            finally:
                for job in jobs:
                    job.cancel()

    for k in side_by_side() if workers > 1 and len(missing) > 1 else one_after_another():
        done += len(chunks[k])
        progress(done, total)
    return resumed


def _assemble(source: Source, out: Path, plan: dict[str, Any], count: int) -> None:
    """Puts so many parts together in order, the pictures one part at a time."""
    folder, total = out / _PARTS, len(source.names)
    small: dict[str, list[np.ndarray]] = {"rows": [], "measures": [], "landmarks": []}
    skipped: list[dict[str, str]] = []
    for number in range(count):
        part = load_part(folder, number)
        for key, found in small.items():
            found += [part[key]] if len(part[key]) else []
        skipped += part["skipped"]
    kept = np.concatenate([np.zeros(0, np.int64), *small["rows"]])
    if len(kept) + len(skipped) != total:
        raise IstrcError(
            f"{out}: {len(kept)} kept and {len(skipped)} skipped of {total} pictures do not "
            "add up; delete it and prepare again"
        )
    if not len(kept):
        first = skipped[0]
        shutil.rmtree(folder)  # nothing to go on from: the pictures may be repaired meanwhile
        raise InputError(
            f"{source.name}: none of {total} pictures can be read; the first, "
            f"{first['name']}: {first['reason']}"
        )

    shape = (len(kept), plan["size"], plan["size"], 3)
    write_images(out, shape, (load_part(folder, number)["images"] for number in range(count)))

    labels = {key: getattr(source, key) for key in ("attributes", "identity", "split")}
    arrays = {key: np.ascontiguousarray(array[kept]) for key, array in labels.items()}
    attribute_names = list(source.attribute_names)
    info: dict[str, Any] = {}
    if plan["measured"]:
        measures = np.concatenate(small["measures"])
        train = arrays["split"] == SPLITS.index("train")
        residuals, measured = measuring.label(
            measures, arrays["attributes"], attribute_names, train
        )
        arrays["attributes"] = np.concatenate([arrays["attributes"], measured], axis=1)
        arrays["measured"] = residuals
        attribute_names += measuring.NAMES
        info["measured"] = list(measuring.NAMES)
    if small["landmarks"]:
        arrays["landmarks"] = np.concatenate(small["landmarks"])
    for name, array in arrays.items():
        with whole(out / f"{name}.npy", durable=True) as temporary:
            np.save(temporary, array, allow_pickle=False)
    names = "".join(f"{one_line(source.names[row])}\n" for row in kept)
    encoded = names.encode(errors="surrogateescape")  # what is no Unicode as the bytes that it is
    write_whole(out / "names.txt", encoded, durable=True)
    origin = {key: plan[key] for key in ("kind", "name", "fingerprint")}
    head = dict(format=FORMAT, size=plan["size"], count=len(kept), attributes=attribute_names)
    head |= dict(splits=list(SPLITS), source=origin)
    info = {**head, **info, **source.extra}
    info |= dict(notes=source.notes, skipped=skipped, complete=True)
    write_whole(out / "prepared.json", json.dumps(info, indent=1).encode(), durable=True)


def _report(source: Source, out: Path, resumed: int, seconds: float) -> Report:
    """Reads the folder back, so that what is reported is what is there."""
    prepared, total = Prepared(out), len(source.names)
    splits = {name: len(prepared.rows(name)) for name in SPLITS}
    skipped = prepared.info.get("skipped", [])
    counts = {len(prepared), len(prepared.names), sum(splits.values()), total - len(skipped)}
    if len(counts) > 1:
        raise IstrcError(f"{out}: counts disagree with the source; delete it and prepare again")
    return Report(
        folder=str(out),
        kind=source.kind,
        size=prepared.size,
        total=total,
        count=len(prepared),
        splits=splits,
        attributes=prepared.attribute_names,
        skipped=skipped,
        measured=prepared.info.get("measured", []),
        notes=source.notes,
        resumed=resumed,
        seconds=round(seconds, 2),
    )


@contextlib.contextmanager
def _only_one_run(folder: Path) -> Iterator[None]:
    """Holds a lock that the system releases even after kill -9; leftovers are swept under it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as stream:
        try:
            import fcntl
        except ImportError:  # Windows: two runs at once are the user's own affair there
            fcntl = None  # type: ignore[assignment]  # a module, or that there is none
        if fcntl:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputError(
                    f"{folder.parent}: another run prepares it now; wait for it"
                ) from None
        for place in (folder, folder.parent):
            for leftover in (*place.glob("*.tmp"), *place.glob(".istrc-*.partial*")):
                leftover.unlink(missing_ok=True)
        yield


@contextlib.contextmanager
def _turning_full_disk_into_one_line(out: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, OutOfSpace) as error:
        if isinstance(error, OSError) and error.errno != errno.ENOSPC:
            raise
        raise OutOfSpace(f"{out}: the disk is full; make room and run again to go on") from None

"""Files that appear whole or not at all: written under another name beside the one they get.

What is read of them (regular files alone, no more than is bearable), what is written as JSON, and
the checksum by which a whole file is known.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from istrc.errors import InputError, OutOfSpace, reason

LARGEST_JSON = 100_000_000  # bytes: prepared.json that names a million pictures left out
LONGEST_NAME = 255  # bytes, on most file systems
# Seconds since a file that is not whole was changed, after which nobody writes it any more, whoever
# did: a film, the longest of them, grows by the second
ABANDONED = 86_400
_OWN = "([0-9a-f]{8})-([0-9a-f]{1,7})-[0-9a-f]{8}"  # of a process, by its machine and its number
_PARTIAL = re.compile(rf"\.istrc-(?:{_OWN}|[0-9a-f]{{8,16}})\.partial(\.\w+)?")


def regular(path: str | Path) -> Path:
    """The path. Raises OSError where it is a pipe or a device: reading those may never end."""
    path = Path(path)
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path


def resolved(path: str | Path) -> Path:
    """The file that a path leads to, whether it is there or not; of links that lead round in a
    circle, `Path.resolve` raises.
    """
    return Path(os.path.realpath(path))


def contents(path: str | Path, most: int) -> bytes:
    """The bytes of a regular file of at most so many. Raises OSError."""
    with regular(path).open("rb") as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"over {most // 1_000_000} MB", str(path))
        return file.read()


def beside(path: str | Path) -> tuple[Path, Path]:
    """Where a file for `path` is written, and the name that it gets by `os.replace` at the end.

    Through a link, as any writer would. The ending is the same, as formats are chosen by it; the
    rest is short, as names have limits that `path` may have reached. Raises InputError for a link
    that leads to no folder, and for a pipe or a device, which a file would take the place of.

    What killed processes have left in that folder is deleted, see `clear`.
    """
    target = Path(os.path.realpath(path))
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise InputError(f"{path}: a pipe or a device; give the name of a file")
    writable = os.access(target.parent, os.W_OK)  # and so lets any of its files be replaced
    if writable and target.exists() and not os.access(target, os.W_OK):
        raise InputError(f"{path}: is write-protected; give another name, or allow writing it")
    if os.path.islink(path) and not target.parent.is_dir():
        raise InputError(
            f"{path}: a link to {target}, and the folder {target.parent} does not exist; make it, "
            "or give another OUT"
        )
    clear(target.parent)
    return target.with_name(f".istrc-{own()}.partial{target.suffix}"), target


def own() -> str:
    """What no other process has in a name; by it `orphans` tells whether this one lives."""
    return f"{_machine()}-{os.getpid():x}-{secrets.token_hex(4)}"


def orphans(folder: Path, prefix: str) -> Iterator[Path]:
    """The folders in a folder named by a prefix and `own` whose process lives no more: on this
    machine (and in this container), or anywhere when they have not changed for a day.
    """
    for path in folder.glob(f"{prefix}*"):
        if found := re.fullmatch(rf"{_OWN}.*", path.name.removeprefix(prefix)):
            here = found[1] == _machine()
            if not _lives(int(found[2], 16)) if here else _old(path):
                yield path


@cache
def clear(folder: Path) -> None:
    """Delete, once in a process, what killed ones left in a folder under names of `beside`.

    Whether a process lives is seen from its number where that is of this machine (and this
    container); of any other, and where another process got the number since, by the file's age.
    """
    with suppress(OSError):  # another command clears as well, or it is not ours to delete
        for path in folder.glob(".istrc-*.partial*"):
            if not (found := _PARTIAL.fullmatch(path.name)):
                continue
            dead = found[1] == _machine() and not _lives(int(found[2], 16))
            if dead or _old(path):
                path.unlink(missing_ok=True)


def _old(path: Path) -> bool:
    return time.time() - path.lstat().st_mtime > ABANDONED


@cache
def _machine() -> str:
    """Tells this machine, since it was started, and this container from those with other processes
    under the same numbers.
    """
    try:
        told = Path("/proc/sys/kernel/random/boot_id").read_text()
        told += os.readlink("/proc/self/ns/pid")
    except OSError:  # no Linux
        told = platform.node()
    return digest(told, digits=8)


def _lives(process: int) -> bool:
    """Whether a process of this machine lives; True where that cannot be asked."""
    if os.name == "nt":  # where os.kill does more than ask
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        pass
    return True


def copy_whole(source: Path, path: Path) -> None:
    """Copy a file, whole or not at all."""
    with whole(path, alone=True) as temporary:
        shutil.copyfile(source, temporary)


@contextmanager
def whole(path: str | Path, *, alone: bool = False, durable: bool = False) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it only if the body succeeds.

    Raises OutOfSpace where the disk is full.

    Args:
        alone: no other process writes `path`. The temporary name is then always the same, so that
            what a killed process left is written over and not kept beside it.
        durable: it is on the disk before it has its name: whole after a power cut as well.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    temporary, target = beside(path)
    if alone:
        name = os.fsencode(target.name)
        if len(name) > LONGEST_NAME - len(".tmp"):
            name = digest(name, digits=64).encode()
        temporary = target.with_name(f"{os.fsdecode(name)}.tmp")
    try:
        yield temporary
        if durable:
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):  # which name no file, or the temporary one
            raise OutOfSpace(
                f"{path}: not written, the disk is full ({reason(error)}); make room, then run it "
                "again"
            ) from None
        if str(error.filename) == str(temporary):  # a name that nobody knows
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, data: bytes, **how: bool) -> Path:
    """Write a file, whole or not at all; its path. `how`: see `whole`."""
    with whole(path, **how) as temporary:
        temporary.write_bytes(data)
    return path


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    write_whole(Path(path), f"{json.dumps(value, indent=2)}\n".encode(), alone=True)


def read_json(path: str | Path) -> Any:
    """What a file of JSON holds. Raises OSError, and ValueError where it is none."""
    return parse_json(contents(path, LARGEST_JSON).decode("utf-8"))


def parse_json(text: str | bytes) -> Any:
    """`json.loads`, to which a text that nests without end is as damaged as any other."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def plain(value: Any, digits: int | None = None) -> Any:
    """A value as JSON can hold it: arrays as lists, paths as text, NaN and infinity as None.

    digits: how many significant ones floats are rounded to.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, digits) for item in value]
    if hasattr(value, "tolist"):  # NumPy arrays and scalars, tensors
        return plain(value.tolist(), digits)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return value if digits is None else float(f"{value:.{digits}g}")
    return str(value) if isinstance(value, Path) else value


def digest(*parts: str | bytes, digits: int = 16) -> str:
    """So many hex digits of the SHA-256 of texts or bytes, one after the other."""
    found = hashlib.sha256()
    for part in parts:
        found.update(part.encode() if isinstance(part, str) else part)
    return found.hexdigest()[:digits]


def checksum(*paths: Path) -> str:
    """SHA-256 of files, one after the other."""
    found = hashlib.sha256()
    for path in paths:
        with regular(path).open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
    return found.hexdigest()

"""What one visitor has on the page, and that it is gone when they leave.

A session is a browser's tab or a client, told apart by the hash that Gradio gives it. Its files are
in a folder of its own with a name that cannot be guessed, inside the server's temporary folder.
"""

from __future__ import annotations

import ctypes
import secrets
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

from istrc.circle import Circle, number_of
from istrc.errors import InputError
from istrc.face import Face
from istrc.serve import limits

ENDED = "this visit has ended; load the page again"
# glibc's, which other systems lack
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_TRIM, _SET = getattr(_LIBC, "malloc_trim", None), getattr(_LIBC, "mallopt", None)
_ARENA_MAX = -8  # of mallopt, in malloc.h


def share_heaps() -> None:
    """Let all threads of this process allocate in two heaps. Call it before there are threads.

    By itself glibc makes up to eight a core, and what one visit frees in one of them is no room
    for the next visit, which computes in another: the page would grow with every visit.
    """
    if _SET is not None:
        _SET(_ARENA_MAX, 2)


class Session:
    """The faces, files and learned attributes of one visitor.

    Attributes:
        circle: the server's circle, with what this visitor taught it.
        folder: where files are made for this visitor.
    """

    def __init__(self, circle: Circle, folder: Path):
        self.circle = circle.watched(self.check_active)
        self.folder, self.ended = folder, False
        self.last_request = time.monotonic()
        self.uploads: dict[Path, int] = {}  # that this visitor used, and when each was stored
        self._faces = lru_cache(limits.PHOTOGRAPHS)(self._read)
        self._files: deque[Path] = deque()

    def check_active(self) -> None:
        """Raises InputError where the visitor has left, or their request has had its time."""
        if self.ended:
            raise InputError(ENDED)
        limits.check_time()

    def faces(self, path: str | Path | None) -> list[Face]:
        """Every face of a photograph, the largest first: read once, then remembered.

        Raises InputError, naming the file and not where it lies.
        """
        if path is None:
            raise InputError("no photograph: upload one, take one, or choose a sample")
        return self._faces(Path(path))

    def _read(self, path: Path) -> list[Face]:
        try:
            limits.check_picture(path)
            found = self.circle.faces(path)
        except (InputError, FileNotFoundError) as error:
            gone = f"{path.name}: is gone from the server; upload it again"
            said = gone if isinstance(error, FileNotFoundError) else str(error)
            raise InputError(said.replace(str(path), path.name)) from None
        self.check_active()  # nothing is kept for who has left meanwhile
        return found

    def forget(self) -> None:
        """Free the pictures at once: session and circle hold each other, so that Python frees both
        when it looks for such, which is after hundreds of visits.
        """
        self._faces.cache_clear()

    def face(self, path: str | Path | None, number: Any = 1) -> Face:
        """One face of a photograph, counted from 1, the largest. Raises InputError."""
        found = self.faces(path)
        if isinstance(number, float) and number.is_integer():  # as JSON may have it
            number = int(number)
        return found[number_of(number, len(found), Path(str(path)).name) - 1]

    def new_file(self, name: str) -> Path:
        """Where a file of this name can be written; the oldest of too many are deleted.

        Raises InputError where the visitor has left in the meantime.
        """
        path = self.folder / secrets.token_hex(8) / name
        try:
            path.parent.mkdir()
        except FileNotFoundError:
            raise InputError(ENDED) from None
        self._files.append(path.parent)
        while len(self._files) > limits.FILES:
            shutil.rmtree(self._files.popleft(), ignore_errors=True)
        return path


class Sessions:
    """The sessions of a server.

    Args:
        folder: the server's temporary folder; Gradio's uploads lie there as well.
    """

    def __init__(self, circle: Circle, folder: Path):
        self.circle, self.folder = circle, folder
        self._all: dict[str, Session] = {}
        self._lock = threading.Lock()

    def of(self, key: str, uploads: Iterable[str | Path] = ()) -> Session:
        """The session of this hash, a new one if need be; `given` are uploads that it uses."""
        now = time.monotonic()
        with self._lock:
            idle = [one for one, at in self._all.items() if now - at.last_request > limits.IDLE]
            if key not in self._all and len(self._all) - len(idle) >= limits.SESSIONS:
                idle.append(min(self._all, key=lambda one: self._all[one].last_request))
            for one in idle:
                if one != key:
                    self._end(one)
            if key not in self._all:
                # Not by the hash: who knows a file's address must not know the session
                folder = self.folder / f"session-{secrets.token_hex(16)}"
                folder.mkdir()
                self._all[key] = Session(self.circle, folder)
            session = self._all[key]
            session.last_request = now
            for path in (Path(one).resolve() for one in uploads):
                if self._is_upload(path) and path.exists():
                    session.uploads[path] = path.stat().st_mtime_ns
            return session

    def end(self, key: str) -> None:
        """Forget a visitor: faces, files, uploads."""
        with self._lock:
            self._end(key)

    def __len__(self) -> int:
        return len(self._all)

    def _end(self, key: str) -> None:
        session = self._all.pop(key, None)
        if session is None:
            return
        session.ended = True
        session.forget()
        shutil.rmtree(session.folder, ignore_errors=True)
        # The same file of two visitors is stored once; one that was stored anew since this
        # visitor used it is that of another, who has not used it yet
        others = {path for other in self._all.values() for path in other.uploads}
        for path, uploaded in session.uploads.items():
            if path not in others and path.exists() and path.stat().st_mtime_ns <= uploaded:
                shutil.rmtree(path.parent, ignore_errors=True)
        if _TRIM is not None:
            # What was freed is still the process's: a heap keeps as much as was ever in it
            _TRIM(0)

    def _is_upload(self, path: Path) -> bool:
        """Whether this is a file that Gradio stored: FOLDER/HASH/NAME."""
        return path.parent.parent == self.folder.resolve() and not path.parent.name.startswith(
            "session-"
        )

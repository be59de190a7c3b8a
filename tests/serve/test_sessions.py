"""What is one visitor's is nobody else's, and gone when they leave."""

import gc
import os
import platform
import subprocess
import sys
import time
import weakref

import pytest

from istrc.errors import InputError
from istrc.serve import actions, limits
from istrc.serve import sessions as memory
from istrc.serve.sessions import Sessions


@pytest.fixture
def sessions(circle, tmp_path):
    return Sessions(circle, tmp_path)


def upload(sessions, key, name="me.jpg", content=b"x"):
    path = sessions.folder / key / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_sessions_have_folders_that_cannot_be_guessed(sessions):
    one, two = sessions.of("one"), sessions.of("two")
    assert one is sessions.of("one") and one.folder != two.folder
    assert "one" not in one.folder.name and len(one.folder.name) > 32


def test_the_end_of_a_session_deletes_its_files(sessions):
    path = upload(sessions, "a" * 64)
    session = sessions.of("one", [str(path)])
    made = session.new_file("out.png")
    made.write_bytes(b"y")
    sessions.end("one")
    assert not path.exists() and not made.exists() and not session.folder.exists()
    sessions.end("one")  # once more is no error
    with pytest.raises(InputError, match="this visit has ended"):  # what still computes
        session.new_file("late.png")
    assert not session.folder.exists()


def test_what_a_visitor_had_in_memory_is_free_at_once(sessions, face_file):
    """And not when Python next looks for cycles, which is after hundreds of visits."""
    session = sessions.of("one")
    actions.preview(session, face_file, 1, {"smile": 1.0}, [])
    one = session.face(face_file)
    kept = [weakref.ref(one), weakref.ref(one.picture), weakref.ref(one.rendering)]
    del one
    gc.disable()
    try:
        sessions.end("one")
        assert [part() for part in kept] == [None] * 3
    finally:
        gc.enable()


glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="what glibc keeps, others give back"
)


@glibc
def test_what_a_visitor_had_is_given_back_to_the_machine(sessions, monkeypatch):
    """How much that is, `tools/soak.py page` measures: of this process other tests decide it."""
    pads, trim = [], memory._TRIM
    monkeypatch.setattr(memory, "_TRIM", lambda pad: pads.append((pad, trim(pad))))
    sessions.of("one")
    sessions.end("one")
    assert pads in ([(0, 0)], [(0, 1)])  # whether there was anything


THREADS = """
import ctypes, sys, threading
from istrc.serve.sessions import share_heaps
share_heaps()
all_there = threading.Barrier(9)
def allocate():
    kept = bytearray(100_000)
    all_there.wait()
for _ in range(8):
    threading.Thread(target=allocate).start()
all_there.wait()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@glibc
def test_all_threads_share_two_heaps(tmp_path):
    told = tmp_path / "heaps.xml"
    subprocess.run([sys.executable, "-c", THREADS, told], check=True)
    assert told.read_text().count("<heap nr=") == 2


def test_an_upload_of_two_visitors_stays_for_the_other(sessions):
    path = upload(sessions, "a" * 64)
    sessions.of("one", [path])
    sessions.of("two", [path])
    sessions.end("one")
    assert path.exists()
    sessions.end("two")
    assert not path.exists()


def test_an_upload_that_came_again_stays_for_who_has_not_used_it_yet(sessions):
    path = upload(sessions, "a" * 64)
    sessions.of("one", [path])
    os.utime(path, ns=(time.time_ns() + 10**9,) * 2)
    sessions.end("one")
    assert path.exists()


def test_only_uploads_are_deleted(sessions, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "x" / "me.jpg"
    outside.parent.mkdir()
    outside.write_bytes(b"x")
    shared = sessions.folder / "shared" / "samples" / "sample.png"
    shared.parent.mkdir(parents=True)
    shared.write_bytes(b"x")
    other = sessions.of("two").new_file("theirs.png")
    other.write_bytes(b"x")
    sessions.of("one", [outside, shared, other])
    sessions.end("one")
    assert outside.exists() and shared.exists() and other.exists()


def test_idle_and_too_many_sessions_end(sessions, monkeypatch):
    monkeypatch.setattr(limits, "SESSIONS", 2)
    first = sessions.of("first")
    sessions.of("second").last_request += 1
    sessions.of("third")
    assert len(sessions) == 2 and not first.folder.exists()
    monkeypatch.setattr(limits, "IDLE", -2.0)
    sessions.of("fourth")
    assert len(sessions) == 1


def test_the_oldest_files_go(sessions, monkeypatch):
    monkeypatch.setattr(limits, "FILES", 3)
    session = sessions.of("one")
    made = [session.new_file("a.png") for _ in range(5)]
    assert [path.parent.exists() for path in made] == [False, False, True, True, True]


def test_a_photograph_is_read_once(sessions, face_file, monkeypatch):
    session = sessions.of("one")
    first = session.face(face_file)
    monkeypatch.setattr(type(session.circle), "faces", None)
    assert session.face(str(face_file)) is first


WORK = {
    "faces": lambda session, face: actions.faces(session, face),
    "walk": lambda session, face: actions.walk(session, face, 1, "smile", 1, 6),
    "vary": lambda session, face: actions.vary(session, face, 1, 0.4, 63, 0),
    "inside": lambda session, face: actions.inside(session, face, 1),
    "average": lambda session, face: actions.average(session, [str(face)] * 100),
}


@pytest.mark.parametrize("what", WORK)
def test_no_request_goes_on_when_its_time_is_over(sessions, face_file, what, monkeypatch):
    session = sessions.of("one")
    if what != "faces":
        session.face(face_file)  # what is long is what comes after
    monkeypatch.setattr(limits, "SECONDS", 0.02)
    begun = time.monotonic()
    with pytest.raises(InputError, match="stopped after 0.02 s"), limits.timed():
        WORK[what](session, face_file)
    stopped = time.monotonic() - begun
    begun = time.monotonic()
    WORK[what](session, face_file)  # and the session is as good as before
    assert stopped < (time.monotonic() - begun) / 2


def test_what_is_computed_for_a_visitor_who_has_left_is_stopped(sessions, face_file):
    session = sessions.of("one")
    face = session.face(face_file)
    sessions.end("one")
    with pytest.raises(InputError, match="this visit has ended"):
        face.edit(smile=1)
    assert sessions.circle.edit(face.x, {"smile": 1.0}).shape == face.x.shape  # the server's own


def test_what_one_learns_the_other_does_not_know(sessions):
    one, two = sessions.of("one"), sessions.of("two")
    one.circle.learned["mine"] = None
    assert "mine" not in two.circle.learned and "mine" not in sessions.circle.learned


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (None, "no photograph: upload one, take one, or choose a sample"),
        ("/nowhere/gone.jpg", "gone.jpg: is gone from the server; upload it again"),
    ],
)
def test_no_photograph(sessions, path, message):
    with pytest.raises(InputError) as error:
        sessions.of("one").face(path)
    assert str(error.value) == message

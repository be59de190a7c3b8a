"""The server: how it starts, what it refuses, what it leaves when it stops."""

import signal
import socket
import sys
import urllib.error
import urllib.request

import pytest

from istrc.errors import IstrcError
from istrc.serve import start as starting


def get(address):
    """Status, headers and body of a page of the server."""
    try:
        answer = urllib.request.urlopen(address)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, dict(answer.headers), answer.read()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("me", False)],
)
def test_which_hosts_are_this_machine_alone(host, loopback):
    assert starting.is_loopback(host) is loopback


def test_without_gradio(monkeypatch):
    monkeypatch.setattr(starting, "has", lambda package: False)
    with pytest.raises(IstrcError) as error:
        starting.need_gradio()
    assert str(error.value) == "the page needs gradio: pip install 'istrc[app]'"


def test_help_imports_no_gradio():
    import subprocess

    code = (
        "import sys; sys.argv = ['istrc', 'serve', '--help']\n"
        "from istrc.cli import main\n"
        "try: main()\n"
        "except SystemExit: sys.exit('gradio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_gradio_is_imported_without_parsing_its_own_source():
    import subprocess

    pytest.importorskip("gradio")
    code = (
        "import ast, inspect, istrc.serve.start\n"
        "found, parsed = ast.get_source_segment, []\n"
        "ast.get_source_segment = lambda *given: parsed.append(given) or found(*given)\n"
        "gr = istrc.serve.start._gradio()\n"
        "assert not parsed and inspect.getfile(gr.Image).endswith('image.py')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("pair", ["ann", "ann:", ":secret"])
def test_a_half_of_user_and_password(pair):
    from istrc.cli.serve import _pair

    with pytest.raises(IstrcError, match="write USER:PASSWORD"):
        _pair(pair)


def test_no_address_elsewhere_is_fetched(server):
    for path in ("file=http://example.com/a.png", "file=https%3A//example.com/", "proxy=http://a/"):
        status, _, body = get(f"{server.address}gradio_api/{path}")
        assert status == 403 and body == b"this server fetches nothing\n", path


def test_a_picture_at_an_address_is_refused(client):
    file = {"path": "http://example.com/a.png", "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(Exception, match="an address: this server fetches nothing"):
        client.predict(photo=file, face=1, api_name="/preview")


def test_files_of_the_machine_are_not_served(server):
    for path in ("/etc/passwd", str(server.home)):
        assert get(f"{server.address}gradio_api/file={path}")[0] == 403


def test_browsers_are_told_to_load_nothing_from_elsewhere(server):
    status, headers, body = get(server.address)
    assert status == 200 and b"gradio_config" in body
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy and "http" not in policy
    assert headers["referrer-policy"] == "no-referrer"


def test_an_upload_that_is_too_large(client, tmp_path):
    from gradio_client import handle_file

    path = tmp_path / "large.jpg"
    path.write_bytes(bytes(20_000_001))
    with pytest.raises(Exception, match="exceed|maximum allowed size"):
        client.predict(handle_file(str(path)), api_name="/faces")


def test_a_port_that_is_taken(start_server):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match=f"port {port} is in use; give another"):
            start_server("--port", port)


def test_a_port_that_another_takes_at_the_same_moment(monkeypatch, tmp_path):
    """Two pages that start at once: both saw the same one free."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with pytest.importorskip("gradio").Blocks() as page:
        pass
    launch, another = page.launch, socket.socket()
    with socket.socket() as one, socket.socket() as two:
        for free in (one, two):
            free.bind(("127.0.0.1", 0))
        ports = [free.getsockname()[1] for free in (one, two)]

    def late(**options):
        if options["server_port"] == ports[0]:
            another.bind(("127.0.0.1", ports[0]))
            another.listen()
        return launch(**options)

    monkeypatch.setattr(page, "launch", late)
    how = dict(quiet=True, prevent_thread_lock=True, _frontend=False)
    with another:
        address = starting._launch(page, ports=ports, server_name="127.0.0.1", **how)
        page.close(verbose=False)
    assert address == f"http://127.0.0.1:{ports[1]}/"


def test_a_folder_without_pictures(start_server, tmp_path):
    with pytest.raises(AssertionError, match="istrc serve: .*: .*pictures?"):
        start_server(tmp_path)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_and_leaves_nothing(start_server, face_file, by):
    """With a password, and for all who can reach it."""
    from gradio_client import Client, handle_file

    guarded = by == signal.SIGTERM
    more = ["--host", "0.0.0.0"]
    server = start_server(*more, *(["--auth", "ann:secret"] if guarded else []))
    address = server.address.replace("0.0.0.0", "127.0.0.1")
    if guarded:
        with pytest.raises(Exception, match="(?i)auth|credentials|login"):
            Client(address, verbose=False, httpx_kwargs={"timeout": 120}).predict(
                1, api_name="/sample"
            )
    client = Client(
        address,
        verbose=False,
        httpx_kwargs={"timeout": 120},
        auth=("ann", "secret") if guarded else None,
    )
    client.predict(photo=handle_file(str(face_file)), face=1, smile=1, api_name="/preview")
    assert [path.name.startswith("istrc-serve-") for path in server.temporary.iterdir()] == [True]
    assert server.stop(by) == 0
    assert not list(server.temporary.iterdir()) and not list(server.home.iterdir())
    warned = any("everybody who reaches this machine" in line for line in server.said)
    assert warned is not guarded
    assert server.said[-1] == "stopped\n" and not any("Traceback" in one for one in server.said)


def test_what_a_killed_server_kept_goes_when_the_next_one_starts(start_server, face_file):
    from gradio_client import Client, handle_file

    killed = start_server()
    client = Client(killed.address, verbose=False, httpx_kwargs={"timeout": 120})
    client.predict(photo=handle_file(str(face_file)), face=1, smile=1, api_name="/preview")
    killed.stop(signal.SIGKILL)
    [left] = killed.temporary.iterdir()
    assert [*left.rglob(face_file.name)]
    following = start_server(temporary=killed.temporary)
    [its] = following.temporary.iterdir()
    assert its.name != left.name
    assert following.stop() == 0 and not [*following.temporary.iterdir()]


def test_what_a_visitor_had_is_gone_when_they_leave(server, face_file, pictures):
    import time

    from gradio_client import Client, handle_file

    [folder] = server.temporary.iterdir()

    def kept():
        return {path for path in folder.rglob("*") if path.is_file() and "shared" not in path.parts}

    before = kept()
    client = Client(server.address, verbose=False, httpx_kwargs={"timeout": 120})
    client.predict(photo=handle_file(str(pictures / "two.jpg")), face=1, api_name="/preview")
    mine = kept() - before
    assert any(path.name == "two.jpg" for path in mine)
    client.close()
    until = time.monotonic() + 60
    while mine & kept() and time.monotonic() < until:
        time.sleep(0.5)
    assert not mine & kept()


def test_the_snippet_of_the_page_s_documentation(face_file, tmp_path):
    pytest.importorskip("gradio_client")
    import os
    import re
    import shutil
    import subprocess
    from pathlib import Path

    page = Path(__file__).resolve().parents[2] / "docs" / "command-line.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S)
    [code] = [block for block in blocks if "gradio_client" in block]
    shutil.copy(face_file, tmp_path / "me.jpg")
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr

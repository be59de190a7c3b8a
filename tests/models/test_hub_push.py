"""A circle sent to the hub and read back, by the hub's own library and a server on this machine."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from istrc.circle import Circle
from istrc.errors import InputError
from istrc.models import hub

pytest.importorskip("huggingface_hub")
TOKEN = "hf_of_nobody"


class Hub(BaseHTTPRequestHandler):
    """The endpoints of the hub that a push and a download need; one repository, no history."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._answer({"error": "Invalid username or password."}, 401)
        files = self.server.files
        if self.path.endswith("/repos/create"):
            self.server.made.append(json.loads(asked))
            return self._answer({"url": f"{self.server.url}/someone/faces"})
        if "/preupload/" in self.path:
            named = [one["path"] for one in json.loads(asked)["files"]]
            told = [dict(path=path, uploadMode="regular", shouldIgnore=False) for path in named]
            return self._answer({"files": told})
        if "/commit/" in self.path:
            for line in map(json.loads, asked.splitlines()):
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "deletedFile":
                    del files[value["path"]]
            told = dict(commitUrl=f"{self.server.url}/someone/faces/commit/{self.sha}")
            return self._answer({**told, "commitOid": self.sha, "success": True})
        return self._answer({"errors": [], "warnings": []})  # of the card's head

    def do_GET(self):
        if "/resolve/" in self.path:
            name = self.path.partition("/resolve/")[2].partition("/")[2]
            return self._answer(self.server.files.get(name), name=name)
        sizes = {name: len(data) for name, data in self.server.files.items()}
        if "/tree/" in self.path:
            return self._answer(
                [dict(type="file", path=n, size=s, oid=self._tag(n)) for n, s in sizes.items()]
            )
        siblings = [{"rfilename": name} for name in sizes]
        return self._answer({"id": "someone/faces", "sha": self.sha, "siblings": siblings})

    do_HEAD = do_GET

    @property
    def sha(self):
        return hashlib.sha1("".join(sorted(map(self._tag, self.server.files))).encode()).hexdigest()

    def _tag(self, name):
        return hashlib.sha1(self.server.files[name]).hexdigest()

    def _answer(self, told, status=200, name=None):
        if told is None:
            told, status = {"error": "Entry not found"}, 404
        data = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Repo-Commit", self.sha)
        if name in self.server.files:
            self.send_header("ETag", f'"{self._tag(name)}"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    served = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    served.files, served.made = {}, []
    served.url = f"http://127.0.0.1:{served.server_port}"
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


@pytest.fixture
def python(server, tmp_path):
    """Runs Python for which the hub is that server: the library reads its address at the start."""

    def run(code, *given, **changed):
        told = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "home"), "HF_TOKEN": TOKEN}
        told |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", **changed}
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, given)],
            env={**kept, **told, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


PUSH = """
import sys
from istrc import Circle
circle = Circle.from_pretrained(sys.argv[1])
print(circle.push_to_hub("someone/faces", license="apache-2.0", private=True))
"""
PULL = """
import sys
from istrc import Circle
Circle.from_pretrained("someone/faces").save_pretrained(sys.argv[1])
"""


def test_a_circle_that_was_sent_is_read_back_the_same(server, python, constant_model, tmp_path):
    server.files |= {"landmarks/config.json": b"{}", "sample.png": b"of its owner"}
    pushed = python(PUSH, constant_model)
    assert pushed.returncode == 0, pushed.stderr
    assert pushed.stdout.startswith(f"{server.url}/someone/faces/commit/")
    assert server.made[0]["name"] == "faces" and server.made[0]["organization"] == "someone"
    # Of what was there the circle's files alone are replaced
    assert "landmarks/config.json" not in server.files and "sample.png" in server.files
    for path in (one for one in constant_model.rglob("*") if one.is_file()):
        sent = server.files[path.relative_to(constant_model).as_posix()]
        assert sent == path.read_bytes(), path
    card = server.files["README.md"].decode()
    assert card.startswith("---\nlibrary_name: istrc\n") and "license: apache-2.0" in card
    assert 'Circle.from_pretrained("someone/faces")' in card and "| facenet |" in card
    assert "32 px, a sphere of 8 dimensions" in card and "| landmarks |" not in card

    pulled = python(PULL, tmp_path / "again")
    assert pulled.returncode == 0, pulled.stderr
    for part in ("facenet", "autoencoder", "mapping", "attributes"):
        weights = [one / part / "model.safetensors" for one in (constant_model, tmp_path / "again")]
        assert weights[0].read_bytes() == weights[1].read_bytes()
    # What was fetched once is read without the hub
    server.files.clear()
    offline = python(PULL, tmp_path / "offline", HF_HUB_OFFLINE="1")
    assert offline.returncode == 0, offline.stderr


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"HF_TOKEN": ""}, "someone/faces: the hub wants a token; set HF_TOKEN"),
        ({"HF_TOKEN": "hf_of_another"}, "someone/faces: not sent to the hub (.*401"),
        ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "someone/faces: not sent to the hub (.*onne"),
    ],
)
def test_what_the_hub_refuses_is_one_line(server, python, constant_model, changed, said):
    failed = python(PUSH, constant_model, **changed)
    last = failed.stderr.strip().splitlines()[-1]
    assert failed.returncode and "InputError" in last
    head, _, reason = said.partition("(.*")
    assert head in last and reason in last
    assert not server.files


@pytest.mark.parametrize("name", ["faces", "a/b/c", "someone/faces@main"])
def test_what_is_no_hub_id_is_not_sent(name):
    with pytest.raises(InputError, match="no hub id; give owner/name"):
        hub.upload(Path("."), name)


def test_the_card_of_a_circle_of_anything_says_so(constant_model):
    from istrc.hub_card import card

    circle = Circle.from_pretrained(constant_model)
    circle.notes = {"facenet": {"training": [{"data": {"name": "products"}, "steps": 400}]}}
    assert "of istrc for faces" in card(circle, "a/b")
    circle.whole = True
    told = card(circle, "a/b")
    assert "of istrc for pictures of anything" in told and "license:" not in told
    assert "| products | 400 |" in told

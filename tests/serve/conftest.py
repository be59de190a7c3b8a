"""A page that really runs, in a process of its own, and pictures of faces that nobody owns."""

import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@dataclass
class Server:
    """A running `istrc serve`.

    Attributes:
        address: of its page.
        temporary: the folder in which it makes its temporary one; nothing else is there.
        home: its working folder.
        said: the lines of its standard error, growing.
    """

    process: subprocess.Popen
    address: str
    temporary: Path
    home: Path
    said: list[str]

    def stop(self, by=signal.SIGINT):
        self.process.send_signal(by)
        return self.process.wait(60)


@pytest.fixture(scope="session")
def start_server(tmp_path_factory):
    """Starts servers with the given arguments, and stops them in the end."""
    pytest.importorskip("gradio")
    started = []

    def start(*arguments, temporary=None):
        place = tmp_path_factory.mktemp("server")
        home, temporary = place / "home", temporary or place / "tmp"
        home.mkdir()
        temporary.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "TMPDIR": str(temporary),
            "ISTRC_LEARNED": str(place / "learned"),
            "OMP_NUM_THREADS": "1",
            "HTTP_PROXY": "http://127.0.0.1:9",  # where nothing is: the page asks none but itself
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "istrc", "serve", "--no-browser", *map(str, arguments)],
            cwd=home,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C of who runs the tests is not the server's
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        said, address = [], None
        for line in process.stderr:
            said.append(line)
            if found := re.match(r"http\S+", line):
                address = found[0]
                break
        assert address, "".join(said)
        # Read on, or its pipe fills
        threading.Thread(target=lambda: said.extend(process.stderr), daemon=True).start()
        started.append(process)
        return Server(process, address, temporary, home, said)

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="session")
def server(start_server, pictures):
    """One server for all tests that do not stop it, with the folder of pictures to work through."""
    return start_server(pictures)


@pytest.fixture(scope="session")
def circle():
    """The shipped circle, without torch."""
    from istrc.circle import Circle

    return Circle.from_pretrained(runtime="onnx")


@pytest.fixture(scope="session")
def pictures(circle, tmp_path_factory):
    """A folder of twelve photographs of people who do not exist; the last one has two of them."""
    from istrc.serve.samples import draw_samples

    folder = tmp_path_factory.mktemp("pictures")
    drawn = draw_samples(circle, count=12, seed=3)
    for number, face in enumerate(drawn[:11]):
        framed = np.pad(face, ((60, 60), (90, 90), (0, 0)), mode="edge")
        Image.fromarray(framed).save(folder / f"face-{number:02d}.jpg", quality=95)
    smaller = Image.fromarray(drawn[6]).resize((300, 300))
    two = np.full((420, 800, 3), 128, np.uint8)
    two[18:402, 8:392] = drawn[0]
    two[60:360, 460:760] = np.asarray(smaller)
    Image.fromarray(two).save(folder / "two.jpg", quality=95)
    return folder


@pytest.fixture(scope="session")
def face_file(pictures):
    return pictures / "face-00.jpg"


@pytest.fixture
def client(server):
    """A client with a session of its own."""
    from gradio_client import Client

    one = Client(server.address, verbose=False, httpx_kwargs={"timeout": 120})
    yield one
    one.close()

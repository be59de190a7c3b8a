"""The documentation as a site: it builds, has every command, and asks nothing of other machines."""

import os
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytest.importorskip("material", reason="pip install 'istrc[docs]'")
pytest.importorskip("mkdocstrings", reason="pip install 'istrc[docs]'")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site; a link that leads nowhere fails the build."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_the_references_are_whole(site):
    import istrc
    from istrc.cli import COMMANDS

    commands = (site / "cli.html").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"<code>istrc {name}</code>" not in commands] == []
    python = (site / "python.html").read_text(encoding="utf-8")
    named = [f"{getattr(istrc, name).__module__}.{name}" for name in istrc.__all__]
    named += [f"istrc.circle.Circle.{name}" for name in ("read", "decode", "from_pretrained")]
    assert [name for name in named if f'id="{name}"' not in python] == []


def test_a_browser_asks_this_server_alone(site):
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    if (chromium := shutil.which("chromium")) is None:
        pytest.skip("no Chromium: apt-get install chromium")
    handler = partial(SimpleHTTPRequestHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            page = browser.new_page()
            asked = []
            page.on("request", lambda request: asked.append(request.url))
            for name in ("index", "guide", "cli", "python", "results/editing"):
                page.goto(f"{address}{name}.html")
            browser.close()
        server.shutdown()
    assert asked and [url for url in asked if not re.match(rf"{address}|data:|blob:", url)] == []

"""What the site has beside the files of docs/: pages made when it is built (mkdocs.yml)."""

import os
import re
import subprocess
import sys
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
COPIED = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
    "model-card.md": "src/istrc/weights/celeba128/README.md",
}
# The reference of Python: mkdocstrings puts the docstring of what follows `:::` in its place
PYTHON = """\
# Python

What the [guide](guide.md) does by commands, from Python. Arrays are torch tensors, or NumPy's where
a circle runs on ONNX Runtime; images are `(B, 3, S, S)` in [-1, 1], embeddings `(B, D)` of unit norm, angles
radians.

## The circle and its faces

::: istrc.circle.Circle
    options:
      inherited_members: true

::: istrc.hub_card.push

::: istrc.face.Face

::: istrc.face.Edited

::: istrc.errors

## Between faces

::: istrc.verbs.blend.blend

::: istrc.verbs.average.average

::: istrc.verbs.arithmetic.arithmetic

::: istrc.verbs.vary.vary

::: istrc.verbs.compare

## The sphere

::: istrc.sphere

## Films and the page

::: istrc.film.edit.edit_film

::: istrc.serve.start.start
"""


def on_files(files, config):
    """Both references, commands by Typer's own writer, and the pages outside docs/."""
    words = ["--app", "app", "istrc.cli", "utils", "docs", "--name", "istrc"]
    written = subprocess.run(
        [sys.executable, "-m", "typer", *words], check=True, capture_output=True, text=True
    ).stdout
    made = {"python.md": PYTHON, "cli.md": written.replace("# `istrc`", "# Every command", 1)}
    made |= {page: (ROOT / name).read_text(encoding="utf-8") for page, name in COPIED.items()}
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown, page, **_):
    """Links as they lead in the repository lead in the site; those to code become words."""
    here = page.file.src_uri
    origin = (ROOT / COPIED.get(here, f"docs/{here}")).parent
    pages = {ROOT / name: page for page, name in COPIED.items()}

    def led(match):
        target = (origin / match["target"]).resolve()
        if target in pages:
            to = pages[target]
        elif target.is_relative_to(ROOT / "docs"):
            to = target.relative_to(ROOT / "docs").as_posix()
        else:
            return match["words"]
        to = os.path.relpath(to, os.path.dirname(here) or ".")
        return f"{match['image']}[{match['words']}]({to}{match['anchor'] or ''})"

    link = r"(?P<image>!?)\[(?P<words>[^\]]*)\]\((?P<target>[^)#:\s]+)(?P<anchor>#[^)]*)?\)"
    return re.sub(link, led, markdown)

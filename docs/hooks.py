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


def on_files(files, config):
    """The reference of the command line by Typer's own writer, and the pages outside docs/."""
    words = ["--app", "app", "istrc.cli", "utils", "docs", "--name", "istrc"]
    written = subprocess.run(
        [sys.executable, "-m", "typer", *words], check=True, capture_output=True, text=True
    ).stdout
    made = {"cli.md": written.replace("# `istrc`", "# Every command", 1)}
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

"""The small files that say what a run is and has done."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

STAGES = ("", "rough", "fine")  # of a part that is trained in more than one, its own run first


def recorded_runs(run: Path) -> list[dict]:
    """The configurations of the runs that made a part, of all its stages."""
    records = [run / stage / "run.json" for stage in STAGES]
    return [json.loads(path.read_text()) for path in records if path.exists()]


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(value, indent=2) + "\n")
    os.replace(temporary, path)

"""The small files that say what a run is and has done."""

from __future__ import annotations

import json
from pathlib import Path

STAGES = ("", "rough", "fine")  # of a part that is trained in more than one, its own run first


def recorded_runs(run: Path) -> list[dict]:
    """The configurations of the runs that made a part, of all its stages."""
    records = [run / stage / "run.json" for stage in STAGES]
    return [json.loads(path.read_text()) for path in records if path.exists()]

"""The small files that say what a run is and has done."""

from __future__ import annotations

from pathlib import Path

from istrc.whole import read_json

STAGES = ("", "rough", "fine")  # of a part that is trained in more than one, its own run first


def recorded_runs(run: Path) -> list[dict]:
    """The configurations of the runs that made a part, of all its stages."""
    records = [run / stage / "run.json" for stage in STAGES]
    return [read_json(path) for path in records if path.exists()]

"""From labelled faces to a circle: its parts in order, one command, resumable throughout."""

from __future__ import annotations

import json
from pathlib import Path

from istrc.circle import Circle
from istrc.models.guide import TEAMS
from istrc.pretrained import FURTHER, PARTS
from istrc.training.attributes import train_attributes
from istrc.training.began import train_began
from istrc.training.closing import train_closing
from istrc.training.facenet import train_facenet
from istrc.training.guides import train_guides
from istrc.training.mapping import train_mapping


def train_all(
    data: str | Path,  # a prepared folder
    out: str | Path,  # the circle's folder; the runs are kept in OUT/runs
    *,
    facenet_steps: int = 4000,
    began_steps: int = 3600,
    mapping_steps: int = 8000,
    attributes_steps: int = 1200,
    guides_steps: int = 2000,
    closing_steps: int = 8000,  # batches of closing; 0 leaves the circle as the paper has it
    seed: int = 0,
    device: str = "cpu",
) -> Circle:
    """Train FaceNet, BEGAN, the mapping and the classifiers, close the circle, and write it.

    A part that is finished is not trained again; one that was interrupted goes on.
    """
    out = Path(out)
    runs = out / "runs"
    common = dict(seed=seed, device=device)
    facenet = train_facenet(data, runs / "facenet", steps=facenet_steps, **common)
    autoencoder, _ = train_began(data, runs / "began", steps=began_steps, facenet=facenet, **common)
    mapping = train_mapping(
        data,
        runs / "mapping",
        facenet=facenet,
        autoencoder=autoencoder,
        steps=mapping_steps,
        **common,
    )
    attributes = train_attributes(
        data, runs / "attributes", facenet=facenet, steps=attributes_steps, **common
    )
    circle = Circle(facenet, autoencoder, mapping, attributes)
    if closing_steps:
        # Two teams: those that closing follows learn to be fooled, the others look (istrc.sight)
        teams = {
            team: train_guides(
                data, runs / f"guides-{team}", team=team, steps=guides_steps, **common
            )
            for team in TEAMS
        }
        circle = train_closing(
            data,
            runs / "closing",
            circle=circle,
            guides=teams["close"],
            look=teams["look"],
            steps=closing_steps,
            **common,
        )
    circle.save_pretrained(out, **{part: _provenance(runs, part) for part in (*PARTS, *FURTHER)})
    return circle


def _provenance(runs: Path, part: str) -> dict:
    """The configurations of the runs that made a part, for its config.json."""
    made_by = {
        "facenet": ["facenet"],
        "autoencoder": ["began"],
        "mapping": ["mapping"],
        "changes": ["guides-close", "closing"],
        "guides": ["guides-look"],
        "attributes": ["attributes"],
    }[part]
    recorded = [runs / name / "run.json" for name in made_by]
    return {"training": [json.loads(path.read_text()) for path in recorded if path.exists()]}

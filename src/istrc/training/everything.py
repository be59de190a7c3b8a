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
from istrc.training.decoder import train_decoder, train_finer
from istrc.training.facenet import train_facenet
from istrc.training.guides import train_guides
from istrc.training.likeness import train_likeness
from istrc.training.mapping import train_mapping


def train_all(
    data: str | Path,  # a prepared folder
    out: str | Path,  # the circle's folder; the runs are kept in OUT/runs
    *,
    twice: str | Path | None = None,  # the same at twice the size: adds a level that draws it
    facenet_steps: int = 4000,
    began_steps: int = 3600,
    guides_steps: int = 2000,
    decoder_steps: int = 3500,  # batches of decoder; 0 leaves it as BEGAN has it
    mapping_steps: int = 6000,
    attributes_steps: int = 1200,
    closing_steps: int = 8000,  # batches of closing; 0 leaves the circle as the paper has it
    likeness_steps: int = 6000,  # batches of likeness; 0 leaves the mapping as the paper has it
    finer_steps: int = 4000,
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
    # Two teams: those that training follows learn to be fooled, the others look (istrc.sight)
    teams = {}
    if decoder_steps or closing_steps or likeness_steps:
        for team in TEAMS:
            run = runs / f"guides-{team}"
            teams[team] = train_guides(data, run, team=team, steps=guides_steps, **common)
    if decoder_steps:
        autoencoder = train_decoder(
            data,
            runs / "decoder",
            autoencoder=autoencoder,
            facenet=facenet,
            guides=teams["close"],
            steps=decoder_steps,
            **common,
        )
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
        circle = train_closing(
            data,
            runs / "closing",
            circle=circle,
            guides=teams["close"],
            look=teams["look"],
            steps=closing_steps,
            **common,
        )
    if likeness_steps:  # after closing, which starts from the mapping of least error
        circle = circle.with_mapping(
            train_likeness(
                data,
                runs / "likeness",
                mapping=mapping,
                autoencoder=autoencoder,
                facenet=facenet,
                guides=teams["close"],
                steps=likeness_steps,
                **common,
            )
        )
    if twice is not None:
        finer = train_finer(
            twice,
            runs / "finer",
            autoencoder=autoencoder,
            facenet=facenet,
            steps=finer_steps,
            **common,
        )
        circle = circle.with_finer(finer)
    circle.save_pretrained(out, **{part: _provenance(runs, part) for part in (*PARTS, *FURTHER)})
    return circle


def _provenance(runs: Path, part: str) -> dict:
    """The configurations of the runs that made a part, for its config.json."""
    made_by = {
        "facenet": ["facenet"],
        "autoencoder": ["began", "guides-close", "decoder"],
        "mapping": ["mapping", "likeness"],
        "changes": ["guides-close", "closing"],
        "guides": ["guides-look"],
        "attributes": ["attributes"],
        "finer": ["finer"],
    }[part]
    recorded = [runs / name / "run.json" for name in made_by]
    return {"training": [json.loads(path.read_text()) for path in recorded if path.exists()]}

"""From labelled faces to a circle: its parts in order, one command, resumable throughout."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from istrc.circle import Circle
from istrc.data.prepared import Prepared
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
from istrc.training.spaces import Spaces
from istrc.training.spent import whole


def train_all(
    data: str | Path,  # a prepared folder
    out: str | Path,  # the circle's folder; the runs are kept in OUT/runs
    *,
    twice: str | Path | None = None,  # the same at twice the size: adds a level that draws it
    facenet_steps: int = 3000,
    began_steps: int = 2400,
    guides_steps: int = 1500,
    decoder_steps: int = 1700,  # batches of decoder; 0 leaves it as BEGAN has it
    mapping_steps: int = 6000,
    attributes_steps: int = 1200,
    closing_steps: int = 4200,  # batches of closing; 0 leaves the circle as the paper has it
    likeness_steps: int = 1900,  # batches of likeness; 0 leaves the mapping as the paper has it
    finer_steps: int = 4000,
    seed: int = 0,
    device: str = "cpu",
) -> Circle:
    """Train FaceNet, BEGAN, the mapping and the classifiers, close the circle, and write it.

    A part that is finished is not trained again; one that was interrupted goes on. What each has
    taken is kept in OUT/runs/PART/spent.json (`istrc evaluate training`).
    """
    out = Path(out)
    runs = out / "runs"

    def trained(run: str, train: Callable[..., Any], steps: int, **given: Any) -> Any:
        folder = given.pop("folder", data)
        with whole(runs / run):
            return train(folder, runs / run, steps=steps, seed=seed, device=device, **given)

    facenet = trained("facenet", train_facenet, facenet_steps)
    autoencoder, _ = trained("began", train_began, began_steps, facenet=facenet)
    nets = dict(facenet=facenet, autoencoder=autoencoder)
    # What follows leaves FaceNet and the encoder as they are, and so all of it learns from these
    made = Spaces(**nets, prepared=Prepared(data), device=device, folder=runs / "spaces")
    with whole(runs / "spaces"):
        made.of("fit"), made.of("tune")
    # Two teams: those that training follows learn to be fooled, the others look (istrc.sight)
    teams = {}
    if decoder_steps or closing_steps or likeness_steps:
        for team in TEAMS:
            teams[team] = trained(f"guides-{team}", train_guides, guides_steps, team=team)
    if decoder_steps:
        codes = made.codes("fit"), made.codes("tune")
        given = dict(guides=teams["close"], made=codes, **nets)
        nets["autoencoder"] = trained("decoder", train_decoder, decoder_steps, **given)
    mapping = trained("mapping", train_mapping, mapping_steps, made=made, **nets)
    attributes = trained(
        "attributes", train_attributes, attributes_steps, facenet=facenet, made=made
    )
    circle = Circle(facenet, nets["autoencoder"], mapping, attributes)
    if closing_steps:
        given = dict(circle=circle, guides=teams["close"], look=teams["look"], made=made)
        circle = trained("closing", train_closing, closing_steps, **given)
    if likeness_steps:  # after closing, which starts from the mapping of least error
        given = dict(mapping=mapping, guides=teams["close"], made=made, **nets)
        circle = circle.with_mapping(trained("likeness", train_likeness, likeness_steps, **given))
    if twice is not None:
        finer = trained("finer", train_finer, finer_steps, folder=twice, **nets)
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

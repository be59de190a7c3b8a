"""From labelled faces to a circle: the four parts in order, one command, resumable throughout."""

from __future__ import annotations

from pathlib import Path

from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.training.attributes import train_attributes
from istrc.training.began import train_began
from istrc.training.facenet import train_facenet
from istrc.training.mapping import train_mapping


def train_all(
    data: str | Path,  # a prepared folder
    out: str | Path,  # the circle's folder; the four runs are kept in OUT/runs
    *,
    facenet_steps: int = 4000,
    began_steps: int = 6000,
    mapping_steps: int = 8000,
    attributes_steps: int = 3000,
    seed: int = 0,
    device: str = "cpu",
) -> Circle:
    """Train FaceNet, BEGAN, the mapping and the classifiers; write a circle to `out`.

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
    circle.save_pretrained(out, **{"facenet": {"trained_on": Prepared(data).info.get("source")}})
    return circle

"""From labelled faces to a circle: its parts in order, one command, resumable throughout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.models.store import load_part
from istrc.pretrained import FURTHER, PARTS
from istrc.training.attributes import train_attributes
from istrc.training.began import train_began
from istrc.training.changes import train_changes
from istrc.training.facenet import train_facenet
from istrc.training.landmarks import train_landmarks
from istrc.training.mapping import train_mapping
from istrc.training.probes import train_probes
from istrc.training.reach import nearest, train_reach
from istrc.training.records import recorded_runs
from istrc.training.search import train_search
from istrc.training.shape_free import make_shape_free
from istrc.training.spaces import Spaces
from istrc.training.spent import whole


def train_all(
    data: str | Path,  # a prepared folder
    out: str | Path,  # the circle's folder; the runs are kept in OUT/runs
    *,
    facenet: str | Path | None = None,  # the folder of a trained one; trained anew if none
    landmarks_steps: int = 2800,  # 0 takes all shapes as the same, as the paper does
    landmarks_fine_steps: int = 1800,
    facenet_steps: int = 3000,
    began_steps: int = 1200,
    mapping_steps: int = 6000,
    mapping_fine_steps: int = 4000,
    attributes_steps: int = 1200,
    changes_steps: int = 4000,
    probes_steps: int = 1500,
    seed: int = 0,
    device: str = "cpu",
) -> Circle:
    """Train landmarks, FaceNet, BEGAN, the mapping, the classifiers, what edits change and the
    probes, and write the circle.

    A part that is finished is not trained again; one that was interrupted goes on. What each has
    taken is kept in OUT/runs/PART/spent.json (`istrc evaluate training`).
    """
    out = Path(out)
    runs = out / "runs"

    def trained(run: str, train: Callable[..., Any], steps: int, **given: Any) -> Any:
        folder = given.pop("folder", data)
        with whole(runs / run):
            return train(folder, runs / run, steps=steps, seed=seed, device=device, **given)

    # Shape and texture apart
    landmarks = textures = None
    if landmarks_steps:
        landmarks = trained(
            "landmarks", train_landmarks, landmarks_steps, fine_steps=landmarks_fine_steps
        )
        textures = runs / "textures"
        with whole(textures):
            make_shape_free(data, textures, landmarks=landmarks)

    # The two spaces
    if facenet is None:
        recogniser = trained("facenet", train_facenet, facenet_steps)
    else:
        recogniser = load_part(facenet, device)
    autoencoder, _ = trained("began", train_began, began_steps, folder=textures or data)
    nets = dict(facenet=recogniser, autoencoder=autoencoder)
    # What follows leaves both as they are, and so all of it learns from these
    made = Spaces(
        **nets, prepared=Prepared(data), device=device, folder=runs / "spaces", textures=textures
    )
    with whole(runs / "spaces"):
        made.of("fit"), made.of("tune")
    nets["made"] = made
    search = None
    if landmarks is not None:
        with whole(runs / "search"):
            search = train_search(
                data, runs / "search", landmarks=landmarks, autoencoder=autoencoder, seed=seed,
                device=device,
            )  # fmt: skip
    mapping = trained(
        "mapping", train_mapping, mapping_steps, fine_steps=mapping_fine_steps, **nets
    )
    attributes = trained(
        "attributes", train_attributes, attributes_steps, facenet=recogniser, made=made
    )
    changes = trained("changes", train_changes, changes_steps, **nets)
    probes = trained("probes", train_probes, probes_steps, **nets)
    circle = Circle(
        recogniser,
        autoencoder,
        mapping,
        attributes,
        landmarks=landmarks,
        search=search,
        changes=changes,
        probes=probes,
    )
    circle.same_person = nearest(circle, Prepared(data), seed)
    with whole(runs / "reach"):
        train_reach(data, runs / "reach", circle=circle, seed=seed, device=device)
    circle.save_pretrained(out, **{part: _provenance(runs, part) for part in (*PARTS, *FURTHER)})
    return circle


def _provenance(runs: Path, part: str) -> dict:
    """The configurations of the runs that made a part, for its config.json."""
    made = recorded_runs(runs / {"autoencoder": "began"}.get(part, part))
    if part == "probes":
        made = recorded_runs(runs / "reach") + made
    return {"training": made} if made else {}

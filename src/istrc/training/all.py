"""From labelled faces to a circle: its parts in order, one command, resumable throughout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.models.serialization import load_part
from istrc.pretrained import FURTHER, PARTS
from istrc.shape.measures import COUNT, of_a_face
from istrc.training.attributes import known_labels, train_attributes
from istrc.training.began import train_began
from istrc.training.changes import train_changes
from istrc.training.cost import timed
from istrc.training.facenet import train_facenet
from istrc.training.landmarks import train_landmarks
from istrc.training.loop import recorded_runs
from istrc.training.mapping import train_mapping
from istrc.training.presets import PRESETS
from istrc.training.probes import train_probes
from istrc.training.search import train_search
from istrc.training.settings import OLD_PARTS, AllSettings
from istrc.training.shape_free import make_shape_free
from istrc.training.spaces import Spaces
from istrc.training.stopping import same_person_angle, train_stopping


def train_all(data: str | Path, out: str | Path, **given: Any) -> Circle:
    """Train landmarks, FaceNet, BEGAN, the mapping, the classifiers, what edits change and the
    probes, and write the circle.

    A preset (`istrc.training.presets.PRESETS`) says of pictures of what, and how much of each.
    A part that is finished is not trained again; one that was interrupted goes on. What each has
    taken is kept in OUT/runs/PART/cost.json (studies/training.py reads them).
    """
    s = AllSettings(**given)
    preset = PRESETS[s.preset]
    prepared = Prepared(data)
    if preset.size:
        prepared.of_size(preset.size)
    known_labels(prepared, prepared.rows("fit"))  # what cannot be trained on is said before hours
    out = Path(out)
    runs = out / "runs"
    common = dict(seed=s.seed, device=s.device)
    for old, part in OLD_PARTS.items():
        if (runs / old).exists() and not (runs / part).exists():
            (runs / old).rename(runs / part)

    def trained(run: str, train: Callable[..., Any], folder: Any = data, **settings: Any) -> Any:
        own = preset.parts.get(run, {})
        with timed(runs / run):
            return train(folder, runs / run, **own, **s.steps_of(run), **settings, **common)

    # Shape and texture apart
    landmarks = textures = None
    if s.landmarks_steps and not (prepared.marked or preset.whole):
        raise InputError(
            f"{data}: no landmarks, which faces need; prepare it again with --measured, or train "
            "pictures of anything else with --preset image64"
        )
    if s.landmarks_steps and prepared.marked:
        points = prepared.landmarks
        if not (preset.whole or of_a_face(points)):
            raise InputError(
                f"{data}: {points.shape[1]} landmarks, and a face has iBUG's {COUNT}; take all "
                "shapes as the same with --landmarks-steps 0, or --preset image64 if these are of "
                "anything else"
            )
        landmarks = trained("landmarks", train_landmarks)
        textures = runs / "textures"
        with timed(textures):
            make_shape_free(data, textures, landmarks=landmarks)

    # The two spaces
    if s.facenet is None:
        recogniser = trained("facenet", train_facenet)
    else:
        recogniser = load_part(s.facenet, s.device)
    autoencoder, _ = trained("began", train_began, textures or data)
    nets = dict(facenet=recogniser, autoencoder=autoencoder)
    # What follows leaves both as they are, and so all of it learns from these
    spaces = Spaces(
        **nets, prepared=prepared, device=s.device, folder=runs / "spaces", textures=textures
    )
    with timed(runs / "spaces"):
        spaces.of("fit"), spaces.of("tune")
    search = None
    if landmarks is not None:
        search = trained("search", train_search, landmarks=landmarks, autoencoder=autoencoder)
    nets["spaces"] = spaces
    mapping = trained("mapping", train_mapping, **nets)
    attributes = trained("attributes", train_attributes, facenet=recogniser, spaces=spaces)
    changes = trained("changes", train_changes, **nets)
    probes = trained("probes", train_probes, **nets)
    further = dict(landmarks=landmarks, search=search, changes=changes, probes=probes)
    circle = Circle(recogniser, autoencoder, mapping, attributes, **further, whole=preset.whole)
    if not preset.whole:  # a class is wide: pictures of two may be nearer than two pictures of one
        circle.same_person = same_person_angle(circle, prepared, s.seed)
    trained("stopping", train_stopping, circle=circle)
    notes: dict[str, Any] = {}  # the runs that made each part, for its config.json
    for part in (*PARTS, *FURTHER):
        made_by = recorded_runs(runs / {"autoencoder": "began"}.get(part, part))
        if part == "probes":
            made_by = recorded_runs(runs / "stopping") + made_by
        notes[part] = {"training": made_by} if made_by else {}
    circle.save_pretrained(out, **notes)
    return circle

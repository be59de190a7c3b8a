"""From a recogniser of one's own to a circle: what depends on it is trained, in minutes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.models.serialization import fingerprint
from istrc.recognisers.own import Own
from istrc.training.attributes import train_attributes
from istrc.training.changes import train_changes
from istrc.training.cost import timed
from istrc.training.embeddings import Embeddings
from istrc.training.loop import recorded_runs
from istrc.training.mapping import train_mapping
from istrc.training.settings import CircleSettings
from istrc.training.shape_free import make_shape_free
from istrc.training.spaces import Spaces
from istrc.training.stopping import same_person_angle


def train_circle(data: str | Path, out: str | Path, **given: Any) -> Circle:
    """Train the mapping, the classifiers and the changes for any recogniser, and write the circle.

    The embeddings are made first, once; what is finished is not done again. What each run took is
    in its cost.json (istrc.training.cost), that of the embedding apart.
    """
    s = CircleSettings(**given)
    device, recogniser = s.device, s.recogniser
    from_ = s.from_ or Circle.from_pretrained(device=device)
    out = Path(out)
    runs = out / "runs"
    prepared = Prepared(data)
    if prepared.size != from_.size:
        raise InputError(
            f"{data}: faces of {prepared.size} px, and the auto-encoder makes {from_.size} px; "
            f"prepare with --size {from_.size}"
        )
    common = dict(recogniser=recogniser, embeddings=runs / "embeddings", seed=s.seed, device=device)
    textures = None
    if from_.landmarks is not None:
        textures = runs / "textures"
        make_shape_free(data, textures, landmarks=from_.landmarks)

    # Embeddings, which an outside recogniser takes its time for
    if isinstance(recogniser, Own):
        source: Any = recogniser.net
    else:
        source = Embeddings(recogniser, prepared, runs / "embeddings")
        with timed(source.folder):
            for part in ("fit", "tune"):
                source.of(prepared.rows(part)[: s.limit])

    # The parts that know z
    spaces = Spaces(
        source, from_.autoencoder, prepared, device, s.limit, runs / "spaces", textures=textures
    )

    def trained(run: str, train: Callable[..., Any], **settings: Any) -> Any:
        with timed(runs / run):
            given = {**s.steps_of(run), **settings, **common}
            return train(data, runs / run, spaces=spaces, **given)

    own = dict(autoencoder=from_.autoencoder)
    mapping = trained("mapping", train_mapping, **own)
    attributes = trained("attributes", train_attributes, limit=s.limit)
    changes = trained("changes", train_changes, **own)

    as_they_are = ("landmarks", "search", "probes", "aligner", "whole")
    further = {part: getattr(from_, part) for part in as_they_are}
    further |= dict(changes=changes, bound=s.bound)
    circle = Circle(recogniser, from_.autoencoder, mapping, attributes, **further)
    circle.same_person = same_person_angle(circle, prepared, s.seed)
    made = ("mapping", "attributes", "changes")
    notes: dict[str, Any] = {part: {"training": recorded_runs(runs / part)} for part in made}
    for part in ("autoencoder", "landmarks", "search", "probes"):
        if getattr(from_, part) is not None:
            notes[part] = {"taken_from": fingerprint(getattr(from_, part))}
    circle.save_pretrained(out, copy=s.copy, **notes)
    return circle

"""From a recogniser of one's own to a circle: the mapping and the classifiers, in minutes."""

from __future__ import annotations

import json
import time
from pathlib import Path

from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.models.store import fingerprint
from istrc.recognisers.own import Own
from istrc.recognisers.recogniser import Recogniser
from istrc.training.attributes import train_attributes
from istrc.training.embeddings import Embeddings
from istrc.training.mapping import train_mapping
from istrc.training.records import write_json


def train_circle(
    data: str | Path,  # a prepared folder
    out: str | Path,  # the circle's folder; the runs are kept in OUT/runs
    *,
    recogniser: Recogniser,
    from_: Circle | None = None,  # circle whose auto-encoder is taken; the shipped one if none
    mapping_steps: int = 8000,
    attributes_steps: int = 1200,
    limit: int | None = None,  # faces to train on, at most
    copy: bool = False,  # copy the recogniser's file into the circle's folder
    bound: float = 0.62,  # the farthest an edit walks, radians
    seed: int = 0,
    device: str = "cpu",
) -> Circle:
    """Train the mapping and the classifiers for any recogniser, and write the complete circle.

    The embeddings are made first, once; what is finished is not done again. Times are kept in
    OUT/runs/times.json, that of the embedding apart.
    """
    out = Path(out)
    runs = out / "runs"
    if from_ is None:
        from_ = Circle.from_pretrained(device=device)
    prepared = Prepared(data)
    if prepared.size != from_.size:
        raise InputError(
            f"{data}: faces of {prepared.size} px, and the auto-encoder makes {from_.size} px; "
            f"prepare with --size {from_.size}"
        )
    times = _Times(runs / "times.json")
    common = dict(
        recogniser=recogniser, embeddings=runs / "embeddings", limit=limit, seed=seed, device=device
    )

    # Embeddings, which an outside recogniser takes its time for
    if not isinstance(recogniser, Own):
        kept = Embeddings(recogniser, prepared, runs / "embeddings")
        for part in ("fit", "tune"):
            kept.of(prepared.rows(part)[:limit])
        times.add("embedding_seconds", kept.seconds)
        times.add("embeddings", kept.made)

    # The two parts
    started = time.monotonic()
    mapping = train_mapping(
        data, runs / "mapping", autoencoder=from_.autoencoder, steps=mapping_steps, **common
    )
    times.add("mapping_seconds", time.monotonic() - started)
    started = time.monotonic()
    attributes = train_attributes(data, runs / "attributes", steps=attributes_steps, **common)
    times.add("attributes_seconds", time.monotonic() - started)

    circle = Circle(
        recogniser, from_.autoencoder, mapping, attributes, aligner=from_.aligner, bound=bound
    )
    notes = {
        part: {"training": [json.loads((runs / part / "run.json").read_text())]}
        for part in ("mapping", "attributes")
    }
    notes["autoencoder"] = {"taken_from": fingerprint(from_.autoencoder)}
    circle.save_pretrained(out, copy=copy, **notes)
    return circle


class _Times:
    """Seconds and counts that add up over the starts of one job, in a file."""

    def __init__(self, path: Path):
        self.path = path
        self.values = json.loads(path.read_text()) if path.exists() else {}

    def add(self, name: str, value: float) -> None:
        self.values[name] = round(self.values.get(name, 0) + value, 1)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, self.values)

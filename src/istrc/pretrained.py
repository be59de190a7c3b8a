"""A circle on disk: a folder a part, and circle.json, which says what composes them."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from istrc.errors import InputError
from istrc.models.attributes import AttributeClassifiers
from istrc.models.began import AutoEncoder
from istrc.models.changes import Changes
from istrc.models.facenet import FaceNet
from istrc.models.finer import Finer
from istrc.models.guide import Guides
from istrc.models.hub import HUB_ID, download
from istrc.models.mapping import Mapping as CodeMapping
from istrc.models.store import fingerprint, load_part, read_config, read_notes, save_part
from istrc.recognisers.load import copy_file, from_record, located
from istrc.recognisers.own import Own
from istrc.recognisers.recogniser import Recogniser, checked
from istrc.shipped import WEIGHTS, holder, names

if TYPE_CHECKING:
    from istrc.circle import Circle

PARTS = {
    "facenet": FaceNet,
    "autoencoder": AutoEncoder,
    "mapping": CodeMapping,
    "attributes": AttributeClassifiers,
}
FURTHER = {"changes": Changes, "guides": Guides, "finer": Finer}  # parts that a circle may have


@dataclass(frozen=True)
class Found:
    """What a folder holds: what `Circle` takes, and what is told of each part's making."""

    parts: dict[str, Any]
    aligner: torch.nn.Module | None
    bound: float
    notes: dict[str, dict]


def read(name: str | Path, device: str, recogniser: str | Path | Recogniser | None = None) -> Found:
    """The parts of a shipped circle, of one in a folder, or of one of the hub.

    See `Circle.from_pretrained`. Raises InputError when one is missing or damaged, or belongs to
    another recogniser.
    """
    folder = Path(name)
    if not (folder / "circle.json").exists():
        if (WEIGHTS / folder).is_dir() and len(folder.parts) == 1:
            folder = WEIGHTS / folder
        elif not folder.exists() and HUB_ID.fullmatch(str(name)):
            folder = download(str(name))
        else:
            raise InputError(
                f"{name}: no circle here and none shipped of this name "
                f"(shipped: {', '.join(names()) or 'none'}); give a folder with a circle.json, "
                "or a hub id, owner/name"
            )
    try:
        settings = json.loads((folder / "circle.json").read_text())
        bound, record = float(settings["bound"]), settings.get("recogniser")
        own = record is None or checked(record)["kind"] == "own"
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder}/circle.json: cannot be read ({error}); install the package again"
        ) from None
    wanted = [part for part in PARTS if own or part != "facenet"]
    places = {part: holder(folder, part) / part for part in (*wanted, *FURTHER)}
    places = {part: at for part, at in places.items() if part in PARTS or at.is_dir()}
    parts = {part: load_part(at, device) for part, at in places.items()}
    for part, loaded in parts.items():
        kind = {**PARTS, **FURTHER}[part]
        if not isinstance(loaded, kind):
            found = type(loaded).__name__
            raise InputError(
                f"{places[part]}: holds a {found}, not a {kind.__name__}; "
                "install the package again or train this part"
            )
    if own:
        mine = Own(parts["facenet"], read_config(places["facenet"])["sha256"])
        record = record or mine.record
        recogniser = mine if recogniser is None else recogniser
    copies = [folder / "recogniser", folder]
    parts["facenet"] = from_record(record, folder, copies, recogniser, device=device)
    return Found(
        parts=parts,
        aligner=shipped_aligner(),
        bound=bound,
        notes={part: read_notes(at) for part, at in places.items()},
    )


def shipped_aligner() -> torch.nn.Module | None:
    """What aligns the faces that are found, for every circle; None where it is not installed."""
    folder = WEIGHTS / "aligner"
    return load_part(folder) if folder.is_dir() else None


def write(
    circle: Circle, folder: Path, copy: bool, base: str | None, notes: dict[str, dict]
) -> None:
    """Write the parts and what composes them; see `Circle.save_pretrained`."""
    for part in (*PARTS, *FURTHER):
        made = getattr(circle, part)
        if made is not None and not (base and _has(WEIGHTS / base / part, made)):
            told = {**circle.notes.get(part, {}), **notes.get(part, {})}
            save_part(made, folder / part, **told)
        else:  # of another circle that was here
            shutil.rmtree(folder / part, ignore_errors=True)
    settings = {"format": 1, "size": circle.size, "dim": circle.dim, "bound": circle.bound}
    if base:
        settings["base"] = base
    if circle.facenet is not None:
        own = folder / "facenet"
        sha256 = read_config(own if own.is_dir() else WEIGHTS / base / "facenet")["sha256"]
        settings["recogniser"] = {"kind": "own", "sha256": sha256}
    else:
        settings["recogniser"] = located(circle.recogniser)
        if copy:
            copy_file(circle.recogniser, folder / "recogniser")
    temporary = folder / "circle.json.tmp"
    temporary.write_text(json.dumps(settings, indent=2) + "\n")
    os.replace(temporary, folder / "circle.json")


def _has(folder: Path, part: torch.nn.Module) -> bool:
    """Whether a part of these weights is in the folder, as it would be stored there."""
    return folder.is_dir() and fingerprint(load_part(folder)) == fingerprint(part)

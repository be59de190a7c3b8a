"""A circle on disk: a folder a part, and circle.json, which says what composes them."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from istrc.errors import InputError
from istrc.models.hub import HUB_ID, download
from istrc.models.kinds import KINDS
from istrc.models.part_files import GRAPHS, read_config, read_notes
from istrc.recognisers.load import copy_file, from_record, located
from istrc.recognisers.recogniser import Recogniser, checked, difference, identifying
from istrc.shipped import DEFAULT, WEIGHTS, folder_of, holder, names
from istrc.whole import read_json, write_json

if TYPE_CHECKING:
    import torch

    from istrc.networks import Networks

# Part: its kind; those that a circle has, and those that it may have
PARTS = {one.part: kind for kind, one in KINDS.items() if one.part and not one.further}
FURTHER = {one.part: kind for kind, one in KINDS.items() if one.part and one.further}
# Of use with one recogniser alone; config.json says with which, but not of old parts
MADE_FOR = [one.part for one in KINDS.values() if one.part and one.made_for]
ANGLES = ("bound", "same_person")  # radians, of the recogniser's sphere: see Circle


def read(
    name: str | Path,
    device: str,
    recogniser: str | Path | Recogniser | None = None,
    runtime: str = "torch",
) -> tuple[dict[str, Any], dict[str, dict]]:
    """Of a shipped circle, of one in a folder, or of one of the hub: what `Circle` takes, by name,
    and what is told of each part's making.

    See `Circle.from_pretrained`. Raises InputError when one is missing or damaged, or belongs to
    another recogniser.
    """
    load_part, own_recogniser = _loaders(runtime)
    if runtime == "torch":
        from istrc.device import choose_device

        device = choose_device(device)
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
        settings = read_json(folder / "circle.json")
        settings = {"same_person": math.pi, **settings}  # which older circles do not bound
        angles = {name: _angle(name, settings[name]) for name in ANGLES}
        whole = settings.get("whole", False) is True
        record = settings.get("recogniser")
        own = record is None or checked(record)["kind"] == "own"
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(
            f"{folder}/circle.json: cannot be read ({error}); install the package again"
        ) from None
    places = places_of(folder)
    if not own:
        del places["facenet"]
    parts = {part: load_part(at, device) for part, at in places.items()}
    notes = {part: read_notes(at) for part, at in places.items()}
    aligner = parts.get("landmarks")
    if aligner is None and not whole:
        aligner = shipped_aligner(runtime)
    for part in parts:
        kind, found = {**PARTS, **FURTHER}[part], read_config(places[part])["kind"]
        if found != kind:
            raise InputError(
                f"{places[part]}: holds a {found}, not a {kind}; "
                "install the package again or train this part"
            )
    if own:
        mine = own_recogniser(parts["facenet"], read_config(places["facenet"])["sha256"])
        record = record or mine.record
        recogniser = mine if recogniser is None else recogniser
    assert record is not None  # where it is not our own
    for part in (part for part in MADE_FOR if part in parts):
        _check_made_for(places[part], notes[part].get("recogniser"), record)
    copies = [folder / "recogniser", folder]
    parts["facenet"] = from_record(record, folder, copies, recogniser, device=device)
    return {**parts, **angles, "aligner": aligner, "whole": whole}, notes


def _angle(name: str, value: Any) -> float:
    if not 0 < float(value) <= math.pi:  # false for NaN as well
        raise ValueError(f"{name} is {value}, and no angle over 0 and up to pi radians")
    return float(value)


def _check_made_for(folder: Path, note: Any, record: dict[str, Any]) -> None:
    """Refuse a part that was made for another recogniser of as many dimensions."""
    if note is None:
        return
    try:
        other = difference(checked(note), record)
    except (KeyError, TypeError) as error:
        raise InputError(
            f"{folder}/config.json: what it was made for is no recogniser ({error}); "
            "install the package again or train this part"
        ) from None
    if other:
        one, two = (f"{one['kind']} ({one['sha256'][:16]}...)" for one in (note, record))
        raise InputError(
            f"{folder}: made for the recogniser {one}, and this circle's is {two}: different "
            f"{other}; put the part of this circle there, or train it for this recogniser"
        )


def has_graphs(name: str | Path) -> bool:
    """Whether a circle on this machine is one that the runtime without torch can open."""
    return all((at / GRAPHS).exists() for at in places_of(folder_of(name)).values())


def places_of(folder: Path) -> dict[str, Path]:
    """Where a circle's parts are, those that it must have and those that it has; the landmarks
    first, because they are needed first.
    """
    names = sorted((*PARTS, *FURTHER), key=lambda part: part != "landmarks")
    places = {part: holder(folder, part) / part for part in names}
    return {part: at for part, at in places.items() if part in PARTS or at.is_dir()}


def shipped_aligner(runtime: str = "torch") -> Any:
    """What aligns the faces that are found, for circles without landmarks of their own; None where
    it is not installed.
    """
    folder = WEIGHTS / DEFAULT / "landmarks"
    return _loaders(runtime)[0](folder) if folder.is_dir() else None


def _loaders(runtime: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What opens a part, and what makes our FaceNet a recogniser."""
    if runtime == "onnx":
        from istrc.onnx_runtime import parts

        return parts.load_part, parts.Own
    from istrc.models.serialization import load_part
    from istrc.recognisers.own import Own

    return load_part, Own


def write(
    circle: Networks,
    folder: Path,
    copy: bool,
    base: str | None,
    kept: dict[str, dict],
    notes: dict[str, dict],
) -> None:
    """Write the parts and what composes them; see `Circle.save_pretrained`.

    Args:
        kept: `Circle.notes`.
    """
    from istrc.models.serialization import save_part

    for part in (*PARTS, *FURTHER):  # FaceNet first, as others say that they are made for it
        made = getattr(circle, part)
        if made is not None and not (base and _has(WEIGHTS / base / part, made)):
            note = {**kept.get(part, {}), **notes.get(part, {})}
            if part in MADE_FOR:
                note["recogniser"] = identifying(_recogniser(circle, folder, base))
            save_part(made, folder / part, **note)
        else:  # of another circle that was here
            shutil.rmtree(folder / part, ignore_errors=True)
    settings: dict[str, Any] = {"format": 1, "size": circle.size, "dim": circle.dim}
    settings |= {name: getattr(circle, name) for name in ANGLES}
    if circle.whole:
        settings["whole"] = True
    if base:
        settings["base"] = base
    settings["recogniser"] = _recogniser(circle, folder, base)
    if circle.facenet is None and copy:
        copy_file(circle.recogniser, folder / "recogniser")
    write_json(folder / "circle.json", settings)


def _recogniser(circle: Networks, folder: Path, base: str | None) -> dict[str, Any]:
    """What circle.json says of the recogniser; our FaceNet is written, or in the base."""
    if circle.facenet is None:
        return located(circle.recogniser)
    own = folder / "facenet"
    sha256 = read_config(own if own.is_dir() else WEIGHTS / str(base) / "facenet")["sha256"]
    return {"kind": "own", "sha256": sha256}


def _has(folder: Path, part: torch.nn.Module) -> bool:
    """Whether a part of these weights is in the folder, as it would be stored there."""
    from istrc.models.serialization import fingerprint, load_part

    return folder.is_dir() and fingerprint(load_part(folder)) == fingerprint(part)

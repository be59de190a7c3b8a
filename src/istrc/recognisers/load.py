"""From what a user writes, or a folder has recorded, to a recogniser."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from istrc.errors import InputError, suggest
from istrc.recognisers import KINDS, OPTIONS
from istrc.recognisers.recogniser import Recogniser, checked, difference
from istrc.shipped import WEIGHTS
from istrc.whole import copy_whole, read_json

RECORD = "recogniser.json"


def load_recogniser(
    spec: str | Path | Recogniser, *, device: str = "cpu", download: bool = False, **options: Any
) -> Recogniser:
    """A recogniser by what names it.

    Args:
        spec: a kind of `istrc.recognisers.KINDS`, or KIND:FILE; a file that is of one kind by its
            ending; a shipped name (`celeba128`); the folder of a FaceNet or a circle; or a
            recogniser.json, which has the options too. A Recogniser is returned as it is.
        download: let vggface2 and casia-webface be fetched from their release.
        options: size, layout, colour, mean, scale, output of an ONNX file (istrc.recognisers.onnx),
            and template, where the input lies (istrc.recognisers.placement), of one and of
            releases; None is the file's own.

    Raises InputError for an unknown name, with the nearest ones, for an option that the
    recogniser does not have, and where its file is missing or something else.
    """
    if not isinstance(spec, (str, Path)):
        return spec
    text = str(spec)
    options = {name: value for name, value in options.items() if value is not None}
    kind, _, file = text.partition(":")
    fitting = [name for name, one in KINDS.items() if Path(text).suffix.lower() in one.endings]
    if kind not in KINDS and len(fitting) == 1:
        kind, file = fitting[0], text
    if kind in KINDS and (KINDS[kind].endings or not file):
        _only(text, options, *KINDS[kind].options)
        module = import_module(f"istrc.recognisers.{KINDS[kind].module}")
        return module.load(kind, file, device=device, download=download, **options)
    if Path(text).name == RECORD or Path(text).suffix == ".json":
        _only(text, options)
        return from_record(read_record(text), text, [Path(text).parent], device=device)
    from istrc.recognisers.own import load_own

    shipped = {one.parent.parent.name: one.parent for one in WEIGHTS.glob("*/facenet/config.json")}
    folder = shipped.get(text, Path(text))
    if (folder / "config.json").is_file() or (folder / "facenet").is_dir():
        _only(text, options)
        return load_own(folder, device)
    known = [*KINDS, *shipped]
    hint = suggest(kind, known, f"use {', '.join(known)}")
    raise InputError(f"{text}: no such recogniser; {hint}, an .onnx file, or a FaceNet's folder")


def _only(spec: str, options: dict[str, Any], *known: str) -> None:
    """Refuse options that would be without effect."""
    for name in options:
        if name not in known:
            flag = "--input-size" if name == "size" else f"--{name}"
            raise InputError(f"{spec}: {flag} is for ONNX files; leave it out here")


def read_record(path: str | Path) -> dict[str, Any]:
    """A recogniser's record in a file. Raises InputError where it is missing or damaged."""
    try:
        return checked(read_json(path))
    except OSError as error:
        raise InputError(f"{path}: {str(error.strerror).lower()}; name a recogniser") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no record of a recogniser ({error}); name it anew") from None


def located(recogniser: Recogniser) -> dict[str, Any]:
    """The record, with where the recogniser's file is on this machine."""
    path = getattr(recogniser, "path", None)
    return recogniser.record | ({"path": str(Path(path).resolve())} if path else {})


def copy_file(recogniser: Recogniser, folder: str | Path) -> None:
    """Copy a recogniser's files, if it has some of its own, under their names into a folder."""
    path = getattr(recogniser, "path", None)
    if path is None:
        return
    # What lies beside the file is found by its name
    names = {path: recogniser.record["file"]}
    names |= {data: data.relative_to(path.parent) for data in getattr(recogniser, "data", ())}
    for source, name in names.items():
        target = Path(folder) / name
        if not target.exists() or not target.samefile(source):
            copy_whole(source, target)


def from_record(
    record: dict[str, Any],
    owner: str | Path,
    folders: Sequence[Path] = (),
    given: str | Path | Recogniser | None = None,
    *,
    device: str = "cpu",
) -> Recogniser:
    """The recogniser of a record.

    Its file is the one given, else the one of its name in one of the folders (a copy), else the
    one at the place where it was. The options are the record's.

    Args:
        owner: what belongs to the recogniser; errors name it.

    Raises InputError where no such file is left, or the recogniser found is another.
    """
    kind, digest = record["kind"], record["sha256"][:16]
    name = f"{kind} {record.get('file', '')}".strip()
    # A record that names another record, or something else, would lead on without end
    endings = KINDS[kind].endings if kind in KINDS else ()
    if given is None and kind in KINDS and not endings:
        given = kind
    elif given is None:
        # The name alone: a record from elsewhere must not lead out of its folder
        places = [folder / Path(str(record.get("file", ""))).name for folder in folders]
        places.append(Path(str(record.get("path", ""))))
        places = [place for place in places if place.suffix.lower() in endings]
        given = next((place for place in places if place.is_file()), None)
        if given is None:
            raise InputError(
                f"{owner}: belongs to the recogniser {name} (SHA-256 {digest}...), whose file is "
                "not here; put it into this folder, or name it with recogniser="
            )
    if isinstance(given, (str, Path)):
        text, options = str(given), _options(record, owner)
        if Path(text).suffix.lower() not in endings:
            options = {}  # another kind: loaded as it is, to be told apart below
        elif text.partition(":")[0] not in KINDS:
            text = f"{kind}:{text}"
        given = load_recogniser(text, device=device, **options)
    found = difference(given.record, record)
    if found:
        other = f"{given.record['kind']} {given.record.get('file', '')}".strip()
        raise InputError(
            f"{owner}: belongs to the recogniser {name} (SHA-256 {digest}...), not to {other} "
            f"({given.record['sha256'][:16]}...): different {found}; give the one it was made for"
        )
    return given


def _options(record: dict[str, Any], owner: str | Path) -> dict[str, Any]:
    """How a record's recogniser is loaded. Raises InputError for what `load_recogniser` has not."""
    options = record.get("options", {})
    if not isinstance(options, dict) or not options.keys() <= set(OPTIONS):
        raise InputError(f"{owner}: the options of its recogniser are none; name it anew")
    for name, value in options.items():
        number = isinstance(value, (int, float)) and name in ("size", "mean", "scale")
        if not isinstance(value, str) and not number:
            raise InputError(f"{owner}: the recogniser's {name} is {value!r}; name it anew")
    return options

"""From what a user writes, or a folder has recorded, to a recogniser."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from istrc.errors import InputError, suggest
from istrc.recognisers.recogniser import Recogniser, checked, difference
from istrc.shipped import DEFAULT, WEIGHTS
from istrc.whole import copy_whole, read_json

RELEASES = ("vggface2", "casia-webface")
RECORD = "recogniser.json"
# What a recogniser's file is called: a record that names another record would lead on without end
ENDINGS = {"onnx": (".onnx",), **dict.fromkeys(RELEASES, (".pt", ".safetensors"))}
OPTIONS = ("size", "layout", "colour", "mean", "scale", "template", "output")  # of a record


def load_recogniser(
    spec: str | Path | Recogniser, *, device: str = "cpu", download: bool = False, **options: Any
) -> Recogniser:
    """A recogniser by what names it.

    Args:
        spec: `own` or a shipped name (`celeba128`); the folder of a FaceNet or a circle; `dlib`;
            `vggface2:FILE`, `casia-webface:FILE` (release weights); a path to an .onnx file; or
            a recogniser.json, which has the options too. A Recogniser is returned as it is.
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
    name, _, rest = text.partition(":")

    if text.lower().endswith(".onnx"):
        from istrc.recognisers.onnx import Onnx

        return Onnx(text, **options)
    if name in RELEASES:
        from istrc.recognisers.inception_resnet_v1 import InceptionResNet, find

        _only(text, options, "template")
        return InceptionResNet(name, find(name, rest, download), device=device, **options)
    if Path(text).name == RECORD or Path(text).suffix == ".json":
        _only(text, options)
        return from_record(read_record(text), text, [Path(text).parent], device=device)
    if text == "dlib":
        from istrc.recognisers.dlib import Dlib

        _only(text, options)
        return Dlib(device)
    from istrc.recognisers.own import load_own

    shipped = [path.parent.parent.name for path in WEIGHTS.glob("*/facenet/config.json")]
    if text == "own" or text in shipped:
        _only(text, options)
        return load_own(WEIGHTS / (DEFAULT if text == "own" else text), device)
    if (Path(text) / "config.json").is_file() or (Path(text) / "facenet").is_dir():
        _only(text, options)
        return load_own(text, device)
    known = ["own", *shipped, "dlib", *RELEASES]
    hint = suggest(name, known, f"use {', '.join(known)}")
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
    if given is None and kind in ("dlib", "own"):
        given = kind
    elif given is None:
        # The name alone: a record from elsewhere must not lead out of its folder
        places = [folder / Path(str(record.get("file", ""))).name for folder in folders]
        places.append(Path(str(record.get("path", ""))))
        endings = ENDINGS.get(kind, ())
        places = [place for place in places if place.suffix.lower() in endings]
        given = next((place for place in places if place.is_file()), None)
        if given is None:
            raise InputError(
                f"{owner}: belongs to the recogniser {name} (SHA-256 {digest}...), whose file is "
                "not here; put it into this folder, or name it with recogniser="
            )
    if isinstance(given, (str, Path)):
        text, options = str(given), _options(record, owner)
        if kind in RELEASES and Path(text).suffix in (".pt", ".safetensors"):
            text = text if text.partition(":")[0] in RELEASES else f"{kind}:{text}"
        elif kind != "onnx" or not text.lower().endswith(".onnx"):
            options = {}  # another kind: loaded as it is, to be told apart below
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

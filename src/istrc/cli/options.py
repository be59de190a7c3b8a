"""Options that several commands share: one meaning, one wording."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from istrc.attributes import TRANSFORMATIONS, experimental
from istrc.cli import completion
from istrc.cli.report import Report
from istrc.cli.strengths import check_keep, check_names, parse_names
from istrc.edit.holding import asked
from istrc.errors import IstrcError
from istrc.shipped import DEFAULT

MODEL = DEFAULT
WHAT_INPUT = "Pictures, folders (read flat, sorted by name) or globs."


class Mode(str, Enum):
    """How the edited face is rebuilt."""

    photo = "photo"
    anchored = "anchored"
    circle = "circle"


class Rebuild(str, Enum):
    """What a face is rebuilt from."""

    circle = "circle"
    anchored = "anchored"


class Metric(str, Enum):
    """How the walk's gradient is measured on the sphere."""

    data = "data"
    euclidean = "euclidean"


class Runtime(str, Enum):
    """What computes."""

    auto = "auto"
    torch = "torch"
    light = "light"


InputsArgument = Annotated[
    list[str], typer.Argument(metavar="INPUT...", help=WHAT_INPUT, show_default=False)
]
OutOption = Annotated[
    str,
    typer.Option(
        "-o",
        "--out",
        metavar="OUT",
        help="File to write; with several inputs a folder, where each output keeps its "
        "input's stem.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str, typer.Option(metavar="NAME|FOLDER", help="A shipped model or a folder that holds one.")
]
DeviceOption = Annotated[
    str,
    typer.Option(metavar="cpu|auto|cuda|mps", help="Where to compute; auto takes a GPU if any."),
]
RuntimeOption = Annotated[
    Runtime,
    typer.Option(
        help="What computes: torch; light (ONNX Runtime and NumPy, the CPU alone), which starts "
        "sooner; or auto, light where the model and the device allow it. ISTRC_RUNTIME says what "
        "auto is."
    ),
]
FaceOption = Annotated[
    str,
    typer.Option(
        metavar="largest|all|K",
        help="Which face of a photograph: the largest, all, or the K-th largest (1, 2, ...).",
    ),
]
MinFaceOption = Annotated[
    int | None,
    typer.Option(
        "--min-face",
        min=20,
        metavar="PIXELS",
        help="Smallest face to look for, the side that `istrc faces` tells. A smaller one than the "
        "default takes longer, up to four times for half of it: 40 in 50 megapixels takes 1.5 s "
        "more.",
        show_default="40; in more than 12 megapixels larger, by the picture's side",
    ),
]
AlignedOption = Annotated[
    bool,
    typer.Option(
        "--aligned",
        help="Inputs are in CelebA's aligned frame (178x218, or that geometry at another size): "
        "nothing is detected.",
    ),
]
CropOption = Annotated[
    bool,
    typer.Option("--crop", help="Write the square SxS crop (PNG in folders), not the photograph."),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on standard output and nothing else."),
]
ProvenanceOption = Annotated[
    bool,
    typer.Option(
        "--provenance/--no-provenance",
        help="Say in the file that a model made parts of it (IPTC DigitalSourceType in XMP) and "
        "name this program; where the edit changed no pixel nothing is said.",
    ),
]
LocationOption = Annotated[
    bool,
    typer.Option(
        "--keep-location",
        help="Keep where the photograph was taken (GPS, city, country); left out otherwise.",
    ),
]
ModeOption = Annotated[
    Mode,
    typer.Option(
        help="photo: the picture's own pixels, moved and shaded. anchored: decoded, but what the "
        "edit does not touch stays. circle: the embedding's idea of the face, as in the paper."
    ),
]
MetricOption = Annotated[
    Metric,
    typer.Option(
        help="data: the walk's gradient in the metric of the training faces. euclidean: the raw "
        "gradient, as in the paper."
    ),
]
KeepOption = Annotated[
    list[str],
    typer.Option(
        "--keep",
        metavar="NAME[,NAME]",
        autocompletion=completion.attributes,
        help="Attributes that must not change, besides those that an edit holds by itself "
        "(the sex, age, glasses and what else it is not about); repeat it or separate by commas. "
        "none holds nothing, none,male the sex alone.",
        show_default=False,
    ),
]
AttributeOption = Annotated[
    list[str],
    typer.Option(
        "-a",
        "--attribute",
        metavar="NAME[=STRENGTH]",
        autocompletion=completion.attributes,
        help="What to change and how far: strength -2 to 2, +1 the full transformation, "
        "negative the opposite; smile alone means smile=+1. May be repeated. NAME is "
        f"{', '.join(TRANSFORMATIONS)}, one that was learned, or, experimental, another of "
        "CelebA's attributes in snake_case.",
        show_default=False,
    ),
]


def parse_face(text: str) -> str | int:
    """`largest`, `all`, or the rank K >= 1 as a number. Raises IstrcError."""
    if text in ("largest", "all"):
        return text
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise IstrcError(f"--face {text}: give largest, all, or a number from 1 (the largest)")


def open_circle(model: str, device: str, runtime: str = "torch"):
    """The circle that a command works with; most commands work with torch's alone.

    Raises IstrcError where torch is needed and not installed.
    """
    from istrc.circle import Circle
    from istrc.pretrained import has_graphs
    from istrc.runtime import choose_runtime, need_torch

    if runtime == "torch":
        need_torch("this command")
    # The same pictures, and sooner: torch takes a second to import
    light = device == "cpu" and has_graphs(model)
    runtime = choose_runtime(runtime, prefer="light" if light else "torch")
    return Circle.from_pretrained(model, device=device, runtime=runtime)


def check_attributes(
    circle, edits: Iterable[str], kept: Iterable[str] | None, report: Report | None = None
) -> None:
    """Raises IstrcError for the first name that the circle does not have, and says why; tells the
    report which edits are experimental.
    """
    from istrc.learning import shelf
    from istrc.recognisers.recogniser import key

    known = circle.attribute_names
    for option, names in (("-a", list(edits)), ("--keep", asked(kept))):
        for name in names:
            why = shelf.unusable(name, key(circle.recogniser.record))
            if name not in known and why:
                raise IstrcError(f"{option} {name}: {why}")
        check_names(names, known, option)
    for name in edits if report is not None else ():
        if experimental(name):
            report.say(f"{name}: experimental; it may be faint, or a stain")


def numbered(output: Path, count: int) -> list[Path]:
    """`out.png` for one; `out-1.png`, `out-2.png`... for several."""
    if count == 1:
        return [output]
    return [output.with_name(f"{output.stem}-{k}{output.suffix}") for k in range(1, count + 1)]


def read_faces(
    circle, path: Path, face: str | int, aligned: bool, min_face: int | None = None
) -> list:
    """The faces of a picture that `--face` asks for, embedded."""
    if face == "all":
        return circle.faces(path, aligned=aligned, min_face=min_face)
    return [circle.read(path, face=face, aligned=aligned, min_face=min_face)]


def parse_keep(texts: list[str], edits: dict[str, float]) -> list[str] | None:
    """The attributes to hold (istrc.edit.holding); None is the edit's own. Raises IstrcError."""
    names = parse_names(texts)
    check_keep(edits, names)
    return names or None


def save(
    edited: list, output: Path, crop: bool, *, provenance: bool = True, location: bool = False
) -> list[Path]:
    """Write the photograph with its edited faces (the last of a chain), or one crop a face."""
    from istrc.photo.write import write_picture
    from istrc.photo.xmp import COMPOSITE

    output.parent.mkdir(parents=True, exist_ok=True)
    if not crop:
        edited[-1].save(output, provenance=provenance, location=location)
        return [output]
    names = numbered(output, len(edited))
    for one, name in zip(edited, names, strict=True):
        write_picture(None, one.crop, name, source_type=COMPOSITE if provenance else None)
    return names


def remarks(source: Path, faces: list, which: str | int) -> list[str]:
    """What a user should know of how a picture was read, a line each."""
    said = [f"{source}: {note}" for note in faces[0].picture.notes]
    # Nobody should wonder why the other face did not change
    if which == "largest" and faces[0].count > 1:
        said.append(
            f"{source}: {faces[0].count} faces found, the largest taken; "
            "--face K or --face all chooses"
        )
    return said


def say_which(report, source: Path, faces: list, which: str | int) -> None:
    """`remarks`, said at once."""
    for line in remarks(source, faces, which):
        report.say(line)

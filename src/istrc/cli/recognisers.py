"""Options that name a recogniser, for every command that takes one, and what loads it."""

from __future__ import annotations

import inspect
from enum import Enum
from typing import Annotated, Any

import typer

SPEC = "NAME|FILE"
WHAT = (
    "own, dlib, vggface2:FILE, casia-webface:FILE (release weights), an .onnx file, the folder of "
    "a FaceNet, or a recogniser.json"
)


class Layout(str, Enum):
    """Where an ONNX input has its colours."""

    nchw = "NCHW"
    nhwc = "NHWC"


class Colour(str, Enum):
    """The order of an ONNX input's colours."""

    rgb = "RGB"
    bgr = "BGR"


RecogniserOption = Annotated[
    str | None,
    typer.Option("--recogniser", metavar=SPEC, help=f"{WHAT}.", show_default="the model's"),
]
InputSizeOption = Annotated[
    str | None,
    typer.Option(
        metavar="N|HxW", help="ONNX: side of the input, px.", show_default="the file's own"
    ),
]
OutputOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="ONNX: the embedding among its outputs.", show_default="the only one"
    ),
]
LayoutOption = Annotated[
    Layout | None,
    typer.Option(help="ONNX: layout of the input.", show_default="told by its shape"),
]
ColourOption = Annotated[
    Colour | None, typer.Option(help="ONNX: order of the colours.", show_default="RGB")
]
MeanOption = Annotated[
    str | None,
    typer.Option(
        metavar="A[,B,C]",
        help="ONNX: is fed (v - mean) / scale, v = 0 to 255; one number, or one a channel.",
        show_default="127.5",
    ),
]
ScaleOption = Annotated[
    str | None,
    typer.Option(metavar="A[,B,C]", help="ONNX: see --mean.", show_default="127.5"),
]
TemplateOption = Annotated[
    str | None,
    typer.Option(
        metavar="arcface|crop|L,T,R,B",
        help="Where the input lies in the face: ArcFace's five points, our crop, or a square of "
        "CelebA's 178x218 frame.",
        show_default="arcface for ONNX",
    ),
]
DownloadOption = Annotated[
    bool,
    typer.Option(
        "--download", help="Fetch the weights of vggface2 or casia-webface from their release."
    ),
]

# As further parameters of a command that is made from a signature
PARAMETERS = tuple(
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
    for name, default, annotation in (
        ("input_size", None, InputSizeOption),
        ("layout", None, LayoutOption),
        ("colour", None, ColourOption),
        ("mean", None, MeanOption),
        ("scale", None, ScaleOption),
        ("template", None, TemplateOption),
        ("output", None, OutputOption),
        ("download", False, DownloadOption),
    )
)


def open_recogniser(spec: str, device: str, report: Any, **given: Any):
    """The recogniser that a command names; what its user should know is said."""
    from istrc.device import choose_device
    from istrc.recognisers.load import load_recogniser

    options = {name: getattr(value, "value", value) for name, value in given.items()}
    options["size"] = options.pop("input_size", None)
    recogniser = load_recogniser(spec, device=choose_device(device), **options)
    for note in recogniser.notes:
        report.say(note)
    return recogniser

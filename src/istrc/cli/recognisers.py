"""Options that name a recogniser, for every command that takes one, and what loads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from istrc.cli.report import Report
from istrc.recognisers import KINDS

SPEC = "NAME|FILE"
_KINDS = ", ".join(f"{name}:FILE" if one.endings else name for name, one in KINDS.items())
WHAT = f"{_KINDS} (its name may be left out), the folder of a FaceNet, or a recogniser.json"

RecogniserOption = Annotated[
    str | None,
    typer.Option("--recogniser", metavar=SPEC, help=f"{WHAT}.", show_default="the model's"),
]


@dataclass
class RecogniserOptions:
    """How a recogniser is fed, and whether it may be fetched.

    Args:
        input_size: ONNX: side of the input, px.
        layout: ONNX: layout of the input.
        colour: ONNX: order of the colours.
        mean: ONNX: is fed (v - mean) / scale, v = 0 to 255; one number, or one a channel.
        scale: ONNX: see --mean.
        template: Where the input lies in the face: ArcFace's five points, our crop, or a square of
            CelebA's 178x218 frame.
        output: ONNX: the embedding among its outputs.
        download: Fetch the weights of vggface2 or casia-webface from their release.
    """

    input_size: Annotated[
        str | None, typer.Option(metavar="N|HxW", show_default="the file's own")
    ] = None
    layout: Annotated[
        Literal["NCHW", "NHWC"] | None, typer.Option(show_default="told by its shape")
    ] = None
    colour: Annotated[Literal["RGB", "BGR"] | None, typer.Option(show_default="RGB")] = None
    mean: Annotated[str | None, typer.Option(metavar="A[,B,C]", show_default="127.5")] = None
    scale: Annotated[str | None, typer.Option(metavar="A[,B,C]", show_default="127.5")] = None
    template: Annotated[
        str | None, typer.Option(metavar="arcface|crop|L,T,R,B", show_default="arcface for ONNX")
    ] = None
    output: Annotated[str | None, typer.Option(metavar="NAME", show_default="the only one")] = None
    download: bool = False

    def open(self, spec: str, device: str, report: Report) -> Any:
        """The recogniser that a command names; what its user should know is said."""
        from istrc.device import choose_device
        from istrc.recognisers.load import load_recogniser

        given = dict(vars(self))
        given["size"] = given.pop("input_size")
        recogniser = load_recogniser(spec, device=choose_device(device), **given)
        report.say(*recogniser.notes)
        return recogniser

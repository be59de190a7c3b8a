"""The kinds of recognisers, each a module here; nothing is imported before one is asked for."""

from __future__ import annotations

from dataclasses import dataclass

# What an ONNX file does not say of itself (istrc.recognisers.onnx)
OPTIONS = ("size", "layout", "colour", "mean", "scale", "template", "output")


@dataclass(frozen=True)
class Kind:
    """How recognisers of a kind are loaded.

    Attributes:
        module: has `load(kind, file, *, device, download, **options)`, which returns a
            `recogniser.Recogniser` whose record names the kind.
        endings: of the files that hold one; none where the kind alone says which it is.
        options: that `load` takes beside them.
    """

    module: str
    endings: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


RELEASE = Kind("inception_resnet_v1", (".pt", ".safetensors"), ("template",))
KINDS = {
    "own": Kind("own"),
    "dlib": Kind("dlib"),
    "vggface2": RELEASE,
    "casia-webface": RELEASE,
    "onnx": Kind("onnx", (".onnx",), OPTIONS),
}

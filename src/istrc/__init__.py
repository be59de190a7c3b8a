"""Edit, blend, compare and rebuild faces in the space of a face recogniser."""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

# Nothing leaves the machine: some releases of ONNX Runtime tell their maker what they run. It is
# read when that is imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from istrc.circle import Circle
    from istrc.errors import InputError, IstrcError
    from istrc.face import Edited, Face

__all__ = ["Circle", "Edited", "Face", "InputError", "IstrcError"]

_HOMES = {
    "Circle": "circle",
    "Edited": "face",
    "Face": "face",
    "InputError": "errors",
    "IstrcError": "errors",
}


def __getattr__(name: str) -> Any:
    # torch takes a second to import; `istrc --help` must not wait for it
    if name not in _HOMES:
        raise AttributeError(f"module 'istrc' has no attribute {name!r}")
    return getattr(import_module(f"istrc.{_HOMES[name]}"), name)

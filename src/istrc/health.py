"""Whether this installation works: what is here, whether it is whole, and one edit from end to end.

Nothing heavy is imported here, so that what is missing or broken is told and not run into.
"""

from __future__ import annotations

import importlib.metadata as metadata
import platform
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from istrc.errors import InputError, IstrcError, reason
from istrc.models.part_files import checksum
from istrc.runtime import has
from istrc.shipped import DEFAULT, WEIGHTS

SUMS = WEIGHTS / "SHA256SUMS"  # as sha256sum writes it: the digest, two spaces, the file
AGAIN = "install the package again: pip install --force-reinstall istrc"
DRIVERS = ("nvidiactl", "nvmap", "kfd", "dxg")  # in /dev: NVIDIA's, Jetson's, AMD's, and Windows'
# What each optional extra is told by: the first module of it that the code imports
EXTRAS = {
    "train": ("torch", "pyarrow", "tensorboard", "sklearn", "scipy", "torchmetrics"),
    "demo": ("skimage",),
    "figures": ("torch", "matplotlib", "skimage"),
    "onnx": ("torch", "onnx"),
    "hub": ("huggingface_hub",),
    "fabric": ("torch", "lightning_fabric"),
    "ray": ("ray",),
    "app": ("gradio",),
    "film": ("torch", "av"),
    "dlib": ("torch", "face_recognition_models"),
}


def versions() -> dict[str, str]:
    """The versions of Python, the system, and the packages that istrc asks for and are here."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    return found | {name: metadata.version(name) for name in ["istrc", *sorted(_asked())]}


def devices() -> list[str]:
    """What `--device` can name here: the CPU, and what torch finds where it is installed."""
    found = ["cpu"]
    # torch takes seconds to import, and finds no device where Linux has no driver of one
    drivers = [name for name in DRIVERS if Path("/dev", name).exists()]
    if has("torch") and (drivers or sys.platform != "linux"):
        import torch

        found += [f"cuda:{index}" for index in range(torch.cuda.device_count())]
        found += ["mps"] if torch.backends.mps.is_available() else []
    return found


def missing_packages() -> Iterator[IstrcError]:
    """What every installation needs and this one lacks."""
    for line in metadata.requires("istrc") or []:
        if "extra ==" not in line and not _installed(name := _name(line)):
            yield IstrcError(f"{name}: not installed; pip install '{line}'")


def licences() -> dict[str, str]:
    """The licence of every package that istrc brings and is here, as the package says it."""
    return {name: _licence(metadata.metadata(name)) for name in sorted(required(*_asked()))}


def required(*names: str) -> set[str]:
    """These packages and what they require in turn, of those that are installed; no extras."""
    found: set[str] = set()
    ahead = [*names]
    while ahead:
        name = re.sub(r"[-_.]+", "-", ahead.pop()).lower()  # one spelling of each (PEP 503)
        if name in found or not _installed(name):
            continue
        found.add(name)
        lines = metadata.requires(name) or []
        ahead += [_name(line) for line in lines if "extra ==" not in line]
    return found


def recorded() -> dict[str, str]:
    """The checksum of every file of the shipped weights, by its name below `weights`.

    Raises InputError where they are not recorded, or the record is damaged.
    """
    try:
        lines = SUMS.read_text(encoding="ascii").splitlines()
        return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError) as error:
        raise InputError(f"{SUMS}: cannot be read ({reason(error)}); {AGAIN}") from None


def broken_weights() -> Iterator[InputError]:
    """What is wrong with the shipped weights: files that are missing, or not the recorded ones."""
    try:
        sums = recorded()
    except InputError as error:
        yield error
        return
    for name, expected in sums.items():
        path = WEIGHTS / name
        try:
            if checksum(path) != expected:
                yield InputError(f"{path}: damaged (its checksum differs); {AGAIN}")
        except OSError as error:
            yield InputError(f"{path}: cannot be read ({reason(error)}); {AGAIN}")


def self_test() -> dict[str, Any]:
    """Draw a face, write it, read it, edit it and write the edit: what it took, seconds.

    Raises IstrcError where a step fails or gives what it must not.
    """
    started = time.monotonic()
    import numpy as np

    from istrc.circle import Circle
    from istrc.photo.write import write_picture
    from istrc.pretrained import has_graphs
    from istrc.runtime import choose_runtime

    runtime = choose_runtime(prefer="onnx" if has_graphs(DEFAULT) else "torch")
    circle = Circle.from_pretrained(runtime=runtime)
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder, "drawn.png"), Path(folder, "edited.png")
        write_picture(None, drawn(circle), path)
        face = circle.read(path, aligned=True)
        edited = face.edit(smile=+1)
        edited.save(out)
        size = out.stat().st_size
    if np.array_equal(edited.pixels, face.picture.pixels) or not edited.angle > 0 or not size:
        raise IstrcError(f"the self-test's edit changed nothing; {AGAIN}")
    seconds = round(time.monotonic() - started, 3)
    return {"runtime": runtime, "angle": round(edited.angle, 4), "seconds": seconds}


def drawn(circle: Any, axis: int = 0) -> Any:
    """A face, of an axis of the sphere, on grey in CelebA's aligned frame: (218, 178, 3) uint8."""
    import numpy as np

    from istrc.arrays import numpy
    from istrc.photo.find import find_frames
    from istrc.photo.paste import paste_crop
    from istrc.shape.crop import FRAME_SIZE

    z = circle.to_device(np.eye(1, circle.dim, axis, dtype=np.float32))
    width, height = FRAME_SIZE
    grey = np.full((height, width, 3), 128, np.uint8)
    [frame] = find_frames(grey, "drawn", None, aligned=True)
    return paste_crop(grey, numpy(circle.decode(z))[0].transpose(1, 2, 0), frame)


def _asked() -> set[str]:
    """The packages that istrc's own metadata names, extras included, and that are installed."""
    asked = metadata.requires("istrc") or []
    return {name for name in map(_name, asked) if name != "istrc" and _installed(name)}


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def _installed(name: str) -> bool:
    try:
        return bool(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False


def _licence(package: Any) -> str:
    """The expression (PEP 639), else the classifiers, else the first line of the free text."""
    classes = [
        line.rpartition("::")[2].strip()
        for line in package.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    text = (package.get("License") or "").strip().partition("\n")[0]
    return package.get("License-Expression") or ", ".join(classes) or text or "not told"

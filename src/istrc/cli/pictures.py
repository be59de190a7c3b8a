"""What a verb leaves: one figure, or a folder of its faces; and the embeddings, if asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli.files import whole
from istrc.cli.vectors import write_face
from istrc.errors import InputError
from istrc.photo.plugins import WRITTEN

EmbeddingOption = Annotated[
    str | None,
    typer.Option(
        "--save",
        metavar="Z.NPY",
        help="Also write the embeddings of the new faces: float32 (N, D), for any command that "
        "takes them.",
        show_default="not written",
    ),
]


def is_figure(out: str) -> bool:
    """OUT names a picture: one figure. Else it is a folder, and a file a face."""
    return Path(out).suffix.lower() in WRITTEN and not Path(out).is_dir()


def check_outputs(out: str, inputs: Sequence[object], saved: str | None = None) -> None:
    """Raises InputError where an output cannot be, before the work is done.

    An input is never overwritten; a folder's place may not be a file.
    """
    for name in (out, saved):
        if name is None:
            continue
        if any(Path(name).resolve() == Path(str(source)).resolve() for source in inputs):
            raise InputError(f"{name}: would overwrite an input; give another name")
    if Path(out).exists() and not Path(out).is_dir() and not is_figure(out):
        raise InputError(
            f"-o {out}: is a file and no picture; end the name in .png or give a folder"
        )
    if saved is not None and Path(saved).suffix != ".npy":
        raise InputError(f"--save {saved}: embeddings are written as .npy; end the name in .npy")


def write_faces(pixels: Any, out: str, provenance: bool = True) -> list[Path]:
    """Faces uint8 `(N, S, S, 3)` as OUT/00.png, OUT/01.png..., in their order."""
    width = max(2, len(str(len(pixels) - 1)))
    written = [Path(out) / f"{number:0{width}d}.png" for number in range(len(pixels))]
    for face, path in zip(pixels, written, strict=True):
        write_face(face, path, provenance)
    return written


def write_figure(figure: Any, out: str, provenance: bool = True) -> Path:
    """A drawn figure (a Pillow image) as the file OUT."""
    import numpy as np

    write_face(np.asarray(figure), Path(out), provenance)
    return Path(out)


def save_embeddings(z: Any, target: str | None) -> None:
    """z `(N, D)` as an array, if there is a target."""
    import numpy as np

    from istrc.arrays import numpy

    if target is not None:
        with whole(Path(target)) as temporary:
            np.save(temporary, numpy(z).astype(np.float32))

"""What a verb leaves: one figure, or a folder of its faces; and the embeddings, if asked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli.files import check_out
from istrc.errors import InputError
from istrc.photo.plugins import WRITTEN
from istrc.whole import resolved, whole

# Saved embeddings, or one row of them: `z.npy[3]`
ARRAY = re.compile(r"(?P<path>.+\.npy)(?:\[(?P<row>\d+)\])?", re.IGNORECASE)


@dataclass
class VerbOutput:
    """What else is written of faces that a verb makes.

    Args:
        save: Also write the embeddings of the new faces: float32 (N, D), for any command that takes
            them.
    """

    save: Annotated[str | None, typer.Option(metavar="Z.NPY", show_default="not written")] = None
    provenance: bool = True

    def check(self, out: str, inputs: Sequence[object]) -> None:
        """Raises InputError where an output cannot be, before the work is done.

        An input is never overwritten, nor an array of which a row is one; a folder's place may not
        be a file.
        """
        check_out(out)
        arrays = ((text, ARRAY.fullmatch(text)) for text in map(str, inputs))
        given = {resolved(match["path"] if match else text) for text, match in arrays}
        for name in (out, self.save):
            if name is not None and resolved(name) in given:
                raise InputError(f"{name}: would overwrite an input; give another name")
        if Path(out).exists() and not Path(out).is_dir() and not is_figure(out):
            raise InputError(
                f"-o {out}: is a file and no picture; end the name in .png or give a folder"
            )
        if self.save is not None and Path(self.save).suffix != ".npy":
            raise InputError(
                f"--save {self.save}: embeddings are written as .npy; end the name in .npy"
            )
        if self.save is not None and (listed := Path(self.save).with_suffix(".txt")).exists():
            raise InputError(f"--save {self.save}: {listed} would name its rows; give another name")

    def write(self, out: str, pixels: Any, z: Any, *, generated: bool = False) -> dict[str, Any]:
        """One picture (H, W, 3) as the file OUT, and the embeddings; what is told of both."""
        write_face(pixels, Path(out), self.provenance, generated=generated)
        return self._written(Path(out), z)

    def write_several(
        self, out: str, faces: Any, z: Any, figure: Callable[[], Any]
    ) -> dict[str, Any]:
        """Faces uint8 `(N, S, S, 3)` as one figure (a Pillow image) where OUT names a picture,
        else as OUT/00.png, OUT/01.png...; and the embeddings; what is told of both.
        """
        import numpy as np

        if is_figure(out):
            return self.write(out, np.asarray(figure()), z)
        width = max(2, len(str(len(faces) - 1)))
        written = [Path(out) / f"{number:0{width}d}.png" for number in range(len(faces))]
        for face, path in zip(faces, written, strict=True):
            write_face(face, path, self.provenance)
        return self._written(written, z)

    def _written(self, output: Any, z: Any) -> dict[str, Any]:
        from istrc.arrays import numpy

        if self.save is not None:
            write_array(Path(self.save), numpy(z))
        return {"output": output, "embeddings": self.save and Path(self.save)}


def is_figure(out: str) -> bool:
    """OUT names a picture: one figure. Else it is a folder, and a file a face."""
    return Path(out).suffix.lower() in WRITTEN and not Path(out).is_dir()


def write_array(path: Path, z: Any) -> None:
    """Embeddings (N, D) as a float32 .npy, written whole."""
    import numpy as np

    with whole(path) as temporary:
        np.save(temporary, z.astype(np.float32))


def write_face(
    pixels: Any, output: Path, provenance: bool = True, *, generated: bool = False
) -> None:
    """A picture of faces that the model made; `generated`: of nobody's photograph."""
    from istrc.photo.write import write_picture
    from istrc.photo.xmp import COMPOSITE, GENERATED

    output.parent.mkdir(parents=True, exist_ok=True)
    kind = GENERATED if generated else COMPOSITE
    write_picture(None, pixels, output, source_type=kind if provenance else None)

"""A large photograph edited in a process of its own: seconds, and the memory it took at most.

python -m istrc.evaluation.speed.photograph MODEL PHOTOGRAPH ATTRIBUTE ALIGNED OUT
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from istrc.errors import IstrcError
from istrc.evaluation.speed.machine import resident
from istrc.shape.crop import CROP, CROP_SIDE, FRAME_SIZE

MEGAPIXELS = 12


def portrait(circle: Any, folder: Path, megapixels: float) -> tuple[Path, bool]:
    """A photograph of so many pixels in the folder, and whether it is an aligned face.

    scikit-image's (Eileen Collins, photographed by NASA: public domain) scaled up, where it is
    installed; or else a face of the model's own in CelebA's frame, in which none has to be found.
    """
    from PIL import Image

    from istrc.photo.write import write_picture

    try:
        from skimage.data import astronaut

        pixels, aligned = astronaut(), False
    except ImportError:
        from istrc.data.prepared import to_pixels
        from istrc.evaluation.speed.faces import drawn

        crop = Image.fromarray(to_pixels(drawn(circle, 1))[0]).resize((CROP_SIDE, CROP_SIDE))
        frame = Image.new("RGB", FRAME_SIZE, (128, 128, 128))
        frame.paste(crop, CROP[:2])
        pixels, aligned = np.asarray(frame), True
    height, width = pixels.shape[:2]
    scale = (megapixels * 1e6 / (height * width)) ** 0.5
    size = (round(width * scale), round(height * scale))
    path = folder / f"portrait-{megapixels:g}.jpg"
    large = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
    write_picture(None, np.asarray(large), path)
    return path, aligned


def run(arguments: list[str], what: str) -> str:
    """What Python prints in a process of its own."""
    done = subprocess.run([sys.executable, "-m", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise IstrcError(f"{what} failed in a process of its own: {done.stderr[-300:]}")
    return done.stdout


def time_photograph(
    model: str, photograph: Path, attribute: str, aligned: bool
) -> dict[str, float | None]:
    """Seconds of reading, editing and writing it after the model was loaded, and the peak in MB."""
    out = photograph.with_name("photograph-edited.jpg")
    given = [model, str(photograph), attribute, str(int(aligned)), str(out)]
    return json.loads(run([__name__, *given], __name__))


def time_cold_start(model: str, photograph: Path, attribute: str, aligned: bool) -> float:
    """Seconds of one `istrc edit` in a new process, from its start to its end."""
    out = photograph.with_name("cold-edited.jpg")
    command = ["istrc", "edit", str(photograph), "-a", attribute, "-o", str(out), "--model", model]
    started = time.perf_counter()
    run([*command, *(["--aligned"] if aligned else [])], "istrc edit")
    return time.perf_counter() - started


def peak_mb() -> float | None:
    """MB that this process held at most; None where the system does not tell."""
    try:
        # Linux counts in ru_maxrss what the process that started this one held, too
        return resident("VmHWM") / 1e6
    except OSError:
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / 1e6 if sys.platform == "darwin" else used * 1024 / 1e6


def main(model: str, photograph: str, attribute: str, aligned: str, out: str) -> dict[str, Any]:
    from istrc.circle import Circle

    started = time.perf_counter()
    circle = Circle.from_pretrained(model)
    loaded = time.perf_counter()
    face = circle.read(photograph, aligned=bool(int(aligned)))
    read = time.perf_counter()
    there: dict[str, Any] = {attribute: 1.0}
    back: dict[str, Any] = {attribute: -1.0}
    edited = face.edit(**there)
    done = time.perf_counter()
    edited.save(out)
    written = time.perf_counter()
    face.edit(**back)
    again = time.perf_counter()
    return {
        "load_s": loaded - started,
        "read_s": read - loaded,
        "edit_s": done - read,
        "write_s": written - done,
        "s": written - loaded,
        "another_edit_s": again - written,
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))

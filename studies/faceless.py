"""How many faces are found in pictures that have none.

    python -m studies.faceless products/ scikit-image --side 480 --count 600

Each argument is a folder of such pictures, looked for in its folders too, or `scikit-image`: the
photographs, scans and textures of that package that show no person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from studies.command import Study, records_table
from studies.finding import found_in

from istrc.circle import Circle
from istrc.photo.align import FindsPoints
from istrc.photo.inputs import find_inputs
from istrc.photo.read import read_picture
from istrc.progress import Bar

PACKAGED = "scikit-image"
THINGS = (
    "brick", "cell", "chelsea", "clock", "coffee", "coins", "colorwheel", "grass", "gravel",
    "horse", "hubble_deep_field", "immunohistochemistry", "logo", "microaneurysms", "moon", "page",
    "retina", "rocket", "text",
)  # fmt: skip


def pictures_of(source: str, count: int, seed: int) -> tuple[int, Iterator[np.ndarray]]:
    """How many pictures of a source, at most `count`, and they: (H, W, 3) uint8, by the seed.

    Raises InputError where it has none.
    """
    names: Sequence[Any] = THINGS
    if source != PACKAGED:
        names = find_inputs(Path(source, "**", "*"))
    chosen = np.sort(np.random.default_rng(seed).permutation(len(names))[:count])
    return len(chosen), (_read(names[number]) for number in chosen)


def _read(named: str | Path) -> np.ndarray:
    if isinstance(named, Path):
        return read_picture(named).pixels
    import skimage.data

    return np.asarray(Image.fromarray(getattr(skimage.data, named)()).convert("RGB"))


def enlarged(pixels: np.ndarray, side: int) -> np.ndarray:
    """The picture, its longer side of at least `side` pixels."""
    height, width = pixels.shape[:2]
    factor = side / max(height, width)
    if factor <= 1:
        return pixels
    size = round(width * factor), round(height * factor)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def measure_faceless(
    sources: Sequence[str],
    aligner: FindsPoints | None,
    *,
    side: int,
    count: int,
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda name, done, total: None,
) -> dict[str, Any]:
    """Of each source: its `pictures`, `false` faces found in all of them, in how many pictures
    (`seen_in`), and their `scores`.
    """
    result = {}
    for source in sources:
        name = Path(source).name
        total, pictures = pictures_of(source, count, seed)
        scores = []
        for number, pixels in enumerate(pictures, 1):
            scores.append([one.score for one in found_in(enlarged(pixels, side), aligner)])
            progress(name, number, total)
        result[name] = {
            "pictures": total,
            "false": sum(map(len, scores)),
            "seen_in": sum(map(bool, scores)),
            "scores": sorted(one for some in scores for one in some),
        }
    return {"sources": result, "side": side}


def faceless_markdown(found: Mapping[str, Any]) -> str:
    """A row a source."""
    columns = {"pictures": "pictures", "false": "false faces", "seen_in": "in so many pictures"}
    return (
        records_table("without a face", columns, found["sources"])
        + f"\nPictures whose longer side is less than {found['side']} pixels were enlarged to it.\n"
    )


def main(arguments: list[str] | None = None) -> None:
    study = Study("faceless", __doc__)
    add = study.parser.add_argument
    add("sources", nargs="+", help=f"folders of pictures without a face, or {PACKAGED}")
    add("--side", type=int, default=480, help="smaller pictures are enlarged to it, pixels")
    add("--count", type=int, default=600, help="pictures of each, at most, drawn with the seed")
    given = study.parse(arguments)
    circle = Circle.from_pretrained(given.model, device=given.device)
    asked: dict[str, Any] = dict(side=given.side, count=given.count, seed=given.seed)
    with Bar("faceless") as bar:
        found = measure_faceless(
            given.sources,
            circle.aligner,
            **asked,
            progress=lambda name, done, total: bar.at(done, total, name),
        )
    study.finish("faceless", found, faceless_markdown)


if __name__ == "__main__":
    main()

r"""What a second encoding of a JPEG does where nothing was edited.

The table of docs/command-line.md is made of one's own photographs:

    ISTRC_JPEGS=photographs/ ISTRC_JPEGS_JSON=results/jpeg.json pytest \
        tests/photo/test_recompressed.py
"""

import json
import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from istrc.photo.read import read_picture
from istrc.photo.write import write_picture

BLOCK = 16  # pixels of the largest block of which colours are shared
WAYS = {"quality 95, 4:4:4": {"quality": 95, "subsampling": 0}}
WAYS |= {f"quality {quality}, 4:2:0": {"quality": quality} for quality in (95, 85, 75, 50)}


def untouched(path, folder):
    """How far the pixels (N, 3) of a JPEG are from what they were, beyond an edit of its middle and
    the blocks beside it; and how many times the file it has become.
    """
    picture = read_picture(path)
    height, width = picture.pixels.shape[:2]
    edited, outside = picture.pixels.copy(), np.ones((height, width), bool)
    rows, columns = (slice(size // 3, 2 * size // 3) for size in (height, width))
    edited[rows, columns] = 255 - edited[rows, columns] // 2
    beside = [slice(s.start - 2 * BLOCK, s.stop + 2 * BLOCK) for s in (rows, columns)]
    outside[tuple(slice(max(s.start, 0), s.stop) for s in beside)] = False
    write_picture(picture, edited, folder / "out.jpg")
    off = np.abs(read_picture(folder / "out.jpg").pixels.astype(np.int16) - picture.pixels)
    write_picture(picture, picture.pixels, folder / "out.jpg")
    return off[outside], (folder / "out.jpg").stat().st_size / path.stat().st_size


def told(offs, sizes):
    """Of all pixels of some pictures."""
    worst = np.concatenate([off.max(1) for off in offs])
    return {
        "pictures": len(offs),
        "same": float((worst == 0).mean()),
        "within 2 levels": float((worst <= 2).mean()),
        "levels, mean": float(np.mean([off.mean() for off in offs])),
        "levels, 99.9 %": float(np.percentile(worst, 99.9)),
        "most levels": int(worst.max()),
        "file, times": float(np.median(sizes)),
    }


def test_the_page_has_what_was_measured():
    root = Path(__file__).parents[2]
    page = (root / "docs" / "command-line.md").read_text(encoding="utf-8")
    for way, found in json.loads((root / "results" / "jpeg.json").read_text())["jpeg"].items():
        shares = [f"{100 * found[name]:.1f} %" for name in ("same", "within 2 levels")]
        levels = [f"{found['levels, mean']:.2f}", f"{found['levels, 99.9 %']:.0f}"]
        row = " | ".join([way, *shares, *levels, str(found["most levels"])])
        assert f"| {row} |" in page


@pytest.mark.parametrize("way", WAYS)
def test_what_no_edit_touches_stays(tmp_path, way):
    data = pytest.importorskip("skimage.data")
    scene = Image.fromarray(data.astronaut())
    scene.save(tmp_path / "in.jpg", **WAYS[way])
    found = told(*([one] for one in untouched(tmp_path / "in.jpg", tmp_path)))
    print(way, found)
    assert found["within 2 levels"] > 0.9 and found["levels, mean"] < 0.4
    assert found["file, times"] < 1.02


def test_of_ones_own_photographs(tmp_path):
    if not os.environ.get("ISTRC_JPEGS"):
        pytest.skip("ISTRC_JPEGS names no folder of JPEGs")
    paths = sorted(Path(os.environ["ISTRC_JPEGS"]).glob("*.jp*g"))
    table = {}
    offs, sizes = zip(*(untouched(path, tmp_path) for path in paths), strict=True)
    table["as they are"] = told(offs, sizes)
    for way, options in WAYS.items():
        offs, sizes = [], []
        for path in paths:
            Image.open(BytesIO(path.read_bytes())).convert("RGB").save(
                tmp_path / "in.jpg", **options
            )
            for made, one in zip(
                (offs, sizes), untouched(tmp_path / "in.jpg", tmp_path), strict=True
            ):
                made.append(one)
        table[way] = told(offs, sizes)
    assert all(row["file, times"] < 1.02 for row in table.values())
    if path := os.environ.get("ISTRC_JPEGS_JSON"):
        from istrc.evaluation.results import write_results

        how = "ISTRC_JPEGS=photographs/ ISTRC_JPEGS_JSON=results/jpeg.json pytest "
        write_results(path, {"jpeg": table}, command=how + "tests/photo/test_recompressed.py")

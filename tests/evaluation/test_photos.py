"""`evaluate_photos`: three parts together, and their tables."""

import numpy as np
import pytest
from PIL import Image

from istrc.circle import Circle
from istrc.errors import InputError
from istrc.evaluation import photo_finding
from istrc.evaluation.photo_finding import Condition
from istrc.evaluation.photos import evaluate_photos, photos_markdown


class Aligned(Circle):
    """Takes every picture for an aligned one, so that nothing need be detected."""

    def faces(self, path, *, aligned=False, min_face=None):
        return super().faces(path, aligned=True)


@pytest.fixture(scope="module")
def circle(draw_circle):
    return draw_circle(("smile",), Aligned)


@pytest.fixture
def settings(circle, prepared, monkeypatch):
    monkeypatch.setattr(photo_finding, "found_in", lambda pixels, aligner: [])
    monkeypatch.setattr(photo_finding, "SHAPE", (60, 80))
    monkeypatch.setattr(photo_finding, "HEIGHT", 72)
    monkeypatch.setattr(photo_finding, "WIDTH", 96)
    few = dict(crowds={"2 of 9": (9, 9)}, pictures=3, large={0.01: (90, 110)})
    common = dict(circle=circle, prepared=prepared, faces=2, moved=3)
    return common | dict(conditions=(Condition(0.4),), **few)


def test_all_parts_and_their_tables(settings, tmp_path):
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (30, 25, 3), dtype=np.uint8))
    picture.resize((178, 218), Image.Resampling.BICUBIC).save(tmp_path / "a.png")
    seen = []
    found = evaluate_photos(
        **settings, photos=tmp_path, megapixels=0.1, progress=lambda *at: seen.append(at)
    )
    edits = found["photographs"]["resolutions"]["own"]["photo"]["edits"]
    assert list(edits) == ["smile+", "smile-"]  # what the circle knows
    # 3 aligned, 2 looked for and 2 empty, 3 crowds and a large one, 2 edits in 2 modes at 2
    # resolutions
    assert seen[-1] == (19, 19) and seen == sorted(seen) and len(seen) == 20
    table = photos_markdown(found)
    for said in (
        "| the box as it is |",
        "| 40 % of the height, photograph | 0.000 | 0.000 | - |",
        "| no face, photograph | - | 0.000 |",
        "| 2 of 9 | 0.000 | 0.000 |",
        "| 0.01 megapixels | 0.000 |",
        "| own resolution, the change added (photo) |",
        "| 0.1 megapixels, the decoded face pasted (anchored) |",
        "in 100 % of them",
        "The faces are crops",
    ):
        assert said in table, said
    assert "changed outside" in table and " | 0 | " in table


def test_without_photographs_the_rest_is_measured(settings, tmp_path):
    found = evaluate_photos(**settings)
    assert found["photographs"] is None and found["faces_are"] == "crops"
    assert found["alignment"]["faces"] == 3 and found["detection"]["faces"] == 2
    assert "own resolution" not in photos_markdown(found)
    again = evaluate_photos(**settings)
    assert again["alignment"] == found["alignment"]
    with pytest.raises(InputError, match="no pictures"):
        evaluate_photos(**settings, photos=tmp_path)

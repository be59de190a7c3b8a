"""Edits of whole photographs: each measure by hand, and an untrained circle put through them."""

import numpy as np
import pytest
from PIL import Image
from studies.scenes import frame_at
from tools.pages import photos_markdown

from istrc.circle import Circle
from istrc.errors import InputError
from istrc.evaluation.photos import (
    MODES,
    PULLED,
    Region,
    changed_outside,
    enlarged,
    evaluate_photos,
    luminance,
    measure_face,
    roughness,
    sharpness,
    together,
)
from istrc.photo.align import transform
from istrc.photo.paste import FULL, ROUNDNESS, face_mask, paste_crop

EDITS = [("smile", 1.0), ("smile", -1.0), ("beard", 1.0)]


class Aligned(Circle):
    """Takes every picture for an aligned one, so that nothing need be detected."""

    def faces(self, path, **how):
        if "blank" in path.stem:
            raise InputError(f"{path}: no face found; use another")
        return super().faces(path, **{**how, "aligned": True})


@pytest.fixture(scope="module")
def circle(draw_circle):
    return draw_circle(("smile", "male", "beard"), Aligned)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for name, size in (("a", (178, 218)), ("b", (89, 109)), ("blank", (89, 109))):
        picture = Image.fromarray(rng.integers(0, 256, (30, 25, 3), dtype=np.uint8))
        picture.resize(size, Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return sorted(folder.iterdir())


def test_where_the_mask_is():
    frame = frame_at((40, 35), 32, 0.5)
    region = Region.of(frame, 70, 80)
    rows, columns = region.cut
    for row in range(rows.start, rows.stop, 5):
        for column in range(columns.start, columns.stop, 5):
            x, y = transform(frame.matrix, [column + 0.5, row + 0.5])
            u, v = abs(x - 89) / 64, abs(y - 109) / 64
            byhand = (u**ROUNDNESS + v**ROUNDNESS) ** (1 / ROUNDNESS)
            assert region.radius[row - rows.start, column - columns.start] == pytest.approx(byhand)
    assert np.array_equal(region.face, region.radius <= FULL)
    assert not (region.face & region.border).any()
    assert region.radius.min() < 0.1 and region.radius[0, 0] > 1
    # As the mask that edits are pasted with
    upright = Region.of(frame_at((32, 32), 64, 0.0), 64, 64)
    assert (np.abs((face_mask(64) == 1) ^ upright.face)).mean() < 0.03
    assert ((face_mask(64) > 0) <= (upright.radius < 1.05)).all()
    # A face at the picture's edge
    assert Region.of(frame_at((0, 0), 64, 0.0), 64, 64).radius.shape == (45, 45)


def test_sharpness_and_roughness_in_a_loop():
    rng = np.random.default_rng(0)
    grey = rng.normal(size=(9, 11)).astype(np.float32)
    where = rng.random((9, 11)) < 0.6
    laplacians, gradients = [], []
    for i in range(1, 8):
        for j in range(1, 10):
            if where[i, j]:
                around = grey[i - 1, j] + grey[i + 1, j] + grey[i, j - 1] + grey[i, j + 1]
                laplacians.append(around - 4 * grey[i, j])
                down, across = grey[i + 1, j] - grey[i - 1, j], grey[i, j + 1] - grey[i, j - 1]
                gradients.append(np.hypot(down / 2, across / 2))
    assert sharpness(grey, where) == pytest.approx(np.var(laplacians), rel=1e-4)
    inner = where.copy()
    inner[[0, -1]] = inner[:, [0, -1]] = False
    assert roughness(grey, inner) == pytest.approx(np.mean(gradients), rel=1e-4)
    assert np.isnan(sharpness(grey, where & False)) and np.isnan(roughness(grey, where & False))
    white = luminance(np.full((2, 2, 3), 255, np.uint8))
    assert white == pytest.approx(np.full((2, 2), 255), rel=1e-5)


def test_what_changed_outside_the_mask_is_counted():
    before = np.zeros((60, 60, 3), np.uint8)
    region = Region.of(frame_at((30, 30), 40, 0.0), 60, 60)
    after = before.copy()
    after[30, 30] = 1  # on the face
    assert changed_outside(before, after, region) == 0
    after[2, 2, 1] = 1  # far outside
    after[11, 11, 0] = 1  # beyond the mask, where a face may pull
    assert changed_outside(before, after, region) == 1 / (3600 - (region.radius < PULLED).sum())


def test_enlarging():
    pixels = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    large = enlarged(pixels, 0.12)
    assert large.shape == (300, 400, 3)
    assert enlarged(large, 0.01) is large


def test_every_edit_of_a_face_is_measured(circle, paths):
    face = circle.read(paths[0])
    ticks = []
    found = measure_face(face, EDITS, lambda: ticks.append(1))
    assert list(found["modes"]) == list(MODES) and len(ticks) == 6 and found["nothing"]
    names = ["smile+", "smile-", "beard+"]
    before = face.picture.pixels
    region = Region.of(face.frame, *before.shape[:2])
    for mode in MODES:
        assert list(found["modes"][mode]) == names
        for (attribute, strength), name in zip(EDITS, names, strict=True):
            one = found["modes"][mode][name]
            assert one["outside"] == 0 and one["seconds"] > 0
            after = face.edit(**{attribute: strength}, mode=mode).pixels
            was, now = (luminance(p[region.cut]) for p in (before, after))
            ratio = sharpness(now, region.face) / sharpness(was, region.face)
            assert one["sharpness"] == pytest.approx(ratio)
            seam = roughness(now, region.border) / roughness(was, region.border)
            assert one["seam"] == pytest.approx(seam)
    # "anchored" is the decoded face, pasted
    edited = face.edit(beard=1.0, mode="anchored")
    z2 = circle.stopped_walk(face.x, face.z, {"beard": 1.0}, mode="anchored").walk.end
    crop = circle.rebuild(face.x, face.z, z2, "anchored")[0].permute(1, 2, 0).numpy()
    assert np.array_equal(edited.pixels, paste_crop(before, crop, face.frame))


def test_photographs_at_both_resolutions(circle, paths, tmp_path):
    seen = []
    found = evaluate_photos(
        circle=circle, photos=paths[0].parent, transformations=("smile", "young"), megapixels=0.1,
        progress=lambda *at: seen.append(at),
    )  # fmt: skip
    assert list(found["found"]) == ["a.png", "b.png"]
    assert found["left_out"] == {"blank.png": "no face found; use another"}
    assert found["faces"] == pytest.approx(2 / 3) and found["found"]["a.png"]["width"] == 178
    # 2 edits in 2 modes at 2 resolutions of 2 of 3 photographs
    assert seen == [(tick, 24) for tick in range(1, 17)]
    assert list(found["resolutions"]["own"]["photo"]["edits"]) == ["smile+", "smile-"]
    for resolution in found["resolutions"].values():
        assert resolution["photographs"] == 2 and resolution["nothing"] == 1
        for mode in MODES:
            one = resolution[mode]
            assert one["outside"] == 0
            per_edit = [told["sharpness"] for told in one["edits"].values()]
            assert one["sharpness"] == pytest.approx(np.mean(per_edit))
    table = photos_markdown(found)
    for said in (
        "| own resolution, the change added (photo) |",
        "| 0.1 megapixels, the decoded face pasted (anchored) |",
        "in 100 % of them",
        " ± ",
    ):
        assert said in table, said
    assert "changed outside" in table and " | 0 | " in table
    with pytest.raises(InputError, match="no pictures"):
        evaluate_photos(circle=circle, photos=tmp_path)
    (tmp_path / "blank.png").symlink_to(paths[2])
    with pytest.raises(InputError, match="no photograph with a face"):
        evaluate_photos(circle=circle, photos=tmp_path)


def test_means_are_over_photographs_and_then_over_edits():
    def one(first, second, nothing=True):
        numbers = {"smile+": first, "beard+": second}
        keys = ("sharpness", "seam", "outside", "seconds")
        edits = {name: dict.fromkeys(keys, value) for name, value in numbers.items()}
        return {"modes": dict.fromkeys(MODES, edits), "nothing": nothing}

    told = together([one(1.0, 3.0), one(2.0, float("nan"), nothing=False)])
    assert told["photographs"] == 2 and told["nothing"] == 0.5
    assert told["photo"]["edits"]["smile+"]["seam"] == 1.5
    assert told["photo"]["sharpness"] == (1.5 + 3.0) / 2  # what is not defined does not count
    assert told["anchored"]["edits"]["beard+"]["outside"] == 3.0
    # Of two photographs whose means over their edits are 2 and 2
    assert told["photo"]["standard_error"]["seam"] == 0.0
    told = together([one(1.0, 3.0), one(2.0, 4.0)])
    assert told["photo"]["standard_error"]["seam"] == pytest.approx(0.5)  # |2 - 3| / 2

"""A row of a strip is the walk, drawn from the photograph."""

import numpy as np
import pytest

from istrc.circle import Circle
from istrc.photo.write import write_picture
from istrc.verbs.strips import walk_row


@pytest.fixture(scope="module")
def face(blank_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("strip") / "face.png"
    pixels = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    write_picture(None, pixels, path)
    return Circle.from_pretrained(blank_model).read(path, aligned=True)


def test_the_row_starts_at_the_photograph_itself(face):
    row, angles = walk_row(face, "smile", 1.0, frames=4, cell=128)
    assert row.label == "smile +1" and row.marked == 0
    assert len(row.faces) == len(row.captions) == len(angles) == 4
    # At 128 px an aligned picture's crop is its own pixels
    np.testing.assert_array_equal(row.faces[0], face.picture.pixels[45:173, 25:153])
    assert angles[0] == pytest.approx(0, abs=1e-3)
    assert angles[-1] > 0.05
    assert row.captions[-1] == f"{angles[-1]:.2f} rad"


def test_the_last_face_is_that_of_the_edit(face):
    row, angles = walk_row(face, "beard", -1.0, frames=3, cell=128)
    edited = face.edit(beard=-1.0)
    assert angles[-1] == pytest.approx(edited.angle, abs=1e-3)
    expected = edited.pixels[45:173, 25:153].astype(int)
    assert np.abs(row.faces[-1].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["anchored", "circle"])
def test_decoded_rows_are_drawn_as_decoded(face, mode):
    row, _ = walk_row(face, "young", 1.0, frames=2, mode=mode)
    assert row.faces[0].shape == (32, 32, 3) and row.faces[0].dtype == np.uint8


def test_a_walk_of_strength_0_stays(face):
    row, angles = walk_row(face, "young", 0.0, frames=3, cell=128)
    assert max(angles) < 1e-3
    np.testing.assert_array_equal(row.faces[0], row.faces[-1])

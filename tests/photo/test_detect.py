"""Detection on real photographs: every face, largest first, and nothing where nothing is."""

import math

import numpy as np
import pytest
from PIL import Image
from studies.lfw import detect

from istrc.errors import InputError
from istrc.photo.detect import Box, glance, without_doubles


def read(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize(
    ("name", "centres"),
    [
        ("32bit.png", [(306, 426)]),
        ("biden.jpg", [(580, 414)]),
        ("obama.jpg", [(489, 262)]),
        ("obama_partial_face.jpg", [(65, 265)]),
        ("obama_small.jpg", [(164, 118)]),
        ("two_people.jpg", [(880, 172), (316, 134)]),
    ],
)
def test_every_face_of_the_photographs(shared_dir, name, centres):
    pixels = read(shared_dir / "photos" / name)
    boxes = detect(pixels)
    assert len(boxes) == len(centres)
    for x, y in centres:
        nearest = min(boxes, key=lambda box: math.dist(box.centre, (x, y)))
        assert math.dist(nearest.centre, (x, y)) < 0.25 * nearest.side
        assert abs(nearest.angle) < 0.6
    sides = [box.side for box in boxes]
    assert sides == sorted(sides, reverse=True)


@pytest.fixture(scope="module")
def astronaut() -> np.ndarray:
    return pytest.importorskip("skimage.data").astronaut()


def test_size_of_the_photograph_does_not_matter(astronaut):
    (face,) = detect(astronaut)
    assert math.dist(face.centre, (223, 130)) < 15
    for factor in (0.5, 5.0):
        size = round(512 * factor)
        (other,) = detect(np.asarray(Image.fromarray(astronaut).resize((size, size))))
        assert math.dist(other.centre, [factor * v for v in face.centre]) < 0.2 * other.side
        assert other.side / factor == pytest.approx(face.side, rel=0.25)


def test_a_small_face_is_found_at_the_second_look(astronaut):
    """6 % of the photograph's height."""
    canvas = np.full((1500, 1500, 3), 110, np.uint8)
    canvas[900:1412, 300:812] = astronaut
    (face,) = detect(canvas)
    assert math.dist(face.centre, (300 + 223, 900 + 130)) < 20


@pytest.mark.parametrize("degrees", [30, -30, 90, 180])
def test_a_turned_face_comes_with_its_angle(astronaut, degrees):
    turned = Image.fromarray(astronaut).rotate(degrees, Image.BILINEAR, expand=True)
    face = detect(np.asarray(turned))[0]
    # The face's place, turned counter-clockwise about the picture's centre
    x, y = 223 - 256, 130 - 256
    turn = math.radians(-degrees)
    place = (
        math.cos(turn) * x - math.sin(turn) * y + turned.width / 2,
        math.sin(turn) * x + math.cos(turn) * y + turned.height / 2,
    )
    assert math.dist(face.centre, place) < 0.3 * face.side
    off = math.remainder(face.angle + math.radians(degrees), 2 * math.pi)
    assert abs(off) < math.radians(35)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 300, 3), (90, 120, 3), (400, 5, 3)])
def test_no_face_is_an_empty_list(shape):
    assert detect(np.full(shape, 128, np.uint8)) == []


def test_noise_has_no_face():
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    assert detect(noise) == []


def test_pixels_of_another_kind_are_refused():
    for bad in (np.zeros((9, 9)), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3), np.float32)):
        with pytest.raises(InputError, match="uint8"):
            detect(bad)


def test_a_false_face_inside_a_true_one_is_dropped():
    true = Box(200, 200, 200, 1.5)
    inside = Box(200, 230, 100, 0.1)
    neighbour = Box(420, 200, 200, 0.9)
    assert without_doubles([inside, neighbour, true]) == [true, neighbour]


def test_a_glance_is_the_first_look_alone():
    astronaut = pytest.importorskip("skimage.data").astronaut()
    [seen], [found] = glance(astronaut), detect(astronaut)
    assert math.dist(seen.centre, found.centre) < 8 and 0.8 < seen.side / found.side < 1.25
    [near] = glance(astronaut[20:220, 120:320], 260)  # only round the face, and no contiguous array
    assert math.dist((near.centre[0] + 120, near.centre[1] + 20), found.centre) < 8
    assert glance(astronaut[300:, 300:]) == []

"""The aligner: its coordinates, and what the shipped one reaches on faces it has not seen."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import istrc
from istrc.models.aligner import Aligner, in_frame, similarity
from istrc.models.store import load_part, save_part
from istrc.photo.align import EYES, Frame, compose, find_frame, invert, transform
from istrc.photo.detect import detect

WEIGHTS = Path(istrc.__file__).parent / "weights" / "aligner"


@pytest.fixture
def toy() -> Aligner:
    torch.manual_seed(0)
    net = Aligner(size=32, widths=(4, 8, 8, 8), hidden=16)
    torch.nn.init.normal_(net.correct_by.weight, std=0.1)
    return net.eval()


def test_a_correction_is_the_similarity_of_its_four_numbers():
    correction = torch.tensor([[0.1, -0.2, math.log(1.3), 0.4]])
    matrix = similarity(correction)[0].numpy()
    for x, y in [(0, 0), (1, 0), (-0.3, 0.7)]:
        expected = [
            1.3 * (math.cos(0.4) * x - math.sin(0.4) * y) + 0.1,
            1.3 * (math.sin(0.4) * x + math.cos(0.4) * y) - 0.2,
        ]
        np.testing.assert_allclose(matrix @ [x, y, 1], expected, atol=1e-6)


def test_in_frame_pixels_it_does_the_same():
    correction = torch.tensor([[0.1, -0.2, math.log(0.8), -0.3]])
    normalised, pixels = similarity(correction)[0].numpy(), in_frame(correction)[0]
    assert pixels.dtype == np.float64
    for x, y in [(0, 0), (1, -1), (-0.3, 0.7)]:
        expected = 64 * (normalised @ [x, y, 1]) + [89, 109]
        got = pixels @ [64 * x + 89, 64 * y + 109, 1]
        np.testing.assert_allclose(got, expected, atol=1e-4)
    np.testing.assert_allclose(in_frame(torch.zeros(2, 4)), [np.eye(2, 3)] * 2, atol=1e-9)


def test_an_untrained_aligner_believes_the_guess():
    faces = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    correction = Aligner().eval().correct(faces)
    np.testing.assert_allclose(correction, [np.eye(2, 3)] * 3, atol=1e-9)


def test_a_mirrored_face_gets_the_mirrored_correction(toy):
    faces = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    straight = toy.correct(faces)
    mirrored = toy.correct(faces[:, :, ::-1])
    assert np.abs(straight - np.eye(2, 3)).max() > 1e-3
    mirror = np.array([[-1.0, 0, 178], [0, 1, 0]])
    for a, b in zip(straight, mirrored, strict=True):
        np.testing.assert_allclose(compose(mirror, a, mirror), b, atol=1e-3)


def test_faces_of_another_size_are_refused(toy):
    with pytest.raises(ValueError, match=r"expected \(B, 32, 32, 3\)"):
        toy.correct(np.zeros((1, 64, 64, 3), np.uint8))


def test_it_is_small_and_survives_the_store(toy, tmp_path):
    assert sum(p.numel() for p in Aligner().parameters()) <= 700_000  # 1.1 MB as stored
    save_part(toy, tmp_path / "aligner")
    faces = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    again = load_part(tmp_path / "aligner")
    np.testing.assert_allclose(again.correct(faces), toy.correct(faces), atol=0.2)


# The shipped weights


@pytest.fixture(scope="module")
def shipped() -> Aligner:
    return load_part(WEIGHTS)


def test_shipped_weights_are_light(shipped):
    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) <= 1_500_000


def test_it_undoes_what_was_done_to_unseen_faces(shipped, shared_dir):
    """Whole valid pictures: the true frame is moved, the aligner brings it back."""
    official = shared_dir / "data" / "celeba-official"
    lines = (official / "list_eval_partition.txt").read_text().splitlines()
    names = [name for name, split in map(str.split, lines) if split == "1"][:40]
    rng, before, after = np.random.default_rng(0), [], []
    for name in names:
        pixels = np.asarray(Image.open(official / "img_align_celeba" / name).convert("RGB"))
        wrong = torch.tensor(rng.uniform(-1, 1, (1, 4)) * [0.3, 0.3, 0.25, 0.5])
        frame = start = Frame(invert(in_frame(wrong)[0]))
        for _ in range(3):
            seen = frame.crop(pixels, shipped.size)
            frame = Frame(compose(shipped.correct(seen[None])[0], frame.matrix))
        for found, errors in ((start, before), (frame, after)):
            distance = np.linalg.norm(transform(found.matrix, EYES) - EYES, axis=1).mean()
            errors.append(distance / 38.5)
    assert np.median(before) > 0.25
    assert np.median(after) < 0.05
    assert np.percentile(after, 90) < 0.12


def test_a_turned_photograph_gives_the_turned_frame(shipped):
    """The same eyes are found however the photograph is turned and sized."""
    astronaut = Image.fromarray(pytest.importorskip("skimage.data").astronaut())

    def eyes(picture: Image.Image) -> np.ndarray:
        pixels = np.asarray(picture)
        return transform(find_frame(pixels, detect(pixels)[0], shipped).inverse, EYES)

    upright = eyes(astronaut)
    distance = np.linalg.norm(upright[1] - upright[0])
    # Where they are, by hand
    assert np.abs(upright - [[203.4, 101], [246.5, 103.3]]).max() < 0.12 * distance
    larger = eyes(astronaut.resize((1500, 1500))) * 512 / 1500
    assert np.linalg.norm(larger - upright, axis=1).max() < 0.08 * distance
    turned = eyes(astronaut.rotate(25, Image.BICUBIC))
    turn = math.radians(25)  # clockwise, back
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    back = (turned - 256) @ rotation.T + 256
    assert np.linalg.norm(back - upright, axis=1).max() < 0.08 * distance

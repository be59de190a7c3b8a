"""dlib's own recogniser on real faces; the rest is arithmetic."""

import io

import numpy as np
import pytest
import torch

from istrc.data.prepared import to_tensor
from istrc.errors import IstrcError
from istrc.evaluation import identity


@pytest.fixture(scope="module")
def faces(shared_dir):
    """Three valid people, three pictures each, at 64 px."""
    parquet = pytest.importorskip("pyarrow.parquet")
    from PIL import Image

    path = shared_dir / "data" / "celeba-crops128" / "valid-00000-of-00001.parquet"
    table = parquet.read_table(path, columns=["image", "celeb_id"])
    people = np.array(table["celeb_id"])
    names, counts = np.unique(people, return_counts=True)
    rows = [np.flatnonzero(people == name)[:3] for name in names[counts >= 3][:3]]
    pictures = []
    for row in np.concatenate(rows):
        picture = Image.open(io.BytesIO(table["image"][int(row)].as_py()["bytes"])).convert("RGB")
        pictures.append(np.asarray(picture.resize((64, 64), Image.Resampling.LANCZOS)))
    return to_tensor(np.stack(pictures))


def test_the_same_person_is_nearer_and_a_face_is_at_no_distance_from_itself(faces):
    second = identity.SecondRecogniser()
    d = second.describe(faces)
    assert d.shape == (9, 128) and d.dtype == np.float32
    assert np.abs(identity.distance(d, second.describe(faces))).max() < 1e-6
    apart = np.linalg.norm(d[:, None] - d[None], axis=-1)
    who = np.repeat(np.arange(3), 3)
    same = who[:, None] == who[None]
    assert apart[same & ~np.eye(9, dtype=bool)].mean() < 0.75 * apart[~same].mean()


def test_chips_are_what_the_network_was_trained_on(faces):
    from istrc.data.prepared import to_pixels

    cut = identity.chips_and_landmarks(to_pixels(faces[:2]))[0]
    assert [c.shape for c in cut] == [(150, 150, 3)] * 2 and cut[0].dtype == np.uint8
    # a face fills the chip; only the strip below the crop's edge may be black
    assert (cut[0][:110].sum(2) > 0).mean() > 0.95


def test_no_faces_no_descriptors():
    assert identity.SecondRecogniser().describe(torch.zeros(0, 3, 64, 64)).shape == (0, 128)


def test_a_missing_recogniser_is_one_clear_line(monkeypatch):
    monkeypatch.setattr("istrc.models.dlib_resnet.packaged", lambda *_: None)
    with pytest.raises(IstrcError, match="pip install face_recognition_models"):
        identity.SecondRecogniser()


def test_the_threshold_lets_one_train_pair_in_a_thousand_pass(prepared, monkeypatch):
    second = identity.SecondRecogniser()
    asked = []

    def describe(x):
        asked.append(x)
        return x[:, :, ::5, ::5].flatten(1).numpy()

    monkeypatch.setattr(second, "describe", describe)
    found = second.threshold(prepared, far=0.01, people=25, seed=1)
    assert found["people"] == 25 and found["pairs"] == 300
    d = describe(asked[0])
    slow = [np.linalg.norm(a - b) for i, a in enumerate(d) for b in d[:i]]
    assert np.sum(np.array(slow) < found["threshold"]) == 3
    train = prepared.batch(prepared.rows("train"))
    for face in asked[0]:  # every one of them from the train split
        assert (face == train).all((1, 2, 3)).any()
    with pytest.raises(IstrcError, match="at least 46"):
        second.threshold(prepared, far=1e-3, people=25)


def test_angles_the_slow_way():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    angles = [
        float(torch.acos(torch.nn.functional.cosine_similarity(*map(torch.tensor, (p, q)), dim=0)))
        for p, q in zip(a, b, strict=True)
    ]
    assert identity.angle(a, b) == pytest.approx(angles)
    assert identity.angle(a, 3 * a) == pytest.approx(np.zeros(6), abs=1e-6)


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(0, 1, (5, 68, 2)) + np.arange(68)[None, :, None]


def test_pose_shift_the_slow_way(points):
    after = points + np.random.default_rng(1).normal(0, 0.2, points.shape)
    for found, a, b in zip(identity.pose_shift(points, after), points, after, strict=True):
        eyes = np.linalg.norm((a[36] + a[39]) / 2 - (a[42] + a[45]) / 2)
        moved = [np.linalg.norm(a[i] - b[i]) for i in (27, 28, 29, 30, 36, 39, 42, 45)]
        assert found == pytest.approx(sum(moved) / 8 / eyes)


def test_a_mouth_may_open_and_no_unit_matters(points):
    after = points.copy()
    after[:, [i for i in range(68) if i not in identity.RIGID]] += 3
    assert identity.pose_shift(points, after) == pytest.approx(np.zeros(5))
    after[:, list(identity.RIGID)] += 1
    assert identity.pose_shift(64 * points, 64 * after) == pytest.approx(
        identity.pose_shift(points, after)
    )

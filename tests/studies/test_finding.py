"""Finding and aligning, measured with a detector and an aligner whose answers are known."""

import numpy as np
import pytest
from studies.finding import (
    CONDITIONS,
    COVERS,
    HEIGHT,
    PARTS,
    WIDTH,
    Condition,
    covered,
    evaluate_finding,
    finding_markdown,
    kinds,
    measure_alignment,
    measure_detection,
    quantiles,
    scene,
    steps,
)
from studies.scenes import box_of, disturbed, frame_at, is_face

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.photo.align import frame_from_box
from istrc.photo.find import Found
from istrc.shape.measures import eyes
from studies import finding

FACES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)


class Content:
    """An aligner that finds every guess right."""

    size = rough_size = 16
    mean = np.random.default_rng(1).normal(size=(68, 2))

    def find_in(self, faces, rough=False):
        seen = np.concatenate([self.mean, np.zeros((68, 1))], 1)
        return np.broadcast_to(seen, (len(faces), 68, 3))


def test_quantiles():
    assert quantiles([]) == {}
    found = quantiles([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    assert found == {"median": 5.0, "p90": 9.0}


def test_every_size_on_every_ground_and_then_one_thing_at_a_time():
    assert len({condition.name for condition in CONDITIONS}) == len(CONDITIONS) == 22
    plain = Condition()
    for condition in CONDITIONS[15:]:
        different = [k for k, v in vars(condition).items() if v != vars(plain)[k]]
        assert len(different) == 1
    assert Condition(0.05, "noise").name == "5 % of the height, noise"
    assert Condition(blur=0.1).name.endswith("photograph, blurred by 0.1 eye distances")


def test_a_content_aligner_leaves_the_box_as_it_is():
    ticks = []
    found = measure_alignment(FACES, Content(), seed=3, progress=lambda: ticks.append(1))
    assert found["aligned"]["median"] == pytest.approx(found["box"]["median"])
    assert found["aligned"] == pytest.approx(measure_alignment(FACES, None, seed=3)["box"])
    assert 0.02 < found["box"]["median"] < 0.6 and len(ticks) == 3
    other = measure_alignment(FACES, None, seed=4)
    assert other["box"] != found["box"]


def test_an_aligner_that_knows_is_exact(monkeypatch):
    """find_frame is handed the photograph, the wrong box, and gives what counts."""
    seen = []

    def knows(pixels, box, aligner):
        seen.append((pixels, box))
        return frame_from_box(box) if len(seen) > 1 else truths[0]

    truths = []

    def remember(*arguments):
        truths.append(frame_at(*arguments))
        return truths[-1]

    monkeypatch.setattr(finding, "find_frame", knows)
    monkeypatch.setattr(finding, "frame_at", remember)
    found = measure_alignment(FACES[:1], Content())
    assert found["aligned"]["median"] == pytest.approx(0, abs=1e-9)
    assert abs(np.degrees(truths[0].angle)) <= 30 and 80 <= truths[0].side <= 320
    pixels, box = seen[0]
    assert pixels.shape[0] > truths[0].side and box.angle == 0


@pytest.mark.parametrize("size", [0.05, 0.8])
def test_a_scene_has_its_face_inside(size):
    condition = Condition(size=size, ground="neutral")
    pixels, frame = scene(FACES[0], condition, np.random.default_rng(0))
    assert pixels.shape == (HEIGHT, WIDTH, 3) and frame.side == pytest.approx(size * HEIGHT)
    corners = frame.corners()
    assert (corners >= -1e-9).all() and (corners <= [WIDTH + 1e-9, HEIGHT + 1e-9]).all()
    changed = (pixels != 128).any(-1)
    assert changed.sum() == pytest.approx(frame.side**2, rel=0.25)
    turned = Condition(size=size, ground="neutral", angle=30.0)
    other = scene(FACES[0], turned, np.random.default_rng(0))[1]
    assert np.degrees(other.angle) == pytest.approx(30)
    assert np.allclose(other.corners().mean(0), corners.mean(0))  # the same place


def test_faces_found_missed_and_seen_in_nothing(monkeypatch):
    """A detector that sees every face but the second, and on noise another one in the corner."""
    scenes = {}
    make = finding.scene

    def kept(face, condition, rng):
        pixels, frame = make(face, condition, rng)
        scenes[pixels.tobytes()[:3000], pixels.sum()] = frame
        return pixels, frame

    count = [0]

    def found_in(pixels, aligner):
        return [Found(frame_from_box(box), 1.0, box) for box in boxes_in(pixels)]

    def boxes_in(pixels):
        frame = scenes.get((pixels.tobytes()[:3000], pixels.sum()))
        ghost = box_of(frame_at((15, 15), 20, 0.0))
        ghosts = [ghost] if pixels.std() > 70 else []  # noise
        if frame is None:
            return ghosts
        count[0] += 1
        rng = np.random.default_rng(count[0])
        own = disturbed(box_of(frame), rng, shift=0.05, scale=1.1)
        assert is_face(own, frame) and not is_face(ghost, frame)
        return ghosts + ([own] if count[0] % 3 != 2 else [])

    monkeypatch.setattr(finding, "scene", kept)
    monkeypatch.setattr(finding, "found_in", found_in)
    conditions = (Condition(0.2, "noise"), Condition(0.2, "neutral"))
    ticks = []
    found = measure_detection(
        FACES, Content(), conditions=conditions, progress=lambda: ticks.append(1)
    )
    noise, neutral = found["conditions"].values()
    assert noise["rate"] == neutral["rate"] == pytest.approx(2 / 3)
    assert (noise["false"], neutral["false"]) == (1, 0)
    assert found["empty"] == {"noise": 1, "neutral": 0}
    for one in (noise, neutral):
        assert 0 < one["box"]["median"] < 0.3
        assert one["aligned"]["median"] == pytest.approx(one["box"]["median"])
    assert len(ticks) == steps(conditions, len(FACES)) == 12


@pytest.fixture
def few(toys, draw_circle, monkeypatch):
    """Small scenes in which nothing is found."""
    monkeypatch.setattr(finding, "found_in", lambda pixels, aligner: [])
    monkeypatch.setattr(finding, "SHAPE", (60, 80))
    monkeypatch.setattr(finding, "HEIGHT", 72)
    monkeypatch.setattr(finding, "WIDTH", 96)
    own = dict(crowds={"2 of 9": (9, 9)}, pictures=3, large={0.01: (90, 110)})
    common = dict(circle=draw_circle(("smile",)), prepared=toys, faces=2, moved=3)
    common["parts"] = [part for part in PARTS if part != "kinds"]  # the toys have no landmarks
    return common | dict(conditions=(Condition(0.4),), **own)


def test_all_parts_and_their_tables(few):
    seen = []
    found = evaluate_finding(**few, progress=lambda *at: seen.append(at))
    # 3 aligned, 2 looked for and 2 empty, 3 crowds and a large one
    assert seen[-1] == (11, 11) and seen == sorted(seen) and len(seen) == 11
    table = finding_markdown(found)
    for said in (
        "| the box as it is |",
        "| 40 % of the height, photograph | 0.000 | 0.000 | - |",
        "| no face, photograph | - | 0.000 |",
        "| 2 of 9 | 0.000 | 0.000 |",
        "| 0.01 megapixels | 0.000 |",
        "The faces are crops",
    ):
        assert said in table, said
    assert found["alignment"]["faces"] == 3 and found["detection"]["faces"] == 2
    assert evaluate_finding(**few)["alignment"] == found["alignment"]
    with pytest.raises(InputError, match="no landmarks"):
        evaluate_finding(**few | dict(parts=["kinds"]))


DEPTH = 0.7  # of the nose before the eyes, in their distances


def _turned(points, degrees):
    """The points of a flat face with a nose, whose head has turned, seen from afar."""
    left, right = eyes(points)
    middle, depth = (left + right)[0] / 2, np.zeros(68)
    depth[30] = DEPTH * np.linalg.norm(right - left)
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    x = middle + (points[:, 0] - middle) * cos + depth * sin
    return np.stack([x, points[:, 1]], 1)


@pytest.mark.parametrize("part", COVERS.values(), ids=COVERS)
def test_what_is_covered(face_points, part):
    face = np.random.default_rng(0).integers(0, 200, (128, 128, 3), dtype=np.uint8)
    colour = np.array([250, 251, 252])
    found = covered(face, face_points, part, colour)
    under = (found == colour).all(-1)
    assert (found[~under] == face[~under]).all() and found.dtype == np.uint8
    own = (face_points[list(part)] + 1) * 64
    columns, rows = np.clip(own, 0, 127).astype(int).T
    assert under[rows, columns].mean() > 0.9  # a corner of the box is on the edge
    width, height = np.ptp(own, axis=0)
    assert 0.7 < under.sum() / (np.pi / 2 * width * height) < 1.02  # less where it leaves the crop
    assert not under[:40].any()


LIGHT, BROWN, DARK = (240, 215, 200), (130, 95, 70), (60, 40, 30)


@pytest.fixture
def people(face_points, tmp_path, write_prepared):
    """Ten held-out faces of one colour each: six look ahead, two each are turned aside."""
    skins = [LIGHT, LIGHT, BROWN, BROWN, DARK, DARK, *[BROWN] * 4]
    turns = [*[0] * 6, -25, 25, -42, 42]
    folder = write_prepared(
        tmp_path,
        np.broadcast_to(np.array(skins)[:, None, None], (10, 32, 32, 3)),
        np.zeros((10, 1)),
        attributes=("smile",),
        identity=np.arange(10),
        split=np.ones(10),
    )
    np.save(folder / "landmarks.npy", np.stack([_turned(face_points, turn) for turn in turns]))
    return Prepared(folder)


def test_kinds_of_faces(people):
    pytest.importorskip("skimage")
    found = kinds(people, split="valid", count=5, seed=0)
    assert {name: len(own) for name, own in found.items()} == {
        "looks ahead, up to 0.2 aside": 5,
        "turned, 0.3 to 0.4 aside": 2,
        "turned, 0.55 to 0.8 aside": 2,
        "light tone, over 41": 2,
        "brown tone, 10 to -30": 2,
        "dark tone, under -30": 2,
        **{f"{name} covered": 5 for name in COVERS},
    }
    for name, colour in (("light", LIGHT), ("brown", BROWN), ("dark", DARK)):
        own = next(faces for kind, faces in found.items() if kind.startswith(name))
        assert (own == colour).all()
    for ahead, mouth in zip(next(iter(found.values())), found["the mouth covered"], strict=True):
        assert 0 < (ahead != mouth).any(-1).mean() < 0.5  # the same face, a part of it another


def test_people_who_are_dark_in_all_of_their_pictures(people):
    """A person in the shade of one picture is none, nor is one who was seen only a few times."""
    pytest.importorskip("skimage")
    name = f"people under {finding.DARK:g} in all pictures"
    for person, faces in (
        ([1, 2, 3, 3, 3, 3, 3, 4, 5, 6], 4),  # four of their five look ahead
        ([3, 2, 1, 3, 3, 3, 3, 3, 5, 6], None),  # light in one of six
        ([1, 2, 3, 3, 3, 3, 4, 5, 6, 7], None),  # four pictures
        ([0, 0, *[-1] * 8], None),  # who they are is not known
    ):
        np.save(people.folder / "identity.npy", np.array(person, np.int32))
        found = kinds(Prepared(people.folder), split="valid", count=5, seed=0)
        assert (len(found[name]) if name in found else None) == faces


def test_kinds_alone_are_looked_for_and_told(people, draw_circle, monkeypatch):
    """The detector itself, in small pictures of no real face."""
    pytest.importorskip("skimage")
    monkeypatch.setattr(finding, "HEIGHT", 72)
    monkeypatch.setattr(finding, "WIDTH", 96)
    seen = []
    asked = dict(prepared=people, faces=1, parts=["kinds"], moved=1)
    found = evaluate_finding(
        circle=draw_circle(("smile",)), **asked, progress=lambda *at: seen.append(at)
    )
    assert seen[-1] == (9, 9) and "alignment" not in found
    dark = found["kinds"]["dark tone, under -30"]
    assert (dark["faces"], dark["rate"], dark["false"]) == (1, 0, 0)
    table = finding_markdown(found)
    assert "| dark tone, under -30 | 1 | 0.000 | 0.000 | - | - |" in table
    assert "after the aligner" not in table

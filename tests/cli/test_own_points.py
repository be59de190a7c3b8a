"""Landmarks of anything, the whole way: drawn kites of nine points, from a CSV to their edits."""

import json

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from istrc.circle import Circle
from istrc.data.prepare import prepare
from istrc.data.prepared import Prepared
from istrc.errors import InputError, IstrcError
from istrc.evaluation.judges import train_judge
from istrc.models.serialization import load_part
from istrc.shape.mesh import signed_of
from istrc.training.all import train_all
from istrc.training.presets import PRESETS
from istrc.training.spaces import Spaces
from studies import own_data

pytestmark = pytest.mark.slow  # a circle is trained

KINDS = {"broad": (20, 10), "narrow": (9, 12), "flat": (17, 7), "small": (11, 8)}  # half width, top
EACH, SIZE = 30, (72, 56)  # kites of a kind; of a picture, of which the middle 56 columns are seen
SHORT, LONG = 12, 25  # pixels, of a tail
STEPS = dict(landmarks=1, landmarks_fine=2, facenet=2, began=2, mapping=2, attributes=40,
             changes=2, probes=300)  # fmt: skip
# No more components than so few pictures have, and probes that come to an end in so few steps
FEW = dict(facenet=dict(widths=(8, 8, 16, 16)), probes=dict(rate=2e-2), stopping=dict(faces=8),
           began=dict(linear=16, linear_side=32, widths=(8, 8, 12, 12)))  # fmt: skip


def corners(kind: str, long: bool, middle: np.ndarray) -> np.ndarray:
    """Nine points of a kite, (9, 2) pixels: four corners, the middles between them, the crossing.

    The last corner but one is the tail.
    """
    wide, top = KINDS[kind]
    ends = np.array([[-wide, 0], [0, -top], [wide, 0], [0, LONG if long else SHORT]], float)
    return middle + np.concatenate([ends, (ends + np.roll(ends, -1, 0)) / 2, [[0, 0]]])


def draw(places: np.ndarray, red: bool) -> Image.Image:
    picture = Image.new("RGB", SIZE, "white")
    colour = (220, 40, 40) if red else (40, 60, 200)
    ImageDraw.Draw(picture).polygon([tuple(one) for one in places[:4]], fill=colour)
    return picture


def tail(pixels: np.ndarray) -> float:
    """The height, in pixels of the picture, down to which there are columns of a kite."""
    dark = (pixels.astype(float).min(-1) < 150).sum(1) >= 2
    return float(np.flatnonzero(dark).max() + 1)


@pytest.fixture(scope="module")
def kites(tmp_path_factory):
    """Pictures, and labels.csv: the kind, a long tail or none, red or blue, and nine points."""
    folder = tmp_path_factory.mktemp("kites")
    rng = np.random.default_rng(0)
    heading = ["file", "class", "long", "red", *(f"{a}{k}" for k in range(9) for a in "xy")]
    lines = [",".join(heading)]
    for kind in KINDS:
        for number in range(EACH):
            long, red = (bool(one) for one in rng.integers(0, 2, 2))
            places = corners(kind, long, np.array([36, 20]) + rng.uniform(-3, 3, 2))
            name = f"{kind}{number}.png"
            draw(places, red).save(folder / name)
            marks = [""] * 18 if number == 5 else [f"{one:.3f}" for one in places.ravel()]
            lines.append(",".join([name, kind, str(int(long)), str(int(red)), *marks]))
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def made(kites, tmp_path_factory):
    """The prepared folder and the circle's, trained for a few steps."""
    pytest.importorskip("pytorch_metric_learning")
    place = tmp_path_factory.mktemp("points")
    prepare(kites, place / "prepared", size=64, workers=1)
    steps = {f"{part}_steps": count for part, count in STEPS.items()}
    parts = PRESETS["image64"].parts
    with pytest.MonkeyPatch.context() as patch:
        for part, own in FEW.items():
            patch.setitem(parts, part, {**parts.get(part, {}), **own})
        train_all(place / "prepared", place / "circle", preset="image64", **steps)
    return place


@pytest.fixture(scope="module")
def circle(made):
    return Circle.from_pretrained(made / "circle", runtime="torch")


@pytest.fixture
def kite(kites):
    """A short blue one: its file, and its points."""
    places = corners("broad", False, np.array([35.0, 21.0]))
    draw(places, False).save(kites / "new.png")
    return kites / "new.png", places


def test_the_number_of_points_is_the_circles(made, circle):
    prepared = Prepared(made / "prepared")
    assert prepared.landmarks.shape == (4 * EACH, 9, 2)
    assert circle.whole and not circle.facial and circle.code == circle.texture + 18
    assert circle.landmarks.config["points"] == 9 and len(circle.mesh.centre) == 9 + 16
    assert not circle.probes.measures and circle.aligner is circle.landmarks
    x = prepared.batch(np.arange(3))
    found = circle.find(x)
    assert found.shape == (3, 9, 3) and circle.shapes(circle.encode(x)).shape == (3, 9, 2)
    known = prepared.landmarks[prepared.rows("fit")]
    mean = np.nanmean(known, 0)
    np.testing.assert_allclose(circle.mesh.reference, mean, atol=2e-3)  # half precision on disk
    assert not (made / "circle" / "runs" / "landmarks" / "rough").exists()  # nothing is aligned


def test_what_is_not_marked_is_found(made):
    """One kite of each kind has no landmarks: it is trained on as the network sees it."""
    prepared = Prepared(made / "prepared")
    lost = np.isnan(prepared.landmarks).any((1, 2))
    assert lost.sum() == len(KINDS)
    textures = Prepared(made / "circle" / "runs" / "textures")
    np.testing.assert_array_equal(textures.landmarks[~lost], prepared.landmarks[~lost])
    net = load_part(made / "circle" / "landmarks")
    x = torch.nn.functional.interpolate(prepared.batch(np.flatnonzero(lost)), net.size)
    off = textures.landmarks[lost] - net.find(x)[..., :2].numpy()
    assert np.abs(off).max() < 0.05  # of half precision, and another enlargement


def test_no_mirror_is_known(made, circle):
    prepared = Prepared(made / "prepared")
    textures = made / "circle" / "runs" / "textures"
    spaces = Spaces(circle.facenet, circle.autoencoder, prepared, textures=textures)
    z, c = spaces.sides("tune")
    torch.testing.assert_close(c[1], c[0], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(z[1], z[0], atol=1e-5, rtol=1e-5)
    rows = prepared.rows("tune")
    known = Prepared(textures).landmarks[rows].reshape(len(rows), -1)
    np.testing.assert_array_equal(c[0][:, circle.texture :].numpy(), known)


def test_textures_lie_where_the_mean_kite_does(made):
    """Tails end at one height there, long ones and short ones, where the mean one does."""
    textures = Prepared(made / "circle" / "runs" / "textures")
    mean = np.array(textures.info["shape_free"]["reference"])
    known = np.isfinite(Prepared(made / "prepared").landmarks).all((1, 2))
    ends = np.array([tail(one) for one in textures.images[known]])
    assert np.abs(ends - (mean[3, 1] + 1) * 32).max() < 4 and ends.std() < 1.2


def test_nothing_asked_changes_nothing(circle, kite):
    path, places = kite
    face = circle.read(path, points=places)
    assert np.array_equal(face.edit(long=0.0).pixels, np.asarray(Image.open(path)))
    shapes = circle.shapes(face.code)[0].numpy()
    np.testing.assert_allclose(shapes, (places - [8, 0]) / 28 - 1, atol=1e-6)
    before, after = circle.mesh.moved(shapes, shapes)
    assert np.array_equal(before, after)


@pytest.mark.parametrize("mode", ["photo", "anchored"])
def test_an_attribute_that_moves_points_moves_them(circle, kite, mode):
    path, places = kite
    face = circle.read(path, points=places)
    before = tail(face.picture.pixels)
    longer = tail(face.edit(long=+1, mode=mode).pixels) - before
    redder = face.edit(red=+1, mode=mode)
    assert longer > (LONG - SHORT) / 2
    assert abs(tail(redder.pixels) - before) < longer / 3
    hue = redder.pixels[21, 30:40].astype(int) - face.picture.pixels[21, 30:40]
    assert hue[:, 0].mean() > hue[:, 2].mean() + 30  # redder, and less blue


def test_a_tail_that_shortens_leaves_nothing_behind(circle, kites):
    places = corners("broad", True, np.array([35.0, 21.0]))
    picture = draw(places, False)
    picture.paste("black", (0, 0, 8, 56))  # beside the square that is seen
    picture.save(kites / "long.png")
    face = circle.read(kites / "long.png", points=places)
    found = face.edit(long=-1).pixels
    own = np.asarray(picture)
    assert np.array_equal(found[:, :8], own[:, :8]) and np.array_equal(found[:, 64:], own[:, 64:])
    wide = (found[:, 8:64].min(-1) < 150).sum(1)
    assert tail(own[:, 8:]) - np.flatnonzero(wide >= 2).max() > (LONG - SHORT) / 2
    assert (np.diff(wide[21:]) <= 1).all()  # no piece of it hangs below


def test_an_edit_folds_nothing(circle, kite):
    face = circle.read(kite[0], points=kite[1])
    for strengths in ({"long": 2.0}, {"long": -2.0}, {"long": 2.0, "red": 2.0}):
        stopped = circle.stopped_walk(face.x, face.z, strengths, drawing=face.rendering)
        (layers,) = face.rendering.layers(stopped.change, strengths)
        own, now = (signed_of(one[circle.mesh.triangles]) for one in (layers.before, layers.after))
        assert (now[own > 1e-6] > 0).all() and np.array_equal(layers.before[9:], layers.after[9:])


def test_all_that_a_circle_does(made, kites, kite, istrc, tmp_path):
    model, (path, _) = ("--model", made / "circle"), kite
    other = kites / "narrow1.png"
    for words in (
        ("edit", path, "-a", "red=+1", "-o", tmp_path / "edit.png"),
        ("edit", path, "-a", "long=-1", "--mode", "circle", "-o", tmp_path / "circle.png"),
        ("walk", path, "-a", "long", "--frames", "3", "-o", tmp_path / "walk.png"),
        ("blend", path, other, "--frames", "3", "-o", tmp_path / "blend.png"),
        ("average", path, other, "-o", tmp_path / "mean.png"),
        ("reconstruct", path, "--mode", "anchored", "-o", tmp_path / "rebuilt.png"),
        ("embed", path, "-o", tmp_path / "z.npy"),
        ("decode", tmp_path / "z.npy", "-o", tmp_path / "decoded.png"),
    ):
        result = istrc(*words, *model)
        assert result.exit_code == 0, result.err
        assert words[words.index("-o") + 1].exists()


def test_points_of_a_file(made, circle, kites, kite, istrc, tmp_path):
    path, places = kite
    names = [f"{axis}{k}" for k in range(9) for axis in "xy"]
    marks = ",".join(str(one) for one in places.ravel())
    table = kites / "more.csv"
    table.write_text(f"file,{','.join(names)}\n{path.name},{marks}\n")
    words = ("edit", "-a", "long", "--model", made / "circle", "--landmarks", table)
    result = istrc(*words, path, "-o", tmp_path / "edit.png")
    assert result.exit_code == 0, result.err
    wanted = circle.read(path, points=places).edit(long=1).pixels
    assert np.array_equal(np.asarray(Image.open(tmp_path / "edit.png")), wanted)
    missing = istrc(*words, kites / "flat1.png", "-o", tmp_path / "x.png")
    assert missing.exit_code == 1 and "no landmarks in" in missing.err
    # Several are drawn together, and a folder's record knows which points it was made with
    all_ = ("edit", "-a", "long", "--model", made / "circle", "--landmarks", kites / "labels.csv")
    two = (kites / "flat1.png", kites / "flat2.png", "-o", tmp_path / "out")
    assert istrc(*all_, *two).exit_code == 0
    assert "were done already" in istrc(*all_, *two).err
    with (kites / "labels.csv").open("a") as stream:
        stream.write("\n")
    assert "were done already" not in istrc(*all_, *two).err


def test_points_that_cannot_be(circle, kite, shipped_or_blank):
    path, places = kite
    with pytest.raises(InputError, match="8 landmarks given, and this model takes 9"):
        circle.read(path, points=places[:8])
    with pytest.raises(InputError, match="takes none"):
        shipped_or_blank.placed(places, circle.read(path).frame)


@pytest.fixture
def shipped_or_blank(blank_model):
    return Circle.from_pretrained(blank_model, runtime="torch")


def test_without_torch_it_is_the_same(made, circle, kite):
    pytest.importorskip("onnx")
    from istrc.onnx_runtime.export import export_circle

    export_circle(made / "circle", made / "onnx")
    onnx = Circle.from_pretrained(made / "onnx", runtime="onnx")
    path, places = kite
    ours, theirs = (one.read(path, points=places).edit(long=1).pixels for one in (circle, onnx))
    assert np.abs(ours.astype(int) - theirs).max() <= 2
    x = circle.read(path).x
    np.testing.assert_allclose(onnx.find(x.numpy()), circle.find(x).numpy(), atol=1e-3)


def test_a_face_is_not_trained_of_nine_points(made, tmp_path):
    with pytest.raises(InputError, match="9 landmarks, and a face has iBUG's 68"):
        train_all(made / "prepared", tmp_path)


def test_points_that_are_no_faces_need_whole_pictures(circle):
    parts = {name: getattr(circle, name) for name in ("autoencoder", "mapping", "attributes")}
    with pytest.raises(IstrcError, match="whole pictures"):
        Circle(circle.facenet, *parts.values(), landmarks=circle.landmarks)


def test_what_it_is_worth_is_measured_beside_one_without(made, circle, tmp_path, capsys):
    """`studies.own_data`: landmarks' errors, what edits move, and one trained without landmarks."""
    pytest.importorskip("skimage")
    steps = {f"{part}_steps": 2 for part in STEPS if part not in ("landmarks", "landmarks_fine")}
    nets = dict(facenet=made / "circle" / "facenet", landmarks_steps=0)
    parts = PRESETS["image64"].parts
    with pytest.MonkeyPatch.context() as patch:
        for part in ("began", "stopping"):
            patch.setitem(parts, part, {**parts[part], **FEW[part]})
        train_all(made / "prepared", tmp_path / "flat", preset="image64", **steps, **nets)
    tiny = dict(widths=(8, 8), depths=(1, 1), steps=2, batch_size=16, echo=False)
    train_judge(made / "prepared", tmp_path / "judge", **tiny)
    words = [made / "prepared", "--judge", tmp_path / "judge", "--unseen", "train"]

    def measured(*more):
        own_data.main([str(one) for one in (*words, *more, "--json", tmp_path / "own.json")])
        return json.loads((tmp_path / "own.json").read_text())["own"]

    sheets = ("--count", 4, "--sheets", tmp_path / "sheets")
    found = measured("--model", made / "circle", *sheets)
    said = capsys.readouterr().out
    assert "| found, valid |" in said and "| points moved, pixels |" in said
    assert (tmp_path / "sheets" / "edits.png").exists()
    prepared = Prepared(made / "prepared")
    points, rows = prepared.landmarks.astype(float), prepared.rows("valid")
    rows = rows[np.isfinite(points[rows]).all((1, 2))]
    apart = [
        np.hypot(*(circle.find(prepared.batch(np.array([row]))).numpy()[0, k, :2] - points[row, k]))
        for row in rows
        for k in range(9)
    ]
    told = found["landmarks"]["valid"]
    assert told["pictures"] == len(rows)
    assert told["found"]["mean"] == pytest.approx(np.mean(apart) * 32, rel=1e-3)
    assert np.mean(told["mean"]["points"]) == pytest.approx(told["mean"]["mean"], rel=1e-4)
    assert found["landmarks"]["train"]["pictures"] < len(prepared.rows("train"))  # some have none
    # An edit of the tail moves points
    assert found["edits"]["long+"]["moved"] > 2 * found["edits"]["red+"]["moved"]

    flat = measured("--model", tmp_path / "flat", "--count", 0)
    assert "landmarks" not in flat and "edits" not in flat and "blends" not in flat
    assert flat["reconstruction"]["faces"] == found["reconstruction"]["faces"]
    assert flat["weights"] != found["weights"]
    said = capsys.readouterr().out
    assert "| decode(E(x)) |" in said and "| edit |" not in said

"""Pictures of anything, the whole way: drawn shapes of colours, from a folder to their edits."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image, ImageDraw

from istrc.circle import Circle
from istrc.data.prepare import prepare
from istrc.data.prepared import Prepared
from istrc.data.sources.folder import class_folders, labels_file
from istrc.errors import InputError
from istrc.training.all import train_all
from studies import own_data

pytestmark = pytest.mark.slow  # a circle is trained

CLASSES = ("bar", "cross", "disc", "square", "triangle")
EACH = 30
PARTS = ("facenet", "began", "mapping", "attributes", "changes", "probes")


def draw(kind: str, colour: str, radius: int) -> Image.Image:
    """A shape of a colour and half as high as twice its radius, on white, 48 x 48 pixels."""
    picture, r = Image.new("RGB", (48, 48), "white"), radius
    pen, box = ImageDraw.Draw(picture), (24 - r, 24 - r, 24 + r, 24 + r)
    if kind == "disc":
        pen.ellipse(box, fill=colour)
    elif kind == "square":
        pen.rectangle(box, fill=colour)
    elif kind == "triangle":
        pen.polygon([(24, 24 - r), (24 + r, 24 + r), (24 - r, 24 + r)], fill=colour)
    else:
        pen.rectangle((24 - r, 24 - r // 3, 24 + r, 24 + r // 3), fill=colour)
        if kind == "cross":
            pen.rectangle((24 - r // 3, 24 - r, 24 + r // 3, 24 + r), fill=colour)
    return picture


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """A folder a class, and labels.csv: whether a shape is red, and how large it is."""
    folder = tmp_path_factory.mktemp("shapes")
    rng, lines = np.random.default_rng(0), ["file,class,red,size"]
    for kind in CLASSES:
        (folder / kind).mkdir()
        for number in range(EACH):
            red, radius = int(rng.integers(0, 2)), int(rng.integers(8, 23))
            colour = "red" if red else ("blue", "green")[number % 2]
            draw(kind, colour, radius).save(folder / kind / f"{number}.png")
            lines.append(f"{kind}/{number}.png,{kind},{red},{radius / 24:.3f}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def made(shapes, tmp_path_factory):
    """The prepared folder, the circle's, and the judge's: trained for a step or two."""
    pytest.importorskip("pytorch_metric_learning")
    from istrc.evaluation.judges import train_judge

    place = tmp_path_factory.mktemp("own")
    prepare(shapes, place / "prepared", size=64, categories=["size"], unseen=0.4, workers=1)
    steps = {f"{part}_steps": 2 for part in PARTS}
    train_all(place / "prepared", place / "circle", preset="image64", **steps)
    tiny = dict(widths=(8, 8), depths=(1, 1), steps=2, batch_size=16, echo=False)
    train_judge(place / "prepared", place / "judge", **tiny)
    return place


def test_classes_are_held_out_whole(made):
    prepared = Prepared(made / "prepared")
    assert prepared.attribute_names == ["red", "size"]
    parts = {part: set(prepared.identity[prepared.rows(part)]) for part in ("fit", "tune", "test")}
    assert parts["fit"] == parts["tune"] and len(parts["fit"]) == 3
    assert len(parts["test"]) == 2 and not parts["test"] & parts["fit"]
    assert len(prepared.rows("test")) == 2 * EACH  # all that there are of them
    assert not set(prepared.rows("fit")) & set(prepared.rows("tune"))


def test_no_face_is_looked_for(made, shapes):
    circle = Circle.from_pretrained(made / "circle")
    assert circle.whole and circle.aligner is None and circle.landmarks is None
    wide = Image.new("RGB", (80, 48), "white")
    wide.paste(draw("disc", "red", 20), (16, 0))
    wide.save(made / "wide.png")
    face, square = circle.read(made / "wide.png"), circle.read(shapes / "disc" / "0.png")
    assert face.x.shape == square.x.shape == (1, 3, 64, 64)
    assert face.frame.corners() == pytest.approx(np.array([[16, 0], [64, 0], [64, 48], [16, 48]]))
    # What is prepared of a picture is what is read of it
    prepared = Prepared(made / "prepared")
    row = prepared.names.index("disc/0.png")
    assert np.abs(square.x.numpy() - prepared.batch(np.array([row])).numpy()).max() < 0.02


def test_a_picture_is_redrawn_to_its_edges_and_no_further(made):
    circle = Circle.from_pretrained(made / "circle")
    black = np.zeros((48, 80, 3), np.uint8)
    Image.fromarray(black).save(made / "black.png")
    drawn = circle.read(made / "black.png").rebuild("circle").pixels
    beside = np.ones((48, 80), bool)
    beside[:, 16:64] = False
    assert not drawn[beside].any()
    corners = drawn[[0, 0, -1, -1], [16, 63, 16, 63]]  # shapes are on white
    assert (corners > 150).all()


def test_the_commands(made, shapes, istrc, tmp_path):
    model = ("--model", made / "circle")
    picture, other = shapes / "disc" / "1.png", shapes / "bar" / "2.png"
    for words in (
        ("edit", picture, "-a", "red=+1", "-o", tmp_path / "edit.png"),
        ("edit", picture, "-a", "size=-1", "--mode", "circle", "-o", tmp_path / "circle.png"),
        ("blend", picture, other, "--frames", "3", "-o", tmp_path / "blend.png"),
        ("reconstruct", picture, "-o", tmp_path / "rebuilt.png"),
        ("embed", picture, other, "-o", tmp_path / "z.npy"),
    ):
        result = istrc(*words, *model)
        assert result.exit_code == 0, result.err
        assert (words[words.index("-o") + 1]).exists()
    before, after, decoded = (
        np.asarray(Image.open(path))
        for path in (picture, tmp_path / "edit.png", tmp_path / "circle.png")
    )
    assert before.shape == after.shape == decoded.shape and (before != decoded).any()
    refused = istrc("edit", picture, "-a", "smile", "-o", tmp_path / "x.png", *model)
    assert refused.exit_code == 1 and "smile" in refused.err


def test_what_it_is_worth_is_measured(made, tmp_path, capsys):
    pytest.importorskip("skimage")
    told = [made / "prepared", "--model", made / "circle", "--judge", made / "judge"]
    told += ["--count", 6, "--sheets", tmp_path / "sheets", "--json", tmp_path / "own.json"]
    own_data.main([str(one) for one in told])
    found = json.loads((tmp_path / "own.json").read_text())["own"]
    near = found["retrieval"]
    assert near["pictures"] == 2 * EACH and near["chance"] == pytest.approx(29 / 59)
    assert set(near["classes"]) <= set(CLASSES) and len(near["classes"]) == 2
    # Shapes of other classes are told apart by their pixels already
    assert near["recall_at_1"]["oriented gradients"] > 0.9
    prepared, circle = Prepared(made / "prepared"), Circle.from_pretrained(made / "circle")
    rows = prepared.rows("test")
    z = circle.embed(prepared.batch(rows)).numpy()
    hits = []
    for i in range(len(rows)):
        apart = [np.inf if i == j else ((z[i] - z[j]) ** 2).sum() for j in range(len(rows))]
        hits.append(prepared.identity[rows[int(np.argmin(apart))]] == prepared.identity[rows[i]])
    assert near["recall_at_1"]["embedding"] == pytest.approx(np.mean(hits), abs=0.02)
    assert set(found["edits"]) == {"red+", "red-", "size+", "size-"}
    assert (
        found["reconstruction"]["auto_encoder"]["psnr"]
        > found["reconstruction"]["baseline"]["psnr"]
    )
    assert set(found["training"]) >= set(PARTS)
    assert "| red+ |" in capsys.readouterr().out
    assert {path.stem for path in (tmp_path / "sheets").iterdir()} == {
        "blends", "edits", "reconstruction",
    }  # fmt: skip
    # Without classes that nothing was trained on the rest is measured all the same
    seen = shutil.copytree(made / "prepared", tmp_path / "seen")
    np.save(seen / "split.npy", np.minimum(np.load(seen / "split.npy"), 1))
    own_data.main([str(seen), *map(str, told[1:7]), "--json", str(tmp_path / "seen.json")])
    record = json.loads((tmp_path / "seen.json").read_text())["own"]
    assert "retrieval" not in record and set(record["edits"]) == set(found["edits"])
    assert "Recall@1" not in capsys.readouterr().out


def test_class_folders_need_no_labels(shapes, tmp_path):
    source = tmp_path / "bare"
    source.mkdir()
    for kind in ("disc", "square"):
        (source / kind).symlink_to(shapes / kind, target_is_directory=True)
    report = prepare(source, tmp_path / "prepared", size=16, workers=1)
    assert report.count == 2 * EACH and report.attributes == ["class_disc", "class_square"]
    prepared = Prepared(tmp_path / "prepared")
    assert prepared.info["classes"] == ["disc", "square"]
    assert [name.split("/")[0] for name in prepared.names] == ["disc"] * EACH + ["square"] * EACH


def test_class_folders_have_pictures_of_any_ending_and_nothing_hidden(tmp_path):
    for kind in ("disc", "square", ".thumbnails"):
        (tmp_path / kind).mkdir()
        for name in ("a.jfif", "b.jpe", "c.JPG", "._c.JPG", "d"):
            draw(kind, "red", 10).save(tmp_path / kind / name, "JPEG")
        (tmp_path / kind / "notes.txt").write_text("no picture")
    (tmp_path / "._labels.csv").write_text("file")
    found = [path.relative_to(tmp_path).as_posix() for path in class_folders(tmp_path)]
    assert found == [
        f"{kind}/{name}"
        for kind in ("disc", "square")
        for name in ("a.jfif", "b.jpe", "c.JPG", "d")
    ]
    assert labels_file(tmp_path) is None


@pytest.mark.parametrize(
    ("lines", "options", "said"),
    [
        (["file,red", "a.png,1"], dict(unseen=0.5), "no column of identities"),
        (["file,class,split", "a.png,x,train"], dict(unseen=0.5), "a split column"),
        (["file,class", "a.png,x", "b.png,y"], dict(unseen=0.5), "two at least"),
    ],
)
def test_what_cannot_be_held_out_is_one_line(tmp_path, lines, options, said):
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=said):
        prepare(tmp_path, tmp_path / "out", workers=1, **options)


def test_a_preset_says_what_it_needs(made, tmp_path):
    with pytest.raises(InputError, match="choose one of face128, image64"):
        train_all(made / "prepared", tmp_path, preset="image65")


def test_what_has_no_attribute_is_said_at_once(tmp_path, made):
    """A CSV of classes alone: nothing to edit, until the class is asked for as a category."""
    for kind in ("disc", "square"):
        draw(kind, "red", 10).save(tmp_path / f"{kind}.png")
    (tmp_path / "labels.csv").write_text("file,class\ndisc.png,disc\nsquare.png,square\n")
    report = prepare(tmp_path, tmp_path / "none", size=64, workers=1)
    assert not report.attributes and any("nothing to edit" in note for note in report.notes)
    report = prepare(tmp_path, tmp_path / "some", size=64, workers=1, categories=["class"])
    assert report.attributes == ["class_disc", "class_square"]
    with pytest.raises(InputError, match="--preset image64"):  # of faces, by default
        train_all(made / "prepared", tmp_path / "out")


def test_few_pictures_of_classes_are_enough_to_begin(shapes, tmp_path):
    """Fewer than twenty of each: no class is held out whole, which alone has its attribute."""
    for kind in ("disc", "square", "bar"):
        (tmp_path / "few" / kind).mkdir(parents=True)
        for path in sorted((shapes / kind).glob("*.png"))[:12]:
            (tmp_path / "few" / kind / path.name).symlink_to(path)
    prepare(tmp_path / "few", tmp_path / "prepared", size=64, workers=1)
    prepared = Prepared(tmp_path / "prepared")
    for part in ("fit", "tune"):
        assert (prepared.attributes[prepared.rows(part)] == 1).any(0).all()


def test_a_preset_refuses_another_size(shapes, tmp_path):
    prepare(shapes, tmp_path / "small", size=16, workers=1)
    with pytest.raises(InputError, match="--size 64"):
        train_all(tmp_path / "small", tmp_path / "out", preset="image64")

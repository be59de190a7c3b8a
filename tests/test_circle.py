"""The circle: its three modes by hand, what it refuses, and photographs in and out."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from istrc import sight, sphere
from istrc.circle import TRANSFORMATIONS, Circle
from istrc.device import choose_device
from istrc.errors import InputError, IstrcError
from istrc.models.attributes import AttributeClassifiers
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.finer import Finer, halved
from istrc.models.mapping import Mapping
from istrc.models.store import load_part, save_part
from istrc.photo.align import CROP, Frame
from istrc.photo.cover import cover
from istrc.photo.paste import face_mask, paste_change, paste_crop
from istrc.photo.read import read_picture
from istrc.pretrained import PARTS
from istrc.rebuilding import MODES
from istrc.sight import BEYOND, FURTHEST, NEAREST
from istrc.walk import targets, walk

DOWN, UP = {"smile": -1.0}, {"smile": +1.0}


@pytest.fixture(scope="module")
def x(toys):
    return toys.batch(toys.rows("valid"))


@pytest.fixture
def photograph(toys, tmp_path):
    """One toy face as an aligned picture, 178x218 at twice the size, with grain round it."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (436, 356, 3), dtype=np.uint8)
    face = Image.fromarray(toys.images[toys.rows("valid")[0]]).resize((256, 256), Image.BICUBIC)
    left, top, right, bottom = (int(2 * v) for v in CROP)
    pixels[top:bottom, left:right] = np.asarray(face)
    path = tmp_path / "photograph.png"
    Image.fromarray(pixels).save(path)
    return path


def build(size=16, dim=8, code=6, names=("smile", "male", "eyeglasses")):
    return {
        "facenet": FaceNet(size, dim, (4, 4), (1, 1)),
        "autoencoder": AutoEncoder(size, code, (4, 4)),
        "mapping": Mapping(dim, code, 8, 2),
        "attributes": AttributeClassifiers(names, dim, 4, 4),
    }


@pytest.fixture
def fine_circle(toy_circle):
    """The toy circle with a level that draws 32 px, never trained but not nothing."""
    torch.manual_seed(0)
    finer = Finer(32, toy_circle.autoencoder.decoder.head[0].in_channels, (3, 2))
    torch.nn.init.normal_(finer.head[0].weight, std=0.1)
    return Circle(**{part: getattr(toy_circle, part) for part in PARTS}, finer=finer)


# --- the equations ---------------------------------------------------------------------------


@torch.no_grad()
def test_tensors_in_tensors_out(toy_circle, x):
    z = toy_circle.embed(x)
    torch.testing.assert_close(z, toy_circle.facenet(x))
    h = toy_circle.encode(x)
    torch.testing.assert_close(h, toy_circle.autoencoder.encode(x))
    torch.testing.assert_close(toy_circle.map(z), toy_circle.mapping(z))
    decoded = toy_circle.autoencoder.decode(h)
    torch.testing.assert_close(toy_circle.decode_code(h), decoded.clamp(-1, 1))
    assert torch.equal(toy_circle.decode(z), toy_circle.decode_code(toy_circle.map(z)))
    assert z.shape == (len(x), toy_circle.dim) and toy_circle.decode(z).shape == x.shape


@torch.no_grad()
def test_the_three_modes_by_hand(toy_circle, x):
    z = toy_circle.embed(x)
    z2 = toy_circle.walk(z, UP).end
    e, d, f = toy_circle.autoencoder.encode, toy_circle.autoencoder.decode, toy_circle.mapping
    moved = e(x) + f(z2) - f(z)
    mask = torch.from_numpy(face_mask(16))
    change = d(moved) - d(e(x))
    wanted = {
        "circle": d(f(z2)).clamp(-1, 1),
        "anchored": d(moved).clamp(-1, 1),
        "photo": (x + mask * (change + cover(change) * (d(e(x)) - x))).clamp(-1, 1),
    }
    assert set(wanted) == set(MODES)
    for mode, byhand in wanted.items():
        got = toy_circle.rebuild(x, z, z2, mode)
        torch.testing.assert_close(got, byhand, atol=1e-5, rtol=0)
        torch.testing.assert_close(toy_circle.edit(x, UP, mode=mode), byhand, atol=1e-5, rtol=0)
    torch.testing.assert_close(toy_circle.change(x, z, z2), change, atol=1e-5, rtol=0)
    # The photograph's own mode is the default, and keeps what lies outside the mask to the bit
    edited = toy_circle.edit(x, UP)
    assert torch.equal(edited, toy_circle.edit(x, UP, mode="photo"))
    outside = (mask == 0).expand_as(x)
    assert outside.any() and torch.equal(edited[outside], x[outside])


@pytest.mark.parametrize("strengths", [{"smile": 0.0}, {"smile": 0, "beard": -0.0}, {}])
def test_strength_nothing_gives_the_face_back_to_the_bit(toy_circle, x, strengths):
    assert torch.equal(toy_circle.edit(x, strengths), x)
    rebuilt = toy_circle.decode_code(toy_circle.encode(x))
    assert torch.equal(toy_circle.edit(x, strengths, mode="anchored"), rebuilt)
    z = toy_circle.embed(x)
    assert torch.equal(toy_circle.edit(x, strengths, mode="circle"), toy_circle.decode(z))
    assert torch.equal(toy_circle.rebuild(x, z, z), x)


@torch.no_grad()
def test_scores_are_calibrated_and_in_the_order_of_the_names(toy_circle, x):
    names = toy_circle.attribute_names
    assert names[:2] == ("male", "smile")  # transformations first, in DESIGN's order
    assert list(names) == [n for n in TRANSFORMATIONS if n in names] + ["eyeglasses"]
    z = toy_circle.embed(x)
    scores = toy_circle.scores(z)
    for column, name in enumerate(names):
        logits = toy_circle.attributes(z)[:, toy_circle.attributes.names.index(name)]
        torch.testing.assert_close(scores[:, column], torch.sigmoid(logits))


def test_other_attributes_follow_in_alphabetical_order():
    names = ("zebra", "young", "hat", "male")
    assert Circle(**build(names=names)).attribute_names == ("male", "young", "hat", "zebra")


@pytest.mark.parametrize(
    "keep, kept",
    [
        (None, ["smile", "eyeglasses", "wide_mouth"]),  # a man may have a beard
        ([], []),
        (["beard"], ["smile", "eyeglasses", "wide_mouth", "beard"]),
        (["none", "beard"], ["beard"]),
        (iter(["none", "beard", "male"]), ["beard"]),
        ("beard", ["smile", "eyeglasses", "wide_mouth", "beard"]),
    ],
)
def test_the_walk_is_that_of_the_classifiers(toy_circle, x, keep, kept):
    z = toy_circle.embed(x)
    net = toy_circle.attributes
    columns = torch.tensor([net.index("male")])
    with torch.no_grad():
        wanted = targets(net(z, columns), torch.tensor([-0.5]))
    kept = [net.index(name) for name in kept]
    keep = list(keep) if hasattr(keep, "__next__") else keep
    for metric in ("data", "euclidean"):
        byhand = walk(z, net, wanted, columns.tolist(), kept, metric=metric, bound=0.4)
        for given in (keep, keep if keep is None or isinstance(keep, str) else iter(keep)):
            got = toy_circle.walk(z, {"male": -0.5}, keep=given, metric=metric, bound=0.4)
            assert torch.equal(got.points, byhand.points)


def test_an_edit_does_what_it_says(toy_circle, x):
    """The circle's own classifiers see it at the end of the walk and in the edited picture."""
    column = torch.tensor([toy_circle.attributes.index("smile")])

    @torch.no_grad()
    def logits(z):
        return toy_circle.attributes(z, column)[:, 0]

    z = toy_circle.embed(x)
    before = logits(z)
    for strengths, sign in ((UP, 1), (DOWN, -1)):
        got = toy_circle.walk(z, strengths)
        torch.testing.assert_close(got.before[:, 0], before, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(got.after[:, 0], logits(got.end), atol=1e-3, rtol=1e-4)
        assert (sign * (got.after - got.before) > 0).all()
        lacking = sign * before < 0
        seen = sign * (logits(toy_circle.embed(toy_circle.edit(x, strengths))) - before)
        assert (seen[lacking] > 0).float().mean() > 0.8 and seen[lacking].mean() > 1


def test_the_bound_is_the_circles_own(toy_circle, x):
    z = toy_circle.embed(x)
    narrow = Circle(**{part: getattr(toy_circle, part) for part in PARTS}, bound=0.1)
    got = narrow.walk(z, {"male": 2, "smile": -2})
    assert got.angle.max() <= 0.1 + 1e-5
    assert sphere.angle(z, got.end).max() > 0.099
    assert narrow.walk(z, {"male": 2, "smile": -2}, bound=0.3).angle.max() > 0.2


# --- as far as it takes ----------------------------------------------------------------------


@pytest.fixture
def watched(toy_circle):
    """The toy circle with guides that see a smile as the toys have it: a bright lower half."""

    class LowerHalf(torch.nn.Module):
        attributes, typical = ["smile"], torch.full((1, 2), 20.0)

        def forward(self, x):
            return 8 * x[:, :, x.shape[2] // 2 :].mean((1, 2, 3))[None, :, None]

    circle = Circle(*(getattr(toy_circle, part) for part in PARTS))
    circle.guides = LowerHalf()
    return circle


def test_without_guides_an_edit_is_the_walk(toy_circle, watched, x):
    z = toy_circle.embed(x)
    plain = toy_circle.walk(z, UP)
    assert torch.equal(toy_circle.reach(x, z, UP).points, plain.points)
    # What guides do not know, and an edit of nothing, are walks as well
    male = {"male": 1.0}
    assert torch.equal(watched.reach(x, z, male).points, watched.walk(z, male).points)
    both = {"smile": 1.0, "male": 1.0}
    assert torch.equal(watched.reach(x, z, both).points, watched.walk(z, both).points)
    assert torch.equal(watched.reach(x, z, {"smile": 0.0}).end, z)


@pytest.mark.parametrize("mode", MODES)
def test_an_edit_ends_where_it_is_seen(watched, x, mode):
    z = watched.embed(x)
    path = watched.reach(x, z, {"smile": 0.5}, mode=mode)
    near = watched.walk(z, {"smile": 0.5})
    far = watched.walk(z, {"smile": 0.5}, beyond=BEYOND, bound=FURTHEST * watched.bound)
    assert torch.equal(path.points[0], z)
    # At least most of the way that the sphere says, at most as far as a walk may go
    assert (path.angle >= NEAREST * near.angle - 1e-3).all() and (
        path.angle <= far.angle + 1e-3
    ).all()
    before = watched.guides(watched.rebuild(x, z, z, mode)).mean(0)
    after = watched.guides(watched.rebuild(x, z, path.end, mode)).mean(0)
    asked = targets(before, torch.tensor([0.5]), sight.SEEN) - before
    gone = (after - before) / asked
    assert (gone[path.reached] > 0.7).all()  # it is met between two frames
    longer = path.angle > NEAREST * near.angle + 1e-2
    assert (gone[path.reached & longer] < 1.3).all()
    # Where it is never seen the walk goes on to its end
    torch.testing.assert_close(path.end[~path.reached], far.end[~path.reached], atol=1e-4, rtol=0)
    columns = torch.tensor([watched.attributes.index("smile")])
    torch.testing.assert_close(path.after, watched.attributes(path.end, columns))
    edited = watched.edit(x, {"smile": 0.5}, mode=mode)
    torch.testing.assert_close(edited, watched.rebuild(x, z, path.end, mode))


# --- the finer level ---


@torch.no_grad()
def test_a_finer_circle_sees_faces_halved_and_draws_them_whole(fine_circle, toy_circle, x):
    large = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert fine_circle.size == 32 and fine_circle.coarse.size == 16
    h = fine_circle.encode(large)
    assert torch.equal(h, toy_circle.encode(halved(large)))
    drawn = fine_circle.finer(*toy_circle.autoencoder.draw(h)).clamp(-1, 1)
    assert torch.allclose(fine_circle.decode_code(h), drawn, atol=1e-5)
    assert drawn.shape == large.shape
    # The walk is the one of the small faces
    z = fine_circle.embed(large)
    fine = fine_circle.reach(large, z, UP).end
    assert torch.equal(fine, toy_circle.reach(halved(large), z, UP).end)
    edited = fine_circle.edit(large, UP)
    outside = (fine_circle.mask == 0).expand_as(large)
    assert edited.shape == large.shape and torch.equal(edited[outside], large[outside])
    assert not torch.equal(edited, large)
    assert torch.equal(fine_circle.edit(large, {"smile": 0.0}), large)


def test_a_finer_circle_edits_a_photograph(fine_circle, photograph):
    face = fine_circle.read(photograph, aligned=True)
    assert face.x.shape[-1] == 32
    before = read_picture(photograph).pixels
    pixels = face.edit(smile=+1.0).pixels
    assert pixels.shape == before.shape and (pixels != before).any()


def test_saved_finer_circles_agree(fine_circle, x, tmp_path):
    fine_circle.save_pretrained(tmp_path)
    again = Circle.from_pretrained(tmp_path)
    assert again.size == 32 and json.loads((tmp_path / "circle.json").read_text())["size"] == 32
    large = x[:2].repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(
        again.rebuild(large, z := again.embed(large), z, "anchored"),
        fine_circle.rebuild(large, z, z, "anchored"),
        atol=2e-2,
        rtol=0,
    )
    # A coarse circle that is written over it leaves nothing of it
    fine_circle.coarse.save_pretrained(tmp_path)
    assert Circle.from_pretrained(tmp_path).size == 16


def test_a_circle_may_build_on_a_shipped_one(fine_circle, tmp_path, monkeypatch):
    for module in ("istrc.shipped", "istrc.pretrained"):
        monkeypatch.setattr(f"{module}.WEIGHTS", tmp_path)
    fine_circle.coarse.save_pretrained(tmp_path / "small")
    parts = {part: getattr(Circle.from_pretrained("small"), part) for part in PARTS}
    fine = Circle(**parts, finer=fine_circle.finer)  # of the weights as they are stored
    fine.save_pretrained(tmp_path / "fine", base="small")
    assert {path.name for path in (tmp_path / "fine").iterdir()} == {"circle.json", "finer"}
    assert Circle.from_pretrained("fine").size == 32
    # A base is a name among the shipped ones, and no way out of them
    settings = json.loads((tmp_path / "fine" / "circle.json").read_text())
    settings["base"] = "../" + tmp_path.name + "/small"
    (tmp_path / "fine" / "circle.json").write_text(json.dumps(settings))
    assert "fine" in one_line(lambda: Circle.from_pretrained("fine"))


def test_a_finer_level_of_another_size(toy_circle):
    parts = {part: getattr(toy_circle, part) for part in PARTS}
    message = one_line(lambda: Circle(**parts, finer=Finer(64, 4, (3, 2))), IstrcError)
    assert "64 px" in message and "16 px" in message


# --- what it refuses -------------------------------------------------------------------------


def one_line(call, error=InputError):
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "name, near", [("smiel", "smile"), ("eye_glasses", "eyeglasses"), ("Male", "male")]
)
def test_an_unknown_attribute_suggests_the_nearest(toy_circle, x, name, near):
    message = one_line(lambda: toy_circle.edit(x, {name: 1}))
    assert message.startswith(f"{name}: no such attribute; did you mean") and near in message
    message = one_line(lambda: toy_circle.edit(x, UP, keep=[name]))
    assert near in message


def test_an_attribute_like_nothing_points_to_the_help(toy_circle, x):
    assert "istrc edit --help" in one_line(lambda: toy_circle.edit(x, {"xxqqzz": 1}))


@pytest.mark.parametrize("value", [2.001, -3, float("inf"), float("nan")])
def test_a_strength_out_of_range(toy_circle, x, value):
    message = one_line(lambda: toy_circle.edit(x, {"smile": value}))
    assert "smile=" in message and "out of range" in message and "-2 to +2" in message


def test_an_unknown_mode(toy_circle, x):
    message = one_line(lambda: toy_circle.edit(x, UP, mode="sketch"))
    assert "'sketch'" in message and all(mode in message for mode in MODES)


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 0.0, 2.0])
def test_embeddings_off_the_sphere(toy_circle, x, factor):
    z = toy_circle.embed(x) * factor
    assert "not on the sphere" in one_line(lambda: toy_circle.walk(z, UP))


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 1, 16, 16), (1, 3, 15, 16), (0, 3, 16, 16)])
def test_faces_of_another_shape(toy_circle, shape):
    message = one_line(lambda: toy_circle.embed(torch.zeros(shape)), ValueError)
    assert "(B, 3, 16, 16)" in message and str(shape) in message


def test_parts_that_do_not_fit():
    other = build(size=32)
    message = one_line(
        lambda: Circle(**{**build(), "autoencoder": other["autoencoder"]}), IstrcError
    )
    assert "16 px" in message and "32 px" in message
    for part in ("mapping", "attributes"):
        parts = {**build(), part: build(dim=9)[part]}
        message = one_line(lambda parts=parts: Circle(**parts), IstrcError)
        assert "8-d for the recogniser" in message and "9-d" in message
    other = build(code=7)
    message = one_line(lambda: Circle(**{**build(), "mapping": other["mapping"]}), IstrcError)
    assert "7-d for the mapping" in message and "6-d for the auto-encoder" in message


def test_devices():
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") in ("cpu", "cuda", "mps")
    assert "use --device cpu" in one_line(lambda: choose_device("abacus"))


# --- saved and loaded ------------------------------------------------------------------------


def test_saved_and_loaded_circles_agree(toy_circle, x, tmp_path):
    """The toy circle was loaded once, so that half precision loses nothing more."""
    toy_circle.save_pretrained(tmp_path / "mine", mapping={"trained_on": "toys"})
    again = Circle.from_pretrained(tmp_path / "mine")
    assert again.attribute_names == toy_circle.attribute_names
    assert (again.size, again.dim, again.bound) == (16, 16, toy_circle.bound)
    for mode in MODES:
        assert torch.equal(again.edit(x, UP, mode=mode), toy_circle.edit(x, UP, mode=mode))
    config = json.loads((tmp_path / "mine" / "mapping" / "config.json").read_text())
    assert config["trained_on"] == "toys"
    assert not list((tmp_path / "mine").rglob("*.tmp"))
    # A folder may be given as a word of its own, relative to where one is
    assert Circle.from_pretrained(str(tmp_path / "mine")).dim == 16


def test_the_bound_is_saved(tmp_path):
    Circle(**build(), bound=0.7).save_pretrained(tmp_path)
    assert Circle.from_pretrained(tmp_path).bound == 0.7


@pytest.mark.parametrize("name", ["nonesuch", "no/such/folder", ""])
def test_an_unknown_name_lists_what_is_shipped(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = one_line(lambda: Circle.from_pretrained(name))
    assert "none shipped of this name" in message and "circle.json" in message


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"bound": "wide"}', '{"bound": null}'])
def test_a_damaged_circle_file(text, tmp_path):
    Circle(**build()).save_pretrained(tmp_path)
    (tmp_path / "circle.json").write_text(text)
    message = one_line(lambda: Circle.from_pretrained(tmp_path))
    assert "circle.json" in message and "cannot be read" in message


def test_damaged_missing_and_swapped_parts(tmp_path):
    Circle(**build()).save_pretrained(tmp_path)
    path = tmp_path / "mapping" / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "checksum" in one_line(lambda: Circle.from_pretrained(tmp_path))
    path.unlink()
    message = one_line(lambda: Circle.from_pretrained(tmp_path))
    assert "missing weights" in message and str(path) in message
    save_part(load_part(tmp_path / "attributes"), tmp_path / "mapping")
    message = one_line(lambda: Circle.from_pretrained(tmp_path))
    assert "holds a AttributeClassifiers, not a Mapping" in message
    with pytest.raises(InputError):
        Circle.from_pretrained(tmp_path, device="abacus")


# --- photographs -----------------------------------------------------------------------------


def test_a_face_is_read_and_edited(toy_circle, photograph):
    face = toy_circle.read(photograph, aligned=True)
    original = read_picture(photograph).pixels
    assert face.x.shape == (1, 3, 16, 16) and (face.number, face.count) == (1, 1)
    torch.testing.assert_close(face.z, toy_circle.embed(face.x))
    edited = face.edit(smile=-1, keep=["male"])
    assert edited.angle == pytest.approx(sphere.angle(face.z, edited.walk.end).item(), abs=1e-5)
    assert edited.pixels.shape == original.shape and edited.pixels.dtype == np.uint8
    assert not np.array_equal(edited.pixels, original)
    # Outside the crop every byte is the photograph's
    left, top, right, bottom = (int(2 * v) for v in CROP)
    outside = np.ones(original.shape[:2], bool)
    outside[top:bottom, left:right] = False
    assert np.array_equal(edited.pixels[outside], original[outside])
    # The change goes in as it is, under the photograph's own mask
    over = toy_circle.overlay(face.x, face.z, edited.walk.end)[0].permute(1, 2, 0).numpy()
    assert np.array_equal(edited.pixels, paste_change(original, over, face.frame))
    crop = toy_circle.edit(face.x, {"smile": -1})
    shown = ((crop[0].permute(1, 2, 0).numpy() + 1) * 127.5).round()
    assert np.array_equal(edited.crop, shown.astype(np.uint8))
    # The face itself is as it was, for the next edit
    assert np.array_equal(face.picture.pixels, original)
    assert np.array_equal(face.edit(smile=-1, keep=["male"]).pixels, edited.pixels)


def test_strength_nothing_gives_the_photograph_back(toy_circle, photograph, tmp_path):
    face = toy_circle.read(photograph, aligned=True)
    for edited in (face.edit(smile=0), face.edit()):
        assert np.array_equal(edited.pixels, face.picture.pixels)
        assert edited.angle == 0
        edited.save(tmp_path / "out.png")
        assert np.array_equal(read_picture(tmp_path / "out.png").pixels, face.picture.pixels)


@pytest.mark.parametrize("mode", ["anchored", "circle"])
def test_the_other_modes_replace_the_face(toy_circle, photograph, mode):
    face = toy_circle.read(photograph, aligned=True)
    edited = face.edit(mode=mode, smile=1)
    crop = toy_circle.edit(face.x, UP, mode=mode)[0].permute(1, 2, 0).numpy()
    wanted = paste_crop(face.picture.pixels, crop, face.frame)
    assert np.array_equal(edited.pixels, wanted)
    rebuilt = face.rebuild(mode)
    assert rebuilt.angle == 0 and rebuilt.walk is None
    byhand = toy_circle.rebuild(face.x, face.z, face.z, mode)[0].permute(1, 2, 0).numpy()
    assert np.array_equal(rebuilt.pixels, paste_crop(face.picture.pixels, byhand, face.frame))


def test_onto_chains_two_faces(toy_circle, photograph, toys):
    """Two faces of one photograph: the second edit is added to the first."""
    first = toy_circle.read(photograph, aligned=True)
    # The same photograph seen as two smaller faces, beside each other
    faces = []
    for number, centre in enumerate([(89, 218), (267, 218)], 1):
        turn = np.eye(2) * 128 / 120
        frame = Frame(np.column_stack([turn, np.array([89.0, 109.0]) - turn @ centre]))
        crop = frame.crop(first.picture.pixels, 16)
        x = torch.from_numpy(crop.copy()).permute(2, 0, 1)[None] / 127.5 - 1
        z = toy_circle.embed(x)
        faces.append(replace(first, frame=frame, x=x, z=z, number=number, count=2))
    one, other = faces
    original = first.picture.pixels
    alone, beside = one.edit(smile=-1), other.edit(smile=1)
    both = other.edit(smile=1, onto=one.edit(smile=-1))
    assert np.array_equal(both.pixels[:, :178], alone.pixels[:, :178])
    assert np.array_equal(both.pixels[:, 178:], beside.pixels[:, 178:])
    assert not np.array_equal(alone.pixels, original)
    assert not np.array_equal(both.pixels, alone.pixels)
    # In the other order the same, as they do not touch
    assert np.array_equal(one.edit(smile=-1, onto=other.edit(smile=1)).pixels, both.pixels)


def test_face_numbers_that_are_not_there(toy_circle, photograph):
    for number in (0, 2, -1, "second", 1.0):
        message = one_line(lambda n=number: toy_circle.read(photograph, face=n, aligned=True))
        assert str(photograph) in message and "1 face found" in message
    assert toy_circle.read(photograph, face=1, aligned=True).number == 1
    assert len(toy_circle.faces(photograph, aligned=True)) == 1


def test_no_face_and_no_aligned_frame_are_named(toy_circle, tmp_path):
    path = tmp_path / "grey.png"
    Image.new("RGB", (300, 200), (128, 128, 128)).save(path)
    message = one_line(lambda: toy_circle.read(path))
    assert str(path) in message and "no face found" in message and "--aligned" in message
    message = one_line(lambda: toy_circle.read(path, aligned=True))
    assert str(path) in message and "300x200 is not an aligned picture" in message
    message = one_line(lambda: toy_circle.read(tmp_path / "nowhere.png"))
    assert "nowhere.png" in message


def test_what_a_part_says_of_its_making_is_kept(toy_circle, tmp_path):
    toy_circle.save_pretrained(tmp_path / "a", mapping={"training": ["long"]}, facenet={"x": 1})
    again = Circle.from_pretrained(tmp_path / "a")
    again.save_pretrained(tmp_path / "b", mapping={"training": ["longer"]})
    kept = Circle.from_pretrained(tmp_path / "b").notes
    assert kept["mapping"] == {"training": ["longer"]} and kept["facenet"] == {"x": 1}
    assert kept["autoencoder"] == {}

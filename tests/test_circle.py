"""The circle: its three modes by hand, what it refuses, and photographs in and out."""

import copy
import json
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from istrc import sphere
from istrc.circle import TRANSFORMATIONS, Circle
from istrc.device import choose_device, reduced
from istrc.edit import stopping
from istrc.edit.composite import put
from istrc.edit.render import MODES, Rendering
from istrc.edit.tone import toned
from istrc.edit.walk import targets, walk
from istrc.errors import InputError, IstrcError
from istrc.models.attributes import AttributeClassifiers
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.mapping import Mapping
from istrc.models.serialization import load_part, save_part
from istrc.photo.align import Frame
from istrc.photo.paste import face_mask, paste_crop
from istrc.photo.read import read_picture
from istrc.pretrained import PARTS
from istrc.shape.crop import CROP

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
    # Of the change's colour as much stays as the face has
    pairs = zip(change.numpy(), x.numpy(), strict=True)
    change = torch.from_numpy(np.stack([toned(one, own, None) for one, own in pairs]))
    wanted = {
        "circle": d(f(z2)).clamp(-1, 1),
        "anchored": d(moved).clamp(-1, 1),
        "photo": (x + mask * change).clamp(-1, 1),
    }
    assert set(wanted) == set(MODES)
    for mode, byhand in wanted.items():
        got = toy_circle.rebuild(x, z, z2, mode)
        torch.testing.assert_close(got, byhand, atol=1e-4, rtol=0)
        torch.testing.assert_close(toy_circle.edit(x, UP, mode=mode), byhand, atol=1e-4, rtol=0)
    # The photograph's own mode is the default, and keeps what lies outside the mask
    edited = toy_circle.edit(x, UP)
    assert torch.equal(edited, toy_circle.edit(x, UP, mode="photo"))
    outside = (mask == 0).expand_as(x)
    assert outside.any()
    torch.testing.assert_close(edited[outside], x[outside], atol=1e-6, rtol=0)


@pytest.mark.parametrize("strengths", [{"smile": 0.0}, {"smile": 0, "beard": -0.0}, {}])
def test_strength_nothing_gives_the_face_back(toy_circle, x, strengths):
    torch.testing.assert_close(toy_circle.edit(x, strengths), x, atol=1e-6, rtol=0)
    rebuilt = toy_circle.decode_code(toy_circle.encode(x))
    assert torch.equal(toy_circle.edit(x, strengths, mode="anchored"), rebuilt)
    z = toy_circle.embed(x)
    assert torch.equal(toy_circle.edit(x, strengths, mode="circle"), toy_circle.decode(z))
    torch.testing.assert_close(toy_circle.rebuild(x, z, z), x, atol=1e-6, rtol=0)


@torch.no_grad()
def test_scores_are_calibrated_and_in_the_order_of_the_names(toy_circle, x):
    names = toy_circle.attribute_names
    assert names[:2] == ("male", "smile")  # transformations first, in their table's order
    assert list(names) == [n for n in TRANSFORMATIONS if n in names] + ["eyeglasses"]
    z = toy_circle.embed(x)
    scores = toy_circle.scores(z)
    for column, name in enumerate(names):
        logits = toy_circle.attributes(z)[:, toy_circle.attributes.names.index(name)]
        torch.testing.assert_close(scores[:, column], torch.sigmoid(logits))
    with pytest.raises(InputError, match="smil: no such attribute; did you mean smile"):
        toy_circle.scores_of(z, ["male", "smil"])


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
    columns = torch.tensor([net.names.index("male")])
    with torch.no_grad():
        wanted = targets(net(z, columns), torch.tensor([-0.5]))
    kept = [net.names.index(name) for name in kept]
    keep = list(keep) if hasattr(keep, "__next__") else keep
    for metric in ("data", "euclidean"):
        byhand = walk(z, net, wanted, columns.tolist(), kept, metric=metric, bound=0.4)
        for given in (keep, keep if keep is None or isinstance(keep, str) else iter(keep)):
            got = toy_circle.walk(z, {"male": -0.5}, keep=given, metric=metric, bound=0.4)
            assert torch.equal(got.points, byhand.points)


def test_an_edit_does_what_it_says(toy_circle, x):
    """The circle's own classifiers see it at the end of the walk and in the edited picture."""
    column = torch.tensor([toy_circle.attributes.names.index("smile")])

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


def test_without_probes_an_edit_is_the_walk(toy_circle, shaped_circle, x):
    z = toy_circle.embed(x)
    plain, stopped = toy_circle.walk(z, UP), toy_circle.stopped_walk(x, z, UP)
    assert torch.equal(stopped.walk.points, plain.points)
    c = toy_circle.encode(x)
    assert torch.equal(stopped.change, toy_circle.map_change(c, z, plain.end))
    # What probes do not know, an edit of nothing, and what the sphere alone draws, are walks too
    watched = copy.copy(shaped_circle)
    watched.probes = copy.copy(watched.probes)
    watched.probes.names = ("beard",)
    for circle, strengths, mode in (
        (watched, UP, "photo"),
        (watched, {"beard": 1.0, "male": 1.0}, "photo"),
        (shaped_circle, {"smile": 0.0}, "photo"),
        (shaped_circle, UP, "circle"),
    ):
        stopped = circle.stopped_walk(x, z, strengths, mode=mode)
        assert torch.equal(stopped.walk.points, circle.walk(z, strengths).points)
        assert (stopped.change is None) == (mode == "circle")


def test_methods_have_their_old_names_too(toy_circle):
    assert toy_circle.reach == toy_circle.stopped_walk
    assert toy_circle.held == toy_circle.preserved


def test_an_edit_ends_where_it_is_seen(shaped_circle, x):
    z, drawing = shaped_circle.embed(x), Rendering.of(shaped_circle, x)
    c = drawing.c
    stopped = shaped_circle.stopped_walk(
        x, z, {"eyeglasses": 0.5}, drawing=drawing, mode="anchored"
    )
    path, probes = stopped.walk, shaped_circle.probes
    assert torch.equal(path.points[0], z) and stopped.change.shape == c.shape
    assert (path.angle <= shaped_circle.bound + 1e-3).all()
    column = probes.names.index("eyeglasses")
    before, after = (shaped_circle.read_code(code)[:, column] for code in (c, c + stopped.change))
    goal = stopping.wanted_logits(before[:, None], probes.typical[[column]], torch.tensor([0.5]))[
        :, 0
    ]
    gone = (after - before) / (goal - before)
    assert path.reached.float().mean() > 0.3
    assert (abs(gone[path.reached] - 1) < 0.3).all()  # between two frames
    columns = torch.tensor([shaped_circle.attributes.names.index("eyeglasses")])
    torch.testing.assert_close(path.after, shaped_circle.attributes(path.end, columns))
    edited = shaped_circle.edit(x, {"eyeglasses": 0.5})
    stopped = shaped_circle.stopped_walk(x, z, {"eyeglasses": 0.5})
    torch.testing.assert_close(
        edited, drawing.drawn(stopped.change, "photo", ["eyeglasses"]), atol=1e-4, rtol=0
    )


def test_a_circle_may_build_on_a_shipped_one(toy_circle, tmp_path, monkeypatch):
    for module in ("istrc.shipped", "istrc.pretrained"):
        monkeypatch.setattr(f"{module}.WEIGHTS", tmp_path)
    toy_circle.save_pretrained(tmp_path / "small")
    torch.manual_seed(0)
    shipped = Circle.from_pretrained("small")  # of the weights as they are stored
    mapping = Mapping(16, shipped.code, 8, 2)
    other = Circle(shipped.recogniser, shipped.autoencoder, mapping, shipped.attributes)
    other.save_pretrained(tmp_path / "other", base="small")
    assert {path.name for path in (tmp_path / "other").iterdir()} == {"circle.json", "mapping"}
    assert Circle.from_pretrained("other").size == 16
    # A base is a name among the shipped ones, and no way out of them
    settings = json.loads((tmp_path / "other" / "circle.json").read_text())
    settings["base"] = "../" + tmp_path.name + "/small"
    (tmp_path / "other" / "circle.json").write_text(json.dumps(settings))
    assert "other" in one_line(lambda: Circle.from_pretrained("other"))


def test_a_part_that_is_left_out_leaves_nothing(shaped_circle, toy_circle, tmp_path):
    shaped_circle.save_pretrained(tmp_path)
    toy_circle.save_pretrained(tmp_path)
    again = Circle.from_pretrained(tmp_path)
    assert again.landmarks is None and again.code == toy_circle.code


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


@pytest.mark.parametrize("fast", [False, True])
def test_trainings_compute_in_bfloat16_where_the_processor_does(fast, monkeypatch):
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: fast, raising=False)
    with reduced("cpu"):
        made = torch.ones(2, 2) @ torch.ones(2, 2)
    assert made.dtype == (torch.bfloat16 if fast else torch.float32)


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


def test_the_angles_are_saved(tmp_path):
    Circle(**build(), bound=0.7, same_person=0.8).save_pretrained(tmp_path)
    found = Circle.from_pretrained(tmp_path)
    assert (found.bound, found.same_person) == (0.7, 0.8)
    settings = json.loads((tmp_path / "circle.json").read_text())
    del settings["same_person"]  # as circles were saved before
    (tmp_path / "circle.json").write_text(json.dumps(settings))
    assert Circle.from_pretrained(tmp_path).same_person == math.pi


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


@pytest.mark.parametrize("name", ["bound", "same_person"])
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-0.5", "0", "3.2", "1" + "0" * 400])
def test_an_angle_that_is_none_is_refused(name, value, tmp_path):
    Circle(**build()).save_pretrained(tmp_path)
    settings = json.loads((tmp_path / "circle.json").read_text()) | {name: json.loads(value)}
    (tmp_path / "circle.json").write_text(json.dumps(settings))
    said = f"{name} is {json.loads(value)}, and no angle over 0 and up to pi radians"
    said = "int too large to convert to float" if len(value) > 400 else said
    assert one_line(lambda: Circle.from_pretrained(tmp_path)) == (
        f"{tmp_path}/circle.json: cannot be read ({said}); install the package again"
    )


def test_json_that_nests_without_end_is_one_line(tmp_path):
    Circle(**build()).save_pretrained(tmp_path)
    for path, says in [
        (tmp_path / "mapping" / "config.json", "damaged (ValueError: nested too deeply)"),
        (tmp_path / "circle.json", "cannot be read (nested too deeply)"),
    ]:
        path.write_text('{"bound": ' + "[" * 100_000)
        assert one_line(lambda: Circle.from_pretrained(tmp_path)) == (
            f"{path}: {says}; install the package again"
        )


def test_a_part_made_for_another_recogniser_is_refused(tmp_path):
    for folder in ("mine", "other"):
        Circle(**build()).save_pretrained(tmp_path / folder)
    config = tmp_path / "mine" / "mapping" / "config.json"
    told = json.loads(config.read_text())["recogniser"]
    settings = json.loads((tmp_path / "mine" / "circle.json").read_text())
    other = json.loads((tmp_path / "other" / "circle.json").read_text())["recogniser"]["sha256"]
    assert told == settings["recogniser"] | {"input": None}
    for part in ("mapping", "attributes"):
        mine, theirs = tmp_path / "mine" / part, tmp_path / "other" / part
        shutil.copytree(mine, tmp_path / "kept")
        shutil.copytree(theirs, mine, dirs_exist_ok=True)
        assert one_line(lambda: Circle.from_pretrained(tmp_path / "mine")) == (
            f"{mine}: made for the recogniser own ({other[:16]}...), and this circle's is own "
            f"({told['sha256'][:16]}...): different weights; put the part of this circle there, or "
            "train it for this recogniser"
        )
        shutil.rmtree(mine)
        (tmp_path / "kept").rename(mine)
    # Parts were saved before without a word of it, and load
    settings = json.loads(config.read_text())
    del settings["recogniser"]
    config.write_text(json.dumps(settings))
    Circle.from_pretrained(tmp_path / "mine")
    for wrong in ("own", {"kind": "own"}, {"kind": 1, "sha256": "a"}):
        config.write_text(json.dumps(settings | {"recogniser": wrong}))
        message = one_line(lambda: Circle.from_pretrained(tmp_path / "mine"))
        assert message.startswith(f"{config}: what it was made for is no recogniser (")


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
    # The change goes in at the photograph's own resolution
    change = toy_circle.map_change(face.code, face.z, edited.walk.end)
    (layers,) = Rendering(toy_circle, face.x, face.code).layers(change)
    assert np.array_equal(edited.pixels, put(original, layers, face.frame, None))
    assert np.array_equal(edited.crop, face.frame.crop(edited.pixels, 16))
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
    own = json.loads((tmp_path / "b" / "circle.json").read_text())["recogniser"]["sha256"]
    made_for = kept["mapping"].pop("recogniser")
    assert made_for["kind"] == "own" and made_for["sha256"] == own
    assert kept["mapping"] == {"training": ["longer"]} and kept["facenet"] == {"x": 1}
    assert kept["autoencoder"] == {}

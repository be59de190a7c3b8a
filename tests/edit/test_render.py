"""What an edit lays over its photograph."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from istrc.circle import Circle
from istrc.edit.composite import put
from istrc.edit.masks import Masks, masks_of
from istrc.edit.mouth import opened
from istrc.edit.render import MODES, Rendering
from istrc.edit.tone import LUMA
from istrc.errors import InputError
from istrc.networks import Networks
from istrc.photo.paste import face_mask
from istrc.resample import blurred
from istrc.shape.crop import CROP
from istrc.shape.regions import outline, polygon, region_mask

SIZE = 32


@pytest.fixture(scope="module")
def circle(untrained_parts):
    return Circle(**untrained_parts())


@pytest.fixture(scope="module")
def faces():
    coarse = np.random.default_rng(1).uniform(-1, 1, (3, 3, 8, 8)).astype(np.float32)
    return torch.from_numpy(coarse.repeat(4, 2).repeat(4, 3))


@pytest.fixture(scope="module")
def rendering(circle, faces):
    return Rendering(circle, faces, circle.encode(faces))


def test_strength_nothing_gives_all_bytes_back(circle, rendering, faces, photo, frame):
    still = rendering.c * 0
    for layers in rendering.layers(still):
        assert not layers.change.any() and layers.inside is None
        np.testing.assert_array_equal(put(photo, layers, frame, circle.mesh), photo)
    torch.testing.assert_close(rendering.drawn(still, "photo"), faces, atol=1e-6, rtol=0)


def test_covered_points_do_not_move(circle, faces):
    c = circle.encode(faces)
    change = torch.zeros_like(c)
    change[:, circle.texture :] = 0.05
    covered = torch.full((3, 68), -20.0)
    covered[:, :8] = 20.0  # a hand on the left cheek
    for layers in Rendering(circle, faces, c, covered).layers(change):
        moved = layers.after[:68] - layers.before[:68]
        assert np.abs(moved[:8]).max() < 1e-6 and np.abs(moved[20:68]).max() > 0.04
        free = Rendering(circle, faces, c).layers(change)[0]
        assert np.abs((free.after - free.before)[:8]).max() > 0.04
        assert layers.mask.sum() < free.mask.sum()


def test_a_grey_face_stays_grey(untrained_parts, faces):
    circle = Circle(**untrained_parts())  # its own: others draw with the module's
    # Components of the light alone, so that a grey face is drawn grey
    basis = circle.autoencoder.components.basis
    basis.copy_(basis.view(len(basis), 3, -1).mean(1, keepdim=True).expand(-1, 3, -1).flatten(1))
    circle.autoencoder.components.basis0.zero_()
    for weight in circle.autoencoder.decoder.parameters():
        weight.data.zero_()
    grey = faces.mean(1, keepdim=True).expand(-1, 3, -1, -1).contiguous()
    change = torch.randn(3, circle.code, generator=torch.manual_seed(0))
    change[:, circle.texture :] = 0
    for layers in Rendering(circle, grey, circle.encode(grey)).layers(change):
        assert np.abs(layers.change).max() > 1e-3
        assert np.abs(layers.change - layers.change.mean(0)).max() < 1e-6


def test_a_mouth_that_opens_is_drawn_by_the_decoder(circle, faces, open_mouth):
    """Each of them by itself, and none that is behind a hand."""
    closed = circle.mesh.reference
    wide = open_mouth(closed, 0.2)
    drawing = Rendering(circle, faces, circle.encode(faces))
    drawing.__dict__["_shapes"] = np.stack([closed, closed, wide])
    opens = drawing._opens(np.stack([wide, closed, closed]))
    assert opens[0] > 0.9 and not opens[1:].any()
    assert np.isclose(opens[0], opened(closed, wide))
    covered = torch.full((3, 68), -20.0)
    covered[1:, 60] = 20.0
    hidden = Rendering(circle, faces, circle.encode(faces), covered)
    hidden.__dict__["_shapes"] = np.stack([closed] * 3)
    found = hidden._opens(np.stack([wide] * 3))
    np.testing.assert_allclose(found, [opens[0], 0, 0], atol=1e-6)


def test_an_edit_shows_in_its_regions(circle, rendering):
    change = torch.randn(3, circle.code, generator=torch.manual_seed(0))
    change[:, circle.texture :] = 0
    mean = circle.mesh.reference
    whole, nose = outline(mean, SIZE), region_mask(mean, ["nose"], SIZE)
    for eye in (mean[36:42], mean[42:48]):  # which keep their colour
        whole = whole * (1 - polygon(eye, SIZE))
    lips = tuple(((mean[[62, 66]].mean(0)[::-1] + 1) * SIZE / 2).astype(int))
    for edits, where in (
        (None, whole),
        (["young", "smile"], whole),
        (["young"], None),
        (["pointy_nose"], whole * nose),
    ):
        for layers, smooth in zip(rendering.layers(change, edits), rendering._smooth, strict=True):
            if where is not None and edits is not None:
                where = whole * smooth * (nose if "pointy_nose" in edits else 1)
            if where is None:  # teeth stay as they are
                assert layers.mask[lips] < whole[lips] and (layers.mask <= whole).all()
            else:
                np.testing.assert_allclose(layers.mask, where, atol=0.1)
            assert layers.mask.dtype == layers.change.dtype == np.float32
            assert np.abs(layers.change).max() > 0.005
            assert not layers.change[:, layers.mask == 0].any()


def test_a_nose_changes_its_shape_alone(circle, rendering):
    change = torch.randn(3, circle.code, generator=torch.manual_seed(0))
    asked = ["big_nose"], ["big_nose", "smile"], ["smile"]
    alone, beside, smile = (rendering.layers(change, edits) for edits in asked)
    for of_shape, both, other in zip(alone, beside, smile, strict=True):
        assert not of_shape.mask.any() and not of_shape.change.any()
        assert not np.array_equal(of_shape.before, of_shape.after)
        np.testing.assert_array_equal(both.mask, other.mask)


def test_brows_stay(circle, rendering):
    """What lightens them does a part of it; what darkens them, and edits of brows, do all."""
    size, change = circle.size, torch.zeros_like(rendering.c)
    change[:, :4] = 3 * torch.randn(4, generator=torch.Generator().manual_seed(1))
    fine = Masks(circle.mesh, 128, False).fades({"makeup": -1.0})
    x, y = ((circle.mesh.reference[[19, 24]].T + 1) * 64).astype(int)
    assert (fine[y, x] < 0.5).all() and fine[0, 0] == 1 and (fine[80:] > 0.99).all()
    lashes = Masks(circle.mesh, 128, False).fades({"male": 1.0})
    x, y = ((circle.mesh.reference[[36, 45]].T + 1) * 64).astype(int)  # the outer corners
    assert Masks(circle.mesh, 128, False).fades({"big_eyes": -1.0})[y, x].min() > 0.99
    assert (lashes[y, x] < 0.7).all() and (fine[y, x] > lashes[y, x] + 0.1).all()
    at = masks_of(circle.mesh, size, circle.whole)
    left = at.fades({"makeup": -1.0})
    assert at.fades({"bushy_eyebrows": -1.0}) == at.fades(None) == 1
    kept = np.stack([one.change for one in rendering.layers(change, {"makeup": -1.0})])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(at, "fades", lambda edits: 1.0)
        free = np.stack([one.change for one in rendering.layers(change, {"makeup": -1.1})])
    lifts = [np.tensordot(LUMA[:, 0, 0], one, (0, 1)) for one in (kept, free)]
    brows = left < 0.9
    assert lifts[1][:, brows].max() > 0.02
    assert (lifts[0] <= np.maximum(lifts[1], 0) + 1e-5)[:, brows].all()
    np.testing.assert_allclose(lifts[0][:, left == 1], lifts[1][:, left == 1], atol=1e-5)
    darker = (lifts[1] < 0) & brows
    np.testing.assert_allclose(lifts[0][darker], lifts[1][darker], atol=1e-5)


@pytest.mark.parametrize("edits", [{"young": -1.0}, {"eyeglasses": -1.0}, {"taught": -1.0}, None])
def test_rims_of_glasses_stay(circle, rendering, edits, monkeypatch):
    """Around the eyes of who wears them nothing becomes lighter, unless they are to go."""
    change = torch.zeros_like(rendering.c)
    change[:, :4] = 3 * torch.randn(4, generator=torch.Generator().manual_seed(1))
    lifts = []
    for surely in (0.0, 1.0):
        monkeypatch.setattr(
            Networks,
            "said",
            lambda self, name, c, unknown, by=surely: 0 * c[:, 0] + by * (name == "eyeglasses"),
        )
        drawing = Rendering(circle, rendering.x, rendering.c)
        drawn = np.stack([one.change for one in drawing.layers(change, edits)])
        lifts.append(np.tensordot(LUMA[:, 0, 0], drawn, (0, 1)))
    eyes = masks_of(circle.mesh, circle.size, circle.whole).eyes
    assert lifts[0][:, eyes > 0.9 * eyes.max()].max() > 0.02
    if edits != {"young": -1.0}:
        np.testing.assert_array_equal(lifts[0], lifts[1])
        return
    assert lifts[1][:, eyes > 0.9 * eyes.max()].max() < 0.2 * lifts[0].max()
    np.testing.assert_allclose(lifts[0][:, eyes == 0], lifts[1][:, eyes == 0], atol=1e-5)
    np.testing.assert_allclose(lifts[1][lifts[0] < 0], lifts[0][lifts[0] < 0], atol=1e-5)


def test_hair_over_a_forehead_is_left_alone(circle):
    """An edit keeps away from a fringe, and from all of it; hair itself may be edited."""
    plain = torch.zeros(1, 3, SIZE, SIZE) + torch.tensor([0.3, 0.1, 0.0])[:, None, None]
    fringe = plain.clone()
    fringe[..., : SIZE // 4, :] = -0.8
    shapes = torch.from_numpy(circle.mesh.reference).float()[None]
    found = torch.cat([shapes, torch.full((1, 68, 1), -9.0)], 2)
    bare, hair = (Rendering.of(circle, x, found) for x in (plain, fringe))
    assert bare._smooth.min() == 1 and hair._smooth[0, SIZE // 4 - 2 : SIZE // 4].max() < 0.2
    assert hair._smooth[0, SIZE // 2 :].min() == 1
    for edits, left in ((["young"], True), (["bangs"], False), (None, False)):
        masks = [drawing._masks(edits)[0] for drawing in (bare, hair)]
        assert (masks[1] < masks[0] - 0.01).any() == left


# --- the constant shape ---


def test_the_constant_shape_adds_the_change_inside_the_mask(toy_circle, toys):
    x = toys.batch(toys.rows("valid")[:3])
    c = toy_circle.encode(x)
    change = toy_circle.map_change(
        c, z := toy_circle.embed(x), toy_circle.walk(z, {"smile": 1}).end
    )
    drawing = Rendering(toy_circle, x, c)
    added = toy_circle.draw_texture(c + change) - toy_circle.draw_texture(c)
    mask = torch.from_numpy(face_mask(16))
    for layers, own, wanted in zip(drawing.layers(change), x, mask * added, strict=True):
        assert layers.before is None and layers.inside is None and own.shape == (3, 16, 16)
        np.testing.assert_allclose(layers.change, wanted, atol=1e-4)
    photo = drawing.drawn(change, "photo")
    torch.testing.assert_close(photo, (x + mask * added).clamp(-1, 1), atol=1e-4, rtol=0)
    outside = (mask == 0).expand_as(x)
    torch.testing.assert_close(photo[outside], x[outside], atol=1e-6, rtol=0)


def test_other_modes(toy_circle, toys):
    x = toys.batch(toys.rows("valid")[:2])
    drawing = Rendering(toy_circle, x, c := toy_circle.encode(x))
    assert torch.equal(drawing.drawn(0 * c, "anchored"), toy_circle.decode_code(c))
    with pytest.raises(InputError, match="mode 'sharp': use one of photo, anchored, circle"):
        drawing.drawn(0 * c, "sharp")
    assert MODES == ("photo", "anchored", "circle")


def test_what_the_faces_decide_is_computed_once(circle, faces):
    seen = []

    def draw(c):
        seen.append(len(c))
        return circle.draw_texture(c)

    nets = SimpleNamespace(
        draw_texture=draw,
        straighten=circle.straighten,
        mesh=circle.mesh,
        facial=circle.facial,
        size=circle.size,
        shapes=circle.shapes,
        whole=False,
        probes=None,
        said=circle.said,
    )
    drawing = Rendering(nets, faces, c := circle.encode(faces))
    for change in (0.1 * c, -0.1 * c):
        drawn = drawing.layers(change)
        assert drawing.layers(change.clone()) is drawn  # a picture is looked at, and then shown
    assert seen == [3, 3, 3]  # the own textures once, and two edited ones
    assert drawing.layers(change, ["smile"]) is not drawn
    assert CROP[0] < CROP[2]


# --- what a picture shows of a change ---


def test_what_is_shown_is_what_is_laid_over(rendering, circle):
    """Its texture is the code of the drawn texture with the layers over it, less its own."""
    generator = torch.Generator().manual_seed(3)
    change = torch.randn(rendering.c.shape, generator=generator) * 0.3
    for edits in (None, ["pointy_nose"]):
        found = rendering.shown(change, edits)
        texture = circle.draw_texture(rendering.c)
        for face, layers in enumerate(rendering.layers(change, edits)):
            over = texture[face : face + 1] + torch.from_numpy(layers.change)[None]
            own = circle.encode_texture(texture[face : face + 1])
            wanted = circle.encode_texture(over) - own
            # A difference of two codes, each of them a sum over all pixels
            off = (found[face, : circle.texture] - wanted[0]).abs().max()
            assert off < 0.01 * wanted.abs().max()
        assert torch.equal(found[:, circle.texture :], change[:, circle.texture :])
        nothing = rendering.layers(0 * change, edits)
        assert [abs(layers.change).max() for layers in nothing] == [0] * len(nothing)


def test_colour_between_lips_that_shut_is_not_shown(rendering, circle, faces):
    """Lips that shut keep the photograph's colour, and what is not laid over does not count."""
    shape = np.zeros((68, 2), np.float32)
    shape[[*range(55, 60), *range(65, 68)], 1] = 0.2  # the lower lip hangs
    c = rendering.c.clone()
    c[:, circle.texture :] += torch.from_numpy(shape).flatten()
    drawing = Rendering(circle, faces, c)
    change = torch.zeros_like(c)
    change[:, : circle.texture] = 0.3 * torch.randn(3, circle.texture)
    open_ = drawing.shown(change, ["mouth_open"])
    change[:, circle.texture :] -= torch.from_numpy(shape).flatten()
    shut = drawing.shown(change, ["mouth_open"])
    texture = circle.draw_texture(c)
    for face, layers in enumerate(drawing.layers(change, ["mouth_open"])):
        over = texture[face : face + 1] + torch.from_numpy(layers.change)[None]
        wanted = circle.encode_texture(over) - circle.encode_texture(texture[face : face + 1])
        off = (shut[face, : circle.texture] - wanted[0]).abs().max()
        assert off < 0.01 * wanted.abs().max()
        inside = polygon(circle.mesh.reference[60:68], SIZE) > 0.9
        assert abs(layers.change[:, inside]).max() < 0.5 * abs(layers.change).max()
    assert (shut - open_)[:, : circle.texture].abs().max() > 0.1 * open_.abs().max()


def test_teeth_are_gone_where_lips_meet(circle, faces, open_mouth, face_points):
    """White between red lips: filled in with these where a mouth shuts, and nowhere else."""
    open_, shut = (
        torch.from_numpy(open_mouth(face_points, gap)).float().flatten() for gap in (0.2, 0.0)
    )
    c = circle.encode(faces).clone()
    c[:, circle.texture :] = open_
    drawing = Rendering(circle, faces, c)
    teeth = polygon(circle.mesh.reference[48:60] * [0.4, 1] + [0.05, 0], SIZE)
    real = np.broadcast_to(np.float32([0.4, 0.1, 0.0])[:, None, None], (3, 3, SIZE, SIZE)).copy()
    lips = polygon(circle.mesh.reference[48:60], SIZE)
    real += lips * (np.float32([0.2, -0.6, -0.6])[:, None, None] - real)
    drawing.__dict__["_real"] = real + teeth * (np.float32(0.6) - real)
    shuts = torch.zeros_like(c)
    shuts[:, circle.texture :] = shut - open_
    for layers in drawing.layers(shuts, {"smile": -1.0}):
        assert layers.lips[teeth > 0.99].min() > 0.9
        luma, at = (LUMA * layers.inside).sum(0), teeth > 0.99
        assert (layers.inside[0][at] > luma[at] + 0.2).all()  # red
    assert all(one.inside is None for one in drawing.layers(0 * shuts, {"smile": -1.0}))
    assert all(one.inside is None for one in drawing.layers(shuts, {"young": -1.0}))


def test_folds_that_fade_lose_their_colour_and_those_that_grow_gain_none(circle, faces):
    """A line that is redder than the skin beside it, where detail is to become fainter."""
    skin = 0.1 + 0.02 * faces
    skin[:, :, :, 14] += torch.tensor([0.02, -0.02, -0.02])[:, None]
    c = circle.encode(skin)
    fades, still = (
        Rendering(circle, skin, c, detail=np.full((1, 3, SIZE, SIZE), gain, np.float32))
        for gain in (-1.0, 0.0)
    )
    where = still._masks(["young"])[0] > 0.9

    def redness(drawing):
        shown = drawing._real + np.stack([one.change for one in drawing.layers(0 * c, ["young"])])
        red = shown[:, 0] - shown[:, 2]
        return (red - np.median(red[:, where], 1)[:, None, None])[:, where].std(1)

    assert (redness(fades) < 0.8 * redness(still)).all()
    grows = Rendering(circle, skin, c, detail=np.full((1, 3, SIZE, SIZE), 0.3, np.float32))
    tints = [layers.change - layers.change.mean(0) for layers in grows.layers(0 * c, ["young"])]
    luma = [np.abs(layers.change).max() for layers in grows.layers(0 * c, ["young"])]
    assert max(np.abs(tint).max() for tint in tints) < max(luma)


def test_beards_fall_on_strands_and_other_edits_do_not(circle, rendering):
    change = torch.randn(rendering.c.shape, generator=torch.Generator().manual_seed(4))
    for edits, grows in ((["beard"], True), (["mustache", "smile"], True), (["smile"], False)):
        for layers in rendering.layers(change, edits):
            assert (layers.hair is not None) == grows
            if grows:
                assert 0 <= layers.hair.min() < layers.hair.max() <= 1
                mouth = polygon(circle.mesh.reference[60:68], SIZE) > 0.99
                assert layers.hair[mouth].max() < 1e-3
    # What is taken away leaves no strands, and no hair on the chin
    for layers in rendering.layers(change, {"beard": -1.0}):
        assert layers.hair is not None and not layers.hair.any()


def test_what_is_drawn_is_as_sharp_as_the_face(circle, faces, monkeypatch):
    """Strands, hair and the inside of a mouth; and nothing else of the edit."""
    c = circle.encode(faces)
    change = torch.randn(c.shape, generator=torch.Generator().manual_seed(4))
    monkeypatch.setattr("istrc.edit.render.meets", lambda old, new: np.zeros(3))
    for edits in (["beard"], ["mouth_open"]):
        drawn = []
        for blur in (0.0, 1.5):
            drawing = Rendering(circle, faces, c)
            drawing.__dict__["_blur"] = np.full(3, blur)
            drawing.__dict__["_opens"] = lambda moved: np.ones(3)
            drawn.append(drawing.layers(change, edits)[0])
        sharp, soft = drawn
        assert (sharp.blur, soft.blur) == (0.0, 1.5)
        wide = 1.5 * SIZE / 128
        assert np.abs(soft.inside - sharp.inside).max() > 0.05
        np.testing.assert_allclose(soft.inside, blurred(sharp.inside, wide), atol=1e-6)
        if edits == ["beard"]:
            assert 0 < soft.hair.max() <= np.exp(-2.25) < sharp.hair.max()
            assert np.abs(soft.change - sharp.change).max() > 0.04
            np.testing.assert_allclose(soft.change, blurred(sharp.change, wide), atol=0.005)
        else:
            np.testing.assert_array_equal(soft.change, sharp.change)


def test_a_mouth_is_drawn_within_its_box(circle, rendering):
    """With four pixels to spare; and circles' masks are made once."""
    at = rendering._at
    _, rows, columns = at.mouth_box
    within = np.zeros((SIZE, SIZE), bool)
    within[rows.start + 4 : rows.stop - 4, columns.start + 4 : columns.stop - 4] = True
    assert at.mouth[within].any() and not at.mouth[~within].any()
    speaks, half, laughs = (at.opened(smiles) for smiles in (0.0, 0.5, 1.0))
    assert speaks.sum() < laughs.sum() and laughs[within].any() and not laughs[~within].any()
    np.testing.assert_allclose(half, (speaks + laughs) / 2, atol=1e-6)
    assert Rendering(circle, rendering.x[:1], rendering.c[:1])._at is at


def test_teeth_keep_out_of_make_up(circle, faces):
    """What is white between the lips stays; the lips themselves do not."""
    lips = torch.from_numpy(polygon(circle.mesh.reference[48:60], SIZE))
    inner = polygon(circle.mesh.reference[48:60] * [0.4, 1] + [0.05, 0], SIZE)
    c = circle.encode(faces)
    drawing = Rendering(circle, faces, c)
    real = np.broadcast_to(np.float32([0.4, 0.1, 0.0])[:, None, None], (3, 3, SIZE, SIZE)).copy()
    real += lips.numpy() * (np.float32([0.2, -0.4, -0.4])[:, None, None] - real)
    real += inner * (np.float32([0.6, 0.6, 0.6])[:, None, None] - real)
    drawing.__dict__["_real"] = real
    change = torch.randn(c.shape, generator=torch.Generator().manual_seed(5))
    for layers in drawing.layers(change, ["makeup"]):
        shade = np.abs(layers.change).max(0)
        assert shade[inner > 0.99].max() < 1e-6 < shade[lips.numpy() > 0.9].max()


def test_lips_that_nobody_paints_hardly_darken(circle, faces):
    """Of what darkens them a part is taken away; not where lips are shaped or painted."""
    masks = masks_of(circle.mesh, circle.size, False)
    for edits in (["big_lips"], ["smile", "young"], ["beard"], None):
        assert masks.red(edits) is None
    lips = masks.red(["young"])
    row, column = ((circle.mesh.reference[[51, 57]].mean(0)[::-1] + 1) * SIZE / 2).astype(int)
    assert lips[row, column] > 0.5 and lips[: SIZE // 2].max() < 1e-3
    painted = masks.red(["young", "wearing_lipstick"])
    assert (painted <= lips + 1e-6).all() and painted.sum() < 0.8 * lips.sum()


def test_a_moustache_that_grows_alone_ends_beside_the_mouth(circle):
    at = masks_of(circle.mesh, SIZE, False)
    alone = at.trimmed({"mustache": 1.0})
    np.testing.assert_array_equal(alone, region_mask(circle.mesh.reference, ["moustache"], SIZE))
    assert alone.sum() < at.shows(["mustache"]).sum()
    np.testing.assert_array_equal(at.trimmed(["mustache"]), alone)
    for others in ({"beard": 1.0}, {"beard": -1.0}, {"smile": 1.0}):
        assert np.all(at.trimmed({"mustache": 1.0, **others}) == 1)
    assert np.all(at.trimmed({"mustache": -1.0}) == 1) and np.all(at.trimmed({"beard": 1.0}) == 1)


def test_lips_that_part_keep_their_hue_unless_they_are_painted(rendering):
    """What is between them, and beside them, is as it was drawn."""
    at, real = rendering._at, rendering._real[0]
    new = (real + np.float32([0.1, -0.2, -0.1])[:, None, None]).astype(np.float32)
    found = rendering._parted(new, 0, 1.0, 0.0)
    off = np.abs(found - new).max(0)
    assert off[at.within_lips * (1 - at.between) > 0.5].max() > 0.01
    assert off[at.within_lips == 0].max() == 0 and (off * (at.between > 0.999)).max() < 1e-3
    np.testing.assert_array_equal(rendering._parted(new, 0, 0.0, 0.0), new)
    np.testing.assert_array_equal(rendering._parted(new, 0, 1.0, 1.0), new)


def test_what_lightens_folds_leaves_a_beard(circle, rendering, monkeypatch):
    change = torch.zeros_like(rendering.c)
    change[:, :4] = 3 * torch.randn(4, generator=torch.Generator().manual_seed(1))
    x, lifts = rendering.x.clone(), []
    x[:, :, 40:] *= 0.3  # a lower face that is darker than the skin
    x[:, :, 40:] -= 0.6
    for surely in (0.0, 1.0):
        monkeypatch.setattr(
            Networks,
            "said",
            lambda self, name, c, unknown, by=surely: 0 * c[:, 0] + by * (name == "mustache"),
        )
        drawing = Rendering(circle, x, rendering.c)
        drawn = [
            np.stack([one.change for one in drawing.layers(change, edits)])
            for edits in ({"smile": -1.0}, {"beard": -1.0})
        ]
        lifts.append([np.tensordot(LUMA[:, 0, 0], one, (0, 1)) for one in drawn])
    beards = masks_of(circle.mesh, circle.size, circle.whole).shows(["beard"]) > 0.9
    (shaven, asked), (bearded, asked_too) = lifts
    assert shaven[:, beards].max() > 0.02
    assert bearded[:, beards].clip(min=0).mean() < 0.7 * shaven[:, beards].clip(min=0).mean()
    np.testing.assert_array_equal(asked, asked_too)

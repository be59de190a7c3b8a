"""How an edit is put into a picture: what moves, what is shaded, and what keeps its bytes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from istrc.circle import Circle
from istrc.edit.render import MODES, Layers, Rendering, put
from istrc.errors import InputError
from istrc.photo.align import Frame, aligned_frame, transform
from istrc.photo.paste import face_mask
from istrc.shape.crop import CROP, CROP_CENTRE, CROP_SIDE
from istrc.shape.mesh import BORDER, Mesh, points
from istrc.shape.regions import outline, polygon, region_mask

SIZE = 32
SIDE = 150  # of the face's crop in the photograph


@pytest.fixture(scope="module")
def mesh(face_points):
    return Mesh(face_points)


@pytest.fixture(scope="module")
def frame():
    """A face that is turned a little, in a photograph of 320 x 260."""
    scale, angle = CROP_SIDE / SIDE, 0.2
    turn = scale * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return Frame(np.column_stack([turn, CROP_CENTRE - turn @ [150.0, 140.0]]))


@pytest.fixture(scope="module")
def photo():
    coarse = np.random.default_rng(0).integers(0, 256, (27, 33, 3), dtype=np.uint8)
    return coarse.repeat(10, 0).repeat(10, 1)[:260, :320]


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


def nothing(mesh, shape=None):
    """The layers of an edit that changes no texture: (3, S, S) of 0, and a shape that moves."""
    blank = np.zeros((3, SIZE, SIZE), np.float32)
    before, after = mesh.moved(mesh.reference, mesh.reference if shape is None else shape)
    return Layers(blank, np.ones((SIZE, SIZE), np.float32), None, None, before, after)


def in_crop(frame, shape):
    """Where the pixels of a photograph lie in the crop's [-1, 1], (H, W, 2)."""
    height, width = shape[:2]
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    return (transform(frame.matrix, np.stack([x, y], -1)) - CROP_CENTRE) / (CROP_SIDE / 2)


# --- put ---


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_nothing_moved_and_nothing_changed_gives_all_back(mesh, frame, photo, kind):
    pixels = photo.astype(kind)
    for layers, own in ((nothing(mesh), mesh), (nothing(mesh).__class__(*blank()), None)):
        found = put(pixels, layers, frame, own)
        assert found.dtype == kind and found is not pixels
        np.testing.assert_array_equal(found, pixels)


def blank():
    return np.zeros((3, SIZE, SIZE), np.float32), np.ones((SIZE, SIZE), np.float32)


def test_outside_of_the_mesh_bytes_are_the_photographs(mesh, frame, photo, open_mouth):
    layers = nothing(mesh, open_mouth(mesh.reference, 0.15))
    layers.change[:] = 0.3 * outline(mesh.reference, SIZE)
    found = put(photo, layers, frame, mesh)
    assert (found != photo).any()
    at = in_crop(frame, photo.shape)
    ring = points(mesh.reference)[95:122]
    around = np.concatenate([ring[:17], ring[:16:-1]])
    inside = polygon_has(around * 1.02, at)
    assert not inside.all() and np.array_equal(found[~inside], photo[~inside])
    assert np.array_equal(found[np.abs(at).max(-1) > BORDER], photo[np.abs(at).max(-1) > BORDER])


def polygon_has(corners, places):
    """Whether places (..., 2) lie in a polygon (N, 2): crossings of a ray, corner by corner."""
    inside = np.zeros(places.shape[:-1], bool)
    x, y = places[..., 0], places[..., 1]
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, 1, 0), strict=True):
        if ay != by:
            crosses = ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
            inside ^= crosses
    return inside


def test_pixels_are_moved_with_their_points(mesh, open_mouth):
    """A bright dot on the lower lip, and on the nose, is where those points are afterwards."""
    frame = aligned_frame(128, 128)
    shape = open_mouth(mesh.reference, 0.125)  # the lip goes down by 8 pixels
    pixels = np.zeros((128, 128, 3), np.uint8)
    for point in (57, 30):
        x, y = ((mesh.reference[point] + 1) * 64).round().astype(int)
        pixels[y - 2 : y + 2, x - 2 : x + 2] = 255
    found = put(pixels, nothing(mesh, shape), frame, mesh)[..., 0].astype(float)
    for point, moved in ((57, 8), (30, 0)):
        x, y = (mesh.reference[point] + 1) * 64
        near = found[int(y) - 4 : int(y) + 16, int(x) - 6 : int(x) + 6]
        centre = (near.sum(1) * (np.arange(len(near)) + int(y) - 4 + 0.5)).sum() / near.sum()
        assert centre == pytest.approx(round(y) + moved, abs=1.0)


def test_towards_the_edge_of_a_picture_is_squeezed_and_not_smeared(mesh):
    """A face that is cut off grows narrower: no column of it is repeated."""
    frame, right = aligned_frame(128, 128), np.array([0.35, 0.0])
    shape = mesh.reference.copy()
    shape[:17] *= [0.8, 1.0]
    before, after = mesh.moved(mesh.reference, shape)
    layers = replace(nothing(mesh), before=before + right, after=after + right)
    ramp = np.broadcast_to(np.arange(128, dtype=np.float32)[None, :, None] * 2, (128, 128, 3))
    found = put(ramp, layers, frame, mesh)[..., 0]
    moved = np.flatnonzero(np.abs(found - ramp[..., 0]).max(1) > 4)
    assert len(moved) > 20 and (np.diff(found[moved, -24:], axis=1) > 0.2).all()


def test_a_change_is_added_where_the_texture_lies(mesh, frame, photo):
    layers = nothing(mesh)
    layers.change[:] = 0.25
    grey = np.full_like(photo, 100)
    found = put(grey, layers, frame, mesh).astype(int)
    at = in_crop(frame, photo.shape)
    ring = points(mesh.reference)[95:122]
    inside = polygon_has(0.98 * np.concatenate([ring[:17], ring[:16:-1]]), at)
    inside &= np.abs(at).max(-1) < 0.9
    assert inside.mean() > 0.1 and (np.abs(found[inside] - (100 + 0.25 * 127.5)) <= 1).all()
    beyond = np.abs(in_crop(frame, photo.shape)).max(-1) > 1.01
    assert (found[beyond] == 100).all()
    # The constant shape does the same, without a mesh
    flat = put(grey, Layers(layers.change, layers.mask), frame, None).astype(int)
    assert np.abs(flat - found)[inside].max() <= 1


def test_what_opens_is_drawn(mesh, open_mouth):
    frame, pixels = aligned_frame(128, 128), np.full((128, 128, 3), 60, np.uint8)
    shape = open_mouth(mesh.reference, 0.2)
    bare = nothing(mesh, shape)
    lips = polygon(2 * mesh.reference[60:68] - mesh.reference[[62, 66]].mean(0), SIZE)
    inside = np.full((3, SIZE, SIZE), 1.0, np.float32)
    layers = Layers(bare.change, bare.mask, inside, lips, bare.before, bare.after)
    found = put(pixels, layers, frame, mesh)
    assert (put(pixels, bare, frame, mesh) == 60).all()
    x, y = ((shape[[62, 66]].mean(0) + 1) * 64).astype(int)
    assert found[y, x].min() > 200  # what the decoder has there
    assert (found[:40] == 60).all()


def test_a_face_beside_the_photograph_changes_nothing(mesh, photo):
    away = Frame(np.column_stack([np.eye(2), [5000.0, 5000.0]]))
    np.testing.assert_array_equal(put(photo, nothing(mesh), away, mesh), photo)


def test_large_faces_are_looked_up_between(mesh, open_mouth, monkeypatch):
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.float32)
    pixels = np.kron(coarse, np.ones((32, 32, 1))).astype(np.float32)  # (256, 256, 3)
    layers = nothing(mesh, open_mouth(mesh.reference, 0.1))
    fine = put(pixels, layers, aligned_frame(256, 256), mesh)
    monkeypatch.setattr("istrc.edit.render.FINEST", 128)
    rough = put(pixels, layers, aligned_frame(256, 256), mesh)
    assert np.abs(rough - fine).mean() < 2


# --- layers ---


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


def test_a_mouth_that_opens_is_drawn_by_the_decoder(circle, rendering, open_mouth):
    before = np.concatenate([points(circle.mesh.reference)])
    wide = points(open_mouth(circle.mesh.reference, 0.2))
    lips = rendering._opened(before, wide, None)
    assert lips.max() > 0.4 and lips.min() < 0.01  # so thin are its closed lips
    assert rendering._opened(before, before, None) is None
    assert rendering._opened(wide, before, None) is None  # it shuts
    assert rendering._opened(before, wide, np.zeros(68)) is None  # behind a hand


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
        (["big_nose"], whole * nose),
    ):
        for layers, smooth in zip(rendering.layers(change, edits), rendering._smooth, strict=True):
            if where is not None and edits is not None:
                where = whole * smooth * (nose if "big_nose" in edits else 1)
            if where is None:  # teeth stay as they are
                assert layers.mask[lips] < whole[lips] and (layers.mask <= whole).all()
            else:
                np.testing.assert_allclose(layers.mask, where, atol=0.1)
            assert layers.mask.dtype == layers.change.dtype == np.float32
            assert np.abs(layers.change).max() > 0.005
            assert not layers.change[:, layers.mask == 0].any()


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
        size=circle.size,
        shapes=circle.shapes,
        whole=False,
    )
    drawing = Rendering(nets, faces, c := circle.encode(faces))
    for change in (0.1 * c, -0.1 * c):
        drawing.layers(change)
    assert seen == [3, 3, 3]  # the own textures once, and two edited ones
    assert CROP[0] < CROP[2]


# --- what a picture shows of a change ---


def test_what_is_shown_is_what_is_laid_over(rendering, circle):
    """Its texture is the code of the drawn texture with the layers over it, less its own."""
    generator = torch.Generator().manual_seed(3)
    change = torch.randn(rendering.c.shape, generator=generator) * 0.3
    for edits in (None, ["big_nose"]):
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

"""How an edit is put into a photograph: what moves, what is shaded, and what keeps its bytes."""

from dataclasses import replace

import numpy as np
import pytest

from istrc.edit.composite import Layers, _near, _texels, grain, over, put
from istrc.photo.align import Frame, aligned_frame, transform
from istrc.resample import looked_up
from istrc.shape.crop import CROP_CENTRE, CROP_SIDE
from istrc.shape.mesh import BORDER, points
from istrc.shape.regions import outline, polygon

SIZE = 32


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


@pytest.mark.parametrize(
    "rows, columns", [((3, 9), (20, 21)), ((28, 32), (0, 5)), ((0, 1), (31, 32))]
)
def test_no_place_that_sees_anything_is_left_out(rows, columns):
    """Nor beneath the crop, where a beard ends."""
    shows = np.zeros((SIZE, SIZE), bool)
    shows[slice(*rows), slice(*columns)] = True
    at = np.stack(np.meshgrid(np.linspace(-1, 1, 131), np.linspace(-1, 1.2, 139)))
    sees = looked_up(shows[None].astype(np.float32), *_texels(at, SIZE))[0] != 0
    near = _near(at, shows)
    assert sees.any() and near[sees].all() and near.mean() < 0.5
    assert not _near(at, ~shows & shows).any()


def test_a_face_beside_the_photograph_changes_nothing(mesh, photo):
    away = Frame(np.column_stack([np.eye(2), [5000.0, 5000.0]]))
    np.testing.assert_array_equal(put(photo, nothing(mesh), away, mesh), photo)


def test_large_faces_are_looked_up_between(mesh, open_mouth, monkeypatch):
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.float32)
    pixels = np.kron(coarse, np.ones((32, 32, 1))).astype(np.float32)  # (256, 256, 3)
    layers = nothing(mesh, open_mouth(mesh.reference, 0.1))
    fine = put(pixels, layers, aligned_frame(256, 256), mesh)
    monkeypatch.setattr("istrc.edit.composite.FINEST", 128)
    rough = put(pixels, layers, aligned_frame(256, 256), mesh)
    assert np.abs(rough - fine).mean() < 2


def test_what_is_finer_than_the_texture_grows(mesh, frame, photo):
    """By as much as is asked, beside what the texture says is there; edges do not."""
    still = nothing(mesh)
    flat = np.full_like(photo, 100)
    flat[::2] += 6  # grain of 3 levels around 103
    flat[40:44] = 255  # and an edge
    coarse = np.full((SIZE, SIZE), 103 / 127.5 - 1, np.float32)
    detail = np.stack([np.full((SIZE, SIZE), 1.0, np.float32), coarse])
    found = put(flat, replace(still, detail=detail), frame, mesh).astype(int)
    inside = (np.abs(in_crop(frame, photo.shape)) < 0.5).all(-1)
    plain = inside & (flat[..., 0] < 200)
    off = (found - 103)[plain] - 2 * (flat.astype(int) - 103)[plain]
    assert np.abs(off).max() <= 1
    assert (found[inside & (flat[..., 0] == 255)] == 255).all()
    outside = (np.abs(in_crop(frame, photo.shape)) > 1.05).any(-1)
    np.testing.assert_array_equal(found[outside], flat[outside])


def test_grain_is_the_deviation_of_noise():
    """Whatever lies under it, unless that is finer than most pixels."""
    rng = np.random.default_rng(0)
    smooth = np.linspace(50, 200, 80)[:, None] + np.linspace(0, 40, 90)
    smooth[:, 40:50] += 100  # an edge
    for sigma in (0.0, 2.0, 6.0):
        pixels = (smooth + rng.normal(0, sigma, smooth.shape))[..., None] + np.zeros(3)
        assert grain(pixels.astype(np.float32)) == pytest.approx(sigma, rel=0.05, abs=0.01)
    assert grain(np.zeros((2, 2, 3), np.float32)) == 0


def test_what_is_drawn_is_as_sharp_and_as_grainy_as_the_photograph(mesh):
    """Where that is finer than a texture; where it is not, the texture is drawn as it is."""
    rng, found = np.random.default_rng(0), {}
    step = np.zeros((3, SIZE, SIZE), np.float32)
    step[:, SIZE // 2 :] = 0.5
    for side in (SIZE, 4 * SIZE):
        for sigma in (0.0, 4.0):
            pixels = 100 + rng.normal(0, sigma, (side, side, 1)) + np.zeros(3)
            layers = replace(nothing(mesh), inside=step, lips=np.ones((SIZE, SIZE), np.float32))
            drawn = put(pixels.astype(np.float32), layers, aligned_frame(side, side), mesh)
            found[side, sigma] = drawn[..., 0]
    middle = {key: of[:, of.shape[1] // 2] for key, of in found.items()}
    coarse, fine = (middle[side, 0.0] for side in (SIZE, 4 * SIZE))
    np.testing.assert_array_equal(found[SIZE, 4.0][8:-8, 8:-8], found[SIZE, 0.0][8:-8, 8:-8])
    assert np.abs(coarse[8 : SIZE // 2 - 2] - 127.5).max() < 1e-3
    around = slice(2 * SIZE - 12, 2 * SIZE + 12)  # the step
    down = looked_up(step[:1], 0.0 * fine + SIZE / 2, (np.arange(4 * SIZE) + 0.5) / 4 - 0.5)[0]
    as_drawn = 127.5 * np.diff(down[around]).max()
    assert np.diff(fine[around]).max() > 1.4 * as_drawn  # four pixels for one
    layers = replace(layers, blur=1.0)  # a photograph out of focus is no finer than a texture
    soft = put(np.full_like(pixels, 100), layers, aligned_frame(side, side), mesh)[:, side // 2, 0]
    assert np.diff(soft[around]).max() == pytest.approx(as_drawn, rel=0.01)
    noisy = found[4 * SIZE, 4.0] - found[4 * SIZE, 0.0]
    flat = noisy[2 * SIZE + 16 : 3 * SIZE, SIZE : 3 * SIZE]
    assert flat.std() == pytest.approx(4.0, rel=0.1)


def test_one_drawing_lies_over_another():
    rng = np.random.default_rng(0)
    below, above = ((rng.normal(size=(3, 4, 4)), rng.uniform(0, 1, (4, 4))) for _ in range(2))
    texture, share = over(below, above)
    photo = rng.normal(size=(3, 4, 4))
    slow = photo + below[1] * (below[0] - photo)
    slow += above[1] * (above[0] - slow)
    np.testing.assert_allclose(photo + share * (texture - photo), slow)
    assert over(None, above) is above and over(below, None) is below and over(None, None) is None

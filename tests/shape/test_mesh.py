"""The mesh over a face: warps by a loop over triangles, and no fold whatever a face is asked."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from istrc.shape.mesh import (
    BORDER,
    FOLLOWED,
    WITHIN,
    Mesh,
    followed,
    held_open,
    parted,
    points,
    signed_of,
    triangulated,
)

OUTER = slice(68 + 27, 68 + 2 * 27)  # the ring that stays, of a mesh's points
PARTS = [range(0, 17), range(17, 27), range(27, 36), range(36, 48), range(48, 68)]


@pytest.fixture(scope="module")
def mesh(face_points):
    return Mesh(face_points)


@pytest.fixture(scope="module")
def other(face_points, open_mouth):
    """The same face, smiling with an open mouth and a narrower nose."""
    shape = open_mouth(face_points, 0.12)
    shape[[48, 54], 1] -= 0.05
    shape[31:36, 0] *= 0.8
    return shape


def weights_of(triangle, place):
    """Barycentric weights of a place in a triangle (3, 2), by solving for them."""
    return np.linalg.solve(np.vstack([triangle.T, np.ones(3)]), [*place, 1.0])


def test_triangles_are_laid_once_over_everything(mesh, face_points):
    assert np.array_equal(Mesh(face_points, mesh.triangles).triangles, mesh.triangles)
    assert set(mesh.triangles.ravel()) == set(range(len(mesh.centre)))
    assert mesh.mouth.any() and not mesh.mouth.all()
    # Every place within the border lies in one of them, and their areas are the border's
    found, _ = mesh.drawn(mesh.centre, (-BORDER, -BORDER, BORDER, BORDER), (9, 9))
    assert (found >= 0).all()
    area = signed_of(mesh.centre[mesh.triangles])
    assert (area > -1e-9).all() and area.sum() / 2 == pytest.approx((2 * BORDER) ** 2)


def test_the_reference_shape_is_the_mean_with_its_lips_apart(face_points):
    shape = held_open(face_points)
    unit = np.linalg.norm(face_points[42:48].mean(0) - face_points[36:42].mean(0))
    down = (shape - face_points)[:, 1] / unit
    assert down[[50, 51, 52, 61, 62, 63]] == pytest.approx(-0.05)
    assert down[[55, 56, 57, 58, 59, 65, 66, 67]] == pytest.approx(0.12)
    still = np.setdiff1d(np.arange(68), [50, 51, 52, 61, 62, 63, 55, 56, 57, 58, 59, 65, 66, 67])
    assert np.array_equal(shape[still], face_points[still])
    assert np.array_equal(shape[:, 0], face_points[:, 0])
    # The triangles of the mean shape lie over it without a fold, the mouth's with some area
    mesh = Mesh(shape, triangulated(face_points))
    area = signed_of(mesh.centre[mesh.triangles])
    assert (area > -1e-9).all() and (area[mesh.mouth] > 1e-3).any()


def test_no_triangle_reaches_across_lips_or_lids(mesh):
    def parts(triangle):
        upper, lower = set(range(49, 54)), set(range(55, 60))
        return {tuple(bool(side & {int(p) for p in triangle}) for side in (upper, lower))}

    triangles = triangulated(mesh.reference)
    assert all((True, True) not in parts(triangle) for triangle in triangles)


def test_the_mean_shape_looks_at_itself(mesh):
    axis = (np.arange(24) + 0.5) * 2 / 24 - 1
    pixels = np.stack(np.meshgrid(axis, axis), -1)
    looks = mesh.looks(np.stack([mesh.reference] * 2), 24)
    assert looks.shape == (2, 24, 24, 2) and looks.dtype == np.float32
    np.testing.assert_allclose(looks, np.stack([pixels] * 2), atol=1e-6)


def test_looks_are_those_of_a_loop(mesh, other):
    (looks,) = mesh.looks(other[None], 12)
    there = points(other)
    for row, column in [(2, 3), (6, 6), (9, 6), (8, 4), (0, 11), (7, 8)]:
        place = (np.array([column, row]) + 0.5) * 2 / 12 - 1
        seen = []
        for triangle in mesh.triangles:
            if abs(signed_of(mesh.centre[triangle[None]])[0]) < 1e-9:
                continue
            weights = weights_of(mesh.centre[triangle], place)
            if weights.min() > -1e-9:
                seen.append(weights @ there[triangle])
        assert any(np.allclose(looks[row, column], one, atol=1e-5) for one in seen)


def test_drawn_pixels_are_those_of_a_loop(mesh, other):
    there, region = points(other), (-1.2, -0.9, 0.8, 1.3)
    found, weights = mesh.drawn(there, region, (22, 15))
    assert found.shape == (22, 15) and weights.shape == (22, 15, 3)
    for row in range(22):
        for column in range(15):
            place = (
                -1.2 + (column + 0.5) * 2.0 / 15,
                -0.9 + (row + 0.5) * 2.2 / 22,
            )
            triangle = mesh.triangles[found[row, column]]
            byhand = weights_of(there[triangle], place)
            np.testing.assert_allclose(weights[row, column], byhand, atol=1e-4)
            assert byhand.min() >= -1e-4
    # So their places are the pixels themselves, and in another mesh those of a loop
    assert np.allclose(mesh.places(there, found, weights)[3, 4], (-1.2 + 0.6, -0.9 + 0.35))
    triangle = mesh.triangles[found[11, 8]]
    np.testing.assert_allclose(
        mesh.places(mesh.centre, found, weights)[11, 8],
        weights[11, 8] @ mesh.centre[triangle],
        atol=1e-6,
    )


def test_beyond_the_border_is_nothing(mesh):
    found, _ = mesh.drawn(mesh.centre, (-2, -2, 2, 2), (20, 20))
    axis = np.abs((np.arange(20) + 0.5) / 5 - 2)
    outside = np.maximum(axis[:, None], axis[None]) > BORDER
    assert (found[outside] == -1).all() and (found[~outside] >= 0).all()


def test_the_same_shape_does_not_move(mesh, other):
    for shape in (mesh.reference, other):
        before, after = mesh.moved(shape, shape)
        assert np.array_equal(before, after) and np.array_equal(before, points(shape))


def test_what_a_face_pulls_along_ends_at_the_outer_ring(mesh, other, open_mouth):
    before, after = mesh.moved(mesh.reference, other)
    assert np.array_equal(before[95:], after[95:])  # the outer ring, and the border
    pulled = followed(before, other - mesh.reference) - before
    outline = np.concatenate(
        [other[:17] - mesh.reference[:17], other[17:27] - mesh.reference[17:27]]
    )
    np.testing.assert_allclose(pulled[68:95], FOLLOWED * outline, atol=1e-12)
    assert not pulled[OUTER].any() and np.abs(pulled[:68]).max() > 0.1
    # An edit that folds nothing goes all of the way
    shape = open_mouth(mesh.reference, 0.03)
    np.testing.assert_allclose(mesh.moved(mesh.reference, shape)[1][:68], shape, atol=1e-12)


def test_lips_meet_and_do_not_pass(face_points, open_mouth, mesh):
    through = face_points.copy()
    through[61:64, 1] += 0.1
    through[65:68, 1] -= 0.1
    shut = parted(through)
    np.testing.assert_allclose(shut[[61, 62, 63]], shut[[67, 66, 65]])
    assert np.array_equal(np.delete(shut, [61, 62, 63, 65, 66, 67], 0),
                          np.delete(through, [61, 62, 63, 65, 66, 67], 0))  # fmt: skip
    before, after = mesh.moved(open_mouth(face_points, 0.1), through)
    area = np.abs(signed_of(after[mesh.triangles[mesh.mouth]])).sum()
    assert area < 0.2 * np.abs(signed_of(before[mesh.triangles[mesh.mouth]])).sum()
    same = open_mouth(face_points, 0.05)
    assert np.array_equal(parted(same), same)


def displaced(rng, shape, size):
    """A shape whose parts move, turn and grow, and each point a little by itself."""
    new = shape + rng.normal(0, 0.1 * size, shape.shape)
    for part in PARTS:
        part = list(part)
        middle = new[part].mean(0)
        new[part] = middle + (new[part] - middle) * rng.uniform(1 - size, 1 + size, 2)
        new[part] += rng.normal(0, 0.3 * size, 2)
    return new


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 0.3), st.floats(0, 0.2), st.floats(-0.25, 0.25))
def test_nothing_folds(mesh, face_points, open_mouth, seed, size, was, gap):
    rng = np.random.default_rng(seed)
    shape = open_mouth(face_points + rng.normal(0, 0.01, (68, 2)), was)
    before, after = mesh.moved(shape, open_mouth(displaced(rng, shape, size), gap))
    own, now = (signed_of(one[mesh.triangles]) for one in (before, after))
    counted = (own > 1e-6) & ~mesh.mouth
    assert (now[counted] > 0).all()
    cheeks = counted & (mesh.triangles < 17).any(1)  # which the corner of a smile presses together
    assert (now[cheeks] >= 0.3 * own[cheeks]).all()
    assert np.array_equal(before[95:], after[95:])


# --- points of anything ---


@pytest.fixture(scope="module", params=[3, 9, 67, 90])
def things(request):
    """A mean shape of so many points, spread over two thirds of the crop, and the mesh over it."""
    mean = np.random.default_rng(request.param).uniform(-0.65, 0.65, (request.param, 2))
    return mean, Mesh(mean)


def test_points_of_anything_have_the_crops_edge_around_them(things):
    mean, mesh = things
    assert not mesh.facial and not mesh.mouth.any() and mesh.inner.all()
    assert np.array_equal(mesh.centre[: len(mean)], mean)
    edge = mesh.centre[mesh.around]
    assert edge.shape == (16, 2) and (np.abs(edge).max(1) == 1).all()
    # Each triangle is laid one way round, and together they are the whole square
    area = signed_of(mesh.centre[mesh.triangles])
    assert (area > 0).all() and area.sum() / 2 == pytest.approx(4)
    assert held_open(mean) is not mean and np.array_equal(held_open(mean), mean)
    axis = (np.arange(24) + 0.5) * 2 / 24 - 1
    np.testing.assert_allclose(
        mesh.looks(mean[None], 24)[0], np.stack(np.meshgrid(axis, axis), -1), atol=1e-6
    )


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**31), st.floats(0, 0.6))
def test_nothing_of_anything_folds(things, seed, size):
    mean, mesh = things
    rng = np.random.default_rng(seed)
    shape, new = (mean + rng.normal(0, by, mean.shape) for by in (0.02, size))
    before, after = mesh.moved(shape, new)
    own = signed_of(before[mesh.triangles])
    assert (signed_of(after[mesh.triangles])[own > 1e-6] > 0).all()
    assert np.array_equal(before[mesh.around], after[mesh.around])
    assert all(np.array_equal(one, before) for one in mesh.moved(shape, shape))


def test_a_point_that_folds_nothing_goes_all_of_the_way(things):
    mean, mesh = things
    new = mean + [0.02, -0.01]  # all alike, and none as far as the border
    np.testing.assert_allclose(mesh.moved(mean, new)[1][: len(mean)], new, atol=1e-12)


def test_points_out_of_the_picture_are_held_within_it(things):
    mean, mesh = things
    far = mean.copy()
    far[0] = [-4, 2]
    held = points(far)
    assert np.abs(held[: len(mean)]).max() == WITHIN and np.array_equal(held[1:], points(mean)[1:])
    assert np.isfinite(mesh.looks(far[None], 8)).all()

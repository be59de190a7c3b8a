"""Components measured: the principal ones, and the regions that have their own."""

import numpy as np
import pytest
import torch

from istrc.data.prepared import Prepared
from istrc.models.components import Components
from istrc.training.components import (
    OUTSIDE,
    PARTS,
    fit_components,
    principal,
    reference_shape,
    regions_of,
    weights_of,
)


def test_directions_are_the_principal_ones():
    """Against the singular value decomposition: the best linear code of so many numbers."""
    torch.manual_seed(0)
    x = torch.randn(80, 20) @ torch.randn(20, 60)
    basis, spread = principal(x, 5)
    _, values, vectors = torch.linalg.svd(x, full_matrices=False)
    best = x @ vectors[:5].T @ vectors[:5]
    torch.testing.assert_close(x @ basis.T @ basis, best, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(spread, values[:5] / 80**0.5, atol=1e-4, rtol=1e-4)
    assert (basis.gather(1, basis.abs().argmax(1, keepdim=True)) > 0).all()


def test_fewer_faces_than_components():
    basis, spread = principal(torch.randn(5, 30), 8)
    assert basis.shape == (8, 30) and not basis[5:].any() and basis[:5].any(1).all()
    assert spread.shape == (8,) and (spread > 0).all()
    same, spread = principal(torch.rand(6, 1).expand(6, 12), 4)  # of one direction
    assert same.isfinite().all() and (spread > 0).all()


def test_regions_hold_their_points(face_points):
    regions = regions_of(face_points, 128, 100)
    assert [region[4] for region in regions] == [43, 14, 43]
    for (left, top, width, height, _), (marked, margin, _) in zip(
        regions, PARTS.values(), strict=True
    ):
        for x, y in (face_points[marked] + 1) * 64:
            assert left <= x - margin + 1e-6 and x + margin <= left + width + 1e-6
            assert top <= y - margin + 1e-6 and y + margin <= top + height + 1e-6
    small = regions_of(face_points, 64, 100)
    for large, half in zip(regions, small, strict=True):
        assert np.abs(np.array(large[:4]) / 2 - half[:4]).max() <= 1


def test_pixels_far_from_the_face_count_little(face_points):
    weights = weights_of(face_points, 32)
    assert weights.shape == (32, 32) and weights[20, 16] == pytest.approx(1, abs=0.01)
    assert weights[0, 0] == pytest.approx(OUTSIDE**0.5, abs=0.02)


def test_faces_have_coordinates_of_unit_variance(shaped_folder, face_points):
    prepared = Prepared(shaped_folder)
    rows = prepared.rows("fit")
    x = prepared.batch(rows)
    net = Components(6, 8, 16, regions_of(face_points, 16, 12))
    fit_components(net, prepared, rows, face_points)
    coordinates = net(x)
    assert coordinates.shape[1] == sum(net.counts) == len(net.spread)
    torch.testing.assert_close(coordinates[:, :6].mean(0), torch.zeros(6), atol=1e-2, rtol=0)
    second = coordinates.square().mean(0)  # about 0: what is left has no mean of its own
    torch.testing.assert_close(second, torch.ones(len(second)), atol=0.1, rtol=0)
    # Each region takes something away of what the whole face leaves
    whole = Components(6, 8, 16)
    fit_components(whole, prepared, rows, face_points)
    errors = [(net.compose(net(x)) - x).square().mean() for net in (whole, net)]
    assert errors[1] < errors[0]
    again = Components(6, 8, 16, net.regions)
    fit_components(again, prepared, rows, face_points)
    assert torch.equal(again.basis, net.basis) and torch.equal(again.basis2, net.basis2)


def test_faces_as_they_are_weigh_alike(shaped_folder):
    prepared = Prepared(shaped_folder)
    assert reference_shape(prepared) is None
    net = Components(3, 8, 16)
    fit_components(net, prepared, prepared.rows("fit"), None, faces=50)
    assert (net.weight == 1).all() and net.basis.any(1).all()

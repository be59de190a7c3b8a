"""What edits change, learned from pairs: who makes a pair, and a run that is killed."""

from functools import partial

import numpy as np
import pytest
import torch

from istrc.data.measured import measure
from istrc.data.prepared import Prepared
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.shape.frame import mirrored
from istrc.training import changes as module
from istrc.training.changes import NEAREST, Pairs, explained, poses, train_changes
from istrc.training.shape_free import make_shape_free
from istrc.training.spaces import Spaces


@pytest.fixture(scope="module")
def nets():
    torch.manual_seed(0)
    return dict(facenet=FaceNet(16, 8, (4, 6), (1, 1)), autoencoder=AutoEncoder(16, 10, (4, 6)))


@pytest.fixture(scope="module")
def textures(shaped_folder, tiny_landmarks, tmp_path_factory):
    out = tmp_path_factory.mktemp("changes") / "textures"
    return make_shape_free(shaped_folder, out, landmarks=tiny_landmarks(16, 0.05)).folder


@pytest.fixture
def people():
    """People of one to six pictures, the numbers of whom nobody knows among them."""
    rng = np.random.default_rng(0)
    identity = np.repeat(np.arange(-2, 20), rng.integers(1, 7, 22))
    return rng.permutation(identity), rng.normal(size=(len(identity), 2)) * [3, 0.1]


def test_pairs_of_a_person_are_two_pictures_of_one(people):
    identity, poses = people
    a, b = Pairs(identity, poses).same(np.random.default_rng(1), 3000)
    assert (identity[a] == identity[b]).all() and (a != b).all() and (identity[a] >= 0).all()
    several = [who for who in range(20) if (identity == who).sum() > 1]
    assert set(identity[a]) == set(several)
    # Every picture of theirs is drawn, as the first and as the second
    assert set(a) == set(b) == set(np.flatnonzero(np.isin(identity, several)))
    with pytest.raises(ValueError, match="nobody with two pictures"):
        Pairs(np.arange(5), np.zeros((5, 2)))


def test_strangers_are_other_people_in_the_nearest_pose(people):
    identity, poses = people
    pairs = Pairs(identity, poses)
    a, b = pairs.strangers(np.random.default_rng(2), 400)
    rng = np.random.default_rng(2)
    first = rng.integers(0, len(identity), 400)
    others = rng.integers(0, len(identity), (400, NEAREST))
    unit = poses.std(0)
    for one, two, start, drawn in zip(a, b, first, others, strict=True):
        assert one == start and two in drawn
        allowed = [k for k in drawn if identity[one] < 0 or identity[k] != identity[one]]
        if allowed:
            away = [(((poses[k] - poses[one]) / unit) ** 2).sum() for k in allowed]
            assert identity[two] != identity[one] or identity[one] < 0
            assert (((poses[two] - poses[one]) / unit) ** 2).sum() == pytest.approx(min(away))


def test_explained_is_of_the_weighed_variance():
    found, wanted, weights = torch.randn(6, 4), torch.randn(6, 4), torch.rand(4)
    rest, whole = 0.0, 0.0
    for i, k in np.ndindex(6, 4):
        rest += float(weights[k] * (found[i, k] - wanted[i, k]) ** 2)
        whole += float(weights[k] * wanted[i, k] ** 2)
    assert explained(found, wanted, weights) == pytest.approx(1 - rest / whole, abs=1e-5)
    assert explained(wanted, wanted, weights) == 1 and explained(0 * wanted, wanted, weights) == 0


def test_both_sides_are_faces_and_their_mirror_images(nets, shaped_folder, textures):
    made = Spaces(*nets.values(), Prepared(shaped_folder), textures=textures)
    z, c = made.sides("tune")
    rows = made.rows["tune"]
    assert z.shape == (2, len(rows), 8) and c.shape == (2, len(rows), 10 + 136)
    shapes = torch.from_numpy(Prepared(textures).landmarks[rows])
    torch.testing.assert_close(c[0, :, 10:].view(-1, 68, 2), shapes)
    torch.testing.assert_close(c[1, :, 10:].view(-1, 68, 2), mirrored(shapes))
    x = Prepared(textures).batch(rows)
    with torch.no_grad():
        for side, seen in enumerate((x, x.flip(3))):
            torch.testing.assert_close(
                c[side, :, :10], nets["autoencoder"].encode(seen), atol=0.06, rtol=0.06
            )
    found = poses(c[0], 10)
    np.testing.assert_allclose(found, measure(shapes.numpy().astype(float))[:, 4:6], atol=1e-4)
    assert not poses(c[0, :, :10], 10).any()


@pytest.mark.parametrize("shaped", [True, False])
def test_killed_and_resumed_it_ends_with_the_same_bits(
    nets, shaped_folder, textures, resumed, same_weights, shaped
):
    made = Spaces(*nets.values(), Prepared(shaped_folder), textures=textures if shaped else None)
    few = dict(steps=6, batch_size=16, width=12, validate_every=3, spaces=made)
    whole, again = resumed(partial(train_changes, shaped_folder, **few, **nets), 4)
    same_weights(whole, again)
    assert whole.code == 10 + 136 * shaped and whole.fit[-1].weight.any()
    c = made.sides("tune")[1].flatten(0, 1)
    fit = made.sides("fit")[1].flatten(0, 1)
    torch.testing.assert_close(whole.mean, fit.mean(0))
    assert len(c) == 2 * len(made.rows["tune"])


def test_a_step_goes_down_the_error_of_its_pairs(
    nets, shaped_folder, textures, tmp_path, monkeypatch
):
    """The loss of one step, with the pairs that it drew, by hand."""
    seen = {}

    class Caught(Exception):
        pass

    def catch(*where, **given):
        seen.update(given)
        raise Caught

    monkeypatch.setattr(module.loop, "train", catch)
    made = Spaces(*nets.values(), Prepared(shaped_folder), textures=textures)
    with pytest.raises(Caught):
        train_changes(
            shaped_folder, tmp_path, spaces=made, batch_size=20, same=0.5, width=12, **nets
        )
    net, given = seen["modules"]["net"], seen["batch"](3)
    z1, z2, c1, c2 = given
    identity = Prepared(shaped_folder).identity[made.rows["fit"]]
    z, c = made.sides("fit")

    def who(code):
        away = (c - code).abs().amax(2)
        return identity[int(away.min(0).values.argmin())]

    people = [(who(a), who(b)) for a, b in zip(c1, c2, strict=True)]
    assert all(a == b for a, b in people[:10]) and sum(a != b for a, b in people[10:]) >= 8
    for one, code in ((z1, c1), (z2, c2)):  # an embedding and a code of the same picture
        for k in range(20):
            side, row = divmod(int((c - code[k]).abs().amax(2).argmin()), c.shape[1])
            assert torch.equal(z[side, row], one[k])
    torch.nn.init.normal_(net.fit[-1].weight, std=0.1)
    weights = module.code_weights(nets["autoencoder"], c.flatten(0, 1), net.spread)
    error = (net.standardised(c1, z1, z2) - (c2 - c1) / net.spread).square() * weights
    loss = float(error.mean())
    assert float(seen["gradients"](3, given)["loss"]) == pytest.approx(loss, rel=1e-4)
    shown = seen["validate"](0)
    told = {"texture_same", "shape_same", "texture_others", "shape_others", "mean"}
    assert {*told, *module.REGIONS} == set(shown)

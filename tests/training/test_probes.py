"""Probes trained: what is typical of a class, by hand, and a run that is killed."""

from functools import partial

import numpy as np
import pytest
import torch

from istrc.attributes import moves
from istrc.data.prepared import Prepared
from istrc.edit.detail import amplitudes, bands, lit
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.shape.measures import MEASURED, measures
from istrc.shape.regions import skin
from istrc.training.changes import poses
from istrc.training.probes import CONTROLS, LEAST_APART, RARE, RIDGE, train_probes
from istrc.training.shape_free import make_shape_free
from istrc.training.spaces import Spaces


@pytest.fixture(scope="module")
def given(shaped_folder, tiny_landmarks, tmp_path_factory):
    """Networks, and both spaces of the toys with shapes."""
    pytest.importorskip("sklearn")
    torch.manual_seed(0)
    facenet, autoencoder = FaceNet(16, 8, (4, 6), (1, 1)), AutoEncoder(16, 10, (4, 6))
    textures = tmp_path_factory.mktemp("probes") / "textures"
    make_shape_free(shaped_folder, textures, landmarks=tiny_landmarks(16, 0.05))
    made = Spaces(facenet, autoencoder, Prepared(shaped_folder), textures=textures)
    return dict(facenet=facenet, autoencoder=autoencoder, spaces=made)


def test_killed_and_resumed_it_ends_with_the_same_bits(given, shaped_folder, resumed, same_weights):
    train = partial(train_probes, shaped_folder, steps=6, batch_size=32, **given)
    whole, again = resumed(train, 4)
    same_weights(whole, again)
    assert whole.names == tuple(Prepared(shaped_folder).attribute_names)
    assert whole.measures == ("smile", "wide_mouth")


def test_what_is_typical_of_a_class_by_hand(given, shaped_folder, tmp_path):
    net = train_probes(shaped_folder, tmp_path, steps=30, batch_size=64, rate=0.02, **given)
    prepared, made = Prepared(shaped_folder), given["spaces"]
    c = made.sides("tune")[1][0]
    labels = prepared.attributes[made.rows["tune"]]
    with torch.no_grad():
        said = net(c)
    found = measures(c[:, 10:].view(-1, 68, 2).numpy().astype(float))
    male = labels[:, net.names.index("male")] if "male" in net.names else None
    for column, name in enumerate(net.names):
        shares = [(1.0, np.ones(len(labels), bool))]
        if male is not None and name != "male":  # as many men on either side as have it
            share = (male[labels[:, column] == 1] == 1).mean()
            shares = [(share, male == 1), (1 - share, male != 1)]
            shares = [(weight, part) for weight, part in shares if weight > RARE]
        for side, value in enumerate((1, 0)):
            of = np.flatnonzero(labels[:, column] == value)
            middles = []
            for weight, part in shares:
                some = np.flatnonzero((labels[:, column] == value) & part)
                middles.append(weight * np.sort(said[some, column].numpy())[(len(some) - 1) // 2])
            wanted = sum(middles) / sum(weight for weight, _ in shares)
            assert float(net.typical[column, side]) == pytest.approx(wanted, abs=1e-5)
            if name in net.measures:
                row = net.measures.index(name)
                quantiles = np.quantile(found[MEASURED[name]][of], (0.5, 0.03, 0.97))
                np.testing.assert_allclose(net.ranges[row, side], quantiles, atol=1e-4)
    # It learns: a beard is dark, and that is seen in the texture
    beard = net.names.index("beard")
    assert net.typical[beard, 0] > net.typical[beard, 1]


def test_prototypes_are_a_regression_on_all_that_is_not_moved(given, shaped_folder, tmp_path):
    """By a penalised least squares of NumPy's, attribute by attribute."""
    net = train_probes(shaped_folder, tmp_path, steps=2, batch_size=16, **given)
    prepared, made = Prepared(shaped_folder), given["spaces"]
    codes = made.sides("fit")[1]
    labels = prepared.attributes[made.rows["fit"]].astype(float)
    known = np.where(labels < 0, np.nan, labels)
    labels = np.where(labels < 0, np.nanmean(known, 0), labels)
    pose = np.concatenate([poses(side, 10) for side in codes])
    pose = (pose - pose.mean(0)) / pose.std(0, ddof=1)
    bent = np.column_stack([pose, pose**2, pose[:, 0] * pose[:, 1]])
    flat = codes.flatten(0, 1).double().numpy()
    for column, name in enumerate(net.names):
        others = [at for at, other in enumerate(net.names) if not moves(name, other)]
        given_ = np.column_stack([np.tile(labels[:, [column, *others]], (2, 1)), bent])
        given_ = given_ - given_.mean(0)
        rows = np.sqrt(RIDGE * len(given_)) * np.eye(given_.shape[1])
        wanted = np.concatenate([flat - flat.mean(0), np.zeros((len(rows), flat.shape[1]))])
        solved = np.linalg.lstsq(np.concatenate([given_, rows]), wanted, rcond=None)[0][0]
        np.testing.assert_allclose(net.prototypes[column], solved, atol=1e-4)


def test_codes_without_shapes_have_no_measures(given, shaped_folder, tmp_path):
    nets = {name: given[name] for name in ("facenet", "autoencoder")}
    net = train_probes(shaped_folder, tmp_path, steps=2, batch_size=16, **nets)
    assert net.code == 10 and net.measures == () and net.ranges.shape == (0, 2, 3)


def test_detail_is_the_same_regression_on_log_amplitudes(given, shaped_folder, tmp_path):
    """Of faces in the mean shape; kept of the attributes whose classes it tells apart."""
    textures = given["spaces"]._nets[3]
    net = train_probes(
        shaped_folder, tmp_path, steps=2, batch_size=16, textures=textures.folder, **given
    )
    rows = given["spaces"].rows
    mask = skin(np.array(textures.info["shape_free"]["reference"]), textures.size)
    x = textures.batch(rows["fit"]).numpy()
    found = amplitudes(bands(lit(x, mask)[0])).reshape(len(x), -1)
    np.testing.assert_allclose(net.detail_mean.flatten(), found.mean(0), atol=1e-4)
    labels = textures.attributes[rows["fit"]].astype(float)
    labels = np.where(labels < 0, np.nanmean(np.where(labels < 0, np.nan, labels), 0), labels)
    pose = poses(torch.from_numpy(textures.landmarks[rows["fit"]]).flatten(1), 0)
    pose = (pose - pose.mean(0)) / pose.std(0, ddof=1)
    bent = np.column_stack([pose, pose**2, pose[:, 0] * pose[:, 1]])
    kept = [name for at, name in enumerate(net.names) if net.detail[at].any()]
    for name in kept:
        column = net.names.index(name)
        controls = [other for other in net.names if other in CONTROLS and not moves(name, other)]
        others = [net.names.index(other) for other in controls]
        given_ = np.column_stack([labels[:, [column, *others]], bent])
        given_ = given_ - given_.mean(0)
        ridge = np.sqrt(RIDGE * len(given_)) * np.eye(given_.shape[1])
        wanted = np.concatenate([found - found.mean(0), np.zeros((len(ridge), found.shape[1]))])
        solved = np.linalg.lstsq(np.concatenate([given_, ridge]), wanted, rcond=None)[0][0]
        np.testing.assert_allclose(net.detail[column].flatten(), solved, atol=1e-3)
        (having, least, most), (lacking, low, high) = net.detail_ranges[column].tolist()
        assert having - lacking >= LEAST_APART * (most - least + high - low) / 2
    for at, name in enumerate(net.names):
        assert name in kept or not net.detail_ranges[at].any()

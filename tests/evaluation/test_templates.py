"""Means of several faces: where the angle and the Euclidean distance part ways."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from istrc import sphere
from istrc.evaluation.results import plain
from istrc.evaluation.roc_figure import roc_figure
from istrc.evaluation.verification import (
    deal_templates,
    measure_templates,
    templates_markdown,
    verification_pairs,
)


def people(count=40, each=7, dim=6, seed=0):
    """Faces round their person's point, some people's wider than others'."""
    rng = torch.Generator().manual_seed(seed)
    centres = F.normalize(torch.randn(count, 1, dim, generator=rng), dim=2)
    spread = torch.linspace(0.1, 1, count)[:, None, None]
    z = F.normalize(centres + spread * torch.randn(count, each, dim, generator=rng), dim=2)
    return z.flatten(0, 1), np.repeat(np.arange(count), each)


def test_templates_share_no_picture_and_are_of_one_person():
    who = np.array([1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, -1, -1, -1, -1])
    places, identity = deal_templates(who, 2, np.random.default_rng(0))
    assert places.shape == (4, 2) and sorted(identity) == [1, 1, 3, 3]
    assert (who[places] == identity[:, None]).all() and len(np.unique(places)) == 8
    assert deal_templates(who, 5, np.random.default_rng(0))[0].shape == (0, 5)


def test_template_measures_by_hand():
    z, who = people()
    found = measure_templates(z, who, sizes=(3, 5), pairs=80, folds=4, seed=1)
    assert found["5"] is None  # of seven pictures, two means of five cannot be made
    one = found["3"]
    assert one["templates"] == 80 and one["people"] == 40
    dealt, identity = deal_templates(who, 3, np.random.default_rng([1, 3]))
    places, same, _ = verification_pairs(identity, pairs=80, folds=4, seed=1)
    angles, chords, lengths = [], [], []
    for a, b in places:
        first, second = (z[dealt[t]].double() for t in (a, b))
        first, second = F.normalize(first, dim=1), F.normalize(second, dim=1)
        angles.append(float(sphere.angle(sphere.mean(first), sphere.mean(second))))
        chords.append(float((first.mean(0) - second.mean(0)).norm()))
    for way, values in (("frechet_angle", angles), ("plain_euclidean", chords)):
        values = np.array(values)
        wins = np.mean([n < f for n in values[same] for f in values[~same]])
        assert one[way]["auc"] == pytest.approx(wins, abs=1e-6)
    lengths = z[dealt].mean(1).norm(dim=1)
    assert one["plain_length"][0] == pytest.approx(float(lengths.mean()), abs=1e-5)
    assert one["plain_length"][0] < 1 and one["verdicts_differ"] > 0
    assert one["angle_between_means"] > 0
    assert "plain mean, Euclidean" in templates_markdown(plain(found))
    assert templates_markdown({"5": None}) == ""


def test_the_roc_is_drawn():
    far, tar = np.array([0, 1e-3, 0.1, 1]), np.array([0, 0.4, 0.9, 1])
    figure = roc_figure({"angle": (far, tar), "euclidean": (far, tar)}, title="pairs")
    pixels = np.asarray(figure).reshape(-1, 3)
    for colour in ((37, 99, 235), (220, 38, 38)):
        assert (pixels == colour).all(1).sum() > 100
    with pytest.raises(ValueError, match="at least one curve"):
        roc_figure({})

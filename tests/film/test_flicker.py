"""Flicker, again the slow way."""

import numpy as np
import pytest

from istrc.film.flicker import INSIDE, Flicker
from istrc.photo.paste import face_mask


def test_flicker_is_what_the_edit_adds_between_neighbours_of_a_run():
    rng = np.random.default_rng(0)
    old = rng.integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    new = rng.integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    runs = [0, 0, 0, 1, 1]
    flicker = Flicker(16)
    for run, a, b in zip(runs, old, new, strict=True):
        flicker.add(run, a, b)
    inside = face_mask(16) > INSIDE
    sums = {"edited": [], "original": [], "added": []}
    for t in (1, 2, 4):
        a = (old[t].astype(float) - old[t - 1])[inside]
        b = (new[t].astype(float) - new[t - 1])[inside]
        for name, change in (("edited", b), ("original", a), ("added", b - a)):
            sums[name].append(np.abs(change).mean())
    result = flicker.result()
    for name, values in sums.items():
        assert result[name] == pytest.approx(np.mean(values), rel=1e-5)
    assert result["ratio"] == pytest.approx(result["edited"] / result["original"])


def test_what_is_not_there_is_none():
    still = np.full((8, 8, 3), 7, np.uint8)
    flicker = Flicker(8)
    flicker.add(0, still, still)
    assert set(flicker.result().values()) == {None}
    flicker.add(0, still, still)
    assert flicker.result() == dict(edited=0, original=0, added=0, ratio=None)

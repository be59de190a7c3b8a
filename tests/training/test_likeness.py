"""F trained on in the picture: only F moves, towards the person, and killed runs go on."""

import json

import numpy as np
import pytest
import torch

from istrc import sphere
from istrc.data.prepared import Prepared
from istrc.models.guide import Guides
from istrc.models.store import fingerprint
from istrc.training.likeness import train_likeness

pytest.importorskip("tensorboard")
OPTIONS = dict(batch_size=8, average=0.5, validate_every=2)


def parts(circle) -> dict:
    return {name: getattr(circle, name) for name in ("mapping", "autoencoder", "facenet")}


def test_only_the_mapping_moves(toy_circle, toy_folder, tmp_path):
    given = parts(toy_circle)
    guides = Guides(("smile",), ((4, 6), (3, 5)), (3, 5))
    told = {name: fingerprint(part) for name, part in given.items()}
    made = train_likeness(toy_folder, tmp_path, guides=guides, steps=3, **given, **OPTIONS)
    assert {name: fingerprint(part) for name, part in given.items()} == told
    assert fingerprint(made) != told["mapping"]
    assert torch.equal(made.mean, given["mapping"].mean)  # the codes' own statistics stay
    recorded = json.loads((tmp_path / "run.json").read_text())
    assert recorded["part"] == "likeness" and recorded["mapping"] == told["mapping"]
    circle = toy_circle.with_mapping(made)
    z = circle.embed(Prepared(toy_folder).batch(np.arange(2)))
    assert not torch.equal(circle.decode(z), toy_circle.decode(z))


def test_the_recogniser_finds_the_person_nearer_in_the_picture(toy_circle, toy_folder, tmp_path):
    """By the pull of the person alone, on the faces it was trained with."""
    alone = dict(code_weight=0.0, feature_weight=0.0, critic_weight=0.0, rate=3e-3)
    made = train_likeness(
        toy_folder, tmp_path, steps=60, limit=16, **alone, **parts(toy_circle), **OPTIONS
    )
    toys = Prepared(toy_folder)
    z = toy_circle.embed(toys.batch(toys.rows("fit")[:16]))

    def angle(circle) -> float:
        return sphere.angle(circle.embed(circle.decode(z)), z).mean().item()

    assert angle(toy_circle.with_mapping(made)) < 0.95 * angle(toy_circle)


def test_killed_and_gone_on_with_ends_with_the_same_bits(toy_circle, toy_folder, tmp_path):
    options = dict(steps=4, **parts(toy_circle), **OPTIONS)
    whole = train_likeness(toy_folder, tmp_path / "whole", **options)
    train_likeness(toy_folder, tmp_path / "killed", minutes=1e-9, **options)
    killed = train_likeness(toy_folder, tmp_path / "killed", **options)
    assert fingerprint(killed) == fingerprint(whole)

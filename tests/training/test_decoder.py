"""The decoder's own training: the code stays, old faces come more often, killed runs go on."""

import json

import numpy as np
import pytest
import torch

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.models.guide import Guides
from istrc.models.store import fingerprint
from istrc.training.decoder import chances, codes, seen_loss, train_decoder, train_finer

pytest.importorskip("tensorboard")
OPTIONS = dict(batch_size=8, average=0.5, validate_every=2)


def test_codes_are_those_of_the_faces_and_of_their_mirror_images(toy_circle, toys):
    rows = toys.rows("tune")[:5]
    made = codes(toy_circle.autoencoder, toys, rows, "cpu").float()
    x = toys.batch(rows)
    for side, faces in zip(made, (x, x.flip(3)), strict=True):
        with torch.inference_mode():
            wanted = toy_circle.autoencoder.encode(faces)
        torch.testing.assert_close(side, wanted, rtol=0.05, atol=0.05)  # bf16


def test_old_faces_come_as_often_as_asked(toys):
    rows = toys.rows("fit")
    assert chances(toys, rows, 2.0) is None  # whose age is not known
    toys = Prepared(toys.folder)
    toys.attribute_names[0] = "young"
    assert chances(toys, rows, 1.0) is None
    chance = chances(toys, rows, 3.0)
    young = toys.column("young")[rows] != 0
    assert chance.sum() == pytest.approx(1)
    assert chance[~young] == pytest.approx(3 * chance[young][0])
    assert chance[young] == pytest.approx(chance[young][0])


def test_what_guides_see_by_hand():
    torch.manual_seed(0)
    guides = Guides(("smile",), ((4, 6), (3, 5)), (3, 5)).eval()
    x, drawn = torch.rand(2, 4, 3, 16, 16)
    body = guides.members[1][:-1]
    a, b = body(x), body(drawn)
    total = 0
    for k in range(a.shape[1]):
        mean = sum(a[:, k]) / 4
        spread = (sum((a[:, k] - mean) ** 2) / 3) ** 0.5 + 1e-2
        total += sum(abs(a[:, k] - b[:, k])) / spread / a.numel()
    assert seen_loss(guides, 1, x, drawn).item() == pytest.approx(total.item(), rel=1e-4)
    assert seen_loss(guides, 0, x, x).item() == 0


def test_the_decoder_moves_and_the_code_does_not(toy_circle, toy_folder, tmp_path):
    before = toy_circle.autoencoder
    guides = Guides(tuple(toy_circle.attribute_names), ((4, 6), (6, 4)))
    options = dict(autoencoder=before, facenet=toy_circle.facenet, steps=3, **OPTIONS)
    told = fingerprint(before)
    after = train_decoder(toy_folder, tmp_path, guides=guides, **options)
    assert fingerprint(before) == told
    assert fingerprint(after.encoder) == fingerprint(before.encoder)
    assert fingerprint(after.decoder) != fingerprint(before.decoder)
    assert json.loads((tmp_path / "run.json").read_text())["autoencoder"] == told
    x = Prepared(toy_folder).batch(np.arange(4))
    with torch.inference_mode():
        assert torch.equal(after.encode(x), before.encode(x))
        assert not torch.equal(after(x), before(x))


def test_killed_and_gone_on_with_ends_with_the_same_bits(toy_circle, toy_folder, tmp_path):
    options = dict(autoencoder=toy_circle.autoencoder, facenet=toy_circle.facenet, **OPTIONS)
    whole = train_decoder(toy_folder, tmp_path / "whole", steps=4, **options)
    train_decoder(toy_folder, tmp_path / "killed", steps=4, minutes=1e-9, **options)
    killed = train_decoder(toy_folder, tmp_path / "killed", steps=4, **options)
    assert fingerprint(killed) == fingerprint(whole)


def test_a_finer_level_is_trained_beside_what_is_there(toy_circle, toys_twice, tmp_path):
    parts = dict(autoencoder=toy_circle.autoencoder, facenet=toy_circle.facenet)
    told = fingerprint(toy_circle.autoencoder)
    finer = train_finer(toys_twice, tmp_path, widths=(3, 2), steps=3, **parts, **OPTIONS)
    assert fingerprint(toy_circle.autoencoder) == told
    assert finer.size == 32 and finer.head[0].weight.abs().max() > 0  # 0 where it begins
    circle = toy_circle.with_finer(finer)
    x = Prepared(toys_twice).batch(np.arange(4))
    assert circle.edit(x, {"smile": 1.0}).shape == x.shape


def test_faces_of_another_size(toy_circle, toy_folder, tmp_path):
    parts = dict(autoencoder=toy_circle.autoencoder, facenet=toy_circle.facenet)
    with pytest.raises(InputError, match="prepare with --size 32") as error:
        train_finer(toy_folder, tmp_path / "finer", **parts)
    assert "\n" not in str(error.value) and not (tmp_path / "finer").exists()

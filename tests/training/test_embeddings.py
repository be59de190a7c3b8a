"""Embeddings kept in a folder: made once, resumed, and used by both trainings."""

import json

import numpy as np
import pytest
import torch

from istrc.errors import IstrcError
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.recognisers.onnx import Onnx
from istrc.recognisers.own import Own
from istrc.training.embeddings import Embeddings, source
from istrc.training.mapping import train_mapping
from istrc.training.settings import OnEmbeddings
from istrc.training.spaces import embed_and_encode


class Counting:
    """A recogniser that counts the faces it saw, and may die."""

    def __init__(self, inner, dies_after=None):
        self.inner, self.seen, self.dies_after = inner, 0, dies_after
        self.size, self.dim, self.record, self.notes = inner.size, inner.dim, inner.record, []

    def embed(self, x):
        if self.dies_after is not None and self.seen >= self.dies_after:
            raise KeyboardInterrupt
        self.seen += len(x)
        return self.inner.embed(x)


def test_they_are_made_once(outsider, toys, tmp_path):
    net = Counting(outsider)
    kept = Embeddings(net, toys, tmp_path)
    rows = np.array([5, 3, 90])
    z = kept.of(rows, mirror=False)
    assert z.shape == (3, 8) and net.seen == 3
    torch.testing.assert_close(z, outsider.embed(toys.batch(rows)))
    both = kept.of(rows)
    assert net.seen == 6 and kept.made == 6 and kept.seconds > 0
    torch.testing.assert_close(both[:, 1], outsider.embed(toys.batch(rows).flip(3)))
    # By another process: from the file
    again = Embeddings(net, toys, tmp_path)
    assert torch.equal(again.of(rows), both) and net.seen == 6


def test_a_stopped_job_goes_on(outsider, toys, tmp_path):
    rows = np.arange(200)
    dying = Embeddings(Counting(outsider, dies_after=100), toys, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        dying.of(rows)
    net = Counting(outsider)
    z = Embeddings(net, toys, tmp_path).of(rows)
    assert net.seen == 400 - 128  # two batches of 64 were kept
    torch.testing.assert_close(z[:, 0], outsider.embed(toys.batch(rows)))
    torch.testing.assert_close(z[:, 1], outsider.embed(toys.batch(rows).flip(3)))


def test_another_recogniser_or_other_data_is_refused(outsider, toys, tmp_path):
    Embeddings(outsider, toys, tmp_path)
    with pytest.raises(IstrcError, match="another recogniser"):
        Embeddings(Onnx(outsider.path, colour="BGR", template="crop"), toys, tmp_path)
    note = json.loads((tmp_path / "embeddings.json").read_text())
    (tmp_path / "embeddings.json").write_text(json.dumps({**note, "data": "else"}))
    with pytest.raises(IstrcError, match="another data"):
        Embeddings(outsider, toys, tmp_path)


def test_one_of_facenet_and_recogniser(outsider, toys, tmp_path):
    net = FaceNet(16, 8, (4, 6), (1, 1))
    for wrong in ({}, dict(facenet=net, recogniser=outsider)):
        with pytest.raises(IstrcError, match="give one of facenet and recogniser"):
            source(OnEmbeddings(**wrong), toys, tmp_path)
    assert source(OnEmbeddings(recogniser=Own(net)), toys, tmp_path) is net
    assert source(OnEmbeddings(facenet=net), toys, tmp_path) is net
    assert not list(tmp_path.iterdir())
    assert isinstance(source(OnEmbeddings(recogniser=outsider), toys, tmp_path), Embeddings)


def test_both_spaces_are_of_the_same_faces(outsider, toys, tmp_path):
    torch.manual_seed(0)
    autoencoder = AutoEncoder(16, 10, (4, 6)).eval()
    rows = np.arange(0, 400, 2)  # more than one batch
    z, h = embed_and_encode(Embeddings(outsider, toys, tmp_path), autoencoder, toys, rows, "cpu")
    assert z.shape == (400, 8) and h.shape == (400, 10)
    seen = 0
    for start in range(0, 200, 128):
        x = toys.batch(rows[start : start + 128])
        both = torch.cat([x, x.flip(3)])
        torch.testing.assert_close(z[seen : seen + len(both)], outsider.embed(both))
        seen += len(both)


def test_a_mapping_for_a_recogniser_from_outside(outsider, toy_folder, tmp_path):
    torch.manual_seed(0)
    options = dict(
        autoencoder=AutoEncoder(16, 10, (4, 6)), fine_steps=2, batch_size=16, width=8, layers=2
    )
    net = train_mapping(toy_folder, tmp_path, recogniser=outsider, limit=40, steps=2, **options)
    assert (net.dim, net.code) == (8, 10)
    recorded = json.loads((tmp_path / "run.json").read_text())
    assert recorded["recogniser"]["kind"] == "onnx" and recorded["faces"] == 80
    noted = (tmp_path / "recogniser.json").read_text()
    assert json.loads(noted)["sha256"] == outsider.record["sha256"]
    other = Onnx(outsider.path, template="crop", mean=0.0)
    with pytest.raises(IstrcError, match="another recogniser"):
        train_mapping(toy_folder, tmp_path, recogniser=other, limit=40, steps=2, **options)
    assert (tmp_path / "recogniser.json").read_text() == noted

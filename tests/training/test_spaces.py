"""Both spaces of a prepared folder: which faces, in which order, and made once."""

import numpy as np
import pytest
import torch

from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.training import spaces
from istrc.training.attributes import train_attributes
from istrc.training.mapping import train_mapping
from istrc.training.spaces import BLOCK, Spaces, embed_and_encode, place


@pytest.fixture
def nets():
    torch.manual_seed(0)
    return FaceNet(16, 8, (4, 6), (1, 1)), AutoEncoder(16, 10, (4, 6))


def test_both_spaces_are_of_the_same_faces_and_their_mirror_images(nets, toys):
    facenet, autoencoder = nets
    rows = np.arange(0, 400, 2)  # more than one batch
    z, h = embed_and_encode(facenet, autoencoder, toys, rows, "cpu")
    assert z.shape == (400, 8) and h.shape == (400, 10)
    assert z.dtype == h.dtype == torch.float32
    with torch.no_grad():
        seen = 0
        for start in range(0, 200, 128):
            x = toys.batch(rows[start : start + 128])
            both = torch.cat([x, x.flip(3)])
            part = slice(seen, seen + len(both))
            torch.testing.assert_close(z[part], facenet.eval()(both), atol=0.06, rtol=0)
            torch.testing.assert_close(h[part], autoencoder.encode(both), atol=0.06, rtol=0.06)
            seen += len(both)


@pytest.mark.parametrize("total", [1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_every_face_and_mirror_image_has_one_place(total):
    faces = np.arange(total)
    both = torch.cat([place(faces, False, total), place(faces, True, total)])
    assert both.sort().values.tolist() == list(range(2 * total))


def test_faces_are_found_in_their_order(nets, toys):
    made = Spaces(*nets, toys)
    rows = toys.rows("fit")
    z, h = made.of("fit")
    assert len(z) == len(h) == 2 * len(rows) > 2 * BLOCK
    picked = np.array([0, BLOCK - 1, BLOCK, len(rows) - 1])
    facenet, autoencoder = (net.eval() for net in nets)
    with torch.no_grad():
        for mirror in (False, True):
            x = toys.batch(rows[picked])
            x = x.flip(3) if mirror else x
            codes = made.sides("fit")[1][int(mirror), picked]
            torch.testing.assert_close(codes, autoencoder.encode(x), atol=0.06, rtol=0.06)
        z = made.embeddings("fit")[picked]
        torch.testing.assert_close(z, facenet(toys.batch(rows[picked])), atol=0.06, rtol=0)


def test_they_are_made_once_and_when_asked_for(nets, toys, monkeypatch):
    asked = []
    original = embed_and_encode
    monkeypatch.setattr(
        spaces, "embed_and_encode", lambda *given: asked.append(len(given[3])) or original(*given)
    )
    made = Spaces(*nets, toys, limit=40)
    assert asked == []
    made.of("fit"), made.sides("fit"), made.embeddings("fit")
    assert asked == [40] == [len(made.rows["fit"])]
    made.of("tune")
    assert asked == [40, 40]


def test_what_learns_from_them_learns_the_same(nets, toy_folder, toys, tmp_path):
    facenet, autoencoder = nets
    made = Spaces(facenet, autoencoder, toys)
    given = dict(facenet=facenet, steps=3)
    nets = dict(autoencoder=autoencoder, fine_steps=1, **given)
    alone = train_mapping(toy_folder, tmp_path / "a", **nets)
    shared = train_mapping(toy_folder, tmp_path / "b", spaces=made, **nets)
    for name, value in alone.state_dict().items():
        assert torch.equal(value, shared.state_dict()[name]), name
    heads = train_attributes(toy_folder, tmp_path / "c", spaces=made, **given)
    scores = heads(made.embeddings("tune"))
    other = train_attributes(toy_folder, tmp_path / "d", **given)
    torch.testing.assert_close(scores, other(made.embeddings("tune")), atol=0.05, rtol=0.05)


def test_they_are_kept_in_a_folder_and_read_again(nets, toys, tmp_path, monkeypatch):
    first = Spaces(*nets, toys, folder=tmp_path / "spaces")
    wanted = {part: first.of(part) for part in ("fit", "tune")}
    assert sorted(path.name for path in (tmp_path / "spaces").iterdir()) == [
        "fit.npy", "spaces.json", "tune.npy",
    ]  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(spaces, "embed_and_encode", lambda *_: pytest.fail("made again"))
        # A decoder has no part in them
        for weight in nets[1].decoder.parameters():
            torch.nn.init.normal_(weight)
        again = Spaces(*nets, toys, folder=tmp_path / "spaces")
        for part, (z, h) in wanted.items():
            assert torch.equal(again.of(part)[0], z) and torch.equal(again.of(part)[1], h)


def test_those_of_other_networks_are_made_anew(nets, toys, tmp_path):
    folder = tmp_path / "spaces"
    old = Spaces(*nets, toys, folder=folder)
    old.of("fit"), old.of("tune")
    torch.nn.init.normal_(nets[1].encoder.project.weight)
    other = Spaces(*nets, toys, folder=folder)
    assert not torch.equal(other.of("tune")[1], old.of("tune")[1])
    assert not (folder / "fit.npy").exists()  # nobody takes the old ones for the new
    fewer = Spaces(*nets, toys, folder=folder, limit=5)
    assert len(fewer.of("tune")[0]) == 10

"""The FaceNet releases: files of the right names load, everything else is one line."""

import hashlib

import pytest
import torch

from istrc.errors import InputError
from istrc.models.inception_resnet_v1 import InceptionResNetV1
from istrc.recognisers import inception_resnet_v1 as releases
from istrc.recognisers.inception_resnet_v1 import InceptionResNet
from istrc.recognisers.load import load_recogniser


@pytest.fixture(scope="module")
def tensors():
    """A seeded random state dict of the release's names, without batch counters, with logits."""
    torch.manual_seed(0)
    found = InceptionResNetV1(11).state_dict()
    return {k: v for k, v in found.items() if not k.endswith("num_batches_tracked")}


@pytest.fixture(scope="module")
def file(tensors, tmp_path_factory):
    path = tmp_path_factory.mktemp("release") / releases.FILES["vggface2"]
    torch.save(tensors, path)
    return path


@torch.no_grad()
def test_a_file_of_the_release_embeds(file, tensors):
    recogniser = load_recogniser(f"vggface2:{file}", template="crop")
    assert (recogniser.size, recogniser.dim) == (160, 512)
    x = torch.rand(1, 3, 160, 160) * 2 - 1
    z = recogniser.embed(x)
    net = InceptionResNetV1(11).eval()
    net.load_state_dict(tensors, strict=False)
    torch.testing.assert_close(z, net(((x + 1) * 127.5 - 127.5) / 128), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(z.norm(dim=1), torch.ones(1))
    assert recogniser.record["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "not the release's file" in recogniser.notes[0]


class Sneaky:
    """An object that unpickling would run."""

    def __reduce__(self):
        return (print, ("ran",))


def test_files_that_hold_something_else(tmp_path, tensors, capsys):
    path = tmp_path / "x.pt"
    poisoned = {**tensors, "last_bn.bias": torch.full((512,), float("nan"))}
    for content, said in (
        ({"net": Sneaky()}, "read safely"),
        ([1, 2], "no state dict"),
        ({"a": torch.zeros(3)}, "not the weights"),
        (poisoned, "not finite"),
    ):
        torch.save(content, path)
        with pytest.raises(InputError, match=said) as caught:
            InceptionResNet("vggface2", path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert "ran" not in capsys.readouterr().out
    path.write_text("not weights")
    with pytest.raises(InputError, match="not a file of weights"):
        InceptionResNet("vggface2", path)
    with pytest.raises(InputError, match="no such file"):
        InceptionResNet("vggface2", tmp_path / "nowhere.pt")


def test_nothing_is_fetched_unless_asked_for(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match="--download") as caught:
        load_recogniser("vggface2")
    assert releases.FILES["vggface2"] in str(caught.value)


@pytest.fixture
def release(tmp_path, monkeypatch):
    """The release as a folder on this machine."""
    folder = tmp_path / "release"
    folder.mkdir()
    for name in releases.FILES.values():
        (folder / name).write_bytes(name.encode())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(releases, "RELEASE", folder.as_uri() + "/")
    return folder


def test_the_first_downloads_checksum_is_kept(release):
    path = releases.download("casia-webface")
    assert path == releases.cached("casia-webface") and not list(path.parent.glob(".*"))
    noted = path.with_name(path.name + ".sha256").read_text().strip()
    assert noted == hashlib.sha256(path.read_bytes()).hexdigest()
    (release / path.name).unlink()
    assert releases.find("casia-webface", "", fetch=True) == path  # once
    path.write_bytes(b"changed")
    with pytest.raises(InputError, match="not the file first downloaded"):
        InceptionResNet("casia-webface", path)


def test_a_download_that_is_not_the_known_file(release):
    with pytest.raises(InputError, match="is damaged"):
        releases.download("vggface2")
    assert not releases.cached("vggface2").exists()


def test_a_download_that_fails(release):
    for name in releases.FILES.values():
        (release / name).unlink()
    with pytest.raises(InputError, match="casia-webface:FILE") as caught:
        releases.download("casia-webface")
    assert "\n" not in str(caught.value)

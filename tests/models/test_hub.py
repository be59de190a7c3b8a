"""A hub id: asked for once, through the hub's own library, and every failure in one line."""

import builtins
import sys
import types

import pytest

from istrc.circle import Circle
from istrc.errors import IstrcError
from istrc.models.hub import HUB_ID, download


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A stand-in for the library, which would reach for the network; records what was asked."""
    asked = []

    def snapshot_download(name, *, revision, allow_patterns):
        asked.append((name, revision, allow_patterns))
        if name == "nobody/nothing":
            raise errors.HfHubHTTPError("404 Client Error\nmore")
        return str(tmp_path)

    errors = types.ModuleType("huggingface_hub.errors")
    errors.HfHubHTTPError = type("HfHubHTTPError", (Exception,), {})
    errors.LocalEntryNotFoundError = type("LocalEntryNotFoundError", (Exception,), {})
    library = types.ModuleType("huggingface_hub")
    library.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", library)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    return asked


def test_a_hub_id_is_loaded_like_a_folder(hub, toy_circle, tmp_path):
    toy_circle.save_pretrained(tmp_path)
    circle = Circle.from_pretrained("someone/faces")
    assert hub == [("someone/faces", None, ["*.json", "*.safetensors", "*.onnx"])]
    assert circle.dim == toy_circle.dim and circle.attribute_names == toy_circle.attribute_names


def test_a_revision_is_asked_for_by_name(hub, toy_circle, tmp_path):
    toy_circle.save_pretrained(tmp_path)
    Circle.from_pretrained("someone/faces@0a1b2c")
    assert [one[:2] for one in hub] == [("someone/faces", "0a1b2c")]


def test_failures_name_the_id_and_what_to_do(hub, tmp_path):
    with pytest.raises(IstrcError, match=r"nobody/nothing: .*404 Client Error\); check the name"):
        Circle.from_pretrained("nobody/nothing")
    with pytest.raises(IstrcError, match="someone/else: holds no circle.json"):
        download("someone/else")


def test_without_the_library_it_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def absent(name, *rest):
        if name.startswith("huggingface_hub"):
            raise ImportError(name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(IstrcError, match=r"pip install 'istrc\[hub\]'"):
        Circle.from_pretrained("someone/faces")


@pytest.mark.parametrize(
    "name", ["celeba128", "a/b/c", "../x", "/x/y", "a/", "a b/c", "a/b@", "a/b@../c"]
)
def test_what_is_no_hub_id_is_never_asked_for(name, hub):
    assert not HUB_ID.fullmatch(name)
    with pytest.raises(IstrcError):
        Circle.from_pretrained(name if name != "celeba128" else "celeba128x")
    assert not hub

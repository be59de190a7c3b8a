"""Which runtime computes, and why."""

import shutil

import pytest

from istrc import runtime
from istrc.cli import options
from istrc.errors import IstrcError
from istrc.models.part_files import GRAPHS
from istrc.pretrained import has_graphs
from istrc.runtime import VARIABLE, choose_runtime
from istrc.shipped import folder_of, names


@pytest.fixture
def installed(monkeypatch):
    """Says which packages there are."""
    packages = {"torch", "onnxruntime"}
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(runtime, "has", lambda package: package in packages)
    return packages


@pytest.mark.parametrize(
    "there, preferred, expected",
    [
        ({"torch", "onnxruntime"}, "torch", "torch"),
        ({"torch", "onnxruntime"}, "onnx", "onnx"),
        ({"onnxruntime"}, "torch", "onnx"),
        ({"torch"}, "onnx", "torch"),
    ],
)
def test_auto_takes_the_preferred_one_where_it_is_installed(installed, there, preferred, expected):
    installed.intersection_update(there)
    assert choose_runtime("auto", preferred) == expected


def test_the_variable_says_what_auto_is_and_a_name_is_taken_at_its_word(installed, monkeypatch):
    monkeypatch.setenv(VARIABLE, "torch")
    assert choose_runtime("auto", "onnx") == "torch"
    assert choose_runtime("onnx", "torch") == "onnx"


def test_its_old_name_is_understood_and_another_is_refused(installed, monkeypatch):
    assert choose_runtime("light") == "onnx"
    monkeypatch.setenv(VARIABLE, "light")
    assert choose_runtime() == "onnx"
    monkeypatch.setenv(VARIABLE, "dark")
    with pytest.raises(IstrcError, match="ISTRC_RUNTIME=dark: no such runtime; use auto, torch"):
        choose_runtime()


@pytest.mark.parametrize("there", [{"torch"}, set()])
def test_what_is_asked_for_and_missing_is_named(installed, there):
    installed.intersection_update(there)
    with pytest.raises(IstrcError, match="onnxruntime"):
        choose_runtime("onnx")


@pytest.mark.skipif(not names(), reason="no circle is shipped yet")
def test_commands_take_onnx_where_the_device_and_the_model_allow_it(installed):
    assert options.open_circle(names()[0], "cpu", "auto").runtime == "onnx"
    assert options.open_circle(names()[0], "cpu", "torch").runtime == "torch"
    assert options.open_circle(names()[0], "cpu").runtime == "torch"
    assert options.open_circle(names()[0], "auto", "auto").runtime == "torch"


@pytest.mark.skipif(not names(), reason="no circle is shipped yet")
def test_a_circle_that_lacks_graphs_is_opened_with_torch(tmp_path):
    assert all(has_graphs(name) for name in names())
    shutil.copytree(folder_of(names()[-1]), tmp_path / "mine")
    assert has_graphs(tmp_path / "mine")
    (tmp_path / "mine" / "mapping" / GRAPHS).unlink()
    assert not has_graphs(tmp_path / "mine")
    assert options.open_circle(str(tmp_path / "mine"), "cpu", "auto").runtime == "torch"
    assert not has_graphs("nothing-here")

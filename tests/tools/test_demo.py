"""`make demo` writes what it prints, and prints how long it took."""

import pytest
from PIL import Image

from tools import demo


def test_the_demo_writes_photographs_and_a_strip(blank_model, tmp_path, monkeypatch, capsys):
    pytest.importorskip("skimage")

    def instead(photograph, output, model):  # tests/cli runs the real process
        assert photograph.exists()
        return 2.5

    monkeypatch.setattr(demo, "cold_start", instead)
    took = demo.run(tmp_path / "out", str(blank_model))
    printed = capsys.readouterr().out
    assert "2.5 s" in printed
    photograph = Image.open(tmp_path / "out" / "astronaut.png")
    for name in demo.EDITS:
        path = tmp_path / "out" / f"{name}.png"
        assert Image.open(path).size == photograph.size and str(path) in printed
    strip = Image.open(tmp_path / "out" / "walks.jpg")
    assert strip.height > len(demo.WALKS) * 128
    assert took["edits"] == len(demo.EDITS) and took["walks"] == len(demo.WALKS)
    assert took["cold_start_seconds"] == 2.5 and took["cores"] >= 1


def test_missing_weights_are_one_line(tmp_path, monkeypatch):
    pytest.importorskip("skimage")
    out, model = str(tmp_path / "out"), str(tmp_path / "none")
    monkeypatch.setattr("sys.argv", ["demo", "--out", out, "--model", model])
    with pytest.raises(SystemExit, match="^istrc demo: .*none"):
        demo.main()

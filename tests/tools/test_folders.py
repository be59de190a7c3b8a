"""The folder's measure: one command on pictures that were drawn, and the table."""

import numpy as np
import pytest
from PIL import Image
from tools.folders import draw_folder, folders_markdown, networks_alone, whole_command

from istrc.circle import Circle
from istrc.errors import IstrcError
from istrc.shape.crop import FRAME_SIZE


@pytest.fixture(scope="module")
def circle():
    return Circle.from_pretrained(runtime="onnx")


def test_a_command_embeds_pictures_of_which_no_two_are_the_same(circle, tmp_path):
    crops = draw_folder(circle, tmp_path / "in", 3)
    files = sorted((tmp_path / "in").iterdir())
    assert {Image.open(file).size for file in files} == {FRAME_SIZE} and len(files) == 3
    assert len({file.read_bytes() for file in files}) == 3 and crops.shape[1:] == (128, 128, 3)
    found = whole_command("embed", tmp_path / "in", tmp_path)
    assert np.load(tmp_path / "z.npy").shape == (3, circle.dim)
    # A process with the networks in it, not the small one that started it
    assert 100 < found["mb"] < 3000 and 0.1 < found["cpu_seconds"] and 0.1 < found["seconds"]
    seconds, worked = networks_alone(circle, "embed", crops[:8])
    assert 0 < seconds < found["seconds"] and worked > 0


def test_a_command_that_fails_is_told(tmp_path):
    with pytest.raises(IstrcError, match="istrc edit: .*no such file or folder"):
        whole_command("edit", tmp_path / "none", tmp_path)


def test_the_table():
    one = dict(
        rate=50.0, networks_rate=80.0, share=0.625, cpu_share=0.7, mb={"100": 301, "25": 299}
    )
    assert "| embed | 50.0 | 80.0 | 0.62 | 0.70 | 299 / 301 (25 / 100) |" in folders_markdown(
        {"embed": one}
    )

"""Ray beside this command's own workers: the medians, and the same embeddings from both."""

import numpy as np
import pytest

from istrc.errors import IstrcError
from tools import bulk


@pytest.fixture
def drawn(monkeypatch):
    """No picture is drawn; commands take what is listed, and write what is asked."""
    monkeypatch.setattr(bulk, "draw_folder", lambda circle, folder, count: folder.mkdir())
    took = {
        "plain": {"small": iter([4.0, 4.0, 4.0]), "large": iter([8.0, 24.0, 14.0])},
        "ray": {"small": iter([12.0, 12.0, 12.0]), "large": iter([16.0, 36.0, 21.0])},
    }
    z = {"plain": np.eye(2), "ray": np.eye(2)}

    def seconds(engine, folder, out):
        np.save(out, z[engine])
        return next(took[engine][folder.name])

    monkeypatch.setattr(bulk, "seconds", seconds)
    return z


def test_the_medians_of_the_rounds(drawn):
    found = bulk.measure(2560, 3)
    assert found["seconds"]["ray"] == {"small": 12.0, "large": 21.0}
    assert found["whole"] == 1.5  # of 2, 1.5 and 1.5
    assert found["work"] == 1.0  # of 1, 1.2 and 0.9
    text = bulk.bulk_markdown(found)
    assert "| plain | 4.000 | 14.000 | 10.000 |" in text
    assert "| ray over plain | - | 1.500 | 1.000 |" in text


def test_other_embeddings_are_no_measure(drawn):
    drawn["ray"] = drawn["ray"] * 0.999
    with pytest.raises(IstrcError, match="same embeddings"):
        bulk.measure(2560, 3)


def test_a_command_that_fails_is_told(tmp_path):
    with pytest.raises(IstrcError, match="istrc embed --engine plain: .*no such file or folder"):
        bulk.seconds("plain", tmp_path / "none", tmp_path / "z.npy")

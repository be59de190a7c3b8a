"""Every part has its digest, by which two versions of its training are compared."""

import pytest

from istrc.pretrained import FURTHER, PARTS


@pytest.mark.slow
def test_every_network_that_is_trained_has_a_digest(tmp_path):
    pytest.importorskip("pytorch_metric_learning")
    from tools.digests import digests

    found = dict(digests(tmp_path, 1))
    runs = {f"runs/{name}" for name in ("facenet", "began", "mapping/fine", "judge")}
    assert {*PARTS, *FURTHER, *runs} <= set(found)
    assert len(set(found.values())) == len(found)

import numpy as np
import pytest
from PIL import Image

from istrc.data.prepared import to_pixels, to_tensor
from istrc.evaluation import metrics
from istrc.evaluation.reconstruction import evaluate_reconstruction


def test_rebuilt_faces_are_measured(circle, prepared, judge):
    found = evaluate_reconstruction(circle=circle, prepared=prepared, judge=judge, batch_size=50)
    x = prepared.batch(prepared.rows("valid"))
    for way, y in (
        ("auto_encoder", circle.decode_code(circle.encode(x))),
        ("circle", circle.decode(circle.embed(x))),
    ):
        y = to_tensor(to_pixels(y))
        assert found[way]["psnr"] == pytest.approx(metrics.psnr(x, y).mean().item(), rel=1e-4)
        assert found[way]["ssim"] == pytest.approx(metrics.ssim(x, y).mean().item(), rel=1e-3)
        ratio = metrics.sharpness(y).mean() / metrics.sharpness(x).mean()
        assert found[way]["sharpness_ratio"] == pytest.approx(ratio.item(), rel=1e-4)
        slow = metrics.frechet_distance(judge.features(x), judge.features(y))
        assert found[way]["frechet"] == pytest.approx(slow, rel=1e-3)
    assert found["auto_encoder"]["psnr"] > found["circle"]["psnr"]
    assert found["real"]["frechet"] > 0
    assert found["frechet_features"]["judge"] == judge.checksum
    assert "baseline" not in found


def test_a_perfect_baseline_has_no_distance_and_stands_beside(circle, prepared, judge, tmp_path):
    sheet = tmp_path / "sheet.png"
    found = evaluate_reconstruction(
        circle=circle,
        prepared=prepared,
        judge=judge,
        baseline=lambda x: x,
        baseline_name="the identity",
        limit=40,
        sheet=sheet,
        sheet_faces=5,
    )
    assert found["faces"] == 40
    assert found["baseline"]["frechet"] == pytest.approx(0, abs=1e-3)
    assert found["baseline"]["sharpness_ratio"] == pytest.approx(1)
    assert found["baseline"]["name"] == "the identity"
    with Image.open(sheet) as picture:
        assert picture.width > 5 * 96 and picture.height > 4 * 96


def test_the_seed_draws_the_faces(circle, prepared):
    draws = [
        evaluate_reconstruction(circle=circle, prepared=prepared, limit=9, seed=s)["circle"]["psnr"]
        for s in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]
    assert np.isfinite(draws).all()

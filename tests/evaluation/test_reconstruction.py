import numpy as np
import pytest
from PIL import Image

from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.evaluation import metrics
from istrc.evaluation.reconstruction import age_groups, evaluate_reconstruction
from istrc.shape.regions import outline


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
    assert "psnr_face" not in found["circle"]  # which finds no landmarks


def test_the_face_itself_is_measured_apart(shaped_circle, shaped_folder):
    prepared = Prepared(shaped_folder)
    found = evaluate_reconstruction(circle=shaped_circle, prepared=prepared, split="tune")
    slow = []
    for row in prepared.rows("tune"):
        x = prepared.batch(np.array([row]))
        y = to_tensor(to_pixels(shaped_circle.decode_code(shaped_circle.encode(x))))
        inside = outline(shaped_circle.find(x)[0, :, :2].numpy(), x.shape[-1]) > 0.5
        assert 0 < inside.mean() < 1
        error = (x - y).square().mean((0, 1)).numpy()[inside].mean()
        slow.append(10 * np.log10(4 / error))
    assert found["auto_encoder"]["psnr_face"] == pytest.approx(np.mean(slow), rel=1e-3)


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


@pytest.fixture(scope="module")
def aged(prepared, write_prepared, tmp_path_factory):
    """The toy faces, a quarter of them old and some of unknown age."""
    labels = prepared.attributes.copy()
    rng = np.random.default_rng(3)
    labels[:, 0] = rng.choice([-1, 0, 1, 1, 1], len(labels))
    folder = write_prepared(
        tmp_path_factory.mktemp("aged"),
        prepared.images,
        labels,
        attributes=("young", *prepared.attribute_names[1:]),
        identity=prepared.identity,
        split=prepared.split,
    )
    return Prepared(folder)


def test_old_and_young_faces_are_told_apart_in_equal_numbers(circle, aged, judge):
    found = evaluate_reconstruction(
        circle=circle, prepared=aged, judge=judge, baseline=lambda x: x * 0.9, limit=120, seed=5
    )
    rows = np.sort(np.random.default_rng(5).permutation(aged.rows("valid"))[:120])
    groups = age_groups(aged.column("young")[rows], 5)
    old = [row for row in rows if aged.column("young")[row] == 0]
    assert [rows[i] for i in groups["old"]] == old  # the fewer: all of them
    for age, chosen in groups.items():
        x = aged.batch(rows[chosen])
        one = found["by_age"][age]
        assert one["faces"] == len(old) and set(one) == {
            "faces", "auto_encoder", "circle", "baseline"
        }  # fmt: skip
        for way, y in (
            ("auto_encoder", circle.decode_code(circle.encode(x))),
            ("baseline", x * 0.9),
        ):
            y = to_tensor(to_pixels(y))
            errors = (x - y).square().mean((1, 2, 3))
            slow = [10 * np.log10(4 / float(error)) for error in errors]
            assert one[way]["psnr"] == pytest.approx(np.mean(slow), rel=1e-4)
            slow = metrics.frechet_distance(judge.features(x), judge.features(y))
            assert one[way]["frechet"] == pytest.approx(slow, rel=1e-3, abs=1e-4)


def test_ages_are_drawn_with_the_seed():
    young = np.array([1, 1, -1, 0, 1, 0, 1, 1, -1, 1] * 5)
    one, same, other = (age_groups(young, seed) for seed in (0, 0, 1))
    assert np.array_equal(one["young"], same["young"])
    assert not np.array_equal(one["young"], other["young"])
    assert len(set(one["young"])) == len(one["old"]) == 10
    assert (young[one["young"]] == 1).all() and (young[one["old"]] == 0).all()


def test_without_ages_nothing_is_told_of_them(circle, prepared, aged):
    assert "by_age" not in evaluate_reconstruction(circle=circle, prepared=prepared, limit=9)
    found = evaluate_reconstruction(circle=circle, prepared=aged, limit=60)
    assert found["by_age"]["old"]["circle"].keys() == {"psnr"}  # no judge, no features
    assert "by_age" not in evaluate_reconstruction(circle=circle, prepared=aged, limit=1)


def test_a_circle_larger_than_its_judge_is_measured(prepared, judge, write_prepared, tmp_path):
    """A circle of 32 px, a judge of 16: by as much as if the faces had been reduced before."""

    class Grey:
        def encode(self, x):
            return x

        def decode_code(self, h):
            return 0.8 * h

        embed, decode = encode, decode_code

        def state_dict(self):
            return {}

    large = prepared.images.repeat(2, 1).repeat(2, 2)
    write_prepared(
        tmp_path,
        large,
        prepared.attributes,
        attributes=tuple(prepared.attribute_names),
        identity=prepared.identity,
        split=prepared.split,
    )
    twice = Prepared(tmp_path)
    found = evaluate_reconstruction(circle=Grey(), prepared=twice, judge=judge, limit=50)
    rows = np.sort(np.random.default_rng(0).permutation(twice.rows("valid"))[:50])
    x = twice.batch(rows)
    y = to_tensor(to_pixels(0.8 * x))
    slow = metrics.frechet_distance(judge.features(x), judge.features(y))
    assert found["size"] == 32
    assert found["auto_encoder"]["frechet"] == pytest.approx(slow, rel=1e-3)

"""The sieve's training: what its scenes say, its schedule, and the graph that is written."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from studies.sieve import CANVAS, SieveSettings, one_cycle, scene, train_on_scenes, train_sieve

from istrc.photo.proposals import SIDES, STRIDE

STEPS = 20


@pytest.fixture(scope="module")
def pictures():
    """Grey noise: as many whole pictures, crops and plain ones."""
    rng = np.random.default_rng(0)

    def some(width, height):
        pixels = rng.integers(0, 256, (3, height, width), dtype=np.uint8)
        return [Image.fromarray(one) for one in pixels]

    return some(178, 218), some(96, 96), some(120, 140)


def test_the_schedule_is_torchs_one_cycle():
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], 4e-3)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=STEPS)
    for step in range(STEPS):
        [group] = optimizer.param_groups
        assert one_cycle(step, STEPS, 4e-3 / 25, 4e-3, 4e-3 / 25e4) == pytest.approx(group["lr"])
        assert one_cycle(step, STEPS, 0.95, 0.85, 0.95) == pytest.approx(group["betas"][0])
        optimizer.step()
        cycle.step()


def test_cells_of_a_scene_say_yes_no_or_nothing(pictures):
    rng = np.random.default_rng(1)
    scenes = [scene(rng, *pictures) for _ in range(12)]
    cells = CANVAS // STRIDE
    for pixels, wanted in scenes:
        assert pixels.shape == (CANVAS, CANVAS) and pixels.dtype == np.uint8
        assert wanted.shape == (len(SIDES) - 1, cells, cells)
    assert {*np.unique([wanted for _, wanted in scenes])} == {-1, 0, 1}


def test_killed_and_resumed_it_ends_with_the_same_bits(pictures, resumed, same_weights):
    def train(out):
        settings = SieveSettings(crops="", scenes=6, steps=5, batch_size=4)
        return train_on_scenes(*pictures, out, settings)

    same_weights(*resumed(train, 3))


def test_a_folder_becomes_a_graph(pictures, tmp_path):
    pytest.importorskip("onnx")
    runtime, arrow = pytest.importorskip("onnxruntime"), pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    whole, crops, plain = pictures
    for folder in ("img_align_celeba", "plain"):
        (tmp_path / folder).mkdir()
    for number, picture in enumerate(whole):
        picture.save(tmp_path / "img_align_celeba" / f"{number}.png")
    (tmp_path / "list_eval_partition.txt").write_text("0.png 0\n1.png 0\n2.png 1\n")
    plain[0].save(tmp_path / "plain" / "a.png")
    rows = []
    for picture in crops:
        stream = io.BytesIO()
        picture.save(stream, "PNG")
        rows.append({"bytes": stream.getvalue()})
    pq.write_table(arrow.table({"image": rows}), tmp_path / "crops.parquet")
    net = train_sieve(
        tmp_path, tmp_path / "run", crops=str(tmp_path / "crops.parquet"),
        plain=(str(tmp_path / "plain"),), scenes=4, steps=2, batch_size=2,
    )  # fmt: skip
    x = np.random.default_rng(2).uniform(0, 255, (1, 1, 64, 96)).astype(np.float32)
    [found] = runtime.InferenceSession(tmp_path / "run" / "sieve.onnx").run(None, {"grey": x})
    with torch.no_grad():
        np.testing.assert_allclose(found, net(torch.from_numpy(x)).numpy(), atol=1e-3)

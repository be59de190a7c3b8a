"""Two runtimes compared on a circle of a few pixels, whose numbers are the same in both."""

import pytest

from istrc.circle import Circle
from studies import runtimes


@pytest.fixture(scope="module")
def found(tmp_path_factory, untrained_parts):
    pytest.importorskip("onnx")
    from istrc.onnx_runtime.export import export_circle

    folder = tmp_path_factory.mktemp("runtimes")
    Circle(**untrained_parts()).save_pretrained(folder)
    export_circle(folder, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtimes, "BATCHES", (1, 2))
        patch.setattr(runtimes, "limit_threads", lambda runtime, count: None)  # of other tests, too
        circles = runtimes.opened(str(folder))
        times = runtimes.time_stages(circles)
    return {
        "machine": {"cpu": "a", "torch": "b", "threads": 1},
        "milliseconds": times,
        "packages": {"torch": {"import_s": 1.5, "mb": 500.0}},
        "command_s": {"torch": 2.5, "ONNX Runtime": 1.25},
        "gradients": runtimes.needs_gradients(),
    }


@pytest.mark.slow
def test_every_stage_is_timed_in_every_runtime_and_computes_the_same(found):
    rows = found["milliseconds"]
    assert {what.split(", ")[1] for what in rows} == {"1", "2"} and len(rows) == 16
    for what, row in rows.items():
        assert all(row[name] > 0 for name in runtimes.RUNTIMES)
        if what.endswith(", 1"):
            assert row["ONNX Runtime, float32, off"] < 5e-3, what


def test_what_needs_gradients_is_found(found):
    assert {"training/began.py", "evaluation/peers/dfi.py"} <= set(found["gradients"])
    assert not any(
        path.startswith(("onnx_runtime/", "edit/", "photo/")) for path in found["gradients"]
    )


def test_the_tables_show_how_much_faster_each_is(found):
    row = found["milliseconds"]["edit, 2"]
    faster = row[runtimes.EXACT] / row["ONNX Runtime, float32"]
    text = runtimes.runtimes_markdown(found)
    [line] = [one for one in text.splitlines() if one.startswith("| edit, 2 ")]
    assert line.endswith(f"| {faster:.3f} |")
    assert "In an edit of 2 faces at once" in text
    assert f"ONNX Runtime in float32 is {faster:.2f} times as fast as torch in float32" in text
    assert "with torch 2.50 s, with ONNX Runtime 1.25 s; importing torch is 1.50 s" in text


def test_processor_time_of_a_process_is_counted():
    def work():
        runtimes.subprocess.run(
            [runtimes.sys.executable, "-c", "sum(range(3_000_000))"], check=True
        )

    assert 0.01 < runtimes.seconds_of_children(work, runs=1) < 60

"""README's numbers come from files, and only from files."""

import json
import re
from pathlib import Path

import pytest
from tools.tables import NOTHING, fill, headline, read_results, reliability, tables

EDIT = {
    "faces": 7, "success": 0.625, "same_person": 0.9, "sex_flips": 0.05, "leakage": 0.031,
    "moved": 0.7,
}  # fmt: skip
RECORDS = {
    "all.json": {
        "command": "istrc evaluate all --data prepared",
        "attributes": {
            "mean_over": 40, "mean_auc": 0.91, "mean_accuracy": 0.9,
            "mean_balanced_accuracy": 0.8, "mean_calibration_error": 0.02, "seconds": 3.2,
            "faces": 6400, "standard_error": {"auc": 0.01},
            "attributes": {
                "smile": {"auc": 0.97, "accuracy": 0.92, "balanced_accuracy": 0.92,
                          "calibration_error": None}
            },
        },
        "verification": {"angle": {"auc": 0.912, "accuracy": 0.84}, "seed": 0, "seconds": 4},
        "reconstruction": {
            "auto_encoder": {"psnr": 25.5, "ssim": 0.8, "sharpness_ratio": 0.9, "frechet": 3.0,
                             "standard_error": {"psnr": 0.1}},
            "circle": {"psnr": 15.5, "ssim": 0.5, "sharpness_ratio": 0.8, "frechet": None},
            "by_age": {
                age: {
                    "faces": 12,
                    "auto_encoder": {"psnr": psnr, "frechet": 4.0},
                    "circle": {"psnr": psnr - 9, "frechet": None},
                }
                for age, psnr in (("old", 24.0), ("young", 26.0))
            },
            "seconds": 2,
        },
    },
    "editing.json": {
        "command": "istrc evaluate editing --data prepared",
        "editing": {
            "methods": {
                "anchored": {"1": {"mean": {"success": 0.5}, "edits": {}}},
                "photo": {"1": {"mean": EDIT, "edits": {"smile+": EDIT}}},
            },
            "recognised": {"smile+": 0.9, "smile-": 0.6, "beard+": None},
            "seconds": 61,
        },
    },
    "demo.json": {
        "command": "python tools/demo.py",
        "demo": {"cold_start_seconds": 2.449, "cores": 2},
    },
    "bench.json": {"command": "istrc bench", "training": {"mapping": {"s": 60.0}}},
    "training.json": {
        "command": "python -m studies.training mine",
        "training": {"seconds": 6120.0, "machine": {"cores": 2}, "runs": {"began": {}}},
    },
    "other.json": {"command": "something else", "bench": 1},
}  # fmt: skip


@pytest.fixture
def found(tmp_path):
    for name, record in RECORDS.items():
        (tmp_path / name).write_text(json.dumps(record))
    return read_results(tmp_path)


@pytest.mark.parametrize("other", ["a.json", "peers.json"])
def test_a_file_named_after_the_part_counts_before_any_other(tmp_path, other):
    for name, auc in (("verification.json", 0.9), (other, 0.1)):
        record = {"command": name, "verification": {"angle": {"auc": auc}}}
        (tmp_path / name).write_text(json.dumps(record))
    assert read_results(tmp_path)["verification"]["angle"]["auc"] == 0.9
    (tmp_path / "verification.json").unlink()
    assert read_results(tmp_path)["verification"]["file"] == other


def test_every_number_stands_beside_a_link_to_its_command(found):
    text = headline(found)
    for row in ("| 90.0 % |", "| 70.0 % |", "| 2.4 s | [`python tools/demo.py`]"):
        assert row in text
    assert "| 62.5 % | [`istrc evaluate editing`](docs/results.md#edits) |" in text
    assert "| 84.0 % | [`istrc evaluate all`](docs/results.md#same-person-or-not) |" in text
    assert "| 1.7 h | [`python -m studies.training mine`](docs/results.md#training) |" in text
    assert "photo, strength 1); real faces of the classes: 75.0 % |" in text  # the default mode


def test_what_bench_says_of_training_is_no_circles(tmp_path):
    (tmp_path / "bench.json").write_text(json.dumps(RECORDS["bench.json"]))
    assert headline(read_results(tmp_path)) == NOTHING


def test_tables_have_what_the_files_have(found):
    text = tables(found)
    assert "| smile+ | 7 | 62.5 % | 90.0 % | 90.0 % | 5.0 % | 70.0 % | - | - |" in text
    assert "| anchored | 1 | 50.0 % | - | - | - | - | - | - |" in text
    assert "| decode(F(z)) | 15.500 | - | 0.500 | 0.800 | - |" in text
    assert "| 12 faces of each age | old: PSNR, dB | young: PSNR, dB | old: Fréchet |" in text
    assert "| decode(E(x)) | 24.000 | 26.000 | 4.000 | 4.000 |" in text
    assert "| decode(F(z)) | 15.000 | 17.000 | - | - |" in text
    assert "| decode(E(x)) | 25.500 ± 0.196 | - | 0.800 | 0.900 | 3.000 |" in text
    assert "| smile | 0.970 | 0.920 | 0.920 | - |" in text
    assert "| mean | 0.910 ± 0.020 | 0.900 | 0.800 | 0.020 |" in text and "of 6,400 faces" in text
    assert "`istrc evaluate editing --data prepared` (61 s; results/editing.json)" in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_a_link_leads_to_the_table_of_its_command(found):
    text = tables(found)
    for anchor in re.findall(r"\(docs/results.md#([^)]+)\)", headline(found)):
        titles = re.findall(r"^## (.*)$", text, re.M)
        assert anchor in [title.lower().replace(" ", "-") for title in titles]


def test_nothing_measured_is_said(tmp_path):
    assert headline(read_results(tmp_path)) == NOTHING == tables({})


def test_a_block_is_replaced_and_the_rest_is_left():
    text = "a\n<!-- numbers: made -->\nold\n<!-- /numbers -->\nb \\1\n"
    once = fill(text, {"numbers": "new \\1\n"})
    assert once == "a\n<!-- numbers: made -->\nnew \\1\n<!-- /numbers -->\nb \\1\n"
    assert fill(once, {"numbers": "new \\1\n"}) == once
    with pytest.raises(ValueError):
        fill("nothing here", {"numbers": ""})


def test_readme_holds_what_the_results_say():
    root = Path(__file__).resolve().parents[2]
    found = read_results(root / "results")
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert readme == fill(readme, {"numbers": headline(found), "tables": tables(found)}), (
        "README.md is not what results/ says; run make tables"
    )
    page = (root / "docs" / "results" / "reliability.md").read_text(encoding="utf-8")
    assert page == fill(page, {"reliability": reliability(found)}), "run make tables"


def test_the_table_of_what_was_tried_to_break_it(tmp_path):
    kills = {"edit": {"kills": 30, "failed": [], "command": "python -m kills"}}
    kills["embed"] = {"kills": 2, "failed": ["z.npy: differs"], "command": "python -m kills"}
    fuzz = {"a.jpg": {"cases": 900, "refused": 400, "failed": 0}}
    memory = {"mb": [300.4, 301.6], "mb_per_thousand": -0.012, "command": "python -m soak"}
    soak = {"edits": [{"times": 9, "failed": ["MemoryError: "], "seconds": 180, **memory}]}
    coverage = {"lines": 0.981, "branches": 0.939}
    records = {
        "kills": ("python -m kills", kills), "fuzz": ("pytest fuzz", fuzz),
        "soak": ("python -m soak", soak), "coverage": ("python -m covered", coverage),
    }  # fmt: skip
    assert reliability(read_results(tmp_path)) == NOTHING
    for part, (command, measures) in records.items():
        text = json.dumps({"command": command, part: measures})
        (tmp_path / f"{part}.json").write_text(text)
    text = reliability(read_results(tmp_path))
    assert "| `edit` killed while it writes and started again until it ends | 30 | 0 |" in text
    what = "edits through one process in 3 minutes: memory from 300 to 302 MB, -0.01 MB per 1000"
    assert f"| {what} | 9 | 1 |" in text
    assert "The tests run 93.9 % of the branches of `src` and 98.1 % of its lines." in text
    assert "| 2 | 1 |" in text
    assert "| damaged a.jpg: 400 refused in one line, the others read | 900 | 0 |" in text
    assert text.endswith(
        "To try again:\n\n    python -m kills\n    pytest fuzz\n    python -m soak\n"
    )

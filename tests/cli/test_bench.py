"""`istrc bench`, wired together: options, files, and slips. What it measures is tested apart."""

import json

import pytest

FOUND = {
    "walk_10x500_s": 0.4,
    "walk_10x500_speedup_vs_plain": 80.0,
    "rebuild_faces_per_s": 600.0,
    "rebuild_precision": "bfloat16",
}


@pytest.fixture
def asked(monkeypatch):
    """What `bench` was called with; nothing is measured."""
    from istrc.evaluation import bench

    calls = []

    def measured(circle, **settings):
        calls.append(settings)
        settings["say"]("bench: nothing ...")
        return FOUND.copy()

    monkeypatch.setattr(bench, "bench", measured)
    return calls


def test_files_are_written_and_the_numbers_told(istrc, toy_model, asked, tmp_path):
    file = tmp_path / "results" / "bench.json"
    result = istrc("bench", "--model", toy_model, "--quick", "--json", file)
    assert result.exit_code == 0, result.err
    assert asked[0]["quick"] and asked[0]["prepared"] is None
    written = json.loads(file.read_text())
    assert written["walk_10x500_s"] == 0.4 and "bench_s" in written and "versions" in written
    assert result.json()["rebuild_faces_per_s"] == 600.0
    assert "bench: nothing ..." in result.err


def test_the_headline_is_for_eyes(istrc, toy_model, asked):
    result = istrc("bench", "--model", toy_model)
    assert result.exit_code == 0 and result.out == ""
    assert "600 faces rebuilt a second (bfloat16)" in result.err


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--data", "nowhere"], "istrc prepare"), (["--model", "nobody"], "nobody")],
)
def test_slips_are_one_line(istrc, toy_model, asked, options, said):
    result = istrc("bench", "--model", toy_model, *options)
    assert result.exit_code == 1 and said in result.lines[-1] and not asked


def test_faces_of_another_size_are_refused(istrc, toy_model, asked, toy_folder):
    result = istrc("bench", "--model", toy_model, "--data", toy_folder)
    assert result.exit_code == 1 and "--size 32" in result.lines[-1]

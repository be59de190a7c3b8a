"""istrc figures: resumes, takes many inputs, names what is wrong."""

import pytest

pytest.importorskip("matplotlib")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_figures_are_drawn_once_and_again_by_force(istrc, toy_model, faces, tmp_path):
    out = tmp_path / "figures"
    inputs = [faces / "a.png", faces / "b.jpg", "--aligned", "--model", toy_model]
    first = istrc("figures", out, *inputs, "--only", "13,5", "--json")
    assert first.exit_code == 0, first.err
    assert [one["figure"] for one in first.json()["results"]] == [13, 5]
    assert names(out) == [
        f"figure-{stem}.{ending}"
        for stem in ("05-interpolation", "13-supplement-female-makeup-male")
        for ending in ("pdf", "png")
    ]
    before = (out / names(out)[1]).stat().st_mtime_ns
    again = istrc("figures", out, *inputs, "--only", "5")
    assert again.exit_code == 0 and "there already" in again.err
    assert (out / names(out)[1]).stat().st_mtime_ns == before
    (out / "figure-05-interpolation.pdf").unlink()  # half a figure is none
    assert istrc("figures", out, *inputs, "--only", "5").exit_code == 0
    assert (out / "figure-05-interpolation.pdf").exists()
    before = (out / names(out)[1]).stat().st_mtime_ns
    assert istrc("figures", out, *inputs, "--only", "5", "--force").exit_code == 0
    assert (out / names(out)[1]).stat().st_mtime_ns != before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--only", "14"], "1 to 13"),
        (["--only", "4,x"], "x is no figure"),
        (["EMPTY"], "no pictures"),
        (["EMPTY", "--data", "x"], "one of them"),
        (["--data", "EMPTY"], "prepared.json"),
    ],
)
def test_what_is_wrong_is_one_line(istrc, toy_model, tmp_path, arguments, said):
    (tmp_path / "empty").mkdir()
    arguments = [text.replace("EMPTY", str(tmp_path / "empty")) for text in arguments]
    result = istrc("figures", tmp_path / "out", *arguments, "--model", toy_model)
    assert result.exit_code == 1 and len(result.lines) == 1 and said in result.lines[0]


def test_an_input_that_fails_is_named_and_the_figures_are_of_the_others(
    istrc, toy_model, faces, tmp_path
):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    result = istrc(
        "figures", tmp_path / "out", tmp_path / "bad.png", faces, "--only", "6",
        "--aligned", "--model", toy_model,
    )  # fmt: skip
    assert result.exit_code == 1 and "bad.png" in result.lines[0]
    assert len(names(tmp_path / "out")) == 2

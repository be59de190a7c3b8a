"""The command line that studies share."""

import pytest
from studies.command import Study


def test_a_page_that_was_written_by_hand_is_not_overwritten(tmp_path, capsys):
    page = tmp_path / "study.md"
    page.write_text("# What I found out\n")
    with pytest.raises(SystemExit) as left:
        Study("means", None).parse(["--markdown", str(page)])
    assert left.value.code == 2 and page.read_text() == "# What I found out\n"
    assert f"{page}: no page that a study made; give --markdown another file" in (
        capsys.readouterr().err.replace("\n", " ")
    )


def test_a_page_that_a_study_made_is_written_again(tmp_path, capsys):
    page = tmp_path / "study.md"
    for value in (1, 2):
        study = Study("means", None)
        study.parse(["--markdown", str(page)])
        study.finish("means", {"value": value}, lambda found: f"value {found['value']}\n")
    made, text = page.read_text().split("\n", 1)
    assert (
        made.startswith("<!-- made by `python -m studies.means --markdown") and text == "value 2\n"
    )

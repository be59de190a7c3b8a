"""One line an error, one object on standard output, and the exit code."""

import json
import math

import numpy as np
import pytest
import typer

from istrc.cli.report import Report, describe, one_line
from istrc.errors import InputError, IstrcError


def leave(report, body):
    """Run `body(report)` inside the report; the exit code."""
    try:
        with report:
            body(report)
    except typer.Exit as exit_:
        return exit_.exit_code
    return 0


def test_all_done_is_0_and_silent_on_standard_output(capsys):
    assert leave(Report("edit", False), lambda r: r.done("a -> b", input="a")) == 0
    out, err = capsys.readouterr()
    assert out == "" and err == "a -> b\n"


def test_json_is_one_object_and_nothing_else(capsys):
    def body(report):
        report.facts["edits"] = {"smile": 1.0}
        report.done("a -> b", input="a", angle=np.float32(0.5), list=np.arange(2), odd=math.nan)

    assert leave(Report("edit", True), body) == 0
    out, err = capsys.readouterr()
    value = json.loads(out)
    assert value["ok"] and value["command"] == "edit" and value["errors"] == []
    assert value["edits"] == {"smile": 1.0}
    assert value["results"] == [{"input": "a", "angle": 0.5, "list": [0, 1], "odd": None}]
    assert err == ""


def test_a_name_with_a_line_break_is_said_once_in_one_line(capsys):
    def work(item):
        raise InputError(f"{item}: not a picture")

    assert leave(Report("edit", False), lambda r: r.each(["a\nb.jpg"], work)) == 1
    assert capsys.readouterr().err == "istrc edit: a b.jpg: not a picture\n"


def test_a_bad_input_is_one_line_and_the_others_are_done(capsys):
    done = []

    def work(item):
        if item == "bad":
            raise InputError("bad: not\na picture")
        if item == "vast":
            raise MemoryError
        if item == "gone":
            raise FileNotFoundError(2, "No such file", "gone")
        done.append(item)

    report = Report("edit", True)
    assert leave(report, lambda r: r.each(["a", "bad", "gone", "vast", "b"], work)) == 1
    out, err = capsys.readouterr()
    assert done == ["a", "b"]
    lines = err.splitlines()
    assert lines[:2] == ["istrc edit: bad: not a picture", "istrc edit: gone: no such file"]
    assert len(lines) == 3 and lines[2].startswith("istrc edit: vast: not enough memory")
    value = json.loads(out)
    assert not value["ok"]
    assert [error["input"] for error in value["errors"]] == ["bad", "gone", "vast"]


def test_an_error_of_the_whole_command_is_one_line(capsys):
    def body(_):
        raise IstrcError("weights: damaged")

    assert leave(Report("embed", True), body) == 1
    out, err = capsys.readouterr()
    assert err == "istrc embed: weights: damaged\n"
    assert json.loads(out)["errors"] == [{"input": None, "message": "weights: damaged"}]


def test_a_defect_keeps_its_traceback_and_the_object_still_comes(capsys):
    def body(_):
        raise ZeroDivisionError("ours")

    with pytest.raises(ZeroDivisionError):
        leave(Report("edit", True), body)
    assert json.loads(capsys.readouterr().out)["errors"][0]["message"] == "ZeroDivisionError: ours"


def test_an_error_of_the_system_is_told_as_file_and_reason():
    assert describe(PermissionError(13, "Permission denied", "/x")) == "/x: permission denied"


def test_the_table_has_what_could_not_even_be_begun(tmp_path, capsys):
    report = Report("edit", False)
    report.table = tmp_path / "report.json"
    assert leave(report, lambda r: r.all_failed([InputError("gone.jpg: no such file; check")])) == 1
    [row] = json.loads(report.table.read_text())
    assert row["input"] == "gone.jpg" and "no such file" in row["error"] and row["output"] is None


def test_a_command_that_fails_altogether_has_its_line_in_the_table(tmp_path, capsys):
    def body(_):
        raise IstrcError("weights: damaged")

    report = Report("edit", False)
    report.table = tmp_path / "report.csv"
    assert leave(report, body) == 1
    assert report.table.read_text().splitlines()[1] == ",,,,,weights: damaged,"


def test_a_table_that_cannot_be_written_is_said(tmp_path, capsys):
    (tmp_path / "file").touch()
    report = Report("edit", False)
    report.table = tmp_path / "file" / "report.csv"
    assert leave(report, lambda r: r.done("a -> b", input="a")) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_what_a_terminal_would_obey_is_spelled_out(capsys):
    report = Report("edit", False)
    report.failed("a", "\x1b[2Ja\u202egpj.exe: \udcff\nno such file")
    assert capsys.readouterr().err == (
        "istrc edit: a: \\x1b[2Ja\\u202egpj.exe: \\udcff no such file\n"
    )
    assert one_line("größer, 顔 \N{GRINNING FACE}") == "größer, 顔 \N{GRINNING FACE}"

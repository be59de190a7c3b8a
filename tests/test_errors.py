"""Every kind of error is documented, ends a command with 1, and says what to do in one line."""

import importlib
import pkgutil
from pathlib import Path

import pytest
import typer

import istrc
from istrc.cli.report import Report
from istrc.errors import InputError, IstrcError, OutOfSpace, check_names, suggest
from istrc.verbs.expression import ExpressionError, parse

PAGE = Path(__file__).parents[1] / "docs" / "command-line.md"


def kinds(of=IstrcError):
    yield of
    for one in of.__subclasses__():
        yield from kinds(one)


def test_every_kind_is_documented():
    for found in pkgutil.walk_packages(istrc.__path__, "istrc."):
        if found.name.rpartition(".")[2] in ("errors", "expression"):
            importlib.import_module(found.name)
    text = PAGE.read_text(encoding="utf-8").partition("## Errors and exit codes")[2]
    assert {kind.__name__ for kind in kinds() if f"`{kind.__name__}`" not in text} == set()


SAID = {
    IstrcError: "the page needs gradio: pip install 'istrc[app]'",
    InputError: "a.jpg: empty (0 bytes); get the original file again",
    OutOfSpace: "a.jpg: not written, the disk is full; make room, then run it again",
    ExpressionError: "column 5: the expression ends where a face or a number should be",
}


@pytest.mark.parametrize("kind", SAID)
def test_each_ends_a_command_with_1_and_one_line(capsys, kind):
    with pytest.raises(typer.Exit) as left, Report("edit", False):
        if kind is ExpressionError:
            parse("A + ")
        raise kind(SAID[kind])
    assert left.value.exit_code == 1
    assert capsys.readouterr().err == f"istrc edit: {SAID[kind]}\n"


def test_every_kind_is_tried_here():
    assert set(kinds()) == set(SAID)


KNOWN = ["male", "smile", "mouth_open", "beard", "eyeglasses", "wearing_hat", "blond_hair"]


@pytest.mark.parametrize(
    ("name", "near"),
    [("smiling", "smile"), ("glasses", "eyeglasses"), ("blonde_hair", "blond_hair"), ("hat", None)],
)
def test_an_unknown_name_is_answered_with_the_nearest(name, near):
    with pytest.raises(IstrcError) as caught:
        check_names([name], KNOWN, "-a")
    assert name in str(caught.value) and (near or "there are: male, smile") in str(caught.value)


def test_nothing_near_lists_what_there_is():
    assert suggest("xyzzy", KNOWN) == "there are: " + ", ".join(KNOWN)


def test_known_names_pass():
    check_names(["smile", "male"], KNOWN)


def test_the_option_at_fault_is_named():
    with pytest.raises(IstrcError, match="--keep mail: .*male"):
        check_names(["mail"], KNOWN, "--keep")

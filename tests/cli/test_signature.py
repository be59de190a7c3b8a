"""A training function's source becomes options that say what it says."""

import sys
import textwrap

import pytest
import typer
from typer.testing import CliRunner

from istrc.cli.signature import as_command, kind, read_signature

SOURCE = '''
raise SystemExit("reading a signature must not run the module")

def train_toy(
    data: str | Path,  # a prepared folder
    out: str | Path,
    *,
    steps: int = 6000,  # batches
    widths: tuple[int, ...] = (8, 16),
    rate: float = 6e-4,  # peak learning rate
    light: bool = True,  # a lighter stem
    k_t: float = 0.0,  # k_t at the start
    minutes: float | None = None,  # stop after this long
    net: Toy | None = None,  # cannot be given as text
    facenet: FaceNet | None = None,
):
    """Train a toy.

    More about it.
    """
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """(first line of the docstring, parameters) of the function above."""
    (tmp_path / "toy_training.py").write_text(textwrap.dedent(SOURCE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toy_training", raising=False)
    return read_signature("toy_training", "train_toy")


def run(parameters, arguments):
    """(result, what the function was called with)."""
    calls = []
    app = typer.Typer()
    app.command()(as_command(parameters, calls.append, positional=("data", "out")))
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    return result, calls


def test_the_signature_is_read_without_running_the_module(toy):
    purpose, parameters = toy
    assert purpose == "Train a toy."
    assert [p.name for p in parameters][:4] == ["data", "out", "steps", "widths"]
    by_name = {p.name: p for p in parameters}
    assert by_name["data"].default is None and by_name["steps"].default == "6000"
    assert by_name["rate"].help == "Peak learning rate."
    assert by_name["k_t"].help == "k_t at the start."  # a symbol keeps its case
    assert by_name["widths"].help  # no comment: the shared words


def test_defaults_are_the_function_s(toy):
    result, calls = run(toy[1], ["in", "run"])
    assert result.exit_code == 0
    assert calls == [
        dict(data="in", out="run", steps=6000, widths=(8, 16), rate=6e-4, light=True, k_t=0.0)
    ]


def test_values_have_the_function_s_types(toy):
    arguments = ["in", "run", "--steps", "3", "--widths", "4,5", "--rate", "1e-3", "--no-light"]
    result, calls = run(toy[1], [*arguments, "--minutes", "2.5"])
    assert result.exit_code == 0
    assert calls == [
        dict(
            data="in",
            out="run",
            steps=3,
            widths=(4, 5),
            rate=1e-3,
            light=False,
            k_t=0.0,
            minutes=2.5,
        )
    ]


def test_help_shows_comments_and_defaults(toy):
    help_text = run(toy[1], ["--help"])[0].output
    for text in ("Peak learning rate.", "6e-4", "8,16", "A lighter stem.", "--no-light"):
        assert text in help_text.replace("0.0006", "6e-4"), text
    assert "--net" not in help_text


@pytest.mark.parametrize("bad", [["--steps", "x"], ["--widths", "4,x"], ["--net", "x"]])
def test_a_wrong_value_is_a_usage_error(toy, bad):
    result, calls = run(toy[1], ["in", "run", *bad])
    assert result.exit_code == 2 and not calls


def test_what_is_not_there_is_said():
    with pytest.raises(LookupError):
        read_signature("istrc.errors", "train_nothing")
    with pytest.raises(LookupError):
        read_signature("istrc.no_such_module", "train")


def test_types_that_text_cannot_stand_for():
    assert kind("FaceNet | None") == (str, "FOLDER")  # a trained part is a folder
    assert kind("Toy | None") is None
    assert kind("int | str") is None
    assert kind("str | Path | None")[0] is str

"""A part's settings become options that say what they say."""

import subprocess
import sys
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
import typer
from typer.testing import CliRunner

from istrc.cli import train
from istrc.training.settings import Settings, other, setting


@dataclass(kw_only=True)
class Toy(Settings):
    """Train a toy."""

    out: ClassVar[str] = "Toys."

    steps: "int" = setting(6000, "Batches.")
    widths: "tuple[int, ...]" = other((8, 16), "Channels.")
    rate: "float" = setting(6e-4, "Peak learning rate.")
    light: "bool" = setting(True, "A lighter stem.")
    from_: "Path | str | None" = other(None, "A folder.")
    minutes: "float | None" = other(None, "Stop after this long.")
    net: "Toy | None" = other(None, "Cannot be given as text.")


DEFAULTS = dict(seed=0, device="cpu", steps=6000, widths=(8, 16), rate=6e-4, light=True)


@pytest.fixture
def run(monkeypatch):
    """Runs a command over the settings above: (result, what the function was called with)."""
    calls = []
    monkeypatch.setattr(train, "import_module", lambda name: SimpleNamespace(
        toy=lambda *where, **given: calls.append((where, given))
    ))  # fmt: skip
    monkeypatch.setattr(train, "SAVES_ITSELF", ("toy",))
    app = typer.Typer()
    app.command()(train._command("toy", "toys.toy", Toy))
    return lambda *words: (CliRunner().invoke(app, words, env={"COLUMNS": "200"}), calls)


def test_defaults_are_the_settings_own(run):
    result, calls = run("in", "run")
    assert result.exit_code == 0, result.output
    assert calls == [(("in", "run"), DEFAULTS)]


def test_values_have_the_settings_types(run):
    words = "in run --steps 3 --widths 4,5 --rate 1e-3 --no-light --from x --minutes 2.5"
    result, calls = run(*words.split())
    assert result.exit_code == 0, result.output
    own = dict(steps=3, widths=(4, 5), rate=1e-3, light=False, from_="x")
    assert calls == [(("in", "run"), {**DEFAULTS, **own, "minutes": 2.5})]


def test_help_shows_meanings_and_defaults(run):
    told = run("--help")[0].output
    for text in ("Train a toy.", "Toys.", "Peak learning rate.", "0.0006", "8,16", "--no-light"):
        assert text in told, text
    assert "--net" not in told and "N,N,..." in told


@pytest.mark.parametrize("bad", [["--steps", "x"], ["--widths", "4,x"], ["--net", "x"]])
def test_a_wrong_value_is_a_usage_error(run, bad):
    result, calls = run("in", "run", *bad)
    assert result.exit_code == 2 and not calls


def test_what_every_part_has_is_last_and_only_what_is_learnt_from_is_recorded():
    assert [one.name for one in train.in_order(Toy)][-3:] == ["seed", "device", "minutes"]
    assert set(Toy().recorded()) == {"steps", "rate", "light"}


@pytest.mark.parametrize("part", train.PARTS)
def test_every_setting_has_a_help_and_every_part_its_options(part):
    kind = train.PARTS[part][1]
    for one in fields(kind):
        option = train._option(one)
        assert (option is None) == (one.name == "spaces")
        assert option is None or one.metadata["help"].endswith(".")
        if one.default is MISSING:
            assert option.default is option.empty
    assert kind.__doc__.endswith(".") and kind.data.endswith(".") and kind.out.endswith(".")


def test_help_needs_no_torch():
    script = (
        "import sys; sys.modules['torch'] = None; sys.argv = ['istrc', 'train', 'facenet', '-h']; "
        "from istrc.cli import main; main()"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0 and "--triplet-margin" in result.stdout

"""`python -m studies.translator`: train it, and draw edits with it and without it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import studies.translator
from studies.command import run
from studies.translator.drawing import Translated
from studies.translator.network import Translator
from studies.translator.training import TranslatorSettings, may_have, train_translator

from istrc.circle import Circle
from istrc.data.prepared import Prepared, to_pixels
from istrc.edit.render import Rendering
from istrc.training.loop import load_modules, recorded_runs


def opened(run: Path) -> Translator:
    """The averaged network of a run."""
    (record,) = recorded_runs(run)
    net = Translator(**record["net"])
    load_modules(run / "checkpoint.safetensors", {"average": net})
    return net.eval()


def draw(
    data: Path, run: Path, out: Path, names: list[str], faces: int, seed: int, split: str
) -> None:
    """Edits both ways of faces that are not yet as asked, into out/with and out/without, as
    `studies.kept` reads them.
    """
    circle = Circle.from_pretrained(runtime="torch")
    prepared = Prepared(data).of_size(circle.size)

    class With(Translated):
        net = opened(run)

    for name in names:
        rows = may_have(prepared, prepared.rows(split), name)
        for strength in (1.0, -1.0):
            lacking = rows[prepared.column(name)[rows] == (strength < 0)]
            some = np.sort(np.random.default_rng(seed).permutation(lacking)[:faces])
            x, edits = prepared.batch(some), {name: strength}
            for kind, drawn in (("with", With), ("without", Rendering)):
                drawing = drawn.of(circle, x)
                change = circle.stopped_walk(x, circle.embed(x), edits, drawing=drawing).change
                (out / kind).mkdir(parents=True, exist_ok=True)
                edited = to_pixels(drawing.drawn(change, "photo", edits))
                np.save(out / kind / f"{name}{strength:+g}.npy", edited)
                np.save(out / kind / f"{name}{strength:+g}.rows.npy", some)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m studies.translator", description=studies.translator.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train it on faces in the mean shape")
    train.add_argument("data", type=Path)
    train.add_argument("out", type=Path)
    for field in fields(TranslatorSettings):
        kind: Any = {"int": int, "float": float, "float | None": float}.get(str(field.type), str)
        option = f"--{field.name.replace('_', '-')}"
        train.add_argument(option, type=kind, default=field.default, help=field.metadata["help"])
    drawn = commands.add_parser("draw", help="draw edits with it and without it")
    for name in ("data", "run", "out"):
        drawn.add_argument(name, type=Path)
    drawn.add_argument("--names", nargs="+", default=["young", "male", "attractive"])
    drawn.add_argument("--faces", type=int, default=12)
    drawn.add_argument("--seed", type=int, default=0)
    drawn.add_argument("--split", default="valid")
    given: Mapping[str, Any] = vars(parser.parse_args(arguments))
    asked = {name: value for name, value in given.items() if name != "command"}
    if given["command"] == "train":
        train_translator(**asked)
    else:
        draw(**asked)


if __name__ == "__main__":
    run(main)

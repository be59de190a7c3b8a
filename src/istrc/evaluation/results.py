"""The writer of results/: what was found, and all that is needed to find it again."""

from __future__ import annotations

import json
import math
import platform
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from torch import nn

from istrc import whole
from istrc.models.serialization import weights_checksum
from istrc.recognisers.recogniser import key

RECORDED = ("istrc", "torch", "numpy", "scikit-learn", "torchmetrics", "dlib-bin", "onnxruntime")


def write_results(
    path: str | Path,
    results: Mapping[str, Any],
    *,
    seed: int | None = None,
    command: str | Sequence[str] | None = None,
) -> dict[str, Any]:
    """Write one JSON file, whole or not at all, with sorted keys; returns what was written.

    Beside the results stand the seed of every random choice behind them, the command line (the
    running one by default), the commit and the versions. See `plain` for what becomes of numbers.
    """
    if command is None:
        program = Path(sys.argv[0]).name
        command = ["istrc" if program == "__main__.py" else program, *sys.argv[1:]]
    line = command if isinstance(command, str) else " ".join(command)
    origin = {"command": line, "commit": commit(), "seed": seed, "versions": versions()}
    record = plain({**results, **origin})
    text = json.dumps(record, indent=2, sort_keys=True, allow_nan=False)
    # Numbers of a list share a line, or most of a matrix would be indentation. No string has a line
    # break in it, and so none is taken for a list
    text = re.sub(r"\[\n([^][{}\"]*)\n *\]", lambda found: f"[{' '.join(found[1].split())}]", text)
    write_text(path, text + "\n")
    return record


def plain(value: Any) -> Any:
    """A value as JSON can hold it: floats to six significant digits; NaN and infinity as null."""
    return whole.plain(value, digits=6)


def versions() -> dict[str, str]:
    """Python, the machine's architecture, and the packages that numbers may depend on."""
    found = {"python": platform.python_version(), "machine": platform.machine()}
    for name in RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """What of the repository ran, `-dirty` where it was changed; None outside of a checkout.

    results/ decides no measure, and may be changed: a long run writes there as it goes.
    """
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():  # the package is installed, in whoever's repository
        return None

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True, check=True)
        return done.stdout.decode().strip()

    changed = ("status", "--porcelain", "--untracked-files=no", "--", ".", ":!results")
    try:
        return git("describe", "--always", "--exclude=*") + "-dirty" * bool(git(*changed))
    except (OSError, subprocess.CalledProcessError):
        return None


def circle_checksum(circle: Any) -> str:
    """The checksum of the networks that take part in editing an aligned face."""
    if isinstance(circle, nn.Module):
        return weights_checksum(circle)
    parts = {k: v for k, v in vars(circle).items() if isinstance(v, nn.Module) and k != "aligner"}
    checksum = weights_checksum(*(parts[name] for name in sorted(parts)))
    if "facenet" in parts or not hasattr(circle, "recogniser"):
        return checksum
    # An outside recogniser is no network of ours: what tells it apart counts instead
    return whole.digest(checksum, key(circle.recogniser.record), digits=64)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table; floats to three decimals, NaN as a dash."""

    def cell(value: Any) -> str:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return "-"
        return f"{value:.3f}" if isinstance(value, float) else str(value)

    lines = [list(header), ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines) + "\n"


def write_text(path: str | Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with whole.whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

"""Attribute names for the shell's completion; nothing heavy may be imported for it."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from istrc.learning import shelf

WEIGHTS = Path(__file__).parents[1] / "weights"


def attributes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names that begin so: the model's, and those that the user has taught."""
    if "=" in incomplete:
        return []
    model = str(ctx.params.get("model") or "celeba64")
    known = {path.stem for path in shelf.kept()}
    for folder in (Path(model), WEIGHTS / model):
        try:
            config = json.loads((folder / "attributes" / "config.json").read_text())
            known.update(config["arguments"]["names"])
            break
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return sorted(name for name in known if name.startswith(incomplete))

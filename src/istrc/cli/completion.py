"""Attribute names for the shell's completion; nothing heavy may be imported for it."""

from __future__ import annotations

import contextlib

import typer

from istrc.learning import user_attributes
from istrc.shipped import DEFAULT, folder_of, holder
from istrc.whole import read_json


def attributes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names that begin so: the model's, and those that the user has taught."""
    if "=" in incomplete:
        return []
    model = str(ctx.params.get("model") or DEFAULT)
    known = {path.stem for path in user_attributes.kept()}
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        folder = holder(folder_of(model), "attributes")
        config = read_json(folder / "attributes" / "config.json")
        known.update(config["arguments"]["names"])
    return sorted(name for name in known if name.startswith(incomplete))

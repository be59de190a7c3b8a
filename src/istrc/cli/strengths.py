"""What a user writes after -a and --keep, made into attributes and strengths."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from istrc.errors import IstrcError

LIMIT = 2.0  # |strength|; +1 is the full transformation, beyond +-2 faces stop being faces

_EDIT = re.compile(r"\s*(?P<name>[A-Za-z0-9_ -]+?)\s*(?:=\s*(?P<strength>\S+)\s*)?")


def parse_edits(texts: Iterable[str]) -> dict[str, float]:
    """`["smile=+1", "young=-0.5"]` to `{"smile": 1.0, "young": -0.5}`; a bare name means +1.

    Commas separate several in one text. Raises IstrcError for what is not NAME or NAME=NUMBER,
    for a strength outside [-2, 2] and for a name given twice.
    """
    edits: dict[str, float] = {}
    for text in _split(texts):
        match = _EDIT.fullmatch(text)
        if match is None:
            raise IstrcError(f"-a {text}: write NAME or NAME=STRENGTH, such as smile=+1")
        name, number = snake_case(match["name"]), match["strength"] or "1"
        try:
            strength = float(number)
        except ValueError:
            strength = math.nan
        if math.isnan(strength):
            raise IstrcError(f"-a {text}: {number!r} is not a number; write NAME=STRENGTH")
        if abs(strength) > LIMIT:
            raise IstrcError(
                f"-a {text}: strength {strength:g} is out of range; give one from -2 to 2"
            )
        if name in edits:
            raise IstrcError(f"-a {text}: {name} is given twice; give each attribute one strength")
        edits[name] = strength
    if not edits:
        raise IstrcError("nothing to edit: give at least one attribute, such as -a smile=+1")
    return edits


def parse_names(texts: Iterable[str]) -> list[str]:
    """`["male", "young,beard"]` to `["male", "young", "beard"]`, each once, in order."""
    return list(dict.fromkeys(snake_case(text) for text in _split(texts)))


def parse_keep(texts: Iterable[str], edits: Iterable[str]) -> list[str] | None:
    """The attributes to hold (istrc.edit.constraints); None is the edit's own.

    Raises IstrcError when an attribute is to be changed and kept at once.
    """
    names = parse_names(texts)
    if both := sorted(set(edits) & set(names)):
        raise IstrcError(f"--keep {both[0]}: it is also edited; take it out of -a or of --keep")
    return names or None


def snake_case(name: str) -> str:
    """`Mouth-Open` to `mouth_open`, so that how a name is written never matters."""
    return re.sub(r"[\s-]+", "_", name.strip()).lower()


def _split(texts: Iterable[str]) -> list[str]:
    return [part.strip() for text in texts for part in text.split(",") if part.strip()]

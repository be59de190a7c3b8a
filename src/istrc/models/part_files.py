"""Reading a part on disk, without torch: config.json, the checksum, and the weights as NumPy's.

`istrc.models.serialization` writes parts, and makes networks of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from istrc.errors import InputError
from istrc.models.kinds import KINDS
from istrc.whole import checksum, read_json, regular

CONFIG, WEIGHTS = "config.json", "model.safetensors"
GRAPHS = "graphs.json"  # of a part that has been written for the runtime without torch
SCALE = "/scale"  # joins the name of a matrix that is stored in eight bits
LARGEST_WEIGHTS = 2_000_000_000  # bytes: a hundred times the largest part; all of them are read
# What a network's arguments may say, beyond any network that was ever made here: building one of
# more would take minutes or all memory before its weights, which bound the rest, are looked at
LARGEST_ARGUMENT = 65_536
LONGEST_ARGUMENT = 1_000  # entries of a list
DEEPEST = {"layers": 100, "depths": 100, "steps": 100}  # of what is built so many times


def arguments(given: dict[str, Any]) -> dict[str, Any]:
    """What a constructor was given (its `locals()`) as config.json has it: lists for tuples."""
    return {k: nested(list, v) for k, v in given.items() if k not in ("self", "__class__")}


def nested(kind: type, value: Any) -> Any:
    """A value with every list and tuple in it as one of the two."""
    return kind(nested(kind, one) for one in value) if isinstance(value, (list, tuple)) else value


def read_config(folder: str | Path) -> dict[str, Any]:
    """A part's config.json, of a folder that `save_part` wrote."""
    return read_json(Path(folder) / CONFIG)


def read_notes(folder: str | Path) -> dict[str, Any]:
    """What a part's config.json holds beside what `save_part` writes of itself."""
    written = ("kind", "arguments", "preprocessing", "sha256")
    return {k: v for k, v in read_config(folder).items() if k not in written}


def checked_config(folder: str | Path) -> dict[str, Any]:
    """A part's config.json, whose weights are the ones beside it.

    Raises InputError when a file is missing, damaged (checksum) or of an unknown kind.
    """
    folder = Path(folder)
    path = folder / WEIGHTS
    try:
        config = read_config(folder)
        kind, expected = config["kind"], config["sha256"]
        _check_arguments(config["arguments"])
        if regular(path).stat().st_size > LARGEST_WEIGHTS:
            raise ValueError(f"its weights have over {LARGEST_WEIGHTS // 1_000_000} MB")
        found = checksum(path)
    except OSError as error:
        raise InputError(
            f"{error.filename}: missing weights ({error.strerror}); "
            "install the package again or train this part"
        ) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{folder}/config.json: damaged ({type(error).__name__}: {error}); "
            "install the package again"
        ) from None
    if str(kind) not in KINDS:
        raise InputError(f"{folder}/config.json: a part of unknown kind {kind!r}; update istrc")
    if found != expected:
        raise InputError(f"{path}: damaged weights (checksum differs); install the package again")
    return config


def _check_arguments(given: Any) -> None:
    """Raises TypeError or ValueError where no network can have these arguments."""
    if not isinstance(given, dict):
        raise TypeError("its arguments have no names")
    for name, value in given.items():
        some, most = value if isinstance(value, list) else [value], DEEPEST.get(name)
        if len(some) > LONGEST_ARGUMENT:
            raise ValueError(f"{name} has {len(some)} entries")
        if len({"number" if type(one) in (int, float) else type(one) for one in some}) > 1:
            raise TypeError(f"{name} has entries of several kinds")
        for one in some:
            if isinstance(one, (dict, list)):
                _check_arguments(one if isinstance(one, dict) else {name: one})
            elif isinstance(one, (int, float)) and not abs(one) <= (most or LARGEST_ARGUMENT):
                raise ValueError(f"{name} is {str(one)[:20]}")


def read_weights(folder: str | Path) -> dict[str, np.ndarray]:
    """The weights of a part by name, in single precision.

    Raises InputError when the file is no safetensors, or a weight in it is NaN or infinite, or has
    a scale that is not one number a row.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path, again = Path(folder) / WEIGHTS, "install the package again or train this part"
    try:
        stored = load_file(path)  # which bounds header and sizes by the file before it allocates
    except SafetensorError as error:
        raise InputError(f"{path}: damaged weights ({error}); {again}") from None
    whole = {}
    for name, value in stored.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise InputError(f"{path}: {name} has weights that are NaN or infinite; {again}")
        if (scale := stored.get(name + SCALE)) is not None:
            if value.ndim != 2 or scale.shape != (len(value), 1) or scale.dtype != np.float32:
                raise InputError(
                    f"{path}: {name} of shape {value.shape} has a scale of shape {scale.shape}, "
                    f"and no single-precision number a row; {again}"
                )
            whole[name] = value.astype(np.float32) * scale
        elif not name.endswith(SCALE):
            # Copied in any case: what is read is read-only
            whole[name] = value.astype(np.float32 if value.dtype.kind == "f" else value.dtype)
    return whole

"""What every variant of the mapping learns from, computed once: faces in all of the spaces.

real       z = embed(x) and h = E(x), of faces
generated  z = embed(G(u)) and u, of faces that the generator makes: the only faces whose u is known
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.evaluation.embedding import Progress, silent
from istrc.evaluation.results import circle_checksum, weights_checksum
from istrc.models.began import Generator

PARTS = ("fit", "tune", "valid")  # learnt from, chosen on, reported
BATCH = 128


@dataclass
class Spaces:
    """Tensors by name, and what they were made from.

    Attributes:
        tensors: "fit_z" (N, D), "fit_code" (N, H), "fit_input" (N, U) with its "fit_input_z", and
            so for "tune" and "valid"; "input" only where there is a generator. float32.
        key: all that they depend on.
    """

    tensors: dict[str, torch.Tensor]
    key: dict[str, Any]

    def pairs(self, part: str, target: str) -> tuple[torch.Tensor, torch.Tensor]:
        """z (N, D) and what it is mapped to: codes, or inputs of the generator."""
        z = self.tensors[f"{part}_z" if target == "code" else f"{part}_input_z"]
        return z, self.tensors[f"{part}_{target}"]


def chosen_rows(prepared: Prepared, faces: int, held: int, seed: int) -> dict[str, np.ndarray]:
    """Rows of each part: `faces` to learn from, `held` of each of the others at most.

    Raises InputError where a part has no face.
    """
    rng = np.random.default_rng(seed)
    rows = {}
    for part in PARTS:
        drawn = rng.permutation(prepared.rows(part))[: faces if part == "fit" else held]
        if len(drawn) < 2:
            raise InputError(f"{prepared.folder}: too few faces in its {part} part for a mapping")
        rows[part] = np.sort(drawn)
    return rows


@torch.no_grad()  # and not inference mode: mappings are trained on these tensors
def make_spaces(
    circle: Any,
    prepared: Prepared,
    generator: Generator | None,
    *,
    faces: int,  # to learn from, of each kind
    held: int,  # to choose on, and to report, at most
    seed: int = 0,
    file: str | Path | None = None,  # where they are kept, and read from if they are there
    progress: Progress = silent,
) -> Spaces:
    """Faces of all parts in all spaces."""
    key = {
        "circle": circle_checksum(circle),
        "generator": None if generator is None else weights_checksum(generator),
        "data": [str(prepared.info.get("source")), len(prepared)],
        "faces": faces,
        "held": held,
        "seed": seed,
    }
    if file is not None and (kept := _read(Path(file), key)):
        return Spaces(kept, key)
    rows = chosen_rows(prepared, faces, held, seed)
    total = sum(map(len, rows.values())) * (1 if generator is None else 2)
    done, tensors = 0, {}
    source = torch.Generator().manual_seed(seed)
    for part in PARTS:
        z, h = [], []
        for start in range(0, len(rows[part]), BATCH):
            x = prepared.batch(rows[part][start : start + BATCH])
            z.append(circle.embed(x).float().cpu())
            h.append(circle.encode(x).float().cpu())
            done += len(x)
            progress(done, total)
        tensors |= {f"{part}_z": torch.cat(z), f"{part}_code": torch.cat(h)}
        if generator is None:
            continue
        u = torch.rand(len(rows[part]), generator.code, generator=source) * 2 - 1
        z = []
        for few in u.split(BATCH):
            place = next(generator.parameters()).device
            z.append(circle.embed(generator(few.to(place)).clamp(-1, 1)).float().cpu())
            done += len(few)
            progress(done, total)
        tensors |= {f"{part}_input": u, f"{part}_input_z": torch.cat(z)}
    if file is not None:
        _write(Path(file), tensors, key)
    return Spaces(tensors, key)


def _read(file: Path, key: dict[str, Any]) -> dict[str, torch.Tensor] | None:
    """What a run before this one kept, if it was of the same networks and faces."""
    try:
        with safe_open(file, framework="pt") as opened:
            if json.loads(opened.metadata()["istrc"]) != key:
                return None
            return {name: opened.get_tensor(name) for name in opened.keys()}
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None  # not there, or damaged: made anew


def _write(file: Path, tensors: dict[str, torch.Tensor], key: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(file.name + ".tmp")
    contiguous = {name: value.contiguous() for name, value in tensors.items()}
    save_file(contiguous, temporary, metadata={"istrc": json.dumps(key)})
    os.replace(temporary, file)

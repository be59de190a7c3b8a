"""CelebA's vocabulary: its 40 attributes under the names that this project uses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SPLITS = {"train": 0, "valid": 1, "validation": 1, "val": 1, "test": 2}

RENAMED = {
    "5_o_Clock_Shadow": "five_o_clock_shadow",
    "Heavy_Makeup": "makeup",
    "Mouth_Slightly_Open": "mouth_open",
    "No_Beard": "beard",
    "Smiling": "smile",
}
INVERTED = ("No_Beard",)
"""Labelled by their absence in CelebA; here 1 means that it is there."""


def translate(columns: Sequence[str], present: np.ndarray) -> tuple[list[str], np.ndarray]:
    """CelebA's columns and (N, A) bool -> our names and (N, A) int8, No_Beard turned to beard."""
    values = present.astype(np.int8)
    for column in INVERTED:
        if column in columns:
            k = list(columns).index(column)
            values[:, k] = 1 - values[:, k]
    return [RENAMED.get(column, column.lower()) for column in columns], values

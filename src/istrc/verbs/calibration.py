"""From which angle on two faces are called two people: measured, and kept beside the weights.

verification.json in a circle's folder holds, for each false-accept rate, the angle that so many
pairs of different people fall below. It is measured on the people of `tune`, who are part of
train and who no weight was fitted to; `valid` and `test` stay unseen.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from istrc import sphere
from istrc.arrays import numpy
from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.recognisers.recogniser import key
from istrc.roc import threshold_at_far
from istrc.shipped import folder_of, holder
from istrc.whole import read_json

NAME = "verification.json"
FORMAT = 1
RATES = (1e-1, 1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class Threshold:
    """Faces under `angle` radians apart are called the same person."""

    far: float  # share of pairs of different people that are, wrongly
    angle: float
    tar: float  # share of pairs of one person that are, rightly
    different: int  # the number of pairs of different people that it was measured on


def measure(
    circle: Circle, prepared: Prepared, *, faces: int = 5000, seed: int = 0
) -> dict[str, Any]:
    """What `verification.json` holds: thresholds and true-accept rates at RATES.

    All pairs among `faces` faces of people drawn from `tune`. Raises InputError when they are
    fewer than two people, or no person has two.
    """
    rows = prepared.rows("tune")
    rows = rows[prepared.identity[rows] >= 0]
    # Person by person, as faces drawn one by one would leave few pairs of the same person
    people, place = np.unique(prepared.identity[rows], return_inverse=True)
    rank = np.random.default_rng(seed).permutation(len(people))
    rows = np.sort(rows[np.argsort(rank[place], kind="stable")][:faces])
    who = prepared.identity[rows]
    if len(rows):
        parts = np.array_split(rows, -(-len(rows) // 256))
        z = np.concatenate([numpy(circle.embed(prepared.batch(part))) for part in parts])
        same, different = pair_angles(z, who)
    if not len(rows) or not len(same) or not len(different):
        raise InputError(
            f"{prepared.folder}: {len(rows)} faces of known people in its tune part have no pairs "
            "of one person and of two; prepare data with identities"
        )
    rates = {}
    for rate in RATES:
        angle = threshold_at_far(different, rate)
        if np.isfinite(angle):  # else there are too few pairs to see such a rate
            rates[f"{rate:g}"] = {"angle": angle, "tar": float(np.mean(same < angle))}
    return {
        "format": FORMAT,
        "recogniser": key(circle.recogniser.record),
        "far": rates,
        "pairs": {"same": len(same), "different": len(different)},
        "people": len(np.unique(who)),
        "faces": len(rows),
        "split": "tune",
        "data": prepared.info.get("source"),
    }


def pair_angles(z: np.ndarray, who: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Angles of all pairs of one person, and of all pairs of two, among `(N, D)`; radians."""
    same, different = [np.empty(0)], [np.empty(0)]
    for i in range(len(z) - 1):
        angles = sphere.angle(z[i], z[i + 1 :])
        equal = who[i + 1 :] == who[i]
        same.append(angles[equal])
        different.append(angles[~equal])
    return np.concatenate(same), np.concatenate(different)


def read_threshold(model: str | Path, circle: Circle, far: float) -> Threshold | None:
    """The threshold of a circle at a false-accept rate; None where none was measured for it.

    Raises InputError for a rate that was not measured, and as `read_thresholds`.
    """
    known = read_thresholds(model, circle)
    if known and far not in known:
        measured = ", ".join(f"{rate:g}" for rate in sorted(known, reverse=True))
        raise InputError(f"--far {far:g}: not measured for this circle; give one of {measured}")
    return known.get(far)


def read_thresholds(model: str | Path, circle: Circle) -> dict[float, Threshold]:
    """The thresholds of a circle by their false-accept rates; none where it is not calibrated.

    Raises InputError for a file that is damaged or belongs to other weights.
    """
    path = holder(folder_of(model), NAME) / NAME
    again = "run istrc calibrate on this circle again"
    try:
        found = read_json(path)
        recogniser, different = found["recogniser"], found["pairs"]["different"]
        known = {
            float(rate): Threshold(float(rate), float(at["angle"]), float(at["tar"]), different)
            for rate, at in found["far"].items()
        }
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged ({type(error).__name__}: {error}); {again}") from None
    if recogniser != key(circle.recogniser.record):
        raise InputError(f"{path}: measured with other weights; {again}")
    return known

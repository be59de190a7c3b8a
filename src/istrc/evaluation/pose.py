"""Whether an edit left the head where it was: landmarks that no expression moves."""

from __future__ import annotations

import numpy as np

# Of dlib's 68: the bridge of the nose, and the corners of either eye. Lips, brows, lids and the
# jaw are what edits move; these stand still unless the head turns, nods, leans or shifts.
BRIDGE = (27, 28, 29, 30)
EYES = ((36, 39), (42, 45))
RIGID = (*BRIDGE, *EYES[0], *EYES[1])


def pose_shift(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far an edit moved the head: landmarks (N, 68, 2) twice, in any unit -> (N,).

    The mean distance that the `RIGID` landmarks moved, as a share of the distance between the
    eyes.
    """
    first, second = (before[:, list(eye)].mean(1) for eye in EYES)  # (N, 2)
    apart = np.linalg.norm(first - second, axis=1)
    moved = np.linalg.norm((after - before)[:, list(RIGID)], axis=2).mean(1)
    return moved / apart

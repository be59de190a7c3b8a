"""Flicker: how much more a face changes from frame to frame once it is edited.

Two neighbouring frames are compared under the face's own frame, so that a head may move, and only
where the face is. The levels are those of 8 bits, the mean over pixels and pairs of frames.
"""

from __future__ import annotations

import numpy as np

from istrc.photo.paste import face_mask

INSIDE = 0.5  # of the mask: from there on it is the face


class Flicker:
    """Sums up a film's flicker; `add` every frame in order.

    Args:
        size: the side S at which faces are compared, pixels.
    """

    def __init__(self, size: int):
        self.size, self.pairs = size, 0
        self._inside = face_mask(size) > INSIDE  # (S, S)
        self._sums = np.zeros(3)
        self._before: tuple[int, np.ndarray, np.ndarray] | None = None

    def add(self, run: int, original: np.ndarray, edited: np.ndarray) -> None:
        """One frame with a face; pairs are made of neighbours of the same run.

        Args:
            run: which stretch of the film it is of.
            original, edited: (S, S, 3) uint8, crops of both under one frame.
        """
        faces = original[self._inside], edited[self._inside]
        old, new = (face.astype(np.float32) for face in faces)  # (n, 3)
        if self._before is not None and self._before[0] == run:
            moved, moved_new = old - self._before[1], new - self._before[2]
            # What the edit adds: edited minus original, from frame to frame
            for k, change in enumerate((moved_new, moved, moved_new - moved)):
                self._sums[k] += np.abs(change).mean()
            self.pairs += 1
        self._before = (run, old, new)

    def result(self) -> dict[str, float | None]:
        """Levels from frame to frame: `edited`, `original`, what the edit `added`; their `ratio`.

        `ratio` is edited / original: 1 is an edit that does not flicker. None where there is no
        pair of frames, and for the ratio where the original stands still.
        """
        if not self.pairs:
            return dict(edited=None, original=None, added=None, ratio=None)
        edited, original, added = (float(v) for v in self._sums / self.pairs)
        ratio = edited / original if original > 0 else None
        return dict(edited=edited, original=original, added=added, ratio=ratio)

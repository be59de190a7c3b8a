"""The judges of a written picture that no ghost pleases: geometry and colour; and its groups.

They need more than the attribute judge does: landmarks in the data, dlib's predictor, scikit-image.
What cannot look is left out, and the results say why.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from istrc.data.prepared import Prepared, to_pixels
from istrc.errors import IstrcError
from istrc.evaluation.editing_faces import Edit, spread
from istrc.evaluation.editing_measures import Outcome
from istrc.evaluation.geometry import Geometry
from istrc.evaluation.groups import Groups
from istrc.evaluation.pixels import (
    check_available,
    chroma_added,
    greyed,
    mouth_visible,
    tone_shifts,
)

GREY = 20  # faces of an edit that are edited as grey photographs as well


class PictureJudges:
    """Looks at the pictures of an edit; what can look is decided once.

    Attributes:
        skipped: judge -> why it cannot look, or not at all.
    """

    def __init__(self, prepared: Prepared, split: str = "valid", grey: int = GREY):
        self.prepared, self.grey = prepared, grey
        self.skipped: dict[str, str] = {}
        self.geometry = self._try("geometry", lambda: Geometry(prepared, split))
        self.groups = self._try("groups", lambda: Groups(prepared, split))
        self._try("colour", check_available)
        if self.geometry is None:
            self.skipped["colour"] = self.skipped["geometry"]
        self.colour = "colour" not in self.skipped

    def _try(self, name: str, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except IstrcError as error:
            self.skipped[name] = str(error)
            return None

    def measure(self, outcome: Outcome) -> None:
        """Put what is seen of the outcome's pictures (N, S, S, 3) into its figures and groups."""
        edit, pixels = outcome.edit, outcome.pixels
        if self.groups is not None:
            outcome.groups = self.groups.of(edit.rows)
        if self.geometry is None:
            return
        points = self.geometry.find(pixels)
        outcome.figures |= self.geometry.measure(edit, points)
        before = to_pixels(self.prepared.batch(edit.rows))
        old = self.geometry.points[edit.rows]
        if "shut" in outcome.figures:  # NaN where no mouth was clearly open
            shut = outcome.figures["shut"]
            visible = mouth_visible(before, pixels, old, np.isfinite(shut))
            outcome.figures |= {"inside_seen": visible, "closed": shut * (1 - visible)}
        if self.colour:
            outcome.figures |= tone_shifts(before, pixels, old, points, edit.attribute)

    def measure_grey(self, outcome: Outcome, edited: Callable[[np.ndarray], np.ndarray]) -> None:
        """Edit some of the faces as grey photographs: `chroma_added`, NaN for the others.

        edited: pictures (n, S, S, 3) uint8 -> the same edit of them, uint8.
        """
        if not self.colour or not self.grey:
            return
        edit = outcome.edit
        places = spread(len(edit.rows), self.grey)
        few: Edit = edit.on(places)
        pictures = edited(greyed(to_pixels(self.prepared.batch(few.rows))))
        chroma = np.full(len(edit.rows), np.nan)
        chroma[places] = chroma_added(pictures, self.geometry.points[few.rows])
        outcome.figures["chroma_added"] = chroma

    @property
    def record(self) -> dict[str, Any]:
        """What the results say of these judges: what they compared with, or why they did not."""
        found: dict[str, Any] = {name: {"skipped": why} for name, why in self.skipped.items()}
        if self.geometry is not None:
            found["geometry"] = self.geometry.record
        if self.colour:
            found["colour"] = {"difference": "CIEDE2000", "grey_faces_per_edit": self.grey}
        if self.groups is not None:
            found["groups"] = self.groups.record
        return found

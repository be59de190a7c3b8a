"""What `istrc train all` trains on pictures of a kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Preset:
    """What `istrc train all` trains on pictures of a kind."""

    steps: dict[str, int]  # batches of each part, which options of its own override
    parts: dict[str, dict[str, Any]] = field(default_factory=dict)  # settings besides
    size: int | None = None  # of the prepared pictures, pixels; None: any
    whole: bool = False  # pictures of anything, taken whole; otherwise faces


PRESETS = {
    "face128": Preset(
        dict(landmarks=2800, landmarks_fine=1800, facenet=3000, began=1200, mapping=6000,
             mapping_fine=4000, attributes=1200, changes=4000, probes=1500),
    ),
    # Some thousands of pictures of anything: a few minutes for each part on one core. Averages are
    # of the last few dozen steps, because there are few
    "image64": Preset(
        dict(landmarks=400, landmarks_fine=400, facenet=400, began=200, mapping=1500,
             mapping_fine=0, attributes=400, changes=1000, probes=500),
        dict(
            landmarks=dict(average=0.98, validate_every=200),
            facenet=dict(people=16, pictures=4, widths=(24, 48, 96, 160), depths=(1, 1, 1, 1),
                         average=0.98, validate_every=100),
            began=dict(widths=(24, 48, 72, 96), average=0.98, critic_after=100,
                       validate_every=100),
            mapping=dict(width=256, validate_every=250),
            attributes=dict(validate_every=100),
            changes=dict(width=384, validate_every=250),
            stopping=dict(faces=30),
        ),
        size=64,
        whole=True,
    ),
}  # fmt: skip

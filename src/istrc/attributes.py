"""The transformations of the paper and those beside them: names, and what each means."""

from __future__ import annotations

from collections.abc import Iterable

TRANSFORMATIONS = (
    "male",
    "smile",
    "mouth_open",
    "beard",
    "mustache",
    "big_nose",
    "young",
    "big_lips",
    "big_eyes",
    "wide_mouth",
    "attractive",
    "makeup",
)

# Where in a face an edit shows, of those that do not show in all of it; see istrc.shape.regions
REGIONS = {
    "smile": "below the brows",
    "mouth_open": "lower face",
    "high_cheekbones": "below the brows",
    "beard": "lower face",
    "mustache": "lower face",
    "goatee": "lower face",
    "five_o_clock_shadow": "lower face",
    "double_chin": "lower face",
    "big_nose": "nose",
    "pointy_nose": "nose",
    "big_lips": "mouth",
    "wide_mouth": "mouth",
    "wearing_lipstick": "mouth",
    "big_eyes": "eyes",
    "narrow_eyes": "eyes",
    "bags_under_eyes": "eyes",
    "arched_eyebrows": "eyes",
    "bushy_eyebrows": "eyes",
}

# Edits that change what is between the lips; others leave teeth as they are
OF_THE_MOUTH = ("smile", "mouth_open", "high_cheekbones")
# Edits of colour alone: no point of the face moves
STILL = (
    "beard",
    "mustache",
    "goatee",
    "sideburns",
    "five_o_clock_shadow",
    "makeup",
    "wearing_lipstick",
    "rosy_cheeks",
    "pale_skin",
    "blond_hair",
    "black_hair",
    "brown_hair",
    "gray_hair",
    "eyeglasses",
    "bags_under_eyes",
)


def regions_of(edits: Iterable[str] | None) -> list[str] | None:
    """The regions in which edits of these attributes show; None is all of the face."""
    found = [REGIONS.get(name) for name in edits or [None]]
    return None if None in found else list(dict.fromkeys(found))

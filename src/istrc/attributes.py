"""The transformations of the paper and those beside them: names, and what each means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

TRANSFORMATIONS = (
    "male", "smile", "mouth_open", "beard", "mustache", "big_nose", "young", "big_lips", "big_eyes",
    "wide_mouth", "attractive", "makeup",
)  # fmt: skip

# CelebA's other attributes. Hats and jewels lie beyond the face's outline, and glasses have no
# points: no edit of these passes all that the twelve must (docs/studies/others.md)
OTHERS = (
    "arched_eyebrows", "bags_under_eyes", "bald", "bangs", "black_hair", "blond_hair", "blurry",
    "brown_hair", "bushy_eyebrows", "chubby", "double_chin", "eyeglasses", "five_o_clock_shadow",
    "goatee", "gray_hair", "high_cheekbones", "narrow_eyes", "oval_face", "pale_skin",
    "pointy_nose", "receding_hairline", "rosy_cheeks", "sideburns", "straight_hair", "wavy_hair",
    "wearing_earrings", "wearing_hat", "wearing_lipstick", "wearing_necklace", "wearing_necktie",
)  # fmt: skip
HAIR_COLOURS = ("black_hair", "blond_hair", "brown_hair", "gray_hair")
# Where in a face an edit shows, of those that do not show in all of it; see istrc.shape.regions
REGIONS = {
    name: region
    for region, names in {
        "below the brows": ("smile", "high_cheekbones"),
        "lower face": ("mouth_open", "beard", "goatee", "five_o_clock_shadow"),
        "upper lip": ("mustache",),
        "jaw": ("double_chin",),
        "nose": ("big_nose", "pointy_nose"),
        "mouth": ("big_lips", "wide_mouth", "wearing_lipstick"),
        "eyes and mouth": ("makeup",),
        "eyes": ("big_eyes", "narrow_eyes", "bags_under_eyes", "arched_eyebrows", "bushy_eyebrows"),
        "hair": HAIR_COLOURS,
    }.items()
    for name in names
}

# Edits that change what is between the lips; others leave teeth as they are
OF_THE_MOUTH = ("smile", "mouth_open", "high_cheekbones")
LENGTHS = ("wide_mouth", "big_lips")  # of the lips, each of which leaves the other as it is
OF_LIPS = ("smile", "mouth_open", *LENGTHS)  # edits that shape the lips
OF_THE_BROWS = ("arched_eyebrows", "bushy_eyebrows")  # others leave the brows that are there
OF_THE_EYES = ("big_eyes", "narrow_eyes")
# What `istrc evaluate learning` teaches anew, as if no circle knew it
TAUGHT = ("eyeglasses", "bangs", "smile", "wearing_hat", "makeup", "big_nose")
# Edits of shape alone: what a nose's texture changes beside is a haze, and a ghost of its old wings
FORMED = ("big_nose",)
# Edits of colour alone: no point of the face moves
STILL = (
    "beard", "mustache", "goatee", "sideburns", "five_o_clock_shadow", "makeup", "wearing_lipstick",
    "rosy_cheeks", "pale_skin", "blond_hair", "black_hair", "brown_hair", "gray_hair", "eyeglasses",
    "bags_under_eyes",
)  # fmt: skip


# Of facial hair, what goes round the chin
BEARDS = ("beard", "goatee", "five_o_clock_shadow")
# A broad shade over a part of the face is what these are, and not another light
_FACIAL_HAIR = ("beard", "mustache", "goatee", "sideburns", "five_o_clock_shadow")
_PAINT = ("makeup", "wearing_lipstick", "arched_eyebrows", "bushy_eyebrows", "rosy_cheeks")
_LIPSTICK = ("makeup", "wearing_lipstick")
_GREYS = 0.45  # of the hair, that an edit of -1 to older people greys
_HAIR = (
    *HAIR_COLOURS, "bald", "bangs", "blurry", "receding_hairline", "straight_hair", "wavy_hair",
    "wearing_hat",
)  # fmt: skip

# Attribute: what moves with it by its meaning. Sex moves with none of them.
MOVES_WITH = {
    "male": (*_FACIAL_HAIR, *_PAINT, "wearing_earrings", "wearing_necktie"),
    "smile": ("mouth_open", "high_cheekbones"),
    "mouth_open": ("high_cheekbones",),
    "high_cheekbones": ("smile",),
    "big_nose": ("bags_under_eyes",),
    "young": ("attractive", "chubby", "gray_hair", "double_chin", "bags_under_eyes",
              "receding_hairline", "bald"),
    "attractive": ("young", "chubby"),
    "chubby": ("attractive", "young", "double_chin"),
    "double_chin": ("chubby",),
    "big_eyes": ("narrow_eyes",),
    "narrow_eyes": ("big_eyes",),
    "makeup": ("attractive", *_PAINT),
    "wearing_lipstick": ("attractive", *_PAINT),
    "rosy_cheeks": _PAINT,
    "arched_eyebrows": _PAINT,
    "bald": ("young", "receding_hairline", "bangs", *HAIR_COLOURS),
    "receding_hairline": ("young", "bald", "bangs"),
    "bangs": ("receding_hairline",),
    "gray_hair": ("young", *HAIR_COLOURS),
    "blurry": ("attractive",),
    **dict.fromkeys(_FACIAL_HAIR, _FACIAL_HAIR),
    **{name: HAIR_COLOURS for name in HAIR_COLOURS if name != "gray_hair"},
}  # fmt: skip

# Attributes whose prototype an edit of another, in one direction, goes along as well: who is not
# young may be 45, and who has grey hair is older, in their skin as well
BROUGHT = {("young", -1): ("gray_hair",)}


def moves(name: str, other: str) -> bool:
    """Whether an edit of one attribute moves the other: it is the same, or follows from it."""
    return other == name or other in MOVES_WITH.get(name, ())


def leaves(edits: Iterable[str], other: str) -> bool:
    """Whether edits of these attributes leave another as it is. Of what is not in the table nobody
    knows what moves with it.
    """
    return all(name in {*TRANSFORMATIONS, *OTHERS} and not moves(name, other) for name in edits)


def shades(edits: Iterable[str] | None) -> bool:
    """Whether edits of these attributes shade a broad part of the face by their meaning."""
    return bool(set(edits or ()) & set(_FACIAL_HAIR))


def growing(edits: Iterable[str] | None) -> list[str]:
    """The facial hair that edits of these attributes let grow: of those with strengths, what is
    asked for and not taken away.
    """
    taken = shaving(edits)
    return [name for name in edits or () if name in _FACIAL_HAIR and name not in taken]


def shaving(edits: Iterable[str] | None) -> dict[str, float]:
    """The facial hair that edits of these attributes take away, of those with strengths: how much
    of it, up to 1.
    """
    items = edits.items() if isinstance(edits, Mapping) else ()
    return {name: min(-by, 1) for name, by in items if moves(name, "beard") and by < 0}


def tints(edits: Iterable[str] | None) -> bool:
    """Whether an edit of these attributes may colour skin: what paints it or grows on it, and what
    a user taught the circle. With the others skin becomes lighter or darker.
    """
    known = {*TRANSFORMATIONS, *OTHERS} - {*_FACIAL_HAIR, *_PAINT, "pale_skin"}
    return edits is None or not set(edits) <= known


def painting(edits: Mapping[str, float] | Iterable[str] | None) -> tuple[bool, float]:
    """Whether colours that no skin has come with edits, as they may where no strengths are known;
    and how much of the paint of the lips goes, up to 1.
    """
    if not isinstance(edits, Mapping):
        return True, 0
    if any(by > 0 for name, by in edits.items() if tints([name])):
        return True, 0
    gone = max(-edits.get(name, 0) for name in _LIPSTICK)
    return False, min(max(gone, 0), 1)


def of_the_hair(edits: Iterable[str] | None) -> bool:
    """Whether an edit of these attributes may change the hair over a forehead."""
    return edits is None or bool(set(edits) - {*TRANSFORMATIONS, *OTHERS} | set(edits) & set(_HAIR))


def hair_colours(edits: Mapping[str, float]) -> dict[str, float]:
    """The colours of hair that edits ask for, with their strengths: hair greys as people age, and
    grey hair becomes what it was.
    """
    found = {name: by for name, by in edits.items() if name in HAIR_COLOURS}
    if edits.get("young") and not found:
        found["gray_hair"] = -edits["young"] * (_GREYS if edits["young"] < 0 else 1)
    return found


def of_the_skin(name: str) -> bool:
    """Whether an attribute may show in the detail of the skin: hair and glasses have their own."""
    return name != "eyeglasses" and name not in _HAIR


def experimental(name: str) -> bool:
    """Whether edits of an attribute have not been measured against what the twelve must pass.

    What a user taught the circle is theirs to judge.
    """
    return name in OTHERS


def regions_of(edits: Iterable[str] | None) -> list[str] | None:
    """The regions in which edits of these attributes show; None is all of the face."""
    names = list(edits or [])
    if not names or any(name not in REGIONS for name in names):
        return None
    return list(dict.fromkeys(REGIONS[name] for name in names))

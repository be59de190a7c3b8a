"""What an edit leaves alone: the attributes that it preserves while it walks.

Attributes go together in the classifiers' data, and so in their gradients: makeup and beard change
the sex (the paper's fault, section 5.5), ageing adds glasses, big noses stop smiling. So every
edit preserves `PRESERVED`, but for what it is about or moves by its meaning. These constraints
cost an edit some angle and take away about half of what it changes besides
(docs/studies/holding.md).
"""

from __future__ import annotations

from collections.abc import Iterable

from istrc.attributes import moves

PRESERVED = (
    "male",
    "young",
    "smile",
    "mouth_open",
    "makeup",
    "beard",
    "eyeglasses",
    "attractive",
    "chubby",
    "big_nose",
    "bags_under_eyes",
    "big_eyes",
    "wide_mouth",
    "pale_skin",
)

NOTHING = "none"  # among the names to keep: what is preserved by default is not


def named(keep: Iterable[str] | str | None) -> list[str] | None:
    """What a user asked to be kept, as a list that can be read more than once."""
    return [keep] if isinstance(keep, str) else None if keep is None else list(keep)


def asked(keep: Iterable[str] | None) -> list[str]:
    """The attributes among the names to keep, without "none"."""
    return [name for name in keep or [] if name != NOTHING]


def preserved(edited: Iterable[str], keep: Iterable[str] | str | None = None) -> list[str]:
    """The attributes that an edit preserves, in a fixed order and none of them edited.

    Args:
        edited: what the edit is of.
        keep: preserved besides, also where it moves with what is edited; with "none" among them,
            or where there are none at all (an empty list), nothing else is preserved.
    """
    edited, keep = list(edited), named(keep)
    alone = keep is not None and (not keep or NOTHING in keep)
    default = [] if alone else [n for n in PRESERVED if not any(moves(e, n) for e in edited)]
    return [name for name in dict.fromkeys((*default, *asked(keep))) if name not in edited]

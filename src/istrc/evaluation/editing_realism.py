"""Which pictures the network of `istrc.evaluation.realism` has to tell apart, and what it found.

An edit changes what is in a picture, and a network that is shown smiling faces that were edited
beside untouched ones that do not smile would only learn what a smile is. So for every edited face
there is an untouched one, of somebody else, that has by label what the edit was to give, of the
same labelled sex where the data has enough of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from istrc.data.prepared import Prepared, to_pixels
from istrc.errors import InputError
from istrc.evaluation.editing_faces import spread
from istrc.evaluation.embedding import silent
from istrc.evaluation.kept_pictures import Kept
from istrc.evaluation.realism import SEED, Edits, Realism, tell_apart

EACH = 200  # pictures of an edit that are shown, at most


def people_of(prepared: Prepared, rows: np.ndarray) -> np.ndarray:
    """Who is on each of these pictures, (N,); one whose identity is not known is somebody alone."""
    known = prepared.identity[rows].astype(np.int64)
    return np.where(known >= 0, known, -1 - np.asarray(rows, np.int64))


def faces_of(prepared: Prepared, rows: np.ndarray, batch: int = 256) -> np.ndarray:
    """The untouched faces of these rows at the size at which they are edited, (N, S, S, 3) uint8.

    Rounded to 8 bits as the edited ones are.
    """
    parts = [np.zeros((0, prepared.size, prepared.size, 3), np.uint8)]
    return np.concatenate([*parts, *map(to_pixels, prepared.batches(rows, batch))])


def gather(edits: Mapping[str, Kept], prepared: Prepared, each: int = EACH) -> tuple[Edits, Any]:
    """The pictures of all edits of one method in one array, and their rows (N,)."""
    places = {name: spread(len(kept.rows), each) for name, kept in edits.items()}
    pictures = np.concatenate([kept.pictures[places[name]] for name, kept in edits.items()])
    rows = np.concatenate([kept.rows[places[name]] for name, kept in edits.items()])
    names = np.repeat(list(edits), [len(places[name]) for name in edits])
    return Edits(pictures, people_of(prepared, rows), names), rows


def choose_untouched(
    prepared: Prepared,
    names: np.ndarray,  # (N,) the edit of each edited face, such as "smile+"
    rows: np.ndarray,  # (N,) what it was made of
    people: np.ndarray,  # who must not be on an untouched picture
    seed: int = 0,
) -> np.ndarray:
    """Rows (M,), M <= N, of faces that have what the edits were to give; none twice.

    They are drawn from all splits, as no network is shown them that any of them trained. Where no
    face of that sex has it, one of that sex without it is taken: a sex alone must not tell.
    """
    rng = np.random.default_rng(seed)
    free = ~np.isin(people_of(prepared, np.arange(len(prepared))), people)  # (all rows,)
    sexes = prepared.column("male") if "male" in prepared.attribute_names else np.zeros_like(free)
    chosen: list[np.ndarray] = []
    for name in np.unique(names):
        attribute, wanted = str(name)[:-1], int(str(name)[-1] == "+")
        has = prepared.column(attribute) == wanted
        of_this = rows[names == name]
        for sex in np.unique(sexes[of_this]):
            count = int((sexes[of_this] == sex).sum())
            same = np.ones(len(free), bool) if attribute == "male" else sexes == sex
            for eligible in (has & same, same & ~has):
                drawn = rng.permutation(np.flatnonzero(eligible & free))[:count]
                free[drawn] = False
                count -= len(drawn)
                chosen.append(drawn)
    return np.sort(np.concatenate(chosen))


def evaluate_realism(
    methods: Mapping[str, Mapping[str, Kept]],  # method -> edit -> its pictures
    prepared: Prepared,
    *,
    groups: Callable[[np.ndarray], Mapping[str, np.ndarray]] | None = None,  # of rows (N,)
    each: int = EACH,  # pictures of an edit, at most
    steps: int = 1000,  # of either of the two networks
    surest: int = 12,  # pictures that are named, of each method
    seed: int = SEED,
    progress: Callable[[int, int], None] = silent,
) -> dict[str, Any]:
    """Tell the edits of all methods from untouched faces, by the same two networks.

    `methods[name]` has the `auc` over the edits that every method has, that of each of its `edits`
    and of each group of faces, and the edit and row of the pictures that are `surest` to be edited.
    0.5: nothing gives them away.

    Raises InputError where the methods have no edit in common.
    """
    common = sorted(set.intersection(*(set(edits) for edits in methods.values())))
    if not common:
        raise InputError(f"realism: {', '.join(methods)} have no edit in common to compare")
    edited, rows = {}, {}
    for name, edits in methods.items():
        edited[name], rows[name] = gather(edits, prepared, each)
    most = max(edited, key=lambda name: len(rows[name]))
    untouched = choose_untouched(
        prepared,
        edited[most].names,
        rows[most],
        np.concatenate([one.people for one in edited.values()]),
        seed,
    )
    seen = tell_apart(
        edited,
        faces_of(prepared, untouched),
        people_of(prepared, untouched),
        steps=steps,
        seed=seed,
        progress=progress,
    )
    return {
        "methods": {
            name: _record(one, rows[name], common, groups, surest) for name, one in seen.items()
        },
        "over": common,
        "pictures_per_edit": each,
        "untouched": len(untouched),
        "steps": steps,
        "seed": seed,
    }


def _record(
    one: Realism,
    rows: np.ndarray,
    common: list[str],
    groups: Callable[[np.ndarray], Mapping[str, np.ndarray]] | None,
    surest: int,
) -> dict[str, Any]:
    shared = np.isin(one.names, common)
    found: dict[str, Any] = {
        "faces": len(rows),
        "auc": float(one.above[shared].mean()),
        "edits": one.edits,
        "surest": [f"{one.names[i]} of row {rows[i]}" for i in one.surest(surest)],
        "groups": {},
    }
    for word, inside in (groups(rows) if groups else {}).items():
        if (inside & shared).any():
            auc = float(one.above[inside & shared].mean())
            found["groups"][word] = {"faces": int((inside & shared).sum()), "auc": auc}
    return found

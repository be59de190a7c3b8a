"""Verification by LFW's protocol (Huang et al. 2007): a folder a person, and pairs.txt.

    python -m studies.lfw LFW --json results/lfw.json --markdown docs/lfw.md

NAME/NAME_0001.jpg are the pictures. The first line of pairs.txt is "10 300", folds and pairs of
each kind in a fold: in every fold so many lines "name n1 n2" of one person, and then as many
"name1 n1 name2 n2" of two. A single number ("1100", as in pairsDevTest.txt) is one set.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from studies.command import Study
from tools.pages import verification_markdown

from istrc.circle import Circle
from istrc.data.prepared import to_tensor
from istrc.errors import InputError
from istrc.evaluation import identity
from istrc.evaluation.embedding import Progress, silent
from istrc.evaluation.results import circle_checksum
from istrc.evaluation.verification import measure_pairs, verification_measures
from istrc.photo.align import Frame, aligned_frame, find_frame
from istrc.photo.detect import CLEAR, Box, looks, without_doubles
from istrc.photo.read import read_picture
from istrc.progress import Bar

SUFFIXES = (".jpg", ".jpeg", ".png")
# LFW's pictures are Viola and Jones' box of the face enlarged 2.2 times (its README)
ENLARGED = 2.2
FOLDS = 10  # that a single set is dealt to


@dataclass(frozen=True)
class PairList:
    """A pairs.txt: P pairs of pictures."""

    names: list[tuple[str, int]]  # the pictures as (person, number), each once
    places: np.ndarray  # (P, 2) into `names`
    same: np.ndarray  # (P,) bool
    fold: np.ndarray  # (P,) from 0
    single: bool  # it was one set, and the folds are ours

    def first(self, limit: int) -> PairList:
        """The first pairs of each kind in each fold, `limit` in all but never none."""
        each = max(1, limit // (2 * len(np.unique(self.fold))))
        kinds = 2 * self.fold + self.same  # (P,)
        rows = [np.flatnonzero(kinds == kind)[:each] for kind in np.unique(kinds)]
        chosen = np.sort(np.concatenate(rows))
        used, places = np.unique(self.places[chosen], return_inverse=True)
        return replace(
            self,
            names=[self.names[place] for place in used],
            places=places.reshape(-1, 2),
            same=self.same[chosen],
            fold=self.fold[chosen],
        )


def read_pairs(path: str | Path) -> PairList:
    """Read a pairs.txt. Raises InputError naming the line that is not as the format has it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as pairs ({error}); see --pairs") from None
    lines = [(number, line.split()) for number, line in enumerate(text.splitlines(), 1)]
    lines = [(number, words) for number, words in lines if words]
    head = lines[0][1] if lines else []
    if len(head) not in (1, 2) or not all(word.isdecimal() and int(word) for word in head):
        raise InputError(
            f'{path}, line 1: must be the number of folds and of pairs ("10 300"), or the number '
            "of pairs of a single set"
        )
    folds, each = (int(head[0]), int(head[1])) if len(head) == 2 else (1, int(head[0]))
    if len(lines) - 1 != 2 * folds * each:
        raise InputError(
            f"{path}: {len(lines) - 1} pairs, and its first line announces {2 * folds * each}; "
            "get the file again"
        )
    if max(folds, each) < 2:
        raise InputError(f"{path}: one pair of a kind is no protocol; give at least two")
    index: dict[tuple[str, int], int] = {}
    places, same, fold = [], [], []
    for row, (number, words) in enumerate(lines[1:]):
        is_same = row % (2 * each) < each
        if len(words) != (3 if is_same else 4):
            kind = "name n1 n2" if is_same else "name1 n1 name2 n2"
            raise InputError(f"{path}, line {number}: must be a pair {kind!r}; get the file again")
        pair = [(words[0], words[1]), (words[0], words[2]) if is_same else (words[2], words[3])]
        if not all(digits.isdecimal() for _, digits in pair):
            raise InputError(f"{path}, line {number}: a picture's number is not one")
        pictures = [(name, int(digits)) for name, digits in pair]
        places.append([index.setdefault(picture, len(index)) for picture in pictures])
        same.append(is_same)
        # A single set has no folds: its pairs are dealt round, as many of a kind to each
        fold.append(row // (2 * each) if folds > 1 else row % each % min(FOLDS, each))
    return PairList(list(index), np.array(places), np.array(same), np.array(fold), folds == 1)


def find_picture(folder: Path, name: str, number: int) -> Path | None:
    """NAME/NAME_0001.jpg, or None where there is no such picture."""
    paths = (folder / name / f"{name}_{number:04d}{suffix}" for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def detect(pixels: np.ndarray) -> list[Box]:
    """The faces of a photograph (H, W, 3) uint8 by the detector's own judgement, largest first.

    Of doubtful faces at most one is believed, the best, and only where nothing is clearer.
    `istrc.photo.find` has a better judge.
    """
    seen: list[Box] = []
    for look in looks(pixels):
        seen += look
        if clear := [box for box in seen if box.score >= CLEAR]:
            return without_doubles(clear)
    return sorted(seen, key=lambda box: box.score)[-1:]


def central_face(pixels: np.ndarray, aligner: Any = None) -> tuple[Frame, bool]:
    """The frame of the face nearest to the picture's centre, and whether there was one.

    LFW's pictures are centred on the person they are of, who need not have the largest face. Where
    no face is found the middle of the picture is taken, as large as LFW's own box was.
    """
    height, width = pixels.shape[:2]
    middle = np.array([width / 2, height / 2])
    boxes = detect(pixels)
    if boxes:
        box = min(boxes, key=lambda box: float(np.linalg.norm(np.array(box.centre) - middle)))
        return find_frame(pixels, box, aligner), True
    side = min(width, height) / ENLARGED
    return find_frame(pixels, Box(width / 2, height / 2, side, 0.0), aligner), False


def evaluate_lfw(
    *,
    circle: Any,
    folder: str | Path,  # a folder a person
    pairs: str | Path,  # pairs.txt
    aligned: bool = False,  # the pictures are in CelebA's aligned frame: nothing is detected
    limit: int | None = None,  # only so many pairs, the first of each kind in each fold
    second: identity.SecondRecogniser | None = None,
    progress: Progress = silent,
    batch: int = 64,
) -> dict[str, Any]:
    """Verification by LFW's protocol; nothing in it is random.

    `missing` names the pictures that are not there, `unreadable` those that are and cannot be
    used; their pairs are left out and counted. `centre_crops` are pictures without a found face.
    Raises InputError where no pair of a kind is left.
    """
    folder, listed = Path(folder), read_pairs(pairs)
    if limit is not None:
        listed = listed.first(limit)
    paths = [find_picture(folder, *name) for name in listed.names]
    missing = [
        f"{name}/{name}_{number:04d}"
        for (name, number), path in zip(listed.names, paths, strict=True)
        if path is None
    ]
    unreadable: list[dict[str, str]] = []
    centre: list[str] = []
    good = np.zeros(len(paths), bool)
    z = torch.zeros(len(paths), circle.dim)
    described = np.zeros((len(paths), 128), np.float32)
    waiting: list[tuple[int, np.ndarray]] = []

    def flush() -> None:
        if waiting:
            places = np.array([place for place, _ in waiting])
            x = to_tensor(np.stack([face for _, face in waiting]))
            z[places] = circle.embed(x).float().cpu()
            if second is not None:
                described[places] = second.describe(x)
            good[places] = True
            waiting.clear()

    for place, path in enumerate(paths):
        progress(place, len(paths))
        if path is None:
            continue
        try:
            pixels = read_picture(path).pixels
            if aligned:
                frame, found = aligned_frame(pixels.shape[1], pixels.shape[0]), True
            else:
                frame, found = central_face(pixels, getattr(circle, "aligner", None))
        except InputError as error:
            unreadable.append({"picture": str(path), "reason": str(error)})
            continue
        if not found:
            centre.append(path.stem)
        waiting.append((place, frame.crop(pixels, circle.size)))
        if len(waiting) == batch:
            flush()
    flush()
    progress(len(paths), len(paths))

    whole = good[listed.places].all(1)
    kept, same, fold = listed.places[whole], listed.same[whole], listed.fold[whole]
    if same.all() or not same.any() or len(np.unique(fold)) < 2:
        raise InputError(
            f"{folder}: {len(missing)} of {len(paths)} pictures are missing and {len(unreadable)} "
            "cannot be used, so that no pair of a kind is left; check the folder and --pairs"
        )
    results = measure_pairs(z, kept, same, fold)
    if second is not None:
        results[second.name] = verification_measures(
            identity.distance(described[kept[:, 0]], described[kept[:, 1]]), same, fold
        )
    return {
        **results,
        "protocol": "LFW, one set dealt to folds" if listed.single else "LFW",
        "pairs": {
            "same": int(same.sum()),
            "different": int((~same).sum()),
            "left_out": int((~whole).sum()),
            "people": len({listed.names[place][0] for place in np.unique(kept)}),
            "faces": int(good.sum()),
            "folds": len(np.unique(fold)),
        },
        "missing": missing,
        "unreadable": unreadable,
        "centre_crops": {"count": len(centre), "pictures": centre},
        "aligned": aligned,
        "weights": circle_checksum(circle),
    }


def bad_pictures(found: dict[str, Any]) -> Sequence[tuple[str, str]]:
    """(picture, reason) of every picture that the pairs name and that could not be used."""
    return [
        *((name, "named in the pairs and not there") for name in found.get("missing", ())),
        *((one["picture"], one["reason"]) for one in found.get("unreadable", ())),
    ]


def main(arguments: list[str] | None = None) -> None:
    study = Study("lfw", __doc__, data="a folder a person, in it NAME_0001.jpg")
    add = study.parser.add_argument
    add("--pairs", help="pairs.txt ('10 300', or '1100' for one set); that of the folder if none")
    add("--aligned", action="store_true", help="pictures are in CelebA's aligned frame")
    add("--limit", type=int, help="pairs, at most")
    add("--no-second", action="store_true", help="leave dlib's recogniser out")
    given = study.parse(arguments)
    circle = Circle.from_pretrained(given.model, device=given.device)
    with Bar("lfw") as bar:
        found = evaluate_lfw(
            circle=circle,
            folder=given.data,
            pairs=given.pairs or Path(given.data) / "pairs.txt",
            aligned=given.aligned,
            limit=given.limit,
            second=None if given.no_second else identity.SecondRecogniser(given.device),
            progress=bar.at,
        )
    study.finish("verification", found, verification_markdown)
    for picture, reason in bad_pictures(found):
        print(f"{picture}: {reason}", file=sys.stderr)
    if left_out := found["pairs"]["left_out"]:
        print(f"{left_out} pairs are left out", file=sys.stderr)


if __name__ == "__main__":
    main()

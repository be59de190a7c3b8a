"""Whose faces the figures show: the user's own, or two photographs that packages ship.

Where a figure needs more people than there are, further faces are derived: each is an edit of a
given face, decoded, and then embedded like any picture. Figures say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from istrc.circle import Circle
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.face import Face
from istrc.runtime import needed
from istrc.verbs.anchor import in_batches
from istrc.verbs.vary import vary

# Edits that make another person of a face; those of attributes that a circle lacks are left out.
OTHERS: tuple[dict[str, float], ...] = (
    {"male": 1, "beard": 0.5},
    {"young": -1, "smile": -1},
    {"male": -1, "makeup": 1},
    {"young": 1, "mouth_open": -1},
    {"eyeglasses": 1, "smile": -1},
    {"male": 1, "mustache": 1, "big_nose": 0.5},
    {"male": -1, "young": 1, "smile": 1},
    {"beard": 1, "young": -0.5},
)
MOST = 128  # people that are taken of a prepared folder
FURTHER = 0.6  # radians from a face to one derived beyond those edits


@dataclass(frozen=True)
class Person:
    """One face: a picture and its embedding."""

    name: str
    x: torch.Tensor  # (1, 3, S, S) in [-1, 1]
    z: torch.Tensor  # (1, D)
    face: Face | None = None  # of a photograph, for figures that are drawn at its resolution
    derived: bool = False


class People:
    """Given people, and as many derived ones as are asked for.

    note: where the given ones are from, a sentence for captions. Raises InputError without a given
    person.
    """

    def __init__(self, circle: Circle, given: Sequence[Person], note: str, seed: int = 0):
        if not given:
            raise InputError("no face to draw figures of; give photographs or --data")
        self.circle, self.given, self.seed = circle, list(given), seed
        self.note, self._all = note, list(given)

    def take(self, count: int) -> list[Person]:
        """The first `count` people, the given ones first."""
        while len(self._all) < count:
            self._all += self._derive(len(self._all), count)
        return self._all[:count]

    def with_score(self, name: str, *, lowest: bool = True) -> Person:
        """The person of the first few whose attribute is farthest from being there (or gone).

        Derived ones, whose pictures are decoded twice, only where fewer than two are given.
        """
        people = self.take(6 if len(self.given) < 2 else min(6, len(self.given)))
        scores = self.circle.scores_of(z_of(people), [name])[:, 0]
        place = scores.argmin() if lowest else scores.argmax()
        return people[int(place)]

    def _derive(self, have: int, wanted: int) -> list[Person]:
        circle, place = self.circle, have - len(self.given)
        if place < len(OTHERS):
            parent = self.given[place % len(self.given)]
            strengths = {k: v for k, v in OTHERS[place].items() if k in circle.attributes.names}
            x = circle.edit(parent.x, strengths, mode="anchored", keep=[])
            what = ", ".join(f"{name} {value:+g}" for name, value in strengths.items())
            return [self._person(f"{parent.name},\n{what}", x)]
        # Beyond the edits: neighbours of the given faces, each of another seed
        found = []
        count = -(-(wanted - have) // len(self.given))
        for number, parent in enumerate(self.given):
            around = vary(
                circle, parent.z, parent.x, angle=FURTHER, count=count, seed=self.seed + number
            )
            found += [
                self._person(f"near {parent.name}", around.faces[i : i + 1]) for i in range(count)
            ]
        return found[: wanted - have]

    def _person(self, name: str, x: torch.Tensor) -> Person:
        return Person(name, x, self.circle.embed(x), derived=True)


def z_of(people: Iterable[Person]) -> torch.Tensor:
    """Their embeddings (N, D)."""
    return torch.cat([person.z for person in people])


@dataclass(frozen=True)
class Stage:
    """What every figure is drawn from, and what its caption says of that."""

    circle: Circle
    people: People
    mode: str = "circle"  # how transformed faces are rebuilt; this is the paper's
    seed: int = 0  # of every random choice
    command: str = "istrc figures OUT --only {number}"  # that draws the figure

    def caption(self, number: int, text: str, shown: Iterable[Person]) -> str:
        """The text below a figure: what it shows, whose faces, how it was made."""
        made = self.command.format(number=number)
        note = self.people.note
        if any(person.derived for person in shown):
            note += " Blurred inputs are derived: edits of the given faces, decoded and embedded."
        return f"Figure {number}. {text} {note} Made by: {made} (seed {self.seed})."


def shipped_people(circle: Circle, seed: int = 0) -> People:
    """Two photographs that installed packages ship, both in the public domain.

    Eileen Collins (NASA), in scikit-image; Grace Hopper (US Navy), in Matplotlib. Raises
    IstrcError where scikit-image is missing.
    """
    with needed(
        "the shipped photograph is in scikit-image: pip install 'istrc[figures]', or give "
        "photographs of your own"
    ):
        import skimage.data
    import matplotlib

    paths = {"Eileen Collins": Path(skimage.data.__file__).parent / "astronaut.png"}
    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    if hopper.exists():  # some distributions leave the samples out
        paths["Grace Hopper"] = hopper
    given = []
    for name, path in paths.items():
        face = circle.read(path)
        given.append(Person(name, face.x, face.z, face))
    sources = "Eileen Collins (NASA)" + (", Grace Hopper (US Navy)" if len(given) > 1 else "")
    return People(circle, given, f"Photographs: {sources}, public domain.", seed)


def people_of(faces: Sequence[Face], circle: Circle, seed: int = 0) -> People:
    """The user's own photographs, in their order."""
    given = [Person(face.path.stem, face.x, face.z, face) for face in faces]
    note = f"Faces: {len(given)} given photographs."
    return People(circle, given, note if len(given) != 1 else "Faces: one given photograph.", seed)


def people_of_data(prepared: Prepared, circle: Circle, seed: int = 0) -> People:
    """Faces of a prepared folder, of valid and test if it has them: one a person, by the seed.

    Raises InputError where they have another size than the circle's.
    """
    prepared.of_size(circle.size)
    rows = np.concatenate([prepared.rows("valid"), prepared.rows("test")])
    note = "Faces: people of the data's valid and test splits."
    if not len(rows):
        rows, note = prepared.rows("train"), "Faces: people of the data's train split."
    rows = np.random.default_rng(seed).permutation(rows)
    who = prepared.identity[rows]
    _, first = np.unique(np.where(who >= 0, who, -1 - np.arange(len(who))), return_index=True)
    rows = rows[np.sort(first)][:MOST]
    x = prepared.batch(rows)
    z, stems = in_batches(circle.embed, x), [Path(prepared.names[row]).stem for row in rows]
    given = [Person(name, x[i : i + 1], z[i : i + 1]) for i, name in enumerate(stems)]
    return People(circle, given, note, seed)

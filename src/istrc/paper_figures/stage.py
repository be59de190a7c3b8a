"""What every figure is drawn from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from istrc.circle import Circle
from istrc.paper_figures.people import People, Person


@dataclass(frozen=True)
class Stage:
    """The circle, the faces, and what the captions say of them.

    Attributes:
        mode: how transformed faces are rebuilt: "circle" is the paper's.
        seed: of every random choice.
        command: the command line that draws the figure, `{number}` where its number stands.
    """

    circle: Circle
    people: People
    mode: str = "circle"
    seed: int = 0
    command: str = "istrc figures OUT --only {number}"

    def caption(self, number: int, text: str, shown: Iterable[Person]) -> str:
        """The text below a figure: what it shows, whose faces, how it was made."""
        made = self.command.format(number=number)
        note = self.people.note
        if any(person.derived for person in shown):
            note += " Blurred inputs are derived: edits of the given faces, decoded and embedded."
        return f"Figure {number}. {text} {note} Made by: {made} (seed {self.seed})."

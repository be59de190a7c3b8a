"""What every figure is drawn from."""

from __future__ import annotations

from dataclasses import dataclass

from istrc.circle import Circle
from istrc.paper_figures.people import People


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

    def caption(self, number: int, text: str) -> str:
        """The text below a figure: what it shows, whose faces, how it was made."""
        made = self.command.format(number=number)
        return f"Figure {number}. {text} {self.people.note} Made by: {made} (seed {self.seed})."

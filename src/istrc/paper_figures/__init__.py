"""Every figure of the paper, drawn anew from any faces: PNG and PDF, labelled.

people.py       whose faces they are, and what every figure is drawn from
page.py         rows of faces on a page with a caption
walks.py        figures 1, 2, 9 to 13: semantic transformations
structure.py    figure 3: the circle and its networks, as they are loaded
descent.py      figure 4: how a walk finds its target
space.py        figures 5 to 8: interpolation, neighbours, averages, arithmetic
"""

from __future__ import annotations

from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from istrc.paper_figures.people import Stage


@dataclass(frozen=True)
class Planned:
    """A figure of the paper: its number, what its files are called, and who draws it."""

    number: int
    name: str
    home: str

    @property
    def stem(self) -> str:
        return f"figure-{self.number:02d}-{self.name}"

    def draw(self, stage: Stage) -> Figure:
        # Imported when drawn: `istrc --help` must not wait for matplotlib
        return resolve_name(f"istrc.paper_figures.{self.home}")(stage, self.number)


FIGURES = {
    one.number: one
    for one in (
        Planned(1, "three-transformations", "walks:of_one_person"),
        Planned(2, "five-transformations", "walks:of_one_person"),
        Planned(3, "structure", "structure:structure"),
        Planned(4, "descent", "descent:descent"),
        Planned(5, "interpolation", "space:interpolation"),
        Planned(6, "neighbours", "space:neighbours"),
        Planned(7, "averages", "space:averages"),
        Planned(8, "arithmetic", "space:arithmetic"),
        Planned(9, "transformations", "walks:of_anyone"),
        Planned(10, "more-transformations", "walks:of_anyone"),
        Planned(11, "sex-faults", "walks:sex_faults"),
        Planned(12, "supplement", "walks:of_anyone"),
        Planned(13, "supplement-female-makeup-male", "walks:of_anyone"),
    )
}

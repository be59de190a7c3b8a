"""`istrc figures`: the figures of the paper, drawn anew."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.files import Inputs, find_all
from istrc.cli.report import Report
from istrc.errors import IstrcError


def figures(
    report: Report,
    out: Annotated[str, typer.Argument(metavar="OUT")],
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="[PHOTO]...",
            show_default="two photographs in the public domain, and edits of them",
        ),
    ] = [],
    *,
    data: options.FolderOption = None,
    only: Annotated[str | None, typer.Option(metavar="N,N,...", show_default="all")] = None,
    mode: options.Mode = "circle",
    seed: options.SeedOption = 0,
    force: bool = False,
    faces: options.FaceOptions,
    model: options.TorchCircleOptions,
) -> None:
    """Draw every figure of the paper from your own faces: PNG and PDF, with captions.

    A figure that is in OUT already is left alone, so that a run that was stopped goes on.
    Structures and curves are those of the loaded circle.

    Args:
        out: The folder to write into.
        photos: Pictures, folders or globs: whose faces to show.
        data: Show faces of a folder made by istrc prepare, drawn with the seed.
        only: Numbers of the paper's figures, 1 to 13.
        mode: How transformed faces are rebuilt; circle is the paper's decode(F(z)).
        force: Draw figures anew that are there already.

    Examples:
        istrc figures figures/
        istrc figures figures/ me.jpg you.jpg family/ --mode photo
        istrc figures figures/ --data prepared/ --seed 3 --only 5,7,8 --force
    """
    from istrc.paper_figures import FIGURES

    numbers = parse_numbers(only, list(FIGURES))
    if photos and data:
        raise IstrcError("PHOTO and --data: give one of them")
    options.need("figures", "matplotlib", extra="figures")
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise IstrcError(f"{out}: is a file, and figures need a folder; give another OUT")
    report.facts.update(mode=mode, seed=seed)
    wanted = []
    for number in numbers:
        stem = folder / FIGURES[number].stem
        files = [stem.with_name(f"{stem.name}.{ending}") for ending in ("png", "pdf")]
        if all(path.exists() for path in files) and not force:
            report.done(
                f"{files[0]}: there already; --force draws it anew",
                figure=number,
                output=files,
                skipped=True,
            )
        else:
            wanted.append((number, stem))
    if not wanted:
        return
    found = find_all(photos) if photos else None
    if found is not None:
        report.all_failed(found.missing)
        if not found.paths:
            return
    circle = model.open()
    people = _people(circle, found, data, seed, faces, report)
    if people is None:
        return

    from istrc.paper_figures.page import save_page
    from istrc.paper_figures.people import Stage

    stage = Stage(circle, people, mode, seed, _command(photos, data, mode, seed))

    def one(item: tuple[int, Path]) -> None:
        number, stem = item
        written = save_page(FIGURES[number].draw(stage), stem)
        report.done(
            f"figure {number} -> {', '.join(map(str, written))}", figure=number, output=written
        )

    report.each(wanted, one, lambda item: f"figure {item[0]}")


def parse_numbers(text: str | None, known: list[int]) -> list[int]:
    """`"4,5"` to `[4, 5]`; None is all. Raises IstrcError for what is no number of a figure."""
    if text is None:
        return known
    numbers = []
    for part in text.split(","):
        if not part.strip().isdecimal() or int(part) not in known:
            raise IstrcError(
                f"--only {text}: {part.strip() or 'nothing'} is no figure of the paper; give "
                f"numbers from {known[0]} to {known[-1]}, such as 4,5"
            )
        numbers.append(int(part))
    return list(dict.fromkeys(numbers))


def _people(
    circle: Any,
    found: Inputs | None,
    data: str | None,
    seed: int,
    faces: options.FaceOptions,
    report: Report,
) -> Any:
    """Whose faces the figures show; None where not one input could be read."""
    from istrc.paper_figures import people

    if data is not None:
        from istrc.data.prepared import Prepared

        return people.people_of_data(Prepared(data), circle, seed)
    if found is None:
        return people.shipped_people(circle, seed)
    read: list = []
    report.each(found.paths, lambda path: read.extend(faces.read(circle, path, report)))
    return people.people_of(read, circle, seed) if read else None


def _command(photos: list[str], data: str | None, mode: str, seed: int) -> str:
    """The command for a caption: file names without the folders of this machine."""
    words = ["istrc", "figures", "OUT", *(Path(one).name for one in photos[:4])]
    words += ["..."] if len(photos) > 4 else []
    if data is not None:
        words += ["--data", Path(data).name]
    if mode != "circle":
        words += ["--mode", mode]
    if seed:
        words += ["--seed", str(seed)]
    # Braces would be taken for the number's place
    text = shlex.join(words).replace("{", "{{").replace("}", "}}")
    return text + " --only {number}"

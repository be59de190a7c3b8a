"""`istrc evaluate editing`: transformations at some strengths, beside other ways to make them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.attributes import OTHERS, TRANSFORMATIONS
from istrc.cli.measuring import Bench, Found, JudgeOption
from istrc.cli.options import FolderOption
from istrc.cli.report import Report
from istrc.cli.strengths import LIMIT, parse_names
from istrc.errors import IstrcError, check_names

FARTHEST = 2 * LIMIT  # of a peer, whose strengths end nowhere
STRENGTHS, ALL_MODES = ["1"], ["photo", "anchored", "circle"]  # by default


def parse_strengths(texts: list[str]) -> list[float]:
    """`["0.5,1", "1.5"]` to `[0.5, 1.0, 1.5]`, each once. Raises typer.BadParameter."""
    strengths = []
    for text in texts:
        for part in text.split(","):
            try:
                strength = float(part)
            except ValueError:
                raise typer.BadParameter(
                    f"{part.strip() or 'nothing'} is not a number; write numbers separated by "
                    "commas, such as 0.5,1,1.5"
                ) from None
            if not abs(strength) <= FARTHEST:  # NaN as well
                raise typer.BadParameter(
                    f"{part.strip()} is out of range; give {-FARTHEST:g} to {FARTHEST:g}"
                )
            strengths.append(strength)
    if all(abs(strength) > LIMIT for strength in strengths):
        raise typer.BadParameter(f"only peers go farther than {LIMIT:g}; give a smaller one, too")
    return list(dict.fromkeys(strengths))


FacesOption = Annotated[
    int, typer.Option(min=1, max=100_000, help="Faces an edit is measured on, at most.")
]
StrengthsOption = Annotated[
    list[str],  # of which the callback makes list[float]
    typer.Option(
        "--strengths",
        "--strength",
        metavar="S[,S]",
        callback=parse_strengths,
        help=f"Strengths of the edits, separated by commas: -2 to 2, and for peers up to "
        f"{FARTHEST:g}; several make a curve.",
    ),
]


def editing(
    report: Report,
    *,
    bench: Bench,
    faces: FacesOption = 200,
    strengths: StrengthsOption = STRENGTHS,
    attribute: Annotated[
        list[str],
        typer.Option("--attribute", "-a", metavar="NAME[,NAME]", show_default="the twelve"),
    ] = [],
    mode: Annotated[list[str], typer.Option(metavar="NAME[,NAME]")] = ALL_MODES,
    peers: Annotated[list[str], typer.Option(metavar="NAME[,NAME]", show_default="none")] = [],
    few: Annotated[int, typer.Option(min=1, max=100_000)] = 20,
    judge: JudgeOption = None,
    second: bool = True,
    sheets: FolderOption = None,
    keep_pictures: FolderOption = None,
) -> Found:
    """Every transformation, both directions, all modes: success, identity, leakage, sex flips.

    With --peers the same faces are edited in other ways, which learn from the part of train that
    the circle learnt from and find their strength 1 on the rest of it: where they succeed as often
    as the circle does. Compare methods along their curves, over several --strengths.

    Where the data has landmarks (istrc prepare --measured) and dlib's predictor is installed, the
    written pictures are measured as well: what moved, and how far the skin's tone did.

    Args:
        attribute: Attributes to edit, both ways; others stands for all those beyond the twelve.
        mode: Ways to draw: photo, anchored, circle; the first is shown on the sheets.
        peers: Other ways to edit, on the same faces: paper_walk, code_vector, boundary, dfi, or all
            of them.
        few: Faces an edit is measured on with a slow peer (dfi); every method is reported on these
            as well.
        keep_pictures: Keep the edited pictures and their rows here, an .npy file an edit, so that
            other judges can look at them (studies/realism.py).
    """
    from istrc.evaluation.editing import evaluate_editing
    from istrc.evaluation.peers.calibration import choose_peers, prepare_peers
    from istrc.evaluation.viewers import KeptPictures, Sheets

    edited, judges = _attributes(attribute, bench.circle), bench.judge(judge)
    calibrated = prepare_peers(
        choose_peers(parse_names(peers)),
        circle=bench.circle,
        prepared=bench.prepared,
        judge=judges,
        transformations=edited,
        few=min(few, 4),
        seed=bench.seed,
        say=report.say,
    )
    one: Any = 1.0 if 1.0 in strengths else strengths[0]
    shown: dict[tuple[str, float], list[Any]] = {}
    for method in ("photo", *calibrated):
        place = "" if method == "photo" else method
        viewers = shown.setdefault((method, one), [])
        if sheets:
            folder, of = Path(sheets) / "editing" / place, f"{method}, strength {one:g}"
            viewers.append(Sheets(folder, bench.prepared, judges, of))
        if keep_pictures:
            viewers.append(KeptPictures(Path(keep_pictures) / place, bench.prepared, method, one))
    found = bench.measured(
        "editing",
        evaluate_editing,
        judge=judges,
        second=bench.recogniser(second),
        modes=_modes(mode),
        transformations=edited,
        strengths=strengths,
        faces=faces,
        peers=calibrated,
        slow=[name for name, peer in calibrated.items() if peer.plan.slow],
        few=few,
        show=shown,
    )
    if keep_pictures:
        report.say(keep_pictures)
    if calibrated:
        found["peers"] = {name: peer.record for name, peer in calibrated.items()}
    return found


def _attributes(texts: list[str], circle: Any) -> tuple[str, ...]:
    """The attributes asked for; without any, the twelve. Raises IstrcError for one that is none."""
    asked = parse_names(texts)
    places: dict[str, tuple[str, ...]] = {"others": OTHERS}
    names = [name for one in asked for name in places.get(one, (one,))] or TRANSFORMATIONS
    check_names([name for name in asked if name != "others"], circle.attribute_names, "-a")
    return tuple(dict.fromkeys(names))


def _modes(texts: list[str]) -> tuple[str, ...]:
    """The modes asked for, in their order. Raises IstrcError for one that is none."""
    from istrc.edit.render import MODES

    modes = tuple(parse_names(texts))
    for mode in modes:
        if mode not in MODES:
            raise IstrcError(f"--mode {mode}: use one of {', '.join(MODES)}")
    return modes

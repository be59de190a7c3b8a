"""`istrc compare` and `istrc calibrate`: the same person or not."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.operands import find_sources, read_all
from istrc.cli.report import Report
from istrc.errors import InputError
from istrc.shipped import DEFAULT


def compare(
    report: Report,
    inputs: Annotated[list[str], typer.Argument(metavar="A B...")],
    *,
    far: Annotated[float, typer.Option(metavar="RATE")] = 1e-3,
    top: Annotated[int, typer.Option(min=0, max=100)] = 5,
    faces: options.FaceOptions,
    model: options.CircleOptions,
) -> None:
    """Tell how far apart faces are, whether they are the same person, and in what they differ.

    The angle is in radians; 0 is the same embedding. Of more than two faces the table of all
    angles is printed.

    Args:
        inputs: Two faces or more: pictures, folders, globs, or rows of saved embeddings
            ('z.npy[3]').
        far: False-accept rate: the share of pairs of different people that may be called the same.
            One of those that istrc calibrate measured: 0.1, 0.01, 0.001, 0.0001.
        top: Attributes to name, the largest difference first.

    Examples:
        istrc compare me.jpg you.jpg
        istrc compare a.jpg b.jpg --far 1e-4 --json
        istrc compare family/          (the angle between every two)
    """
    sources = find_sources(inputs, report)
    if not sources:
        return
    circle = model.open()
    read = read_all(circle, sources, report, faces)
    if len(read) < 2:
        if not report.errors:
            raise InputError(f"{read[0].name}: one face; give two or more to compare")
        return

    from istrc.arrays import library
    from istrc.verbs import compare as comparing
    from istrc.verbs.anchor import stack
    from istrc.verbs.calibration import read_threshold

    threshold, trouble = None, "istrc calibrate has measured no threshold for this circle"
    try:
        threshold = read_threshold(model.model, circle, far)
    except InputError as error:
        if "--far" in str(error):
            raise
        trouble = str(error)
    verdict = _verdict(threshold, trouble)
    report.facts.update(inputs=[one.name for one in read], verdict=verdict)
    z, _ = stack(read)
    angles = comparing.angles(z).tolist()
    scores = [circle.scores(one.z)[0].tolist() for one in read]  # each by itself, to the bit
    for i, j in combinations(range(len(read)), 2):
        found = {"angle": round(angles[i][j], 4)}
        found["euclidean"] = round(float(library(z).linalg.norm(z[i] - z[j])), 4)
        if threshold is not None:
            found["same"] = angles[i][j] < threshold.angle
        most = comparing.between(circle, scores[i], scores[j])[:top]
        found["differences"] = {d.name: [round(d.first, 3), round(d.second, 3)] for d in most}
        report.done(first=read[i].name, second=read[j].name, **found)
    if report.as_json:
        return
    if len(read) == 2:
        _print_pair(read, report.results[0], threshold, trouble)
    else:
        _print_table(read, angles, threshold, trouble)


def _verdict(threshold: Any, trouble: str) -> dict[str, Any]:
    if threshold is None:
        return {"threshold": None, "reason": trouble}
    return {
        "threshold": round(threshold.angle, 4),
        "far": threshold.far,
        "tar": round(threshold.tar, 4),
        "pairs_of_different_people": threshold.different,
    }


def _print_pair(faces: list, found: dict[str, Any], threshold: Any, trouble: str) -> None:
    """Two faces, in words, on standard output: they are the command's result."""
    print(f"{found['angle']:.3f} rad between {faces[0].name} and {faces[1].name}")
    if threshold is None:
        print(f"same person or not: cannot be said ({trouble})")
    else:
        side, person = ("under", "the same") if found["same"] else ("not under", "not the same")
        print(f"{person} person: {side} {threshold.angle:.3f} rad, {_rate(threshold)}")
    for name, (first, second) in found["differences"].items():
        print(f"  {name:<20} {first:.2f} -> {second:.2f}")


def _short(name: str, most: int = 16) -> str:
    """A name of so many characters, with its end, which may be the number of a face."""
    return name if len(name) <= most else f"{name[: most // 2]}~{name[1 - most // 2 :]}"


def _print_table(faces: list, angles: list[list[float]], threshold: Any, trouble: str) -> None:
    names = [_short(Path(one.name).name) for one in faces]
    width = max(7, *map(len, names))
    print(" " * width, *(f"{name:>{width}}" for name in names))
    for i, (name, row) in enumerate(zip(names, angles, strict=True)):
        marks = [
            f"{angle:.3f}" + ("*" if threshold and i != j and angle < threshold.angle else " ")
            for j, angle in enumerate(row)
        ]
        print(f"{name:<{width}}", *(f"{mark:>{width}}" for mark in marks))
    if threshold is None:
        print(f"angles in rad; the same person or not cannot be said ({trouble})")
    else:
        print(f"angles in rad; * the same person: under {threshold.angle:.3f}, {_rate(threshold)}")


def _rate(threshold: Any) -> str:
    return (
        f"which {threshold.far:g} of different people are and {threshold.tar:.0%} of the pictures "
        "of one person"
    )


def calibrate(
    report: Report,
    data: Annotated[str, typer.Argument(metavar="DATA")],
    model: Annotated[str, typer.Argument(metavar="CIRCLE")] = DEFAULT,
    *,
    faces: Annotated[int, typer.Option(min=2, max=20_000)] = 5000,
    seed: options.SeedOption = 0,
    device: options.DeviceOption = "cpu",
) -> None:
    """Measure from which angle on two faces are two people, for istrc compare.

    Writes verification.json into the circle's folder: the angle and the true-accept rate at
    false-accept rates of 0.1 to 0.0001, on people of the train split that no weight was fitted
    to.

    Args:
        data: A folder made by istrc prepare.
        model: The circle's folder, or the name of a shipped one.
        faces: Faces, at most; all their pairs are measured.

    Examples:
        istrc calibrate prepared/ runs/mine/circle
    """
    from istrc.evaluation.results import write_results
    from istrc.shipped import folder_of
    from istrc.verbs.calibration import NAME, measure

    circle = options.open_circle(model, device)
    prepared = options.open_prepared(data, circle)
    found = measure(circle, prepared, faces=faces, seed=seed)
    target = folder_of(model) / NAME
    # Not the command as it was typed: paths of this machine have no place beside weights
    command = f"istrc calibrate DATA CIRCLE --faces {faces} --seed {seed}"
    write_results(target, found, seed=seed, command=command)
    pairs = found["pairs"]
    for rate, at in found["far"].items():
        report.say(
            f"FAR {rate}: under {at['angle']:.4f} rad; {at['tar']:.1%} of one person's pairs"
        )
    report.done(
        f"{target}: {found['people']} people, {pairs['same']} pairs of one person, "
        f"{pairs['different']} of two",
        output=target,
        **found,
    )

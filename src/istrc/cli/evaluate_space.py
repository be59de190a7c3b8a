"""`istrc evaluate classification|smoothness|averages|mapping`: what the paper claims of spaces."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from istrc.cli.measuring import (
    Bench,
    GeneratorOption,
    JudgeOption,
    LimitOption,
    SecondOption,
    watched,
)


def classification(
    bench: Bench,
    gallery: Annotated[
        float,
        typer.Option(min=0.05, max=0.95, help="Share of each person's pictures that are known."),
    ] = 0.5,
    limit: LimitOption = None,
) -> dict[str, Any]:
    """Who is it, among people never trained on: nearest neighbours and nearest mean.

    By the angle and by the Euclidean distance; top-1 and top-5 over identities.
    """
    from istrc.evaluation.classification import evaluate_classification

    return watched(
        "classification",
        evaluate_classification,
        **bench.common,
        limit=limit,
        gallery=gallery,
        seed=bench.seed,
    )


def smoothness(
    bench: Bench,
    pairs: Annotated[
        int, typer.Option(min=2, max=100_000, help="Pairs of faces of different people, at most.")
    ] = 100,
    steps: Annotated[int, typer.Option(min=2, max=1000, help="Steps of a path.")] = 16,
    angle: Annotated[
        list[float],
        typer.Option(min=0.001, max=3.1, help="Angle of the noise, radians; may be repeated."),
    ] = [0.05, 0.2, 0.5],  # noqa: B006  typer copies it
    neighbours: Annotated[
        int, typer.Option(min=1, max=1000, help="Neighbours of a face at each angle.")
    ] = 16,
    limit: LimitOption = None,
    judge: JudgeOption = None,
) -> dict[str, Any]:
    """How evenly pictures change with the angle, and what faces between two keep of both.

    Along slerp and lerp, and round faces at given angles. Changes are mean absolute differences
    of pixels (levels of 0..255) a radian.
    """
    from istrc.evaluation.smoothness import evaluate_smoothness

    return watched(
        "smoothness",
        evaluate_smoothness,
        **bench.common,
        judge=bench.judge,
        limit=limit,
        pairs=pairs,
        steps=steps,
        angles=angle,
        neighbours=neighbours,
        seed=bench.seed,
    )


def averages(
    bench: Bench,
    generator: GeneratorOption = None,
    size: Annotated[
        list[int],
        typer.Option("--size", min=2, max=10_000, help="Faces in an average; may be repeated."),
    ] = [2, 4, 8, 16, 32, 64, 100],  # noqa: B006
    groups: Annotated[
        int, typer.Option(min=2, max=1000, help="Averages of each size, at most.")
    ] = 20,
    limit: LimitOption = None,
    second: SecondOption = True,
) -> dict[str, Any]:
    """Do averages of many faces become one face? On the sphere, and in a generator's space.

    Averages of disjoint random groups: the angle between their pictures (radians), and how far
    their pixels are apart (levels of 0..255).
    """
    from istrc.evaluation.averages import evaluate_averages

    return watched(
        "averages",
        evaluate_averages,
        **bench.common,
        generator=bench.generator,
        sizes=size,
        groups=groups,
        limit=limit,
        second=bench.recogniser,
        seed=bench.seed,
    )


def mapping(
    bench: Bench,
    out: Annotated[
        str,
        typer.Option(
            "-o",
            "--out",
            metavar="FOLDER",
            help="Run folder: a variant that is finished there is read, not trained again.",
            show_default=False,
        ),
    ],
    generator: GeneratorOption = None,
    only: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            help="A variant to train, as the table names it; may be repeated.",
            show_default="all",
        ),
    ] = [],  # noqa: B006
    steps: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="Batches that each variant is given.")
    ] = 2000,
    batch_size: Annotated[int, typer.Option(min=2, max=100_000, help="Faces in a batch.")] = 512,
    faces: Annotated[
        int, typer.Option(min=2, max=10_000_000, help="Faces to learn from, at most.")
    ] = 20_000,
    limit: Annotated[
        int, typer.Option(min=2, max=10_000_000, help="Faces to report on, at most.")
    ] = 1000,
    width: Annotated[
        int, typer.Option(min=1, max=65536, help="Width of fully connected layers.")
    ] = 512,
    seeds: Annotated[
        int, typer.Option(min=1, max=1000, help="Trainings of each variant, from --seed on.")
    ] = 1,
) -> dict[str, Any]:
    """The ablation of the mapping F: every choice of the paper's, each on the same budget.

    Connected or convolutional, code or generator's input, activation, BatchNorm, 1 to 7 layers:
    explained variance, PSNR (dB) and angle (radians) of decode(F(z)).
    """
    from istrc.evaluation.mapping import evaluate_mapping

    return watched(
        "mapping",
        evaluate_mapping,
        circle=bench.circle,
        prepared=bench.prepared,
        out=out,
        generator=bench.generator,
        only=only,
        steps=steps,
        batch_size=batch_size,
        faces=faces,
        held=limit,
        width=width,
        seeds=seeds,
        seed=bench.seed,
        say=bench.report.say,
    )


def classification_headline(found: dict[str, Any]) -> str:
    """The numbers that a reader looks for first; so are the next ones."""
    one = found["angle"]["nearest_mean"]
    return f"nearest mean: top-1 {one['top1']:.3f}, top-5 {one['top5']:.3f}"


def smoothness_headline(found: dict[str, Any]) -> str:
    one = found["paths"]["slerp"]
    return (
        f"slerp: largest over mean change {one['change']['max_over_mean']:.2f}, kept "
        f"{one['kept']:.3f} (strangers {one['kept_strangers']:.3f})"
    )


def averages_headline(found: dict[str, Any]) -> str:
    last = str(found["largest"])
    said = f"{last} faces: {found['ways']['sphere'][last]['angle']:.3f} rad apart"
    if found["ratio"] and found["ratio"]["generator"]["angle"]:
        said += f", {found['ratio']['generator']['angle']:.2f} times the generator's"
    return said


def mapping_headline(found: dict[str, Any]) -> str:
    best = max(found["variants"].items(), key=lambda item: item[1]["psnr"])
    return f"best PSNR: {best[0]}, {best[1]['psnr']:.2f} dB"

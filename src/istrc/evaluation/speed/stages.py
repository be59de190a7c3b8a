"""Each stage of the circle timed apart, in batches, beside the arithmetic that it asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from istrc import sphere
from istrc.evaluation import plain
from istrc.evaluation.speed.machine import Clock

BATCHES = (1, 16, 256)
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def stages(circle: Any, x: torch.Tensor) -> dict[str, Callable[[], torch.Tensor]]:
    """The stages by name, each of these faces x (B, 3, S, S).

    embed:   x -> z            map:     z -> c = F(z)
    encode:  x -> c = E(x)     decode:  c -> x'
    rebuild: x -> decode(F(z)), the paper's circle
    change:  x, z, z' -> the picture's own pixels, edited (mode photo)
    """
    z, c = circle.embed(x), circle.encode(x)
    z2 = sphere.step(z, torch.ones_like(z), 0.3)
    return {
        "embed": lambda: circle.embed(x),
        "encode": lambda: circle.encode(x),
        "map": lambda: circle.map(z),
        "decode": lambda: circle.decode_code(c),
        "rebuild": lambda: circle.decode(circle.embed(x)),
        "change": lambda: circle.rebuild(x, z, z2),
    }


@torch.no_grad()
def multiply_adds(work: Callable[[], Any]) -> float:
    """Those of matrix products and convolutions in one call of `work`."""
    with FlopCounterMode(display=False) as counted:  # a multiplication and an addition are two
        work()
    return counted.get_total_flops() / 2


def time_stages(
    circle: Any,
    x: torch.Tensor,  # (B, 3, S, S), as many as the largest batch
    clock: Clock,
    batches: tuple[int, ...] = BATCHES,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Faces a second of every stage, precision and batch, and the multiply-adds of a face.

    Where arithmetic in bfloat16 changes pictures or embeddings, by how much is said beside it.
    """
    found: dict[str, Any] = {}
    kept = circle.precision
    few = stages(circle, x[:16])  # what goes in is of single precision
    exact = {name: work() for name, work in few.items()}
    try:
        for precision, kind in PRECISIONS.items():
            circle.precision = kind
            found[precision] = {name: {"faces_per_s": {}} for name in few}
            for batch in batches:
                say(f"bench: stages, {precision}, {batch} at once ...")
                for name, work in stages(circle, x[:batch]).items():
                    one = found[precision][name]
                    one["faces_per_s"][str(batch)] = batch / clock.seconds(work)
                    if batch == batches[-1]:
                        one["batch"] = batch
                        one["multiply_adds_per_face"] = multiply_adds(work) / batch
            if kind != torch.float32:
                for name, work in few.items():
                    apart = (work().float() - exact[name].float()).abs()
                    difference = {"largest": apart.max().item(), "mean": apart.mean().item()}
                    found[precision][name]["difference"] = difference
    finally:
        circle.precision = kept
    return found


def speed(stage: dict[str, Any]) -> float:
    """Faces a second of a stage's largest batch."""
    return list(stage["faces_per_s"].values())[-1]


def faster(found: dict[str, Any]) -> str:
    """The precision in which the largest batch is rebuilt faster."""
    return max(found, key=lambda precision: speed(found[precision]["rebuild"]))


def time_plain(circle: Any, x: torch.Tensor, clock: Clock) -> dict[str, float]:
    """Faces a second of the stages as the plain reading has them: one face after the other."""
    with torch.no_grad():
        z = plain.embedded(circle, x[:1])
        return {
            "rebuild": len(x) / clock.seconds(lambda: plain.reconstruct(circle, x)),
            "embed": 1 / clock.seconds(lambda: plain.embedded(circle, x[:1])),
            "decode": 1 / clock.seconds(lambda: plain.rebuilt(circle, z)),
        }

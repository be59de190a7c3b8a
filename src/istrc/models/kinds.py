"""Every kind of part: where its network is, the graphs of it, and the arrays among its weights.

Both runtimes are made of this table: `serialization` builds networks, `istrc.onnx_runtime.export`
traces their graphs, and `istrc.onnx_runtime.parts` runs those. `istrc.pretrained` knows by it which
parts a circle has. Nothing here imports torch.

A shape is numbers and names of the network's arguments: `code` is an argument that is a number, or
lists as many; `detail.0` the first that it lists; `fine.size` one of an argument that has names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Shape = tuple[str | int, ...]


@dataclass(frozen=True)
class Graph:
    """One function of a network, as a graph of ONNX.

    Attributes:
        inputs: the shape of one row of each, by name, in the function's order.
        outputs: their names.
        function: of the network.
        batch: the axis of the outputs that counts rows.
    """

    inputs: Mapping[str, Shape]
    outputs: tuple[str, ...]
    function: str = "forward"
    batch: int = 0


@dataclass(frozen=True)
class Kind:
    """A network: its module in istrc.models, its graphs, and arrays that others ask it for.

    Attributes:
        part: what a circle calls it, and its folder; None: no circle has one.
        further: a circle may be without.
        made_for: of use with one recogniser alone.
    """

    module: str
    graphs: dict[str, Graph] = field(default_factory=dict)
    arrays: dict[str, Shape] = field(default_factory=dict)
    part: str | None = None
    further: bool = False
    made_for: bool = False


FACES = {"faces": (3, "size", "size")}
CODES = {"codes": ("code",)}
EMBEDDINGS = {"embeddings": ("dim",)}
KINDS = {
    "FaceNet": Kind("facenet", {"embed": Graph(FACES, ("embeddings",))}, part="facenet"),
    "AutoEncoder": Kind(
        "began",
        {
            "encode": Graph(FACES, ("codes",), "encode"),
            "decode": Graph(CODES, ("faces",), "decode"),
        },
        part="autoencoder",
    ),
    "Generator": Kind("began"),
    "Mapping": Kind(
        "mapping", {"map": Graph(EMBEDDINGS, ("codes",))}, part="mapping", made_for=True
    ),
    "AttributeClassifiers": Kind(
        "attributes",
        # Its second input is no row of the batch: which attributes are asked for
        {"look": Graph({**EMBEDDINGS, "columns": ()}, ("logits", "gradients"), "gradients")},
        {"covariance": ("dim", "dim")},
        part="attributes",
        made_for=True,
    ),
    "Landmarks": Kind(
        "landmarks",
        {
            "find": Graph({"faces": (3, "fine.size", "fine.size")}, ("points",)),
            "guess": Graph({"faces": (3, "rough.size", "rough.size")}, ("points",), "guess"),
        },
        {"mean": ("points", 2), "reference": ("points", 2), "triangles": ("faces", 3)},
        part="landmarks",
        further=True,
    ),
    "Search": Kind(
        "search", {"correct": Graph(CODES, ("corrections",), batch=1)}, part="search", further=True
    ),
    "Changes": Kind(
        "changes",
        {"change": Graph({**CODES, **EMBEDDINGS, "ends": ("dim",)}, ("changes",))},
        part="changes",
        further=True,
        made_for=True,
    ),
    "Probes": Kind(
        "probes",
        {"read": Graph(CODES, ("logits",))},
        {
            "mean": ("code",),
            "spread": ("code",),
            "typical": ("names", 2),
            "reach": ("names", 2),
            "prototypes": ("names", "code"),
            "ranges": ("measures", 2, 3),
            "gain": ("measures", 2),
            "directions": ("measures", 68, 2),
            "turns": (2, 68, 2),
            "detail": ("names", "detail.0", "detail.1", "detail.1"),
            "detail_mean": ("detail.0", "detail.1", "detail.1"),
            "detail_ranges": ("names", 2, 3),
            "hair_places": (2, 2, "hair", "hair"),
            "hair_tones": ("names", 2, 4, 4),
            "speaking": ("speaking",),
            "wrinkles": (2, "wrinkles", "wrinkles"),
            "mouth_light": (2, "mouth.0", "mouth.1", 2),
        },
        part="probes",
        further=True,
    ),
    "JudgeNet": Kind("judge"),
}


def sizes(shape: Shape, arguments: dict[str, Any]) -> tuple[Any, ...]:
    """A shape in numbers; None where a network of these arguments has none."""
    return tuple(_size(one, arguments) if isinstance(one, str) else one for one in shape)


def _size(name: str, arguments: dict[str, Any]) -> Any:
    value: Any = arguments
    for key in name.split("."):
        try:
            value = value[int(key) if key.isdigit() else key]
        except (KeyError, IndexError, TypeError):
            return None
    return len(value) if isinstance(value, (list, tuple)) else value

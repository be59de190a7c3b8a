"""The circle's networks as ONNX graphs. This needs torch and onnx; to run them needs neither.

Beside a part's weights its graphs are written without them, and `istrc.onnx_runtime` puts the
stored weights in when it opens a part. For other programs they are written whole (`export_whole`).
"""

from __future__ import annotations

import copy
import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from istrc.errors import InputError, IstrcError
from istrc.models.kinds import KINDS, Graph, sizes
from istrc.models.part_files import CONFIG, GRAPHS, WEIGHTS, read_config
from istrc.models.serialization import load_part
from istrc.onnx_runtime.graphs import FORMAT
from istrc.pretrained import places_of
from istrc.shipped import holder
from istrc.whole import copy_whole, read_json, write_json, write_whole

OPSET = 17
BATCH = 2  # of the example that is traced; the graphs take any number


def graphs_of(part: Any) -> dict[str, Graph]:
    """The graphs of a part by name. Raises InputError where its kind has none."""
    kind = type(part).__name__
    if not (kind in KINDS and KINDS[kind].graphs):
        raise InputError(f"a {kind} has no graphs")
    return KINDS[kind].graphs


def export_circle(folder: Path, out: Path) -> list[Path]:
    """A circle that runs without torch: its parts with their graphs, in `out`; the files written.

    `out` may be the circle's own folder: then the graphs are put beside its weights.

    Raises InputError for a circle with an outside recogniser, whose file is its own.
    """
    if not (holder(folder, "facenet") / "facenet").is_dir():
        raise InputError(
            f"{folder}: belongs to an outside recogniser, which is not ours to export; "
            "the runtime without torch has our FaceNet alone"
        )
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for part, source in places_of(folder).items():
        target = source if out.resolve() == folder.resolve() else out / part
        if target.resolve() != source.resolve():
            target.mkdir(exist_ok=True)
            for name in (CONFIG, WEIGHTS):
                copy_whole(source / name, target / name)
        written += export_part(target)
    if out.resolve() != folder.resolve():
        settings = read_json(folder / "circle.json")
        settings.pop("base", None)  # all parts are here
        write_json(out / "circle.json", settings)
    return written


def export_part(folder: Path) -> list[Path]:
    """Write a part's graphs, without weights, beside its weights; the files written."""
    part = load_part(folder)
    weights = {name: value.numpy() for name, value in part.state_dict().items()}
    written, takes = [], {}
    for name, graph in graphs_of(part).items():
        model = traced(part, graph)
        takes[name] = _without_weights(model, weights)
        written.append(write_whole(folder / f"{name}.onnx", model.SerializeToString(), alone=True))
    config = read_config(folder)
    record = {"format": FORMAT, **{key: config[key] for key in ("kind", "arguments")}}
    record["graphs"] = takes
    written.append(write_whole(folder / GRAPHS, (json.dumps(record) + "\n").encode(), alone=True))
    return written


def export_whole(folder: Path, out: Path) -> list[Path]:
    """Every graph of a circle with its weights inside, in single precision: the files written."""
    written = []
    for source in filter(Path.is_dir, places_of(folder).values()):  # an outside recogniser has none
        part = load_part(source)
        for name, graph in graphs_of(part).items():
            path = out / f"{'walk' if name == 'look' else name}.onnx"
            written.append(write_whole(path, traced(part, graph).SerializeToString(), alone=True))
    return written


def export_recogniser(net: nn.Module, path: Path) -> None:
    """Our FaceNet for other programs, its weights inside, `path` whole or not at all.

    `faces` (batch, 3, S, S) RGB in [-1, 1] -> `embeddings` (batch, D) of unit norm.
    """
    write_whole(path, traced(net, graphs_of(net)["embed"]).SerializeToString())


def traced(part: Any, graph: Graph) -> Any:
    """One graph as an onnx.ModelProto, its weights inside under the names of the state dict.

    Raises IstrcError where torch cannot export here.
    """

    call = copy.copy(part).eval()  # whose forward is the function; the weights are the same
    call.forward = getattr(call, graph.function)
    inputs = {
        name: torch.zeros(BATCH, *sizes(shape, part.config)) for name, shape in graph.inputs.items()
    }
    axes = {name: {0: "batch"} for name in inputs}
    axes |= {name: {graph.batch: "batch"} for name in graph.outputs}
    if "columns" in inputs:  # which attributes, and no rows of a batch
        inputs["columns"], axes["columns"] = torch.arange(min(3, len(part.names))), {0: "columns"}
        for name in graph.outputs:
            axes[name][1] = "columns"
    try:
        import onnx

        with warnings.catch_warnings():
            # The exporter by tracing is called old; it alone needs no further package
            warnings.simplefilter("ignore")
            file: Any = io.BytesIO()  # as the exporter by tracing may write to
            torch.onnx.export(
                call,
                tuple(inputs.values()),
                file,
                dynamo=False,
                opset_version=OPSET,
                input_names=list(inputs),
                output_names=list(graph.outputs),
                dynamic_axes=axes,
                # The weights stay what is stored, and what can be folded is when they are opened
                do_constant_folding=False,
                training=torch.onnx.TrainingMode.PRESERVE,
            )
    except ImportError as error:
        raise IstrcError(f"export needs {error.name}: pip install 'istrc[train]'") from None
    return onnx.load_from_string(file.getvalue())


def _without_weights(model: Any, weights: dict[str, np.ndarray]) -> list[str]:
    """Take the weights out of a graph, each of which must be the stored one; their names."""
    from onnx import TensorProto, numpy_helper

    taken = []
    for initializer in model.graph.initializer:
        stored = weights.get(initializer.name)
        if stored is None:
            continue
        if not np.array_equal(numpy_helper.to_array(initializer), stored):
            raise IstrcError(f"{initializer.name}: is not in the graph as it is stored")
        for field in ("raw_data", "float_data", "int64_data"):
            initializer.ClearField(field)
        initializer.data_location = TensorProto.EXTERNAL
        place = initializer.external_data.add()
        place.key, place.value = "location", WEIGHTS
        taken.append(initializer.name)
    return taken

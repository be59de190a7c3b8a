"""Graphs without weights, and the weights that are beside them, made into sessions.

A part's folder has, beside config.json and model.safetensors, NAME.onnx for each thing that the
part does, and graphs.json, which says which network they were written for and which weights each
takes. So the weights are on disk once, as training stored them (half precision, eight bits).
"""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from istrc.errors import InputError, reason
from istrc.models.part_files import GRAPHS, checked_config, read_weights
from istrc.whole import read_json

FORMAT = 1
AGAIN = "write them where torch is installed: istrc export circle"
_threads = 0  # of a session; 0 is as many as there are cores


class Graphs:
    """The graphs of one part. Their sessions are made beside what the program does meanwhile.

    Raises InputError where the part or its graphs are missing, damaged, or do not belong together.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.config = checked_config(self.folder)
        try:
            record = read_json(self.folder / GRAPHS)
            self._takes = _checked(record["graphs"])
            known = record["format"], record["kind"], record["arguments"]
        except OSError:
            raise InputError(
                f"{self.folder}: has no graphs for the runtime without torch; {AGAIN}"
            ) from None
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{self.folder / GRAPHS}: damaged ({error}); {AGAIN}") from None
        if known != (FORMAT, self.config["kind"], self.config["arguments"]):
            raise InputError(f"{self.folder}: its graphs are of another network; {AGAIN}")
        self._loading: Future = _workers().submit(self._load)

    @property
    def weights(self) -> dict[str, np.ndarray]:
        """The part's weights by name, in single precision."""
        return self._loading.result()[0]

    def run(self, name: str, *outputs: str, **inputs: np.ndarray) -> Any:
        """One output of a graph, or a list of several."""
        session = self._loading.result()[1].get(name)
        if session is None:
            raise InputError(f"{self.folder / GRAPHS}: has no graph {name}; {AGAIN}")
        try:
            result = session.run(outputs, inputs)
        except Exception as error:  # onnxruntime's errors have no common class of their own
            raise InputError(
                f"{self.folder}/{name}.onnx: does not run here ({reason(error)[:160]}); {AGAIN}"
            ) from error
        return result[0] if len(outputs) == 1 else result

    def _load(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        weights = read_weights(self.folder)
        return weights, {
            name: open_graph(
                self.folder / f"{name}.onnx", {key: weights[key] for key in taken if key in weights}
            )
            for name, taken in self._takes.items()
        }


def _checked(graphs: Any) -> dict[str, list[str]]:
    """Graphs and the weights that each takes, as graphs.json has them. Raises TypeError."""
    for name, taken in graphs.items() if isinstance(graphs, dict) else [("", None)]:
        # A name alone: a circle from elsewhere must not lead out of its folder
        if not name.isidentifier() or not isinstance(taken, list):
            raise TypeError("no graphs with the weights that they take")
        if not all(isinstance(one, str) for one in taken):
            raise TypeError(f"the weights of {name} have no names")
    return graphs


def open_graph(
    path: Path, weights: dict[str, np.ndarray] | None = None, remedy: str = AGAIN
) -> Any:
    """ONNX Runtime's session of a graph of ours, with the weights that the file leaves out.

    Raises InputError, with the remedy, where it is missing or does not run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _threads
    # A network's threads that wait for more would take the cores from the next network's
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong is raised; the rest is noise
    if weights:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(value) for value in weights.values()]
        options.add_external_initializers(list(weights), values)
    try:
        return onnxruntime.InferenceSession(
            path.read_bytes(), options, providers=["CPUExecutionProvider"]
        )
    except OSError as error:
        raise InputError(f"{path}: missing ({error.strerror}); {remedy}") from None
    except Exception as error:  # onnxruntime's errors have no common class of their own
        raise InputError(f"{path}: does not run here ({reason(error)[:160]}); {remedy}") from None


def limit_threads(count: int) -> None:
    """How many threads a network may use; asked before any is opened."""
    global _threads
    _threads = count


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(4, os.cpu_count() or 1), "istrc-graphs")

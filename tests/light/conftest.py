"""A small circle with all its parts, and its graphs beside them; and a Python without torch."""

import os
import subprocess
import sys

import pytest

NO_TORCH = """
import sys


class NoTorch:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")


sys.meta_path.insert(0, NoTorch())
"""


@pytest.fixture(scope="session")
def light_model(tmp_path_factory):
    """The folder of an untrained circle of 32 px with every part, exported."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import torch

    from istrc.circle import TRANSFORMATIONS, Circle
    from istrc.light.export import export_circle
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.changes import Changes
    from istrc.models.facenet import FaceNet
    from istrc.models.guide import Guides
    from istrc.models.mapping import Mapping

    torch.manual_seed(0)
    names, widths = (*TRANSFORMATIONS, "eyeglasses"), (4, 4, 4, 4)
    mapping, attributes = Mapping(8, 6, 8, 5), AttributeClassifiers(names, 8, 4, 4)
    changes = Changes(mapping.config, 8)
    torch.nn.init.normal_(changes.fit[-1].weight)
    attributes.slope.fill_(4.0)
    circle = Circle(
        FaceNet(32, 8, widths),
        AutoEncoder(32, 6, widths, linear=2, linear_side=16),
        mapping,
        attributes,
        changes=changes,
        guides=Guides(names, ((4, 6, 4), (4, 4, 6)), (3, 5)),
    )
    torch.nn.init.normal_(circle.autoencoder.components.basis, std=0.1)
    folder = tmp_path_factory.mktemp("light")
    circle.save_pretrained(folder / "trained")
    export_circle(folder / "trained", folder / "exported")
    return folder / "exported"


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory):
    """Runs Python where an import of torch fails: stdout and stderr as text, and the exit code."""
    folder = tmp_path_factory.mktemp("no-torch")
    (folder / "sitecustomize.py").write_text(NO_TORCH)
    places = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]

    def run(*arguments, **environment):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places), **environment},
            capture_output=True,
            text=True,
            timeout=600,
        )

    return run

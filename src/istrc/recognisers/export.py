"""Our FaceNet as an ONNX file, for other programs and for comparison with other recognisers."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch

from istrc.errors import IstrcError
from istrc.models.facenet import FaceNet
from istrc.whole import whole

OPSET = 17


def export_onnx(net: FaceNet, path: str | Path) -> None:
    """Write `faces` (batch, 3, S, S) RGB in [-1, 1] -> `embeddings` (batch, D) of unit norm.

    Raises IstrcError where torch cannot export here.
    """
    try:
        with whole(path) as temporary, warnings.catch_warnings():
            # The exporter by tracing is called old; it alone needs no further package
            warnings.simplefilter("ignore")
            torch.onnx.export(
                net.eval(),
                (torch.zeros(2, 3, net.size, net.size, device=next(net.parameters()).device),),
                str(temporary),
                dynamo=False,
                opset_version=OPSET,
                input_names=["faces"],
                output_names=["embeddings"],
                dynamic_axes={"faces": {0: "batch"}, "embeddings": {0: "batch"}},
            )
    except ImportError as error:
        raise IstrcError(f"{path}: export needs {error.name}: pip install 'istrc[train]'") from None

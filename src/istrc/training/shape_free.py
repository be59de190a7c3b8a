"""A prepared folder's faces in the mean shape: another prepared folder, which BEGAN learns from."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from istrc.data.prepared import Prepared, to_pixels, write_images
from istrc.models.landmarks import Landmarks
from istrc.progress import in_parts
from istrc.resample import resized
from istrc.shape.mesh import Mesh
from istrc.whole import copy_whole, whole, write_json

BLOCK = 64  # faces at once


def straightened(x: torch.Tensor, shapes: np.ndarray, mesh: Mesh) -> torch.Tensor:
    """Faces x (B, 3, S, S) of these shapes (B, N, 2) in the mean shape: (B, 3, S, S)."""
    looks = torch.from_numpy(mesh.looks(shapes, x.shape[-1])).to(x)
    return F.grid_sample(x, looks, "bicubic", padding_mode="border", align_corners=False)


def make_shape_free(
    data: str | Path,  # a prepared folder
    out: str | Path,  # the folder to make; one of the same network and data is left as it is
    *,
    landmarks: Landmarks,
) -> Prepared:
    """Write every face in the mean shape, with its own shape beside it (landmarks.npy).

    Shapes are the folder's labels, which the network was trained on, and what it finds where there
    are none; what its mean shape is, and the triangles over it, is the network's.
    """
    prepared, out = Prepared(data), Path(out)
    reference = landmarks.reference.cpu().numpy()
    made_of = {"reference": reference.tolist(), "triangles": landmarks.triangles.cpu().tolist()}
    if (out / "prepared.json").exists():
        there = Prepared(out)
        if there.info.get("shape_free") == made_of and len(there) == len(prepared):
            return there
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    rows, shapes = np.arange(len(prepared)), prepared.landmarks
    lost = np.flatnonzero(~np.isfinite(shapes).all((1, 2)))
    for some in np.split(lost, range(BLOCK, len(lost), BLOCK)) if len(lost) else ():
        x = resized(prepared.batch(some).to(landmarks.mean), landmarks.size).clip(-1, 1)
        shapes[some] = landmarks.find(x)[..., :2].cpu()
    with whole(out / "landmarks.npy") as temporary:
        np.save(temporary, shapes, allow_pickle=False)
    mesh = Mesh(reference, landmarks.triangles.cpu().numpy())

    def blocks() -> Iterator[np.ndarray]:
        for some in in_parts("shape-free faces", len(rows), BLOCK):
            x = prepared.batch(rows[some])
            yield to_pixels(straightened(x, shapes[some], mesh))

    write_images(out, prepared.images.shape, blocks())
    for name in ("attributes.npy", "identity.npy", "split.npy", "names.txt"):
        copy_whole(prepared.folder / name, out / name)
    write_json(out / "prepared.json", {**prepared.info, "shape_free": made_of})
    return Prepared(out)

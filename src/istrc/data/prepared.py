"""The prepared format: one folder of memory-mapped arrays that training reads at full speed.

prepared.json    what it is, how it was made, and every picture that was left out
images.npy       (N, S, S, 3) uint8, RGB
attributes.npy   (N, A) int8: 1 yes, 0 no, -1 not known
identity.npy     (N,) int32: -1 not known
split.npy        (N,) int8: 0 train, 1 valid, 2 test
landmarks.npy    (N, K, 2) float32 in [-1, 1] over the crop; where they are known
names.txt        N lines: the name each picture had in its source
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from istrc.arrays import Array, library
from istrc.errors import InputError
from istrc.resample import resized
from istrc.whole import read_json, regular, whole

if TYPE_CHECKING:
    import torch


FORMAT = 1
SPLITS = ("train", "valid", "test")
FEW, MANY = 40, 20  # identities, and pictures of each


def write_images(folder: Path, shape: tuple[int, ...], blocks: Iterable[np.ndarray]) -> None:
    """images.npy (N, S, S, 3) uint8 from blocks of faces in their order, whole or not at all.

    Written and not mapped: where the disk is full a map ends the process without a word.
    """
    described = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with whole(folder / "images.npy", alone=True) as temporary, open(temporary, "wb") as file:
        np.lib.format.write_array_header_1_0(file, described)
        for faces in blocks:
            file.write(faces.tobytes())


class Prepared:
    """A prepared folder, opened without reading the pictures into memory.

    Args:
        size: side of the faces that `batch` gives, pixels; None is that of the folder's pictures.
    """

    def __init__(self, folder: str | Path, size: int | None = None):
        self.folder, self._size = Path(folder), size
        try:
            self.info = read_json(self.folder / "prepared.json")
        except FileNotFoundError:
            raise InputError(
                f"{folder}: no prepared.json here; make it with `istrc prepare SOURCE {folder}`"
            ) from None
        except ValueError as error:
            raise InputError(
                f"{folder}: its prepared.json is damaged ({error}); delete the folder, and prepare "
                "again"
            ) from None
        said = self.info if isinstance(self.info, dict) else {}
        if said.get("format") != FORMAT or not said.get("complete"):
            raise InputError(
                f"{folder}: not a complete prepared folder; run `istrc prepare` on it again"
            )
        for key in ("attributes", "skipped", "measured"):
            if not isinstance(said.get(key, []), list):
                raise InputError(f"{folder}: {key} in its prepared.json is no list; prepare again")
        self.attribute_names: list[str] = [str(name) for name in said.get("attributes", [])]
        self.images = self._array("images", mmap=True)
        self.attributes = self._array("attributes")
        self.identity = self._array("identity")
        self.split = self._array("split")
        self._check()

    def _check(self) -> None:
        """Raises InputError where the arrays are not of the shapes that `prepare` writes."""
        shapes = {
            "images": (*self.images.shape[1:2] * 2, 3),
            "attributes": (len(self.attribute_names),),
            "identity": (),
            "split": (),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape[1:] != shape or array.dtype.kind not in "iu":
                raise InputError(
                    f"{self.folder / name}.npy: of shape {array.shape} and {array.dtype}, which "
                    "istrc prepare does not write; prepare again"
                )
        counts = {len(self.images), len(self.attributes), len(self.identity), len(self.split)}
        if [*counts] != [self.info.get("count")]:
            raise InputError(
                f"{self.folder}: arrays of different lengths {sorted(counts)}; prepare again"
            )

    def _array(self, name: str, mmap: bool = False) -> np.ndarray:
        path = self.folder / f"{name}.npy"
        try:
            array = np.load(regular(path), mmap_mode="r" if mmap else None, allow_pickle=False)
        except MemoryError:
            raise
        except Exception as error:  # a damaged header makes NumPy raise nearly anything
            raise InputError(f"{path}: {error}; run `istrc prepare` again") from None
        if not isinstance(array, np.ndarray) or not array.ndim:
            raise InputError(f"{path}: not one array; run `istrc prepare` again")
        return array

    def __len__(self) -> int:
        return len(self.images)

    @property
    def size(self) -> int:
        """S, the side of a face in pixels."""
        return self._size or self.images.shape[1]

    def of_size(self, size: int) -> Prepared:
        """Itself. Raises InputError where its faces are not of the size that a model sees."""
        if self.size != size:
            raise InputError(
                f"{self.folder}: faces of {self.size} px, and the model sees {size} px; "
                f"prepare with --size {size}"
            )
        return self

    @property
    def names(self) -> list[str]:
        """The name each picture had in its source, in row order."""
        return (self.folder / "names.txt").read_text("utf-8", "surrogateescape").splitlines()

    @property
    def marked(self) -> bool:
        """Whether there are landmarks."""
        return (self.folder / "landmarks.npy").exists()

    @property
    def landmarks(self) -> np.ndarray:
        """The marked points of every face, (N, K, 2) float32 in [-1, 1] over the crop.

        Raises InputError where the folder has none.
        """
        if not self.marked:
            raise InputError(
                f"{self.folder}: no landmarks in this data; prepare it again with --measured"
            )
        return self._array("landmarks")

    def rows(self, split: str) -> np.ndarray:
        """The row numbers of one split, ascending, int64.

        Beside train, valid and test there are two parts of train with no person in common: `fit`,
        which weights are trained on, and `tune` (one identity in twenty), for early stopping,
        calibration and every choice, so that nothing is chosen on what is reported. Where there
        are fewer than `FEW` identities of `MANY` pictures each, or of so few the one held out is
        all that has an attribute, they are classes, one of which does not stand for the others:
        `tune` is then one picture in ten of each.

        Raises InputError when there are too few people to divide train.
        """
        if split in ("fit", "tune"):
            group = np.where(self.identity >= 0, self.identity, np.arange(len(self)))
            train = self.split == 0
            held_out = train & (group % 20 == 0)
            classes = np.unique(group[train])
            if not held_out.any():  # few people, whose numbers all miss: the first of each twenty
                held_out = train & np.isin(group, classes[::20])
            if 1 < len(classes) < FEW:
                some = np.zeros(len(self), bool)
                for one in classes:
                    some[np.flatnonzero(train & (group == one))[::10]] = True
                few, more = (self._told_apart(train & ~out) for out in (held_out, some))
                if train.sum() >= MANY * len(classes) or few < more:
                    held_out = some
            if not held_out.any() or held_out.sum() == train.sum():
                raise InputError(
                    f"{self.folder}: {train.sum()} faces of one person or of nobody to train on; "
                    "training needs at least two people, one of them held out"
                )
            return np.flatnonzero(held_out if split == "tune" else train & ~held_out)
        return np.flatnonzero(self.split == SPLITS.index(split))

    def _told_apart(self, rows: np.ndarray) -> int:
        """How many attributes some of these rows (N,) bool have, and some have not."""
        known = self.attributes[rows]
        return int(((known == 1).any(0) & (known == 0).any(0)).sum())

    def column(self, attribute: str) -> np.ndarray:
        """One attribute of every row, (N,) int8: 1 yes, 0 no, -1 not known."""
        if attribute not in self.attribute_names:
            raise InputError(f"{self.folder}: no attribute {attribute!r} in this data")
        return self.attributes[:, self.attribute_names.index(attribute)]

    def batch(self, rows: np.ndarray) -> torch.Tensor:
        """The faces of these rows: (B, 3, S, S) float32 in [-1, 1]."""
        x = to_tensor(self.images[rows])
        return x if x.shape[-1] == self.size else resized(x, self.size).clip(-1, 1)

    def batches(self, rows: np.ndarray, size: int = 256) -> Iterator[torch.Tensor]:
        """The faces of these rows, at most `size` at a time."""
        return (self.batch(rows[start : start + size]) for start in range(0, len(rows), size))


def to_tensor(pixels: np.ndarray) -> torch.Tensor:
    """uint8 pixels (B, S, S, 3) -> float32 (B, 3, S, S) in [-1, 1], in channels_last memory."""
    import torch

    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
    return x.float().div_(127.5).sub_(1.0)


def to_array(pixels: np.ndarray) -> np.ndarray:
    """uint8 pixels (B, S, S, 3) -> float32 (B, 3, S, S) in [-1, 1], without torch."""
    x = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)
    return x / np.float32(127.5) - np.float32(1)


def to_pixels(x: Array) -> np.ndarray:
    """float (B, 3, S, S) in [-1, 1] -> uint8 pixels (B, S, S, 3), rounded and clipped."""
    if library(x) is np:
        return np.rint((x + 1) * 127.5).clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    scaled = x.detach().float().add(1.0).mul(127.5).round().clamp(0, 255)
    return scaled.byte().permute(0, 2, 3, 1).contiguous().cpu().numpy()

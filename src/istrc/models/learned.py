"""A learned attribute, linear in z, in one file; and the circle's classifiers with some beside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from istrc.arrays import Array, indices, library, numbers, numpy
from istrc.errors import InputError
from istrc.whole import parse_json, whole

if TYPE_CHECKING:
    from istrc.models.attributes import AttributeClassifiers, Gradient

FORMAT = 1


@dataclass(frozen=True)
class LearnedAttribute:
    """An attribute that a user has added, for one recogniser.

    Attributes:
        weight: (D,) float32, and bias: its calibrated logit is weight . z + bias.
        recogniser: what tells the recogniser whose z these are (istrc.recognisers).
        notes: how it was learned and how far it can be trusted.
    """

    name: str
    weight: Array
    bias: float
    recogniser: dict[str, Any]
    notes: dict[str, Any] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write one safetensors file, whole or not at all; what is no number is its metadata."""
        path = Path(path)
        config = dict(format=FORMAT, name=self.name, recogniser=self.recogniser, notes=self.notes)
        weight = np.ascontiguousarray(numpy(self.weight))
        tensors = {"weight": weight, "bias": np.array([self.bias], np.float32)}
        with whole(path) as temporary:
            save_file(tensors, temporary, {"istrc": json.dumps(config)})
            temporary.chmod(0o644)  # safetensors writes for the owner alone

    @classmethod
    def load(cls, path: str | Path, runtime: str = "torch") -> LearnedAttribute:
        """Read a file that `save` wrote, for this runtime (istrc.runtime).

        Raises InputError when it is missing or something else.
        """
        if not Path(path).is_file():
            raise InputError(f"{path}: no such file; give one that istrc learn wrote")
        try:
            with safe_open(path, framework="np") as file:
                config = parse_json((file.metadata() or {})["istrc"])
                weight, bias = file.get_tensor("weight"), file.get_tensor("bias")
            if config["format"] != FORMAT:
                raise ValueError(f"of format {config['format']}")
            if weight.ndim != 1 or not bool(np.isfinite([*weight, *bias.ravel()]).all()):
                raise ValueError("weights of another shape or not finite")
            weight = weight.astype(np.float32)
            if runtime == "torch":
                import torch

                weight = torch.from_numpy(weight)
            return cls(
                str(config["name"]),
                weight,
                float(bias.item()),
                dict(config["recogniser"]),
                dict(config["notes"]),
            )
        except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise InputError(
                f"{path}: not a learned attribute of this version "
                f"({type(error).__name__}: {error}); learn it again"
            ) from None


class WithLearned:
    """A circle's classifiers and learned attributes beside them: what a walk asks, of all."""

    def __init__(self, classifiers: AttributeClassifiers, learned: Sequence[LearnedAttribute]):
        self.classifiers, self.covariance = classifiers, classifiers.covariance
        self.names = (*classifiers.names, *(one.name for one in learned))
        self.dim = classifiers.dim
        like = classifiers.covariance
        self.weight = numbers(np.stack([numpy(one.weight) for one in learned]), like)  # (K, D)
        self.bias = numbers([one.bias for one in learned], like)  # (K,)

    def __call__(self, z: Array, columns: Array | None = None) -> Array:
        """z (B, D) -> calibrated logits (B, A + K), or (B, len(columns))."""
        own, learned, order = self._divide(columns)
        logits = [self.classifiers(z, own), z @ self.weight[learned].T + self.bias[learned]]
        return library(z).concatenate(logits, 1)[:, order]

    def at(self, columns: Array | None = None) -> Gradient:
        """z (B, D) -> calibrated logits (B, A + K) and their gradients in z (B, A + K, D)."""
        own, learned, order = self._divide(columns)
        of_own = self.classifiers.at(own)
        linear, bias = self.weight[learned], self.bias[learned]  # (k, D), the same at every z

        def gradient(z: Array) -> tuple[Array, Array]:
            logits, gradients = of_own(z)
            lib = library(z)
            logits = lib.concatenate([logits, z @ linear.T + bias], 1)
            same = lib.broadcast_to(linear, (len(z), *linear.shape))
            gradients = lib.concatenate([gradients, same], 1)
            return logits[:, order], gradients[:, order]

        return gradient

    def _divide(self, columns: Any) -> tuple[Array, Array, Array]:
        """Columns of the classifiers, rows of the learned, and where each was asked for."""
        count = len(self.classifiers.names)
        if columns is None:
            columns = indices(range(len(self.names)), self.weight)
        is_own, lib = columns < count, library(columns)
        asked = lib.concatenate([lib.where(is_own)[0], lib.where(~is_own)[0]])
        return columns[is_own], columns[~is_own] - count, lib.argsort(asked)

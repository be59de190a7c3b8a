"""The circle's networks, composed: arrays in, arrays out, batched. Nothing here knows of edits.

Faces x are (B, 3, S, S) float32 in [-1, 1]; embeddings z (B, D) have unit norm; shapes s are
(B, N, 2) in [-1, 1] over the crop, N being 68 of faces and the data's own of anything else;
textures t (B, 3, S, S) are faces in the mean shape. The code of a face, c (B, C), is BEGAN's code
of its texture, h (B, H), and its shape beside it, so that what is between two codes is between
their textures and between their shapes:

    x --landmarks--> s;   x, s --warp--> t --BEGAN's encoder--> h;   c = (h, s)
    c' = (h', s');   h' --BEGAN's decoder--> t' --warp to s'--> x'

Without a landmark network all shapes are taken as the same: every warp is the identity, C = H, and
this is the paper's own circle.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from istrc.arrays import Array, indices, inference, library, numpy, sigmoid, sound
from istrc.errors import IstrcError, check_names
from istrc.models.learned import LearnedAttribute, WithLearned
from istrc.resample import looked_up, resized
from istrc.shape.frame import averaged_over_mirror
from istrc.shape.mesh import Mesh

if TYPE_CHECKING:
    import torch

    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.changes import Changes
    from istrc.models.facenet import FaceNet
    from istrc.models.landmarks import Landmarks
    from istrc.models.mapping import Mapping
    from istrc.models.probes import Probes
    from istrc.models.search import Search
    from istrc.recognisers.recogniser import Recogniser

Self = TypeVar("Self", bound="Networks")  # typing has it from 3.11


class Hooked:
    """A part of a circle: before anything of it is used, `hook` is called."""

    def __init__(self, part: Any, hook: Callable[[], None]):
        self._part, self._hook = part, hook

    def __getattr__(self, name: str) -> Any:
        self._hook()
        return getattr(self._part, name)


class Networks:
    """Parts that were trained apart, behind one interface.

    Arrays are tensors where the parts are networks of torch. Where they are graphs of ONNX
    (istrc.onnx_runtime), which need no torch, they are NumPy's; nothing else differs.

    `precision` is of the convolutions: torch.float32, or torch.bfloat16, which is several times
    faster on processors that multiply it and moves pictures by about a level
    (docs/results/bench.md).

    Args:
        facenet: our FaceNet, or any other recogniser (istrc.recognisers); `recogniser` is either
            behind one interface, `facenet` None for any other.
        autoencoder: BEGAN's, of textures.
        mapping: the paper's F, from z to c.
        landmarks: None takes all shapes as the same.
        search: corrects what the landmark network finds by the texture; None leaves it.
        changes: what an edit changes in a code; None takes differences of `mapping`.
        probes: what a code says of attributes; None trusts the sphere.
        whole: pictures are of anything and seen whole; otherwise of faces, which have an outline.

    Attributes:
        mesh: over the mean shape; None where all shapes are taken as the same.
        facial: whether shapes are a face's points, and have its eyes and its mouth.
    """

    def __init__(
        self,
        facenet: FaceNet | Recogniser,
        autoencoder: AutoEncoder,
        mapping: Mapping,
        attributes: AttributeClassifiers,
        *,
        landmarks: Landmarks | None = None,
        search: Search | None = None,
        changes: Changes | None = None,
        probes: Probes | None = None,
        whole: bool = False,
    ):
        self._running: Any  # of either runtime
        if hasattr(autoencoder, "graphs"):
            from istrc.onnx_runtime import parts as onnx

            self._running = onnx.Running()
        else:
            from istrc.models.fused import Running

            self._running = Running(autoencoder)
        recogniser: Any = facenet
        if not hasattr(facenet, "embed"):  # a network alone
            from istrc.recognisers.own import Own

            recogniser = Own(recogniser)
        self.recogniser: Recogniser = recogniser
        self.facenet = recogniser.net if getattr(recogniser, "ours", False) else None
        self.autoencoder, self.mapping, self.attributes = autoencoder, mapping, attributes
        # Any, because whether a circle has these is asked in other places than where they are used
        self.landmarks: Any = landmarks
        self.search, self.changes, self.whole = search, changes, whole
        self.probes: Any = probes
        for part in (autoencoder, mapping, attributes, landmarks, search, changes, probes):
            if part is not None:
                part.eval()
        self.learned: dict[str, LearnedAttribute] = {}  # see Circle.learn and add
        self.dim, self.size = self.recogniser.dim, autoencoder.size
        self.texture = autoencoder.code  # H
        self.mesh: Any = None  # likewise
        if landmarks is not None:
            self.mesh = Mesh(numpy(landmarks.reference), numpy(landmarks.triangles))
        self.facial = landmarks is not None and self.mesh.facial
        self.code = self.texture + (0 if landmarks is None else self.mesh.reference.size)  # C
        if landmarks is not None and not (self.facial or whole):
            raise IstrcError("shapes that are no face's need a circle of whole pictures")
        spaces = {(part.dim, part.code) for part in (mapping, changes) if part is not None}
        if {self.dim, attributes.dim} != {self.dim} or spaces != {(self.dim, self.code)}:
            raise IstrcError(
                f"parts of different spaces: z is {self.dim}-d for the recogniser, "
                f"{mapping.dim}-d for the mapping, {attributes.dim}-d for the classifiers; codes "
                f"are {mapping.code}-d for the mapping, {self.code}-d for the auto-encoder"
                f"{'' if landmarks is None else ' and the shape'}"
            )
        for kind, part in (("Probes", probes), ("Search", search)):
            if part is not None and part.code != self.code:
                raise IstrcError(f"a {kind} reads codes of {part.code}, which are {self.code}-d")

    @property
    def classifiers(self) -> AttributeClassifiers | WithLearned:
        """What a walk asks: the circle's classifiers, and beside them what was learned."""
        if not self.learned:
            return self.attributes
        return WithLearned(self.attributes, list(self.learned.values()))

    @property
    def device(self) -> torch.device | str:
        """torch's device; "cpu" without torch."""
        return self._running.device

    @property
    def runtime(self) -> str:
        """ "torch" or "onnx"."""
        return self._running.runtime

    @property
    def precision(self) -> torch.dtype | str:
        """Of the convolutions; torch's can be set."""
        return self._running.precision

    @precision.setter
    def precision(self, kind: torch.dtype) -> None:
        self._running.precision = kind

    def watched(self: Self, hook: Callable[[], None]) -> Self:
        """The same circle, which calls `hook` before whatever its networks are to compute, and
        learns for itself: what `hook` raises ends the work there.
        """
        other = copy.copy(self)
        for name in ("_running", "aligner"):
            if (part := getattr(other, name, None)) is not None:
                setattr(other, name, Hooked(part, hook))
        other.learned = dict(self.learned)
        return other

    def to_device(self, x: Array) -> Array:
        """A tensor or NumPy's array as what the networks compute with, on their device."""
        return self._running.to_device(x)

    @inference
    def embed(self, x: Array) -> Array:
        """Faces (B, 3, S, S) -> embeddings z (B, D) on the sphere."""
        with self._running.arithmetic():
            z = self._running.to_device(self.recogniser.embed(self.faces_on_device(x)))
        return sound(z, "recogniser")

    @inference
    def find(self, x: Array) -> Array:
        """Faces (B, 3, S, S) -> their points (B, N, 3): x, y, and the logit of being covered.

        Raises IstrcError without a landmark network.
        """
        if self.landmarks is None:
            raise IstrcError("this circle takes all shapes as the same; it finds no landmarks")
        seen = resized(self.faces_on_device(x), self.landmarks.size).clip(-1, 1)
        find = self._running.fused("landmarks", self.landmarks)
        with self._running.arithmetic():
            found = averaged_over_mirror(find, seen) if self.facial else find(seen)
            found = sound(found, "landmarks")
        if self.search is None:
            return found
        lib, search = library(found), self._running.fused("search", self.search)
        for step in range(self.search.steps):
            off = search(self.encode(x, found))[step].reshape(len(found), -1, 2)
            found = lib.concatenate([sound(found[..., :2] + off, "search"), found[..., 2:]], 2)
        return found

    @inference
    def encode(self, x: Array, found: Array | None = None) -> Array:
        """Faces (B, 3, S, S) -> codes c = (E(t), s), (B, C).

        Args:
            found: what `find` says of them, where that is known already.
        """
        if self.landmarks is None:
            return self.encode_texture(self.faces_on_device(x))
        shapes = (self.find(x) if found is None else found)[..., :2]
        return self.code_of(self.straighten(x, shapes), shapes)

    @inference
    def code_of(self, t: Array, shapes: Array) -> Array:
        """Textures t (B, 3, S, S) of faces of these shapes (B, 68, 2) -> their codes c (B, C)."""
        h = self.encode_texture(t)
        return library(h).concatenate([h, shapes.reshape(len(h), -1)], 1)

    @inference
    def encode_texture(self, t: Array) -> Array:
        """Textures t (B, 3, S, S) -> their codes h = E(t), (B, H)."""
        return sound(self._running.encode(self.autoencoder, t), "autoencoder")

    def straighten(self, x: Array, shapes: Array) -> Array:
        """Faces x (B, 3, S, S) of these shapes in the mean shape: textures (B, 3, S, S)."""
        grids = (self.mesh.looks(numpy(shapes), self.size) + 1) * self.size / 2 - 0.5
        textures = [
            looked_up(face, grid[..., 0], grid[..., 1])
            for face, grid in zip(numpy(self.faces_on_device(x)), grids, strict=True)
        ]
        return self._running.faces(np.stack(textures).clip(-1, 1))

    def shapes(self, c: Array) -> Array:
        """The shapes (B, N, 2) in codes c (B, C). Raises IstrcError where they have none."""
        if self.landmarks is None:
            raise IstrcError("this circle takes all shapes as the same; codes have none")
        return c[:, self.texture :].reshape(-1, len(self.mesh.reference), 2)

    @inference
    def map(self, z: Array) -> Array:
        """Embeddings z (B, D) -> codes c = F(z) (B, C)."""
        codes = self._running.fused("mapping", self.mapping)(self._running.to_device(z))
        return sound(codes, "mapping")

    @inference
    def map_change(self, c: Array, z: Array, z2: Array) -> Array:
        """What an edit from z to z2 (B, D) changes in the codes c (B, C): (B, C)."""
        c, z, z2 = map(self._running.to_device, (c, z, z2))
        if self.changes is None:
            return self.map(z2) - self.map(z)
        return sound(self._running.fused("changes", self.changes)(c, z, z2), "changes")

    @inference
    def draw_texture(self, c: Array) -> Array:
        """Codes c (B, C) -> faces in the mean shape, (B, 3, S, S), not clipped: D(h)."""
        drawn = self._running.draw(self.autoencoder, self._running.to_device(c)[:, : self.texture])
        return sound(drawn, "autoencoder")

    @inference
    def decode_code(self, c: Array) -> Array:
        """Codes c (B, C) -> faces (B, 3, S, S) in [-1, 1]: D(h), warped to s."""
        c = self._running.to_device(c)
        textures = self.draw_texture(c).clip(-1, 1)
        if self.landmarks is None:
            return textures
        drawn = [
            self._warped(texture, shape)
            for texture, shape in zip(numpy(textures), numpy(self.shapes(c)), strict=True)
        ]
        return self._running.to_device(np.stack(drawn))

    def decode(self, z: Array) -> Array:
        """Embeddings z (B, D) -> faces (B, 3, S, S): decode(F(z)), what the recogniser saw."""
        return self.decode_code(self.map(z))

    @inference
    def logits(self, z: Array, names: Iterable[str]) -> Array:
        """Calibrated logits (B, A) of these attributes at z (B, D). Raises InputError for one that
        the classifiers do not know.
        """
        z, classifiers, names = self._running.to_device(z), self.classifiers, list(names)
        check_names(names, classifiers.names)
        return classifiers(z, indices([classifiers.names.index(name) for name in names], z))

    @inference
    def read_code(self, c: Array) -> Array:
        """What codes c (B, C) say of the probes' attributes: logits (B, A)."""
        return self._running.fused("probes", self.probes)(self._running.to_device(c))

    def said(self, name: str, c: Array, unknown: float) -> Array:
        """How surely codes c (B, C) say an attribute, (B,); a number where no probe reads it."""
        if self.probes is None or name not in self.probes.names:
            return 0 * c[:, 0] + unknown
        return sigmoid(self.read_code(c)[:, self.probes.names.index(name)])

    @inference
    def scores_of(self, z: Array, names: Iterable[str]) -> Array:
        """Calibrated probabilities (B, A) of these attributes at z (B, D)."""
        return sigmoid(self.logits(z, names))

    def faces_on_device(self, x: Array) -> Array:
        """Faces on the device. Raises ValueError unless they are (B, 3, S, S)."""
        if x.ndim != 4 or x.shape[1:] != (3, self.size, self.size) or not len(x):
            raise ValueError(
                f"faces must be (B, 3, {self.size}, {self.size}), B >= 1, not {tuple(x.shape)}"
            )
        return self._running.faces(x)

    def _warped(self, texture: np.ndarray, shape: np.ndarray) -> np.ndarray:
        """A texture (3, S, S) drawn in a shape (N, 2): (3, S, S)."""
        size = (self.size, self.size)
        _, mesh = self.mesh.moved(shape, shape)
        found, weights = self.mesh.drawn(mesh, (-1, -1, 1, 1), size)
        at = (self.mesh.places(self.mesh.centre, found, weights) + 1) * self.size / 2 - 0.5
        return looked_up(texture, at[..., 0], at[..., 1]).clip(-1, 1)

"""The circle: photograph -> sphere -> walk -> code -> photograph. What a user touches."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Mapping
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from istrc import holding, pretrained, sight
from istrc import walk as walking
from istrc.arrays import in_inference, indices, inference, numbers, sigmoid
from istrc.data.prepared import to_array, to_tensor
from istrc.errors import InputError, IstrcError
from istrc.face import Face
from istrc.learning import shelf
from istrc.models.learned import LearnedAttribute, WithLearned
from istrc.photo.cover import laid
from istrc.photo.find import find_frames
from istrc.photo.paste import face_mask
from istrc.photo.read import read_picture
from istrc.rebuilding import Rebuilding
from istrc.recognisers.recogniser import difference, key
from istrc.resample import halved
from istrc.runtime import choose_runtime

if TYPE_CHECKING:
    import torch

    from istrc.arrays import Array
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.changes import Changes
    from istrc.models.facenet import FaceNet
    from istrc.models.finer import Finer
    from istrc.models.guide import Guides
    from istrc.models.mapping import Mapping as CodeMapping
    from istrc.recognisers.recogniser import Recogniser

TRANSFORMATIONS = (
    "male",
    "smile",
    "mouth_open",
    "beard",
    "mustache",
    "big_nose",
    "young",
    "big_lips",
    "big_eyes",
    "wide_mouth",
    "attractive",
    "makeup",
)
STRENGTH_LIMIT = 2.0


class Circle:
    """The composed model: four parts that were trained apart.

    Faces x are (B, 3, S, S) float32 in [-1, 1]; embeddings z (B, D) have unit norm; codes h are
    (B, H); angles are radians. Every method is batched and changes nothing in the circle.

    Arrays are tensors where the parts are networks of torch. Where they are graphs of ONNX
    (istrc.light), which need no torch, they are NumPy's; nothing else differs.

    `precision` is of the convolutions: torch.float32, or torch.bfloat16, which is several times
    faster on processors that multiply it and moves pictures by about a level (docs/bench.md).

    Args:
        facenet: our FaceNet, or any other recogniser (istrc.recognisers); `recogniser` is either
            behind one interface, `facenet` None for any other.
        changes: what an edit changes in a code, as closing tuned it; `mapping` stays the paper's
            F, which knows whole faces. None takes differences of `mapping`.
        guides: pixel classifiers that look where an edit has got to; None trusts the sphere.
        finer: a level on the decoder that draws faces twice as large; S is then its size, and all
            other parts see the faces halved.
    """

    def __init__(
        self,
        facenet: FaceNet | Recogniser,
        autoencoder: AutoEncoder,
        mapping: CodeMapping,
        attributes: AttributeClassifiers,
        *,
        changes: Changes | None = None,
        guides: Guides | None = None,
        finer: Finer | None = None,
        aligner: torch.nn.Module | None = None,
        bound: float = 0.55,
    ):
        if hasattr(autoencoder, "graphs"):
            from istrc.light.running import Running

            self._running = Running()
        else:
            from istrc.models.running import Running

            self._running = Running(autoencoder)
        if not hasattr(facenet, "embed"):  # a network alone
            from istrc.recognisers.own import Own

            facenet = Own(facenet)
        self.recogniser: Recogniser = facenet
        self.facenet = facenet.net if getattr(facenet, "ours", False) else None
        self.autoencoder, self.mapping, self.attributes = autoencoder, mapping, attributes
        self.changes, self.guides, self.finer = changes, guides, finer
        for part in (autoencoder, mapping, attributes, changes, guides, finer):
            if part is not None:
                part.eval()
        self.aligner = aligner
        self.bound = bound
        self.notes: dict[str, dict] = {}  # what each part's config.json says of its making
        if self.facenet is not None and self.facenet.size != autoencoder.size:
            raise IstrcError(
                f"the recogniser sees {self.facenet.size} px and the auto-encoder makes "
                f"{autoencoder.size} px; a circle needs one size"
            )
        dim = self.recogniser.dim
        spaces = {(part.dim, part.code) for part in (mapping, changes) if part is not None}
        if dim != attributes.dim or spaces != {(dim, autoencoder.code)}:
            raise IstrcError(
                f"parts of different spaces: z is {dim}-d for the recogniser, "
                f"{mapping.dim}-d for the mapping, {attributes.dim}-d for the classifiers; h is "
                f"{mapping.code}-d for the mapping, {autoencoder.code}-d for the auto-encoder"
            )
        if finer is not None and finer.size != 2 * autoencoder.size:
            raise IstrcError(
                f"the finer level makes {finer.size} px, which is not twice the auto-encoder's "
                f"{autoencoder.size} px"
            )
        self.size = autoencoder.size if finer is None else finer.size
        self.dim = dim
        self.mask = self._running.here(face_mask(self.size))
        self.learned: dict[str, LearnedAttribute] = {}  # see `learn` and `add`

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """The transformations first, then the other attributes, and last what was learned."""
        first = [name for name in TRANSFORMATIONS if name in self.attributes.names]
        rest = sorted(set(self.attributes.names) - set(first))
        return (*first, *rest, *sorted(self.learned))

    @property
    def classifiers(self) -> AttributeClassifiers | WithLearned:
        """What a walk asks: the circle's classifiers, and beside them what was learned."""
        if not self.learned:
            return self.attributes
        return WithLearned(self.attributes, list(self.learned.values()))

    @property
    def looking(self) -> Guides:
        """The guides as inference runs them; see `istrc.sight`."""
        return self._running.quick("guides", self.guides)

    @property
    def coarse(self) -> Circle:
        """The same circle without its finer level: faces of half the size."""
        return self.with_finer(None)

    def with_finer(self, finer: Finer | None) -> Circle:
        """The same circle with another level on its decoder, or with none."""
        return self._with(finer=finer)

    def with_mapping(self, mapping: CodeMapping) -> Circle:
        """The same circle with another F; what an edit changes stays, where it has its own net."""
        return self._with(mapping=mapping)

    def _with(self, **part: Any) -> Circle:
        parts = dict(mapping=self.mapping, changes=self.changes, guides=self.guides)
        parts |= dict(finer=self.finer, aligner=self.aligner, bound=self.bound)
        recogniser, began, heads = self.recogniser, self.autoencoder, self.attributes
        other = Circle(recogniser, began, attributes=heads, **(parts | part))
        other.learned, other.notes = self.learned, self.notes
        other._running = copy(self._running)  # what was made for inference is kept
        return other

    # Saved apart, composed here

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = "celeba64",
        device: str = "cpu",
        *,
        recogniser: str | Path | Recogniser | None = None,
        runtime: str = "auto",
    ) -> Circle:
        """Load a shipped circle by name or one from a folder, offline; or one of the hub.

        A Hugging Face hub id, "owner/name", is downloaded once and then read from its cache.

        Args:
            recogniser: of a circle that was trained for an outside recogniser: its file, or the
                recogniser itself. None looks for the file in the folder (`save_pretrained` with
                `copy`), then where it was when the circle was saved.
            runtime: "torch", "light" (ONNX Runtime and NumPy; arrays instead of tensors, on the
                CPU), or "auto": torch where it is installed. See istrc.runtime.

        Raises InputError when it is missing or damaged, or belongs to another recogniser.
        """
        found = pretrained.read(name, device, recogniser, choose_runtime(runtime))
        circle = cls(**found.parts, aligner=found.aligner, bound=found.bound)
        circle.notes = found.notes
        circle._add_kept()
        return circle

    def save_pretrained(
        self, folder: str | Path, *, copy: bool = False, base: str | None = None, **notes
    ) -> None:
        """Write the parts and what composes them; `from_pretrained` reads it back.

        An outside recogniser is not written: circle.json records which one it is, and where its
        file was.

        Args:
            copy: copy an outside recogniser's file into the folder, so that it can be moved.
            base: a shipped circle; parts of the same weights are not written, but read from it.
            notes: for each part, what joins its config.json; what was there when the circle was
                loaded stays, unless it is given anew.
        """
        pretrained.write(self, Path(folder), copy, base, notes)

    @property
    def device(self) -> torch.device | str:
        """torch's device; "cpu" without torch."""
        return self._running.device

    @property
    def runtime(self) -> str:
        """ "torch" or "light"."""
        return self._running.runtime

    @property
    def precision(self) -> torch.dtype | str:
        """Of the convolutions; torch's can be set."""
        return self._running.precision

    @precision.setter
    def precision(self, kind: torch.dtype) -> None:
        self._running.precision = kind

    # Arrays in, arrays out

    def here(self, x: Array) -> Array:
        """A tensor or NumPy's array as what the circle computes with, on its device."""
        return self._running.here(x)

    @inference
    def embed(self, x: Array) -> Array:
        """Faces (B, 3, S, S) -> embeddings z (B, D) on the sphere."""
        with self._running.arithmetic():
            return self._running.here(self.recogniser.embed(self._faces(x)))

    @inference
    def encode(self, x: Array) -> Array:
        """Faces (B, 3, S, S) -> BEGAN's codes h = E(x) (B, H)."""
        x = self._faces(x)
        x = x if self.finer is None else self._running.faces(halved(x))
        return self._running.encode(self.autoencoder, x)

    @inference
    def map(self, z: Array) -> Array:
        """Embeddings z (B, D) -> codes h = F(z) (B, H)."""
        return self._running.quick("mapping", self.mapping)(self._running.here(z))

    @inference
    def map_change(self, h: Array, z: Array, z2: Array) -> Array:
        """What an edit from z to z2 (B, D) changes in the codes h (B, H): F(z2) - F(z), (B, H).

        A closed circle fits the difference to the face (istrc.models.changes).
        """
        h, z, z2 = map(self._running.here, (h, z, z2))
        if self.changes is None:
            mapping = self._running.quick("mapping", self.mapping)
            return mapping(z2) - mapping(z)
        return self._running.quick("changes", self.changes)(h, z, z2)

    @inference
    def decode_code(self, h: Array) -> Array:
        """Codes h (B, H) -> faces (B, 3, S, S) in [-1, 1]."""
        return self.draw(h).clip(-1, 1)

    @inference
    def draw(self, h: Array) -> Array:
        """`decode_code` before it is clipped."""
        return self._running.draw(self.autoencoder, self.finer, h)

    def decode(self, z: Array) -> Array:
        """Embeddings z (B, D) -> faces (B, 3, S, S): decode(F(z)), what the recogniser saw."""
        return self.decode_code(self.map(z))

    @inference
    def scores(self, z: Array) -> Array:
        """Calibrated probabilities (B, A), in the order of `attribute_names`."""
        return sigmoid(self.logits(z, self.attribute_names))

    @inference
    def logits(self, z: Array, names: Iterable[str]) -> Array:
        """Calibrated logits (B, A) of these attributes at z (B, D)."""
        z, classifiers = self._running.here(z), self.classifiers
        return classifiers(z, indices([classifiers.index(name) for name in names], z))

    def walk(
        self,
        z: Array,
        strengths: Mapping[str, float],
        *,
        keep: Iterable[str] | None = None,
        metric: str = "data",
        step: float = 0.02,
        bound: float | Array | None = None,
        beyond: float | Array = 1.0,
    ) -> walking.Walk:
        """Walk embeddings z (B, D) to where these attributes have these strengths.

        Args:
            strengths: signed, within [-2, 2]; `istrc.walk.targets` says what a strength means.
            keep: attributes to hold besides those that the edit holds by itself (istrc.holding);
                [] holds nothing at all, and ["none", "male"] the sex alone.
            metric: "data", or the paper's "euclidean".
            step: constant length of a step, radians.
            bound: the farthest from z, radians, of all or of each (B,); None is the circle's own.
            beyond: how many times the evidence asked the walk goes for, of all or of each (B,).

        Raises InputError for an unknown attribute, a strength out of range, or a z that is not on
        the sphere.
        """
        if not bool((abs((z * z).sum(1) ** 0.5 - 1) < 1e-2).all()):  # false for NaN as well
            raise InputError(
                "an embedding that is not on the sphere: not finite, or its length is not 1; "
                "see istrc.sphere.normalize"
            )
        strengths = {name: float(value) for name, value in strengths.items()}
        for name, value in strengths.items():
            self._check(name)
            if not abs(value) <= STRENGTH_LIMIT:
                raise InputError(
                    f"{name}={value:g}: strength out of range; "
                    f"use -{STRENGTH_LIMIT:g} to +{STRENGTH_LIMIT:g}"
                )
        keep = self.held(keep, strengths)
        classifiers = self.classifiers
        edited = [classifiers.index(name) for name in strengths]
        kept = [classifiers.index(name) for name in keep]
        with in_inference():
            z = self._running.here(z)
            asked = numbers(list(strengths.values()), z)
            beyond = numbers(beyond, z).reshape(-1, 1)  # (B or 1, 1)
            wanted = walking.targets(classifiers(z, indices(edited, z)), asked * beyond)
            return walking.walk(
                z,
                classifiers,
                wanted,
                edited,
                kept,
                metric=metric,
                step=step,
                bound=self.bound if bound is None else bound,
            )

    def reach(
        self,
        x: Array,
        z: Array,
        strengths: Mapping[str, float],
        *,
        keep: Iterable[str] | None = None,
        mode: str = "photo",
        metric: str = "data",
    ) -> walking.Walk:
        """The walk of an edit of faces x: ended where the picture shows what was asked.

        Without guides, and for attributes that they do not know, it is `walk`; see there.
        """
        if self.finer is not None:  # where a walk ends shows in small pictures as well
            small, coarse = halved(self._faces(x)), self.coarse
            return coarse.reach(small, z, strengths, keep=keep, mode=mode, metric=metric)
        return sight.reach(self, x, z, strengths, keep, mode, metric)

    def rebuild(self, x: Array, z: Array, z2: Array, mode: str = "photo") -> Array:
        """The faces x, whose embeddings are z, with the embeddings z2 instead: (B, 3, S, S).

        `istrc.rebuilding` has what the modes do. Raises InputError for another mode.
        """
        return Rebuilding(self, x, z).drawn(z2, mode)

    def change(self, x: Array, z: Array, z2: Array) -> Array:
        """decode(h') - decode(E(x)), h' = E(x) + F(z2) - F(z): (B, 3, S, S), before any mask."""
        return Rebuilding(self, x, z).change(z2)

    def overlay(self, x: Array, z: Array, z2: Array) -> Array:
        """The change and what it covers: (B, 4, S, S), as `put_change` and `paste_change` take it.

        See istrc.photo.cover; before any mask.
        """
        return Rebuilding(self, x, z).overlay(z2)

    @inference
    def put_change(self, x: Array, change: Array) -> Array:
        """The faces x with a change (B, 3, S, S), or an overlay (B, 4, S, S), inside the mask:
        (B, 3, S, S) in [-1, 1].
        """
        return laid(self._faces(x), change, self.mask).clip(-1, 1)

    def edit(
        self,
        x: Array,
        strengths: Mapping[str, float],
        *,
        keep: Iterable[str] | None = None,
        mode: str = "photo",
        metric: str = "data",
    ) -> Array:
        """Edit faces (B, 3, S, S): embed, walk as far as it takes, rebuild."""
        z = self.embed(x)
        path = self.reach(x, z, strengths, keep=keep, mode=mode, metric=metric)
        return self.rebuild(x, z, path.end, mode)

    # Attributes of one's own

    def learn(
        self,
        name: str,
        *,
        with_: Iterable[Face] | Array,
        without: Iterable[Face] | Array,
        store: bool = False,
        seed: int = 0,
    ) -> LearnedAttribute:
        """Learn a new attribute from faces with and without it, and know it from now on.

        Args:
            with_, without: what `read` returns, or embeddings (N, D); 5 at least, 20 are better.
            store: keep it in the user's data folder, where `from_pretrained` finds it.

        `istrc.learning.learn.trust_of` says how far the result can be trusted.

        Raises InputError for a name that is taken or cannot be, too few faces, or a picture that
        is on both sides.
        """
        from istrc.learning.learn import Side, learn_attribute

        self.refuse_taken(name)
        sides = (Side.of(with_), Side.of(without))
        learned = learn_attribute(name, *sides, recogniser=self.recogniser.record, seed=seed)
        self.add(learned)
        if store:
            learned.save(self.place_of(name))
        return learned

    def add(self, learned: LearnedAttribute | str | Path) -> LearnedAttribute:
        """Know an attribute that was learned before, from now on: it, or the file that holds it.

        Raises InputError where its name is taken, it was learned for another recogniser, or the
        file is missing or damaged.
        """
        owner = "a learned attribute"
        if not isinstance(learned, LearnedAttribute):
            owner, learned = str(learned), LearnedAttribute.load(learned, self.runtime)
        found = difference(learned.recogniser, self.recogniser.record)
        if found or len(learned.weight) != self.dim:
            raise InputError(
                f"{owner}: {learned.name} was learned for another recogniser (different "
                f"{found or 'dimension'}); learn it again with this model, or use the other"
            )
        self.refuse_taken(learned.name)
        self.learned[learned.name] = learned
        return learned

    def place_of(self, name: str) -> Path:
        """The file in the user's data folder where an attribute of this name is kept."""
        return shelf.place(name, key(self.recogniser.record))

    def _add_kept(self) -> None:
        """What was learned for this recogniser; a file that cannot be used must not stop edits."""
        for path in shelf.kept(key=key(self.recogniser.record)):
            with contextlib.suppress(InputError):
                self.add(path)

    def refuse_taken(self, name: str) -> None:
        """Raises InputError where a new attribute cannot have this name."""
        if name in self.attributes.names:
            raise InputError(f"{name}: the model has an attribute of this name; choose another")
        if name in self.learned:
            raise InputError(
                f"{name}: an attribute of this name was learned before; choose another name, or "
                f"first istrc learn {name} --forget"
            )

    # Photographs

    def read(self, path: str | Path, *, face: str | int = "largest", aligned: bool = False) -> Face:
        """Read a photograph, find one face in it, align and embed it: the dear part, once.

        Args:
            face: "largest", or K counted from 1 in order of size.
            aligned: the picture is in CelebA's aligned frame already; nothing is detected.

        Raises InputError when the picture cannot be read or has no such face.
        """
        faces = self.faces(path, aligned=aligned)
        if face == "largest":
            return faces[0]
        if not isinstance(face, int) or not 1 <= face <= len(faces):
            found = "1 face" if len(faces) == 1 else f"{len(faces)} faces"
            raise InputError(f"{path}: no face {face}; {found} found, counted from the largest")
        return faces[face - 1]

    def faces(self, path: str | Path, *, aligned: bool = False) -> list[Face]:
        """Every face of a photograph, largest first; never an empty list (see `read`)."""
        picture = read_picture(path)
        frames = find_frames(picture.pixels, path, self.aligner, aligned=aligned)
        crops = np.stack([frame.crop(picture.pixels, self.size) for frame in frames])
        x = to_array(crops) if self.runtime == "light" else to_tensor(crops)
        z = self.embed(x)
        return [
            Face(self, Path(path), picture, frame, x[i : i + 1], z[i : i + 1], i + 1, len(frames))
            for i, frame in enumerate(frames)
        ]

    def _faces(self, x: Array) -> Array:
        if x.ndim != 4 or x.shape[1:] != (3, self.size, self.size) or not len(x):
            raise ValueError(
                f"faces must be (B, 3, {self.size}, {self.size}), B >= 1, not {tuple(x.shape)}"
            )
        return self._running.faces(x)

    def held(self, keep: Iterable[str] | None, strengths: Mapping[str, float]) -> list[str]:
        """The attributes that a walk holds: by itself those that there are, and those asked for."""
        keep = holding.named(keep)
        known = {*self.attributes.names, *map(self._check, holding.asked(keep))}
        return [name for name in holding.held(strengths, keep) if name in known]

    def _check(self, name: str) -> str:
        if name not in self.attributes.names and name not in self.learned:
            near = difflib.get_close_matches(name, self.attribute_names, 3, 0.4)
            hint = f"did you mean {' or '.join(near)}?" if near else "see `istrc edit --help`"
            hint = shelf.unusable(name, key(self.recogniser.record)) or hint
            raise InputError(f"{name}: no such attribute; {hint}")
        return name

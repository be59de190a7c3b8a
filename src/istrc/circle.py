"""The circle: photograph -> sphere -> walk -> code -> photograph. What a user touches."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from istrc import hub_card, pretrained
from istrc.arrays import Array, indices, inference, numbers
from istrc.attributes import TRANSFORMATIONS
from istrc.data.prepared import to_array
from istrc.edit import constraints, stopping
from istrc.edit import walk as walking
from istrc.edit.render import Rendering
from istrc.errors import InputError, suggest
from istrc.face import Face, asked_of
from istrc.learning import user_attributes
from istrc.models.learned import LearnedAttribute
from istrc.networks import Networks
from istrc.photo.align import FindsPoints, Frame, transform
from istrc.photo.find import find_frames
from istrc.photo.picture import Picture
from istrc.photo.read import read_picture
from istrc.recognisers.recogniser import Recogniser, difference, key
from istrc.runtime import choose_runtime
from istrc.shape.crop import CROP_CENTRE, CROP_SIDE

STRENGTH_LIMIT = 2.0
_SEEN = -20.0  # the logit of being covered, of a landmark that was given


class Circle(Networks):
    """The composed model: embeds, walks and draws. `istrc.networks` has what it is composed of.

    Faces x are (B, 3, S, S) float32 in [-1, 1]; embeddings z (B, D) have unit norm; codes c are
    (B, C); angles are radians. Every method is batched and changes nothing in the circle.

    Args:
        parts: of `istrc.networks.Networks`.
        aligner: the landmark network that finds faces in photographs; the circle's own if None.
        bound: the farthest that a walk goes, radians.
        same_person: the farthest from a face that the picture of its edit may be, radians.
    """

    def __init__(
        self,
        *parts: Any,
        aligner: FindsPoints | None = None,
        bound: float = 0.55,
        same_person: float = math.pi,
        **more: Any,
    ):
        super().__init__(*parts, **more)
        self.aligner = self.landmarks if aligner is None else aligner
        self.bound, self.same_person = bound, same_person
        self.notes: dict[str, dict] = {}  # what each part's config.json says of its making

    @property
    def attribute_names(self) -> tuple[str, ...]:
        """The transformations first, then the other attributes, and last what was learned."""
        first = [name for name in TRANSFORMATIONS if name in self.attributes.names]
        rest = sorted(set(self.attributes.names) - set(first))
        return (*first, *rest, *sorted(self.learned))

    # Saved apart, composed here

    @classmethod
    def from_pretrained(
        cls,
        name: str | Path = pretrained.DEFAULT,
        device: str = "cpu",
        *,
        recogniser: str | Path | Recogniser | None = None,
        runtime: str = "auto",
    ) -> Circle:
        """Load a shipped circle by name or one from a folder, offline; or one of the hub.

        A Hugging Face hub id, "owner/name" or "owner/name@REVISION" (a commit, whose files stay
        those that you tried), is downloaded once and then read from its cache.

        Args:
            recogniser: of a circle that was trained for an outside recogniser: its file, or the
                recogniser itself. None looks for the file in the folder (`save_pretrained` with
                `copy`), then where it was when the circle was saved.
            runtime: "torch", "onnx" (ONNX Runtime and NumPy; arrays instead of tensors, on the
                CPU), or "auto": torch where it is installed. See istrc.runtime.

        Raises InputError when it is missing or damaged, or belongs to another recogniser.
        """
        found, notes = pretrained.read(name, device, recogniser, choose_runtime(runtime))
        circle = cls(**found)
        circle.notes = notes
        for path in user_attributes.kept(key=key(circle.recogniser.record)):
            with contextlib.suppress(InputError):  # what cannot be used must not stop edits
                circle.add(path)
        return circle

    def save_pretrained(
        self, folder: str | Path, *, copy: bool = False, base: str | None = None, **notes: dict
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
        pretrained.write(self, Path(folder), copy, base, self.notes, notes)

    def push_to_hub(self, name: str, **how: Any) -> str:
        """Send it to the Hugging Face hub as "owner/name"; `istrc.hub_card.push` has more."""
        return hub_card.push(self, name, **how)

    def scores(self, z: Array) -> Array:
        """Calibrated probabilities (B, A), in the order of `attribute_names`."""
        return self.scores_of(z, self.attribute_names)

    @inference
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
            strengths: signed, within [-2, 2]; `istrc.edit.walk.targets` says what a strength means.
            keep: attributes to preserve besides those that the edit preserves by itself
                (istrc.edit.constraints); [] preserves none, and ["none", "male"] the sex alone.
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
                limits = f"-{STRENGTH_LIMIT:g} to +{STRENGTH_LIMIT:g}"
                raise InputError(f"{name}={value:g}: strength out of range; use {limits}")
        keep = self.preserved(keep, strengths)
        classifiers = self.classifiers
        edited = [classifiers.names.index(name) for name in strengths]
        kept = [classifiers.names.index(name) for name in keep]
        bound = self.bound if bound is None else bound
        z = self._running.to_device(z)
        asked = numbers(list(strengths.values()), z)
        beyond = numbers(beyond, z).reshape(-1, 1)  # (B or 1, 1)
        wanted = walking.targets(classifiers(z, indices(edited, z)), asked * beyond)
        how: dict[str, Any] = dict(metric=metric, step=step, bound=bound)
        return walking.walk(z, classifiers, wanted, edited, kept, **how)

    def stopped_walk(
        self,
        x: Array,
        z: Array,
        strengths: Mapping[str, float],
        *,
        keep: Iterable[str] | None = None,
        mode: str = "photo",
        metric: str = "data",
        drawing: Rendering | None = None,
    ) -> stopping.Stopped:
        """The walk of an edit of faces x, ended where the code shows what was asked, and what it
        changes in the codes.

        Without probes, and for attributes that they do not know, it ends where `walk` does; so it
        does in mode "circle", where the sphere alone says what is drawn.

        Args:
            drawing: of these faces, where there is one already.
        """
        keep, asked, z = constraints.named(keep), asked_of(strengths), self.to_device(z)
        known = self.probes is not None and set(asked) <= set(self.probes.names)
        how: dict[str, Any] = dict(keep=keep, metric=metric)
        if mode == "circle":
            return stopping.Stopped(self.walk(z, strengths, **how), None)
        drawing = Rendering.of(self, x) if drawing is None else drawing
        if not asked or not known:
            path = self.walk(z, strengths, **how)
            return stopping.Stopped(path, self.map_change(drawing.c, z, path.end))
        far = self.walk(z, strengths, **how, beyond=stopping.BEYOND)
        watched = {*stopping.WATCHED, *(keep or [])}
        kept = [name for name in self.preserved(keep, strengths) if name in watched]
        looks: dict[str, Any] = {}
        if self.same_person < math.pi:  # nothing is farther than that
            looks["recognised"] = lambda change, rows: self.embed(
                drawing.of_some(rows).drawn(change, mode, asked)
            )
        if mode == "photo":
            looks["shown"] = lambda change: drawing.shown(change, asked)
        return stopping.stop(
            self, drawing.c, z, asked, far, kept, same_person=self.same_person, **looks
        )

    def rebuild(self, x: Array, z: Array, z2: Array, mode: str = "photo") -> Array:
        """The faces x, whose embeddings are z, with the embeddings z2 instead: (B, 3, S, S).

        `istrc.edit.render` has what the modes do. Raises InputError for another mode.
        """
        if mode == "circle":
            return self.decode(z2)
        rendering = Rendering.of(self, x)
        return rendering.drawn(self.map_change(rendering.c, z, z2), mode)

    def edit(
        self,
        x: Array,
        strengths: Mapping[str, float],
        *,
        keep: Iterable[str] | None = None,
        mode: str = "photo",
        metric: str = "data",
    ) -> Array:
        """Edit faces (B, 3, S, S): embed, walk as far as it takes, draw."""
        how: dict[str, Any] = dict(keep=keep, mode=mode, metric=metric)
        drawing = None if mode == "circle" else Rendering.of(self, x)
        stopped = self.stopped_walk(x, self.embed(x), strengths, **how, drawing=drawing)
        if drawing is None:
            return self.decode(stopped.walk.end)
        return drawing.drawn(stopped.change, mode, asked_of(strengths))

    # Attributes of one's own

    def learn(
        self,
        name: str,
        *,
        with_: Iterable[Face] | Array,
        without: Iterable[Face] | Array,
        seed: int = 0,
    ) -> LearnedAttribute:
        """Learn a new attribute from faces with and without it, and know it from now on.

        Args:
            with_, without: what `read` returns, or embeddings (N, D); 5 at least, 20 are better.

        To keep it where `from_pretrained` finds it: `learned.save(circle.place_of(name))`.
        `istrc.learning.learn.trust_of` says how far the result can be trusted.

        Raises InputError for a name that is taken or cannot be, too few faces, or a picture that
        is on both sides.
        """
        from istrc.learning.learn import learn_attribute

        self.refuse_taken(name)
        record = self.recogniser.record
        return self.add(learn_attribute(name, with_, without, recogniser=record, seed=seed))

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
        return user_attributes.place(name, key(self.recogniser.record))

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

    def read(
        self,
        path: str | Path,
        *,
        face: str | int = "largest",
        aligned: bool = False,
        min_face: float | None = None,
        points: np.ndarray | None = None,
    ) -> Face:
        """Read a photograph, find one face in it, align and embed it: the dear part, once.

        Args:
            face: "largest", or K counted from 1 in order of size.
            aligned: the picture is in CelebA's aligned frame already; nothing is detected.
            min_face: the smallest face to look for, pixels (istrc.photo.find).
            points: (N, 2) landmarks that are no face's, in pixels of the upright picture from its
                upper left corner; None finds them.

        Raises InputError when the picture cannot be read or has no such face.
        """
        faces = self.faces(path, aligned=aligned, min_face=min_face, points=points)
        return faces[number_of(face, len(faces), path) - 1]

    def faces(
        self,
        path: str | Path,
        *,
        aligned: bool = False,
        min_face: float | None = None,
        points: np.ndarray | None = None,
    ) -> list[Face]:
        """Every face of a photograph, largest first; never an empty list (see `read`)."""
        picture, frames, crops = self.crops(path, aligned=aligned, min_face=min_face)
        x, count = self.to_device(to_array(crops)), len(frames)
        z = self.embed(x)
        found = None if points is None else self.placed(points, frames[0])
        return [
            Face(self, Path(path), picture, frame, x[i : i + 1], z[i : i + 1], i + 1, count, found)
            for i, frame in enumerate(frames)
        ]

    def placed(self, points: np.ndarray, frame: Frame) -> Array:
        """Landmarks (N, 2) of a picture, pixels, as `find` would tell them: (1, N, 3).

        Raises InputError where the circle has others, none, or a face's, which it finds.
        """
        count = 0 if self.mesh is None or self.facial else len(self.mesh.reference)
        if len(points) != count:
            takes = f"takes {count}" if count else "takes none"
            raise InputError(f"{len(points)} landmarks given, and this model {takes}")
        at = (transform(frame.matrix, points) - CROP_CENTRE) * (2 / CROP_SIDE)
        seen = np.full((1, count, 1), _SEEN)
        return self.to_device(np.concatenate([at[None], seen], 2).astype(np.float32))

    def crops(self, path: str | Path, **where: Any) -> tuple[Picture, list[Frame], np.ndarray]:
        """A photograph, where its faces are, the largest first, and what of it is embedded:
        (K, S, S, 3) uint8. `where` is `aligned` and `min_face` of `faces`, and so are errors.
        """
        picture = read_picture(path)
        frames = find_frames(picture.pixels, path, self.aligner, whole=self.whole, **where)
        crops = np.stack([frame.crop(picture.pixels, self.size) for frame in frames])
        return picture, frames, crops

    def preserved(self, keep: Iterable[str] | None, strengths: Mapping[str, float]) -> list[str]:
        """The attributes that a walk preserves: its own that there are, and those asked for."""
        keep = constraints.named(keep)
        known = {*self.attributes.names, *map(self._check, constraints.asked(keep))}
        return [name for name in constraints.preserved(asked_of(strengths), keep) if name in known]

    reach, held = stopped_walk, preserved  # their old names

    def _check(self, name: str) -> str:
        if name not in self.attributes.names and name not in self.learned:
            hint = suggest(name, self.attribute_names, "see `istrc edit --help`")
            hint = user_attributes.unusable(name, key(self.recogniser.record)) or hint
            raise InputError(f"{name}: no such attribute; {hint}")
        return name


def number_of(face: str | int, count: int, path: str | Path) -> int:
    """The number of the face that is meant, from 1: "largest", or K of so many.

    Raises InputError, naming the picture, where there is none.
    """
    if face == "largest":
        return 1
    if not isinstance(face, int) or not 1 <= face <= count:
        found = "1 face" if count == 1 else f"{count} faces"
        raise InputError(f"{path}: no face {face}; {found} found, counted from the largest")
    return face

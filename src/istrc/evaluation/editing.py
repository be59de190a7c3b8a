"""Edits, measured by networks that took no part in making them.

For every transformation and direction, over held-out faces that lack the target: does the picture
have it afterwards (attribute judge), is it still the same person (second recogniser), what else
changed (leakage), and are background and pose what they were. Where the data has landmarks: did
what is measured move (geometry), and did the skin keep its tone (colour). What is judged is the
picture as it would be saved, rounded to 8 bits.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from istrc.circle import STRENGTH_LIMIT, TRANSFORMATIONS
from istrc.data.prepared import Prepared, to_pixels, to_tensor
from istrc.edit.render import MODES
from istrc.errors import InputError
from istrc.evaluation import identity, metrics
from istrc.evaluation.editing_curve import at_equal_identity
from istrc.evaluation.editing_faces import CUT, Edit, choose_faces, recognised, spread
from istrc.evaluation.editing_judges import GREY, PictureJudges
from istrc.evaluation.editing_measures import Outcome, summarise, verdicts
from istrc.evaluation.embedding import Progress, silent
from istrc.evaluation.judges import Judge
from istrc.evaluation.results import circle_checksum

PSNR_CAP = 60.0  # dB: two pictures that differ less than 8-bit rounding are equal

# x (B, 3, S, S), {"smile": +1.0} -> edited x (B, 3, S, S). What is compared with what: a mode of
# the circle, or a peer (istrc.evaluation.peers).
Editor = Callable[[torch.Tensor, Mapping[str, float]], torch.Tensor]


class Bench:
    """Runs editors over edits; everything about the originals is computed once."""

    def __init__(
        self,
        prepared: Prepared,
        judge: Judge,
        second: identity.SecondRecogniser | None,
        *,
        split: str,
        batch_size: int,
        others: PictureJudges | None = None,  # of geometry and colour
        seed: int = 0,  # of the pairs that the second recogniser's threshold is found on
    ):
        self.prepared, self.judge, self.second, self.others = prepared, judge, second, others
        self.threshold = second.threshold(prepared, far=1e-3, seed=seed) if second else {}
        self.rows, self.batch_size = prepared.rows(split), batch_size
        judged = [judge.predict(x) for x in prepared.batches(self.rows, 512)]
        if not judged:
            raise InputError(f"{prepared.folder}: no face in the {split} split")
        self.probability = np.concatenate([p for p, _ in judged])  # (R, A)
        self.features = np.concatenate([f for _, f in judged])  # (R, F)
        self.originals: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # row: descriptor, landmarks
        self.background = ~metrics.face_ellipse(prepared.size)

    def run(self, editor: Editor, edit: Edit, strength: float) -> Outcome:
        """Edit all faces of one edit, in batches, and put every question."""
        edited, psnr, seconds = [], [], 0.0
        for x in self.prepared.batches(edit.rows, self.batch_size):
            started = time.perf_counter()
            y = editor(x, {edit.attribute: edit.sign * strength})
            pixels = to_pixels(y)  # waits for an accelerator, so that the clock does
            seconds += time.perf_counter() - started
            edited.append(pixels)
            psnr.append(metrics.psnr(x, to_tensor(pixels), self.background).clamp(max=PSNR_CAP))
        pixels = np.concatenate(edited)
        y = to_tensor(pixels)
        after, features = self.judge.predict(y)
        before = self.probability[np.searchsorted(self.rows, edit.rows)]
        figures = verdicts(edit, before, after, self.judge)
        figures["background_psnr"] = torch.cat(psnr).numpy()
        if self.second is not None:
            now, then = self.second.describe_with_landmarks(y), self._originals(edit.rows)
            apart = identity.distance(now[0], then[0])
            figures["same_person"] = apart < self.threshold["threshold"]
            figures["descriptor_angle"] = identity.angle(now[0], then[0])
            figures["pose_shift"] = identity.pose_shift(then[1], now[1])
        outcome = Outcome(edit, after, figures, seconds, features, pixels=pixels)
        if self.others is not None:
            strengths = {edit.attribute: edit.sign * strength}
            self.others.measure(outcome)
            self.others.measure_grey(outcome, lambda p: to_pixels(editor(to_tensor(p), strengths)))
        return outcome

    def _originals(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Descriptors and landmarks of the faces of these rows, as they were."""
        missing = [int(row) for row in rows if int(row) not in self.originals]
        if missing:
            assert self.second is not None
            described = self.second.describe_with_landmarks(self.prepared.batch(np.array(missing)))
            self.originals.update(zip(missing, zip(*described, strict=True), strict=True))
        descriptors, landmarks = zip(*(self.originals[int(row)] for row in rows), strict=True)
        return np.stack(descriptors), np.stack(landmarks)


def unedited(circle: Any, x: torch.Tensor, _: Mapping[str, float], mode: str) -> torch.Tensor:
    """Strength 0, as an Editor: what rebuilding alone does to faces."""
    z = circle.embed(x)
    return circle.rebuild(x, z, z, mode)


def evaluate_editing(
    *,
    circle: Any,
    prepared: Prepared,
    judge: Judge,
    second: identity.SecondRecogniser | None = None,  # who the face is; None leaves it out
    modes: Sequence[str] = MODES,  # the first is shown on the sheets
    strengths: Sequence[float] = (1.0,),
    transformations: Sequence[str] = TRANSFORMATIONS,
    faces: int = 200,  # at most, for each transformation and direction
    peers: Mapping[str, Editor] | None = None,  # other ways to edit, on the same faces
    slow: Collection[str] = (),  # peers measured on fewer faces, on which all others are as well
    few: int = 20,  # those, for each transformation and direction
    nothing: bool = True,  # strength 0 beside them
    grey: int = GREY,  # faces of each edit that are edited as grey photographs, too
    split: str = "valid",
    batch_size: int = 64,
    seed: int = 0,
    progress: Progress = silent,
    # What is to see the outcomes of a method at a strength: sheets, pictures that are kept
    show: Mapping[tuple[str, float], Sequence[Callable[[Outcome], None]]] | None = None,
) -> dict[str, Any]:
    """Measure every transformation in both directions over faces that lack the target.

    `methods[method][strength]` holds the `mean` over the edits and, of the first method and of the
    mode photo, the `edits` one by one (istrc.evaluation.editing_measures says what each number
    is); at strength 1 (the first, without it) with their groups. A method is a mode of the circle
    (at strengths it allows), a peer, or `nothing, MODE` at strength 0.
    `geometry`, `colour` and `groups` have what these compared with, or why they were `skipped`.
    `few` has the same on the faces of the slow peers, spread evenly over the others' faces.
    `recognised` has the share of real faces with the target of which the judge says so, and
    `equal_identity` the success that each method's curve reaches where so many are the same person.

    Raises InputError where no face can be edited.
    """
    pictures = PictureJudges(prepared, split, grey)
    how: dict[str, Any] = dict(split=split, batch_size=batch_size, seed=seed)
    bench = Bench(prepared, judge, second, others=pictures, **how)
    asked: dict[str, Any] = dict(transformations=transformations, split=split, faces=faces)
    edits, left_out = choose_faces(prepared, bench.probability, judge, **asked, seed=seed)
    if not edits:
        raise InputError(f"{prepared.folder}: no {split} face to edit ({left_out})")
    unknown = [name for name in transformations if name not in circle.attribute_names]
    left_out.update(dict.fromkeys(unknown, "the circle does not know it"))
    edits = [edit for edit in edits if edit.attribute not in unknown]

    # What is measured, in this order: (method, strength, editor)
    own: dict[str, Editor] = {mode: partial(circle.edit, mode=mode) for mode in modes}
    jobs: list[tuple[str, float, Editor]] = []
    for name, editor in {**own, **(peers or {})}.items():
        allowed = [s for s in strengths if name not in own or abs(s) <= STRENGTH_LIMIT]
        jobs += [(name, strength, editor) for strength in allowed]
    for mode in modes if nothing else ():
        jobs.append((f"nothing, {mode}", 0.0, partial(unedited, circle, mode=mode)))

    places = [spread(len(edit.rows), few) for edit in edits]
    common: dict[str, Any] = dict(prepared=prepared, real=bench.features)
    whole = 1.0 if 1.0 in strengths else strengths[0]
    methods: dict[str, dict[str, Any]] = {}
    on_few: dict[str, dict[str, Any]] = {}
    for index, (method, strength, editor) in enumerate(jobs):
        outcomes = []
        for number, edit in enumerate(edits):
            progress(index * len(edits) + number, len(jobs) * len(edits))
            chosen = edit.on(places[number]) if method in slow else edit
            outcomes.append(bench.run(editor, chosen, strength))
            for see in (show or {}).get((method, strength), ()):
                see(outcomes[-1])
            outcomes[-1].pixels = None
        if method not in slow:
            shown = method in (jobs[0][0], MODES[0])
            summary = summarise(outcomes, **common, apart=shown, whole=strength == whole)
            methods.setdefault(method, {})[f"{strength:g}"] = summary
            outcomes = [o.on(p) for o, p in zip(outcomes, places, strict=True)] if slow else []
        if slow:
            summary = summarise(outcomes, **common, apart=False)
            on_few.setdefault(method, {})[f"{strength:g}"] = summary

    found: dict[str, Any] = {"methods": methods, "equal_identity": at_equal_identity(methods)}
    if slow:
        found["few"] = dict(slow=list(slow), faces_per_edit=few, methods=on_few)
        found["few"]["equal_identity"] = at_equal_identity(on_few)
    return {
        **found,
        "left_out": left_out,
        "faces_per_edit": faces,
        "recognised": recognised(prepared, bench.probability, judge, edits, split),
        "judge": {"checksum": judge.checksum, "probability_threshold": CUT},
        "second_recogniser": {"name": second.name, **bench.threshold} if second else None,
        "features": "the judge's penultimate layer",  # of `frechet` and `kernel`
        "split": split,
        "threads": torch.get_num_threads(),
        "seed": seed,
        "weights": circle_checksum(circle),
        **pictures.record,
    }

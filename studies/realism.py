"""How well a network that was trained for nothing else tells edited faces from untouched ones.

    istrc evaluate editing --data prepared/ --keep-pictures kept/
    python -m studies.realism prepared/ kept/ --json results/realism.json

A small convolutional network, trained apart from everything that edits, sees edited pictures and
untouched pictures of other people at their own resolution. It scores people that it has not seen:
of two folds by person, the network of either scores the other. At an AUC of 0.5 it cannot tell.

Both kinds are 8-bit pictures, and mirrored and shifted alike, so that neither rounding nor the
alignment gives them away. Methods are compared by the same network, trained on the edits of all of
them at once: one that was trained on a single method knows that method's faults best.

An edit changes what is in a picture, and a network that is shown smiling faces that were edited
beside untouched ones that do not smile would only learn what a smile is. So for every edited face
there is an untouched one, of somebody else, that has by label what the edit was to give, of the
same labelled sex where the data has enough of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from studies.command import Study
from studies.kept import Kept, faces_of, people_of, read_kept
from torch import nn
from torch.nn import functional as F

from istrc.data.prepared import Prepared, to_tensor
from istrc.errors import InputError
from istrc.evaluation.editing_faces import spread
from istrc.evaluation.embedding import silent
from istrc.evaluation.groups import Groups
from istrc.evaluation.results import markdown_table
from istrc.models.fused import channels_last
from istrc.progress import Bar

EACH = 200  # pictures of an edit that are shown, at most
FOLDS = 2
SEED = 104_729  # no seed that a part of the circle or another judge is trained with


class Detector(nn.Module):
    """Pictures (B, 3, S, S) in [-1, 1] -> one logit (B,), high for an edited one.

    Full resolution goes in by space to depth (S >= 16, even); then at every level a strided
    convolution and a pre-activation residual one. 33 million multiplications a face of 128 px.
    """

    def __init__(self, widths: tuple[int, ...] = (16, 32, 48, 96)):
        super().__init__()
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, widths[0], 3, 1, 1))
        self.down = nn.ModuleList(_activated(a, b, stride=2) for a, b in pairwise(widths))
        # None at the last level, where there are few places and many channels
        self.stay = nn.ModuleList(_activated(width, width) for width in widths[1:-1])
        self.norm = nn.BatchNorm2d(widths[-1])
        self.head = nn.Linear(2 * widths[-1], 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)  # (B, 16, S/2, S/2)
        for level, down in enumerate(self.down):
            x = down(x)  # (B, C, S/4, S/4), and half of that at every further level
            if level < len(self.stay):
                x = x + self.stay[level](x)
        x = F.relu(self.norm(x))
        # A ghost may be everywhere a little, or in one place
        pooled = torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)  # (B, 2C)
        return self.head(pooled)[:, 0]  # (B,)


def _activated(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), convolution)


@dataclass(frozen=True)
class Edits:
    """The edited pictures of one method."""

    pictures: np.ndarray  # (N, S, S, 3) uint8
    people: np.ndarray  # (N,) who is on them
    names: np.ndarray  # (N,) str, the edit that each is of


@dataclass(frozen=True)
class Realism:
    """How the pictures of one method stand out among untouched faces.

    Attributes:
        above: (N,) the share of the fold's untouched faces that look less edited than a picture;
            its mean over any pictures is their AUC against the untouched ones.
        scores: (N,) the networks' logits.
        names: (N,) the edit that each picture is of.
    """

    above: np.ndarray
    scores: np.ndarray
    names: np.ndarray

    @property
    def edits(self) -> dict[str, float]:
        """The AUC of every edit against all untouched faces."""
        return {str(n): float(self.above[self.names == n].mean()) for n in np.unique(self.names)}

    def surest(self, count: int = 12) -> np.ndarray:
        """Places of the pictures that are the surest to be edited, the surest first."""
        return np.lexsort((-self.scores, -self.above))[:count]


def tell_apart(
    edited: Mapping[str, Edits],  # by method; all are seen by the same two networks
    untouched: np.ndarray,  # (M, S, S, 3) uint8
    their_people: np.ndarray,  # (M,) none of whom is on an edited picture
    *,
    steps: int = 1000,  # batches, of either network
    seed: int = SEED,
    progress: Callable[[int, int], None] = silent,  # (steps done, of how many)
    **training: Any,  # see `_train`
) -> dict[str, Realism]:
    """Train a network on either half of the people, and score the pictures of the other half.

    Raises InputError where somebody is on edited and untouched pictures, sizes differ, or there are
    fewer than two people of either kind.
    """
    touched = np.unique(np.concatenate([one.people for one in edited.values()]))
    others = np.unique(their_people)
    if np.isin(touched, others).any():
        raise InputError("realism: the same person is on edited and on untouched pictures")
    if min(len(touched), len(others)) < FOLDS:
        raise InputError("realism: needs at least two people edited and two untouched")
    shapes = {one.pictures.shape[1:] for one in edited.values()} | {untouched.shape[1:]}
    if len(shapes) > 1:
        raise InputError(f"realism: pictures of several sizes, {sorted(shapes)}")

    rng = np.random.default_rng(seed)
    second = [rng.permutation(kind)[: len(kind) // 2] for kind in (touched, others)]
    fold_of = {name: np.isin(one.people, second[0]) for name, one in edited.items()}
    their_fold = np.isin(their_people, second[1])

    scores = {name: np.full(len(one.people), np.nan) for name, one in edited.items()}
    above = {name: np.full(len(one.people), np.nan) for name, one in edited.items()}

    def tell(fold: bool, done: int) -> None:
        progress(fold * steps + done, FOLDS * steps)

    for fold in (False, True):
        kinds = [(untouched, np.flatnonzero(their_fold != fold))]
        kinds += [(one.pictures, np.flatnonzero(fold_of[n] != fold)) for n, one in edited.items()]
        net = _train(
            [kind for kind in kinds if len(kind[1])],
            steps=steps,
            seed=seed + fold,
            progress=partial(tell, fold),
            **training,
        )
        real = np.sort(score(net, untouched, np.flatnonzero(their_fold == fold)))
        for name, one in edited.items():
            here = np.flatnonzero(fold_of[name] == fold)
            scores[name][here] = score(net, one.pictures, here)
            above[name][here] = share_below(real, scores[name][here])
    return {name: Realism(above[name], scores[name], one.names) for name, one in edited.items()}


def share_below(real: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The share of sorted `real` (R,) below each score (N,), ties counted half: (N,)."""
    left, right = (np.searchsorted(real, scores, side=side) for side in ("left", "right"))
    return (left + right) / 2 / len(real)


def _train(
    kinds: list[tuple[np.ndarray, np.ndarray]],  # (pictures, places to draw); first the untouched
    *,
    steps: int,
    seed: int,
    progress: Callable[[int], object],
    batch_size: int = 64,  # half of them untouched, the other shared by the methods
    rate: float = 2e-3,  # peak learning rate of AdamW
    decay: float = 0.05,  # weight decay
    widths: tuple[int, ...] = (16, 32, 48, 96),
    device: str | torch.device = "cpu",
) -> Detector:
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = channels_last(Detector(widths), device)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=rate, total_steps=max(steps, 2), pct_start=0.1
    )
    half = batch_size // 2
    counts = [half] + [len(part) for part in np.array_split(np.arange(half), len(kinds) - 1)]
    target = torch.zeros(sum(counts), device=device)
    target[half:] = 1
    net.train()
    for step in range(steps):
        drawn = [
            pictures[np.sort(rng.choice(places, count))]
            for (pictures, places), count in zip(kinds, counts, strict=True)
        ]
        x = to_tensor(jitter(np.concatenate(drawn), rng)).to(device)
        loss = F.binary_cross_entropy_with_logits(net(x), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        schedule.step()
        progress(step + 1)
    return net.eval()


def jitter(pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pictures (B, S, S, 3), half of them mirrored, each shifted by up to S/16 px, both ways.

    What comes in at the border is the picture's own, reflected.
    """
    size = pictures.shape[1]
    most = max(1, size // 16)
    padded = np.pad(pictures, ((0, 0), (most, most), (most, most), (0, 0)), mode="reflect")
    moved = np.empty_like(pictures)
    for i, (y, x) in enumerate(rng.integers(0, 2 * most + 1, (len(pictures), 2))):
        one = padded[i, y : y + size, x : x + size]
        moved[i] = one[:, ::-1] if rng.random() < 0.5 else one
    return moved


@torch.inference_mode()
def score(net: Detector, pictures: np.ndarray, places: np.ndarray, batch: int = 256) -> np.ndarray:
    """The mean logit of a picture and its mirror image, of the pictures at these places: (n,)."""
    device = next(net.parameters()).device
    found = [np.zeros(0)]
    for start in range(0, len(places), batch):
        x = to_tensor(pictures[places[start : start + batch]]).to(device)
        found.append(((net(x) + net(x.flip(3))) / 2).cpu().numpy())
    return np.concatenate(found)


def gather(edits: Mapping[str, Kept], prepared: Prepared, each: int = EACH) -> tuple[Edits, Any]:
    """The pictures of all edits of one method in one array, and their rows (N,)."""
    places = {name: spread(len(kept.rows), each) for name, kept in edits.items()}
    pictures = np.concatenate([kept.pictures[places[name]] for name, kept in edits.items()])
    rows = np.concatenate([kept.rows[places[name]] for name, kept in edits.items()])
    names = np.repeat(list(edits), [len(places[name]) for name in edits])
    return Edits(pictures, people_of(prepared, rows), names), rows


def choose_untouched(
    prepared: Prepared,
    names: np.ndarray,  # (N,) the edit of each edited face, such as "smile+"
    rows: np.ndarray,  # (N,) what it was made of
    people: np.ndarray,  # who must not be on an untouched picture
    seed: int = 0,
) -> np.ndarray:
    """Rows (M,), M <= N, of faces that have what the edits were to give; none twice.

    They are drawn from all splits, as no network is shown them that any of them trained. Where no
    face of that sex has it, one of that sex without it is taken: a sex alone must not tell.
    """
    rng = np.random.default_rng(seed)
    free = ~np.isin(people_of(prepared, np.arange(len(prepared))), people)  # (all rows,)
    sexes = prepared.column("male") if "male" in prepared.attribute_names else np.zeros_like(free)
    chosen: list[np.ndarray] = []
    for name in np.unique(names):
        attribute, wanted = str(name)[:-1], int(str(name)[-1] == "+")
        has = prepared.column(attribute) == wanted
        of_this = rows[names == name]
        for sex in np.unique(sexes[of_this]):
            count = int((sexes[of_this] == sex).sum())
            same = np.ones(len(free), bool) if attribute == "male" else sexes == sex
            for eligible in (has & same, same & ~has):
                drawn = rng.permutation(np.flatnonzero(eligible & free))[:count]
                free[drawn] = False
                count -= len(drawn)
                chosen.append(drawn)
    return np.sort(np.concatenate(chosen))


def evaluate_realism(
    methods: Mapping[str, Mapping[str, Kept]],  # method -> edit -> its pictures
    prepared: Prepared,
    *,
    groups: Callable[[np.ndarray], Mapping[str, np.ndarray]] | None = None,  # of rows (N,)
    each: int = EACH,  # pictures of an edit, at most
    steps: int = 1000,  # of either of the two networks
    surest: int = 12,  # pictures that are named, of each method
    seed: int = SEED,
    progress: Callable[[int, int], None] = silent,
) -> dict[str, Any]:
    """Tell the edits of all methods from untouched faces, by the same two networks.

    `methods[name]` has the `auc` over the edits that every method has, that of each of its `edits`
    and of each group of faces, and the edit and row of the pictures that are `surest` to be edited.
    0.5: nothing gives them away.

    Raises InputError where the methods have no edit in common.
    """
    common = sorted(set.intersection(*(set(edits) for edits in methods.values())))
    if not common:
        raise InputError(f"realism: {', '.join(methods)} have no edit in common to compare")
    edited, rows = {}, {}
    for name, edits in methods.items():
        edited[name], rows[name] = gather(edits, prepared, each)
    most = max(edited, key=lambda name: len(rows[name]))
    untouched = choose_untouched(
        prepared,
        edited[most].names,
        rows[most],
        np.concatenate([one.people for one in edited.values()]),
        seed,
    )
    seen = tell_apart(
        edited,
        faces_of(prepared, untouched),
        people_of(prepared, untouched),
        steps=steps,
        seed=seed,
        progress=progress,
    )
    return {
        "methods": {
            name: _record(one, rows[name], common, groups, surest) for name, one in seen.items()
        },
        "over": common,
        "pictures_per_edit": each,
        "untouched": len(untouched),
        "steps": steps,
        "seed": seed,
    }


def _record(
    one: Realism,
    rows: np.ndarray,
    common: list[str],
    groups: Callable[[np.ndarray], Mapping[str, np.ndarray]] | None,
    surest: int,
) -> dict[str, Any]:
    shared = np.isin(one.names, common)
    found: dict[str, Any] = {
        "faces": len(rows),
        "auc": float(one.above[shared].mean()),
        "edits": one.edits,
        "surest": [f"{one.names[i]} of row {rows[i]}" for i in one.surest(surest)],
        "groups": {},
    }
    for word, inside in (groups(rows) if groups else {}).items():
        if (inside & shared).any():
            auc = float(one.above[inside & shared].mean())
            found["groups"][word] = {"faces": int((inside & shared).sum()), "auc": auc}
    return found


def realism_markdown(found: Mapping[str, Any]) -> str:
    """The AUC of every method by the same networks: over all edits, edit by edit, by group."""
    columns = [
        {"all": one["auc"], **one["edits"], **{w: g["auc"] for w, g in one["groups"].items()}}
        for one in found["methods"].values()
    ]
    names = dict.fromkeys(name for column in columns for name in column)
    rows = [[name, *(column.get(name) for column in columns)] for name in names]
    return (
        "AUC of a network that was trained for this on other people, "
        f"{found['steps']} batches, on the edits of all methods together; 0.5: it cannot "
        f"tell.\n\n{markdown_table(['edits', *found['methods']], rows)}"
    )


def main(arguments: list[str] | None = None) -> None:
    study = Study("realism", __doc__, model=False, data="the prepared folder that was edited")
    add = study.parser.add_argument
    add("kept", nargs="+", help="pictures of a method, of istrc evaluate editing --keep-pictures")
    add("--steps", type=int, default=1000, help="batches of either network")
    add("--seed", type=int, default=SEED)
    given = study.parse(arguments)
    prepared = Prepared(given.data)
    methods = {Path(folder).name: read_kept(folder, prepared) for folder in given.kept}
    asked = dict(groups=Groups(prepared).of, steps=given.steps, seed=given.seed)
    with Bar("realism") as bar:
        found = evaluate_realism(methods, prepared, **asked, progress=bar.at)
    study.finish("realism", found, realism_markdown)


if __name__ == "__main__":
    main()

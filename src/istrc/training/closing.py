"""Closing the circle: changes tuned so that the edited picture is where the walk went.

The mapping alone learns E[h | z], and its differences shrink what an edit asks for: z' has a
smile, the picture half of one. Here faces are edited as in use,

    x' = x + decode(E(x) + change) - decode(E(x)),        change of E(x), z, z': models.changes,

x' is embedded again, and the change learns to bring it to z' (a cycle loss on the sphere) with the
edited attribute at its target. Nothing else moves, so that decode(E(x)) stays as sharp as it was. A
network that is trained against can be fooled instead of obeyed. A frozen decoder makes that hard,
because it draws little but faces; besides, what the networks see of x' is moved, re-lit and
blurred at random, the change is kept small where no edit belongs, and pixel classifiers that
share nothing with FaceNet (`models.guide`) must see the edit too, and nothing else. What the
embedding holds beside the attributes, the person, is to stay. A code
may not change in ways that the mapping never changed it by itself: where there is room, as in the
components' fine detail, a pattern is found that pleases every classifier and is in no face. Last, a
critic tells edited faces from real ones, by colours that no lips have, and learns as they change.
"""

from __future__ import annotations

from collections.abc import Mapping as Numbers
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from istrc import walk as walking
from istrc.circle import TRANSFORMATIONS, Circle
from istrc.data.prepared import Prepared
from istrc.errors import InputError
from istrc.holding import COLOURLESS, moves
from istrc.models.changes import Changes
from istrc.models.guide import Guides
from istrc.models.store import fingerprint
from istrc.photo.paste import face_mask
from istrc.training import loop
from istrc.training.augment import augment, blurred
from istrc.training.average import follow
from istrc.training.critic import PatchCritic, hinge, joined_pull
from istrc.training.spaces import Spaces, place

SEX = 3.0  # how much more a change of sex matters than of another attribute
NEAR = 0.1  # 1 - cos at which a face is still the person's own, as one photograph to the next
SHAPE = 4.0  # how much more a change of colour matters in an edit that is of shape alone


def closing_loss(
    rebuilt: torch.Tensor,  # decode(E(x))
    changed: torch.Tensor,  # decode(E(x) + F(z') - F(z))
    seen: torch.Tensor,  # (B, D) embedding of the edited picture
    z: torch.Tensor,  # (B, D) where the face was, seen in the same guise
    end: torch.Tensor,  # (B, D) z', where the walk ended
    found: torch.Tensor,  # (B, A) logits at `seen`
    wanted: torch.Tensor,  # (B, A) logits at z'
    edited: torch.Tensor,  # (B,) column that was edited
    outside: torch.Tensor,  # (S, S) 1 where no edit belongs
    colour: torch.Tensor,  # (B,) how much a change of colour matters
    *,
    cycle_weight: float,
    attribute_weight: float,
    outside_weight: float,
    tint_weight: float,
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """What the tuning minimises beside F's own mean square error, and its parts."""
    parts = {}
    parts["cycle"] = (1 - (seen * end).sum(1)).mean()
    # In units of the full transformation; the edited attribute counts as much as all others
    unit = walking.CERTAIN
    error = F.smooth_l1_loss(found / unit, wanted / unit, beta=0.3, reduction="none")  # (B, A)
    chosen = F.one_hot(edited, error.shape[1]).bool()
    parts["edited"] = error[chosen].mean()
    parts["others"] = error[~chosen].mean()
    change = changed - rebuilt
    parts["outside"] = (change.abs() * outside).mean()
    # Colours that drift over a whole part of the face fool a recogniser cheaply and please nobody
    tint = F.avg_pool2d(change, change.shape[-1] // 4).abs().mean((1, 2, 3))  # (B,)
    parts["tint"] = (colour * tint).mean()
    loss = (
        cycle_weight * parts["cycle"]
        + attribute_weight * (parts["edited"] + parts["others"])
        + outside_weight * parts["outside"]
        + tint_weight * parts["tint"]
    )
    with torch.no_grad():
        parts["nothing_done"] = (1 - (z * end).sum(1)).mean()  # what `cycle` would be
    return loss, parts


def guide_loss(
    before: torch.Tensor,  # (M, B, A) logits of the members on the face
    after: torch.Tensor,  # (M, B, A) on the edited picture
    edited: torch.Tensor,  # (B,) column that was edited
    strength: torch.Tensor,  # (B,) signed
    stay: torch.Tensor,  # (A, A) how much it matters, edit by edit, that the others stay
) -> tuple[torch.Tensor, torch.Tensor]:
    """How far the picture is from what was asked, as several witnesses see it.

    Returns the edited attribute's shortfall in each face (B,), in units of a full transformation,
    which more than was asked does not lower or raise, and the mean change of probability of the
    others: leakage.
    """
    chosen = F.one_hot(edited, before.shape[2]).bool()  # (B, A)
    own = before[:, chosen]  # (M, B)
    wanted = torch.stack([walking.targets(m[:, None], strength[:, None])[:, 0] for m in own])
    short = F.relu((wanted - after[:, chosen]) * strength.sign()) / walking.CERTAIN
    moved = (torch.sigmoid(after) - torch.sigmoid(before)).abs().mean(0)  # (B, A)
    weights = stay[edited] * ~chosen
    return short.mean(0), (moved * weights).sum() / weights.sum()


def staying(names: Sequence[str]) -> torch.Tensor:
    """How much it matters, in an edit of the row, that the column's attribute stays: (A, A)."""
    return torch.tensor(
        [
            [SEX if other == "male" else 0.25 if moves(name, other) else 1.0 for other in names]
            for name in names
        ]
    )


def often(short: Numbers[str, float], edits: Sequence[str]) -> np.ndarray:
    """How often each edit is to be trained: more, the more of it is still missing; sums to 1.

    By the root, because some will always miss most: makeup on men, whose sex is held.
    """
    missed = np.sqrt([short.get(edit, 1.0) for edit in edits])
    return missed / missed.sum()


@torch.no_grad()
def natural_scale(circle: Circle, z: torch.Tensor, names: list[str]) -> torch.Tensor:
    """Mean squared change of each coordinate of the code over edits of the circle as it is: (H,).

    Every attribute in both directions at strength 1, each on its share of the faces z (N, D).
    """
    squares = []
    edits = [(name, sign) for name in names for sign in (1.0, -1.0)]
    for part, (name, sign) in zip(z.tensor_split(len(edits)), edits, strict=True):
        if len(part):
            end = circle.walk(part, {name: sign}, step=0.1).end
            squares.append((circle.map(end) - circle.map(part)).square())
    scale = torch.cat(squares).mean(0)
    return scale.clamp(min=1e-2 * scale.mean().item())


def train_closing(
    data: str | Path,  # a prepared folder
    out: str | Path,  # run folder; holds the checkpoint
    *,
    circle: Circle,  # trained part by part
    guides: Guides | None = None,  # the team that must see the edit as well, and nothing else
    look: Guides | None = None,  # the team that looks how far edits have come; the circle's if none
    made: Spaces | None = None,  # of the same data and networks; they are made otherwise
    width: int = 768,  # of the layers that fit a change to its face; 0 tunes F's difference alone
    steps: int = 8000,  # batches
    batch_size: int = 48,  # faces in a batch, each with one edit
    rate: float = 5e-4,  # peak learning rate of Adam
    bound: float = 0.75,  # the farthest a walk goes, radians
    strength: tuple[float, float] = (0.5, 1.5),  # least and greatest strength of an edit
    others: float = 0.2,  # share of edits that are of no transformation but of the rest
    way: float = 0.6,  # share of the walk that the picture's embedding is to go; 1 costs likeness
    cycle_weight: float = 2.0,  # of 1 - cos of the angle to there
    attribute_weight: float = 0.5,  # of the logits' distance from those the walk reached
    short_weight: float = 3.0,  # of what the guides miss
    besides_weight: float = 5.0,  # of what they see change besides
    person_weight: float = 2.0,  # of how far the person moves beyond what photographs do
    outside_weight: float = 1.0,  # of change where no edit belongs
    natural_weight: float = 0.05,  # of changes of the code that the mapping never made by itself
    tint_weight: float = 1.0,  # of change of colour over sixteenths of the picture
    anchor_weight: float = 0.2,  # of F's own mean square error
    critic_weight: float = 0.15,  # pull of a critic beside all that is seen of the picture; 0: none
    critic_rate: float = 5e-4,
    average: float = 0.99,  # decay of the moving average, which is what is kept
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,  # stop, resumably, after this long
    validate_every: int = 500,  # steps
) -> Circle:
    """Tune changes on edits of training faces; returns the closed circle.

    The circle's own mapping stays: a copy that is tuned to leave backgrounds alone forgets them.
    """
    if circle.facenet is None:
        raise InputError(
            "closing follows gradients through our FaceNet, and this circle belongs to "
            f"{circle.recogniser.record['kind']}; use it as it is"
        )
    prepared = Prepared(data)
    fit, tune = prepared.rows("fit"), prepared.rows("tune")
    kind = torch.device(device).type
    layout = torch.channels_last
    facenet, classifiers = circle.facenet, circle.attributes
    autoencoder, mapping = circle.autoencoder, circle.mapping
    start = [fingerprint(part) for part in (facenet, classifiers, autoencoder, mapping)]
    torch.manual_seed(seed)
    net, averaged = Changes.of(mapping, width), Changes.of(mapping, width)
    if circle.changes is not None and circle.changes.config == net.config:
        net.load_state_dict(circle.changes.state_dict())  # what was closed is closed further
    averaged.load_state_dict(net.state_dict())
    for part in (facenet, classifiers, autoencoder, net, averaged):
        part.to(device, memory_format=layout).eval().requires_grad_(False)
    net.requires_grad_(True)  # in evaluation mode: BatchNorm is tuned as it is used
    modules: dict[str, nn.Module] = {"net": net, "average": averaged}
    optimizers = {"adam": torch.optim.Adam(net.parameters(), lr=rate, betas=(0.9, 0.99))}
    peaks = {"adam": rate}
    if critic_weight:
        critic = modules["critic"] = PatchCritic(32).to(device, memory_format=layout)
        optimizers["critic"] = torch.optim.Adam(
            critic.parameters(), lr=critic_rate, betas=(0.5, 0.99)
        )
        peaks["critic"] = critic_rate
    names = [name for name in TRANSFORMATIONS if name in classifiers.names]
    rest = [name for name in classifiers.names if name not in names]
    signed = [f"{name}{sign}" for name in names for sign in "+-"]
    state: dict[str, float] = {}  # what the guides miss of each, a moving average
    stay = staying(classifiers.names).to(device)
    colours = torch.tensor(
        [SHAPE if name in COLOURLESS else 1.0 for name in classifiers.names], device=device
    )
    inside = torch.from_numpy(face_mask(prepared.size)).to(device)
    outside = 1 - inside
    if guides is not None:
        guides.to(device, memory_format=layout).eval().requires_grad_(False)
        guided = [guides.attributes.index(name) for name in classifiers.names]

    # What the frozen parts make of a face is made once
    spaces = (made or Spaces(facenet, autoencoder, prepared, device)).of("fit")
    some = loop.generator(seed, 0, 4).choice(len(fit), min(480, len(fit)), replace=False)
    natural = natural_scale(circle, spaces[0][place(np.sort(some), False, len(fit))], names).clone()

    def batch(step: int) -> tuple[torch.Tensor, ...]:
        count = min(batch_size, len(fit))
        chosen = loop.generator(seed, step).choice(len(fit), count, replace=False)
        x, mirror = prepared.batch(fit[chosen]), bool(step % 2)
        at = place(chosen, mirror, len(fit))
        return x.flip(3) if mirror else x, *(space[at] for space in spaces)

    def edits(
        z: torch.Tensor, rng: np.random.Generator, chance: np.ndarray | None
    ) -> tuple[torch.Tensor, ...]:
        """Three edits, each of a third of the faces: columns (B,), strengths (B,), z' (B, D)."""
        columns, amounts, ends = [], [], []
        for part in z.tensor_split(3):
            if rest and rng.random() < others:
                edit = f"{rng.choice(rest)}{rng.choice(['+', '-'])}"
            else:
                edit = str(rng.choice(signed, p=chance))
            name, sign = edit[:-1], edit[-1]
            amount = rng.uniform(*strength) * (1 if sign == "+" else -1)
            # A copy, because autograd cannot keep what was made in inference mode
            path = circle.walk(part, {name: amount}, step=0.15, bound=bound)
            ends.append(path.end.clone())
            columns.append(torch.full((len(part),), classifiers.index(name), device=z.device))
            amounts.append(torch.full((len(part),), amount, device=z.device))
        return torch.cat(columns), torch.cat(amounts), torch.cat(ends)

    def notice(edited: torch.Tensor, amount: torch.Tensor, missed: torch.Tensor) -> None:
        for column, value, short in zip(
            *(part.tensor_split(3) for part in (edited, amount, missed.detach())), strict=True
        ):
            edit = f"{classifiers.names[int(column[0])]}{'+' if value[0] > 0 else '-'}"
            state[edit] = 0.95 * state.get(edit, 1.0) + 0.05 * short.mean().item()

    def guise(x: torch.Tensor) -> torch.Tensor:
        return augment(blurred(x), rotate=4, scale=0.05, shift=0.03, erase=0)

    def losses(net, x, z, h, rng, vary: bool):
        with torch.no_grad(), torch.autocast(kind, torch.bfloat16):
            rebuilt = autoencoder.decode(h)
        edited, amount, end = edits(z, rng, often(state, signed) if vary else None)
        change = net(h, z, end)
        moved = h + change
        half = slice(None, None, 2)  # FaceNet sees every other picture, and costs half
        with torch.autocast(kind, torch.bfloat16):
            drawn = autoencoder.decode(moved)
            # Cut here: what is seen of the picture pulls at it, and then it pulls at the code
            changed = drawn.detach().requires_grad_()
            picture = (x + inside * (changed - rebuilt)).clamp(-1, 1)
            if vary:
                # The face in the same guise as its edit: what differs between them is the edit
                with torch.random.fork_rng():
                    face = guise(x)
                picture = guise(picture)
            else:
                face = x
            picture = picture.contiguous(memory_format=layout)
            face = face.contiguous(memory_format=layout)
            seen = facenet(picture[half])
            with torch.no_grad():
                start_seen = facenet(face[half]) if vary else z[half]
        went = classifiers(end[half]) - classifiers(z[half])
        loss, parts = closing_loss(
            rebuilt,
            changed,
            seen,
            start_seen,
            F.normalize(start_seen + way * (end - z)[half], dim=1),
            classifiers(seen),
            classifiers(start_seen) + went,
            edited[half],
            outside,
            colours[edited],
            cycle_weight=cycle_weight,
            attribute_weight=attribute_weight,
            outside_weight=outside_weight,
            tint_weight=tint_weight,
        )
        if person_weight:
            moved = (facenet.person(seen) * facenet.person(start_seen)).sum(1)
            parts["person"] = F.relu(1 - moved - NEAR).mean()
            loss = loss + person_weight * parts["person"]
        if guides is not None:
            # Two at a time, and never the same two for long: fooling one team is easier
            every = len(guides.members)
            looking = rng.permutation(every)[:2].tolist() if vary else list(range(every))
            with torch.autocast(kind, torch.bfloat16):
                after = guides(picture, looking)
                with torch.no_grad():
                    before = guides(face, looking)
            before, after = (logits[:, :, guided] for logits in (before, after))
            missed, parts["besides"] = guide_loss(before, after, edited, amount, stay)
            parts["short"] = missed.mean()
            if vary:
                notice(edited, amount, missed)
            loss = loss + short_weight * parts["short"] + besides_weight * parts["besides"]
        # 1 for the mapping as it came; what fools a classifier is spread over fine detail instead
        parts["unnatural"] = (change.square() / natural).mean()
        parts["anchor"] = ((net.mapping(z) - h) / net.mapping.spread).square().mean()
        inner = natural_weight * parts["unnatural"] + anchor_weight * parts["anchor"]
        return loss, inner, parts, (drawn, changed, picture, face)

    def update(step: int, drawn) -> Numbers[str, torch.Tensor]:
        x, z, h = (part.to(device) for part in drawn)
        x = x.contiguous(memory_format=layout)
        loss, inner, parts, pictures = losses(
            net, x, z, h, loop.generator(seed, step, 1), vary=True
        )
        drawn, changed, picture, face = pictures
        for name, optimizer in optimizers.items():
            loop.set_rate(optimizer, loop.cosine(step, steps, peak=peaks[name], warmup=50))
            optimizer.zero_grad(set_to_none=True)
        if critic_weight:
            critic.requires_grad_(False)
            with torch.autocast(kind, torch.bfloat16):
                opinion = critic(picture)
            pull = joined_pull(changed, loss, opinion, critic_weight)
            critic.requires_grad_(True)
            with torch.autocast(kind, torch.bfloat16):
                told = hinge(critic(face), critic(picture.detach()))
            told.backward()
            parts["critic"] = told
        else:
            (pull,) = torch.autograd.grad(loss, changed)
        torch.autograd.backward([drawn, inner], [pull, None])
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for optimizer in optimizers.values():
            optimizer.step()
        follow(averaged, net, step, average)
        return {name: value.detach() for name, value in parts.items()}

    @torch.no_grad()
    def validate(step: int) -> dict[str, float]:
        rng = loop.generator(seed, 0, 2)  # the same edits every time
        sums: dict[str, float] = {}
        starts = range(0, min(len(tune), 768) - batch_size + 1, batch_size)
        for start in starts:
            x = prepared.batch(tune[start : start + batch_size]).to(device)
            x = x.contiguous(memory_format=layout)
            with torch.autocast(kind, torch.bfloat16):
                z, h = facenet(x).float(), autoencoder.encode(x).float()
            _, _, parts, _ = losses(averaged, x, z, h, rng, vary=False)
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + value.item() / max(1, len(starts))
        return sums

    loop.run(
        modules=modules,
        optimizers=optimizers,
        batch=batch,
        update=update,
        validate=validate,
        validate_every=validate_every,
        state=state,
        steps=steps,
        out=out,
        seed=seed,
        minutes=minutes,
        config=dict(
            part="closing",
            width=width,
            data=prepared.info.get("source"),
            faces=len(fit),
            batch_size=batch_size,
            rate=rate,
            bound=bound,
            strength=list(strength),
            others=others,
            way=way,
            cycle_weight=cycle_weight,
            attribute_weight=attribute_weight,
            person_weight=person_weight,
            outside_weight=outside_weight,
            natural_weight=natural_weight,
            tint_weight=tint_weight,
            anchor_weight=anchor_weight,
            critic_weight=critic_weight,
            critic_rate=critic_rate,
            average=average,
            circle=start,
            guides=None if guides is None else fingerprint(guides),
            short_weight=short_weight if guides is not None else 0.0,
            besides_weight=besides_weight if guides is not None else 0.0,
        ),
    )
    return Circle(
        facenet,
        autoencoder,
        circle.mapping,
        classifiers,
        changes=averaged.requires_grad_(False),
        guides=look or circle.guides,
        finer=circle.finer,
        aligner=circle.aligner,
        bound=circle.bound,
    )

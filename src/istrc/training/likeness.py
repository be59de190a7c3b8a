"""The mapping made to draw faces: a refinement of F in the picture (paper section 5.2 ends at MSE).

The code of least squared error is the mean of all faces that the embedding may stand for, and what
is drawn from it is a blur. What the embedding does know, the picture can show, and what it does not
know (pose, light, each hair), the picture may make up. So F is trained on, through the decoder,
which stays: the recogniser must find in decode(F(z)) the z that it was drawn from; what FaceNet's
first maps and the guides see must be as it is in the face; and a critic must take it for a face.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from istrc import sphere
from istrc.data.prepared import Prepared
from istrc.models.began import AutoEncoder
from istrc.models.facenet import FaceNet
from istrc.models.guide import Guides
from istrc.models.mapping import Mapping
from istrc.models.store import fingerprint
from istrc.training import loop
from istrc.training.augment import augment, blurred
from istrc.training.average import follow
from istrc.training.began import crispness, feature_loss
from istrc.training.critic import Scales, hinge, joined_pull
from istrc.training.decoder import seen_loss
from istrc.training.mapping import picture_weights
from istrc.training.spaces import Spaces, place

HELD = 512  # faces of tune that are measured on the way
COARSE = 4  # pixels: colours and light of what is larger are not for the critic to make up


def train_likeness(
    data: str | Path,  # a prepared folder
    out: str | Path,  # run folder; holds the checkpoint
    *,
    mapping: Mapping,  # F, trained on codes
    autoencoder: AutoEncoder,
    facenet: FaceNet,  # whose embeddings F maps
    guides: Guides | None = None,
    made: Spaces | None = None,  # of the same data and networks; they are made otherwise
    limit: int | None = None,  # faces to train on, at most
    steps: int = 8000,  # batches
    batch_size: int = 32,
    rate: float = 2e-4,  # peak learning rate of Adam
    code_weight: float = 1.0,  # of the codes' weighted squared error
    person_weight: float = 0.3,  # of 1 - cos of the angle from z to what is embedded again
    colour_weight: float = 1.0,  # of the L1 error of the picture's coarse colours
    feature_weight: float = 2.0,
    seen_weight: float = 0.5,
    critic_weight: float = 0.5,  # pull of the critic beside the rest
    critic_rate: float = 4e-4,
    average: float = 0.998,  # decay of the moving average, which is what is kept
    seed: int = 0,
    device: str = "cpu",
    minutes: float | None = None,  # stop, resumably, after this long
    validate_every: int = 500,  # steps
) -> Mapping:
    """Train F on, in the picture; returns it. The other parts stay."""
    prepared = Prepared(data)
    kind, layout = torch.device(device).type, torch.channels_last
    for part in (autoencoder, facenet, guides):
        if part is not None:
            part.to(device, memory_format=layout).eval().requires_grad_(False)
    made = made or Spaces(facenet, autoencoder, prepared, device, limit)
    fit, tune = made.rows["fit"], made.rows["tune"][:HELD]
    z, h = made.of("fit")
    held = made.embeddings("tune")
    torch.manual_seed(seed)
    # Its BatchNorm keeps the statistics that it has: batches are small now
    net = copy.deepcopy(mapping).to(device).eval().requires_grad_(True)
    averaged = copy.deepcopy(net).requires_grad_(False)
    critic = Scales(3).to(device, memory_format=layout)
    pulls = picture_weights(autoencoder, h, net.spread.cpu()).to(device)
    optimizers = {
        "net": torch.optim.Adam(net.parameters(), lr=rate, betas=(0.5, 0.99)),
        "critic": torch.optim.Adam(critic.parameters(), lr=critic_rate, betas=(0.5, 0.99)),
    }
    rates = {"net": rate, "critic": critic_rate}

    def batch(step: int) -> tuple[torch.Tensor, ...]:
        chosen = loop.generator(seed, step).choice(len(fit), min(batch_size, len(fit)), False)
        x, mirror = prepared.batch(fit[chosen]), bool(step % 2)
        at = place(chosen, mirror, len(fit))
        return (x.flip(3) if mirror else x), z[at], h[at]

    def update(step: int, given) -> dict[str, torch.Tensor]:
        x, asked, code = (part.to(device) for part in given)
        x = x.contiguous(memory_format=layout)
        for name, optimizer in optimizers.items():
            loop.set_rate(optimizer, loop.cosine(step, steps, peak=rates[name]))
            optimizer.zero_grad(set_to_none=True)
        found = net.standardised(asked)
        error = (found - (code - net.mean) / net.spread).square()
        shown = {"code": (error * pulls).mean()}
        with torch.autocast(kind, torch.bfloat16):
            drawn = autoencoder.decode(net.mean + found * net.spread)
            picture = drawn.detach().contiguous(memory_format=layout).requires_grad_()
            # Seen from elsewhere, so that it is a likeness and not a pattern that fools one view
            seen = augment(blurred(picture), rotate=5, scale=0.05, shift=0.03, light=0.1, erase=0)
            shown["person"] = 1 - (facenet(seen).float() * asked).sum(1).mean()
            shown["feature"] = feature_loss(facenet, x, picture, 4)
            coarse = F.avg_pool2d(picture - x, COARSE)
            shown["colour"] = coarse.abs().mean()
            loss = person_weight * shown["person"] + colour_weight * shown["colour"]
            loss = loss + feature_weight * shown["feature"]
            if guides is not None:
                shown["seen"] = seen_loss(guides, step % len(guides.members), x, picture)
                loss = loss + seen_weight * shown["seen"]
            critic.requires_grad_(False)
            pull = joined_pull(picture, loss, critic(picture), critic_weight)
            critic.requires_grad_(True)
            shown["critic"] = hinge(critic(x), critic(picture.detach()))
        shown["critic"].backward()
        torch.autograd.backward([drawn, code_weight * shown["code"]], [pull, None])
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        for optimizer in optimizers.values():
            optimizer.step()
        follow(averaged, net, step, average)
        return {name: value.detach() for name, value in shown.items()}

    @torch.no_grad()
    def validate(step: int) -> dict[str, float]:
        angles, squared, edges, seen = 0.0, 0.0, [0.0, 0.0], 0
        for start in range(0, len(tune), 64):
            x = prepared.batch(tune[start : start + 64]).to(device)
            own = held[start : start + len(x)].to(device)
            y = autoencoder.decode(averaged(own)).clamp(-1, 1)
            angles += sphere.angle(facenet(y), own).sum().item()
            squared += F.mse_loss(y, x).item() * len(x)
            edges = [edges[0] + crispness(y), edges[1] + crispness(x)]
            seen += len(x)
        psnr = -10 * torch.tensor(squared / seen / 4).log10().item()
        return {"angle": angles / seen, "psnr": psnr, "crisp": float(edges[0] / edges[1])}

    loop.run(
        modules={"net": net, "average": averaged, "critic": critic},
        optimizers=optimizers,
        batch=batch,
        update=update,
        validate=validate,
        validate_every=validate_every,
        steps=steps,
        out=out,
        seed=seed,
        minutes=minutes,
        config=dict(
            part="likeness",
            data=prepared.info.get("source"),
            faces=len(fit),
            batch_size=batch_size,
            rates=rates,
            weights=dict(
                code=code_weight,
                person=person_weight,
                colour=colour_weight,
                feature=feature_weight,
                seen=seen_weight,
                critic=critic_weight,
            ),
            average=average,
            mapping=fingerprint(mapping),
            autoencoder=fingerprint(autoencoder),
            facenet=fingerprint(facenet),
            guides=None if guides is None else fingerprint(guides),
            net=net.config,
        ),
    )
    return averaged.requires_grad_(True)

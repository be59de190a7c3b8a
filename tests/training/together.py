"""What the tests train on one process and on two: run as a script by `torchrun`, imported by them.

torchrun --nproc-per-node 2 tests/training/together.py DATA OUT
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from istrc.training import loop, processes
from istrc.training.began import train_began
from istrc.training.facenet import train_facenet
from istrc.training.settings import Run, setting

STEPS = 8


@dataclass(kw_only=True)
class TinySettings(Run):
    steps: int = setting(STEPS, "Batches.")
    average: float = setting(0.9, "Decay.")
    validate_every: int = setting(4, "Steps.")


def train_tiny(out, **given):
    """Points that are to be 1 from each other, whichever process has them, and in a plane."""
    s = TinySettings(**given)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    averaged = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).requires_grad_(False)
    state = {"k": 0.0}

    def batch(step):
        rows = loop.generator(0, step).normal(size=(12, 4))
        return torch.from_numpy(processes.shard(rows)).float()

    def gradients(step, x):
        z = net(x)
        own = (z[:, 0] - x[:, 0]).square().mean()  # a mean over this process's share
        (every,) = processes.all_gather(z)
        pairs = torch.cdist(every, every).sub(1).square().mean()  # over all pairs of the batch
        loss = own + pairs + state["k"] * z.square().mean()
        loss.backward()
        state["k"] += 0.1 * own.item()
        return {"loss": loss.detach()}

    return loop.train(
        "tiny",
        s,
        out,
        modules={"net": net, "average": averaged},
        optimizers={"sgd": torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)},
        batch=batch,
        gradients=gradients,
        averaged=averaged,
        clip=1.0,
        validate=lambda step: {"weight": float(averaged[0].weight.sum())},
        best="weight",
        state=state,
        config={},
        echo=False,
    )


def train_pictures(data, out):
    """BEGAN without what looks at a batch as a whole: a critic's pull, the spread of features."""
    tiny = dict(widths=(8, 8), linear=8, linear_side=16, generator_code=4, generator_widths=(8, 8))
    few = dict(steps=4, batch_size=8, fakes=4, critic_weight=0.0, k_rate=0.5, validate_every=2)
    return train_began(data, out, **tiny, **few)


def on_this_process(data, out):
    """All that several processes are to do."""
    train_tiny(out / "tiny")
    assert train_tiny(out / "stopped", minutes=1e-9) == 1
    train_tiny(out / "other")  # goes on with what another number of processes has begun
    train_pictures(data, out / "began")
    net = train_facenet(
        data, out / "facenet", steps=3, people=4, pictures=4, size=16, dim=8, widths=(8, 8),
        depths=(1, 1), triplets_from=0.5, validate_every=2,
    )  # fmt: skip
    # The same weights and statistics wherever they were trained
    (every,) = processes.all_gather(
        torch.cat([v.flatten() for v in net.state_dict().values()])[None]
    )
    assert every[0].equal(every[-1]) and len(every) == processes.world_size()


if __name__ == "__main__":
    on_this_process(Path(sys.argv[1]), Path(sys.argv[2]))

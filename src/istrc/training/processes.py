"""One training on several processes, by Lightning Fabric, on one machine or many.

`fabric run` and `torchrun` start a command several times. All of them draw the same batches and the
same random numbers; each takes its share of either, and the mean of their gradients is what each
steps by. So they hold the same weights, which are those of one process with the whole batch, up to
rounding; but BatchNorm sees a share, and its statistics are averaged. A checkpoint says nothing of
processes: a run goes on with any number of them. Only the first writes it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping
from typing import Any, TypeVar

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from istrc.errors import InputError
from istrc.runtime import needed

T = TypeVar("T", bound=Any)
_joined: list[Any] = []  # the Fabric, once `connect` was called and there are others


def world_size() -> int:
    """How many processes train; `torchrun` and `fabric run` say so."""
    return int(os.environ.get("WORLD_SIZE", 1))


def rank() -> int:
    """Which of them this is, from 0."""
    return int(os.environ.get("RANK", 0)) if world_size() > 1 else 0


def connect(device: str = "cpu") -> Any:
    """The others, by a lightning_fabric.Fabric, joined at the first call; None for one alone.

    Args:
        device: where the first caller computes: they talk by NCCL on cuda, else by Gloo.

    Raises IstrcError where Lightning Fabric is needed and not installed.
    """
    if world_size() > 1 and not _joined:
        with needed(
            "training on several processes needs Lightning Fabric: pip install 'istrc[fabric]'"
        ):
            from lightning_fabric import Fabric
        here = int(os.environ.get("LOCAL_WORLD_SIZE", world_size()))
        kind, nodes = "cuda" if device.startswith("cuda") else "cpu", world_size() // here
        fabric = Fabric(accelerator=kind, strategy="ddp", devices=here, num_nodes=nodes)
        fabric.launch()
        _joined.append(fabric)
    return _joined[0] if _joined else None


def shard(batch: T) -> T:
    """This process's part of a batch, an array or a tensor (B, ...). Raises InputError."""
    if len(batch) % world_size():
        raise InputError(
            f"a batch of {len(batch)} has no equal shares for {world_size()} processes; choose "
            "another size of batch, or another number of processes"
        )
    own = len(batch) // world_size()
    return batch[rank() * own : (rank() + 1) * own]


def all_gather(*shards: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The whole of tensors (B, ...) of which each process has a share; gradients flow back."""
    fabric = connect()
    if fabric is None:
        return shards
    return tuple(fabric.all_gather(one, sync_grads=True).flatten(0, 1) for one in shards)


@torch.no_grad()
def average_gradients(
    modules: Mapping[str, nn.Module], optimizers: Mapping[str, torch.optim.Optimizer]
) -> None:
    """Make every gradient, and the statistics of BatchNorm, the mean over the processes."""
    fabric = connect()
    if fabric is None:
        return
    groups = [group for one in optimizers.values() for group in one.param_groups]
    tensors = [p.grad for group in groups for p in group["params"] if p.grad is not None]
    for part in (part for module in modules.values() for part in module.modules()):
        if isinstance(part, _BatchNorm) and part.training:
            tensors += [t for t in (part.running_mean, part.running_var) if t is not None]
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    fabric.all_reduce(flat, reduce_op="mean")
    for tensor, mean in zip(tensors, flat.split([t.numel() for t in tensors]), strict=True):
        tensor.copy_(mean.view(tensor.shape))


def synchronised(state: MutableMapping[str, float], ended: bool) -> bool:
    """Make numbers the mean over the processes, in place; whether any of them is to end."""
    fabric = connect()
    if fabric is None:
        return ended
    values = torch.tensor(
        [*state.values(), float(ended)], dtype=torch.float64, device=fabric.device
    )
    *means, any_ended = fabric.all_reduce(values, reduce_op="mean").tolist()
    state.update(zip(state, means, strict=True))
    return any_ended > 0


def barrier() -> None:
    """Until every process is here, so that what the first has written is there."""
    fabric = connect()
    if fabric is not None:
        fabric.barrier()

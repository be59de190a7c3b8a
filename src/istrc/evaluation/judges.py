"""The attribute judge: how it is trained, kept, and asked.

Every verdict is the plain probability of the network (the mean of a picture's logit and its mirror
image's) against 0.5, with no threshold tuned for any attribute. For rare attributes this is strict:
a mustache counts only when the judge thinks it likelier than not.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from istrc.data.prepared import Prepared
from istrc.device import reduced
from istrc.errors import InputError
from istrc.evaluation.attributes import measure_attributes
from istrc.evaluation.results import plain, weights_checksum
from istrc.models.fused import channels_last
from istrc.models.judge import JudgeNet
from istrc.models.serialization import load_part, save_part
from istrc.training.entropy import known_entropy
from istrc.training.settings import JudgeSettings
from istrc.whole import read_json

SHIPPED = Path(__file__).resolve().parents[1] / "weights" / "judge64"


class Judge:
    """A trained judge: pictures in, probabilities and features out, in batches.

    Faces larger than its own are reduced to its size first, so that one judge measures circles of
    several sizes; smaller ones are refused.
    """

    def __init__(self, net: JudgeNet, note: Mapping[str, Any] | None = None):
        self.net = net.eval().requires_grad_(False)
        self.note = dict(note or {})  # how it was trained and how good it is
        self.attribute_names: list[str] = net.attributes
        self.size = net.size  # S, the side in pixels of the faces it judges

    @property
    def checksum(self) -> str:
        """SHA-256 over the weights as they are stored, which identifies the judge in a result."""
        return weights_checksum(copy.deepcopy(self.net).half())

    @classmethod
    def load(cls, folder: str | Path | None = None, device: str | torch.device = "cpu") -> Judge:
        """The judge in a folder; without one, the shipped one.

        Raises InputError where a file is missing or damaged, or holds something else.
        """
        folder = Path(folder) if folder is not None else SHIPPED
        net = load_part(folder, device)
        if not isinstance(net, JudgeNet):
            raise InputError(f"{folder}: holds a {type(net).__name__}, not a judge")
        return cls(net, read_json(folder / "config.json").get("judge"))

    def save(self, folder: str | Path) -> None:
        """Write the judge and how it was trained and measured; `load` reads it back."""
        save_part(self.net, folder, judge=plain(self.note))

    def probabilities(self, x: torch.Tensor, batch: int = 256) -> np.ndarray:
        """Faces (N, 3, S, S) in [-1, 1] -> probability of every attribute (N, A) float32."""
        return self.predict(x, batch)[0]

    def features(self, x: torch.Tensor, batch: int = 256) -> np.ndarray:
        """The penultimate layer of faces (N, 3, S, S): (N, F) float32, for Fréchet distances."""
        return self.predict(x, batch, mirror=False)[1]

    @torch.inference_mode()
    def predict(
        self, x: torch.Tensor, batch: int = 256, *, mirror: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (N, A) and features (N, F) of faces in one pass.

        A probability is of the mean of a face's logit and its mirror image's (`mirror`), features
        are of the face as it is.
        """
        if x.shape[-1] < self.size:
            raise InputError(
                f"this judge looks at {self.size} px faces and was given {x.shape[-1]} px; "
                "train one at that size with `istrc train judge`"
            )
        net, size = self.net, (self.size, self.size)
        probabilities = [np.zeros((0, len(self.attribute_names)), np.float32)]
        features = [np.zeros((0, net.penultimate.out_features), np.float32)]
        for start in range(0, len(x), batch):
            part = x[start : start + batch].to(next(net.parameters()).device, torch.float32)
            if part.shape[-2:] != size:
                part = F.interpolate(part, size, mode="bilinear", antialias=True)  # (B, 3, S, S)
            part = part.contiguous(memory_format=torch.channels_last)
            values = net.features(part)  # (B, F)
            logits = net.heads(values)
            if mirror:
                logits = (logits + net(part.flip(3))) / 2
            probabilities.append(torch.sigmoid(logits).cpu().numpy())
            features.append(values.cpu().numpy())
        return np.concatenate(probabilities), np.concatenate(features)

    def column(self, attribute: str) -> int:
        """The column of one attribute in `probabilities`; InputError if it was never learnt."""
        if attribute not in self.attribute_names:
            raise InputError(f"the judge does not know {attribute!r}")
        return self.attribute_names.index(attribute)


def soften(x: torch.Tensor, share: float = 0.5, noise: float = 0.03) -> torch.Tensor:
    """Blur or sharpen a share of the faces a little, and add noise to each.

    Rebuilt faces are blurrier than photographs and edited ones carry faint ghosts; a judge that
    has only seen crisp faces would read either as an attribute. Draws from torch's generator.
    """
    b, c = len(x), x.shape[1]
    taps = torch.tensor([1.0, 4, 6, 4, 1], device=x.device) / 16
    padded = F.pad(x, (2, 2, 2, 2), mode="reflect")
    blurred = F.conv2d(padded, torch.outer(taps, taps).expand(c, 1, 5, 5), groups=c)
    amount = torch.empty(b, 1, 1, 1, device=x.device).uniform_(-0.3, 1.0)
    amount = amount * (torch.rand(b, 1, 1, 1, device=x.device) < share)
    level = torch.rand(b, 1, 1, 1, device=x.device) * noise
    return (torch.lerp(x, blurred, amount) + level * torch.randn_like(x)).clamp(-1, 1)


def train_judge(data: str | Path, out: str | Path, **given: Any) -> Judge:
    """Train a judge on the train split; returns it measured on valid and saved.

    Nothing is chosen on the valid split: the averaged weights of the last step are kept. A run cut
    short by `minutes` goes on when it is called again, and saves what it has so far.
    """
    from istrc.training import loop
    from istrc.training.augment import augment

    s = JudgeSettings(**given)
    prepared = Prepared(data, s.size)
    rows = prepared.rows("train")[: s.limit]
    if not len(rows):
        raise InputError(f"{data}: no face in the train split")

    torch.manual_seed(s.seed)
    net = JudgeNet(prepared.size, tuple(prepared.attribute_names), s.widths, s.depths)
    net = channels_last(net, s.device)
    averaged = copy.deepcopy(net).eval()
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]  # norms and biases are not decayed
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": s.decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=s.rate,
        betas=(0.9, 0.98),
    )

    def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        chosen = rows[loop.passes(s.seed, step, len(rows), s.batch_size)]
        return prepared.batch(chosen), torch.from_numpy(prepared.attributes[chosen])

    def gradients(step: int, data: tuple[torch.Tensor, ...]) -> Mapping[str, torch.Tensor]:
        x, labels = (part.to(s.device) for part in data)
        with torch.no_grad():
            x = augment(x, rotate=6, scale=0.06, shift=0.03, light=0.2, grey=0.03, erase=0)
            x = soften(x).contiguous(memory_format=torch.channels_last)
        with reduced(s.device):
            logits = net(x)
        loss = known_entropy(logits.float(), labels, s.smoothing)
        loss.backward()
        return {"loss": loss.detach()}

    def validate(step: int) -> dict[str, float]:
        judge = Judge(copy.deepcopy(averaged))
        found: Any = measure_judge(judge, prepared, split="tune", limit=1024)
        return {"accuracy": found["mean_accuracy"], "auc": found["mean_auc"]}

    config = dict(source=prepared.info.get("source"), faces=len(rows))
    done = loop.train(
        "judge",
        s,
        out,
        modules={"net": net, "average": averaged},
        optimizers={"adamw": optimizer},
        batch=batch,
        gradients=gradients,
        averaged=averaged,
        clip=2.0,
        schedule=partial(loop.cosine, warmup=min(100, s.steps // 4)),
        validate=validate,
        config={**config, "net": net.config},
        echo=s.echo,
    )
    judge = Judge(averaged.to("cpu"))
    judge.note = {"steps": done, "of_steps": s.steps, "seed": s.seed, "part": "judge"}
    judge.note |= {**config, **s.recorded()}
    if len(prepared.rows("valid")):
        judge.note["valid"] = measure_judge(judge, prepared)
    judge.save(out)
    return judge


def measure_judge(
    judge: Judge, prepared: Prepared, *, split: str = "valid", limit: int | None = None
) -> dict[str, object]:
    """`measure_attributes` of the judge's probabilities on one split."""
    rows = prepared.rows(split)[:limit]
    none = np.zeros((0, len(judge.attribute_names)))
    values = np.concatenate([none, *map(judge.probabilities, prepared.batches(rows, 512))])
    found = measure_attributes(values, judge.attribute_names, prepared, rows)
    return {**found, "split": split}

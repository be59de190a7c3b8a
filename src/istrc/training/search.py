"""The search's training: ridge regression, step after step, of how far found points are off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from istrc.data.prepared import Prepared
from istrc.models.search import Search
from istrc.models.serialization import fingerprint
from istrc.progress import in_parts
from istrc.resample import resized
from istrc.shape.mesh import Mesh
from istrc.training.settings import SearchSettings
from istrc.training.shape_free import straightened
from istrc.training.spaces import standardise
from istrc.whole import write_json

BLOCK = 128  # faces at once


@torch.no_grad()
def train_search(data: str | Path, out: str | Path, **given: Any) -> Search:
    """Fit the corrections; each step learns on the points that the step before has left."""
    s = SearchSettings(**given)
    prepared, labels = Prepared(data), Prepared(data).landmarks
    known = np.isfinite(labels).all((1, 2))
    fit, tune = (rows[known[rows]] for rows in map(prepared.rows, ("fit", "tune")))
    fit = np.random.default_rng(s.seed).permutation(fit)[: s.faces]
    rows = {"fit": np.sort(fit), "tune": tune[:1000]}
    landmarks = s.landmarks.to(s.device).eval()
    autoencoder = s.autoencoder.to(s.device).eval()
    mesh = Mesh(landmarks.reference.cpu().numpy(), landmarks.triangles.cpu().numpy())
    net = Search(autoencoder.code + 2 * labels.shape[1], 2 * labels.shape[1], s.steps)
    found: dict[str, np.ndarray] = {}
    errors = []
    for step in range(s.steps + 1):
        codes = {}
        for part, some in rows.items():
            shapes, h = [], []
            for block in in_parts(f"points {step} of {s.steps}", len(some), BLOCK):
                x = prepared.batch(some[block]).to(s.device)
                x = resized(x, autoencoder.size).clip(-1, 1)
                if step == 0:
                    seen = resized(x, landmarks.size).clip(-1, 1)
                    own = landmarks.find(seen)[..., :2].cpu().numpy()
                else:
                    own = found[part][block]
                shapes.append(own)
                h.append(autoencoder.encode(straightened(x, own, mesh)).cpu())
            found[part] = np.concatenate(shapes)
            flat = torch.from_numpy(found[part]).flatten(1)
            codes[part] = torch.cat([torch.cat(h), flat], 1)
        off = {part: torch.from_numpy(labels[rows[part]] - found[part]).flatten(1) for part in rows}
        errors.append(off["tune"].view(-1, labels.shape[1], 2).norm(dim=2).mean().item())
        if step == s.steps:
            break
        if step == 0:
            standardise(net, codes["fit"])
        coded = ((codes["fit"] - net.mean) / net.spread).double()
        wanted = off["fit"].double()
        middle, ended = coded.mean(0), wanted.mean(0)
        gram = (coded - middle).T @ (coded - middle) + s.ridge * torch.eye(coded.shape[1])
        solved = torch.linalg.solve(gram, (coded - middle).T @ (wanted - ended))
        weight, bias = net.members[step].parameters()
        weight.copy_(solved.T)
        bias.copy_(ended - middle @ solved)
        for part in rows:
            moved = net(codes[part])[step].view(-1, labels.shape[1], 2).numpy()
            found[part] = found[part] + moved
    nets = dict(landmarks=fingerprint(landmarks), autoencoder=fingerprint(autoencoder))
    config = dict(part="search", faces=len(rows["fit"]), seed=s.seed, **s.recorded(), **nets)
    errors = [round(one, 5) for one in errors]  # on tune, half crops, before and after each step
    write_json(Path(out) / "run.json", {**config, "net": net.config, "off": errors})
    return net.eval()

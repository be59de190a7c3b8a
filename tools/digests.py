"""The weights of every part after a few steps, as digests: equal before and after a change that
should change nothing in training.

    python -m tools.digests > before.txt

On pictures that are drawn and mean nothing. Digests of two machines, or of two versions of torch,
differ: compare those of one.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from torch import nn

from istrc.evaluation.judges import train_judge
from istrc.models.serialization import fingerprint, load_part
from istrc.pretrained import FURTHER, PARTS
from istrc.shipped import DEFAULT, WEIGHTS
from istrc.training.all import train_all
from istrc.training.presets import PRESETS, Preset
from istrc.training.settings import AllSettings
from istrc.whole import write_json

SIZE, PEOPLE, EACH = 32, 60, 8  # pixels of a side; people, and pictures of each
ATTRIBUTES = ("smile", "male", "beard", "eyeglasses", "young")
NARROW = dict(widths=(8, 16, 16), depths=(1, 1, 1), size=SIZE)


def draw(folder: Path) -> None:
    """A prepared folder: a person is colours at random, everything else is noise."""
    rng, count = np.random.default_rng(0), PEOPLE * EACH
    identity = np.repeat(np.arange(PEOPLE), EACH)
    own = rng.uniform(60, 200, (PEOPLE, 8, 8, 3)).repeat(SIZE // 8, 1).repeat(SIZE // 8, 2)
    labels = rng.integers(0, 2, (count, len(ATTRIBUTES)))
    mean = load_part(WEIGHTS / DEFAULT / "landmarks").state_dict()["mean"]
    arrays = {
        "images": (own[identity] + rng.normal(0, 20, (count, SIZE, SIZE, 3))).clip(0, 255),
        "attributes": labels,
        "identity": identity + 1,
        "split": identity >= PEOPLE - 6,
        "landmarks": mean.numpy() + rng.normal(0, 0.02, (count, *mean.shape)),
    }
    kinds = dict(zip(arrays, (np.uint8, np.int8, np.int32, np.int8, np.float32), strict=True))
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array.astype(kinds[name]))
    (folder / "names.txt").write_text("".join(f"{number}.png\n" for number in range(count)))
    about = dict(size=SIZE, count=count, attributes=ATTRIBUTES, splits=["train", "valid", "test"])
    write_json(
        folder / "prepared.json", {"format": 1, **about, "source": "drawn", "complete": True}
    )


def digests(folder: Path, steps: int) -> Iterator[tuple[str, str]]:
    """Trains every part for so many steps in a folder: the name and the digest of each network."""
    data, out = folder / "drawn", folder / "out"
    data.mkdir()
    draw(data)
    named = [one.removesuffix("_steps") for one in vars(AllSettings()) if one.endswith("_steps")]
    PRESETS["drawn"] = Preset(
        dict.fromkeys(named, steps),
        dict(
            facenet=dict(people=8, **NARROW), landmarks=dict(batch_size=8), stopping=dict(faces=4)
        ),
    )
    circle = train_all(data, out, preset="drawn")
    train_judge(data, out / "runs" / "judge", steps=steps, **NARROW)
    for part in (*PARTS, *FURTHER):
        yield part, fingerprint(getattr(circle, part))
    for path in sorted(out.glob("runs/**/checkpoint.safetensors")):
        modules = nn.Module()  # with critic and generator, which no circle has
        for name, value in load_file(path).items():
            if name.startswith("module/"):
                modules.register_buffer(name.replace(".", "/"), value)
        yield str(path.parent.relative_to(out)), fingerprint(modules)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.digests", description=__doc__)
    parser.add_argument("--steps", type=int, default=50, help="batches of every part")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        for part, digest in digests(Path(place), given.steps):
            print(f"{part:16} {digest}", flush=True)

"""Damaged files of every kind but pictures: each is read, or refused in one line.

ISTRC_FUZZ=2000 pytest tests/test_fuzz_readers.py      # as many cases a kind
ISTRC_FUZZ_JSON=results/fuzz_readers.json writes what became of them, for
docs/results/reliability.md.
"""

import copy
import io
import json
import os
import shutil
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load, save

from istrc.circle import Circle
from istrc.cli.report import EXPECTED, describe
from istrc.cli.vectors import read_vectors
from istrc.data.prepare import prepare
from istrc.data.prepared import Prepared
from istrc.data.sources import open_source
from istrc.learning.learn import trust_of
from istrc.models.learned import LearnedAttribute
from istrc.shipped import DEFAULT, WEIGHTS
from istrc.verbs.calibration import read_thresholds
from istrc.whole import checksum

RESULT = "fuzz_readers"  # what `became` is called in results/
CASES = int(os.environ.get("ISTRC_FUZZ", 50))  # of each kind
DEAR = 10  # a circle is opened and used in one case of so many
LIES = (b"\xff\xff\xff\xff", b"\0\0\0\0", b"999999999", b"-1", b"null", b"[[[", b"{}", b"1e999")
# What may stand in JSON in the place of anything
OTHERS = (None, [], {}, "x", "", 0, -1, 1.5, 1e30, 10**9, True, float("nan"), [[]], "../x")


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """Bits flipped in all of it or at its begin, a lie in it, cut, or doubled."""
    data, way = bytearray(whole), rng.integers(4)
    reach = min(len(data), int(rng.choice([len(data), 400])))
    at = int(rng.integers(reach))
    if way == 0:
        for place in rng.integers(0, reach, rng.integers(1, 9)):
            data[place] ^= 1 << int(rng.integers(8))
    elif way == 1:
        lie = LIES[rng.integers(len(LIES))]
        data[at : at + len(lie)] = lie
    elif way == 2:
        del data[at:]
    else:
        data[at:at] = data[at : at + int(rng.integers(1, 200))]
    return bytes(data)


def changed(value, rng: np.random.Generator):
    """JSON of which one node, whichever, is another value or missing."""
    root = [copy.deepcopy(value)]
    places, ahead = [], [root]
    while ahead:
        node = ahead.pop()
        keys = list(node) if isinstance(node, dict) else range(min(len(node), 20))
        for key in keys:
            places.append((node, key))
            if isinstance(node[key], (dict, list)):
                ahead.append(node[key])
    node, key = places[rng.integers(len(places))]
    if isinstance(node, dict) and rng.integers(4) == 0:
        del node[key]
    else:
        node[key] = OTHERS[rng.integers(len(OTHERS))]
    return root[0]


def png(side: int) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(out := io.BytesIO(), "PNG")
    return out.getvalue()


# A kind is a function of a folder that prepares what it needs there, and gives the function of a
# generator that damages it and reads it


def embeddings(folder):
    np.save(folder / "z.npy", np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32))
    np.savez(folder / "z.npz", a=np.ones(3))
    wholes = [(folder / name).read_bytes() for name in ("z.npy", "z.npz")]

    def case(rng):
        (folder / "z.npy").write_bytes(damaged(wholes[rng.integers(2)], rng))
        read_vectors(folder / "z.npy")

    return case


def learned(folder):
    circle = Circle.from_pretrained(runtime="onnx")
    record, path = circle.recogniser.record, folder / "freckles.safetensors"
    notes = {"auc": 0.9, "auc_low": 0.8, "auc_high": 0.95, "with": 20, "without": 20}
    LearnedAttribute("freckles", np.ones(circle.dim, np.float32), 0.1, record, notes).save(path)
    whole, tensors = path.read_bytes(), load(path.read_bytes())
    config = {"format": 1, "name": "freckles", "recogniser": record, "notes": notes}

    def case(rng):
        if rng.integers(2):
            path.write_bytes(damaged(whole, rng))
        else:
            path.write_bytes(save(tensors, {"istrc": json.dumps(changed(config, rng))}))
        circle.learned = {}
        trust_of(circle.add(path))
        circle.scores(np.eye(1, circle.dim, dtype=np.float32))

    return case


def labels(folder):
    (folder / "a.png").write_bytes(png(16))
    table = b"file,identity,split,smile,Hair\na.png,p1,train,1,red\nb.png,p2,test,0,blond\n"

    def case(rng):
        (folder / "labels.csv").write_bytes(damaged(table, rng))
        read_source(folder, categories=[["Hair"], []][rng.integers(2)])

    return case


def official_zip(folder):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("list_attr_celeba.txt", "2\nSmiling Male\na.jpg 1 -1\nb.jpg -1 1\n")
        archive.writestr("list_eval_partition.txt", "a.jpg 0\nb.jpg 1\n")
        archive.writestr("identity_CelebA.txt", "a.jpg 1\nb.jpg 2\n")
        archive.writestr("img_align_celeba/a.jpg", png(16))

    def case(rng):
        (folder / "celeba.zip").write_bytes(damaged(made.getvalue(), rng))
        read_source(folder / "celeba.zip")

    return case


def parquet(folder):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    path = folder / "train.parquet"
    images = [{"bytes": png(16), "path": "a.png"}] * 3
    people = [[1, 2, None], ["a", "b", "c"], [2**40] * 3, [[1]] * 3, [1.5] * 3]
    pictures = [images, [None, *images[1:]], [{"bytes": "text", "path": 5}] * 3, [1, 2, 3]]

    def case(rng):
        way = rng.integers(8)
        person = people[rng.integers(len(people)) if way == 0 else 0]
        image = pictures[rng.integers(len(pictures)) if way == 1 else 0]
        columns = {"image": image, "celeb_id": person, "Smiling": [True, False, None]}
        pq.write_table(pyarrow.table(columns), path)
        if way > 1:
            path.write_bytes(damaged(path.read_bytes(), rng))
        read_source(path)

    return case


def prepared(folder):
    source, made = folder / "source", folder / "prepared"
    source.mkdir()
    for number in range(4):
        (source / f"{number}.png").write_bytes(png(16 + number))
    rows = "".join(f"{number}.png,{number},{number % 2}\n" for number in range(4))
    (source / "labels.csv").write_text(f"file,identity,smile\n{rows}")
    prepare(source, made, size=16, workers=1)
    files = {path.name: path.read_bytes() for path in made.iterdir()}

    def case(rng):
        for name, data in files.items():
            (made / name).write_bytes(data)
        if rng.integers(2):
            name = sorted(files)[rng.integers(len(files))]
            (made / name).write_bytes(damaged(files[name], rng))
        else:
            info = changed(json.loads(files["prepared.json"]), rng)
            (made / "prepared.json").write_text(json.dumps(info))
        data = Prepared(made)
        assert len(data.images[:1]) == 1 and data.names is not None
        for name in data.attribute_names:
            data.column(name)
        prepare(source, made, size=16, workers=1)

    return case


def circle_json(folder):
    whole, files = copied_circle(folder, "*.json")

    def case(rng):
        name = sorted(files)[rng.integers(len(files))]
        (whole / name).write_text(json.dumps(changed(json.loads(files[name]), rng)))
        try:
            use_circle(whole, rng)
        finally:
            (whole / name).write_bytes(files[name])

    return case


def circle_weights(folder):
    """Weights of other numbers, shapes and kinds, under the checksum that they have."""
    whole, files = copied_circle(folder, "*.safetensors")

    def case(rng):
        name = sorted(files)[rng.integers(len(files))]
        config = whole / name.parent / "config.json"
        before, tensors = config.read_bytes(), load(files[name])
        key = sorted(tensors)[rng.integers(len(tensors))]
        value = tensors[key]
        others = [
            np.zeros_like(value),
            np.full(value.shape, 3e38, np.float32),
            np.zeros(value.shape, np.int64),
            value.ravel()[: max(1, value.size // 2)].copy(),
            value[None].copy(),
            None,
        ]
        other = others[rng.integers(len(others))]
        tensors = {n: v for n, v in tensors.items() if n != key} | (
            {} if other is None else {key: other}
        )
        (whole / name).write_bytes(save(tensors))
        told = json.loads(before) | {"sha256": checksum(whole / name)}
        config.write_text(json.dumps(told))
        try:
            use_circle(whole, rng)
        finally:
            (whole / name).write_bytes(files[name])
            config.write_bytes(before)

    return case


def copied_circle(folder, pattern):
    """The shipped circle in a folder, made for no recogniser in particular; some of its files."""
    whole = folder / "circle"
    shutil.copytree(WEIGHTS / DEFAULT, whole)
    for path in [whole / "circle.json", *whole.glob("*/config.json")]:
        told = json.loads(path.read_text())
        told.pop("recogniser", None)
        path.write_text(json.dumps(told))
    grey = np.random.default_rng(0).integers(0, 256, (218, 178, 3), np.uint8)
    Image.fromarray(grey).save(folder / "face.png")
    return whole, {path.relative_to(whole): path.read_bytes() for path in whole.rglob(pattern)}


def use_circle(folder: Path, rng: np.random.Generator) -> None:
    circle = Circle.from_pretrained(folder, runtime=["torch", "onnx"][rng.integers(2)])
    read_thresholds(folder, circle)
    circle.read(folder.parent / "face.png", aligned=True).edit(smile=1)
    circle.decode(circle.to_device(np.eye(1, circle.dim, dtype=np.float32)))


def read_source(path: Path, **options) -> None:
    source = open_source(path, **options)
    list(source.read(range(len(source.names))))


KINDS = {
    "embeddings (.npy)": embeddings,
    "learned attribute": learned,
    "labels.csv": labels,
    "zip of CelebA": official_zip,
    "parquet": parquet,
    "prepared folder": prepared,
    "JSON of a circle": circle_json,
    "weights of a circle": circle_weights,
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # overflow, in weights that are too large
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_one_line(tmp_path, kind, became):
    case = KINDS[kind](tmp_path)
    count = max(1, CASES // DEAR) if kind.endswith("of a circle") else CASES
    refused, slowest = 0, 0.0  # seconds
    for seed in range(count):
        became[kind] = {"cases": seed + 1, "refused": refused, "failed": 1}  # until it is known
        begun = time.monotonic()
        try:
            case(np.random.default_rng(seed))
        except EXPECTED as error:
            refused += 1
            assert describe(error) and "\n" not in describe(error), seed
        except Exception as error:
            pytest.fail(f"case {seed}: {type(error).__name__}: {error}")
        slowest = max(slowest, time.monotonic() - begun)
    became[kind] = {"cases": count, "refused": refused, "failed": 0, "slowest_seconds": slowest}
    assert 0 < refused < count  # where all are, what is whole is refused, too

"""Fixtures that every test may use."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

TOY_SIZE, TOY_STEPS = 16, 60
ONE_STEP = {  # of every part of train_all
    f"{part}_steps": 1
    for part in (
        "landmarks", "landmarks_fine", "facenet", "began", "mapping", "mapping_fine", "attributes",
        "changes", "probes",
    )
}  # fmt: skip
FEW = dict(landmarks=dict(batch_size=4), facenet=dict(people=8), search=dict(faces=64),
           stopping=dict(faces=2))  # fmt: skip
TOY_ATTRIBUTES = ("smile", "male", "beard", "eyeglasses", "wide_mouth")


SLOW = {"toy_run", "trained_all"}  # fixtures that train every part


def pytest_collection_modifyitems(items):
    """Marks the tests that need a training as slow."""
    for item in items:
        if SLOW & set(item.fixturenames):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The development data beside the checkout; a user's machine has none, so tests skip."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the development data is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def photograph(tmp_path_factory) -> Path:
    """A real photograph, 512 x 512 pixels with one face, that comes with scikit-image."""
    data = pytest.importorskip("skimage.data")
    path = tmp_path_factory.mktemp("photographs") / "astronaut.png"
    Image.fromarray(data.astronaut()).save(path)
    return path


@pytest.fixture(scope="session", autouse=True)
def learned_folder(tmp_path_factory) -> Path:
    """Where tests keep learned attributes: never where the user's are, also in subprocesses."""
    folder = tmp_path_factory.mktemp("learned")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISTRC_LEARNED", str(folder))
        yield folder


def draw_toys(identity: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coloured ellipses, uint8 (N, S, S, 3): a person is a colour and a place, the rest is drawn.

    Columns of labels (N, 5): a bright mouth (smile), a wide ellipse (male), a dark chin (beard),
    a dark bar (eyeglasses), a mouth that is long (wide_mouth).
    """
    y, x = np.mgrid[:TOY_SIZE, :TOY_SIZE] + 0.5
    pictures = np.empty((len(identity), TOY_SIZE, TOY_SIZE, 3))
    for i, (person, (smile, male, beard, glasses, wide)) in enumerate(
        zip(identity, labels, strict=True)
    ):
        own = np.random.default_rng(int(person))
        colour, ground = own.uniform(90, 220, 3), own.uniform(20, 120, 3)
        u = (x - 8 - own.uniform(-1, 1)) / (6.5 if male == 1 else 4.5)
        v = (y - 8 - own.uniform(-0.5, 0.5)) / 7
        face = (u**2 + v**2 < 1)[..., None]
        picture = np.where(face, colour, ground)
        if beard == 1:
            picture = np.where(face & (v > 0.35)[..., None], 0.35 * picture, picture)
        mouth = (np.abs(v - 0.42) < 0.16) & (np.abs(u) < (0.75 if wide == 1 else 0.4))
        picture = np.where(mouth[..., None], 250 if smile == 1 else 60, picture)
        if glasses == 1:
            picture = np.where((np.abs(v + 0.3) < 0.14)[..., None], 15, picture)
        pictures[i] = picture + rng.normal(0, 4, picture.shape)
    return np.clip(pictures, 0, 255).astype(np.uint8)


def schematic_face() -> np.ndarray:
    points = np.zeros((68, 2))
    turn = np.linspace(np.pi, 0, 17)  # the jaw, from the left ear by the chin to the right one
    points[:17] = np.stack([64 + 42 * np.cos(turn), 66 + 56 * np.sin(turn)], 1)
    points[17:22] = np.stack([np.linspace(32, 56, 5), [54, 51, 50, 51, 53]], 1)
    points[22:27] = np.stack([np.linspace(72, 96, 5), [53, 51, 50, 51, 54]], 1)
    points[27:31] = np.stack([np.full(4, 64), np.linspace(64, 84, 4)], 1)
    points[31:36] = np.stack([np.linspace(55, 73, 5), [87, 89, 90, 89, 87]], 1)
    eye = np.array([(-8, 0), (-3, -4), (3, -4), (8, 0), (3, 4), (-3, 4)])
    points[36:42], points[42:48] = eye + [45, 66], eye + [83, 66]
    turn = np.linspace(np.pi, 3 * np.pi, 13)[:12]  # the lips, from the left corner over the top
    points[48:60] = np.stack([64 + 18 * np.cos(turn), 102 + 7 * np.sin(turn)], 1)
    turn = np.linspace(np.pi, 3 * np.pi, 9)[:8]
    points[60:68] = np.stack([64 + 15 * np.cos(turn), 102 + np.sin(turn)], 1)
    return points / 64 - 1


@pytest.fixture(scope="session")
def face_points() -> np.ndarray:
    """A schematic face: iBUG's 68 points (68, 2) in [-1, 1] over the crop, where CelebA's are."""
    return schematic_face()


def opened(points: np.ndarray, gap: float) -> np.ndarray:
    """Points (..., 68, 2) with a lower jaw that has gone down by `gap` of the crop's half side."""
    points, share = points.copy(), np.zeros(68)
    share[[6, 7, 8, 9, 10]], share[[5, 11]], share[[4, 12]] = 1, 0.6, 0.3
    lower = [55, 56, 57, 58, 59, 65, 66, 67]
    share[lower] = 1 - (schematic_face()[lower, 0] / 0.29) ** 2  # nothing at the mouth's corners
    points[..., 1] += gap * share
    return points


def finds_points(size: int, spread: float = 0.01):
    """A landmark network, never trained: a schematic face, and what it sees moves the points."""
    import torch

    from istrc.models.landmarks import Landmarks
    from istrc.shape.mesh import held_open, triangulated

    torch.manual_seed(0)
    triangles = torch.from_numpy(triangulated(schematic_face()))
    tiny = dict(size=size, fold=2, widths=(4, 4, 4, 4), hidden=8)
    net = Landmarks(tiny, tiny, faces=len(triangles))
    net.mean.copy_(torch.from_numpy(schematic_face()))
    net.reference.copy_(torch.from_numpy(held_open(schematic_face())))
    net.triangles.copy_(triangles)
    for part in (net.rough, net.fine):
        torch.nn.init.normal_(part.place.weight, std=spread)
        part.place.bias.data[2::3] = -4.0  # nothing is covered
    return net.eval()


def untrained() -> dict:
    """All parts of a circle of 32 px, D = 8, never trained, with every transformation."""
    import torch
    from torch.nn.init import normal_

    from istrc.attributes import TRANSFORMATIONS
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.changes import Changes
    from istrc.models.facenet import FaceNet
    from istrc.models.mapping import Mapping
    from istrc.models.probes import Probes
    from istrc.models.search import Search
    from istrc.shape.measures import MEASURED

    torch.manual_seed(0)
    size, dim, widths = 32, 8, (4, 4, 4, 4)
    names = (*TRANSFORMATIONS, "eyeglasses")
    landmarks = finds_points(size)
    regions = [(4, 8, 24, 8, 2)]
    autoencoder = AutoEncoder(size, 6, widths, linear=4, linear_side=16, regions=regions)
    for name, basis in autoencoder.components.named_buffers():
        if name.startswith("basis"):
            normal_(basis, std=0.1)
    code = autoencoder.code + 2 * 68
    mapping = Mapping(dim, code, 8, 5)
    mapping.mean[autoencoder.code :] = landmarks.mean.flatten()
    mapping.spread[autoencoder.code :] = 0.01
    changes = Changes(dim, code, 8, 1)
    normal_(changes.fit[-1].weight)
    changes.spread[autoencoder.code :] = 0.01
    search = Search(code, 2 * 68, 2)
    for member in search.members:
        normal_(member.weight, std=1e-3)
        torch.nn.init.zeros_(member.bias)
    probes = Probes(names, code, tuple(name for name in MEASURED if name in names))
    probes.mean.copy_(mapping.mean)
    probes.typical.copy_(torch.tensor([1.0, -1.0]))
    probes.ranges[:, 0], probes.ranges[:, 1] = (
        torch.tensor(found) for found in ((0.6, 0.0, 1.0), (0.4, -0.2, 0.8))
    )
    attributes = AttributeClassifiers(names, dim, 4, 4)
    attributes.slope.fill_(4.0)
    return dict(
        facenet=FaceNet(size, dim, widths),
        autoencoder=autoencoder,
        mapping=mapping,
        attributes=attributes,
        landmarks=landmarks,
        search=search,
        changes=changes,
        probes=probes,
    )


@pytest.fixture(scope="session")
def untrained_parts():
    """`untrained`: see there."""
    return untrained


@pytest.fixture(scope="session")
def tiny_landmarks():
    """`finds_points`: see there."""
    return finds_points


@pytest.fixture(scope="session")
def open_mouth():
    """`opened`: see there."""
    return opened


@pytest.fixture(scope="session")
def blank_model(tmp_path_factory):
    """The folder of a circle of 32 px, D = 8, never trained, with every transformation."""
    from istrc.circle import Circle

    folder = tmp_path_factory.mktemp("blank") / "model"
    Circle(**untrained()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def onnx_model(tmp_path_factory, blank_model):
    """The folder of an untrained circle of 32 px with every part, exported."""
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from istrc.onnx_runtime.export import export_circle

    folder = tmp_path_factory.mktemp("onnx") / "exported"
    export_circle(blank_model, folder)
    return folder


@pytest.fixture(scope="session")
def constant_model(tmp_path_factory):
    """The folder of the paper's circle of 32 px, D = 8, never trained: all shapes are the same."""
    import torch

    from istrc.attributes import TRANSFORMATIONS
    from istrc.circle import Circle
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.facenet import FaceNet
    from istrc.models.mapping import Mapping

    torch.manual_seed(0)
    widths = (4, 4, 4, 4)
    circle = Circle(
        FaceNet(32, 8, widths),
        AutoEncoder(32, 6, widths),
        Mapping(8, 6, 8, 5),
        AttributeClassifiers((*TRANSFORMATIONS, "eyeglasses"), 8, 4, 4),
    )
    folder = tmp_path_factory.mktemp("constant") / "model"
    circle.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def write_prepared():
    """Writes a prepared folder: pictures (N, S, S, 3), labels (N, A), a person and a split each."""

    def write(
        folder: Path,
        images: np.ndarray,
        labels: np.ndarray,
        *,
        attributes: tuple[str, ...],
        identity: np.ndarray,
        split: np.ndarray,
        source: str = "noise",
    ) -> Path:
        arrays = {
            "images": images.astype(np.uint8),
            "attributes": labels.astype(np.int8),
            "identity": identity.astype(np.int32),
            "split": split.astype(np.int8),
        }
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
        (folder / "names.txt").write_text("".join(f"{i}.png\n" for i in range(len(images))))
        info = {
            "format": 1,
            "size": images.shape[1],
            "count": len(images),
            "attributes": list(attributes),
            "splits": ["train", "valid", "test"],
            "source": source,
            "skipped": [],
            "complete": True,
        }
        (folder / "prepared.json").write_text(json.dumps(info))
        return folder

    return write


@pytest.fixture(scope="session")
def toy_folder(tmp_path_factory, write_prepared) -> Path:
    """A prepared folder of 480 toy faces of 16 px: 48 people to fit, 8 to tune, 4 to validate.

    Sex is a person's, beards are men's, and a fifth of wide_mouth is not known.
    """
    folder = tmp_path_factory.mktemp("toys")
    rng = np.random.default_rng(0)
    fit = [person for person in range(1, 52) if person % 20][:48]
    people = np.array([*fit, *range(100, 260, 20), *range(1000, 1004)])
    identity = np.repeat(people, 8).astype(np.int32)
    labels = (rng.uniform(size=(len(identity), 5)) < 0.5).astype(np.int8)
    labels[:, 1] = np.repeat(np.arange(len(people)) % 2, 8)
    labels[:, 2] &= labels[:, 1]
    images = draw_toys(identity, labels, rng)
    labels[rng.uniform(size=len(identity)) < 0.2, 4] = -1
    return write_prepared(
        folder,
        images,
        labels,
        attributes=TOY_ATTRIBUTES,
        identity=identity,
        split=identity >= 1000,
        source="toys",
    )


@pytest.fixture(scope="session")
def shaped_folder(toy_folder, tmp_path_factory) -> Path:
    """The toy faces with landmarks: a smile lifts the mouth's corners, heads turn a little."""
    folder = tmp_path_factory.mktemp("shaped") / "prepared"
    shutil.copytree(toy_folder, folder)
    labels, rng = np.load(folder / "attributes.npy"), np.random.default_rng(3)
    points = schematic_face() + rng.normal(0, 0.01, (len(labels), 68, 2))
    points[:, [48, 54], 1] -= 0.1 * labels[:, :1]
    points = np.stack([opened(one, rng.uniform(0, 0.15)) for one in points])
    points[:, 27:36, 0] += rng.uniform(-0.1, 0.1, (len(labels), 1))
    np.save(folder / "landmarks.npy", points.astype(np.float32))
    return folder


@pytest.fixture(scope="session")
def trained_all(shaped_folder, tmp_path_factory):
    """What `train_all` returns of the real networks on 16 px, a step each, and its folder."""
    pytest.importorskip("pytorch_metric_learning")
    from istrc.training import all as training_all

    out = tmp_path_factory.mktemp("all")
    with pytest.MonkeyPatch.context() as patch:
        for part, few in FEW.items():
            train = getattr(training_all, f"train_{part}")
            patch.setattr(training_all, f"train_{part}", partial(train, **few))
        yield training_all.train_all(shaped_folder, out, **ONE_STEP), out


@pytest.fixture(scope="session")
def toys(toy_folder):
    """The toy faces, opened."""
    from istrc.data.prepared import Prepared

    return Prepared(toy_folder)


@pytest.fixture(scope="session")
def write_onnx():
    """Writes a linear recogniser as ONNX: y = W v + offset, v the flattened input (or its means).

    shape: of the input; a word in it is a dimension left open. body: what comes after, as
    (operator, attributes) pairs; more outputs and inputs are named to make it a bad one.
    """
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from onnx import TensorProto, helper, numpy_helper

    def write(
        path,
        shape=("batch", 3, 16, 16),
        dim=8,
        *,
        weight=None,
        offset=0.0,
        means=False,
        unit=True,
        kind=TensorProto.FLOAT,
        outputs=("z",),
        inputs=("x",),
        flat=True,
    ):
        count = shape[1] if means else int(np.prod([n for n in shape[1:] if isinstance(n, int)]))
        if weight is None:
            weight = np.random.default_rng(0).normal(size=(count, dim)).astype(np.float32)
        nodes = []
        if means:
            nodes.append(helper.make_node("GlobalAveragePool", ["x"], ["pooled"]))
        nodes.append(helper.make_node("Flatten", ["pooled" if means else "x"], ["v"], axis=1))
        nodes.append(helper.make_node("MatMul", ["v", "W"], ["y"]))
        last = "y"
        nodes.append(helper.make_node("Add", [last, "offset"], ["moved"]))
        last = "moved"
        if unit:
            nodes.append(helper.make_node("LpNormalization", [last], ["on_sphere"], axis=1, p=2))
            last = "on_sphere"
        for name in outputs:
            nodes.append(helper.make_node("Identity", [last if flat else "x"], [name]))
        size = [shape[0], dim] if flat else list(shape)
        graph = helper.make_graph(
            nodes,
            "toy",
            [helper.make_tensor_value_info(n, kind, list(shape)) for n in inputs],
            [helper.make_tensor_value_info(n, kind, size) for n in outputs],
            [
                numpy_helper.from_array(np.asarray(weight, np.float32), "W"),
                numpy_helper.from_array(np.full(1, offset, np.float32), "offset"),
            ],
        )
        opsets = [helper.make_opsetid("", 13)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), str(path))
        return path

    return write


@pytest.fixture(scope="session")
def outsider(write_onnx, tmp_path_factory):
    """A recogniser from outside: an ONNX file for 16 px, D = 8, linear in the pixels."""
    from istrc.recognisers.onnx import Onnx

    path = write_onnx(tmp_path_factory.mktemp("outsider") / "outsider.onnx")
    return Onnx(path, template="crop")


# Trains every part on the toys, in order, in the last of several processes: each of the others dies
# by its own SIGKILL just before a step of a part. Until then a checkpoint a step of that part, so
# that there is something to go on from. They are forked, which imports all of it once.
TRAIN_TOYS = """
import json, os, signal, sys
from pathlib import Path
from pytorch_metric_learning import distances, losses, miners
from sklearn import linear_model
from torch.utils import tensorboard
from istrc.models.serialization import save_part
from istrc.training import loop
from istrc.training.attributes import train_attributes
from istrc.training.began import train_began
from istrc.training.facenet import train_facenet
from istrc.training.mapping import train_mapping

data, out, fatal_part, fatal_step = sys.argv[1], Path(sys.argv[2]), None, None
train = loop.train

def mortal(part, settings, out, *, gradients, **rest):
    def doomed(step, batch):
        if Path(out).name == fatal_part and step == fatal_step:
            os.kill(os.getpid(), signal.SIGKILL)
        return gradients(step, batch)
    every = {"checkpoint_every": 0.0} if Path(out).name == fatal_part else {}
    return train(part, settings, out, gradients=doomed, echo=False, **every, **rest)

loop.train = mortal
for part, step in json.loads(sys.argv[3]).items():
    if child := os.fork():
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, part
    else:
        fatal_part, fatal_step = part, step
        break
facenet = train_facenet(
    data, out / "facenet", steps=STEPS, people=12, pictures=4, size=16, dim=16, widths=(16, 24),
    depths=(1, 1), rate=0.04, triplets_from=0.5, attribute_weight=30.0, average=0.9,
    validate_every=15,
)
autoencoder, maker = train_began(
    data, out / "began", steps=STEPS, batch_size=24, fakes=8, linear=16, linear_side=16,
    widths=(16, 24), critic_after=30, generator_code=4, generator_widths=(8, 12), rate=0.02,
    facenet=facenet, k_rate=0.5,
    gamma=0.6, feature_weight=0.02, average=0.9, validate_every=15,
)
mapping = train_mapping(
    data, out / "mapping", facenet=facenet, autoencoder=autoencoder, steps=STEPS,
    fine_steps=20, batch_size=64, width=24, rate=0.04, validate_every=15,
)
attributes = train_attributes(
    data, out / "attributes", facenet=facenet, steps=STEPS, batch_size=64, width=12, layers=4,
    rate=0.02, noise=0.2, validate_every=15,
)
parts = dict(facenet=facenet, autoencoder=autoencoder, generator=maker, mapping=mapping)
for name, part in dict(parts, attributes=attributes).items():
    save_part(part, out / "parts" / name)
"""


@dataclass(frozen=True)
class ToyRuns:
    """Run folders of the toy trainings: one never interrupted, one killed once in every part."""

    whole: Path
    killed: Path
    steps: int
    deaths: dict[str, int]  # part: the step before which it was killed


def train_toys(data: Path, out: Path, deaths: dict[str, int]) -> None:
    """Trains every part on the toys, in processes that die before a step of a part each."""
    path = os.pathsep.join(p for p in sys.path if p)
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    script = TRAIN_TOYS.replace("STEPS", str(TOY_STEPS))
    arguments = [sys.executable, "-c", script, str(data), str(out), json.dumps(deaths)]
    done = subprocess.run(arguments, env=environment, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stderr


def made_once(factory, name: str, make: Callable[[Path], object]) -> tuple[Path, Any]:
    """A folder that `make` filled and what it returned, once for all workers of pytest-xdist."""
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, note = root / name, root / f"{name}.json"
    with FileLock(root / f"{name}.lock"):
        if not note.exists():
            shutil.rmtree(folder, ignore_errors=True)  # of one that failed
            folder.mkdir()
            note.write_text(json.dumps(make(folder)))
    return folder, json.loads(note.read_text())


@pytest.fixture(scope="session")
def toy_run(toy_folder, tmp_path_factory) -> Path:
    """The run folders of every part trained on the toys in one go."""
    pytest.importorskip("pytorch_metric_learning")
    return made_once(tmp_path_factory, "toy-run", partial(train_toys, toy_folder, deaths={}))[0]


@pytest.fixture(scope="session")
def toy_runs(toy_folder, toy_run, tmp_path_factory) -> ToyRuns:
    """The same, and once more with a kill -9 in each part."""

    def make(killed):
        deaths = {}
        for part in ("facenet", "began", "mapping", "fine", "attributes"):
            deaths[part] = random.SystemRandom().randrange(2, 20 if part == "fine" else TOY_STEPS)
        train_toys(toy_folder, killed, deaths)
        return deaths

    killed, deaths = made_once(tmp_path_factory, "toy-killed", make)
    return ToyRuns(toy_run, killed, TOY_STEPS, deaths)


@pytest.fixture(scope="session")
def same_bits(toy_runs):
    """Asserts that a part's weights are the same bits whether it was killed or not."""
    from safetensors import safe_open

    def check(part: str, *files: str) -> None:
        for name in files:
            found = []
            for folder in (toy_runs.whole, toy_runs.killed):
                with safe_open(folder / part / name, framework="pt") as file:
                    tensors = {key: file.get_tensor(key) for key in file.keys()}
                    found.append((json.loads(file.metadata()["istrc"]), tensors))
            (note, whole), (other, killed) = found
            at = f"{part}/{name}, killed before step {toy_runs.deaths[Path(part).name]}"
            assert note == other, at
            assert whole.keys() == killed.keys(), at
            different = [k for k in whole if not whole[k].equal(killed[k])]
            assert not different, f"{at}: {different}"

    return check


@pytest.fixture(scope="session")
def toy_circle(toy_run):
    """The paper's circle at 16 px, D = 16, trained on the toys; nothing may change it."""
    from istrc.circle import Circle
    from istrc.models.serialization import load_part
    from istrc.pretrained import PARTS

    return Circle(**{part: load_part(toy_run / "parts" / part) for part in PARTS})


@pytest.fixture(scope="session")
def shaped_circle(toy_circle, shaped_folder, tmp_path_factory):
    """The toy circle with shapes: further parts, all but landmarks trained on the toys a second."""
    import torch

    from istrc.circle import Circle
    from istrc.data.prepared import Prepared
    from istrc.models.began import AutoEncoder
    from istrc.training.changes import train_changes
    from istrc.training.components import fit_components, regions_of
    from istrc.training.mapping import train_mapping
    from istrc.training.probes import train_probes
    from istrc.training.search import train_search
    from istrc.training.shape_free import make_shape_free
    from istrc.training.spaces import Spaces

    runs, facenet = tmp_path_factory.mktemp("shaped-runs"), toy_circle.facenet
    landmarks = finds_points(16, 0.05)
    textures = make_shape_free(shaped_folder, runs / "textures", landmarks=landmarks)
    torch.manual_seed(0)
    reference = landmarks.reference.numpy()
    autoencoder = AutoEncoder(
        16, 64, (4, 4), linear=48, linear_side=16, regions=regions_of(reference, 16, 16)
    )
    fit_components(autoencoder.components, textures, textures.rows("fit"), reference)
    made = Spaces(facenet, autoencoder.eval(), Prepared(shaped_folder), textures=runs / "textures")
    nets = dict(facenet=facenet, autoencoder=autoencoder, spaces=made)
    few = dict(batch_size=64, validate_every=50)
    return Circle(
        facenet,
        autoencoder,
        train_mapping(
            shaped_folder, runs / "mapping", steps=100, fine_steps=4, width=24, **few, **nets
        ),
        toy_circle.attributes,
        landmarks=landmarks,
        search=train_search(
            shaped_folder,
            runs / "search",
            landmarks=landmarks,
            autoencoder=autoencoder,
            faces=200,
            steps=1,
        ),
        changes=train_changes(
            shaped_folder, runs / "changes", steps=150, rate=0.02, width=32, **few, **nets
        ),
        probes=train_probes(shaped_folder, runs / "probes", steps=60, rate=0.02, **nets),
    )


@pytest.fixture(scope="session")
def draw_circle():
    """Makes circles of 16 px that know these attributes, with networks as they were drawn."""
    import torch

    from istrc.circle import Circle
    from istrc.models.attributes import AttributeClassifiers
    from istrc.models.began import AutoEncoder
    from istrc.models.facenet import FaceNet
    from istrc.models.mapping import Mapping

    def draw(names, kind=Circle):
        torch.manual_seed(0)
        return kind(
            FaceNet(16, 8, (4, 4), (1, 1)),
            AutoEncoder(16, 6, (4, 4)),
            Mapping(8, 6, 8, 2),
            AttributeClassifiers(names, 8, 4, 4),
        )

    return draw


@pytest.fixture(scope="module")
def became(request):
    """What became of a fuzz's cases, kind by kind: written where ISTRC_FUZZ_JSON names a file, as
    the module's RESULT, with the command that makes it again.
    """
    told = {}
    yield told
    if path := os.environ.get("ISTRC_FUZZ_JSON"):
        from istrc.evaluation.results import write_results

        module = request.module
        how = f"ISTRC_FUZZ={module.CASES} ISTRC_FUZZ_JSON={path} pytest {request.node.nodeid}"
        write_results(path, {module.RESULT: told}, seed=0, command=how)


class Killed(Exception):
    """What stops a training before a step."""


@pytest.fixture
def resumed(tmp_path, monkeypatch):
    """Runs a training of one's own in one go, and killed before a step; what either returns."""
    from istrc.training import loop

    real = loop.train

    def both(train, before):
        def mortal(*where, gradients, **rest):
            def doomed(step, batch):
                if step == before:
                    raise Killed
                return gradients(step, batch)

            return real(*where, gradients=doomed, checkpoint_every=0.0, **rest)

        whole = train(tmp_path / "whole")
        with monkeypatch.context() as patch:
            patch.setattr(loop, "train", mortal)
            with pytest.raises(Killed):
                train(tmp_path / "killed")
        return whole, train(tmp_path / "killed")

    return both


@pytest.fixture
def same_weights():
    """Asserts that two networks have the same bits."""

    def check(one, other):
        weights = other.state_dict()
        for name, value in one.state_dict().items():
            assert value.equal(weights[name]), name

    return check

"""The settings of every training: `istrc train PART` makes its options from them.

A setting is a line: its type, its default, and its meaning and unit as help. Nothing here imports
torch, so that `istrc train PART --help` is fast and works without it. A run's configuration records
`setting`s; an `other` stands elsewhere in it (a network's arguments, its fingerprint) or does not
change what is learnt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from istrc.errors import InputError
from istrc.training.presets import PRESETS

if TYPE_CHECKING:
    from istrc.circle import Circle
    from istrc.models.began import AutoEncoder
    from istrc.models.facenet import FaceNet
    from istrc.models.landmarks import Landmarks
    from istrc.recognisers.recogniser import Recogniser

WIDTHS, DEPTHS = "Channels of each level, finest first.", "Residual blocks of each level."
AVERAGE = "Decay of the moving average of the weights, which is what is kept."
# Every part that `istrc train` trains: what trains it, module and function, and its settings
PARTS: dict[str, tuple[str, Any]] = {}
OLD_PARTS = {"reach": "stopping"}  # by names that commands and run folders had
T = TypeVar("T", bound=type)


def part(trainer: str) -> Callable[[T], T]:
    """Of a class NAMESettings: the settings of the part that this function trains."""

    def register(kind: T) -> T:
        PARTS[kind.__name__.removesuffix("Settings").lower()] = trainer, kind
        return kind

    return register


def setting(default: Any, help: str) -> Any:
    """A setting that a run's configuration records."""
    return field(default=default, metadata={"help": help, "recorded": True})


def other(default: Any, help: str) -> Any:
    """A setting that it does not; MISSING as a default: it must be given."""
    return field(default=default, metadata={"help": help, "recorded": False})


@dataclass(kw_only=True)
class Settings:
    """What every part has. The first line of a part's docstring is the help of its command."""

    data: ClassVar[str] = "A prepared folder."
    out: ClassVar[str] = "Run folder; holds the checkpoint."

    seed: int = other(0, "Seed of all randomness.")
    device: str = other("cpu", "Where to compute: cpu, auto, cuda or mps.")

    def recorded(self) -> dict[str, Any]:
        """What a run's configuration says of them."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.metadata.get("recorded")}

    def steps_of(self, part: str) -> dict[str, int]:
        """Of what trains several parts: `steps` and `fine_steps` of one that has them."""
        names = {name: f"{part}_{name}" for name in ("steps", "fine_steps")}
        return {name: getattr(self, own) for name, own in names.items() if hasattr(self, own)}


@dataclass(kw_only=True)
class Run(Settings):
    """A part that the loop trains, step after step."""

    minutes: float | None = other(None, "Stop, resumably, after this long.")
    validate_every: int = other(500, "Steps.")
    if TYPE_CHECKING:  # each part's own, with its own default
        steps: int
        average: float


@part("istrc.training.landmarks.train_landmarks")
@dataclass(kw_only=True)
class LandmarksSettings(Run):
    """Train the landmark network; keeps the averaged one."""

    data: ClassVar[str] = "A prepared folder with landmarks, best of size 128."
    out: ClassVar[str] = "Run folder; holds both regressors' runs."

    steps: int = other(2800, "Batches of the regressor for frames that are off.")
    fine_steps: int = other(1800, "Batches of the one for aligned faces, or for anything.")
    batch_size: int = setting(64, "Faces in a batch.")
    rate: float = setting(2e-3, "Peak learning rate of AdamW.")
    decay: float = setting(0.02, "Weight decay.")
    average: float = setting(0.995, AVERAGE)


@part("istrc.training.shape_free.make_shape_free")
@dataclass(kw_only=True)
class TexturesSettings:
    """Write every face in the mean shape, with its own shape beside it (landmarks.npy)."""

    data: ClassVar[str] = "A prepared folder."
    out: ClassVar[str] = "The folder to make; one of the same network and data is left as it is."

    landmarks: Landmarks = other(MISSING, "The folder of trained landmarks.")


@part("istrc.training.facenet.train_facenet")
@dataclass(kw_only=True)
class FaceNetSettings(Run):
    """Train FaceNet on identities and attributes; keeps the averaged network."""

    steps: int = other(4000, "Batches.")
    people: int = setting(64, "P, identities in a batch.")
    pictures: int = setting(4, "K, pictures of each.")
    size: int = other(64, "Side of the faces that it sees, pixels.")
    dim: int = other(128, "D, the sphere's dimension.")
    widths: tuple[int, ...] = other((48, 96, 192, 384), WIDTHS)
    depths: tuple[int, ...] = other((1, 1, 2, 1), DEPTHS)
    rate: float = setting(1.5e-3, "Peak learning rate of AdamW.")
    decay: float = setting(0.05, "Weight decay.")
    temperature: float = setting(0.1, "Of the contrast, in cosine.")
    contrast_weight: float = setting(1.0, "Weight of the contrast; 0: triplets alone.")
    triplets: str = setting("semihard", "Selected in a batch: all (of a loss), semihard or hard.")
    triplets_from: float = setting(0.7, "Share of the run after which triplets are selected.")
    triplet_margin: float = setting(0.2, "Squared distance.")
    triplet_weight: float = setting(10.0, "Weight of the triplets' loss.")
    attribute_weight: float = setting(6.0, "Weight of the attribute heads' loss.")
    average: float = setting(0.998, AVERAGE)


@part("istrc.training.began.train_began")
@dataclass(kw_only=True)
class BeganSettings(Run):
    """Train BEGAN; keeps the best averaged auto-encoder and the generator."""

    out: ClassVar[str] = "Run folder; holds the checkpoint and the best auto-encoder."

    steps: int = other(1500, "Batches.")
    batch_size: int = setting(16, "Real faces in a batch.")
    fakes: int = setting(4, "Generated faces in a batch; 0 trains the auto-encoder alone.")
    code: int = other(512, "H, the length of the code where it is not of components.")
    linear: int = other(448, "Components of the whole face, the code; the paper has 0.")
    linear_side: int = other(64, "Of the pictures that they are components of, in pixels.")
    detail: int = other(448, "Of the code, components of eyes, nose, mouth, of shape-free faces.")
    widths: tuple[int, ...] = other((32, 64, 96, 128), "Filters, finest level first.")
    light: bool = other(True, "Space-to-depth stem; False is the paper's full resolution.")
    carry: bool = other(True, "Residual connections.")
    skip: bool = other(False, "BEGAN's skip connections from the first map.")
    generator_code: int = other(64, "U, the length of G's input.")
    generator_widths: tuple[int, ...] = other((24, 48, 64, 96), "Filters of the generator.")
    rate: float = setting(7e-4, "Peak learning rate of the auto-encoder.")
    generator_rate: float = setting(4e-4, "Peak learning rate of the generator.")
    gamma: float = setting(0.5, "BEGAN's diversity ratio.")
    k_rate: float = setting(0.01, "lambda_k; 0.001 in the original, whose runs are far longer.")
    autoencoder: AutoEncoder | None = other(
        None, "Whose components are the code, for what was trained on it; measured if none."
    )
    facenet: FaceNet | None = other(None, "Whose features sharpen the energy; plain L1 if none.")
    feature_weight: float = setting(0.1, "Weight of those features.")
    critic_weight: float = setting(0.4, "Weight of the critic's gradient; 0: no critic.")
    critic_rate: float = setting(5e-4, "Peak learning rate of the critic.")
    critic_after: int = setting(500, "Steps over which that weight is warmed up.")
    average: float = setting(0.998, AVERAGE)


@part("istrc.training.search.train_search")
@dataclass(kw_only=True)
class SearchSettings(Settings):
    """Fit the corrections; each step learns on the points that the step before has left."""

    data: ClassVar[str] = "A prepared folder with landmarks."
    out: ClassVar[str] = "Run folder; holds what was measured."

    landmarks: Landmarks = other(MISSING, "The folder of trained landmarks.")
    autoencoder: AutoEncoder = other(MISSING, "The folder of a trained BEGAN.")
    faces: int = other(16_000, "To fit on, at most.")
    steps: int = other(2, "Corrections.")
    ridge: float = setting(1000.0, "Of the regression on standardised codes.")


@dataclass(kw_only=True)
class OnEmbeddings(Run):
    """A part that learns from embeddings: one of `facenet` and `recogniser` makes them."""

    facenet: FaceNet | None = other(None, "The folder of a trained FaceNet.")
    recogniser: Recogniser | None = other(None, "Any recogniser.")
    embeddings: Path | str | None = other(
        None, "Where a recogniser's are kept; else OUT/embeddings."
    )
    # istrc.training.spaces.Spaces of the same data and networks; they are made otherwise
    spaces: Any = other(None, "")


@dataclass(kw_only=True)
class OnCodes(OnEmbeddings):
    """A part that learns from embeddings and codes."""

    autoencoder: AutoEncoder = other(MISSING, "The folder of a trained BEGAN.")
    textures: Path | str | None = other(None, "The faces in the mean shape (istrc train textures).")


@part("istrc.training.mapping.train_mapping")
@dataclass(kw_only=True)
class MappingSettings(OnCodes):
    """Train F by MSE with L2 regularisation, keep what was best held out, and fine-tune it."""

    limit: int | None = other(None, "Faces to train on, at most.")
    steps: int = other(6000, "Batches.")
    fine_steps: int = other(4000, "Batches of adversarial fine-tuning; 0, as in the paper: none.")
    batch_size: int = setting(512, "Faces in a batch.")
    width: int = other(512, "Of the hidden layers.")
    layers: int = other(5, "Fully connected layers.")
    rate: float = setting(1e-3, "Peak learning rate of Adam.")
    l2: float = setting(1e-5, "Weight of the L2 regularisation.")
    validate_every: int = other(1000, "Steps.")


@dataclass(kw_only=True)
class FineTuneSettings(Run):
    """The adversarial fine-tuning, which is a part of the mapping's training."""

    steps: int = other(4000, "Batches.")
    batch_size: int = setting(16, "Faces in a batch.")
    rate: float = setting(3e-4, "Peak learning rate of F.")
    critic_rate: float = setting(5e-4, "Peak learning rate of the critic.")
    critic_weight: float = setting(1.0, "Weight of the critic's gradient.")
    colour_weight: float = setting(30.0, "Weight of the colours' error.")
    average: float = setting(0.998, AVERAGE)


@part("istrc.training.attributes.train_attributes")
@dataclass(kw_only=True)
class AttributesSettings(OnEmbeddings):
    """Train one classifier an attribute, all in one run; keeps them calibrated."""

    limit: int | None = other(None, "Faces to train on, at most.")
    steps: int = other(1200, "Batches.")
    batch_size: int = setting(1024, "Faces in a batch.")
    width: int = other(64, "Of the hidden layers.")
    layers: int = other(4, "Fully connected layers of each classifier, 4 to 7.")
    rate: float = setting(2e-3, "Peak learning rate of AdamW.")
    decay: float = setting(0.05, "Weight decay.")
    noise: float = setting(0.2, "Radians; each embedding is moved this far at random in training.")
    validate_every: int = other(200, "Steps.")


@part("istrc.training.changes.train_changes")
@dataclass(kw_only=True)
class ChangesSettings(OnCodes):
    """Learn what changes in a code from pairs; keeps the network that was best on tune."""

    steps: int = other(4000, "Batches.")
    batch_size: int = setting(512, "Pairs in a batch.")
    same: float = setting(0.5, "Share of pairs of one person; others are of strangers in a pose.")
    width: int = other(768, "Of the hidden layers.")
    layers: int = other(2, "Hidden ones.")
    rate: float = setting(1e-3, "Peak learning rate of Adam.")
    decay: float = setting(1e-4, "Weight decay.")


@part("istrc.training.probes.train_probes")
@dataclass(kw_only=True)
class ProbesSettings(OnCodes):
    """Train the probes on fit; what is typical of a class is measured on tune."""

    steps: int = other(1500, "Batches.")
    batch_size: int = setting(2048, "Faces in a batch.")
    rate: float = setting(2e-3, "Peak learning rate of Adam.")
    l2: float = setting(3e-4, "Weight of the L2 regularisation.")


@part("istrc.training.stopping.train_stopping")
@dataclass(kw_only=True)
class StoppingSettings(Settings):
    """Measure how far edits of the transformations go, on tune: the probes' `reach` and `gain`."""

    out: ClassVar[str] = "Run folder; holds what was measured."

    circle: Circle = other(MISSING, "Whose probes are measured; its `same_person` bounds edits.")
    faces: int = setting(60, "Of each edit.")


@part("istrc.training.circle.train_circle")
@dataclass(kw_only=True)
class CircleSettings(Settings):
    """Train mapping, classifiers and changes for any recogniser, and write the circle."""

    out: ClassVar[str] = "The circle's folder; the runs are kept in OUT/runs."

    recogniser: Recogniser = other(MISSING, "Any recogniser.")
    from_: Circle | None = other(None, "Gives auto-encoder, landmarks, probes; shipped if none.")
    mapping_steps: int = other(8000, "Batches of mapping.")
    mapping_fine_steps: int = other(4000, "Batches of mapping's adversarial fine-tuning; 0: none.")
    attributes_steps: int = other(1200, "Batches of attributes.")
    changes_steps: int = other(4000, "Batches of changes.")
    limit: int | None = other(None, "Faces to train on, at most.")
    copy: bool = other(False, "Copy the recogniser's file into the circle's folder.")
    bound: float = other(0.62, "The farthest an edit walks, radians.")


@part("istrc.training.all.train_all")
@dataclass(kw_only=True)
class AllSettings(Settings):
    """Train every part of a circle, in order, and write the circle."""

    out: ClassVar[str] = CircleSettings.out

    # Steps that are None are what the preset says
    preset: str = other("face128", f"Of pictures of what: {', '.join(PRESETS)}.")
    facenet: Path | str | None = other(None, "The folder of a trained one; trained anew if none.")
    landmarks_steps: int | None = other(
        None, "0 takes all shapes as the same, as the paper does, and as data without landmarks."
    )
    landmarks_fine_steps: int | None = other(None, "Batches of the regressor for aligned faces.")
    facenet_steps: int | None = other(None, "Batches of facenet.")
    began_steps: int | None = other(None, "Batches of began.")
    mapping_steps: int | None = other(None, "Batches of mapping.")
    mapping_fine_steps: int | None = other(
        None, "Batches of mapping's adversarial fine-tuning; 0: none."
    )
    attributes_steps: int | None = other(None, "Batches of attributes.")
    changes_steps: int | None = other(None, "Batches of changes.")
    probes_steps: int | None = other(None, "Batches of probes.")

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise InputError(f"preset {self.preset!r}: choose one of {', '.join(PRESETS)}")
        for name, count in PRESETS[self.preset].steps.items():
            if getattr(self, f"{name}_steps") is None:
                setattr(self, f"{name}_steps", count)


@part("istrc.evaluation.judges.train_judge")
@dataclass(kw_only=True)
class JudgeSettings(Run):
    """Train a judge on the train split; it is measured on valid and saved."""

    out: ClassVar[str] = "Run folder; holds the checkpoint and, at the end, the judge."

    steps: int = other(1800, "Batches.")
    batch_size: int = setting(128, "Faces in a batch.")
    size: int = other(64, "Side of the faces that it sees, pixels.")
    widths: tuple[int, ...] = other((64, 128, 192, 256), WIDTHS)
    depths: tuple[int, ...] = other((1, 1, 2, 0), DEPTHS)
    rate: float = setting(2e-3, "Peak learning rate of AdamW.")
    decay: float = setting(0.05, "Weight decay.")
    smoothing: float = setting(0.02, "Of the labels.")
    average: float = setting(0.995, AVERAGE)
    limit: int | None = other(None, "Train on the first so many faces only (rehearsals).")
    seed: int = other(7_919, "Not a seed that any part of the circle is trained with.")
    validate_every: int = other(600, "Steps.")
    echo: bool = other(True, "Progress on standard error.")

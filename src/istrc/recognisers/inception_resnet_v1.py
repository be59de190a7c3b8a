"""The public FaceNet releases as recognisers: Inception-ResNet-v1 with their weights.

The weights come from a file the user has (`vggface2:FILE`), or, only when it is asked for, from
the release of the project that brought them from TensorFlow to PyTorch. The release publishes no
checksums. VGGFace2's is the one that many projects have pinned independently; CASIA-WebFace's is
not known for sure, so the first download's is kept beside the file and held against later ones.
"""

from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path
from typing import Any

import torch

from istrc import cache
from istrc.errors import InputError, reason
from istrc.models.fused import channels_last
from istrc.models.inception_resnet_v1 import InceptionResNetV1
from istrc.recognisers import placement
from istrc.recognisers.recogniser import file_checksum, on_sphere
from istrc.whole import checksum, whole, write_whole

RELEASE = "https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/"
FILES = {
    "vggface2": "20180402-114759-vggface2.pt",
    "casia-webface": "20180408-102900-casia-webface.pt",
}
SHA256 = {"vggface2": "281cebca8662831adb987a874bdcb36e73f5b1c6dc5ee5878f305e985625d99b"}
# Trained on MTCNN's boxes, widened by a quarter and resized to 160 px. MTCNN's box of a face in
# CelebA's frame is about 85 px wide and 110 high, from the hairline to the chin: estimated, not
# measured, for MTCNN is not part of this package. `template` gives another square.
SQUARE = "28,63,150,185"


class InceptionResNet:
    """Inception-ResNet-v1 with the weights of a FaceNet release.

    Args:
        name: `vggface2` or `casia-webface`; what it was trained on.
        path: a state dict in a .pt file, read without unpickling objects, or .safetensors.
        template: where its input lies, see `istrc.recognisers.placement.template`.

    Raises InputError where the file is missing or holds something else.
    """

    def __init__(self, name: str, path: str | Path, *, template: str = SQUARE, device: str = "cpu"):
        path = Path(path)
        digest = file_checksum(path)
        _as_first_seen(path, digest)
        self.path, self.net = path, channels_last(_load(path), device)
        self.size, self.dim = self.net.size, self.net.dim
        self.placement = placement.template(template, self.size)
        self.notes = []
        if name not in SHA256:
            said = "the release publishes none to compare it with"
            self.notes = [f"{path}: SHA-256 {digest[:16]}...; {said}"]
        elif digest != SHA256[name]:
            said = f"not the release's file (SHA-256 {digest[:16]}...); taken as it is"
            self.notes = [f"{path}: {said}"]
        self.record: dict[str, Any] = {
            "kind": name,
            "sha256": digest,
            "input": {"placement": placement.as_json(self.placement)},
            "options": {"template": template},
            "file": path.name,
            "size": self.size,
            "dim": self.dim,
        }

    @torch.no_grad()
    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """THE CROPS (B, 3, S, S) in [-1, 1] -> z (B, 512) of unit norm."""
        x = x.to(next(self.net.parameters()).device)
        x = placement.place(x, self.placement, self.size)
        x = x * (127.5 / 128)  # (v - 127.5) / 128 for v = 0..255
        return on_sphere(self.net(x.contiguous(memory_format=torch.channels_last)), self.path)


def load(kind: str, file: str, *, device: str, download: bool, **options: str) -> InceptionResNet:
    return InceptionResNet(kind, find(kind, file, download), device=device, **options)


def cached(name: str) -> Path:
    """Where a downloaded release file is kept: the user's cache folder."""
    return cache.folder() / FILES[name]


def download(name: str) -> Path:
    """Fetch a release file into the cache, once; its SHA-256 is written beside it.

    Raises InputError where it cannot be fetched, or differs from the one first seen.
    """
    path = cached(name)
    if path.is_file():
        return path
    try:
        with whole(path) as temporary:
            source = urllib.request.urlopen(RELEASE + FILES[name], timeout=60)
            with source, open(temporary, "wb") as target:
                shutil.copyfileobj(source, target)
            found = checksum(temporary)
            if found != SHA256.get(name, found):
                raise InputError(
                    f"{name}: {RELEASE}{FILES[name]} is damaged (SHA-256 {found[:16]}..., expected "
                    f"{SHA256[name][:16]}...); try again"
                )
            _as_first_seen(path, found)
    except OSError as error:
        raise InputError(
            f"{name}: {RELEASE}{FILES[name]} cannot be downloaded ({error}); fetch it by other "
            f"means and give it as {name}:FILE"
        ) from None
    write_whole(_noted(path), f"{found}\n".encode())
    return path


def find(name: str, path: str | None, fetch: bool) -> Path:
    """The file of a release: the one given, else the cached one, else (asked for) the release's.

    Raises InputError where there is none.
    """
    if path:
        return Path(path)
    if fetch:
        return download(name)
    if cached(name).is_file():
        return cached(name)
    raise InputError(
        f"{name}: needs the release's weights; give them as {name}:{FILES[name]} (a path), or let "
        "--download fetch them"
    )


def _load(path: Path) -> InceptionResNetV1:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            tensors = load_file(path)
        else:
            tensors = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or foreign file raises nearly anything
        raise InputError(
            f"{path}: not a file of weights that can be read safely ({type(error).__name__}: "
            f"{reason(error)[:120]}); give the release's .pt file"
        ) from None
    named = isinstance(tensors, dict) and all(isinstance(name, str) for name in tensors)
    if not named or not all(map(torch.is_tensor, tensors.values())):
        raise InputError(f"{path}: holds no state dict; give the release's .pt file")
    with torch.device("meta"):
        net = InceptionResNetV1()
    # The classifier over the people of the training set is not needed; batch counters may lack
    tensors = {name: t for name, t in tensors.items() if not name.startswith("logits.")}
    wanted = net.state_dict()
    counters = {n: torch.zeros((), dtype=torch.long) for n in wanted if n.endswith("_tracked")}
    try:
        net.load_state_dict({**counters, **tensors}, assign=True)
    except RuntimeError as error:
        said = reason(error)[:160]
        raise InputError(f"{path}: not the weights of Inception-ResNet-v1 ({said})") from None
    if not all(bool(t.isfinite().all()) for t in net.state_dict().values()):
        raise InputError(f"{path}: holds weights that are not finite; get the file again")
    return net.float().eval().requires_grad_(False)


def _noted(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _as_first_seen(path: Path, digest: str) -> None:
    noted = _noted(path)
    if noted.is_file() and noted.read_text(errors="replace").strip() != digest:
        raise InputError(
            f"{path}: not the file first downloaded (SHA-256 {digest[:16]}..., {noted.name} has "
            "another); delete both to start again"
        )

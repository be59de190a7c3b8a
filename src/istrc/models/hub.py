"""A circle on the Hugging Face hub: downloaded when its id is given, and only then."""

from __future__ import annotations

import re
from pathlib import Path

from istrc.errors import InputError, IstrcError

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[A-Za-z0-9][\w.-]*)?")


def download(name: str) -> Path:
    """The folder of a hub id in the hub's cache; what is there is not fetched again.

    An id is "owner/name", which the owner may change at any time, or "owner/name@REVISION": a
    branch, a tag, or a commit, whose files stay those that were tried. Only JSON, safetensors and
    graphs are asked for. Raises InputError when there is no such circle or it cannot be reached.
    """
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise IstrcError(
            f"{name}: no such folder, and a hub id needs huggingface_hub: pip install 'istrc[hub]'"
        ) from None
    try:
        repository, _, revision = name.partition("@")
        patterns = ["*.json", "*.safetensors", "*.onnx"]
        kept = snapshot_download(repository, revision=revision or None, allow_patterns=patterns)
        folder = Path(kept)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(
            f"{name}: no such folder, and not found on the hub ({reason}); check the name"
        ) from None
    if not (folder / "circle.json").exists():
        raise InputError(f"{name}: holds no circle.json; not a circle of istrc")
    return folder

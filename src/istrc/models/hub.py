"""A circle on the Hugging Face hub: fetched when its id is given, sent when asked, else neither."""

from __future__ import annotations

import re
from pathlib import Path

from istrc.errors import InputError, reason
from istrc.runtime import needed

FILES = ["*.json", "*.safetensors", "*.onnx"]  # of a circle
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[A-Za-z0-9][\w.-]*)?")


def download(name: str) -> Path:
    """The folder of a hub id in the hub's cache; what is there is not fetched again.

    An id is "owner/name", which the owner may change at any time, or "owner/name@REVISION": a
    branch, a tag, or a commit, whose files stay those that were tried. Only JSON, safetensors and
    graphs are asked for. Raises InputError when there is no such circle or it cannot be reached.
    """
    with needed(
        f"{name}: no such folder, and a hub id needs huggingface_hub: pip install 'istrc[hub]'"
    ):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    try:
        repository, _, revision = name.partition("@")
        folder = Path(
            snapshot_download(repository, revision=revision or None, allow_patterns=FILES)
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise InputError(
            f"{name}: no such folder, and not found on the hub ({_first(error)}); check the name"
        ) from None
    if not (folder / "circle.json").exists():
        raise InputError(f"{name}: holds no circle.json; not a circle of istrc")
    return folder


def upload(folder: Path, name: str, *, private: bool = False) -> str:
    """Make a folder's circle and its card the newest of a hub id; returns the commit's address.

    A repository is made where there is none. Of one that is there, files of a circle that the
    folder lacks are deleted, others stay. Raises IstrcError without the library, InputError where
    there is no token or the hub refuses.
    """
    if not HUB_ID.fullmatch(name) or "@" in name:
        raise InputError(f"{name}: no hub id; give owner/name")
    with needed(f"{name}: the hub needs huggingface_hub: pip install 'istrc[hub]'"):
        from huggingface_hub import HfApi, get_token
    if get_token() is None:
        raise InputError(f"{name}: the hub wants a token; set HF_TOKEN, or run hf auth login")
    try:
        api = HfApi(library_name="istrc")
        api.create_repo(name, private=private, exist_ok=True)
        done = api.upload_folder(
            repo_id=name,
            folder_path=folder,
            delete_patterns=FILES,
            commit_message="A circle of istrc",
        )
    except Exception as error:  # of the hub, or of the HTTP client, which is another each year
        raise InputError(
            f"{name}: not sent to the hub ({_first(error)}); check the name, the token's rights "
            "and the network, and send it again"
        ) from None
    return str(done.commit_url)


def _first(error: Exception) -> str:
    """The first line of what an error says; the hub's errors have further ones."""
    return str(error).strip().partition("\n")[0] or reason(error)

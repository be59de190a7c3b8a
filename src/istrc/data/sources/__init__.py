"""The layouts that `istrc prepare` reads, one a file, and how one is told from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from istrc.data.sources.celeba_official import ATTRIBUTES, PICTURES, CelebaOfficial
from istrc.data.sources.celeba_parquet import CelebaParquet
from istrc.data.sources.folder import FolderCsv, class_folders, labels_file
from istrc.data.sources.parquet import LabelledParquet, is_celeba, parquet_files
from istrc.data.sources.source import Source, find, shown
from istrc.errors import InputError

__all__ = ["KINDS", "Source", "open_source"]

KINDS = ("celeba-parquet", "celeba-official", "folder", "parquet")

_LAYOUTS = (
    "the layouts are: parquet files with a column `image`, CelebA's or any; CelebA's official "
    f"folder or zip ({PICTURES} with {ATTRIBUTES[0]}); a folder of pictures with labels.csv, or "
    "with a folder a class"
)


def open_source(path: str | Path, kind: str = "auto", **chosen: Any) -> Source:
    """Opens a source of one of KINDS, or tells the kind from what lies there ("auto").

    What is `chosen` (identity_column, categories, unseen: istrc.data.sources.labels) concerns no
    layout of CelebA's. Raises InputError if the source is missing, is none of the layouts, or has
    labels that cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if kind == "auto":
        kind = _tell(path)
    if kind not in KINDS:
        raise InputError(f"{kind!r} is no kind of source; choose auto, {', '.join(KINDS)}")
    if kind in ("folder", "parquet"):
        return (FolderCsv if kind == "folder" else LabelledParquet)(path, **chosen)
    if any(chosen.values()):
        raise InputError(
            f"{path}: columns and unseen identities are chosen for a CSV or for parquet of one's "
            f"own, not for {kind}"
        )
    return CelebaParquet(path) if kind == "celeba-parquet" else CelebaOfficial(path)


def _tell(path: Path) -> str:
    suffix = path.suffix.lower()
    if path.is_file() and suffix in (".zip", ".csv"):
        return {".zip": "celeba-official", ".csv": "folder"}[suffix]
    if parquet_files(path):
        return "celeba-parquet" if is_celeba(path) else "parquet"
    if path.is_dir():
        # Pictures without the list as well: the official reader then says which file is missing.
        if find(path, *ATTRIBUTES, PICTURES, f"{PICTURES}.zip"):
            return "celeba-official"
        if labels_file(path):
            return "folder"
        if len(shown(path, "*.csv")) > 1:
            raise InputError(f"{path}: several .csv files; name the one with the labels as SOURCE")
        if class_folders(path):
            return "folder"
    raise InputError(f"{path}: none of the known layouts; {_LAYOUTS}")

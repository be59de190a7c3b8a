"""Parquet files of pictures and labels as the library `datasets` writes them, of anything.

A column `image` {bytes, path} holds the pictures. The columns of booleans, numbers and words are
read as those of a CSV (istrc.data.sources.labels); one of `datasets`' ClassLabel as its classes'
names. Files whose names all begin with a split, train-00000-of-00019.parquet, say the split where
no column does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from istrc.data.sources.celeba_official import SPLITS
from istrc.data.sources.labels import SPLIT, Labels
from istrc.data.sources.source import shown
from istrc.errors import InputError, reason
from istrc.runtime import needed

_EDGE = 1 << 16
NAMES = "file_name"  # the column of pictures' names that is made here


def parquet_files(path: Path) -> list[Path]:
    """The parquet files of a source: itself, in it, or in its folder `data`; sorted by name."""
    if path.is_file():
        return [path] if path.suffix == ".parquet" else []
    return shown(path, "*.parquet") or shown(path, "data/*.parquet")


class ParquetFiles:
    """A folder of parquet files, or one of them, which are read by row groups."""

    files: list[Path]
    groups: list[list[int]]  # the rows of each row group of each file

    def opened(self, path: Path) -> Iterator[tuple[Path, str, Any]]:
        """Each file, the first word of its name, and what pyarrow.parquet makes of it."""
        self.files, self.groups = parquet_files(path), []
        if not self.files:
            raise InputError(f"{path}: no .parquet file here")
        for file in self.files:
            parquet = open_parquet(file)
            yield file, first_word(file), parquet
            metadata = parquet.metadata
            self.groups.append(
                [metadata.row_group(g).num_rows for g in range(metadata.num_row_groups)]
            )

    def marks(self) -> list[object]:
        """What tells the files from others: names, sizes and both ends, the latter of which holds
        the statistics of every column.
        """
        marks: list[object] = []
        for file, sizes in zip(self.files, self.groups, strict=True):
            with file.open("rb") as stream:
                head, size = stream.read(_EDGE), file.stat().st_size
                stream.seek(max(0, size - _EDGE))
                marks += [file.name, size, sizes, head, stream.read()]
        return marks

    def read(self, rows: range) -> Iterator[tuple[bytes | None, str]]:
        first = 0  # row of a group
        groups = [(f, g, size) for f, of in enumerate(self.groups) for g, size in enumerate(of)]
        for f, g, size in groups:
            start, stop = max(rows.start, first), min(rows.stop, first + size)
            if start < stop:
                with readable(self.files[f], f"row group {g} is damaged"):
                    # use_threads=False: the workers are the parallelism.
                    file = open_parquet(self.files[f])
                    group = file.read_row_group(g, columns=["image"], use_threads=False)
                    pictures = group["image"].slice(start - first, stop - start).to_pylist()
                for image in pictures:
                    data = (image or {}).get("bytes")
                    yield data, "" if data is not None else "the row holds no picture"
            first += size


class LabelledParquet(ParquetFiles, Labels):
    """Parquet of anything; `how` is for `Labels`."""

    kind = "parquet"

    def __init__(self, path: Path, **how: Any):
        table: dict[str, list[str]] = {}
        said = {first_word(file) for file in parquet_files(path)} <= {*SPLITS}
        for file, split, parquet in self.opened(path):
            columns = _columns(file, parquet)
            if said and not {column.lower() for column in columns} & {*SPLIT}:
                columns["split"] = [split] * len(columns[NAMES])
            if self.groups and list(columns) != list(table):
                raise InputError(f"{file}: its columns differ from those of {self.files[0].name}")
            for name, values in columns.items():
                table.setdefault(name, []).extend(values)
        super().__init__(path, table, self.marks(), name=path.name, **how)


def first_word(file: Path) -> str:
    """Of a file's name, lower case: the split, of files that say it."""
    return file.stem.replace("_", "-").split("-")[0].lower()


def is_celeba(path: Path) -> bool:
    """Whether a parquet source is CelebA's, by its column of identities or of smiles."""
    names = open_parquet(parquet_files(path)[0]).schema_arrow.names
    return bool({"celeb_id", "Smiling"} & {*names})


def open_parquet(file: Path) -> Any:
    """A pyarrow.parquet.ParquetFile. Raises InputError."""
    without = "reading parquet needs pyarrow, which is not installed; pip install 'istrc[train]'"
    with needed(without, InputError):
        from pyarrow.parquet import ParquetFile
    with readable(file, "not a readable parquet file"):
        return ParquetFile(file)


@contextmanager
def readable(file: Path, otherwise: str) -> Iterator[None]:
    """What Arrow says of a file that it cannot read, in one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # Arrow's errors have no common class of their own
        raise InputError(f"{file}: {otherwise} ({reason(error)}); fetch it again") from None


def need_pictures(file: Path, schema: Any) -> None:
    """Raises InputError where a file has no column of pictures."""
    import pyarrow

    kind: Any = schema.field("image").type if "image" in schema.names else None
    fields = {f.name: f.type for f in kind} if kind and pyarrow.types.is_struct(kind) else {}
    if fields.get("bytes") not in (pyarrow.binary(), pyarrow.large_binary()):
        raise InputError(f"{file}: no column `image` with {{bytes, path}}, as `datasets` writes it")


def read_labels(file: Path, parquet: Any, columns: list[str]) -> tuple[Any, list[str]]:
    """These columns, a pyarrow.Table, and the names of the pictures. Raises InputError."""
    with readable(file, "its labels are damaged"):
        table = parquet.read(columns=[*columns, "image.path"], use_threads=False)
        paths = table["image"].to_pylist() if "image" in table.column_names else []
    paths = paths or [None] * table.num_rows
    return table, [str((p or {}).get("path") or f"{file.stem}#{k}") for k, p in enumerate(paths)]


def _columns(file: Path, parquet: Any) -> dict[str, list[str]]:
    """What a file says of its pictures, as text: their names first, then each column of labels."""
    import pyarrow.types as types

    schema = parquet.schema_arrow
    need_pictures(file, schema)
    kinds = [types.is_boolean, types.is_integer, types.is_floating]
    kinds += [types.is_string, types.is_large_string]
    labels = [field.name for field in schema if any(kind(field.type) for kind in kinds)]
    table, names = read_labels(file, parquet, labels)
    with readable(file, "its labels are damaged"):  # or a note of classes that is none
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = features.get("info", {}).get("features", {})
        classes = {name: (features.get(name) or {}).get("names") for name in labels}
        columns = {name: _text(table[name].to_pylist(), classes[name]) for name in labels}
    return {NAMES: names, **{n: v for n, v in columns.items() if n != NAMES}}


def _text(values: list[Any], classes: list[str] | None) -> list[str]:
    """A column as a CSV would have it; what is not known is empty."""
    if classes:
        return [str(classes[v]) if v is not None and v >= 0 else "" for v in values]
    return ["" if v is None else str(int(v) if isinstance(v, bool) else v).strip() for v in values]

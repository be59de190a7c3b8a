"""CelebA as the Hugging Face hub keeps it: parquet files of pictures, identities and attributes.

Columns: `image` {bytes, path}, `celeb_id`, and one boolean column an attribute. The split is the
start of the file's name: train-00000-of-00019.parquet.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from istrc.data.sources.celeba_official import SPLITS, translate
from istrc.data.sources.parquet import ParquetFiles, need_pictures, read_labels
from istrc.data.sources.source import fingerprint
from istrc.errors import InputError

_IDENTITY = ("celeb_id", "identity")


class CelebaParquet(ParquetFiles):
    """A folder of parquet files, or one of them."""

    kind, celeba = "celeba-parquet", True
    points: np.ndarray | None = None
    extra: dict[str, Any] = {}

    def __init__(self, path: Path):
        columns: list[str] = []
        who: str | None = None
        self.names: list[str] = []
        labels, identity, split = [], [], []
        for file, word, parquet in self.opened(path):
            if word not in SPLITS:
                raise InputError(
                    f"{file}: the split is read from the name, which must start with train, valid "
                    "or test; rename it"
                )
            before = columns, who
            columns, who = _columns(file, parquet.schema_arrow)
            if self.groups and (columns, who) != before:
                raise InputError(f"{file}: its columns differ from those of {self.files[0].name}")
            table, names = read_labels(file, parquet, [*columns, *filter(None, [who])])
            self.names += names
            values = [table[name].cast("int8").fill_null(-1).to_numpy() for name in columns]
            labels.append(np.array(values, np.int8).reshape(len(columns), len(names)).T)
            identity += _identities(file, table[who].to_pylist() if who else [None] * len(names))
            split += [SPLITS[word]] * len(names)
        self.attribute_names, self.attributes = translate(columns, np.concatenate(labels))
        self.identity, self.split = np.array(identity, np.int32), np.array(split, np.int8)
        self.name, self.fingerprint = path.name, fingerprint(self.marks())
        self.notes = [] if who else ["no celeb_id column: identities are not known"]


def _columns(file: Path, schema: Any) -> tuple[list[str], str | None]:
    """The columns of attributes, and that of identities where there is one."""
    import pyarrow

    need_pictures(file, schema)
    columns = [field.name for field in schema if pyarrow.types.is_boolean(field.type)]
    identity = next((name for name in _IDENTITY if name in schema.names), None)
    if identity and not pyarrow.types.is_integer(schema.field(identity).type):
        raise InputError(f"{file}: column {identity} holds no whole numbers; leave it out")
    return columns, identity


def _identities(file: Path, people: list[int | None]) -> list[int]:
    """As they are prepared, -1 where one is not known. Raises InputError."""
    for person in people:
        if person is not None and not -(2**31) <= person < 2**31:
            raise InputError(
                f"{file}: the identity {person} has more than 32 bits; number them anew"
            )
    return [-1 if person is None else person for person in people]

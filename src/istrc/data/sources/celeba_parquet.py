"""CelebA as the Hugging Face hub keeps it: parquet files of pictures, identities and attributes.

Columns: `image` {bytes, path}, `celeb_id`, and one boolean column an attribute. The split is the
start of the file's name: train-00000-of-00019.parquet.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from istrc.data.sources.celeba_official import SPLITS, translate
from istrc.data.sources.parquet import ParquetFiles, need_pictures, read_group
from istrc.data.sources.source import About, Chunk, Row, fingerprint
from istrc.errors import InputError

_IDENTITY = ("celeb_id", "identity")


class CelebaParquet(ParquetFiles):
    """A folder of parquet files, or one of them."""

    def __init__(self, path: Path):
        self.columns: list[str] = []
        self.identity: str | None = None
        self.splits: list[int] = []
        marks: list[object] = []
        for file, word, parquet in self.opened(path, marks):
            if word not in SPLITS:
                raise InputError(
                    f"{file}: the split is read from the name, which must start with train, valid "
                    "or test; rename it"
                )
            self.splits.append(SPLITS[word])
            columns, identity = self._columns(file, parquet.schema_arrow)
            if self.groups and (columns, identity) != (self.columns, self.identity):
                raise InputError(f"{file}: its columns differ from those of {self.files[0].name}")
            self.columns, self.identity = columns, identity
        names, _ = translate(self.columns, np.zeros((0, len(self.columns)), bool))
        self.about = About(
            kind="celeba-parquet",
            name=path.name,
            count=sum(map(sum, self.groups)),
            attributes=names,
            fingerprint=fingerprint(marks),
            celeba=True,
            notes=[] if self.identity else ["no celeb_id column: identities are not known"],
        )

    @staticmethod
    def _columns(file: Path, schema: Any) -> tuple[list[str], str | None]:
        import pyarrow

        need_pictures(file, schema)
        columns = [field.name for field in schema if pyarrow.types.is_boolean(field.type)]
        identity = next((name for name in _IDENTITY if name in schema.names), None)
        if identity and not pyarrow.types.is_integer(schema.field(identity).type):
            raise InputError(f"{file}: column {identity} holds no whole numbers; leave it out")
        return columns, identity

    def read(self, chunk: Chunk) -> Iterator[Row]:
        rows, (f, g, start) = chunk
        file = self.files[f]
        wanted = ["image", *self.columns, *([self.identity] if self.identity else [])]
        table = read_group(file, g, wanted).slice(start, rows)
        present = np.zeros((rows, len(self.columns)), np.int8)
        known = np.ones_like(present, dtype=bool)
        for k, column in enumerate(self.columns):
            values = table[column].to_pylist()
            present[:, k] = [value is True for value in values]
            known[:, k] = [value is not None for value in values]
        _, attributes = translate(self.columns, present)
        attributes[~known] = -1
        people: list[Any] = table[self.identity].to_pylist() if self.identity else [None] * rows
        for k, image in enumerate(table["image"].to_pylist()):
            image = image or {}
            data = image.get("bytes")
            number = sum(self.groups[f][:g]) + start + k
            yield Row(
                name=str(image.get("path") or f"{file.stem}#{number}"),
                data=data,
                attributes=attributes[k],
                identity=_number(file, people[k]),
                split=self.splits[f],
                reason="" if data is not None else "the row holds no picture",
            )


def _number(file: Path, person: int | None) -> int:
    """An identity as it is prepared, -1 where it is not known. Raises InputError."""
    if person is not None and not -(2**31) <= person < 2**31:
        raise InputError(f"{file}: the identity {person} has more than 32 bits; number them anew")
    return -1 if person is None else person

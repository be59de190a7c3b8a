"""A prepared folder as parquet that the library `datasets` and `istrc prepare` read."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from istrc.data.prepared import SPLITS, Prepared
from istrc.errors import InputError
from istrc.runtime import needed
from istrc.whole import whole

GROUP = 500  # pictures of a row group, which a reader holds at once


def write_parquet(prepared: Prepared, out: str | Path) -> list[Path]:
    """Write OUT/SPLIT-00000-of-00001.parquet for each split that has pictures; returns the files.

    A row has `image` {bytes, path} as PNG, `identity` (`class`, by its names, where the folder has
    them), a boolean column an attribute, and landmarks as x0, y0, ... in pixels; null is not known.
    """
    with needed("writing parquet needs pyarrow: pip install 'istrc[train]'", InputError):
        import pyarrow
        from pyarrow import parquet
    schema = _schema(prepared)
    points = prepared.landmarks if prepared.marked else None
    names, written = prepared.names, []
    for split in SPLITS:
        rows = prepared.rows(split)
        if not len(rows):
            continue
        said = "validation" if split == "valid" else split  # as `datasets` calls it
        path = Path(out) / f"{said}-00000-of-00001.parquet"
        with whole(path) as temporary, parquet.ParquetWriter(temporary, schema) as writer:
            for start in range(0, len(rows), GROUP):
                some = [_row(prepared, names, points, k) for k in rows[start : start + GROUP]]
                group = [dict(zip(schema.names, row, strict=True)) for row in some]
                writer.write_table(pyarrow.Table.from_pylist(group, schema=schema))
        written.append(path)
    return written


def _schema(prepared: Prepared) -> Any:
    """The columns, and what `datasets` is to make of them."""
    import pyarrow

    classes = prepared.info.get("classes")
    who: dict[str, Any] = {"_type": "Value", "dtype": "int64"}
    if classes:
        who = {"_type": "ClassLabel", "names": classes}
    kinds = {
        "image": (pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())]), {}),
        "class" if classes else "identity": (pyarrow.int64(), who),
    }
    kinds |= {name: (pyarrow.bool_(), {"dtype": "bool"}) for name in prepared.attribute_names}
    if prepared.marked:
        places = [f"{axis}{k}" for k in range(prepared.landmarks.shape[1]) for axis in "xy"]
        kinds |= {name: (pyarrow.float32(), {"dtype": "float32"}) for name in places}
    features = {name: {"_type": "Value", **feature} for name, (_, feature) in kinds.items()}
    features["image"] = {"_type": "Image"}
    note = {"huggingface": json.dumps({"info": {"features": features}})}
    return pyarrow.schema([(name, kind) for name, (kind, _) in kinds.items()], metadata=note)


def _row(prepared: Prepared, names: list[str], points: np.ndarray | None, k: int) -> list[Any]:
    """One picture, in the order of the columns."""
    Image.fromarray(prepared.images[k]).save(encoded := io.BytesIO(), "PNG")
    person = int(prepared.identity[k])
    row: list[Any] = [{"bytes": encoded.getvalue(), "path": names[k]}]
    row.append(None if person < 0 else person)
    row += [None if value < 0 else bool(value) for value in prepared.attributes[k]]
    if points is not None:
        places = (points[k].flatten() + 1) * (prepared.images.shape[1] / 2)
        row += [float(place) if np.isfinite(place) else None for place in places]
    return row

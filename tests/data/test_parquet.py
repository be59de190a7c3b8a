"""Parquet of anything: read as `datasets` writes it, and written so that `datasets` reads it."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from tests.data.rows import rows

from istrc.data.parquet_out import write_parquet
from istrc.data.prepare import prepare
from istrc.data.prepared import Prepared
from istrc.data.sources import open_source
from istrc.errors import InputError

pyarrow = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

FEATURES = {
    "image": {"_type": "Image"},
    "label": {"_type": "ClassLabel", "names": ["hat", "shoe", "bag"]},
}


def png(seed, size=(20, 16)):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(out := io.BytesIO(), "PNG")
    return out.getvalue()


def written(path, count=6, **columns):
    """A file as `datasets` 5.2 writes one: its columns and its note of what they are."""
    images = [{"bytes": png(k), "path": None} for k in range(count)]
    table = pyarrow.table({"image": images, **columns})
    note = {"huggingface": json.dumps({"info": {"features": FEATURES}})}
    pq.write_table(table.replace_schema_metadata(note), path, row_group_size=4)
    return path


COLUMNS = {
    "label": [0, 1, 2, 0, 1, -1],
    "striped": [True, False, None, True, True, False],
    "weight": pyarrow.array([0.5, 1.5, 2.5, 3.5, None, 5.5], pyarrow.float32()),
    "kind": ["a", "b", "a", "b", "", None],
    "boxes": [[1, 2]] * 6,  # no label of a picture
}


def test_columns_are_those_of_a_csv(tmp_path):
    path = written(tmp_path / "train-00000-of-00001.parquet", **COLUMNS)
    source = open_source(path, categories=["weight", "kind"])
    assert source.kind == "parquet" and source.extra == {"classes": ["bag", "hat", "shoe"]}
    assert source.attribute_names == ["striped", "weight", "kind_a", "kind_b"]
    read = rows(source, 3)  # the second time of two row groups
    assert [row.data for row in read] == [png(k) for k in range(6)]
    assert [row.identity for row in read] == [1, 2, 0, 1, 2, -1]
    assert [row.attributes.tolist() for row in read] == [
        [1, 0, 1, 0], [0, 0, 0, 1], [-1, -1, 1, 0], [1, 1, 0, 1], [1, -1, -1, -1], [0, 1, -1, -1],
    ]  # fmt: skip
    assert {row.split for row in read} == {0} and len({row.name for row in read}) == 6


def test_splits_are_the_files_and_otherwise_drawn(tmp_path):
    for name in ("train-0", "validation-0", "test-0"):
        written(tmp_path / f"{name}.parquet", striped=[True] * 6)
    source = open_source(tmp_path)
    assert [row.split for row in rows(source, 10)] == [2] * 6 + [0] * 6 + [1] * 6
    (tmp_path / "test-0.parquet").rename(tmp_path / "part-0.parquet")
    assert any("held out as valid" in note for note in open_source(tmp_path).notes)


def test_pictures_of_any_form_and_one_that_is_none(tmp_path):
    file = written(tmp_path / "part.parquet", striped=[True, False] * 3)
    table = pq.read_table(file).to_pydict()
    table["image"][2] = {"bytes": None, "path": "lost.png"}
    pq.write_table(pyarrow.table(table), file)
    report = prepare(file, tmp_path / "out", size=16, workers=1)
    assert report.count == 5 and report.skipped == [
        {"name": "lost.png", "reason": "the row holds no picture"}
    ]


def test_what_was_prepared_is_written_and_prepared_the_same(tmp_path):
    lines = ["file,class,split,red,size,x0,y0,x1,y1"]
    for k in range(12):
        (tmp_path / f"{k}.png").write_bytes(png(k))
        split, place = ("train", "valid", "test")[k % 3], "" if k == 4 else 2 + k / 2
        lines.append(f"{k}.png,c{k % 4},{split},{k % 2},{k / 7:.2f},{place},3,10,{k}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    prepare(tmp_path, tmp_path / "one", size=16, categories=["size"], workers=1)
    one = Prepared(tmp_path / "one")
    files = write_parquet(one, tmp_path / "parquet")
    assert [path.name.split("-")[0] for path in files] == ["train", "validation", "test"]
    prepare(tmp_path / "parquet", tmp_path / "two", size=16, workers=1)
    two = Prepared(tmp_path / "two")
    order = [two.names.index(name) for name in one.names]
    assert two.attribute_names == one.attribute_names and two.info["classes"] == one.info["classes"]
    for name in ("images", "attributes", "identity", "split"):
        assert np.array_equal(getattr(one, name), getattr(two, name)[order]), name
    assert np.allclose(one.landmarks, two.landmarks[order], atol=1e-6, equal_nan=True)
    assert np.isnan(one.landmarks[4]).all() and np.isfinite(one.landmarks[3]).all()


def test_the_library_itself_reads_and_writes_them(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    datasets = pytest.importorskip("datasets")
    pictures = [Image.open(io.BytesIO(png(k, (16, 16)))) for k in range(4)]
    kinds = {"image": datasets.Image(), "class": datasets.ClassLabel(names=["hat", "shoe"])}
    kinds["striped"] = datasets.Value("bool")
    given = {"image": pictures, "class": [0, 1, 1, 0], "striped": [True, False, None, True]}
    made = datasets.Dataset.from_dict(given, features=datasets.Features(kinds))
    made.to_parquet(tmp_path / "train.parquet")
    prepare(tmp_path / "train.parquet", tmp_path / "out", size=16, workers=1)
    prepared = Prepared(tmp_path / "out")
    assert prepared.column("striped").tolist() == [1, 0, -1, 1]
    assert prepared.info["classes"] == ["hat", "shoe"] and prepared.identity.tolist() == [
        0,
        1,
        1,
        0,
    ]
    [file] = write_parquet(prepared, tmp_path / "again")
    read = datasets.Dataset.from_parquet(str(file), cache_dir=str(tmp_path / "cache"))
    assert read.features["class"].names == ["hat", "shoe"]
    assert read["striped"][:] == given["striped"] and read["class"][:] == given["class"]
    for k, picture in enumerate(read["image"]):
        assert np.array_equal(np.asarray(picture), np.asarray(pictures[k]))


def test_what_a_killed_export_left_is_not_read(tmp_path):
    written(tmp_path / "train.parquet", **COLUMNS)
    for name in (".istrc-1-2.partial.parquet", "._train.parquet"):  # the latter is macOS's
        (tmp_path / name).write_bytes(b"PAR1")
    source = open_source(tmp_path)
    assert [path.name for path in source.files] == ["train.parquet"]


def test_files_that_differ_are_refused(tmp_path):
    written(tmp_path / "a.parquet", striped=[True] * 6)
    written(tmp_path / "b.parquet", round=[True] * 6)
    with pytest.raises(InputError, match="b.parquet: its columns differ from those of a.parquet"):
        open_source(tmp_path)

"""The three layouts, made tiny: what each row says, and what each bad layout is answered."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from tests.data.rows import rows

from istrc.data.sources import open_source
from istrc.errors import InputError

pyarrow = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

COLUMNS = ["5_o_Clock_Shadow", "Male", "Mouth_Slightly_Open", "No_Beard", "Smiling"]
OURS = ["five_o_clock_shadow", "male", "mouth_open", "beard", "smile"]


def encoded(size=(128, 128), seed=0, suffix="png"):
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, {"png": "PNG", "jpg": "JPEG"}[suffix])
    return stream.getvalue()


def parquet(path, pictures, people=None, present=None, names=None, **options):
    n = len(pictures)
    names = names or [f"{k:06d}.png" for k in range(n)]
    present = np.zeros((n, len(COLUMNS)), bool) if present is None else present
    columns = {
        "image": [{"bytes": b, "path": p} for b, p in zip(pictures, names, strict=True)],
        "celeb_id": people or list(range(n)),
        **{c: present[:, k].tolist() for k, c in enumerate(COLUMNS)},
    }
    pq.write_table(pyarrow.table(columns), path, **options)


PARTED = "eval_partition"


def official(folder, n=4, zipped=False, kaggle=False, size=(178, 218)):
    """CelebA's official folder with n pictures; returns the pictures' bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{k + 1:06d}.jpg" for k in range(n)]
    pictures = [encoded(size, k, "jpg") for k in range(n)]
    if zipped:
        with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
            for name, data in zip(names, pictures, strict=True):
                archive.writestr(f"img_align_celeba/{name}", data)
    else:
        nested = "img_align_celeba/img_align_celeba" if kaggle else "img_align_celeba"
        (folder / nested).mkdir(parents=True)
        for name, data in zip(names, pictures, strict=True):
            (folder / nested / name).write_bytes(data)
    values = [["1" if (k + a) % 2 else "-1" for a in range(len(COLUMNS))] for k in range(n)]
    if kaggle:
        lines = [",".join(["image_id", *COLUMNS])]
        lines += [",".join([name, *v]) for name, v in zip(names, values, strict=True)]
        (folder / "list_attr_celeba.csv").write_text("\n".join(lines) + "\n")
        lines = ["image_id,partition", *(f"{name},{k % 3}" for k, name in enumerate(names))]
        (folder / "list_eval_partition.csv").write_text("\n".join(lines) + "\n")
    else:
        lines = [str(n), " ".join(COLUMNS) + " "]
        lines += [f"{name} {'  '.join(v)}" for name, v in zip(names, values, strict=True)]
        (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
        lines = [f"{name} {k % 3}" for k, name in enumerate(names)]
        (folder / "list_eval_partition.txt").write_text("\n".join(lines) + "\n")
        lines = [f"{name} {10 + k // 2}" for k, name in enumerate(names)]
        (folder / "identity_CelebA.txt").write_text("\n".join(lines) + "\n")
    return pictures


def test_parquet_rows_in_order_with_beard_turned(tmp_path):
    present = np.array([[k >> a & 1 for a in range(5)] for k in range(5)], bool)
    pictures = [encoded(seed=k) for k in range(5)]
    parquet(
        tmp_path / "train-00000-of-00001.parquet",
        pictures,
        [7, 7, 8, 9, 9],
        present,
        row_group_size=3,
    )
    parquet(tmp_path / "valid-00000-of-00001.parquet", pictures[:1], [3], present[:1])
    source = open_source(tmp_path)
    assert source.kind == "celeba-parquet" and source.attribute_names == OURS
    read = rows(source)
    assert [row.data for row in read] == [*pictures, pictures[0]]
    assert [row.identity for row in read] == [7, 7, 8, 9, 9, 3]
    assert [row.split for row in read] == [0, 0, 0, 0, 0, 1]
    for k, row in enumerate(read[:5]):
        expected = present[k].astype(int)
        expected[OURS.index("beard")] = 1 - expected[OURS.index("beard")]
        assert row.attributes.tolist() == expected.tolist()


def test_parquet_in_the_hubs_folder_data_and_as_one_file(tmp_path):
    (tmp_path / "data").mkdir()
    file = tmp_path / "data" / "test-00000-of-00001.parquet"
    parquet(file, [encoded()])
    for path in (tmp_path, file):
        assert [row.split for row in rows(open_source(path))] == [2]


def test_parquet_tells_a_row_without_a_picture(tmp_path):
    parquet(tmp_path / "train-0.parquet", [encoded(), None])
    good, bad = rows(open_source(tmp_path))
    assert good.data is not None
    assert bad.data is None and "no picture" in bad.reason and bad.name == "000001.png"


@pytest.mark.parametrize("form", [{}, {"zipped": True}])
def test_official_folder_and_zip(tmp_path, form):
    pictures = official(tmp_path / "celeba", **form)
    source = open_source(tmp_path / "celeba")
    assert source.kind == "celeba-official" and source.attribute_names == OURS
    read = rows(source)
    assert [row.data for row in read] == pictures
    assert [row.split for row in read] == [0, 1, 2, 0]
    assert [row.identity for row in read] == [10, 10, 11, 11]
    assert read[0].attributes.tolist() == [0, 1, 0, 0, 0]  # No_Beard 1 is beard 0
    assert read[1].attributes.tolist() == [1, 0, 1, 1, 1]


def test_official_everything_in_one_zip(tmp_path):
    pictures = official(tmp_path / "celeba")
    with zipfile.ZipFile(tmp_path / "celeba.zip", "w") as archive:
        for file in sorted((tmp_path / "celeba").rglob("*.*")):
            archive.write(file, file.relative_to(tmp_path))
    assert [row.data for row in rows(open_source(tmp_path / "celeba.zip"))] == pictures


def test_kaggles_form_has_no_identities_and_says_so(tmp_path):
    pictures = official(tmp_path / "k", kaggle=True)
    source = open_source(tmp_path / "k")
    read = rows(source)
    assert [row.data for row in read] == pictures
    assert [row.split for row in read] == [0, 1, 2, 0]
    assert {row.identity for row in read} == {-1}
    assert any("identities are not known" in note for note in source.notes)


def test_official_missing_picture_is_a_row_with_a_reason(tmp_path):
    official(tmp_path / "c")
    (tmp_path / "c" / "img_align_celeba" / "000002.jpg").unlink()
    (tmp_path / "c" / "img_align_celeba" / "000009.jpg").write_bytes(b"x")
    source = open_source(tmp_path / "c")
    assert [row.reason for row in rows(source)] == ["", "no such picture", "", ""]
    assert any(note.startswith("1 pictures have no line") for note in source.notes)


def test_folder_columns_and_their_values(tmp_path):
    (tmp_path / "labels.csv").write_text(
        "file,class,split,Striped,round,season\n"
        "a.png,shoe,train,true,1,Fall\n"
        "b.png,hat,valid,False,,Spring\n"
        "c.png,shoe,test,,-1,\n"
    )
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(encoded())
    source = open_source(tmp_path, categories=["season"])
    assert source.attribute_names == ["striped", "round", "season_fall", "season_spring"]
    assert source.extra == {"classes": ["hat", "shoe"]}
    read = rows(source)
    assert [row.identity for row in read] == [1, 0, 1]
    assert [row.split for row in read] == [0, 1, 2]
    assert [row.attributes.tolist() for row in read] == [
        [1, 1, 1, 0],
        [0, -1, 0, 1],
        [-1, -1, -1, -1],  # this file knows 0 (False), so -1 is "not known"
    ]


def test_a_column_of_measures_is_one_attribute_by_its_thirds(tmp_path):
    measures = ["0.1", "2", "0.3", "1.5", "", "1.0", "0.9"]
    lines = [f"{k}.png,{value},{2000 + k % 2}" for k, value in enumerate(measures)]
    (tmp_path / "labels.csv").write_text("file,Weight,year\n" + "\n".join(lines))
    source = open_source(tmp_path, categories=["Weight", "year"])
    assert source.attribute_names == ["weight", "year_2000", "year_2001"]
    assert [int(row.attributes[0]) for row in rows(source)] == [0, 1, 0, 1, -1, -1, -1]


def test_minus_one_is_no_where_nothing_is_zero(tmp_path):
    (tmp_path / "labels.csv").write_text("image_id;smile\na.png;1\nb.png;-1\n")
    read = rows(open_source(tmp_path))
    assert [row.attributes.tolist() for row in read] == [[1], [0]]
    assert [row.reason for row in read] == ["no such picture"] * 2


def test_folder_without_split_holds_some_out_by_name(tmp_path):
    lines = [f"{k}.png,1" for k in range(1000)]
    (tmp_path / "labels.csv").write_text("file,smile\n" + "\n".join(lines))
    split = np.array([row.split for row in rows(open_source(tmp_path), 100)])
    assert 60 < (split == 1).sum() < 140 and set(split) == {0, 1}
    (tmp_path / "labels.csv").write_text("file,smile\n" + "\n".join(lines[500:]))
    again = [row.split for row in rows(open_source(tmp_path), 100)]
    assert again == split[500:].tolist()  # fewer pictures move none of the others


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no rows"),
        ("smile\n1\n", "no column names the pictures"),
        ("file,smile\na.png\n", "row 1 has 1 fields"),
        ("file,split\na.png,later\n", "'later' is none of train"),
        ("file,a,a\nx,1,1\n", "appears twice"),
        ("file,big eyes,big_eyes\nx,1,1\n", "same attribute name"),
        ("file\na.png\n/etc/passwd\n", "row 2 names /etc/passwd, which is outside of its folder"),
        ("file\nb/../../a.png\n", "row 1 names b/../../a.png, which is outside of its folder; put"),
    ],
)
def test_bad_csv_is_one_line(tmp_path, content, says):
    (tmp_path / "labels.csv").write_text(content)
    with pytest.raises(InputError, match=says) as caught:
        open_source(tmp_path)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


def test_bad_layouts_are_one_line(tmp_path):
    def says(path, **options):
        with pytest.raises(InputError) as caught:
            open_source(path, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no such file or folder" in says(tmp_path / "none")
    unknown = says(tmp_path)
    assert "parquet" in unknown and "img_align_celeba" in unknown and "labels.csv" in unknown
    assert "no labels file" in says(tmp_path, kind="folder")
    assert "no kind of source" in says(tmp_path, kind="lfw")
    (tmp_path / "a.csv").write_text("file\nx\n")
    (tmp_path / "b.csv").write_text("file\nx\n")
    assert "several .csv" in says(tmp_path)

    official(tmp_path / "o")
    (tmp_path / "o" / "list_attr_celeba.txt").unlink()
    assert "no list_attr_celeba.txt" in says(tmp_path / "o")
    official(tmp_path / "p")
    (tmp_path / "p" / "list_attr_celeba.txt").write_text("1\nMale Smiling\n000001.jpg 1\n")
    assert "line 3" in says(tmp_path / "p")
    attributes, partition = (tmp_path / "p" / f"list_{x}.txt" for x in ("attr_celeba", PARTED))
    attributes.write_text("2\nMale\n000001.jpg 1\n000001.jpg -1\n")
    assert "list_attr_celeba.txt: names a picture twice" in says(tmp_path / "p")
    attributes.write_text("0\n")
    assert "no attribute names and lines in it" in says(tmp_path / "p")
    attributes.write_text("1\nMale\n000001.jpg 1\n")
    partition.write_text("000001.jpg 3\n")
    assert "a partition other than 0 (train), 1 (valid), 2 (test)" in says(tmp_path / "p")
    partition.write_text("000001.jpg 0\n000002.jpg\n")
    assert "line 2 is not a picture name and a number" in says(tmp_path / "p")
    (tmp_path / "bad.zip").write_bytes(b"PK no zip")
    assert "not a readable zip" in says(tmp_path / "bad.zip")

    (tmp_path / "q").mkdir()
    (tmp_path / "q" / "train-0.parquet").write_bytes(b"PAR1 torn")
    assert "not a readable parquet" in says(tmp_path / "q")
    (tmp_path / "r").mkdir()
    parquet(tmp_path / "r" / "part-0.parquet", [encoded()])
    assert "must start with train" in says(tmp_path / "r")
    pq.write_table(pyarrow.table({"x": [1]}), tmp_path / "r" / "part-0.parquet")
    (tmp_path / "r" / "part-0.parquet").rename(tmp_path / "r" / "train-0.parquet")
    assert "no column `image`" in says(tmp_path / "r")


def test_without_pyarrow_the_extra_is_named(tmp_path, monkeypatch):
    parquet(tmp_path / "train-0.parquet", [encoded()])
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match=r"istrc\[train\]"):
        open_source(tmp_path)


def test_fingerprint_follows_labels_and_not_the_place(tmp_path):
    official(tmp_path / "a")
    official(tmp_path / "b")
    one, two = open_source(tmp_path / "a"), open_source(tmp_path / "b")
    assert one.fingerprint == two.fingerprint
    text = (tmp_path / "b" / "identity_CelebA.txt").read_text().replace(" 10", " 99")
    (tmp_path / "b" / "identity_CelebA.txt").write_text(text)
    assert open_source(tmp_path / "b").fingerprint != one.fingerprint


def test_columns_of_places_are_landmarks(tmp_path):
    lines = ["file,x0,y0,x1,y1", "a.png,64,32,0,128", "b.png,,1,2,3"]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    source = open_source(tmp_path)
    assert source.points.shape == (2, 2, 2) and source.attribute_names == []
    one, other = rows(source)
    assert one.points.tolist() == [[64, 32], [0, 128]] and np.isnan(other.points).all()


def test_columns_of_places_that_do_not_add_up(tmp_path):
    def opened(heading, line="a.png,1,2,3,4"):
        (tmp_path / "labels.csv").write_text(f"{heading}\n{line}")
        return open_source(tmp_path)

    with pytest.raises(InputError, match="landmarks x0, y0, x1, y1, ... with gaps"):
        opened("file,x0,y0,x2,y2")
    with pytest.raises(InputError, match="column y1, of landmarks, is not of numbers"):
        opened("file,x0,y0,x1,y1", "a.png,1,2,3,low")
    assert opened("file,x0,y0,x1,other").points is None  # no pairs: columns as others

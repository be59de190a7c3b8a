"""What a stranger's folder, zip or label file may hold, and what `prepare` says of it."""

import io
import os
import zipfile

import numpy as np
import pytest
from PIL import Image
from tests.data.rows import rows as read

from istrc.data.prepare import prepare
from istrc.data.sources import celeba_official, folder, open_source
from istrc.errors import InputError

ATTRIBUTES = "2\nSmiling Male\na.jpg 1 -1\nb.jpg -1 1\n"
PARTITION = "a.jpg 0\nb.jpg 1\n"


def jpeg(size=(178, 218)):
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(out := io.BytesIO(), "JPEG")
    return out.getvalue()


def official(path, **texts):
    """CelebA's folder of two pictures; texts by the stems of their files' names."""
    (path / "img_align_celeba").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        (path / "img_align_celeba" / name).write_bytes(jpeg())
    texts = {"list_attr_celeba": ATTRIBUTES, "list_eval_partition": PARTITION} | texts
    for stem, text in texts.items():
        data = text if isinstance(text, bytes) else text.encode()
        (path / f"{stem}.txt").write_bytes(data)
    return path


def zipped(path, labels=ATTRIBUTES):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("list_attr_celeba.txt", labels)
        archive.writestr("list_eval_partition.txt", PARTITION)
        for name in ("a.jpg", "b.jpg"):
            archive.writestr(f"img_align_celeba/{name}", jpeg())
    return path


def test_a_pipe_a_device_and_a_vast_file_are_rows_with_a_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "LARGEST_FILE", 1_000_000)
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    (tmp_path / "vast.jpg").write_bytes(bytes(1_000_001))
    (tmp_path / "a.jpg").write_bytes(jpeg())
    names = ["pipe.jpg", "zero.jpg", "vast.jpg", "a.jpg"]
    rows = "".join(f"{name},{k % 2}\n" for k, name in enumerate(names))
    (tmp_path / "labels.csv").write_text(f"file,smile\n{rows}")
    reasons = [row.reason for row in read(open_source(tmp_path))]
    regular = "cannot be read: not a regular file"
    assert reasons == [regular, regular, "cannot be read: over 1 MB", ""]


def test_names_that_are_no_unicode_are_kept_byte_for_byte(tmp_path):
    source = os.fsencode(tmp_path / "source")
    for one in (b"p\xff", b"q"):
        os.makedirs(source + b"/" + one)
        with open(source + b"/" + one + b"/a\xfe.jpg", "wb") as file:
            file.write(jpeg((40, 40)))
    prepare(os.fsdecode(source), tmp_path / "out", size=16, workers=1)
    assert (tmp_path / "out" / "names.txt").read_bytes() == b"p\xff/a\xfe.jpg\nq/a\xfe.jpg\n"
    from istrc.data.prepared import Prepared

    assert [os.fsencode(name) for name in Prepared(tmp_path / "out").names] == [
        b"p\xff/a\xfe.jpg",
        b"q/a\xfe.jpg",
    ]


@pytest.mark.parametrize("stem", ["list_attr_celeba", "list_eval_partition", "identity_CelebA"])
def test_labels_that_are_no_text(tmp_path, stem):
    with pytest.raises(InputError, match=f"{stem}.txt: not UTF-8 text; save it as UTF-8"):
        open_source(official(tmp_path / "celeba", **{stem: b"\xff\xfe"}))


@pytest.mark.parametrize("number", ["9" * 11, "9" * 5000, "\u00b2", "--5", "1.5"])
def test_identities_that_are_no_numbers(tmp_path, number):
    identities = f"a.jpg 1\nb.jpg {number}\n"
    with pytest.raises(InputError) as error:
        open_source(official(tmp_path / "celeba", identity_CelebA=identities))
    assert str(error.value) == "identity_CelebA.txt: line 2 is not a picture name and a number"


def test_a_zip_that_unpacks_to_more_than_is_read(tmp_path, monkeypatch):
    path = zipped(tmp_path / "celeba.zip")
    monkeypatch.setattr(celeba_official, "LARGEST_FILE", 1000)
    reasons = [row.reason for row in read(open_source(path))]
    assert reasons == ["cannot be read: over 0 MB"] * 2
    monkeypatch.setattr(celeba_official, "LARGEST_LABELS", 10)
    with pytest.raises(InputError) as error:
        open_source(path)
    assert str(error.value) == (
        f"{path}: list_attr_celeba.txt cannot be read: over 0 MB; fetch it again"
    )


def flags(data, local, central, bits):
    """A zip with bits set in two fields of every member's headers."""
    for mark, at in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        start = data.find(mark)
        while start >= 0:
            data[start + at] |= bits
            start = data.find(mark, start + 1)


@pytest.mark.parametrize(
    ("local", "central", "bits", "says"),
    [
        (6, 8, 1, "is encrypted in the zip"),
        (8, 10, 99, "cannot be read: That compression method is not supported"),
    ],
)
def test_labels_in_a_zip_that_cannot_be_unpacked(tmp_path, local, central, bits, says):
    path = zipped(tmp_path / "celeba.zip")
    data = bytearray(path.read_bytes())
    flags(data, local, central, bits)
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        open_source(path)
    assert str(error.value) == f"{path}: list_attr_celeba.txt {says}; fetch it again"


def test_a_zip_whose_members_lead_out_of_it_writes_nothing_there(tmp_path):
    (tmp_path / "in").mkdir()
    path = zipped(tmp_path / "in" / "celeba.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../../evil.jpg", jpeg())
    prepare(path, tmp_path / "out", size=16, workers=1, measured=False)
    assert not list(tmp_path.rglob("evil*")) and not (tmp_path.parent / "evil.jpg").exists()


def test_parquet_columns_of_another_kind(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "train.parquet"
    image = [{"bytes": jpeg(), "path": "a.jpg"}] * 2

    def written(image, people):
        columns = {"image": image, "celeb_id": people, "Smiling": [True, False]}
        parquet.write_table(pyarrow.table(columns), path)
        return path

    with pytest.raises(InputError, match="column celeb_id holds no whole numbers; leave it out"):
        open_source(written(image, ["a", "b"]))
    with pytest.raises(InputError, match="no column `image` with {bytes, path}"):
        open_source(written([{"bytes": "text", "path": "a"}] * 2, [1, 2]))
    with pytest.raises(InputError, match=f"the identity {2**40} has more than 32 bits"):
        open_source(written(image, [1, 2**40]))

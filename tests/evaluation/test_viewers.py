from types import SimpleNamespace

import numpy as np
import pytest
from studies.kept import read_kept

from istrc.errors import InputError
from istrc.evaluation.editing_faces import Edit
from istrc.evaluation.viewers import KeptPictures, keep


def outcome(prepared, name, sign, rows):
    rows = np.array(rows)
    return SimpleNamespace(edit=Edit(name, sign, rows), pixels=255 - prepared.images[rows])


def test_pictures_of_one_method_and_strength_come_back(prepared, tmp_path):
    kept = KeptPictures(tmp_path, prepared, "photo", 1.0)
    kept(outcome(prepared, "smile", 1, [3, 5]))
    kept(outcome(prepared, "smile", -1, [4]))
    found = read_kept(tmp_path, prepared)
    assert list(found) == ["smile+", "smile-"]
    assert found["smile+"].rows.tolist() == [3, 5] and found["smile-"].rows.tolist() == [4]
    assert np.array_equal(found["smile+"].pictures, 255 - prepared.images[[3, 5]])
    KeptPictures(tmp_path, prepared, "photo", 1.0)  # the same again may be written over it
    with pytest.raises(InputError, match="holds other pictures"):
        KeptPictures(tmp_path, prepared, "photo", 1.5)


def test_other_data_is_refused(prepared, pointed_folder, tmp_path):
    with pytest.raises(InputError, match="no pictures here"):
        read_kept(tmp_path, prepared)
    keep(tmp_path, "smile+", prepared.images[:2], np.arange(2))  # without a note: by hand
    assert len(read_kept(tmp_path, prepared)["smile+"].rows) == 2
    from istrc.data.prepared import Prepared

    with pytest.raises(InputError, match="keep pictures of the same data and size"):
        read_kept(tmp_path, Prepared(pointed_folder))
    keep(tmp_path, "smile-", prepared.images[:2], np.arange(3))
    with pytest.raises(InputError, match="of 3 rows"):
        read_kept(tmp_path, prepared)
    (tmp_path / "smile-.npy").write_bytes(b"")
    with pytest.raises(InputError, match="smile-.npy"):
        read_kept(tmp_path, prepared)


def test_pictures_of_fewer_faces_are_other_data(prepared, tmp_path):
    KeptPictures(tmp_path, prepared, "photo", 1.0)(outcome(prepared, "smile", 1, [3]))
    note = tmp_path / "kept.json"
    note.write_text(note.read_text().replace(f'"faces": {len(prepared)}', '"faces": 9'))
    with pytest.raises(InputError, match="rows of other data are other faces"):
        read_kept(tmp_path, prepared)

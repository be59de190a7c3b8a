import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from istrc.evaluation.editing_faces import Edit, spread


@given(st.integers(1, 3000), st.integers(1, 400))
def test_places_are_even_and_none_is_twice(total, count):
    places = spread(total, count)
    assert len(set(places.tolist())) == len(places) == min(total, count)
    assert (np.diff(places) > 0).all() and places[0] == 0 and places[-1] < total
    if len(places) > 1:
        assert places[-1] == total - 1 and np.ptp(np.diff(places)) <= 1


def test_an_edit_of_fewer_faces():
    edit = Edit("smile", -1, np.array([3, 5, 8, 9]))
    few = edit.on(spread(4, 2))
    assert few.rows.tolist() == [3, 9] and few.name == "smile-" == edit.name

"""Visitors at once: all are served, in turns, and nobody gets another's picture."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

gradio_client = pytest.importorskip("gradio_client")
pytest.importorskip("gradio")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

from tools import page  # noqa: E402

pytestmark = pytest.mark.slow  # visitors come and go

VISITORS, EDITS = 20, 2


def test_twenty_visitors_at_once(server, pictures):
    files = sorted(pictures.glob("face-*.jpg"))

    def visit(number):
        client = gradio_client.Client(server.address, verbose=False, httpx_kwargs={"timeout": 120})
        file = gradio_client.handle_file(str(files[number % len(files)]))
        drawn = [
            client.predict(photo=file, face=1, smile=value, api_name="/preview")
            for value in np.linspace(0, 1, EDITS)
        ]
        client.close()
        return [np.asarray(Image.open(path)).astype(int) for path in drawn]

    with ThreadPoolExecutor(VISITORS) as pool:
        found = list(pool.map(visit, range(VISITORS)))
    for number, drawn in enumerate(found):
        assert (drawn[0] != drawn[1]).any()
        # Whoever came with the same photograph got the same picture, and no one else did
        for other in range(number):
            same = number % len(files) == other % len(files)
            assert np.array_equal(drawn[0], found[other][0]) is same


def test_what_is_kept_of_those_who_left_does_not_grow_without_end(circle, monkeypatch):
    import gc

    import httpx
    from gradio.state_holder import StateHolder

    from istrc.serve import limits
    from istrc.serve.start import start

    monkeypatch.setenv("GRADIO_TEMP_DIR", "")  # which it sets: it is as before afterwards
    monkeypatch.setattr(limits, "SESSIONS", 3)
    address, stop = start(circle)
    try:
        for visit in range(6):
            asked = {"data": [None], "session_hash": f"visit {visit}"}
            httpx.post(f"{address}gradio_api/run/faces", json=asked, timeout=120)
        holders = [one for one in gc.get_objects() if type(one) is StateHolder]
    finally:
        stop()
    [kept] = [one.session_data for one in holders if "visit 5" in one.session_data]
    assert [*kept] == ["visit 3", "visit 4", "visit 5"]


def test_gradio_keeps_nothing_of_a_visitor_who_has_left(circle, face_file, monkeypatch):
    from istrc.serve import page
    from istrc.serve.start import start

    built, build = [], page.build
    monkeypatch.setenv("GRADIO_TEMP_DIR", "")
    monkeypatch.setattr(page, "build", lambda *all: built.append(build(*all)) or built[0])
    address, stop = start(circle)
    try:
        client = gradio_client.Client(address, verbose=False, httpx_kwargs={"timeout": 120})
        photo = gradio_client.handle_file(str(face_file))
        client.predict(photo=photo, face=1, smile=1, api_name="/preview")
        [held], queue = built, built[0]._queue
        states, of_files = held.state_holder, held.temp_file_sets
        key = client.session_hash
        there = [states.session_data, states.time_last_used, queue.pending_messages_per_session]
        assert all(key in one for one in [*there, queue.pending_event_ids_session])
        assert any(of_files) and not queue.event_analytics
        client.close()
        left = time.monotonic() + 30
        while any([*there, queue.pending_event_ids_session, *of_files]):
            assert time.monotonic() < left
            time.sleep(0.05)
    finally:
        stop()


def test_one_with_many_requests_does_not_come_before_all_others(server, face_file):
    """By arrival, all of theirs would be done before the only one of a visitor who came later."""
    found = page.measure_turns(server.address, face_file)
    assert found["requests"] == page.GREEDY and found["before_the_other"] <= page.GREEDY // 2


def test_the_table_of_what_was_measured(server, pictures):
    files = sorted(pictures.glob("face-*.jpg"))
    found = {
        "start": page.measure_start(1),
        "slider": page.measure_slider(server.address, server.process, files[0], 2),
        "visitors": page.measure_visitors(server.address, files, 2, 2),
        "turns": {"requests": page.GREEDY, "before_the_other": 1},
    }
    assert found["visitors"]["errors"] == [] and found["visitors"]["unfairness"] >= 1
    assert 0 < found["slider"]["cpu_seconds_each"] < found["start"]["cpu_seconds"]["least"]
    table = page.page_markdown(found)
    assert "| ... errors | 0 |" in table
    assert f"{found['slider']['seconds']['median']:.2f}" in table

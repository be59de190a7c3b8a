"""Visitors at once: all are served, in turns, and nobody gets another's picture."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

gradio_client = pytest.importorskip("gradio_client")
pytest.importorskip("gradio")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

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


def test_one_with_many_requests_does_not_come_before_all_others(server, face_file):
    """By arrival, all of theirs would be done before the only one of a visitor who came later."""
    many, one = (
        gradio_client.Client(server.address, verbose=False, httpx_kwargs={"timeout": 120})
        for _ in range(2)
    )
    photo = gradio_client.handle_file(str(face_file))
    asked = [
        many.submit(photo, 1, "smile", strength, 2, api_name="/walk")
        for strength in np.linspace(0.1, 1, 10)
    ]
    while not any(job.done() for job in asked):  # by then all of them have arrived
        time.sleep(0.05)
    one.predict(photo, 1, "young", 1, 2, api_name="/walk")
    assert not all(job.done() for job in asked)
    assert all(job.result() for job in asked)
    one.close()
    many.close()

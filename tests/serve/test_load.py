"""Twenty visitors at once: every one is served, and nobody gets another's picture."""

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

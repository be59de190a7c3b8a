"""Films that tests make: a photograph under a moving camera, with a tone."""

from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

RATE = 44_100


def write_film(
    path,
    pictures,
    fps=Fraction(12),
    *,
    sound=True,
    seconds=None,
    rotation=0,
    crf=12,
    titles=None,
    movflags=None,
):
    """Write pictures (H, W, 3) uint8 as a film, with a tone if asked for; returns its path."""
    av = pytest.importorskip("av", reason="films need PyAV: pip install 'istrc[film]'")
    options = {"movflags": movflags} if movflags else {}
    with av.open(str(path), "w", options=options) as out:
        out.metadata.update(titles or {})
        if len(pictures):
            height, width = pictures[0].shape[:2]
            settings = {"crf": str(crf), "preset": "veryfast", "threads": "1"}
            video = out.add_stream("libx264", rate=fps, options=settings)
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            if rotation:
                video.set_display_rotation(rotation)
        tone = out.add_stream("aac", rate=RATE, layout="mono") if sound else None
        for picture in pictures:
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        if len(pictures):
            out.mux(video.encode())
        if sound:
            count = round(float(seconds or len(pictures) / fps) * RATE)
            wave = 0.3 * np.sin(np.arange(count) * 0.06).astype(np.float32)
            for start in range(0, count, 1024):
                frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], "fltp", "mono")
                frame.sample_rate, frame.pts = RATE, start
                frame.time_base = Fraction(1, RATE)
                out.mux(tone.encode(frame))
            out.mux(tone.encode())
    return path


@pytest.fixture(scope="session")
def encode():
    """The function `write_film`, for every test."""
    pytest.importorskip("av", reason="films need PyAV: pip install 'istrc[film]'")
    return write_film


def move_camera(photograph, count, size=(256, 192), middle=(222, 125), width=260):
    """A camera that goes over a photograph and closes in: `count` pictures, with some grain."""
    rng = np.random.default_rng(0)
    image, pictures = Image.fromarray(photograph), []
    for i in range(count):
        t = i / max(1, count - 1)
        w = width * (1 - 0.12 * t)
        h = w * size[1] / size[0]
        x, y = middle[0] + 14 * np.sin(3 * t) - w / 2, middle[1] + 8 * t - h / 2
        box = (x, y, x + w, y + h)
        picture = np.asarray(image.resize(size, Image.Resampling.BICUBIC, box=box), np.float32)
        pictures.append((picture + rng.normal(0, 1.5, picture.shape)).clip(0, 255).astype(np.uint8))
    return pictures


@pytest.fixture(scope="session")
def astronaut():
    """A photograph with one face, about 100 pixels wide, near (222, 115)."""
    return pytest.importorskip("skimage.data").astronaut()


@pytest.fixture(scope="session")
def camera(astronaut):
    """`move_camera` over the astronaut, without the photograph to name."""
    return lambda count, **how: move_camera(astronaut, count, **how)


@pytest.fixture(scope="session")
def pan():
    """The function `move_camera`, for every test."""
    return move_camera

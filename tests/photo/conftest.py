"""Small pictures that the tests of reading and writing share."""

import numpy as np
import pytest

HEIGHT, WIDTH = 32, 48


@pytest.fixture
def scene() -> np.ndarray:
    """A picture whose four corners differ: uint8 (32, 48, 3)."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:16, :24] = (200, 30, 40)
    pixels[:16, 24:] = (20, 180, 60)
    pixels[16:, :24] = (50, 70, 220)
    pixels[16:, 24:] = (240, 230, 10)
    return pixels


@pytest.fixture
def noisy() -> np.ndarray:
    """Noise: uint8 (32, 48, 3)."""
    return np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


@pytest.fixture
def ramp():
    """Makes pictures that go from 0 to a maximum, both included: (32, 48)."""

    def make(maximum: int, dtype) -> np.ndarray:
        values = np.linspace(0, maximum, HEIGHT * WIDTH)
        return values.round().reshape(HEIGHT, WIDTH).astype(dtype)

    return make

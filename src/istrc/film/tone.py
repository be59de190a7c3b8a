"""How a film in HDR looks on an ordinary screen, and how an edit made there gets back into it.

The networks know photographs. Numbers of HDR mean other light: taken for a photograph's, they show
a face that is grey and flat. So they see the film as it is shown on an ordinary screen, whose white
is HDR's white of paper, and what is brighter than that fades into it. The edit's change goes back
on the same curves.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

PQ, HLG = 16, 18  # H.273's numbers of the transfer characteristics
WHITE = 203.0  # cd/m2 of paper (ITU-R BT.2408)
PEAK = 1000.0  # cd/m2 of the screen that HLG is thought for
GAMMA = 1.2  # of HLG's light on that screen (ITU-R BT.2100, table 5)
SCREEN = 2.2  # exponent of an ordinary screen
KNEE = 0.8  # of the white: what is brighter is pressed together, to stay below 1
TABLE = 65  # points a side of the table that pixels go through: the most that Pillow takes

# Light of BT.2020's red, green and blue -> of BT.709's (ITU-R BT.2407)
_NARROWER = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]
)
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593])
_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128  # SMPTE ST 2084
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
_A, _B, _C = 0.17883277, 0.28466892, 0.55991073  # HLG's, ITU-R BT.2100


def shown(pixels: np.ndarray, transfer: int) -> np.ndarray:
    """A film's RGB (H, W, 3) uint8, as it is numbered -> as an ordinary screen shows it."""
    return np.asarray(Image.fromarray(pixels).filter(_table(transfer)))


def numbered(pixels: np.ndarray, transfer: int) -> np.ndarray:
    """RGB (..., 3) of 0..255 as a screen shows it -> as the film numbers it, float32 0..255."""
    screen = np.minimum(np.asarray(pixels, np.float32) / 255, 1 - 0.5 / 255) ** SCREEN
    over = np.log(np.minimum(1.0, (1 - screen) / (1 - KNEE)))
    light = np.where(screen < KNEE, screen, KNEE - (1 - KNEE) * over) * WHITE
    light = np.maximum(light @ np.linalg.inv(_NARROWER).T, 0)
    return (255 * (_to_pq(light) if transfer == PQ else _to_hlg(light))).astype(np.float32)


@lru_cache(2)
def _table(transfer: int) -> ImageFilter.Color3DLUT:
    at = np.linspace(0, 1, TABLE)
    code = np.stack(np.meshgrid(at, at, at, indexing="ij"), -1)[..., ::-1]  # red changes fastest
    light = _from_pq(code) if transfer == PQ else _from_hlg(code)
    light = np.maximum(light @ _NARROWER.T, 0) / WHITE
    over = np.maximum(light - KNEE, 0) / (1 - KNEE)
    screen = np.where(light < KNEE, light, KNEE + (1 - KNEE) * (1 - np.exp(-over)))
    return ImageFilter.Color3DLUT(TABLE, (screen ** (1 / SCREEN)).reshape(-1))


def _from_pq(code: np.ndarray) -> np.ndarray:
    """cd/m2 (ST 2084, equation 4.1)."""
    power = code ** (1 / _M2)
    return 10_000 * (np.maximum(power - _C1, 0) / (_C2 - _C3 * power)) ** (1 / _M1)


def _to_pq(light: np.ndarray) -> np.ndarray:
    power = (light / 10_000) ** _M1
    return ((_C1 + _C2 * power) / (1 + _C3 * power)) ** _M2


def _from_hlg(code: np.ndarray) -> np.ndarray:
    """cd/m2 (BT.2100: the inverse OETF, then the OOTF)."""
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - _C) / _A) + _B) / 12)
    return PEAK * scene * (scene @ _LUMINANCE)[..., None] ** (GAMMA - 1)


def _to_hlg(light: np.ndarray) -> np.ndarray:
    shown = light / PEAK
    whole = np.maximum(shown @ _LUMINANCE, 1e-9)[..., None]
    scene = shown * whole ** (1 / GAMMA - 1)
    bright = _A * np.log(np.maximum(12 * scene - _B, 1e-9)) + _C
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), bright)

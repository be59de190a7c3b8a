"""How a picture says which colours its numbers mean, as an ICC profile: one way for every format.

A profile in the file stays. What else says it (PNG's cICP, gAMA and cHRM, the nclx box of AVIF and
HEIC, EXIF's mark of Adobe RGB) is said by a profile that is made here, because other formats have
no place for it. sRGB, which is what a picture without a word means, needs none.
"""

from __future__ import annotations

import contextlib
import struct

import numpy as np
from PIL import ExifTags, Image

# White, red, green, blue as x, y (ITU-T H.273 table 2, and Adobe RGB (1998) 4.3.1.1)
_D65 = (0.3127, 0.329)
SRGB = (*_D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
ADOBE = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_PRIMARIES = {
    1: SRGB,
    5: (*_D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (*_D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
ADOBE_GAMMA = 563 / 256
_INTEROP = ExifTags.IFD.Interop
_UNSAID = 2  # of H.273's codes
_D50 = np.array([0.9642, 1.0, 0.8249])  # what an ICC profile's colours are relative to
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


def profile_of(image: Image.Image, head: bytes) -> tuple[bytes | None, str | None]:
    """The profile of a picture's colours, None for sRGB; and a note where it cannot be kept.

    image: loaded. head: the beginning of its file.
    """
    icc = image.info.get("icc_profile")
    codes = _codes(image.format, head)  # before the profile, as PNG has it (third edition, 4.3)
    if codes is not None and _UNSAID not in codes and not (icc and image.format != "PNG"):
        primaries, curve = _PRIMARIES.get(codes[0]), _curve(codes[1])
        if codes[0] == 1 and codes[1] in (1, 6, 13):
            return None, None
        if primaries is None or curve is None:
            said = f"its colours (primaries {codes[0]}, transfer {codes[1]}) have no ICC profile"
            return icc, None if icc else f"{said}: the mark is left out"
        return profile(primaries, curve, is_grey(image)), None
    if icc:
        # A profile for inks does not hold for RGB
        return (icc if icc[16:20] in (b"RGB ", b"GRAY") else None), None
    if "srgb" in image.info:
        return None, None
    gamma, points = image.info.get("gamma"), image.info.get("chromaticity")
    if image.format == "PNG" and (gamma or points):
        try:
            return _by_gamma(float(gamma or 1 / 2.2), points or SRGB, is_grey(image)), None
        except (ValueError, ZeroDivisionError, np.linalg.LinAlgError):
            return None, "its gAMA or cHRM means no colours: left out"
    if is_grey(image):
        return None, None
    return _by_exif(image), None


def profile(primaries: tuple[float, ...], curve: float | np.ndarray, grey: bool = False) -> bytes:
    """An ICC profile (ICC.1:2001-04) of three primaries and one curve, or of a grey's curve.

    Args:
        primaries: x and y of white, red, green, blue.
        curve: the exponent, or uint16 samples, that lead from the stored number to light.
    """
    if isinstance(curve, float):
        values = struct.pack(">H", round(curve * 256))  # u8Fixed8Number
    else:
        values = np.asarray(curve, ">u2").tobytes()
    trc = b"curv" + bytes(4) + struct.pack(">I", len(values) // 2) + values
    said = b"as the picture said\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(said)) + said + bytes(78),
        b"cprt": b"text" + bytes(4) + b"CC0\0",
        b"wtpt": _xyz(_D50),
    }
    if grey:
        tags[b"kTRC"] = trc
    else:
        for letter, column in zip(b"rgb", _matrix(primaries).T, strict=True):
            tags[bytes([letter]) + b"XYZ"] = _xyz(column)
            tags[bytes([letter]) + b"TRC"] = trc
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    space = b"GRAY" if grey else b"RGB "
    whole = struct.pack(">I", 128 + len(table) + len(body)) + bytes(4) + b"\x02\x40\0\0mntr" + space
    whole += b"XYZ " + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    return (whole + _xyz(_D50)[8:]).ljust(128, b"\0") + table + body


def _by_exif(image: Image.Image) -> bytes | None:
    """Adobe RGB by the index that it has (DCF 2.0, 3.2), or the number that some cameras write;
    or the primaries of TIFF and EXIF, where nothing says sRGB.
    """
    with contextlib.suppress(Exception):  # damaged EXIF is told of where it is read
        exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        space = details.get(ExifTags.Base.ColorSpace)
        index = exif.get_ifd(ExifTags.IFD.Interop).get(1, "") if _INTEROP in details else ""
        if space == 2 or str(index).startswith("R03"):
            return profile(ADOBE, ADOBE_GAMMA)
        white = exif.get(ExifTags.Base.WhitePoint)
        colours = exif.get(ExifTags.Base.PrimaryChromaticities)
        if space != 1 and white and colours:
            # TIFF's own exponent, where none is given (TIFF 6.0, TransferFunction)
            gamma = float(details.get(ExifTags.Base.Gamma, 2.2))
            return _by_gamma(1 / gamma, tuple(map(float, (*white, *colours))), False)
    return None


def _matrix(points: tuple[float, ...]) -> np.ndarray:
    """Linear RGB to XYZ relative to D50, (3, 3): primaries that sum to white, by Bradford."""
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in np.reshape(points, (4, 2))]).T
    white, rgb = columns[:, 0], columns[:, 1:]
    rgb = rgb * np.linalg.solve(rgb, white)
    cones = np.diag((_BRADFORD @ _D50) / (_BRADFORD @ white))
    matrix = np.linalg.inv(_BRADFORD) @ cones @ _BRADFORD @ rgb
    if not (np.isfinite(matrix).all() and np.abs(matrix).max() < 4):
        raise ValueError("no colours")
    return matrix


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * float(v)) for v in values))


def _by_gamma(gamma: float, points: tuple[float, ...], grey: bool) -> bytes | None:
    """PNG's gAMA, the exponent that leads from light to the stored number, and its cHRM."""
    if abs(gamma - 1 / 2.2) < 1e-3 and (grey or np.allclose(points, SRGB, atol=2e-3)):
        return None  # what encoders write who mean sRGB
    if not 0.1 <= gamma <= 10:
        raise ValueError("no exponent")
    return profile(tuple(points), 1 / gamma, grey)


def _curve(transfer: int) -> float | np.ndarray | None:
    """From the stored number to light (H.273 table 3); None for high dynamic range."""
    if transfer in (4, 5, 8):
        return {4: 2.2, 5: 2.8, 8: 1.0}[transfer]
    v = np.linspace(0, 1, 1024)
    if transfer == 13:  # IEC 61966-2-1
        light = np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)
    elif transfer in (1, 6, 14, 15):  # BT.709
        light = np.where(v < 0.081, v / 4.5, ((v + 0.099) / 1.099) ** (1 / 0.45))
    else:
        return None
    return np.rint(65535 * light).astype(np.uint16)


def _codes(kind: str | None, head: bytes) -> tuple[int, int] | None:
    """Primaries and transfer by H.273, from a PNG's cICP or an nclx box; Pillow reads neither."""
    cicp = head.find(b"\0\0\0\x04cICP") if kind == "PNG" else -1
    if 0 <= cicp < (head.find(b"IDAT") % (len(head) + 1)) and len(head) >= cicp + 10:
        return head[cicp + 8], head[cicp + 9]
    nclx = head.find(b"colrnclx") if kind in ("AVIF", "HEIF") else -1
    if nclx >= 0 and len(head) >= nclx + 12:
        return struct.unpack_from(">HH", head, nclx + 8)
    return None


def is_grey(image: Image.Image) -> bool:
    """Whether a picture has no colour by its mode."""
    return image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")

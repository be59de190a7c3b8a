"""Pictures in and out: whatever a camera, a phone or a scanner writes, as upright 8-bit RGB.

What a network has no use for but the owner wants back (alpha, colour profile, EXIF, resolution,
being grey) is kept apart in the `Picture` and returned by `write_picture`.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import importlib
import os
import secrets
import struct
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from istrc.errors import InputError, OutOfSpace
from istrc.photo import exif as exif_data
from istrc.photo.xmp import packet

SMALLEST_SIDE = 16  # pixels: under this no face can be seen
LARGEST_PICTURE = 100_000_000  # pixels: 300 MB once decoded

# The only decoders that run, and their modules in Pillow. Of the others some start programs
# (EPS), most are hardly ever tried, and loading them all takes longer than reading a picture.
_DECODERS = {
    "JPEG": "Jpeg",
    "PNG": "Png",
    "WEBP": "WebP",
    "TIFF": "Tiff",
    "BMP": "Bmp",
    "GIF": "Gif",
    "PPM": "Ppm",
    "JPEG2000": "Jpeg2K",
    "AVIF": "Avif",
}
_PICTURE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .mpo .png .webp .tif .tiff .bmp .gif .ppm .pgm .jp2 .avif .heic .heif".split()
)
_WRITERS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
_OPTIONS = {
    "JPEG": {"quality": 95, "subsampling": 0},  # 0 is 4:4:4: no colour is shared between pixels
    "PNG": {"compress_level": 3},  # a tenth more bytes than at 6, in under half the time
    # Without loss, as WebP's lossy mode always shares colour between pixels. Here quality is the
    # effort, and exact keeps colours where alpha is 0.
    "WEBP": {"lossless": True, "quality": 20, "exact": True},
    "TIFF": {},  # not compressed: Pillow cannot compress a TIFF that has EXIF details
}
_JPEG_EXIF_LIMIT = 65_533  # bytes: one JPEG segment
_JPEG_XMP_LIMIT = _JPEG_EXIF_LIMIT - 29  # bytes: the same, less the name it begins with
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


@dataclass(eq=False)
class Picture:
    """One decoded picture, with what it takes to write another like it.

    pixels: uint8 `(H, W, 3)`, RGB, upright. alpha: uint8 `(H, W)`, 255 opaque, or None.
    format: Pillow's name of the file's format. grey: the file had no colour. icc: its colour
    profile, if it holds for `pixels`. exif: without orientation, GPS and thumbnail. dpi: dots an
    inch, across and down. notes: what a user should know about how it was read. location: its GPS
    directory (EXIF), or None. xmp: its XMP packet as it is in the file, or None.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    format: str = "PNG"
    grey: bool = False
    icc: bytes | None = None
    exif: bytes | None = None
    dpi: tuple[float, float] | None = None
    notes: list[str] = field(default_factory=list)
    location: dict | None = None
    xmp: bytes | None = None

    @property
    def suffix(self) -> str:
        """The suffix under which `write_picture` gives the same format back, or else `.png`."""
        return {"JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif"}.get(self.format, ".png")


def find_inputs(patterns: Iterable[str | Path]) -> list[Path]:
    """The pictures that the INPUTs of a command name, in their order.

    Each is a file, a folder (its pictures by suffix, flat, sorted by name) or a glob (sorted).
    Raises InputError naming the one that leads to nothing; call it once for each INPUT to go on
    with the others.
    """
    found: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        if os.path.isdir(path):
            try:
                names = [p for p in path.iterdir() if not p.name.startswith(".")]
            except OSError as error:
                raise InputError(f"{path}: this folder cannot be read ({error.strerror})") from None
            missing = "no pictures in this folder; subfolders are not searched"
        elif os.path.exists(path):
            found.append(path)  # asked for by name: reading decides whether it is a picture
            continue
        elif glob.has_magic(str(pattern)):
            names = [Path(name) for name in glob.glob(str(pattern), recursive=True)]
            missing = "no pictures match this pattern; check the path"
        else:
            raise InputError(f"{path}: no such file or folder; check the path")
        names = [p for p in names if p.suffix.lower() in _PICTURE_SUFFIXES]
        names = [p for p in names if os.path.isfile(p)]
        if not names:
            raise InputError(f"{pattern}: {missing}")
        found += sorted(names)
    return found


def read_picture(path: str | Path) -> Picture:
    """Decodes one file. Raises InputError, in one line, naming the file and the remedy."""
    path = Path(path)
    if os.path.isdir(path):
        raise InputError(f"{path}: a folder, not a picture; name a picture inside it")
    if not os.path.exists(path):
        raise InputError(f"{path}: no such file; check the path")
    if not os.path.isfile(path):
        raise InputError(f"{path}: not a regular file; save the picture to a file first")
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # Pillow warns of large pictures and odd metadata: handled here, or harmless.
            warnings.simplefilter("ignore")
            return _decode(path, file)
    except (InputError, MemoryError):
        raise
    except PermissionError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its rights") from None
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        raise InputError(
            f"{path}: truncated or damaged ({_one_line(error)}); get the original file again"
        ) from error


def write_picture(
    picture: Picture | None,
    pixels: np.ndarray,
    path: str | Path,
    *,
    source_type: str | None = None,
    location: bool = False,
) -> None:
    """Writes `pixels`, uint8 `(H, W, 3)` RGB, to `path` in the format of its suffix.

    picture: what the pixels were made from, or None. Its colour profile, EXIF, XMP and resolution
    go along, where it was taken only with `location`; a grey one stays grey; its alpha goes along
    if it has the size of `pixels` and the format has alpha; a JPEG shows it on white. source_type:
    how the pixels were made (istrc.photo.xmp), written down together with the program's name;
    None writes neither. JPEG is written at quality 95, 4:4:4; the other formats without loss. The
    file appears whole or not at all. Raises InputError; OutOfSpace where the disk is full.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"pixels must be uint8 (H, W, 3), not {pixels.dtype} {pixels.shape}")
    path = Path(path)
    kind = output_format(path)
    if os.path.isdir(path):
        raise InputError(f"{path}: a folder; give the name of a file in it")
    picture = picture or Picture(pixels)
    image = _compose(picture, pixels, kind)
    options = dict(_OPTIONS[kind]) | _told(picture, kind, source_type, location)
    if picture.icc and picture.icc[16:20] == (b"GRAY" if image.mode in ("L", "LA") else b"RGB "):
        options["icc_profile"] = picture.icc
    if picture.dpi:
        options["dpi"] = picture.dpi

    target = Path(os.path.realpath(path))  # through a link, as any writer would
    partial = target.with_name(f".istrc-{secrets.token_hex(8)}.partial")
    _load_plugins()
    try:
        # open() gives the rights that the umask leaves; tempfile would give the owner's only.
        with open(partial, "xb") as file:
            # By way of memory: Pillow's own writing to a file forgets why it failed
            image.save(whole := BytesIO(), format=kind, **options)
            file.write(whole.getbuffer())
        os.replace(partial, target)
    except FileNotFoundError:
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it") from None
    except (OSError, ValueError, RuntimeError, struct.error) as error:
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace(
                f"{path}: not written, the disk is full ({_one_line(error)}); make room, then run "
                "it again"
            ) from None
        raise InputError(
            f"{path}: cannot be written as {kind} ({_one_line(error)}); choose another place or"
            " format"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # gone already, unless there was a failure or a Ctrl-C
            partial.unlink()


def output_format(path: str | Path) -> str:
    """The format that `write_picture` gives a file of this name; InputError if there is none."""
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        what = f"cannot write {suffix!r} files" if suffix else "the name has no suffix"
        raise InputError(f"{path}: {what}; end the name in {', '.join(_WRITERS)}")
    return _WRITERS[suffix]


def _decode(path: Path, file) -> Picture:
    head = file.read(32)
    if not head:
        raise InputError(f"{path}: empty (0 bytes); get the original file again")
    formats = [name for name in _load_plugins() if name in Image.OPEN]
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS and b"avif" not in head:
        formats = [_load_heif_plugin(path)]
    file.seek(0)
    try:
        image = Image.open(file, formats=formats)
    except UnidentifiedImageError:
        raise InputError(
            f"{path}: not a picture that can be read, or damaged; convert it to JPEG or PNG"
        ) from None
    except Image.DecompressionBombError:
        raise _too_large(path) from None
    width, height = image.size
    if width * height > LARGEST_PICTURE:
        raise _too_large(path)
    if min(width, height) < SMALLEST_SIDE:
        raise InputError(
            f"{path}: too small ({width}x{height}); give a picture of at least"
            f" {SMALLEST_SIDE}x{SMALLEST_SIDE} pixels"
        )
    kind = "JPEG" if image.format == "MPO" else str(image.format)
    notes = []
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)  # MPO: a JPEG's preview
    if frames > 1:
        notes.append(f"{frames} frames or pages: only the first is used")
    if image.mode.startswith("I;16") or any(_sixteen(tile) for tile in image.tile):
        notes.append("16 bits a channel reduced to 8")
    dpi = _resolution(image)
    icc = image.info.get("icc_profile")
    xmp = _xmp(image)
    orientation, exif, location = 1, None, None
    with contextlib.suppress(Exception):  # damaged EXIF is reported below
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if dpi and orientation in (5, 6, 7, 8):
        dpi = dpi[::-1]
    image.load()  # turns a TIFF already, and then takes the tag away
    try:
        ImageOps.exif_transpose(image, in_place=True)
        exif, location = exif_data.to_keep(image), exif_data.location_of(image)
    except Exception:  # the pixels are good: damaged EXIF is no reason to refuse them
        notes.append("damaged EXIF data left out")
    grey = image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I")
    pixels, alpha = _channels(path, image)
    if icc and icc[16:20] not in (b"RGB ", b"GRAY"):
        icc = None  # a CMYK profile does not hold for RGB
    return Picture(pixels, alpha, kind, grey, icc, exif, dpi, notes, location, xmp)


def _sixteen(tile) -> bool:
    """Whether a part of a file is stored in 16 bits a channel; BGR;16 is 16 bits a pixel."""
    return ";16" in str(tile) and "BGR" not in str(tile)


def _channels(path: Path, image: Image.Image):
    """RGB uint8 `(H, W, 3)` and alpha uint8 `(H, W)` or None, from any mode of Pillow's."""
    sixteen = image.mode.startswith("I;16")
    # Pillow reads 16-bit PGM, and before version 11.3 16-bit PNG, into 32-bit integers.
    sixteen |= image.mode == "I" and image.format in ("PNG", "PPM")
    if sixteen:
        values = np.asarray(image).astype(np.int32)  # (H, W), 0..65535
        grey = ((values + 128) // 257).astype(np.uint8)  # scaled and rounded: 65535 is 255
        clear = image.info.get("transparency")
        alpha = None if clear is None else np.where(values == clear, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2), alpha
    if image.mode in ("I", "F", "LAB"):
        raise InputError(
            f"{path}: its pixels ({image.mode}) have no agreed range; save it as 8-bit RGB"
        )
    if image.mode == "CMYK":
        return np.array(_from_cmyk(image)), None
    if image.has_transparency_data:
        rgba = np.array(image.convert("RGBA"))
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
    return np.array(image.convert("RGB")), None


def _from_cmyk(image: Image.Image) -> Image.Image:
    """Inks to sRGB, by the picture's own profile where it has a good one."""
    profile = image.info.get("icc_profile")
    if profile:
        from PIL import ImageCms  # a second library, that few pictures need

        try:
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
        except (ImportError, OSError, ValueError, TypeError, ImageCms.PyCMSError):
            pass  # the profile is damaged, or not for CMYK
    return image.convert("RGB")


def _compose(picture: Picture, pixels: np.ndarray, kind: str) -> Image.Image:
    """The image to be written, in the mode that comes nearest to the picture's."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    alpha = picture.alpha
    if alpha is not None and alpha.shape == pixels.shape[:2]:
        mask = Image.fromarray(alpha)
        if kind == "JPEG":
            image = Image.composite(image, Image.new("RGB", image.size, "white"), mask)
        else:
            image.putalpha(mask)
    if picture.grey and kind != "WEBP":  # WebP has no grey
        image = image.convert("LA" if image.mode == "RGBA" else "L")
    return image


def _told(picture: Picture, kind: str, source_type: str | None, location: bool) -> dict:
    """The options of Pillow's writers for what goes along with pixels in words: EXIF and XMP."""
    software = f"istrc {version('istrc')}" if source_type is not None else None
    options: dict = {}
    words = packet(picture.xmp, source_type=source_type, location=location)
    more = dict(software=software, location=picture.location if location else None)
    if kind == "TIFF":
        more["xmp"], words = words, None
    exif = exif_data.with_more(picture.exif, **more)
    if kind == "JPEG":  # one segment each
        if exif and len(exif) > _JPEG_EXIF_LIMIT:
            exif = exif_data.with_more(None, **more)
        if words and len(words) > _JPEG_XMP_LIMIT:
            words = packet(None, source_type=source_type)
    if exif:
        options["exif"] = exif
    if kind == "PNG":
        from PIL.PngImagePlugin import PngInfo  # a decoder, and slow to load

        text = PngInfo()
        if software:
            text.add_text("Software", software)
        if words:
            text.add_itxt("XML:com.adobe.xmp", words.decode())
        if software or words:
            options["pnginfo"] = text
    elif kind == "JPEG" and words:
        # Not `xmp`, which only newer Pillows know
        name = b"http://ns.adobe.com/xap/1.0/\0"
        size = struct.pack(">H", 2 + len(name) + len(words))
        options["extra"] = b"\xff\xe1" + size + name + words
    elif words:
        options["xmp"] = words
    return options


def _resolution(image: Image.Image) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in image.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    # Pillow says 1 for a TIFF that does not say.
    return (across, down) if 1 < across < 1e5 and 1 < down < 1e5 else None


def _xmp(image: Image.Image) -> bytes | None:
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")  # the latter in old PNGs
    return found.encode() if isinstance(found, str) else found


def _load_plugins() -> dict[str, str]:
    for module in _DECODERS.values():
        with contextlib.suppress(ImportError):  # an older Pillow has no AVIF
            importlib.import_module(f"PIL.{module}ImagePlugin")
    return _DECODERS


def _load_heif_plugin(path: Path) -> str:
    try:
        import pillow_heif
    except ImportError:
        raise InputError(
            f"{path}: HEIC needs a plug-in; `pip install pillow-heif`, or convert it to JPEG"
        ) from None
    pillow_heif.register_heif_opener()
    return "HEIF"


def _too_large(path: Path) -> InputError:
    megapixels = LARGEST_PICTURE // 1_000_000
    return InputError(f"{path}: too large (over {megapixels} megapixels); scale it down")


def _one_line(error: Exception) -> str:
    said = getattr(error, "strerror", None) or str(error)
    return " ".join(said.split()) or type(error).__name__

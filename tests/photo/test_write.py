"""What is written: the format, the pixels, what goes along with them, and failures."""

import errno
import io
import os
import stat
import struct

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from istrc.errors import InputError, OutOfSpace
from istrc.photo import write
from istrc.photo.picture import Picture
from istrc.photo.read import read_picture
from istrc.photo.write import output_format, write_picture

HEIGHT, WIDTH = 32, 48  # of the pictures in conftest.py


@pytest.mark.parametrize("name", ["o.png", "o.tif", "o.tiff", "o.webp", "O.PNG"])
def test_lossless_formats_give_the_pixels_back(tmp_path, name, noisy):
    write_picture(None, noisy, tmp_path / name)
    assert np.array_equal(read_picture(tmp_path / name).pixels, noisy)


def test_jpeg_is_written_at_quality_95_without_subsampling(tmp_path, noisy):
    write_picture(None, noisy, tmp_path / "o.jpg")
    Image.fromarray(noisy).save(tmp_path / "reference.jpg", quality=95, subsampling="4:4:4")
    ours, reference = Image.open(tmp_path / "o.jpg"), Image.open(tmp_path / "reference.jpg")
    assert ours.quantization == reference.quantization
    assert [part[1:3] for part in ours.layer] == [(1, 1)] * 3
    assert np.abs(read_picture(tmp_path / "o.jpg").pixels.astype(int) - noisy).max() < 30


def smooth(height=96, width=160):
    """Photographs are smooth, and no level of these is near an end."""
    v, u = np.mgrid[0:height, 0:width]
    waves = [np.sin(u / 9 + k) + np.cos(v / (7 + k)) + np.sin((u + v) / 23) for k in range(3)]
    return (128 + 25 * np.stack(waves, -1)).astype(np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("quality", "progressive"), [(40, False), (75, True), (95, False)])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_a_jpeg_is_encoded_as_it_was(tmp_path, orientation, quality, progressive, subsampling):
    """Blocks that no edit touches are what they were, and the file does not grow."""
    exif, sideways = Image.Exif(), orientation >= 5
    exif[0x0112] = orientation
    options = dict(quality=quality, subsampling=subsampling, progressive=progressive, exif=exif)
    Image.fromarray(smooth()).save(tmp_path / "in.jpg", **options)
    picture = read_picture(tmp_path / "in.jpg")
    if sideways and subsampling == 1:  # no JPEG of Pillow shares colours so
        assert picture.encoding == {}
        return
    edited = picture.pixels.copy()
    edited[32:64, 32:64] = 255 - edited[32:64, 32:64]
    write_picture(picture, edited, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as again, Image.open(tmp_path / "in.jpg") as first:
        assert again.info.get("progressive", 0) == progressive
        for was, table in zip(*(i.quantization.values() for i in (first, again)), strict=True):
            was, table = np.reshape(was, (8, 8)), np.reshape(table, (8, 8))
            assert np.array_equal(table, was.T if sideways else was)
    off = np.abs(read_picture(tmp_path / "out.jpg").pixels.astype(int) - picture.pixels)
    off[24:72, 24:72] = 0  # with the blocks beside it, which share colours
    if orientation in (1, 4):  # the same blocks, with colours shared by the same pixels
        assert off.mean() < 0.15 if quality == 95 else not off.any()
    assert off.max() <= 5 and off.mean() < 0.45
    grown = (tmp_path / "out.jpg").stat().st_size / (tmp_path / "in.jpg").stat().st_size
    assert grown < 1.1


@pytest.mark.parametrize("quality", [40, 95])
def test_a_grey_jpeg_is_encoded_as_it_was(tmp_path, quality):
    Image.fromarray(smooth()[..., 0]).save(tmp_path / "in.jpg", quality=quality)
    picture = read_picture(tmp_path / "in.jpg")
    write_picture(picture, picture.pixels, tmp_path / "out.jpg")
    again = read_picture(tmp_path / "out.jpg")
    assert again.grey and (again.pixels != picture.pixels).mean() < 0.05


def test_what_is_not_as_it_was_is_not_encoded_so(tmp_path):
    """A crop, and a picture of another format, are new pictures."""
    Image.fromarray(smooth()).save(tmp_path / "in.jpg", quality=30)
    picture = read_picture(tmp_path / "in.jpg")
    write_picture(picture, picture.pixels[:64, :64], tmp_path / "crop.jpg")
    write_picture(Picture(picture.pixels), picture.pixels, tmp_path / "new.jpg")
    for name in ("crop.jpg", "new.jpg"):
        with Image.open(tmp_path / name) as image:
            assert max(image.quantization[0]) < 20
    write_picture(picture, picture.pixels, tmp_path / "o.png")
    assert np.array_equal(read_picture(tmp_path / "o.png").pixels, picture.pixels)


@pytest.mark.parametrize("name", ["o.png", "o.tif", "o.webp"])
def test_alpha_is_kept_where_the_format_has_it(tmp_path, name, scene, ramp):
    alpha = ramp(255, np.uint8)
    write_picture(Picture(scene, alpha), 255 - scene, tmp_path / name)
    again = read_picture(tmp_path / name)
    assert np.array_equal(again.alpha, alpha)
    assert np.array_equal(again.pixels, 255 - scene)  # where alpha is 0 too


def test_alpha_in_a_jpeg_is_shown_on_white(tmp_path, scene):
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[:, 24:] = 255
    write_picture(Picture(scene, alpha), scene, tmp_path / "o.jpg")
    pixels = read_picture(tmp_path / "o.jpg").pixels
    assert np.abs(pixels[:, :24].astype(int) - 255).max() <= 2
    assert np.abs(pixels[:, 24:].astype(int) - scene[:, 24:]).max() <= 4


def test_a_crop_goes_without_the_alpha_of_the_whole(tmp_path, scene, noisy, ramp):
    picture = Picture(scene, ramp(255, np.uint8))
    write_picture(picture, noisy[:16, :16], tmp_path / "crop.png")
    again = read_picture(tmp_path / "crop.png")
    assert again.alpha is None and np.array_equal(again.pixels, noisy[:16, :16])


@pytest.mark.parametrize("name, mode", [("o.png", "L"), ("o.jpg", "L"), ("o.webp", "RGB")])
def test_grey_stays_grey(tmp_path, name, mode, ramp):
    grey = np.dstack([ramp(255, np.uint8)] * 3)
    write_picture(Picture(grey, grey=True), grey, tmp_path / name)
    assert Image.open(tmp_path / name).mode == mode
    assert np.abs(read_picture(tmp_path / name).pixels.astype(int) - grey).max() <= 4
    write_picture(Picture(grey, grey[..., 0], grey=True), grey, tmp_path / "la.png")
    assert Image.open(tmp_path / "la.png").mode == "LA"
    assert np.array_equal(read_picture(tmp_path / "la.png").pixels, grey)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_metadata_goes_along_but_not_where_it_was_taken(tmp_path, suffix, scene):
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "A. Person"
    exif[ExifTags.Base.Orientation] = 3
    if suffix != ".tif":  # where it is no description but the layout
        exif[ExifTags.Base.ImageWidth] = 9999
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:01:02 03:04:05"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] = 9999
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (1.0, 2.0, 3.0)
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path, out = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    Image.fromarray(scene).save(path, exif=exif.tobytes(), icc_profile=icc, dpi=(300, 300))
    assert Image.open(path).getexif().get_ifd(ExifTags.IFD.GPSInfo)  # it was there
    picture = read_picture(path)
    assert picture.suffix == suffix
    write_picture(picture, picture.pixels, out)
    with Image.open(out) as image:
        kept = image.getexif()
        assert kept[ExifTags.Base.Artist] == "A. Person"
        assert kept.get(ExifTags.Base.ImageWidth, WIDTH) == WIDTH
        details = kept.get_ifd(ExifTags.IFD.Exif)
        assert details[ExifTags.Base.DateTimeOriginal] == "2020:01:02 03:04:05"
        assert ExifTags.Base.ExifImageWidth not in details
        assert not kept.get_ifd(ExifTags.IFD.GPSInfo) and ExifTags.IFD.GPSInfo not in kept
        assert image.info["icc_profile"] == icc
        if suffix != ".webp":  # it has no place for the resolution
            assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)


def test_no_preview_of_the_picture_before_the_edit_goes_along(tmp_path, scene):
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "A. Person"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = b"maker's preview"
    block = bytearray(exif.tobytes())  # "Exif", two zeros, then a TIFF whose directory is at 8
    tiff = block[6:]
    order = ">" if tiff[:2] == b"MM" else "<"
    entries = struct.unpack_from(order + "H", tiff, 8)[0]
    # The directory after the first, IFD1, holds the thumbnail: its offset and its length.
    struct.pack_into(order + "I", tiff, 10 + 12 * entries, len(tiff))
    thumbnail = b"\xff\xd8 a thumbnail \xff\xd9"
    tiff += struct.pack(order + "H", 2)
    tiff += struct.pack(order + "HHII", 0x201, 4, 1, len(tiff) + 28)
    tiff += struct.pack(order + "HHII", 0x202, 4, 1, len(thumbnail)) + bytes(4) + thumbnail
    Image.fromarray(scene).save(tmp_path / "a.jpg", exif=bytes(block[:6] + tiff))
    with Image.open(tmp_path / "a.jpg") as image:  # they are there, and read as such
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1)[0x202] == len(thumbnail)
    picture = read_picture(tmp_path / "a.jpg")
    assert b"A. Person" in picture.exif
    assert b"a thumbnail" not in picture.exif and b"preview" not in picture.exif


def test_a_profile_for_other_channels_is_left_out(tmp_path, scene):
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    write_picture(Picture(scene, grey=True, icc=icc), scene, tmp_path / "o.png")
    assert "icc_profile" not in Image.open(tmp_path / "o.png").info
    grey_icc = icc[:16] + b"GRAY" + icc[20:]
    write_picture(Picture(scene, grey=True, icc=grey_icc), scene, tmp_path / "o.png")
    assert Image.open(tmp_path / "o.png").info["icc_profile"] == grey_icc


def test_exif_too_long_for_a_jpeg_does_not_stop_it(tmp_path, scene):
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "x" * 70_000
    Image.fromarray(scene).save(tmp_path / "a.png", exif=exif)
    picture = read_picture(tmp_path / "a.png")
    assert len(picture.exif) > 70_000
    write_picture(picture, picture.pixels, tmp_path / "o.jpg")
    assert read_picture(tmp_path / "o.jpg").exif is None


def test_unknown_suffix_names_those_allowed(tmp_path, scene):
    for name in ("o.xyz", "o.gif", "o"):
        with pytest.raises(InputError, match=r"\.jpg, \.jpeg, .*\.png, \.webp, \.tif, \.tiff"):
            write_picture(None, scene, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    assert output_format("x/y.JPEG") == "JPEG"


@pytest.mark.skipif(os.name != "posix", reason="the umask is POSIX's")
def test_rights_follow_the_umask(tmp_path, scene):
    for mask, rights in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(mask)
        try:
            write_picture(None, scene, tmp_path / f"{mask}.png")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / f"{mask}.png").stat().st_mode) == rights


@pytest.mark.parametrize("failure", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, failure, monkeypatch, scene):
    out = tmp_path / "o.png"
    out.write_bytes(b"old")

    def break_off(image, file, **options):
        file.write(b"half a pict")
        raise failure

    monkeypatch.setattr(Image.Image, "save", break_off)
    expected = InputError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_picture(None, scene, out)
    assert out.read_bytes() == b"old" and list(tmp_path.iterdir()) == [out]


def test_write_errors_name_the_file_and_the_remedy(tmp_path, scene):
    with pytest.raises(InputError, match="does not exist; make it"):
        write_picture(None, scene, tmp_path / "nowhere" / "o.png")
    (tmp_path / "d.png").mkdir()
    with pytest.raises(InputError, match="a folder"):
        write_picture(None, scene, tmp_path / "d.png")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="o.png: cannot be written as PNG .*; choose another"):
        write_picture(None, scene, tmp_path / "file" / "o.png")
    with pytest.raises(InputError, match="cannot be written as WEBP"):  # at most 16383 a side
        write_picture(None, np.zeros((16, 17_000, 3), np.uint8), tmp_path / "wide.webp")
    assert not list(tmp_path.glob("*wide*")) and not list(tmp_path.glob(".*"))
    with pytest.raises(ValueError, match="uint8"):
        write_picture(None, scene.astype(np.float32), tmp_path / "o.png")


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
def test_a_link_is_written_through(tmp_path, scene):
    (tmp_path / "far").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "far" / "real.png")
    write_picture(None, scene, tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert np.array_equal(read_picture(tmp_path / "far" / "real.png").pixels, scene)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_a_full_disk_is_told_from_a_bad_name_and_leaves_no_part(
    tmp_path, monkeypatch, suffix, scene
):
    class Full(io.FileIO):
        def write(self, data):
            super().write(bytes(data)[:10])
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write, "open", lambda path, mode: Full(path, "x"), raising=False)
    with pytest.raises(OutOfSpace, match=f"o{suffix}: .*the disk is full.*make room"):
        write_picture(None, scene, tmp_path / f"o{suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["o.jfif", "o.jpe", "o.pjpeg", "O.JFIF", "o.jpeg"])
def test_a_jpeg_by_any_of_its_names(tmp_path, name, scene):
    write_picture(None, scene, tmp_path / name)
    assert Image.open(tmp_path / name).format == "JPEG"

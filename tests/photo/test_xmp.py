"""What an edited picture says about itself, in every format that is written."""

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image
from tests.photo.packets import source_type_of

from istrc.photo.picture import Picture
from istrc.photo.read import read_picture
from istrc.photo.write import write_picture
from istrc.photo.xmp import COMPOSITE, GENERATED, LARGEST, packet

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
SUFFIXES = (".jpg", ".png", ".webp", ".tif")
GIVEN = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"
 xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/">
<rdf:Description rdf:about="" photoshop:Credit="An Agency" photoshop:City="Uppsala"
 exif:GPSLatitude="59,51.5N" tiff:Orientation="6" crs:Exposure2012="+1" xmp:Rating="4"/>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:creator><rdf:Seq><rdf:li>Ånn &amp; Bo</rdf:li></rdf:Seq></dc:creator>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Tea</rdf:li></rdf:Alt></dc:title>
<xmp:Thumbnails><rdf:Alt><rdf:li>OLDFACE</rdf:li></rdf:Alt></xmp:Thumbnails>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()


def stating(source_type: str) -> bytes:
    return packet(None, source_type=source_type)


def xmp_of(path) -> bytes:
    """The packet in a file, as Pillow finds it."""
    with Image.open(path) as image:
        found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    return found.encode() if isinstance(found, str) else found


# --- the packet ------------------------------------------------------------------------------


def test_a_packet_states_the_source_type_and_is_well_formed():
    said = stating(COMPOSITE)
    assert b"Iptc4xmpExt:DigitalSourceType" in said and COMPOSITE.encode() in said
    assert COMPOSITE == (
        "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    )
    ElementTree.fromstring(said)
    assert source_type_of(said) == COMPOSITE


def test_what_its_owner_wrote_stays_and_what_describes_the_old_file_goes():
    said = packet(GIVEN, source_type=COMPOSITE).decode()
    assert source_type_of(said.encode()) == COMPOSITE
    for kept in ("An Agency", "Ånn &amp; Bo", "Tea", 'lang="x-default"', "xmp:Rating"):
        assert kept in said, kept
    for gone in ("Orientation", "Exposure", "OLDFACE", "Uppsala", "GPS", "59,51"):
        assert gone not in said, gone


def test_places_are_kept_when_asked_for():
    said = packet(GIVEN, source_type=COMPOSITE, location=True).decode()
    assert "Uppsala" in said and "59,51.5N" in said and "OLDFACE" not in said


def test_a_packet_of_ours_comes_out_as_it_went_in():
    once = packet(GIVEN, source_type=COMPOSITE)
    assert packet(once, source_type=COMPOSITE) == once
    assert packet(once) == once


def test_a_made_picture_does_not_become_a_photograph_by_an_edit():
    assert source_type_of(packet(stating(GENERATED), source_type=COMPOSITE)) == GENERATED
    camera = GENERATED.replace("trainedAlgorithmicMedia", "digitalCapture")
    assert source_type_of(packet(stating(camera), source_type=COMPOSITE)) == COMPOSITE


def test_nothing_to_say_is_no_packet():
    assert packet(None) is None and packet(b"") is None
    assert packet(b"no XML", location=True) is None


ENTITY = b'<!DOCTYPE x [<!ENTITY e "boom">]>' + GIVEN.replace(b"Tea", b"&e;")


@pytest.mark.parametrize(
    "given",
    [
        b"<x",
        GIVEN[: len(GIVEN) // 2],
        b"\xff\xfe\x00",
        ENTITY,
        ENTITY.decode().encode("utf-16"),
        GIVEN + b" " * LARGEST,
        b"<a>&nbsp;</a>",
    ],
)
def test_a_packet_that_cannot_be_read_is_left_out(given):
    assert packet(given, source_type=COMPOSITE) == stating(COMPOSITE)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_sound_packet(given):
    assert source_type_of(packet(given, source_type=COMPOSITE)) == COMPOSITE


def test_a_packet_in_utf_16_is_read():
    given = GIVEN.decode().lstrip("\ufeff").encode("utf-16")
    assert b"An Agency" in packet(given)


# --- the file --------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_says_how_it_was_made_and_by_what(tmp_path, suffix):
    out = tmp_path / f"o{suffix}"
    write_picture(None, PIXELS, out, source_type=COMPOSITE)
    assert source_type_of(xmp_of(out)) == COMPOSITE
    with Image.open(out) as image:
        assert image.getexif()[ExifTags.Base.Software].startswith("istrc ")
        assert suffix != ".png" or image.info["Software"].startswith("istrc ")
    again = read_picture(out)
    assert source_type_of(again.xmp) == COMPOSITE and again.notes == []
    if suffix != ".jpg":
        assert np.array_equal(again.pixels, PIXELS)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_pixels_are_the_same_with_and_without(tmp_path, suffix):
    told, plain = tmp_path / f"told{suffix}", tmp_path / f"plain{suffix}"
    write_picture(None, PIXELS, told, source_type=COMPOSITE)
    write_picture(None, PIXELS, plain)
    assert np.array_equal(read_picture(told).pixels, read_picture(plain).pixels)
    assert xmp_of(plain) is None
    with Image.open(plain) as image:
        assert "Software" not in image.info and ExifTags.Base.Software not in image.getexif()


def with_everything(path) -> None:
    """A picture with an owner, a program, details, a place, and XMP."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "A. Person"
    exif[ExifTags.Base.Software] = "Darkroom 3"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2020:01:02 03:04:05"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (59.0, 51.0, 30.0)
    write_picture(Picture(PIXELS, xmp=GIVEN), PIXELS, path, location=True)
    words = xmp_of(path)  # as our writer puts it, in every format
    if path.suffix == ".tif":
        exif[700] = words
        Image.fromarray(PIXELS).save(path, exif=exif.tobytes())
    elif path.suffix == ".png":
        from PIL.PngImagePlugin import PngInfo

        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", words.decode())
        Image.fromarray(PIXELS).save(path, exif=exif.tobytes(), pnginfo=text)
    else:
        Image.fromarray(PIXELS).save(path, exif=exif.tobytes(), xmp=words)


@pytest.mark.parametrize("location", [False, True])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_words_and_places_of_the_input(tmp_path, suffix, location):
    path, out = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    with_everything(path)
    picture = read_picture(path)
    assert picture.location and b"Uppsala" in picture.xmp
    write_picture(picture, picture.pixels, out, source_type=COMPOSITE, location=location)
    with Image.open(out) as image:
        exif = image.getexif()
        assert exif[ExifTags.Base.Artist] == "A. Person"
        assert exif[ExifTags.Base.Software].startswith("istrc ")
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert details[ExifTags.Base.DateTimeOriginal] == "2020:01:02 03:04:05"
        place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    words = xmp_of(out)
    assert "Ånn".encode() in words and source_type_of(words) == COMPOSITE
    assert bool(place) == location == (b"Uppsala" in words)
    if location:
        assert [float(part) for part in place[ExifTags.GPS.GPSLatitude]] == [59, 51, 30]
    # Nothing is said, and it is as it was before
    write_picture(picture, picture.pixels, out)
    with Image.open(out) as image:
        assert image.getexif()[ExifTags.Base.Software] == "Darkroom 3"
        assert not image.getexif().get_ifd(ExifTags.IFD.GPSInfo)
    assert source_type_of(xmp_of(out)) is None and b"Uppsala" not in out.read_bytes()


def test_too_many_words_for_a_jpeg_do_not_cost_the_statement(tmp_path):
    long = GIVEN.replace(b"Tea", b"tea " * 20_000)
    picture = Picture(PIXELS, exif=exif_of(70_000), xmp=long)
    write_picture(picture, PIXELS, tmp_path / "o.jpg", source_type=COMPOSITE)
    assert xmp_of(tmp_path / "o.jpg") == stating(COMPOSITE)
    with Image.open(tmp_path / "o.jpg") as image:
        assert image.getexif()[ExifTags.Base.Software].startswith("istrc ")


def exif_of(length: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "x" * length
    return exif.tobytes()

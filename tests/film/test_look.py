"""How films lie and what their numbers mean: written, they show what they showed."""

import struct
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from istrc.errors import InputError
from istrc.film import tone
from istrc.film.read import Film
from istrc.film.shot import Shot
from istrc.film.write import COMBED, UNMASTERED, Writer

av = pytest.importorskip("av", reason="films need PyAV: pip install 'istrc[film]'")

# The eight matrices (a, b, c, d) that put column p and row q at x = a p + c q, y = b p + d q
MATRICES = [(a, 0, 0, d) for a in (1, -1) for d in (1, -1)]
MATRICES += [(0, b, c, 0) for b in (1, -1) for c in (1, -1)]
SIZE = 64, 48
HALF = "its colours are written at half the resolution (4:2:0)"
CLEAR = "its transparency is left out"


def bits(count):
    return f"its {count} bits a channel are written as 10"


def picture(width=48, height=32, seed=0):
    """Coarse colours, so that half the resolution keeps them."""
    coarse = np.random.default_rng(seed).integers(40, 216, (3, 4, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def write(path, codec="libx264", kind="yuv420p", *, size=(48, 32), count=2, options=None, **tags):
    """Write a film of this kind of frames, whose colours are in the matrix of the tags."""
    matrix = {1: 1, 5: 5, 6: 5, 9: 9}[tags.get("colorspace", 5)]  # as swscale has it
    full = tags.get("color_range") == 2
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=5, options=options or {})
        video.width, video.height, video.pix_fmt = *size, kind
        for name, value in tags.items():
            setattr(video.codec_context, name, value)
        for k in range(count):
            frame = av.VideoFrame.from_ndarray(picture(*size, k), "rgb24")
            ranges = dict(dst_color_range=2 if full else 1) if "yuv" in kind else {}
            frame = frame.reformat(format=kind, dst_colorspace=matrix, **ranges)
            frame.pts, frame.time_base = k, Fraction(1, 5)
            for name in tags.keys() & {"colorspace", "color_range"}:
                setattr(frame, name, tags[name])
            out.mux(video.encode(frame))
        out.mux(video.encode())
    return path


def copy(source, out, crf=0, odd=False):
    film = Film(source, odd)
    with Writer(out, film, crf) as writer:
        for item in film.read():
            assert isinstance(item, Shot)
            writer.write(item)
    return writer


def first_frame(path):
    with av.open(str(path)) as container:
        return next(container.decode(video=0))


def with_matrix(path, matrix):
    """Put a display matrix into the header of an mp4's track."""
    a, b, c, d = (65536 * value for value in matrix)
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + 4 + 20 + 16  # its tag, version, times and layers
    content[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def shown(plane, matrix):
    """Every pixel is put where the matrix says, and the frame's corner back to 0."""
    a, b, c, d = matrix
    (height, width), placed = plane.shape, {}
    for q in range(height):
        for p in range(width):
            placed[a * p + c * q, b * p + d * q] = plane[q, p]
    left, top = min(x for x, _ in placed), min(y for _, y in placed)
    result = np.zeros((width, height) if b else (height, width), plane.dtype)
    for (x, y), value in placed.items():
        result[y - top, x - left] = value
    return result


@pytest.mark.parametrize("matrix", MATRICES)
def test_every_display_matrix_is_shown_as_players_do(tmp_path, matrix):
    source = write(tmp_path / "in.mp4", options={"crf": "0"})
    plain = [shot.planes for shot in Film(source).read()]
    with_matrix(source, matrix)
    writer = copy(source, tmp_path / "out.mp4")
    for name in ("in.mp4", "out.mp4"):
        film = Film(tmp_path / name)
        assert (film.width, film.height) == ((32, 48) if matrix[1] else (48, 32))
        for old, new in zip(plain, film.read(), strict=True):
            for a, b in zip(old, new.planes, strict=True):
                np.testing.assert_array_equal(b, shown(a, matrix))
    assert "DISPLAYMATRIX" not in first_frame(tmp_path / "out.mp4").side_data
    assert writer.losses == ()


@pytest.mark.parametrize("ending", ["mp4", "mov", "m4v", "mkv"])
@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
def test_a_camera_on_its_side_is_set_upright_in_every_container(tmp_path, encode, degrees, ending):
    """Degrees clockwise that players turn it: camera and phone write only these."""
    upright = picture(64, 48)
    stored = np.ascontiguousarray(np.rot90(upright, degrees // 90))  # counter-clockwise
    source = tmp_path / f"in.{ending}"
    encode(source, [stored] * 3, sound=False, rotation=-degrees, crf=0)
    film = Film(source)
    assert (film.width, film.height) == (64, 48)
    assert np.abs(next(film.read()).rgb() - upright.astype(int)).mean() < 3.5
    for other in ("mp4", "mov", "mkv", "webm"):
        copy(source, tmp_path / f"out.{other}", 0)
        assert "DISPLAYMATRIX" not in first_frame(tmp_path / f"out.{other}").side_data
        shown = next(Film(tmp_path / f"out.{other}").read()).rgb()
        assert np.abs(shown - upright.astype(int)).mean() < 3.5


# codec, frames, what is lost of them, ending
KINDS = [
    ("libx264", "yuv420p", (), "mp4"),
    ("rawvideo", "nv12", (), "nut"),
    ("mjpeg", "yuvj420p", (), "avi"),
    ("libx264", "yuv422p", (HALF,), "mp4"),
    ("ffv1", "yuv444p", (HALF,), "mkv"),
    ("ffv1", "yuv411p", (HALF,), "mkv"),
    ("libx264", "yuv420p10le", (), "mp4"),
    ("libx265", "yuv420p10le", (), "mov"),
    ("libsvtav1", "yuv420p", (), "mp4"),
    ("libsvtav1", "yuv420p10le", (), "webm"),
    ("libvpx-vp9", "yuv420p", (), "webm"),
    ("libvpx-vp9", "yuv420p", (), "mp4"),
    ("libvpx-vp9", "yuv444p", (HALF,), "mkv"),
    ("ffv1", "yuv422p10le", (HALF,), "mkv"),
    ("prores_ks", "yuv422p10le", (HALF,), "mov"),
    ("ffv1", "yuva420p", (CLEAR,), "mkv"),
    ("prores_ks", "yuva444p10le", (CLEAR, bits(12), HALF), "mov"),
    ("libvpx-vp9", "yuva420p", (CLEAR,), "webm"),
    ("libx264rgb", "rgb24", (HALF,), "mp4"),
    ("ffv1", "bgr0", (HALF,), "mkv"),
    ("ffv1", "gbrp10le", (HALF,), "mkv"),
    ("png", "rgba", (CLEAR, HALF), "mov"),
    ("png", "rgb48be", (bits(16), HALF), "mov"),
]


@pytest.mark.parametrize("codec, kind, losses, ending", KINDS)
def test_every_kind_of_frame_shows_the_same_and_its_losses_are_said(
    tmp_path, codec, kind, losses, ending
):
    options = {"crf": "4" if "vp9" in codec else "0"} if codec.startswith("lib") else {}
    if codec == "libx265":
        options["x265-params"] = "log-level=none"
    source = write(tmp_path / f"in.{ending}", codec, kind, size=SIZE, options=options)
    writer = copy(source, tmp_path / "out.mp4")
    assert writer.losses == losses
    for path in (source, tmp_path / "out.mp4"):
        for k, shot in enumerate(Film(path).read()):
            assert np.abs(shot.rgb() - picture(*SIZE, seed=k).astype(int)).mean() < 3.5
    # As anybody else reads it
    frame = first_frame(tmp_path / "out.mp4")
    deep = any(depth in kind for depth in ("10", "48"))
    assert frame.format.name in (("yuv420p10le",) if deep else ("yuv420p", "yuvj420p"))
    assert int(frame.colorspace) != 0
    if int(frame.colorspace) == 2:
        assert "yuv" in kind or kind == "nv12"  # nobody said it of the original either


@pytest.mark.parametrize("kind, losses", [("gray", ()), ("gray10le", ())])
def test_grey_stays_grey(tmp_path, kind, losses):
    writer = copy(write(tmp_path / "in.mkv", "ffv1", kind), tmp_path / "out.mp4")
    assert writer.losses == losses
    pixels = next(Film(tmp_path / "out.mp4").read()).rgb()
    grey = picture() @ [0.299, 0.587, 0.114]
    assert np.abs(pixels - grey[..., None]).max() < 4
    assert int(first_frame(tmp_path / "out.mp4").colorspace) == 5


@pytest.mark.parametrize("height, matrix", [(32, 5), (720, 1)])
@pytest.mark.parametrize("primaries", [1, 2, 9])
def test_rgb_is_written_in_the_usual_matrix_and_says_so(tmp_path, height, matrix, primaries):
    source = write(
        tmp_path / "in.mp4", "libx264rgb", "rgb24", size=(48, height), count=1, color_trc=13,
        color_primaries=primaries, options={"crf": "0"},
    )  # fmt: skip
    assert int(first_frame(source).colorspace) == 0
    for ending in ("mp4", "webm"):
        copy(source, tmp_path / f"out.{ending}", 20)
        frame = first_frame(tmp_path / f"out.{ending}")
        assert int(frame.colorspace) == (9 if primaries == 9 else matrix)
        assert int(frame.color_primaries) == primaries and int(frame.color_trc) == 13
        assert int(frame.color_range) != 2  # 16..235
        pixels = next(Film(tmp_path / f"out.{ending}").read()).rgb()
        assert np.abs(pixels - picture(48, height).astype(int)).mean() < 6


@pytest.mark.parametrize(
    "codec, kind, matrix, primaries, transfer, full, losses",
    [
        ("libx264", "yuv420p", 1, 1, 1, False, ()),
        ("libx264", "yuv420p", 6, 6, 6, False, ()),
        ("libx264", "yuv420p", 5, 5, 1, True, ()),
        ("libx264", "yuv420p10le", 9, 9, 16, False, ()),  # HDR10's
        ("libx264", "yuv420p10le", 9, 9, 18, False, ()),  # HLG's
        ("libx264", "yuv444p", 1, 1, 13, True, (HALF,)),
    ],
)
def test_colours_that_are_named_keep_their_names(
    tmp_path, codec, kind, matrix, primaries, transfer, full, losses
):
    tags = dict(colorspace=matrix, color_primaries=primaries, color_trc=transfer)
    source = write(
        tmp_path / "in.mp4", codec, kind, color_range=2 if full else 1, options={"crf": "0"}, **tags
    )
    writer = copy(source, tmp_path / "out.mp4")
    frame = first_frame(tmp_path / "out.mp4")
    assert writer.losses == losses
    assert {name: int(getattr(frame, name)) for name in tags} == tags
    assert (int(frame.color_range) == 2) == full
    for k, shot in enumerate(Film(tmp_path / "out.mp4").read()):
        expected, most = picture(seed=k), 3.5
        if transfer in (tone.PQ, tone.HLG):  # steeper
            expected, most = tone.shown(expected, transfer), 7
        assert np.abs(shot.rgb() - expected.astype(int)).mean() < most


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm", "m4v"])
@pytest.mark.parametrize("size", [(64, 48), (48, 64)])
@pytest.mark.parametrize("kind", ["yuv420p", "yuv420p10le"])
def test_quality_0_is_lossless_and_ten_bits_stay_ten(tmp_path, ending, size, kind):
    source = write(tmp_path / "in.mkv", "ffv1", kind, size=size)
    out = tmp_path / f"out.{ending}"
    assert copy(source, out).losses == ()
    frames = list(zip(Film(source).read(), Film(out).read(), strict=True))
    assert len(frames) == 2
    for old, new in frames:
        assert (new.planes[0].max() > 255) == ("10" in kind)
        assert all(map(np.array_equal, old.planes, new.planes))
    with av.open(str(out)) as film:
        context = film.streams.video[0].codec_context
        if ending in ("mp4", "mov") and size[0] == 64 and "10" in kind:
            assert context.codec_tag == "hvc1"  # Apple's players know no hev1


SCREEN = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm", "m4v"])
def test_the_screen_that_hdr_was_made_on_is_kept_or_its_loss_is_said(tmp_path, ending):
    settings = f"log-level=none:bframes=0:master-display={SCREEN}:max-cll=1000,400"
    options = {"x265-params": settings}
    source = write(tmp_path / "in.mkv", "libx265", "yuv420p10le", size=SIZE, options=options)
    writer = copy(source, tmp_path / f"out.{ending}", 20)
    old, new = (Film(path).look.mastering for path in (source, tmp_path / f"out.{ending}"))
    assert old.light == (1000, 400) and old.range == pytest.approx((0.0001, 1000))
    assert old.points == pytest.approx((0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329))
    if ending == "m4v":  # H.264
        assert new is None and writer.losses == (UNMASTERED,)
    else:
        assert writer.losses == () and new.light == old.light
        assert new.points == pytest.approx(old.points, abs=1e-4)
        assert new.range == pytest.approx(old.range, abs=1e-4)


def test_matrices_that_are_wrong_or_strange(tmp_path):
    # RGB's, on what is not: as an earlier istrc wrote it
    source = write(tmp_path / "in.mp4", options={"crf": "0", "x264-params": "colormatrix=GBR"})
    assert int(first_frame(source).colorspace) == 0
    copy(source, tmp_path / "out.mp4")
    assert int(first_frame(tmp_path / "out.mp4").colorspace) == 5
    source = write(tmp_path / "in.mp4", options={"x264-params": "colormatrix=ictcp"})
    with pytest.raises(InputError, match=r"in\.mp4: its colours are ICtCp.*convert it to"):
        Film(source)


@pytest.mark.parametrize(
    "size, gone", [((49, 32), "column"), ((48, 33), "row"), ((49, 33), "column and row")]
)
def test_an_odd_size_is_kept_by_vp9_and_said_for_the_rest(tmp_path, size, gone):
    source = write(tmp_path / "in.mkv", "ffv1", "yuv420p", size=size)
    old = next(Film(source, odd=True).read())
    assert old.planes[0].shape == size[::-1]
    writer = copy(source, tmp_path / "out.webm", 10, odd=True)
    assert writer.losses == () and (writer.film.width, writer.film.height) == size
    pixels = next(Film(tmp_path / "out.webm", odd=True).read()).rgb()
    assert pixels.shape == (*size[::-1], 3)
    assert np.abs(pixels - picture(*size).astype(int)).mean() < 6
    writer = copy(source, tmp_path / "out.mp4")
    assert writer.losses == (
        f"its {size[0]}x{size[1]} pixels are written without the last {gone}, as sizes must be "
        "even; end OUT in .webm to keep all",
    )
    new = next(Film(tmp_path / "out.mp4").read())
    assert new.planes[0].shape == (32, 48)
    np.testing.assert_array_equal(new.planes[0], old.planes[0][:32, :48])


def test_an_odd_film_that_is_mirrored_loses_the_side_that_was_last(tmp_path):
    source = write(tmp_path / "in.mp4", "mpeg4", size=(49, 33), options={"qscale": "2"})
    plain = next(Film(source).read())
    film = Film(with_matrix(source, (0, 1, -1, 0)), odd=True)
    assert (film.width, film.height) == (32, 48)
    assert film.losses == (
        "its 49x33 pixels are written without the last column and row, as sizes must be even",
    )
    for old, new in zip(plain.planes, next(film.read()).planes, strict=True):
        np.testing.assert_array_equal(new, shown(old, (0, 1, -1, 0)))


def write_fields(path, first, size=(48, 32)):
    """Write an interlaced film whose `first` field ("tff" or "bff") comes first."""
    with av.open(str(path), "w") as out:
        options = {"flags": "+ildct+ilme", "crf": "0"}
        video = out.add_stream("libx264", rate=5, options=options)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        for k in range(3):
            frame = av.VideoFrame.from_ndarray(picture(*size, k), "rgb24").reformat(
                format="yuv420p"
            )
            frame.pts, frame.time_base = k, Fraction(1, 5)
            out.mux(video.encode(filtered(frame, "setparams", f"field_mode={first}")))
        out.mux(video.encode())
    return path


def filtered(frame, name, argument):
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    graph.link_nodes(source, graph.add(name, argument), graph.add("buffersink")).configure()
    graph.push(frame)
    return graph.pull()


def field_of(path):
    """The field that a film says comes first; None where it says that it has none."""
    frame = first_frame(path)
    if not frame.interlaced_frame:
        return None
    try:
        filtered(frame, "select", "eq(interlace_type,TOPFIRST)")
    except BlockingIOError:
        return "bff"
    return "tff"


@pytest.mark.parametrize("first, other", [("tff", "bff"), ("bff", "tff")])
def test_fields_stay_fields_where_they_can(tmp_path, first, other):
    source = write_fields(tmp_path / "in.mp4", first)
    assert field_of(source) == first
    for matrix, expected in (
        ((1, 0, 0, 1), first),
        ((-1, 0, 0, 1), first),
        ((1, 0, 0, -1), other),  # the last row is the first
        ((0, 1, -1, 0), None),  # fields would be columns
    ):
        for ending in ("mp4", "mkv", "webm"):
            expected = None if ending == "webm" else expected
            out = tmp_path / f"out.{ending}"
            writer = copy(with_matrix(source, matrix), out, 0 if ending != "webm" else 20)
            assert field_of(out) == expected
            assert writer.losses == (() if expected else (COMBED,))
            if ending != "webm":
                for a, b in zip(Film(source).read(), Film(out).read(), strict=True):
                    assert all(map(np.array_equal, a.planes, b.planes))


def test_fields_that_h264_cannot_have_are_told(tmp_path):
    source = write(tmp_path / "in.mkv", "mpeg2video", size=(48, 34), options={"flags": "+ildct"})
    assert first_frame(source).interlaced_frame
    assert copy(source, tmp_path / "out.mp4").losses == (COMBED,)


def test_streams_beside_frames_and_sound_are_told(tmp_path):
    with av.open(str(tmp_path / "in.mkv"), "w") as out:
        video = out.add_stream("mpeg4", rate=5)
        video.width, video.height, video.pix_fmt = 48, 32, "yuv420p"
        words = out.add_mux_stream("subrip")
        for _ in range(5):
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture(), "rgb24")))
        out.mux(video.encode())
        packet = av.Packet(b"Hello")
        packet.stream, packet.pts, packet.dts, packet.duration = words, 0, 0, 500
        packet.time_base = Fraction(1, 1000)
        out.mux(packet)
    assert Film(tmp_path / "in.mkv").losses == (
        "its streams beside frames and sound are left out: subtitle 1",
    )


def test_a_film_that_changes_its_size_is_one_line(tmp_path):
    parts = [write(tmp_path / f"{k}.ts", "mpeg2video", size=(48 + 16 * k, 32)) for k in (0, 1)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(InputError, match=r"joined\.ts: its size changes to 64x32 at .* s; cut it"):
        list(Film(joined).read())

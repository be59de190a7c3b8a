"""A film that is read and written: frames, rate, sound; and everything that is no film."""

from fractions import Fraction

import numpy as np
import pytest

from istrc.errors import InputError
from istrc.film.read import Film
from istrc.film.shot import Shot
from istrc.film.write import PROVENANCE, Writer

av = pytest.importorskip("av", reason="films need PyAV: pip install 'istrc[film]'")


def moving(count=10, width=64, height=48):
    """A bright square that moves to the right, in the upper half of a ramp."""
    pictures = []
    for i in range(count):
        picture = np.tile(np.linspace(30, 120, width, dtype=np.uint8), (height, 1))
        picture[4:20, 2 + 3 * i : 18 + 3 * i] = 220
        pictures.append(np.stack([picture, picture, picture], -1))
    return pictures


def copy(source, out, crf=0, **how):
    film = Film(source)
    with Writer(out, film, crf, **how) as writer:
        for item in film.read(sound=True):
            writer.write(item) if isinstance(item, Shot) else writer.add_sound(item)
    return writer


def shots(path):
    return list(Film(path).read())


def sound_of(path):
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.audio[0]) if p.size]


@pytest.fixture(scope="module")
def clip(encode, tmp_path_factory):
    return encode(tmp_path_factory.mktemp("films") / "clip.mp4", moving(), Fraction(24000, 1001))


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".mkv"])
def test_lossless_is_the_same_film(clip, tmp_path, ending):
    out = tmp_path / f"new/out{ending}"
    assert copy(clip, out).sound == "copied"
    old, new = shots(clip), shots(out)
    assert len(old) == len(new) == 10
    for a, b in zip(old, new, strict=True):
        assert all(np.array_equal(p, q) for p, q in zip(a.planes, b.planes, strict=True))
        assert a.time - old[0].time == pytest.approx(b.time - new[0].time, abs=1.1e-3)
    film = Film(out)
    assert (film.width, film.height) == (64, 48)
    assert float(film.fps) == pytest.approx(24000 / 1001, rel=1e-3)
    assert sound_of(out) == sound_of(clip)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_a_container_that_does_not_take_the_sound_has_it_encoded(clip, tmp_path):
    assert copy(clip, tmp_path / "out.webm", 30).sound == "encoded"
    with av.open(str(tmp_path / "out.webm")) as container:
        assert container.streams.video[0].codec_context.name.startswith(("vp9", "libvpx"))
        frames = list(container.decode(container.streams.audio[0]))
    seconds = sum(frame.samples / frame.sample_rate for frame in frames)
    assert seconds == pytest.approx(10 * 1001 / 24000, abs=0.1)


def test_a_silent_film_stays_silent(encode, tmp_path):
    clip = encode(tmp_path / "silent.mp4", moving(4), sound=False)
    assert copy(clip, tmp_path / "out.mp4").sound == "none"
    assert len(shots(tmp_path / "out.mp4")) == 4


@pytest.mark.parametrize("rotation, turns", [(90, 1), (-90, 3), (180, 2)])
def test_a_film_that_lies_on_its_side_is_set_upright(encode, tmp_path, rotation, turns):
    clip = encode(tmp_path / "lying.mp4", moving(3), rotation=rotation)
    straight = encode(tmp_path / "straight.mp4", moving(3))
    copy(clip, tmp_path / "out.mp4")
    expected = [np.rot90(shot.planes[0], turns) for shot in shots(straight)]
    for film in (clip, tmp_path / "out.mp4"):
        assert (Film(film).width, Film(film).height) == ((48, 64) if turns % 2 else (64, 48))
        for shot, picture in zip(shots(film), expected, strict=True):
            np.testing.assert_array_equal(shot.planes[0], picture)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert next(container.decode(video=0)).rotation == 0


def test_an_odd_row_is_left_out_and_other_planes_become_ours(tmp_path):
    with av.open(str(tmp_path / "odd.mkv"), "w") as out:
        video = out.add_stream("ffv1", rate=5)
        video.width, video.height, video.pix_fmt = 65, 49, "bgr0"
        for picture in moving(2, 65, 49):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="bgr0")
            out.mux(video.encode(frame))
        out.mux(video.encode())
    [first, _] = shots(tmp_path / "odd.mkv")
    assert first.planes[0].shape == (48, 64)
    assert np.abs(first.rgb() - moving(2, 65, 49)[0][:48, :64].astype(int)).max() <= 3
    copy(tmp_path / "odd.mkv", tmp_path / "out.mp4")
    assert len(shots(tmp_path / "out.mp4")) == 2


def test_titles_stay_the_place_does_not_and_the_model_is_named(encode, tmp_path):
    clip = encode(tmp_path / "clip.mkv", moving(2), titles={"title": "Us", "LOCATION": "+48+11/"})

    def told(path):
        with av.open(str(path)) as container:
            return {key.lower(): value for key, value in container.metadata.items()}

    copy(clip, tmp_path / "a.mkv")
    copy(clip, tmp_path / "b.mkv", provenance=False, location=True)
    first, second = told(tmp_path / "a.mkv"), told(tmp_path / "b.mkv")
    assert first["title"] == second["title"] == "Us"
    assert first["comment"] == PROVENANCE and "location" not in first
    assert "comment" not in second and second["location"] == "+48+11/"


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("other", ["mp4", "mkv"])
def test_a_comment_stays_before_what_is_said_of_the_model(encode, tmp_path, other, ending):
    clip = encode(tmp_path / f"clip.{other}", moving(2), titles={"comment": "Our last day"})
    copy(clip, tmp_path / f"out.{ending}")
    with av.open(str(tmp_path / f"out.{ending}")) as container:
        told = [value for key, value in container.metadata.items() if key.lower() == "comment"]
    assert told == [f"Our last day; {PROVENANCE}"]


@pytest.mark.parametrize("ending", ["mp4", "mov", "m4v", "mkv", "webm"])
def test_chapters_stay(tmp_path, ending):
    titles = ["Before", "After"]
    own = [
        dict(id=i, start=i, end=i + 1, time_base=Fraction(1, 10), metadata={"title": title})
        for i, title in enumerate(titles)
    ]
    with av.open(str(tmp_path / "in.mkv"), "w") as out:
        out.set_chapters(own)
        video = out.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for one in moving(5):
            out.mux(video.encode(av.VideoFrame.from_ndarray(one, "rgb24")))
        out.mux(video.encode())
    copy(tmp_path / "in.mkv", tmp_path / f"out.{ending}")
    with av.open(str(tmp_path / f"out.{ending}")) as container:
        kept = container.chapters()
    assert [one["metadata"]["title"] for one in kept] == titles
    assert [one["start"] * one["time_base"] for one in kept] == [0, Fraction(1, 10)]


def test_nothing_stays_of_a_film_that_fails(clip, tmp_path):
    for error in (RuntimeError, KeyboardInterrupt):
        with pytest.raises(error), Writer(tmp_path / "out.mp4", Film(clip)) as writer:
            writer.write(next(Film(clip).read()))
            raise error
        assert list(tmp_path.iterdir()) == []
    (tmp_path / "out.mp4").write_bytes(b"an older film")
    with pytest.raises(RuntimeError), Writer(tmp_path / "out.mp4", Film(clip)):
        raise RuntimeError
    assert (tmp_path / "out.mp4").read_bytes() == b"an older film"


def test_names_that_are_no_film_are_refused(clip, tmp_path):
    with pytest.raises(InputError, match=r"out\.jpg: films are written as \.mp4"):
        Writer(tmp_path / "out.jpg", Film(clip))
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        Writer(tmp_path / "folder.mp4", Film(clip))


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        list(Film(path).read())
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_what_is_no_film_is_one_line(clip, encode, tmp_path):
    from PIL import Image

    refused(tmp_path / "none.mp4", "no such file")
    refused(tmp_path, "is a folder")
    for name, content in (("text.mp4", b"this is no film" * 9), ("empty.mp4", b"")):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, "is no film, or damaged")
    Image.fromarray(moving(1)[0]).save(tmp_path / "picture.png")
    refused(tmp_path / "picture.png", "is a picture and no film")
    encode(tmp_path / "sound.m4a", [], seconds=0.5)
    refused(tmp_path / "sound.m4a", "no video stream")


def test_a_film_that_is_cut_off_is_one_line(encode, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (36, 48, 64, 3), dtype=np.uint8)
    for ending in (".mkv", ".mp4"):
        whole = encode(tmp_path / f"whole{ending}", list(noise), Fraction(12), crf=40)
        assert len(shots(whole)) == 36
        content = whole.read_bytes()
        cut = tmp_path / f"cut{ending}"
        cut.write_bytes(content[: len(content) // 2])
        refused(cut, "cut off")
    # An index at the beginning survives what is cut off the end
    fast = encode(tmp_path / "fast.mp4", list(noise), Fraction(12), crf=40, movflags="faststart")
    (tmp_path / "late.mp4").write_bytes(fast.read_bytes()[: -len(content) // 2])
    refused(tmp_path / "late.mp4", "cut off or damaged after [01].*give a film that plays")


@pytest.mark.parametrize(
    "name",
    ["L" * 251 + ".mp4", "\u65e5" * 83 + "ab.mkv", "12:30.mp4", "file:a%03d.mov", "-o #?&.webm"],
)
def test_a_film_has_any_name_that_files_have(clip, tmp_path, name):
    source, out = tmp_path / "in" / name, tmp_path / "out" / name
    source.parent.mkdir()
    whole = clip if name.endswith("mp4") else tmp_path / f"whole{source.suffix}"
    if whole is not clip:
        copy(clip, whole, 30)
    source.write_bytes(whole.read_bytes())
    copy(source, out, 30)
    assert len(shots(out)) == 10
    assert [path.name for path in out.parent.iterdir()] == [name]


def test_a_name_that_no_file_can_have_is_one_line_at_once(clip, tmp_path):
    with pytest.raises(InputError) as caught:
        Writer(tmp_path / ("L" * 252 + ".mp4"), Film(clip))
    assert str(caught.value).endswith("L.mp4: file name too long; give another name")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "none" / "film.mp4")
    with pytest.raises(InputError, match=r"link\.mp4: a link to .*none/film\.mp4, and the folder"):
        Writer(tmp_path / "link.mp4", Film(clip))

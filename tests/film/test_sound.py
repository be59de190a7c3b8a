"""A film's sound in every container: copied, or encoded and said, or refused before anything."""

import re
from fractions import Fraction

import numpy as np
import pytest

from istrc.errors import InputError
from istrc.film.encoders import Encoder
from istrc.film.read import Film
from istrc.film.shot import Shot
from istrc.film.write import Writer

av = pytest.importorskip("av", reason="films need PyAV: pip install 'istrc[film]'")
SECONDS, TONES = 0.6, (440, 660, 880, 550, 330, 770)  # Hz, one a channel
# codec -> what encodes it, where its source is, samples a second
CODECS = {
    "aac": ("aac", "mp4", 48_000),
    "ac3": ("ac3", "mkv", 48_000),
    "pcm_u8": ("pcm_u8", "avi", 11_025),
    "pcm_s16le": ("pcm_s16le", "avi", 44_100),
    "opus": ("libopus", "webm", 48_000),
    "vorbis": ("vorbis", "mkv", 44_100),
    "mp3": ("libmp3lame", "avi", 44_100),
    "flac": ("flac", "mkv", 48_000),
}
LAYOUTS = {"mono": 1, "stereo": 2, "5.1(side)": 6}
NEVER = {("mp3", "5.1(side)"), ("opus", "5.1(side)"), ("vorbis", "mono"), ("vorbis", "5.1(side)")}
FEW = {  # what a container takes as it is
    ".mp4": {"aac", "ac3", "opus", "vorbis", "mp3", "flac"},
    ".mov": {"aac", "ac3", "pcm_u8", "pcm_s16le", "mp3"},
    ".m4v": {"aac", "ac3"},
    ".mkv": set(CODECS),
    ".webm": {"opus", "vorbis"},
}


def write(path, codec, layout, *, start=0.0, streams=1, language=None):
    """Write a short film whose channels have a tone each; returns its path."""
    encoder, _, rate = CODECS[codec]
    count, channels = round(SECONDS * rate), av.AudioLayout(layout).nb_channels
    t = np.arange(count) / rate
    waves = np.stack([0.2 * np.sin(2 * np.pi * f * t) for f in TONES[:channels]])
    video_codec = "libvpx-vp9" if path.suffix == ".webm" else "mpeg4"
    options = {"strict": "experimental"} if encoder == "vorbis" else {}
    with av.open(str(path), "w") as out:
        video = out.add_stream(video_codec, rate=10)
        video.width, video.height, video.pix_fmt = 32, 32, "yuv420p"
        sounds = [
            out.add_stream(encoder, rate=rate, layout=layout, options=options)
            for _ in range(streams)
        ]
        for sound in sounds:
            sound.metadata.update({"language": language} if language else {})
        for k in range(int(10 * (SECONDS + start))):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 9 * k, np.uint8), "rgb24")
            out.mux(video.encode(frame))
        out.mux(video.encode())
        for sound in sounds:
            for at in range(0, count, 1024):
                values = np.ascontiguousarray(waves[:, at : at + 1024], np.float32)
                frame = av.AudioFrame.from_ndarray(values, "fltp", layout)
                frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
                frame.pts = at + round(start * rate)
                out.mux(sound.encode(frame))
            out.mux(sound.encode())
    return path


def copy(source, out):
    film = Film(source)
    with Writer(out, film, 30) as writer:
        for item in film.read(sound=True):
            writer.write(item) if isinstance(item, Shot) else writer.add_sound(item)
    return writer


def packets(path):
    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.audio[0]) if p.size]


def heard(path, number=0):
    """The kind of sound in a file, what each channel sounds (C, n), its rate and its begin."""
    with av.open(str(path)) as container:
        sound = container.streams.audio[number]
        frames = list(container.decode(sound))
        kind, planar = sound.codec_context.codec.canonical_name, []
        for frame in frames:
            channels, values = frame.layout.nb_channels, frame.to_ndarray()
            values = values if frame.format.is_planar else values.reshape(-1, channels).T
            planar.append(values.astype(np.float64))
    waves = np.concatenate(planar, 1)
    return kind, waves - waves.mean(), frames[0].sample_rate, float(frames[0].time)


def pitch(wave, rate):
    """The loudest tone of a channel, Hz."""
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 1 << 17))
    return power.argmax() * rate / (1 << 17)


@pytest.fixture(scope="module")
def film_of(tmp_path_factory):
    """The film with this sound, made once."""
    folder, made = tmp_path_factory.mktemp("sounds"), {}

    def make(codec, layout):
        if (codec, layout) not in made:
            path = folder / f"{codec}-{LAYOUTS[layout]}.{CODECS[codec][1]}"
            made[codec, layout] = write(path, codec, layout)
        return made[codec, layout]

    return make


@pytest.mark.parametrize("ending", FEW)
@pytest.mark.parametrize(
    "codec, layout", [(c, n) for c in CODECS for n in LAYOUTS if (c, n) not in NEVER]
)
def test_sound_is_copied_where_it_can_be_and_encoded_elsewhere(
    film_of, tmp_path, codec, layout, ending
):
    source, out = film_of(codec, layout), tmp_path / f"out{ending}"
    writer = copy(source, out)
    kind, waves, rate, _ = heard(out)
    assert len(waves) == LAYOUTS[layout]
    assert waves.shape[1] / rate == pytest.approx(SECONDS, abs=0.09)
    mixed = LAYOUTS[layout] == 6  # the deep channel loses what is high
    for wave, tone in list(zip(waves, TONES, strict=False))[: 3 if mixed else None]:
        assert pitch(wave, rate) == pytest.approx(tone, abs=4)
    if codec in FEW[ending]:
        assert (writer.sound, writer.losses, kind) == ("copied", (), codec)
        assert packets(out) == packets(source)
    elif writer.sound == "copied":  # what later muxers take as well
        assert (writer.losses, kind) == ((), codec) and packets(out) == packets(source)
    else:
        [line] = writer.losses
        assert kind == ("opus" if ending == ".webm" else "aac")
        assert re.fullmatch(
            rf"its sound \(stream 1, {codec}\w*, .+\) is encoded anew as {kind}, "
            rf"{re.escape(layout.removesuffix('(side)'))}, as {re.escape(ending)} does not take "
            "it as it is",
            line,
        )


@pytest.mark.parametrize(
    "inside, offered", [("mp4", 7), ("mov", 5), ("mkv", 8), ("webm", 2), ("avi", 5)]
)
def test_sound_goes_from_every_container_into_every_other(tmp_path, inside, offered):
    made = 0
    for codec in CODECS:
        source = tmp_path / f"{codec}.{inside}"
        try:
            write(source, codec, "stereo")
        except (ValueError, av.error.FFmpegError):  # the muxer does not offer it
            continue
        if (inside, codec) == ("avi", "vorbis"):  # its times are wrong there
            continue
        made += 1
        for ending in FEW:
            out = tmp_path / f"{codec}-out{ending}"
            writer = copy(source, out)
            kind, waves, rate, _ = heard(out)
            if writer.sound == "copied":
                assert (kind, writer.losses) == (codec, ())
            else:
                [line] = writer.losses
                assert f"is encoded anew as {kind}, stereo, as {ending} does not" in line
            for wave, tone in zip(waves, TONES, strict=False):
                assert pitch(wave, rate) == pytest.approx(tone, abs=4)
    assert made == offered


@pytest.mark.parametrize("codec, ending", [("pcm_s16le", "mov"), ("ac3", "mkv"), ("mp3", "mkv")])
def test_sound_that_begins_late_stays_late(tmp_path, codec, ending):
    source = write(tmp_path / f"in.{ending}", codec, "stereo", start=0.4)
    assert heard(source)[3] == pytest.approx(0.4, abs=0.03)
    for out in (tmp_path / "out.webm", tmp_path / "out.m4v"):
        copy(source, out)
        assert heard(out)[3] == pytest.approx(0.4, abs=0.06)  # encoders begin with some silence


def test_every_stream_of_sound_goes_over_with_its_language(tmp_path):
    source = write(tmp_path / "in.mkv", "ac3", "stereo", streams=2, language="deu")
    for ending, kind, count in ((".mp4", "ac3", 0), (".webm", "opus", 2)):
        out = tmp_path / f"out{ending}"
        assert [line[:18] for line in copy(source, out).losses] == [
            f"its sound (stream {k}"[:18] for k in range(1, 1 + count)
        ]
        with av.open(str(out)) as container:
            assert [s.language for s in container.streams.audio] == ["deu", "deu"]
        assert [heard(out, k)[0] for k in (0, 1)] == [kind, kind]


def of_no_kind(path):
    """Sound of a number that nobody gave a meaning, in an AVI file."""
    content = bytearray(write(path, "pcm_s16le", "mono").read_bytes())
    at = content.index(b"strf", content.index(b"auds")) + 8
    content[at : at + 2] = b"\x99\x99"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("ending", FEW)
def test_sound_that_fits_in_no_way_is_one_line_before_anything(tmp_path, ending):
    film = Film(of_no_kind(tmp_path / "in.avi"))
    with pytest.raises(InputError) as caught:
        Writer(tmp_path / f"out{ending}", film)
    assert str(caught.value) == (
        f"{film.path}: its sound (stream 1, of an unknown kind) can neither be copied into "
        f"{ending} nor be encoded for it; take it out: ffmpeg -i IN -map 0 -map -0:1 -c copy NEW"
    )


def test_sound_that_only_another_container_takes_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr("istrc.film.sound.ENCODERS", ())
    film = Film(write(tmp_path / "in.mkv", "ac3", "stereo"))
    with pytest.raises(InputError, match=r"in\.mkv: its sound \(stream 1, ac3, .*end OUT in \.mkv"):
        Writer(tmp_path / "out.webm", film)


def test_damaged_pieces_of_sound_are_left_out_as_players_do(tmp_path):
    source = write(tmp_path / "in.mkv", "ac3", "stereo")
    content = bytearray(source.read_bytes())
    last = content.rindex(b"\x0b\x77")
    content[last : last + 60] = bytes(60)
    source.write_bytes(content)
    assert copy(source, tmp_path / "out.webm").sound == "encoded"
    kind, waves, rate, _ = heard(tmp_path / "out.webm")
    assert kind == "opus" and 0.5 < waves.shape[1] / rate < SECONDS + 0.09


def test_an_error_of_writing_names_what_is_written(tmp_path, monkeypatch):
    film = Film(write(tmp_path / "in.avi", "mp3", "stereo"))
    wrong = {"preset": "none such"}
    monkeypatch.setattr(Encoder, "options", lambda *_: wrong)
    with pytest.raises(InputError) as caught, Writer(tmp_path / "out.mp4", film):
        pass
    assert str(caught.value).startswith(f"{tmp_path}/out.mp4: cannot be written (")
    assert "in.avi" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.avi"]

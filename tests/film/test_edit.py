"""The shipped circle on a second of film: what an edit does, and all that it leaves alone."""

import math
import struct

import numpy as np
import pytest
import torch
from PIL import Image

from istrc import sphere
from istrc.circle import Circle
from istrc.errors import InputError
from istrc.film import edit_film, tone
from istrc.film import render as rendering
from istrc.film.edit import make_plan
from istrc.film.flicker import Flicker
from istrc.film.read import Film
from istrc.film.render import rendered
from istrc.film.shot import Shot
from istrc.film.track import frame_at
from istrc.shipped import DEFAULT, WEIGHTS

pytest.importorskip("av", reason="films need PyAV: pip install 'istrc[film]'")
pytestmark = pytest.mark.skipif(
    not (WEIGHTS / DEFAULT / "landmarks").exists(),
    reason="the weights of celeba128 are not trained yet",
)
COUNT, BLANK, FPS = 12, 4, 12  # frames with the face; then without it


@pytest.fixture(scope="module")
def circle():
    return Circle.from_pretrained()


@pytest.fixture(scope="module")
def clip(encode, camera, tmp_path_factory):
    """A face, and then, after a cut, a wall."""
    pictures = camera(COUNT)
    rng = np.random.default_rng(1)
    wall = [np.full_like(p, 235) - rng.integers(0, 9, p.shape, np.uint8) for p in pictures[:BLANK]]
    return encode(tmp_path_factory.mktemp("films") / "clip.mp4", pictures + wall, FPS)


@pytest.fixture(scope="module")
def originals(clip):
    return list(Film(clip).read())


@pytest.fixture(scope="module")
def plan(circle, clip):
    return make_plan(circle, Film(clip), {"smile": -1.0})


def frames_of(circle, clip, plan, flicker=None):
    return [i for i in rendered(circle, Film(clip), plan, flicker) if isinstance(i, Shot)]


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.planes, b.planes, strict=True))


def test_the_face_is_followed_and_nothing_is_seen_in_the_wall(plan):
    assert plan.track.found.tolist() == [True] * COUNT + [False] * BLANK
    assert plan.people == 1 and plan.track.scenes.tolist() == [0] * COUNT + [1] * BLANK
    assert sphere.angle(plan.track.z[:COUNT], plan.track.z[0]).max() < 0.5
    assert 60 < frame_at(plan.track.places[0]).side < 200


def test_the_edit_is_in_the_face_alone(circle, clip, originals, plan):
    flicker = Flicker(circle.size)
    shots = frames_of(circle, clip, plan, flicker)
    assert len(shots) == COUNT + BLANK
    for number, (old, new) in enumerate(zip(originals, shots, strict=True)):
        if number >= COUNT:
            assert same(old, new)
            continue
        assert not same(old, new)
        corners = frame_at(plan.track.places[number]).corners()
        corners = corners.mean(0) + 1.3 * (corners - corners.mean(0))  # what a face pulls along
        outside = np.ones(old.planes[0].shape, bool)
        (left, top), (right, bottom) = np.floor(corners.min(0)), np.ceil(corners.max(0))
        outside[int(max(top, 0)) : int(bottom) + 1, int(max(left, 0)) : int(right) + 1] = False
        assert 0.1 < outside.mean() < 0.9
        assert np.array_equal(old.planes[0][outside], new.planes[0][outside])
        assert np.array_equal(old.planes[1][outside[::2, ::2]], new.planes[1][outside[::2, ::2]])
    # It is an edit: the circle itself sees less of a smile
    crops = [
        frame_at(plan.track.places[5]).crop(s[5].rgb(), circle.size) for s in (originals, shots)
    ]
    x = torch.from_numpy(np.stack(crops).copy()).permute(0, 3, 1, 2) / 127.5 - 1
    smile = circle.scores(circle.embed(x))[:, circle.attribute_names.index("smile")]
    assert smile[1] < smile[0]
    result = flicker.result()
    assert flicker.pairs == COUNT - 1 and result["ratio"] < 1.35
    assert result["added"] < 2 * result["original"]


def test_without_smoothing_it_flickers_more(circle, clip, plan):
    raw = make_plan(circle, Film(clip), {"smile": -1.0}, smooth=0)
    ratios = {}
    for name, one in (("smooth", plan), ("raw", raw)):
        flicker = Flicker(circle.size)
        frames_of(circle, clip, one, flicker)
        ratios[name] = flicker.result()["ratio"]
    assert ratios["smooth"] < ratios["raw"]


def test_strength_nothing_is_the_film_itself(circle, clip, originals):
    nothing = make_plan(circle, Film(clip), {"smile": 0.0})
    for old, new in zip(originals, frames_of(circle, clip, nothing), strict=True):
        assert same(old, new)


def test_batches_and_what_is_held_change_nothing(circle, clip, plan, monkeypatch):
    whole = frames_of(circle, clip, plan)
    monkeypatch.setattr(rendering, "BATCH", 5)
    for old, new in zip(whole, frames_of(circle, clip, plan), strict=True):
        worst = max(
            np.abs(a.astype(int) - b).max() for a, b in zip(old.planes, new.planes, strict=True)
        )
        assert worst <= 2  # the networks' own rounding


def test_a_film_is_edited_and_its_sound_is_not(circle, clip, tmp_path):
    import av

    calls = []
    out = tmp_path / "out.mp4"
    done = edit_film(
        circle, clip, out, {"young": -1.0}, crf=0, progress=lambda *told: calls.append(told)
    )
    assert (done.frames, done.faces, done.people) == (COUNT + BLANK, COUNT, 1)
    assert done.path == out and done.size == (256, 192) and done.fps == FPS
    assert done.sound == "copied" and done.angle > 0.05 and done.flicker["ratio"] < 1.35
    assert calls[-1] == ("edit", COUNT + BLANK, COUNT + BLANK)
    assert [c for c in calls if c[0] == "follow"][-1][1] == COUNT + BLANK
    packets, rates, counts = [], [], []
    for path in (clip, out):
        with av.open(str(path)) as film:
            rates.append(film.streams.video[0].average_rate)
            counts.append(film.streams.video[0].frames)
            sound = film.streams.audio[0]
            packets.append([(bytes(p), p.pts) for p in film.demux(sound) if p.size])
    assert packets[0] == packets[1] and len(packets[0]) > 10
    assert rates[0] == rates[1] and counts[0] == counts[1] == COUNT + BLANK
    # Lossless: what has no face comes out as it went in
    for old, new in list(zip(Film(clip).read(), Film(out).read(), strict=True))[COUNT:]:
        assert same(old, new)
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("matrix", [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0), (0, -1, 1, 0)])
def test_a_face_is_found_as_players_show_it(circle, encode, camera, tmp_path, matrix):
    a, b, c, d = matrix
    stored = [p.swapaxes(0, 1) if b else p for p in camera(3)]
    # Undone by the matrix: the rows and columns that it mirrors are mirrored before
    columns, rows = (b, c) if b else (a, d)
    stored = [np.ascontiguousarray(p[::rows, ::columns]) for p in stored]
    film = encode(tmp_path / "clip.mp4", stored, FPS, sound=False)
    content = bytearray(film.read_bytes())
    at = content.index(b"tkhd") + 44
    numbers = (a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    content[at : at + 36] = struct.pack(">9i", *numbers)
    film.write_bytes(content)
    done = edit_film(circle, film, tmp_path / "out.mp4", {"smile": 1.0})
    assert (done.faces, done.size, done.losses) == (3, (256, 192), ())
    upright = next(Film(tmp_path / "out.mp4").read()).rgb().astype(int)
    assert np.abs(upright - camera(3)[0])[:, :60].mean() < 6  # beside the face


@pytest.mark.parametrize("degrees", [45, 90, -120, 180])
def test_a_face_that_lies_on_its_side_is_followed(
    circle, astronaut, encode, pan, tmp_path, degrees
):
    wide = np.pad(astronaut, ((300, 300), (300, 300), (0, 0)), mode="edge")
    turned = Image.fromarray(wide).rotate(-degrees, Image.Resampling.BICUBIC, center=(522, 415))
    pictures = pan(np.asarray(turned), 8, middle=(522, 415), width=330)
    clip = encode(tmp_path / "clip.mp4", pictures, FPS, sound=False)
    track = make_plan(circle, Film(clip), {"smile": 1.0}).track
    assert track.found.all()
    off = np.degrees(track.places[:, 3]) - degrees
    assert (np.abs((off + 180) % 360 - 180) < 20).all()


@pytest.mark.parametrize("share, faces, said", [(0.3, 4, None), (0.13, 4, True), (0.04, 0, True)])
def test_a_dark_face_is_edited_or_its_darkness_is_said(
    circle, encode, camera, tmp_path, share, faces, said
):
    dark = [(picture * share).astype(np.uint8) for picture in camera(4)]
    clip, told = encode(tmp_path / "clip.mp4", dark, FPS, sound=False, crf=6), []
    if not faces:
        with pytest.raises(InputError, match="no face found .* it is dark: lighten it first"):
            edit_film(circle, clip, tmp_path / "out.mp4", {"smile": -1.0})
        return
    done = edit_film(circle, clip, tmp_path / "out.mp4", {"smile": -1.0}, tell=told.append)
    assert done.faces == faces and done.angle > 0 and tuple(told) == done.doubts
    assert bool(done.doubts) == bool(said) and all("dark" in line for line in told)


def write_hdr(path, pictures, transfer):
    """Pictures of an ordinary screen as a film in HDR of 10 bits."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w") as out:
        options = {"crf": "4", "x265-params": "log-level=none:bframes=0", "preset": "ultrafast"}
        video = out.add_stream("libx265", rate=FPS, options=options)
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt, context = "yuv420p10le", video.codec_context
        context.colorspace = context.color_primaries = 9
        context.color_trc, context.color_range = transfer, 1
        for picture in pictures:
            codes = (257 * tone.numbered(picture, transfer)).round().astype(np.uint16)
            frame = av.VideoFrame.from_ndarray(codes, "rgb48le")
            frame = frame.reformat(format="yuv420p10le", dst_colorspace=9, dst_color_range=1)
            frame.colorspace, frame.color_range = 9, 1
            out.mux(video.encode(frame))
        out.mux(video.encode())
    return path


@pytest.mark.parametrize("transfer", [tone.PQ, tone.HLG])
def test_a_face_in_hdr_is_edited_as_the_same_face_elsewhere(
    circle, encode, camera, tmp_path, transfer
):
    plain = encode(tmp_path / "plain.mp4", camera(3), FPS, sound=False)
    hdr = write_hdr(tmp_path / "hdr.mov", camera(3), transfer)
    changes, edits = [], {"smile": -1.0}
    for source, out in ((plain, tmp_path / "out.mp4"), (hdr, tmp_path / "out.mov")):
        done = edit_film(circle, source, out, edits, crf=4)
        assert done.faces == 3 and done.losses == ()
        old, new = (next(Film(path).read()).rgb().astype(float) for path in (source, out))
        changes.append(new - old)
    film = Film(tmp_path / "out.mov")
    assert film.look.transfer == transfer and film.look.colours.bits == 10
    # The same change, as an ordinary screen shows both
    assert np.abs(changes[0]).mean() > 0.3
    assert np.corrcoef(changes[0].ravel(), changes[1].ravel())[0, 1] > 0.8
    assert np.abs(changes[1]).mean() == pytest.approx(np.abs(changes[0]).mean(), rel=0.4)


@pytest.mark.parametrize("mode", ["anchored", "circle"])
def test_the_other_modes_draw_faces_too(circle, encode, camera, tmp_path, mode):
    clip = encode(tmp_path / "clip.mp4", camera(3), FPS, sound=False)
    done = edit_film(circle, clip, tmp_path / "out.mkv", {"smile": 1.0}, mode=mode)
    assert done.faces == 3 and done.sound == "none" and math.isfinite(done.flicker["edited"])
    old, new = (next(Film(p).read()).planes[0].astype(int) for p in (clip, tmp_path / "out.mkv"))
    assert np.abs(old - new)[50:150, 90:170].mean() > 1.5


def test_errors_are_one_line_and_leave_nothing(circle, clip, encode, tmp_path, monkeypatch):
    walls = [np.full((96, 128, 3), 90 + i, np.uint8) for i in range(4)]
    blank = encode(tmp_path / "wall.mp4", walls, FPS, sound=False)
    with pytest.raises(InputError, match="no face found in any of 4 frames"):
        edit_film(circle, blank, tmp_path / "out.mp4", {"smile": 1.0})
    with pytest.raises(InputError, match="would overwrite the input"):
        edit_film(circle, blank, blank, {"smile": 1.0})
    with pytest.raises(InputError, match="mode 'none'"):
        edit_film(circle, blank, tmp_path / "out.mp4", {"smile": 1.0}, mode="none")

    def stop(stage, count, total):
        if stage == "edit" and count == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        edit_film(circle, clip, tmp_path / "out.mp4", {"smile": 1.0}, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["wall.mp4"]


def test_over_cuts_it_is_the_same_person_who_is_edited(circle, shared_dir, encode, pan, tmp_path):
    pictures = []
    for name in ("obama.jpg", "biden.jpg", "obama_small.jpg"):
        face = circle.read(shared_dir / "photos" / name)
        middle = face.frame.corners().mean(0) + 500
        wide = np.pad(face.picture.pixels, ((500, 500), (500, 500), (0, 0)), mode="edge")
        pictures += pan(wide, 4, middle=middle, width=3 * face.frame.side)
    track = make_plan(circle, Film(encode(tmp_path / "cuts.mp4", pictures)), {"smile": 1.0}).track
    assert track.found.tolist() == [True] * 4 + [False] * 4 + [True] * 4
    assert track.scenes.tolist() == [0] * 4 + [1] * 4 + [2] * 4

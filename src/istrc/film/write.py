"""A film is written whole or not at all: the frames encoded, the sound as it was."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from istrc.errors import InputError, OutOfSpace
from istrc.film.pyav import need_av
from istrc.film.read import Film
from istrc.film.shot import Shot
from istrc.photo.xmp import COMPOSITE
from istrc.whole import beside

ENDINGS = (".mp4", ".mov", ".m4v", ".mkv", ".webm")
# The first of these that a container takes: encoder, what it makes, its settings
ENCODERS = (
    ("libx264", "h264", {"preset": "medium"}),
    ("libvpx-vp9", "vp9", {"b:v": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}),
)
SOUND = (("aac", "aac"), ("libopus", "opus"))  # for sound that the container does not take
MADE = f"Parts of the pictures were made by a model, with istrc ({COMPOSITE})"
_OF_THE_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder")


def check_output(path: str | Path) -> None:
    """Raises InputError where no film can be written under this name."""
    if Path(path).suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: films are written as {', '.join(ENDINGS)}; end the name in one")
    if Path(path).is_dir():
        raise InputError(f"{path}: is a folder; give a file name")


class Writer:
    """Writes a film like another one; used as a context manager.

    The file gets its name when the block ends well; on any exception nothing of it stays.

    Args:
        path: the file; its ending chooses the container.
        film: what size, rate, colours, sound and titles are taken from.
        crf: quality, 0 (lossless) to 51; 18 can hardly be told from the original.
        provenance: say in the file's comment that a model made parts of it.
        location: keep where the film was taken.

    Attributes:
        sound: "copied", "encoded" where the container takes none of that kind, or "none".
    """

    def __init__(
        self,
        path: str | Path,
        film: Film,
        crf: int = 18,
        *,
        provenance: bool = True,
        location: bool = False,
    ):
        check_output(path)
        self.path, self.film, self.crf = Path(path), film, crf
        self.provenance, self.location = provenance, location
        self.temporary, self._target = beside(path)
        self.sound = "none"
        self._out: Any = None
        self._sounds: dict[int, Copied | Encoded] = {}

    def __enter__(self) -> Writer:
        av = need_av()
        try:
            with self._told():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._out = av.open(str(self.temporary), "w")
                with self.film.template() as (video, sounds):
                    self._add_video(video)
                    for sound in sounds:
                        self._add_sound(sound)
                    self._add_titles(video.container.metadata)
                    self._out.start_encoding()
        except BaseException:
            self._drop()
            raise
        return self

    def _add_video(self, video: Any) -> None:
        film, known = self.film, self._out.supported_codecs
        name, options = next((n, o) for n, kind, o in ENCODERS if kind in known)
        self._video = self._out.add_stream(
            name, rate=film.fps, options={**options, "crf": str(self.crf)}
        )
        context, source = self._video.codec_context, video.codec_context
        self._video.width, self._video.height = film.width, film.height
        self._video.pix_fmt = "yuv420p"
        self._video.time_base = context.time_base = film.time_base
        context.bit_rate = 0  # the quality decides
        for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
            setattr(context, name, getattr(source, name))
        if film.full:
            context.color_range = 2
        shape = video.sample_aspect_ratio
        if shape:
            context.sample_aspect_ratio = 1 / shape if film.turned else shape

    def _add_sound(self, sound: Any) -> None:
        context = sound.codec_context
        if context is None:  # of a kind that nobody can play
            return
        known = self._out.supported_codecs
        if known & {context.name, context.codec.canonical_name}:
            self._sounds[sound.index] = Copied(self._out, sound)
            self.sound = "copied" if self.sound == "none" else self.sound
        else:
            name = next(name for name, kind in SOUND if kind in known)
            self._sounds[sound.index] = Encoded(self._out, sound, name)
            self.sound = "encoded"

    def _add_titles(self, titles: dict[str, str]) -> None:
        told = {key: value for key, value in titles.items() if key not in _OF_THE_FILE}
        if not self.location:
            told = {key: value for key, value in told.items() if "location" not in key.lower()}
        if self.provenance:
            told["comment"] = f"{told['comment']}; {MADE}" if told.get("comment") else MADE
        self._out.metadata.update(told)

    def write(self, shot: Shot) -> None:
        """The next frame."""
        frame, context = shot.frame(), self._video.codec_context
        frame.pts, frame.time_base = shot.pts, self.film.time_base
        frame.duration = shot.duration
        frame.color_range, frame.colorspace = context.color_range, context.colorspace
        with self._told():
            self._out.mux(self._video.encode(frame))

    def add_sound(self, packet: Any) -> None:
        """The next packet of sound, of the film's stream that it came from."""
        if packet.stream.index in self._sounds:
            with self._told():
                self._sounds[packet.stream.index].add(packet)

    def __exit__(self, kind: type | None, *_: object) -> None:
        try:
            if kind is None:
                with self._told():
                    self._out.mux(self._video.encode())
                    for sound in self._sounds.values():
                        sound.finish()
                    self._out.close()
                    os.replace(self.temporary, self._target)
        finally:
            self._drop()

    def _drop(self) -> None:
        with contextlib.suppress(Exception):  # of a file that is thrown away
            if self._out is not None:
                self._out.close()
        self.temporary.unlink(missing_ok=True)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """PyAV's errors in one line."""
        try:
            yield
        except need_av().error.FFmpegError as error:
            if error.errno == errno.ENOSPC:
                raise OutOfSpace(f"{self.path}: the disk is full; make room on it") from None
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"{self.path}: cannot be written ({reason})") from None


class Copied:
    """Sound whose packets go over as they are."""

    def __init__(self, out: Any, sound: Any):
        self.out, self.stream = out, out.add_stream_from_template(sound)

    def add(self, packet: Any) -> None:
        packet.stream = self.stream
        self.out.mux(packet)

    def finish(self) -> None:
        pass


class Encoded:
    """Sound that is encoded anew, for a container that does not take it as it is."""

    def __init__(self, out: Any, sound: Any, name: str):
        self.out = out
        rate = 48_000 if name == "libopus" else sound.codec_context.sample_rate
        self.stream = out.add_stream(name, rate=rate, layout=sound.codec_context.layout.name)
        context = self.stream.codec_context
        self.resampler = need_av().AudioResampler(context.format, context.layout, rate)
        self.begun = False

    def add(self, packet: Any) -> None:
        for frame in packet.decode():
            self.begun = True
            self._encode(self.resampler.resample(frame))

    def finish(self) -> None:
        if self.begun:
            self._encode(self.resampler.resample(None))
        self.out.mux(self.stream.encode(None))

    def _encode(self, frames: list[Any]) -> None:
        for frame in frames:
            self.out.mux(self.stream.encode(frame))

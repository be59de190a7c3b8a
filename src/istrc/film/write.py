"""A film is written whole or not at all: the frames encoded, the sound as it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from istrc.errors import InputError
from istrc.film.pyav import need_av
from istrc.film.read import Film
from istrc.film.shot import Shot

# The first of these that a container takes; libx264's own preset and pixels that play everywhere
ENCODERS = (
    ("libx264", "h264", {"preset": "medium"}),
    ("libvpx-vp9", "vp9", {"b:v": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}),
)
SOUND = (("aac", "aac"), ("libopus", "opus"))  # for sound that the container does not take
_OF_THE_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder")


class Writer:
    """Writes a film like another one; used as a context manager.

    The file gets its name when the block ends well; on any exception nothing of it stays.

    Args:
        path: the file; its ending chooses the container (.mp4, .mov, .mkv, .webm).
        film: what size, rate, colours, sound and titles are taken from.
        crf: quality, 0 (lossless) to 51; 18 can hardly be told from the original.
    """

    def __init__(self, path: str | Path, film: Film, crf: int = 18):
        self.path, self.film, self.crf = Path(path), film, crf
        # The ending is kept: the container is chosen by it
        self.temporary = self.path.with_name(
            f".{self.path.stem}.{os.getpid()}.tmp{self.path.suffix}"
        )
        self.container: Any = None

    def __enter__(self) -> Writer:
        av = need_av()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.container = av.open(str(self.temporary), "w")
            self.encoders = self.container.supported_codecs
            name, options = next(
                (name, options) for name, kind, options in ENCODERS if kind in self.encoders
            )
            with self.film.template() as (video, sounds):
                self._add_video(video, name, options)
                self.sounds = {sound.index: self._add_sound(sound) for sound in sounds}
        except (ValueError, StopIteration, av.error.FFmpegError) as error:
            self._drop()
            if isinstance(error, PermissionError):
                raise
            raise InputError(
                f"{self.path}: a film cannot be written so; end the name in .mp4, .mov or .mkv"
            ) from None
        except BaseException:
            self._drop()
            raise
        return self

    def _add_video(self, video: Any, name: str, options: dict[str, str]) -> None:
        film = self.film
        settings = {**options, "crf": str(self.crf)}
        self.video = self.container.add_stream(name, rate=film.fps, options=settings)
        context, source = self.video.codec_context, video.codec_context
        self.video.width, self.video.height = film.width, film.height
        self.video.pix_fmt = "yuv420p"
        self.video.time_base = context.time_base = film.time_base
        context.bit_rate = 0  # the quality decides
        for name in ("color_primaries", "color_trc", "colorspace", "color_range"):
            setattr(context, name, getattr(source, name))
        if source.pix_fmt and source.pix_fmt.startswith("yuvj"):
            context.color_range = 2
        shape = video.sample_aspect_ratio
        if shape:
            context.sample_aspect_ratio = 1 / shape if film.turned else shape
        for key, value in video.container.metadata.items():
            if key not in _OF_THE_FILE:
                self.container.metadata[key] = value

    def _add_sound(self, sound: Any) -> Encoded | Copied:
        known = self.encoders
        if sound.codec_context.name in known or sound.codec_context.codec.canonical_name in known:
            return Copied(self.container, sound)
        name = next(name for name, kind in SOUND if kind in known)
        return Encoded(self.container, sound, name)

    def write(self, shot: Shot) -> None:
        """The next frame."""
        frame = shot.frame()
        frame.pts, frame.time_base = shot.pts, self.film.time_base
        frame.duration = shot.duration
        frame.color_range = self.video.codec_context.color_range
        frame.colorspace = self.video.codec_context.colorspace
        self.container.mux(self.video.encode(frame))

    def sound(self, packet: Any) -> None:
        """The next packet of sound, of the film's stream that it came from."""
        self.sounds[packet.stream.index].add(packet)

    def __exit__(self, kind: type | None, *_: object) -> None:
        try:
            if kind is None:
                self.container.mux(self.video.encode())
                for sound in self.sounds.values():
                    sound.finish()
                self.container.close()
                os.replace(self.temporary, self.path)
        finally:
            self._drop()

    def _drop(self) -> None:
        try:
            if self.container is not None:
                self.container.close()
        except Exception:  # a trailer that cannot be written to what is thrown away
            pass
        self.temporary.unlink(missing_ok=True)


class Copied:
    """Sound whose packets go over as they are."""

    def __init__(self, container: Any, sound: Any):
        self.container = container
        self.stream = container.add_stream_from_template(sound)

    def add(self, packet: Any) -> None:
        packet.stream = self.stream
        self.container.mux(packet)

    def finish(self) -> None:
        pass


class Encoded:
    """Sound that is encoded anew, for a container that does not take it as it is."""

    def __init__(self, container: Any, sound: Any, name: str):
        av = need_av()
        self.container = container
        rate = 48_000 if name == "libopus" else sound.codec_context.sample_rate
        self.stream = container.add_stream(name, rate=rate, layout=sound.codec_context.layout)
        self.resampler = av.AudioResampler(
            self.stream.codec_context.format, self.stream.codec_context.layout, rate
        )

    def add(self, packet: Any) -> None:
        for frame in packet.decode():
            self._encode(self.resampler.resample(frame))

    def finish(self) -> None:
        self._encode(self.resampler.resample(None))
        self.container.mux(self.stream.encode(None))

    def _encode(self, frames: list[Any]) -> None:
        for frame in frames:
            self.container.mux(self.stream.encode(frame))

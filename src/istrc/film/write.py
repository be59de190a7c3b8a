"""A film is written whole or not at all: the frames encoded, the sound as it was."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from istrc.errors import InputError, OutOfSpace, reason
from istrc.film.encoders import encoder_for
from istrc.film.pyav import filter_like, need_av, url_of
from istrc.film.read import Film
from istrc.film.shot import Shot
from istrc.film.sound import Sound, find_ways
from istrc.photo.xmp import COMPOSITE
from istrc.whole import beside

# The endings of films and the containers that they stand for, as FFmpeg names them
ENDINGS = {".mp4": "mp4", ".mov": "mov", ".m4v": "ipod", ".mkv": "matroska", ".webm": "webm"}
COMBED = (
    "its fields are written as whole frames, so that what moves shows combs; deinterlace it first"
)
UNMASTERED = "what it says of the screen that it was made on (HDR metadata) is left out"
PROVENANCE = f"Parts of the pictures were made by a model, with istrc ({COMPOSITE})"
_OF_THE_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder")


def check_output(path: str | Path) -> None:
    """Raises InputError where no film can be written under this name."""
    if Path(path).suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: films are written as {', '.join(ENDINGS)}; end the name in one")
    try:
        folder = stat.S_ISDIR(os.stat(path).st_mode)
    except FileNotFoundError:
        folder = False
    except OSError as error:  # such as a name that is too long
        raise InputError(f"{path}: {reason(error).lower()}; give another name") from None
    if folder:
        raise InputError(f"{path}: is a folder; give a file name")


class Writer:
    """Writes a film like another one; used as a context manager.

    The file gets its name when the block ends well; on any exception nothing of it stays. What is
    in the film and cannot be in the file is known before the block begins.

    Args:
        path: the file; its ending chooses the container.
        film: what size, rate, colours, sound and titles are taken from.
        crf: quality, 0 (lossless) to 51; 18 can hardly be told from the original.
        provenance: say in the file's comment that a model made parts of it.
        location: keep where the film was taken.

    Attributes:
        sound: "copied", "encoded" where the container does not take it as it is, or "none".
        losses: what the file has not, or has otherwise, a line each.

    Raises InputError for a name that no film can have, and for sound that it cannot hold.
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
        ending = self.path.suffix.lower()
        self._kind, look = ENDINGS[ending], film.look
        fields = look.interlaced is not None and not look.turned
        self._encoder = encoder_for(self._kind, look.colours.bits, fields, film.width)
        # H.264's fields are of whole pairs of rows of colour; no other encoder has any
        fielded = fields and self._encoder.fields and film.height % 4 == 0
        self._fields = look.interlaced if fielded else None
        self._ways, said = find_ways(film, ending, self._kind)
        combed = [COMBED] if look.interlaced and not self._fields else []
        if look.mastering and not look.mastering.settings(self._encoder.name):
            said = [UNMASTERED, *said]
        self.losses = (*film.losses, *combed, *said)
        encoded = any(encoder for encoder, _ in self._ways.values())
        self.sound = "encoded" if encoded else "copied" if self._ways else "none"
        self._out: Any = None
        self._marking: Any = None  # see `_with_fields`
        self._sounds: dict[int, Sound] = {}

    def __enter__(self) -> Writer:
        av = need_av()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.film.opened() as container, self._one_line_errors():
                self._out = av.open(url_of(self.temporary), "w", format=self._kind)
                self._add_video(self.film.video(container))
                for sound in container.streams.audio:
                    if (way := self._ways.get(sound.index)) is not None:
                        self._sounds[sound.index] = Sound(self._out, sound, *way)
                self._add_titles(container.metadata)
                self._out.set_chapters(container.chapters())
                self._out.start_encoding()
        except BaseException:
            self._drop()
            raise
        return self

    def _add_video(self, video: Any) -> None:
        film, look = self.film, self.film.look
        options = self._encoder.options(self.crf, look.mastering)
        if self._fields:
            options["flags"] = "+ildct+ilme"
        self._video = self._out.add_stream(self._encoder.name, rate=film.fps, options=options)
        context = self._video.codec_context
        self._video.width, self._video.height = film.width, film.height
        self._video.pix_fmt = look.colours.kind
        if self._encoder.tag and self._kind in ("mp4", "mov"):
            self._video.codec_tag = self._encoder.tag
        self._video.time_base = context.time_base = film.time_base
        context.bit_rate = 0  # the quality decides
        context.colorspace, context.color_range = look.matrix, 2 if look.colours.full else 1
        context.color_primaries, context.color_trc = look.primaries, look.transfer
        shape = video.sample_aspect_ratio
        if shape:
            context.sample_aspect_ratio = 1 / shape if look.turned else shape

    def _add_titles(self, titles: dict[str, str]) -> None:
        kept = {key: value for key, value in titles.items() if key not in _OF_THE_FILE}
        if not self.location:
            kept = {key: value for key, value in kept.items() if "location" not in key.lower()}
        if self.provenance:  # .mkv and .webm have it as COMMENT
            own = [kept.pop(key) for key in list(kept) if key.lower() == "comment"]
            kept["comment"] = "; ".join(filter(None, [*own, PROVENANCE]))
        self._out.metadata.update(kept)

    def write(self, shot: Shot) -> None:
        """The next frame."""
        frame, context = shot.frame(), self._video.codec_context
        frame.pts, frame.time_base = shot.pts, self.film.time_base
        frame = self._with_fields(frame)
        frame.duration = shot.duration
        frame.color_range, frame.colorspace = context.color_range, context.colorspace
        with self._one_line_errors():
            self._out.mux(self._video.encode(frame))

    def _with_fields(self, frame: Any) -> Any:
        """The frame, marked as interlaced if it is: only a filter can."""
        if not self._fields:
            return frame
        if self._marking is None:
            self._marking = filter_like(frame, "setparams", f"field_mode={self._fields}")
        self._marking.push(frame)
        return self._marking.pull()

    def add_sound(self, packet: Any) -> None:
        """The next packet of sound, of the film's stream that it came from."""
        if packet.stream.index in self._sounds:
            with self._one_line_errors():
                self._sounds[packet.stream.index].add(packet)

    def __exit__(self, kind: type | None, *_: object) -> None:
        try:
            if kind is None:
                with self._one_line_errors():
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
    def _one_line_errors(self) -> Iterator[None]:
        try:
            yield
        except need_av().error.FFmpegError as error:
            if error.errno == errno.ENOSPC:
                raise OutOfSpace(f"{self.path}: the disk is full; make room on it") from None
            raise InputError(
                f"{self.path}: cannot be written ({reason(error).lower()}); give another name or "
                "ending"
            ) from None

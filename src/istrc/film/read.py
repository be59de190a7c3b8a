"""Films are read as a stream, with PyAV: frames upright, in order, and the packets of sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from istrc.errors import InputError
from istrc.film.look import TRANSPARENT, look_at
from istrc.film.pyav import need_av, url_of
from istrc.film.shot import Shot

LATE = (0.5, 0.02)  # a film may end this much early, in seconds or in shares: more is cut off
DECLARING = ("mp4", "matroska")  # containers whose duration is declared, and no estimate


class Film:
    """A film file; `read` goes through it from its beginning, as often as it is called.

    Args:
        odd: keep a last row or column beyond an even size, see `istrc.film.look.look_at`.

    Attributes:
        look: what its frames are like.
        width, height: of its frames once upright, pixels.
        losses: what is not read of it, a line each.
        fps: frames per second.
        expected: about how many frames there are; 0 where the file does not say.

    Raises InputError when it cannot be read, or is no film.
    """

    def __init__(self, path: str | Path, odd: bool = False):
        self.path = Path(path)
        with self.opened() as container, self._one_line_errors():
            video = self.video(container)
            first = next(container.decode(video), None)
            if first is None:
                raise InputError(f"{path}: no frame in it can be decoded; give another film")
            self.look = look_at(path, first, video.codec_context, odd)
            self.width, self.height = self.look.size
            left_out = _left_out(container, video)
            self.losses = tuple(dict.fromkeys([*self.look.losses, *left_out]))
            self.fps = Fraction(video.average_rate or video.guessed_rate or 25)
            self.time_base = Fraction(video.time_base)
            micro = container.duration
            # Seconds; None where the file does not say
            self.duration = None if micro is None else micro / 1e6
            self.expected = video.frames or round((self.duration or 0) * self.fps)

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """PyAV's container; raises InputError where there is none."""
        if self.path.is_dir():
            raise InputError(f"{self.path}: is a folder; give one film")
        with self._one_line_errors():
            container = need_av().open(url_of(self.path))
        with container:  # what goes wrong in the caller's block is none of the film's
            yield container

    @contextmanager
    def _one_line_errors(self) -> Iterator[None]:
        av = need_av()
        try:
            yield
        except FileNotFoundError:
            raise InputError(f"{self.path}: no such file") from None
        except PermissionError:
            raise InputError(f"{self.path}: permission denied") from None
        except av.error.FFmpegError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(
                f"{self.path}: is no film, or damaged or cut off ({reason}); "
                "give a film that plays to its end"
            ) from None

    def video(self, container: Any) -> Any:
        """The stream of frames; raises InputError where there is none."""
        still = container.format.name.endswith("_pipe") or container.format.name == "image2"
        moving = [s for s in container.streams.video if not _is_cover(s)]
        if still:
            raise InputError(f"{self.path}: is a picture and no film; use istrc edit")
        if not moving:
            raise InputError(f"{self.path}: has no video stream; give a film")
        moving[0].thread_type = "AUTO"
        return moving[0]

    def read(self, sound: bool = False) -> Iterator[Any]:
        """Every frame as a `Shot`, in order; with `sound` PyAV's packets of it among them.

        Raises InputError where the film is damaged or ends before it should.
        """
        with self.opened() as container, self._one_line_errors():
            video = self.video(container)
            says = any(kind in container.format.name for kind in DECLARING)
            count, end, last = 0, 0.0, -(1 << 62)
            begin = (container.start_time or 0) / 1e6
            for packet in container.demux():  # all: what ends last says how long it is
                if says and packet.is_corrupt:
                    raise self._cut_off(end)
                if packet.pts is not None:
                    after = float((packet.pts + (packet.duration or 0)) * packet.time_base) - begin
                    end = max(end, after)
                if packet.stream.index != video.index:
                    if sound and packet.stream.type == "audio" and packet.dts is not None:
                        yield packet
                    continue
                for frame in packet.decode():
                    pts = frame.pts
                    if pts is None:  # old containers do not say
                        pts = round(count / self.fps / self.time_base)
                    pts = max(pts, last + 1)
                    yield self._shot(frame, pts)
                    count, last = count + 1, pts
            allowed = max(LATE[0], LATE[1] * (self.duration or 0))
            if says and self.duration is not None and end < self.duration - allowed:
                raise self._cut_off(end)

    def _cut_off(self, end: float) -> InputError:
        whole = "" if self.duration is None else f" of {self.duration:.1f}"
        return InputError(
            f"{self.path}: is cut off or damaged after {end:.1f}{whole} s; "
            "give a film that plays to its end"
        )

    def _shot(self, frame: Any, pts: int) -> Shot:
        size, time = (frame.width, frame.height), float(pts * self.time_base)
        if size != self.look.coded:
            raise InputError(
                f"{self.path}: its size changes to {size[0]}x{size[1]} at {time:.1f} s; "
                "cut it there and edit the parts"
            )
        duration = int(frame.duration or 0)
        return Shot(self.look.planes(frame), self.look.colours, pts, duration, time)


def _left_out(container: Any, video: Any) -> Iterator[str]:
    """What is neither the film's frames, as they are decoded, nor its sound."""
    if video.metadata.get("alpha_mode") == "1":  # VP8 and VP9 keep it beside the frames
        yield TRANSPARENT
    others = [s for s in container.streams if s.type != "audio" and s.index != video.index]
    if others:
        kinds = ", ".join(f"{s.type or 'unknown'} {s.index}" for s in others)
        yield f"its streams beside frames and sound are left out: {kinds}"


def _is_cover(stream: Any) -> bool:
    """A record's sleeve, that music files carry as a film of one picture."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)

"""Films are read as a stream, with PyAV: frames upright, in order, and the packets of sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from istrc.errors import InputError
from istrc.film.pyav import need_av
from istrc.film.shot import Colours, Shot, rows_of

LATE = (0.5, 0.02)  # a film may end this much early, in seconds or in shares: more is cut off
DECLARING = ("mp4", "matroska")  # containers whose duration is declared, and no estimate
HIGH = 576  # rows; a film with more that names no colours has those of HDTV

# H.273's numbers of matrices -> swscale's name, Kr and Kb
_HDTV = ("ITU709", 0.2126, 0.0722)
_SDTV = ("ITU601", 0.299, 0.114)
_MATRICES = {
    1: _HDTV,
    4: ("FCC", 0.30, 0.11),
    5: _SDTV,
    6: _SDTV,
    7: ("SMPTE240M", 0.212, 0.087),
    9: ("BT2020", 0.2627, 0.0593),
    10: ("BT2020", 0.2627, 0.0593),
}


class Film:
    """A film file; `read` goes through it from its beginning, as often as it is called.

    Attributes:
        width, height: of its frames once upright, pixels, even.
        turned: they are stored lying on their side.
        full: brightness fills 0..255.
        fps: frames per second.
        expected: about how many frames there are; 0 where the file does not say.

    Raises InputError when it cannot be read, or is no film.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        with self._opened() as container:
            video = self._video(container)
            first = next(container.decode(video), None)
            if first is None:
                raise InputError(f"{path}: no frame in it can be decoded; give another film")
            self._turns = round(first.rotation / 90) % 4  # counter-clockwise
            self.turned = self._turns % 2 == 1
            self.full = first.format.name.startswith("yuvj") or int(first.color_range) == 2
            height, width = first.height // 2 * 2, first.width // 2 * 2
            if not height or not width:
                raise InputError(f"{path}: {first.width}x{first.height} is too small for a film")
            self.width, self.height = (height, width) if self.turned else (width, height)
            self.fps = Fraction(video.average_rate or video.guessed_rate or 25)
            self.time_base = Fraction(video.time_base)
            self.duration = _duration(container)  # seconds; None where the file does not say
            self.expected = video.frames or round((self.duration or 0) * self.fps)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        av = need_av()
        if self.path.is_dir():
            raise InputError(f"{self.path}: is a folder; give one film")
        try:
            with av.open(str(self.path)) as container:
                yield container
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

    def _video(self, container: Any) -> Any:
        """The stream of frames; raises InputError where there is none."""
        still = container.format.name.endswith("_pipe") or container.format.name == "image2"
        moving = [s for s in container.streams.video if not _is_cover(s)]
        if still:
            raise InputError(f"{self.path}: is a picture and no film; use istrc edit")
        if not moving:
            raise InputError(f"{self.path}: has no video stream; give a film")
        moving[0].thread_type = "AUTO"
        return moving[0]

    @contextmanager
    def template(self) -> Iterator[tuple[Any, list[Any]]]:
        """The streams of frames and of sound, to make an output like them."""
        with self._opened() as container:
            yield self._video(container), list(container.streams.audio)

    def read(self, sound: bool = False) -> Iterator[Any]:
        """Every frame as a `Shot`, in order; with `sound` PyAV's packets of it among them.

        Raises InputError where the film is damaged or ends before it should.
        """
        with self._opened() as container:
            video = self._video(container)
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
        matrix = _MATRICES.get(int(frame.colorspace), _HDTV if frame.height > HIGH else _SDTV)
        kind = frame.format.name
        if kind not in ("yuv420p", "yuvj420p"):
            kind = "yuvj420p" if kind.startswith("yuvj") else "yuv420p"
            frame = frame.reformat(format=kind, dst_colorspace=matrix[0])
        height, width = frame.height // 2 * 2, frame.width // 2 * 2
        planes = tuple(
            self._upright(rows_of(frame.planes[k])[: height // share, : width // share])
            for k, share in enumerate((1, 2, 2))
        )
        full = kind == "yuvj420p" or int(frame.color_range) == 2
        return Shot(
            planes=planes,
            colours=Colours(*matrix, full),
            pts=pts,
            duration=int(frame.duration or 0),
            time=float(pts * self.time_base),
        )

    def _upright(self, plane: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(np.rot90(plane, self._turns)).copy()


def _is_cover(stream: Any) -> bool:
    """A record's sleeve, that music files carry as a film of one picture."""
    return bool(stream.disposition & type(stream.disposition).attached_pic)


def _duration(container: Any) -> float | None:
    return None if container.duration is None else container.duration / 1e6

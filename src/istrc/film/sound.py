"""A film's sound goes over as it is, or is encoded where the container does not take it so.

Which of the two is tried on its first packets, in memory: muxers refuse some kinds by name, others
by their layout, and others at the first packet.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from typing import Any

from istrc.errors import InputError
from istrc.film.pyav import need_av
from istrc.film.read import Film

ENCODERS = ("aac", "libopus")  # the first that a container takes
BITS = 96_000  # a second and channel
TRIED = 8  # packets
Way = tuple[str | None, str]  # an encoder and its layout
COPIED: Way = (None, "")  # its packets as they are


class Sound:
    """A stream of sound on its way into a container: its packets as they are, or encoded anew."""

    def __init__(self, out: Any, sound: Any, encoder: str | None, layout: str):
        self.out, self.encoder, self.begun = out, encoder, encoder is None
        if encoder is None:
            self.stream = out.add_stream_from_template(sound)
        else:
            self.stream = out.add_stream(
                encoder,
                rate=48_000 if encoder == "libopus" else sound.codec_context.sample_rate,
                layout=layout,
                bit_rate=BITS * need_av().AudioLayout(layout).nb_channels,
            )
        titles = {key: sound.metadata.get(key) for key in ("language", "title")}
        self.stream.metadata.update({key: said for key, said in titles.items() if said is not None})

    def add(self, packet: Any) -> None:
        if self.encoder is None:
            packet.stream = self.stream
            self.out.mux(packet)
            return
        with suppress(need_av().error.InvalidDataError):  # players leave it out as well
            for frame in packet.decode():
                self.begun = True
                if frame.pts is not None:  # in samples, as an encoder cuts frames elsewhere
                    frame.pts = round(frame.pts * frame.time_base * frame.sample_rate)
                    frame.time_base = Fraction(1, frame.sample_rate)
                self.out.mux(self.stream.encode(frame))

    def finish(self) -> None:
        if self.encoder is not None and self.begun:
            self.out.mux(self.stream.encode(None))


def find_ways(film: Film, ending: str, kind: str) -> tuple[dict[int, Way], list[str]]:
    """How a film's sound gets into a container, by the number of the stream, and what is said.

    Args:
        ending, kind: of the container: ".mkv", and "matroska" as FFmpeg names it.

    Raises InputError for sound that gets into it in no way.
    """
    with film.opened() as container:
        sounds = container.streams.audio
        offers = {sound.index: (_name(sound), list(_candidates(sound))) for sound in sounds}
    ways, said = {}, []
    for number, (name, candidates) in offers.items():
        if not candidates and len(offers) > 1:  # such as a phone's spatial sound beside its stereo
            said.append(f"its sound ({name}) is left out: nobody here can play it")
            continue
        fits = next((way for way in candidates if _fits(film, number, way, kind)), None)
        if fits is None:
            elsewhere = candidates and _fits(film, number, COPIED, "matroska")
            without = f"take it out: ffmpeg -i IN -map 0 -map -0:{number} -c copy NEW"
            remedy = "end OUT in .mkv" if elsewhere else without
            raise InputError(
                f"{film.path}: its sound ({name}) can neither be copied into {ending} nor be "
                f"encoded for it; {remedy}"
            )
        ways[number] = fits
        encoder, layout = fits
        if encoder is not None:
            said.append(
                f"its sound ({name}) is encoded anew as {encoder.removeprefix('lib')}, {layout}, "
                f"as {ending} does not take it as it is"
            )
    return ways, said


def _name(sound: Any) -> str:
    context = sound.codec_context
    kind = "of an unknown kind" if context is None else f"{context.name}, {_layout(context)}"
    return f"stream {sound.index}, {kind}"


def _layout(context: Any) -> str:
    """Where its channels belong; in files that do not say, where so many usually do."""
    own = context.layout
    if own.name.endswith("channels"):  # "6 channels"
        return need_av().AudioLayout(f"{own.nb_channels}c").name
    return own.name


def _candidates(sound: Any) -> Iterator[Way]:
    """Ways for a stream of sound that may do, the best first."""
    context = sound.codec_context
    if context is None:  # nobody knows what it is, and PyAV copies nothing of that kind
        return
    yield COPIED
    # The same speakers as in 5.1(side), and players know it
    usual = _layout(context).replace("(side)", "")
    layouts = dict.fromkeys((usual, _layout(context), "stereo", "mono"))
    yield from ((encoder, layout) for encoder in ENCODERS for layout in layouts)


def _fits(film: Film, number: int, way: Way, kind: str) -> bool:
    """Whether the first packets of a film's stream of sound get into a container this way."""
    av = need_av()
    with film.opened() as container:
        sound = container.streams[number]
        packets = (packet for packet in container.demux(sound) if packet.dts is not None)
        try:
            with av.open(io.BytesIO(), "w", format=kind) as out:
                there = Sound(out, sound, *way)
                tried = list(islice(packets, TRIED))
                for packet in tried:
                    there.add(packet)
                there.finish()
        except (av.error.FFmpegError, ValueError):
            return False
    return there.begun or not tried

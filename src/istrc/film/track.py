"""Where one face is in every frame of a film, and what it is there; smoothed over time.

A place is (x, y, log side, angle): the middle of THE CROP and its side in pixels of the film, and
the face's turn in radians, clockwise. Places of neighbouring frames are close, so that they can be
smoothed number by number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from istrc import sphere
from istrc.photo.align import Frame, compose, transform, turned_frame
from istrc.shape.crop import CROP_CENTRE, CROP_SIDE

HALF_WIDTH = 2 * math.sqrt(2 * math.log(2))  # of a Gaussian: full width at half maximum, in sigmas
REACH = 3.0  # sigmas; a Gaussian is cut off there
FADE = 0.2  # seconds in which an edit comes and goes where a face is found or lost within a scene
ROUNDS = 3  # of doubting
GLITCH = 6.0  # median residuals; a place that is so far off counts for nothing


def place_of(frame: Frame) -> np.ndarray:
    """The place (4,) of a frame."""
    x, y = frame.corners().mean(0)
    return np.array([x, y, math.log(frame.side), frame.angle])


def frame_at(place: np.ndarray) -> Frame:
    """The frame at a place (4,)."""
    x, y, log_side, angle = (float(v) for v in place)
    return turned_frame(CROP_SIDE / math.exp(log_side), angle, (x, y), CROP_CENTRE)


@dataclass(frozen=True, eq=False)
class Track:
    """One face through a film of N frames."""

    places: np.ndarray  # (N, 4) float64, see above; NaN where the face is not
    z: torch.Tensor  # (N, D) float32 embeddings; any where the face is not
    scenes: np.ndarray  # (N,) int, which scene a frame is of: nothing goes on over a cut
    times: np.ndarray  # (N,) float64 seconds, rising
    # (N, 68, 3) what `Circle.find` says of the face under its place; None of nothing
    points: np.ndarray | None = None

    @property
    def found(self) -> np.ndarray:
        """(N,) bool: the face is in the frame."""
        return np.isfinite(self.places[:, 0])

    def runs(self) -> list[slice]:
        """The stretches in which the face is in every frame of one scene."""
        found = self.found
        starts = found & ~(np.r_[False, found[:-1]] & (self.scenes == np.r_[-1, self.scenes[:-1]]))
        ends = found & ~(np.r_[found[1:], False] & (self.scenes == np.r_[self.scenes[1:], -1]))
        first, last = np.flatnonzero(starts), np.flatnonzero(ends)
        return [slice(a, b + 1) for a, b in zip(first.tolist(), last.tolist(), strict=True)]

    def smoothed(self, seconds: float) -> Track:
        """The same face moving smoothly, without lag; each run by itself.

        Args:
            seconds: the width of the Gaussian (at half of its height); 0 smooths nothing.
        """
        if seconds <= 0:
            return self
        sigma = seconds / HALF_WIDTH
        places, z = self.places.copy(), self.z.clone()
        points = None if self.points is None else self.points.copy()
        for run in self.runs():
            places[run] = smooth_places(self.places[run], self.times[run], sigma)
            z[run] = smooth_embeddings(self.z[run], self.times[run], sigma)
            if points is not None:  # as they lie under the smooth places
                for number in range(run.start, run.stop):
                    moved = _between(self.places[number], places[number])
                    points[number, :, :2] = transform(moved, points[number, :, :2])
                flat = points[run].reshape(run.stop - run.start, -1)
                trust = np.ones(len(flat))
                points[run] = _fit(flat, self.times[run], sigma, trust).reshape(-1, 68, 3)
        return Track(places, z, self.scenes, self.times, points)

    def shares(self, fade: float = FADE) -> np.ndarray:
        """How much of an edit each frame gets: (N,) in 0..1, 0 without the face.

        Where a face is lost or found within a scene, the edit goes and comes over `fade` seconds;
        at a cut, and where the film begins and ends, at once.
        """
        share = self.found.astype(float)
        for run in self.runs():
            times = self.times[run]
            before, after = run.start - 1, run.stop
            if before >= 0 and self.scenes[before] == self.scenes[run.start]:
                share[run] = np.minimum(share[run], (times - self.times[before]) / fade)
            if after < len(share) and self.scenes[after] == self.scenes[run.stop - 1]:
                share[run] = np.minimum(share[run], (self.times[after] - times) / fade)
        return share


def _between(place: np.ndarray, new: np.ndarray) -> np.ndarray:
    """(2, 3): THE CROP's [-1, 1] under one place -> under another."""
    here, there = (
        np.array([[s, 0, c[0]], [0, s, c[1]]])
        for s, c in ((CROP_SIDE / 2, CROP_CENTRE), (2 / CROP_SIDE, -2 / CROP_SIDE * CROP_CENTRE))
    )
    return compose(there, frame_at(new).matrix, frame_at(place).inverse, here)


def smooth_places(places: np.ndarray, times: np.ndarray, sigma: float) -> np.ndarray:
    """Places (n, 4) of one run -> (n, 4): at each time a parabola is fitted to what is near.

    Local regression (Cleveland 1979) with Gaussian weights: unlike an average it does not flatten
    a nod, and needs nothing beyond its ends. Robust rounds take out an aligner's glitches: the
    first doubts their neighbours as well, which they pull along, the next trust those again.
    """
    places = places.copy()
    places[:, 3] = np.unwrap(places[:, 3])
    trust = np.ones(len(places))
    for _ in range(ROUNDS):
        fitted = _fit(places, times, sigma, trust)
        # As one length: how far a point half a side from the middle is off, in sides
        off = np.hypot(*((places - fitted)[:, :2] / np.exp(fitted[:, 2:3])).T)
        off += 0.5 * np.abs(places - fitted)[:, 2:].sum(1)
        limit = GLITCH * np.median(off) + 1e-9
        trust = np.clip(1 - (off / limit) ** 2, 0, 1) ** 2 + 1e-9
    return _fit(places, times, sigma, trust)


def _fit(values: np.ndarray, times: np.ndarray, sigma: float, trust: np.ndarray) -> np.ndarray:
    fitted = np.empty_like(values)
    for i, t in enumerate(times):
        low, high = np.searchsorted(times, (t - REACH * sigma, t + REACH * sigma))
        u = (times[low:high] - t) / sigma
        root = np.sqrt(np.exp(-(u**2) / 2) * trust[low:high])[:, None]
        powers = u[:, None] ** np.arange(min(3, len(u)))  # (n, 3): 1, u, u^2
        fitted[i] = np.linalg.lstsq(root * powers, root * values[low:high], rcond=1e-9)[0][0]
    return fitted


def smooth_embeddings(z: torch.Tensor, times: np.ndarray, sigma: float) -> torch.Tensor:
    """Embeddings (n, D) of one run -> (n, D): Gaussian means, put back on the sphere."""
    smooth = torch.empty_like(z)
    for i, t in enumerate(times):
        low, high = np.searchsorted(times, (t - REACH * sigma, t + REACH * sigma))
        weights = np.exp(-(((times[low:high] - t) / sigma) ** 2) / 2)
        smooth[i] = torch.from_numpy(weights).to(z) @ z[low:high]
    return sphere.normalize(smooth)

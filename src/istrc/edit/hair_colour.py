"""The colour that an edit gives the hair.

Hair lies beyond the texture, and beyond the crop, so it is found in the photograph
(istrc.edit.hair_segment). What is found is refined along the photograph's own edges (guided filter,
He, Sun, Tang 2010). Its tone is then moved to that of real hair which has an
attribute, under the light that this face's skin is in (istrc.training.hair).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from istrc import attributes
from istrc.arrays import numpy, sigmoid
from istrc.edit.hair_segment import NOISE, OPPONENT, segment, spread_of
from istrc.edit.tone import coloured, ramp
from istrc.photo.align import compose, invert, transform
from istrc.resample import blurred, looked_up

if TYPE_CHECKING:
    from istrc.arrays import Array
    from istrc.edit.masks import Edits
    from istrc.models.probes import Probes
    from istrc.networks import Networks

AROUND = 1.75  # half the crop's sides, to either side of its middle, that hair is looked for
_SIDE = 128  # pixels of the side at which it is
_ABOVE, _BESIDE = 0.3, 0.6  # of half the crop's side, over which hair ends outside of the crop
_SURE = 0.7  # probability, from which on a pixel counts in a tone
_FEW = 0.01  # of the pixels; who has less hair is bald
_MIXED = (0.0, 0.45)  # of the way from hair's log luma to skin's: a pixel begins to be skin, and is
_UNLIKE = 0.4  # log luma, from which on light tells hair from skin
_FINE, _FLAT = 1.5, 0.003  # of the guided filter: its width, pixels, and what variance has no edge
_DARKEST = 0.02  # luma in [0, 1], below which no pixel is looked at
_CONTRASTS = (0.5, 1.4)  # times its own, that the contrast of hair becomes
_LIGHTEST = 1.5  # of the standard deviations of its log luma, that hair is lighter at most
_COLOURS = 0.6  # of what its hue varies by, that it still does
_HUES = 0.12  # ... and at most
_DIM = 0.2  # luma, below which less
_FURTHEST = 1.1  # log luma that hair becomes lighter or darker: no light brings out what is black
_PALE = 0.3  # ... of hair that is not so much darker than skin, so much darker
_WHITE = 0.2  # log luma, that hair is lighter than skin, from which on it stays white
_SPREADS = np.array([0.5, 0.15, 0.15, 0.2])  # of each part of a tone, over people
_ARRIVING = 0.4  # of it, from which on hair of another colour goes all of it
_BESIDES = 3.0  # pixels, over which hair is of one colour
_DIFFERENT = 0.02  # squared, that colours differ by which are not alike
_STEEP = 1.5  # times as steep as the filter's, the edge of hair is
_ALONE = 0.1  # of the hair, that what is beside it must be to matter
_APART = 1.5  # Mahalanobis, that hair is from what is beside it, to be told from that
_SAME = 1e-3  # spreads of a tone, which is not seen
_WHOLLY = 0.5  # ... from which on hair is coloured wholly
_LINEAR = Image.Resampling.BILINEAR
# Of the share of hair that greys with age, what greys of women's: of 3,640 older women one in
# fourteen is grey, of 8,297 older men one in four
_WOMEN = 0.3
_DYED = 0.6  # of its luma, that skin has more or less of blue and of red in any usual light
_STRIP = 256  # rows of a photograph that are coloured at once


@dataclass(frozen=True)
class HairColour:
    """What an edit does to the hair around a face.

    Attributes:
        points: (68, 2) of the face, in [-1, 1] over the crop.
        places: (2, P, P) how likely hair and skin are over the crop.
        aims: the strength of each colour, and (2, 4, 4) as in `moved`.
        share: of all that, as surely as there is hair to colour.
        fringe: how surely hair falls over the forehead, in [0, 1].
    """

    points: np.ndarray
    places: np.ndarray
    aims: list[tuple[float, np.ndarray]]
    share: float
    fringe: float = 0.0


def hair_colours(
    nets: Networks, c: Array, shapes: np.ndarray, edits: Edits
) -> list[HairColour | None]:
    """What an edit does to the hair around each face of codes c (B, C); shapes: (B, 68, 2)."""
    given = edits if isinstance(edits, Mapping) else {}
    asked = attributes.hair_colours(given)
    probes = nets.probes if asked else None
    if probes is None or not probes.config.get("hair"):
        return [None] * len(c)
    aims = [
        (by, numpy(probes.hair_tones[probes.names.index(name)]))
        for name, by in asked.items()
        if by and name in probes.names
    ]
    if not aims:
        return [None] * len(c)
    read = dict(zip(probes.names, numpy(sigmoid(nets.read_code(c))).T, strict=True))
    never = np.zeros(len(c))
    shares = (2 - 2 * read.get("bald", never)).clip(0, 1)
    shares *= (2 - 4 * read.get("wearing_hat", never)).clip(0, 1)
    if asked.keys() - given:  # by age
        if given["young"] > 0:  # whose hair is not grey keeps it
            shares *= (3 * read.get("gray_hair", never) - 0.5).clip(0, 1)
        else:
            shares *= _WOMEN + (1 - _WOMEN) * read["male"]
    women, men = numpy(probes.hair_places)
    each = zip(shapes, read["male"], shares, read.get("bangs", never), strict=True)
    return [
        HairColour(points, women + male * (men - women), aims, float(share), float(fringe))
        for points, male, share, fringe in each
    ]


def grey_of(probes: Probes | None, skin: np.ndarray) -> np.ndarray | None:
    """The colour (3,) in [0, 1] that grey hair has beside skin of a colour (3,); None where it is
    not known.
    """
    if probes is None or not probes.config.get("hair") or "gray_hair" not in probes.names:
        return None
    tones = numpy(probes.hair_tones[probes.names.index("gray_hair")])[0]
    if not tones.any():  # too few grey heads were seen
        return None
    luma, *excess = OPPONENT @ skin
    luma = max(luma, _DARKEST)
    hue = np.clip(np.array(excess) / luma, -_DYED, _DYED)
    found = np.array([1, np.log(luma), *hue]) @ tones
    grey = np.linalg.solve(OPPONENT, np.exp(found[0]) * np.array([1, *found[1:3]]))
    return grey.clip(0.0, 1.0)


def tone(view: np.ndarray, found: np.ndarray, likely: np.ndarray) -> np.ndarray:
    """The tone of a part of a picture (3, S, S) in [0, 1], (4,): the mean of log luma and of the
    excess of blue and red over it, in units of it, and the standard deviation of log luma.

    Args:
        found, likely: (S, S) of the part, see `segment`: it counts most where it is both.
    """
    luma, *excess = np.tensordot(OPPONENT, view, 1)
    luma = luma.clip(_DARKEST)
    weights = found * (found > _SURE) * likely
    weights = weights / max(float(weights.sum()), 1e-3)
    means = [float((x * weights).sum()) for x in (np.log(luma), *(one / luma for one in excess))]
    return np.array([*means, np.sqrt((weights * (np.log(luma) - means[0]) ** 2).sum())])


def moved(own: np.ndarray, skin: np.ndarray, hair: HairColour) -> np.ndarray:
    """The tone (4,) that hair of tone `own` (4,) becomes beside skin of this tone (4,).

    Each aim tells by the skin (1, log luma, blue and red) what tone hair has that has, and lacks,
    its attribute, both (4, 4). A colour that is asked for is gone to; one that is taken away goes
    along the way between both, as far as it has not gone it.
    """
    new, light = own.copy(), np.array([1, *skin[:3]])
    for strength, tones in hair.aims:
        having, lacking = light @ tones[0], light @ tones[1]
        goal, start = (having, lacking) if strength > 0 else (lacking, having)
        way = (goal - start)[:3]
        weights = np.square(way / _SPREADS[:3])
        gone = ((own - start)[:3] * np.sign(way) / np.abs(way).clip(1e-3)).clip(0, 1)
        left = 1 - gone @ weights / weights.sum()
        if strength > 0:  # so many of the strands have that colour
            share = min(strength * np.clip(left / _ARRIVING, 0, 1), 1)
            lights = np.array([1 - share, share]) * np.exp([own[0], goal[0]])
            luma = lights.sum()
            hue = lights @ np.stack([own[1:3], goal[1:3]]) / luma
            mixed = [np.log(luma), *hue, own[3] + share * (goal[3] - own[3])]
            new += mixed - own
        else:
            # What is lighter than skin is white, and would be pink if it were a little darker
            left = np.clip(left, 0, 1) * np.clip(1 - (own[0] - skin[0]) / _WHITE, 0, 1)
            new += abs(strength) * left * (goal - start)
    # What is as light as skin may be skin, or white; then it is not made black. Light that is
    # missing leaves colour that is too much
    darker = _FURTHEST if own[0] < skin[0] - _PALE else _PALE
    most = _FURTHEST if new[0] > own[0] else darker
    bounded = own + (new - own) * min(1, most / max(abs(new[0] - own[0]), 1e-6))
    if np.linalg.norm(new[1:3]) < np.linalg.norm(own[1:3]):
        bounded[1:3] = new[1:3]
    return bounded


def recolour(pixels: np.ndarray, to_crop: np.ndarray, hair: HairColour) -> None:
    """Colour the hair around a face anew, in a photograph's own pixels.

    Args:
        pixels: (H, W, 3) in levels of 0..255, which are changed.
        to_crop: (2, 3) the photograph's pixels -> [-1, 1] over the crop.
    """
    height, width = pixels.shape[:2]
    from_crop = invert(to_crop)
    corners = transform(from_crop, AROUND * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]))
    left, top = corners.min(0)
    side = float((corners.max(0) - corners.min(0)).max())
    x0, y0 = max(int(left), 0), max(int(top), 0)
    x1, y1 = min(int(left + side) + 1, width), min(int(top + side) + 1, height)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    # A square around the face, as much of it as there is
    window = Image.fromarray(np.rint(pixels[y0:y1, x0:x1]).clip(0, 255).astype(np.uint8))
    scale = _SIDE / side
    w, h = (max(round(scale * n), 1) for n in (x1 - x0, y1 - y0))
    small = np.asarray(window.resize((w, h), Image.Resampling.BOX), np.float32) / 255
    u, v = (round(scale * max(n, 0)) for n in (x0 - left, y0 - top))
    w, h = min(w, _SIDE - u), min(h, _SIDE - v)
    view, known = np.zeros((3, _SIDE, _SIDE), np.float32), np.zeros((_SIDE, _SIDE), np.float32)
    inside = slice(v, v + h), slice(u, u + w)
    view[:, inside[0], inside[1]] = small[:h, :w].transpose(2, 0, 1)
    known[inside] = 1
    to_view = np.array([[scale, 0, -scale * left], [0, scale, -scale * top]])
    points = transform(compose(to_view, from_crop), hair.points) * 2 / _SIDE - 1
    likely, near = _likely(hair.places, compose(to_crop, invert(to_view)))
    found = segment(view, points, likely, known, near, hair.fringe)
    if (found[0] > _SURE).mean() < _FEW:
        return
    own, skin = (tone(view, *of) for of in zip(found, likely, strict=False))
    near = blurred(found[1:], 2 * _FINE)
    local = [_local(view, found[part]) for part in (0, 2)]
    maps = [
        Image.fromarray(one[inside])
        for one in (*_guided(view, found[0], known), *near, *local[0], *local[1])
    ]
    new, share = moved(own, skin, hair), hair.share * _separability(view, found, known)
    # A grey photograph stays grey
    new[1:3] = own[1:3] + coloured(2 * view - 1, found[1]) * (new - own)[1:3]
    far = float(np.linalg.norm((new - own)[:3] / _SPREADS[:3]))
    share *= min(far / _WHOLLY, 1)  # what is hardly asked for hardly shows, in its hues as well
    if far < _SAME:
        return
    for row in range(y0, y1, _STRIP):
        rows = slice(row, min(row + _STRIP, y1))
        here = pixels[rows, x0:x1]
        size, down = (x1 - x0, rows.stop - row), maps[0].height / (y1 - y0)
        strip = (0, (row - y0) * down, maps[0].width, (rows.stop - y0) * down)
        colours = here / np.float32(255)
        finer = partial(Image.Image.resize, size=size, resample=_LINEAR, box=strip)
        *slopes, offset = (np.asarray(finer(one)) for one in maps[:4])
        guided = sum(slope * colours[..., at] for at, slope in enumerate(slopes)) + offset
        alpha = share * (_STEEP * (guided - 0.5) + 0.5).clip(0, 1)
        some = alpha > 1 / 255
        if not some.any():
            continue
        bare, behind, *beside = (np.asarray(finer(one))[some] for one in maps[4:])
        strands, rest = np.stack(beside[:3], -1), np.stack(beside[3:], -1)  # (N, 3)
        colours, part = colours[some], alpha[some]
        # What is as light as the skin beside it is skin that shines through
        lit = (np.log((colours @ OPPONENT[0]).clip(_DARKEST)) - own[0]) / (skin[0] - own[0] or 1)
        bare = (3 * bare).clip(0, 1 - hair.fringe) * ramp(lit, _MIXED)
        part *= 1 - bare * (abs(skin[0] - own[0]) > _UNLIKE)
        part *= 1 - (3 * behind).clip(0, 1) * (1 - _part(colours, strands, rest))
        # Of a pixel that is hair in part, that part is as the hair beside it
        levels, part = here[some].astype(np.float32), part[:, None]
        strand = levels + (1 - part) * (255 * strands - levels)
        levels += part * (_toned(strand, own, new) - strand)
        if np.issubdtype(pixels.dtype, np.integer):
            levels = np.rint(levels)
        here[some] = levels.clip(0, 255).astype(pixels.dtype)


def _likely(places: np.ndarray, to_crop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How likely hair and skin are in a view, (2, S, S), and what of it is the crop, (S, S).

    Args:
        places: see `HairColour`.
        to_crop: (2, 3) the view's pixels -> [-1, 1] over the crop.
    """
    axis = np.arange(_SIDE) + 0.5
    at = transform(to_crop, np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2))  # (N, 2)
    texels = (at.clip(-1, 1) + 1) * places.shape[-1] / 2 - 0.5
    likely = looked_up(places, texels[:, 0], texels[:, 1], cubic=False)  # (2, N)
    off = at - at.clip(-1, 1)
    off /= np.where(off < [-np.inf, 0], _ABOVE, _BESIDE)
    far = (off * off).sum(1)
    likely = likely * np.exp(-far)
    return likely.reshape(2, _SIDE, _SIDE), (far == 0).astype(np.float32).reshape(_SIDE, _SIDE)


def _separability(view: np.ndarray, found: np.ndarray, known: np.ndarray) -> float:
    """How surely hair can be told from what is beside it, 0 to 1: where both are of one colour,
    its edge is a guess, and colouring it would show that.
    """
    near = blurred(found[0], 4.0) * known
    colours = np.tensordot(OPPONENT, view, 1).reshape(3, -1)
    left = np.arange(_SIDE) < _SIDE / 2
    sure = []
    for part, side in ((2, left), (2, ~left), (1, left | ~left)):
        stats = []
        for weights in (found[0] * near * side, found[part] * near * side):
            off, spread = spread_of(colours, weights.ravel())
            stats.append((off[:, 0], spread, weights.sum()))
        (hair, spread, much), (beside, around, little) = stats
        way = beside - hair  # between the means, as both are off the same colour
        apart = way @ np.linalg.solve((spread + around) / 2 + NOISE * np.eye(3), way)
        sure.append(1.0 if little < _ALONE * much else min(float(apart) / _APART**2, 1))
    return min(sure)


def _guided(view: np.ndarray, found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Slopes by red, green and blue, and an offset, (4, S, S), by which the colours of a picture
    tell what is found at finer pixels (He, Sun, Tang 2010, equation 19).
    """
    weights = blurred(known, _FINE).clip(min=1e-3)

    def mean(x: np.ndarray) -> np.ndarray:
        return blurred(known * x, _FINE) / weights

    middle, wanted = mean(view), mean(found)
    spread = mean(view[:, None] * view) - middle[:, None] * middle  # (3, 3, S, S)
    spread += _FLAT * np.eye(3)[..., None, None]
    joint = mean(view * found) - middle * wanted
    slope = np.linalg.solve(spread.transpose(2, 3, 0, 1), joint.transpose(1, 2, 0)[..., None])
    slope = slope[..., 0].transpose(2, 0, 1)
    return mean(np.stack([*slope, wanted - (slope * middle).sum(0)])).astype(np.float32)


def _local(view: np.ndarray, found: np.ndarray) -> np.ndarray:
    """The colour of a part of a picture (3, S, S) near each pixel, (3, S, S).

    Args:
        found: (S, S) of the part, see `segment`.
    """
    weights = found * (found > _SURE) + 1e-4
    return (blurred(weights * view, _BESIDES) / blurred(weights, _BESIDES)).astype(np.float32)


def _part(colours: np.ndarray, strands: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """How much of pixels is hair, by where their colours (..., 3) lie between that of the hair and
    of the rest beside them: (...). All of it where those are alike.
    """
    way = strands - rest
    far = (way * way).sum(-1)
    share = (((colours - rest) * way).sum(-1) / far.clip(1e-6)).clip(0, 1)
    return 1 - (far / _DIFFERENT).clip(0, 1) * (1 - share)


def _toned(levels: np.ndarray, own: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Pixels (N, 3), in levels of 0..255, of hair of tone `own` as hair of tone `new`."""
    ratio = np.clip(new[3] / max(own[3], 1e-3), *_CONTRASTS)
    seen = levels @ (OPPONENT.T / 255)  # (N, 3)
    luma = seen[:, :1].clip(_DARKEST)
    off = (np.log(luma) - own[0]).clip(-3 * own[3], 2 * own[3])
    # Shadows stay as deep as they were: what is black is flat, and would be a patch
    off = np.minimum(np.where(off < 0, max(ratio, 1), ratio) * off, _LIGHTEST * new[3])
    light = np.exp(new[0] + off)
    if new[0] > own[0]:  # what skin shines through is light already
        light = np.maximum(light, luma)
    # What is nearly black has no hue of its own, but noise
    most = _HUES * np.minimum(luma / _DIM, 1)
    hue = new[1:3] + (_COLOURS * (seen[:, 1:] / luma - own[1:3])).clip(-most, most)
    both = np.concatenate([light, light * hue], 1)
    return (255 * both @ np.linalg.inv(OPPONENT).T).astype(np.float32)

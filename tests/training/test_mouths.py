"""What mouths that speak look like, learned from mouths that are drawn."""

import json

import numpy as np
import pytest
import torch

from istrc.data.prepared import Prepared
from istrc.edit.teeth import APART, HEIGHTS, cells, lights
from istrc.models.probes import Probes
from istrc.shape.measures import COUNT, measures
from istrc.training.mouths import KNOTS, SHARES, _parts, measure_mouths, needed

NAMES, SIDE, COUNT_OF, TEXTURE = ("smile", "mouth_open"), 64, 60, 3


@pytest.fixture(scope="module")
def mouths(face_points, open_mouth, tmp_path_factory):
    """Open mouths, every fourth with teeth above and the dark below; and the codes that say it."""
    folder = tmp_path_factory.mktemp("mouths")
    reference = open_mouth(face_points, 0.15)
    above, below = _parts(reference, SIDE)
    teeth = np.arange(COUNT_OF) % 4 == 0
    labels = np.tile(np.array([[0, 1]], np.int8), (COUNT_OF, 1))
    labels[teeth & (np.arange(COUNT_OF) % 8 == 0), 0] = 1  # a half of those smile
    rng = np.random.default_rng(0)
    images = np.full((COUNT_OF, SIDE, SIDE, 3), 0.6) * rng.uniform(0.5, 1, (COUNT_OF, 1, 1, 1))
    for image, with_teeth in zip(images, teeth, strict=True):
        image[above | below] *= 0.5
        if with_teeth:
            image[above] *= 2.5
    np.save(folder / "images.npy", (images * 255).astype(np.uint8))
    np.save(folder / "attributes.npy", labels)
    np.save(folder / "identity.npy", np.arange(COUNT_OF, dtype=np.int32))
    np.save(folder / "split.npy", np.zeros(COUNT_OF, np.int8))
    shapes = np.repeat(reference[None], COUNT_OF, 0).astype(np.float32)
    np.save(folder / "landmarks.npy", shapes)
    (folder / "names.txt").write_text("".join(f"{n}.png\n" for n in range(COUNT_OF)))
    known = {"format": 1, "complete": True, "attributes": [*NAMES], "count": COUNT_OF}
    known["shape_free"] = {"reference": reference.tolist()}
    (folder / "prepared.json").write_text(json.dumps(known))
    textures = rng.normal(0, 1, (2, COUNT_OF, TEXTURE))
    textures[:, teeth, 0] += 8
    codes = np.concatenate([textures, np.stack(2 * [shapes.reshape(COUNT_OF, -1)])], 2)
    return Prepared(folder), torch.from_numpy(codes).float(), labels[:, 0] == 1, teeth


def test_the_kind_is_the_fifth_with_teeth_above_the_dark(mouths):
    """Of those that do not smile: by a sort of all of them, the slow way."""
    straight, codes, smiles, teeth = mouths
    net = Probes(NAMES, TEXTURE + 2 * COUNT, NAMES, speaking=TEXTURE, mouth=KNOTS)
    usual = measures(codes[0][:, TEXTURE:].reshape(-1, COUNT, 2))["lip_gap"][0]
    net.ranges[1, 0, 0] = usual
    measure_mouths(net, straight, np.arange(COUNT_OF), codes)
    of = np.flatnonzero(~smiles)
    both = codes[:, :, :TEXTURE].mean(0)
    kind = [at for at in of if teeth[at]]  # 8 of 53, whose other fifth is taken from the rest
    assert len(kind) < SHARES[0] * len(of)
    assert net.speaking[0] > 2.5 and (net.speaking[1:].abs() < 1).all()
    assert net.speaking[0] < both[kind].mean(0)[0] - both[of].mean(0)[0] + 1e-4


def test_the_light_of_mouths_is_a_line_by_that_of_the_skin(mouths):
    """Fitted, the slow way, to those that are of the kind: the fifth of who speaks whose upper part
    is lightest beside the lower one, and the half of who smiles whose upper part is lightest."""
    straight, codes, smiles, teeth = mouths
    net = Probes(NAMES, TEXTURE + 2 * COUNT, NAMES, speaking=TEXTURE, mouth=KNOTS)
    rows = np.flatnonzero(teeth | (np.arange(COUNT_OF) < 30))  # a fifth of who speaks has teeth
    measure_mouths(net, straight, rows, codes[:, rows])
    reference = np.array(straight.info["shape_free"]["reference"])
    opened = float(measures(codes[0][:1, TEXTURE:].reshape(1, COUNT, 2))["lip_gap"])
    at = np.abs(np.array(APART) - opened).argmin()
    pixels = np.stack([image.astype(float)[..., 0] for image in straight.images]) / 127.5
    skin = pixels[:, 0, 0]
    above, below = (pixels[:, part].mean(1) / skin for part in _parts(reference, SIDE))
    for smiling, share, differ in ((0, 0.2, above - below), (1, 0.5, above)):
        some = rows[smiles[rows] == smiling]
        some = some[differ[some] >= np.quantile(differ[some], 1 - share) - 1e-9]
        table = net.mouth_light[smiling, at].numpy().reshape(len(HEIGHTS), -1, 2)
        for of, found in zip(cells(reference, SIDE), table.reshape(-1, 2), strict=True):
            light = (pixels[some] * of).sum((1, 2)) / of.sum()
            slope, constant = np.polyfit(skin[some], light, 1)
            assert found @ [1, 0.9] == pytest.approx(constant + 0.9 * slope, abs=0.02)
        assert table[2, 0] @ [1, 0.9] > table[5, 0] @ [1, 0.9] + 0.2


def test_too_few_mouths_say_nothing(mouths):
    straight, codes, *_ = mouths
    net = Probes(NAMES, TEXTURE + 2 * COUNT, NAMES, speaking=TEXTURE, mouth=KNOTS)
    net.ranges[1, 0, 0] = 9.0  # no mouth opens as far
    measure_mouths(net, straight, np.arange(COUNT_OF), codes)
    assert not net.speaking.any()
    opened = float(measures(codes[0][:1, TEXTURE:].reshape(1, COUNT, 2))["lip_gap"])
    assert lights(net, opened, 0.5) is not None
    # Nobody's lips are further apart, or less: there it is as with the nearest that are known
    at = np.abs(np.array(APART) - opened).argmin()
    for table in net.mouth_light:
        assert table[at].any()
        assert torch.equal(table[0], table[1])
        assert (table.flatten(1).abs().sum(1) > 0).all()
    few = Probes(NAMES, TEXTURE + 2 * COUNT, NAMES, speaking=TEXTURE, mouth=KNOTS)
    some = np.flatnonzero(straight.attributes[:, 0] == 0)  # none that smiles
    measure_mouths(few, straight, some, codes[:, some])
    assert few.mouth_light[0].any() and not few.mouth_light[1].any()
    assert lights(few, opened, 0.5) is None


def test_the_parts_of_a_mouth(face_points, open_mouth):
    above, below = _parts(open_mouth(face_points, 0.2), SIDE)
    rows = np.arange(SIDE)[:, None] * np.ones(SIDE)
    assert above.any() and below.any() and not (above & below).any()
    for column in range(SIDE):
        if below[:, column].any() and above[:, column].any():
            assert rows[:, column][above[:, column]].max() < rows[:, column][below[:, column]].min()


def test_which_attributes_tell_them():
    assert needed(("smile", "mouth_open", "male")) and not needed(("smile",))

"""Hair found in a photograph, and coloured: drawn heads, whose hair is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from istrc.attributes import hair_colours
from istrc.edit.composite import Layers, put
from istrc.edit.hair_colour import HairColour, grey_of, moved, recolour, tone
from istrc.edit.hair_colour import hair_colours as hair_colours_of
from istrc.edit.hair_segment import segment
from istrc.photo.align import aligned_frame
from istrc.resample import blurred
from istrc.shape.regions import polygon

SIZE = 128
SKIN, DARK, WALL = [0.8, 0.6, 0.5], [0.3, 0.2, 0.15], [0.5, 0.6, 0.75]
FAIR = np.array([-0.6, -0.4, 0.3, 0.3])  # the tone of the hair that is asked for
TO_CROP = np.array([[2 / SIZE, 0, -1], [0, 2 / SIZE, -1]])


def disc(x, y, width, height):
    u, v = np.meshgrid(*2 * [(np.arange(SIZE) + 0.5) * 2 / SIZE - 1])
    return ((u - x) / width) ** 2 + ((v - y) / height) ** 2 < 1


@pytest.fixture
def head(mesh):
    """A head (3, S, S) in [0, 1], its points, its hair, and how likely hair and skin are."""
    points = mesh.reference
    up = 0.42 * (points[36:48].mean(0) - points[8])
    face = polygon(np.concatenate([points[:17], (points[17:27] + up)[::-1]]), SIZE) > 0.5
    hair = disc(0, -0.2, 0.75, 0.75) & ~face & (np.arange(SIZE) < 80)[:, None]
    rng = np.random.default_rng(0)
    made = np.empty((3, SIZE, SIZE))
    for colour, where in ((WALL, hair | ~hair), (DARK, hair), (SKIN, face)):
        made[:, where] = np.array(colour)[:, None]
    made += rng.normal(0, 0.02, (1, SIZE, SIZE))
    likely = np.stack([0.6 * disc(0, -0.3, 0.8, 0.7), 0.9 * face]).astype(np.float32)
    return made.clip(0, 1).astype(np.float32), points, hair, likely


def aim(having, lacking=(0, 0, 0, 0)):
    """Tones that do not depend on the skin's."""
    tones = np.zeros((2, 4, 4))
    tones[0, 0], tones[1, 0] = having, lacking
    return tones


def edited(head, strength=1.0, share=1.0, kind=np.uint8):
    view, points, _, likely = head
    pixels = (view.transpose(1, 2, 0) * 255).astype(kind)
    own = tone(view, head[2].astype(float), likely[0])
    hair = HairColour(points, likely, [(strength, aim(FAIR, own))], share)
    before, nothing = pixels.copy(), np.zeros((SIZE, SIZE), np.float32)
    layers = Layers(nothing[None].repeat(3, 0), nothing, hair_colour=hair)
    result = put(pixels, layers, aligned_frame(SIZE, SIZE), None)
    np.testing.assert_array_equal(pixels, before)
    return pixels, result


def test_hair_is_told_from_skin_and_wall(head):
    view, points, hair, likely = head
    found = segment(view, points, likely)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-5)
    truth = np.stack([hair, likely[1] > 0, ~hair & (likely[1] == 0)])
    assert (found.argmax(0) == truth.argmax(0)).mean() > 0.97
    assert (found[0][hair] > 0.5).mean() > 0.95 and (found[0][~hair] > 0.5).mean() < 0.02


def test_what_is_not_known_is_nothing(head):
    view, points, hair, likely = head
    known = np.ones((SIZE, SIZE), np.float32)
    known[:, :40] = 0
    found = segment(view, points, likely, known)
    assert not found[:, :, :40].any()
    assert (found[0][hair & (known > 0)] > 0.5).mean() > 0.9


def test_a_tone_by_hand(head):
    view, _, hair, _ = head
    found = tone(view, hair.astype(float), np.ones_like(view[0]))
    pixels = view[:, hair].astype(float)
    luma = 0.299 * pixels[0] + 0.587 * pixels[1] + 0.114 * pixels[2]
    logs = np.log(np.maximum(luma, 0.02))
    by_hand = [logs.mean(), (pixels[2] / luma - 1).mean(), (pixels[0] / luma - 1).mean()]
    np.testing.assert_allclose(found, [*by_hand, logs.std()], atol=0.01)


def test_hair_becomes_as_light_as_was_asked_and_the_rest_keeps_its_bytes(head):
    pixels, result = edited(head)
    hair = head[2]
    luma = result[hair].astype(float) @ [0.299, 0.587, 0.114] / 255
    assert np.log(luma).mean() == pytest.approx(FAIR[0], abs=0.2)
    changed = (result != pixels).any(-1)
    assert changed[hair].mean() > 0.95 and changed[~hair].mean() < 0.1
    assert (result[hair][:, 0] > result[hair][:, 2] + 40).mean() > 0.9  # fair and not grey


def test_where_hair_meets_skin_nothing_is_lighter_than_either(head):
    view, *others = head
    mixed = blurred(view, 2.0)
    pixels, result = edited((mixed, *others))
    before, after = (one.astype(float) @ [0.299, 0.587, 0.114] / 255 for one in (pixels, result))
    lightest = np.exp(FAIR[0] + 1.5 * FAIR[3])  # of such hair
    assert (after > before + 0.1).mean() > 0.1
    assert (after <= np.maximum(before, lightest) + 0.02).all()


def test_beside_hair_a_wall_keeps_its_hue(head):
    """No halo: of a wall that a soft edge mixes with hair, so much changes as is hair."""
    view, points, hair, likely = head
    wall = np.array([0.2, 0.3, 0.6])[:, None]
    view = np.where(hair | (likely[1] > 0), view, np.zeros_like(view))
    view[:, ~hair & (likely[1] == 0)] = wall
    share = blurred(hair.astype(np.float32), 1.0)
    pixels, result = edited((blurred(view.astype(np.float32), 1.0), points, hair, likely))
    edge = (share < 0.05) & (share > 0) & (blurred((likely[1] > 0).astype(np.float32), 2.0) < 1e-3)
    assert edge.sum() > 50
    assert np.quantile(abs(result.astype(int) - pixels)[edge].max(-1), 0.9) <= 10


def test_half_the_strength_is_between_and_none_is_nothing(head):
    hair = head[2]
    lights = [edited(head, strength)[1][hair].astype(float).mean() for strength in (0.25, 0.5, 1.0)]
    assert head[0][:, hair].mean() * 255 < lights[0] < lights[1] < lights[2]
    pixels, result = edited(head, share=0.0)
    np.testing.assert_array_equal(result, pixels)


def test_a_fringe_is_hair_where_one_is_likely(head):
    view, points, _, likely = head
    up = points[36:48].mean(0) - points[8]
    (forehead,) = (points[19:25].mean(0) + 0.3 * up)[None]
    x, y = ((forehead + 1) * SIZE / 2).astype(int)
    fringe = np.s_[y - 4 : y + 4, x - 14 : x + 14]
    view = view.copy()
    view[(slice(None), *fringe)] = np.array(DARK)[:, None, None]
    found = [segment(view, points, likely, fringe=by)[0][fringe].mean() for by in (0.0, 1.0)]
    assert found[1] > 0.9 and found[1] >= found[0]


def test_a_grey_photograph_stays_grey(head):
    view, points, hair, likely = head
    grey = np.repeat(view.mean(0, keepdims=True), 3, 0)
    pixels, result = edited((grey, points, hair, likely))
    assert result[hair].mean() > pixels[hair].mean() + 30
    assert np.ptp(result.astype(int), axis=-1).max() <= 2


def test_floats_are_floats(head):
    pixels, result = edited(head, kind=np.float32)
    assert result.dtype == np.float32 and (result != pixels).any()


def test_hair_that_no_colour_tells_from_the_wall_is_left(head):
    view, points, hair, likely = head
    view = np.where(likely[1] > 0, view, view[:, hair].mean(1)[:, None, None])
    pixels, result = edited((view.astype(np.float32), points, hair, likely))
    assert abs(result.astype(int) - pixels).max() <= 12


def test_who_has_no_hair_keeps_their_bytes(head):
    view, points, _, likely = head
    pixels, result = edited((view, points, head[2], likely * [[[0.0]], [[1.0]]]))
    np.testing.assert_array_equal(result, pixels)


def test_a_face_beyond_the_picture_is_nothing(head):
    view, points, _, likely = head
    pixels = (view.transpose(1, 2, 0) * 255).astype(np.uint8)
    result = pixels.copy()
    far = TO_CROP + np.array([[0, 0, 9], [0, 0, 9]])
    recolour(result, far, HairColour(points, likely, [(1.0, aim(FAIR))], 1.0))
    np.testing.assert_array_equal(result, pixels)


def test_hair_greys_with_age_and_grey_hair_becomes_what_it_was():
    assert hair_colours({"young": -0.5}) == {"gray_hair": 0.225}
    assert hair_colours({"young": 0.5, "smile": 1}) == {"gray_hair": -0.5}
    assert hair_colours({"young": 1, "black_hair": 1}) == {"black_hair": 1}  # as is asked
    assert hair_colours({"young": 0.0, "smile": 1}) == {}


def test_womens_hair_greys_less_than_mens():
    """With age; what is asked for is asked of all."""

    class Nets:
        probes = SimpleNamespace(
            names=("male", "gray_hair"),
            config={"hair": 4},
            hair_places=np.zeros((2, 2, 4, 4)),
            hair_tones=np.zeros((2, 2, 4, 4)),
        )

        def read_code(self, c):
            return c

    codes = np.array([[-30.0, 0.0], [30.0, 0.0]])  # a woman's, and a man's
    shapes = np.zeros((2, 68, 2))
    for edits, expected in (({"young": -1.0}, (0.3, 1)), ({"gray_hair": 1.0}, (1, 1))):
        found = hair_colours_of(Nets(), codes, shapes, edits)
        np.testing.assert_allclose([one.share for one in found], expected)


class TestMoved:
    skin = np.array([-0.5, -0.3, 0.3, 0.3])
    points, places = np.zeros((68, 2)), np.zeros((2, 4, 4))

    def to(self, own, strength, tones):
        hair = HairColour(self.points, self.places, [(strength, tones)], 1.0)
        return moved(np.array(own), self.skin, hair)

    def test_a_colour_that_is_asked_for_is_gone_to(self):
        black = [-1.6, -0.1, 0.1, 0.5]
        np.testing.assert_allclose(self.to(black, 1.0, aim(FAIR, black)), FAIR)
        half = self.to(black, 0.5, aim(FAIR, black))  # of the strands: their light is added
        lights = np.exp([black[0], FAIR[0]]) / 2
        assert half[0] == pytest.approx(np.log(lights.sum()))
        np.testing.assert_allclose(half[1:3], lights @ [black[1:3], FAIR[1:3]] / lights.sum())
        assert half[3] == pytest.approx((black[3] + FAIR[3]) / 2)

    def test_no_more_than_all_of_the_strands_have_it(self):
        fair, black = [-0.7, -0.4, 0.3, 0.3], [-1.6, -0.1, 0.1, 0.5]
        for own, goal in ((fair, black), (black, fair)):
            np.testing.assert_allclose(self.to(own, 3.0, aim(goal, own))[1:3], goal[1:3])
            np.testing.assert_array_equal(
                self.to(own, 3.0, aim(goal, own)), self.to(own, 1.0, aim(goal, own))
            )

    def test_who_has_it_keeps_it(self):
        np.testing.assert_allclose(self.to(FAIR, 1.0, aim(FAIR, [-2, -0.1, 0.1, 0.5])), FAIR)

    def test_who_lacks_what_is_taken_away_keeps_theirs(self):
        black = [-2, -0.1, 0.1, 0.5]
        np.testing.assert_allclose(self.to(black, -1.0, aim(FAIR, black)), black)
        assert self.to(FAIR, -1.0, aim(FAIR, black))[0] < FAIR[0] - 0.2
        white = [self.skin[0] + 0.3, -0.1, 0.1, 0.2]
        np.testing.assert_array_equal(self.to(white, -1.0, aim(FAIR, black)), white)

    def test_the_skin_tells_the_light(self):
        tones = aim([-1.2, -0.2, 0.2, 0.4], [-1.6, -0.1, 0.1, 0.5])
        tones[0, 1, 0] = 1.0  # as much lighter as the skin is
        assert self.to([-1.6, -0.1, 0.1, 0.5], 1.0, tones)[0] == pytest.approx(-1.2 - 0.5)

    def test_black_hair_becomes_no_lighter_than_light_can_make_it(self):
        black = [-3.0, 0.0, 0.0, 0.5]
        assert self.to(black, 1.0, aim(FAIR, black))[0] == pytest.approx(-3.0 + 1.1)

    def test_white_hair_is_not_blackened_and_its_hue_goes_no_further_than_its_light(self):
        white, black = [-0.3, -0.1, 0.1, 0.2], [-2.1, -0.1, 0.4, 0.5]
        np.testing.assert_allclose(
            self.to(white, 1.0, aim(black, white)), [-0.6, -0.1, 0.15, 0.25], atol=1e-6
        )

    def test_a_hue_that_fades_does_not_wait_for_the_light(self):
        red, grey = [-3.0, -0.4, 0.7, 0.5], [-0.6, -0.1, 0.1, 0.3]
        np.testing.assert_allclose(self.to(red, 1.0, aim(grey, red))[:3], [-1.9, -0.1, 0.1])


def test_with_the_shipped_weights_hair_becomes_black_and_wall_and_suit_stay(tmp_path):
    """Eileen Collins, whose fair hair ends above the collar of a suit, before a pale wall."""
    data = pytest.importorskip("skimage.data")
    from istrc.circle import Circle

    photograph = data.astronaut()
    Image.fromarray(photograph).save(tmp_path / "her.png")
    face = Circle.from_pretrained(runtime="onnx").read(tmp_path / "her.png")
    new = face.edit(black_hair=1.0).pixels
    hair, wall, suit = np.s_[25:60, 200:260], np.s_[5:120, 20:120], np.s_[300:500, 100:500]
    assert new[hair].mean() < photograph[hair].mean() - 30
    assert abs(new[wall].astype(int) - photograph[wall]).mean() < 1
    np.testing.assert_array_equal(new[suit], photograph[suit])


def test_grey_hair_has_the_colour_that_it_has_beside_such_skin():
    """Of real heads, by the skin's tone; by hand."""
    skin, tones = np.array([0.6, 0.45, 0.4]), np.zeros((2, 2, 4, 4))
    tones[1, 0, :, :3] = [[-0.9, -0.1, 0.05], [0.5, 0, 0], [0, 0.3, 0], [0, 0, 0.4]]
    config, names = {"hair": 32}, ("young", "gray_hair")
    probes = SimpleNamespace(config=config, names=names, hair_tones=tones)
    luma = skin @ [0.299, 0.587, 0.114]
    blue, red = (skin[2] - luma) / luma, (skin[0] - luma) / luma
    wanted = np.exp(-0.9 + 0.5 * np.log(luma))
    found = grey_of(probes, skin)
    assert found @ [0.299, 0.587, 0.114] == pytest.approx(wanted)
    assert found[2] - wanted == pytest.approx(wanted * (-0.1 + 0.3 * blue))
    assert found[0] - wanted == pytest.approx(wanted * (0.05 + 0.4 * red))
    assert grey_of(None, skin) is None
    assert grey_of(SimpleNamespace(config={}, names=names), skin) is None
    bright = grey_of(probes, np.array([0.0, 0.0, 1.0]))  # a face in blue light
    assert (bright >= 0).all() and (bright <= 1).all()
    nobody = SimpleNamespace(config=config, names=names, hair_tones=np.zeros((2, 2, 4, 4)))
    assert grey_of(nobody, skin) is None  # no grey head was seen

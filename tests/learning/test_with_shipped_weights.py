"""The shipped circle learns black bars over the eyes from a dozen pictures, end to end."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from istrc.circle import Circle
from istrc.learning import user_attributes
from istrc.learning.learn import trust_of
from istrc.shipped import DEFAULT, WEIGHTS

pytestmark = pytest.mark.skipif(
    not (WEIGHTS / DEFAULT / "landmarks").exists(),
    reason="the weights of celeba128 are not trained yet",
)
EYES = (224, 108)  # between the astronaut's eyes, pixels


@pytest.fixture(scope="module")
def sides(tmp_path_factory):
    """Folders `shades` and `bare` of aligned pictures, a little aside and brighter or darker."""
    photograph = Image.fromarray(pytest.importorskip("skimage.data").astronaut())
    folder = tmp_path_factory.mktemp("sides")
    rng = np.random.default_rng(0)
    for side in ("shades", "bare"):
        (folder / side).mkdir()
        for number in range(6):
            left, top = 136 + rng.integers(-6, 7), 10 + rng.integers(-6, 7)
            picture = photograph.crop((left, top, left + 178, top + 218))
            if side == "shades":
                x, y = EYES[0] - left, EYES[1] - top
                picture.paste((10, 10, 10), (x - 36, y - 8, x + 36, y + 8))
            picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.8, 1.2))
            picture.save(folder / side / f"{number}.png")
    return folder


def test_a_dozen_pictures_teach_the_shipped_circle(sides, tmp_path, monkeypatch):
    monkeypatch.setenv(user_attributes.VARIABLE, str(tmp_path))
    circle = Circle.from_pretrained()
    read = {
        side: [circle.read(path, aligned=True) for path in sorted((sides / side).iterdir())]
        for side in ("shades", "bare")
    }
    learned = circle.learn("shades", with_=read["shades"], without=read["bare"])
    learned.save(circle.place_of("shades"))
    assert trust_of(learned).auc > 0.9
    # Known from now on, under this recogniser's key, and to a new circle
    assert user_attributes.kept("shades") == [circle.place_of("shades")]
    again = Circle.from_pretrained()
    assert again.attribute_names == circle.attribute_names
    face = again.read(sides / "bare" / "0.png", aligned=True)
    edited = face.edit(shades=+1)
    assert 0 < edited.angle <= again.bound + 1e-5
    assert (edited.walk.after - edited.walk.before).item() > 1
    assert not np.array_equal(edited.pixels, face.picture.pixels)
    # What it is like is known to the circle: something in front of the eyes
    seen = again.scores(edited.walk.end)[0] - again.scores(face.z)[0]
    assert seen[again.attribute_names.index("shades")] > 0.3
    # Read once more, the edited picture has moved the way that was asked for
    edited.save(tmp_path / "edited.png")
    moved = again.read(tmp_path / "edited.png", aligned=True)
    assert (moved.z - face.z)[0] @ learned.weight > 0

"""Every figure of the paper, on an untrained circle and drawn faces."""

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("matplotlib")

from istrc.circle import Circle
from istrc.errors import InputError
from istrc.figures import Row
from istrc.models.attributes import AttributeClassifiers
from istrc.models.mapping import Mapping
from istrc.paper_figures import FIGURES, page, people, space, walks
from istrc.paper_figures.people import Stage
from istrc.paper_figures.structure import networks, trace


@pytest.fixture(scope="module")
def circle(blank_model):
    return Circle.from_pretrained(blank_model)


@pytest.fixture(scope="module")
def given(circle):
    x = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    z = circle.embed(x)
    return [people.Person(f"p{i}", x[i : i + 1], z[i : i + 1]) for i in range(3)]


@pytest.fixture(scope="module")
def stage(circle, given):
    return Stage(circle, people.People(circle, given, "Noise.", seed=1), seed=1)


def words(figure):
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_the_paper_has_thirteen():
    assert list(FIGURES) == list(range(1, 14))
    assert len({one.stem for one in FIGURES.values()}) == 13


@pytest.mark.parametrize("number", FIGURES)
def test_every_figure_is_drawn_with_its_caption(stage, number, monkeypatch):
    monkeypatch.setattr(space, "CROWD", 12)
    figure = FIGURES[number].draw(stage)
    said = words(figure)
    assert f"Figure {number}." in said and "Noise." in said
    assert f"--only {number} (seed 1)" in said


def test_files_are_png_and_pdf_with_the_same_bytes_each_time(tmp_path):
    face = np.full((8, 8, 3), 200, np.uint8)
    for name in ("a", "b"):
        figure = page.face_page([Row("x", [face, face], ["1", "2"])], title="T", caption="C " * 90)
        written = page.save_page(figure, tmp_path / name / "figure-01-x")
        assert [path.name for path in written] == ["figure-01-x.png", "figure-01-x.pdf"]
    for ending in ("png", "pdf"):
        first, second = (tmp_path / n / f"figure-01-x.{ending}" for n in ("a", "b"))
        assert first.read_bytes() == second.read_bytes()
    assert len(list((tmp_path / "a").iterdir())) == 2
    assert (np.asarray(Image.open(tmp_path / "a/figure-01-x.png").convert("RGB")) == 200).any()
    assert (tmp_path / "a/figure-01-x.pdf").read_bytes().startswith(b"%PDF")


def test_derived_people_are_made_when_needed_and_told(circle, given):
    crowd = people.People(circle, given[:2], "Two.", seed=0)
    assert crowd.take(2) == given[:2]
    assert len(crowd.take(30)) == 30 and crowd.take(30)[:2] == given[:2]
    assert all(person.derived for person in crowd.take(30)[2:])
    for person in crowd.take(30):
        torch.testing.assert_close(circle.embed(person.x), person.z, atol=1e-4, rtol=0)
    stage = Stage(circle, crowd)
    assert "derived" in stage.caption(1, "", crowd.take(3))
    assert "derived" not in stage.caption(1, "", crowd.take(2))
    with pytest.raises(InputError, match="photographs"):
        people.People(circle, [], "")


def test_people_of_prepared_data_are_each_another(toys, toy_circle_of_16):
    crowd = people.people_of_data(toys, toy_circle_of_16, seed=0)
    names = [person.name for person in crowd.given]
    assert len(names) == 4  # people that nothing was trained on
    again = people.people_of_data(toys, toy_circle_of_16, seed=0)
    assert names == [person.name for person in again.given]


def test_data_of_another_size(toys, circle):
    with pytest.raises(InputError, match="--size 32"):
        people.people_of_data(toys, circle)


@pytest.fixture(scope="module")
def toy_circle_of_16():
    from istrc.models.began import AutoEncoder
    from istrc.models.facenet import FaceNet

    torch.manual_seed(0)
    return Circle(
        FaceNet(16, 8, (4, 4, 4, 4)),
        AutoEncoder(16, 6, (4, 4)),
        Mapping(8, 6, 8, 2),
        AttributeClassifiers(("smile",), 8, 4, 4),
    )


def test_what_a_circle_has_no_classifier_for_is_left_out_and_told(toy_circle_of_16, given):
    circle = toy_circle_of_16
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    z = circle.embed(x)
    few = [people.Person("a", x[:1], z[:1]), people.Person("b", x[1:], z[1:])]
    stage = Stage(circle, people.People(circle, few, ""))
    said = words(walks.of_one_person(stage, 2))
    assert "Left out" in said.replace("\n", " ") and "mustache" in said
    with pytest.raises(InputError, match="figure 13: this circle has no classifier of male"):
        walks.of_anyone(stage, 13)


def test_layers_are_those_of_the_network(circle, given):
    z = given[0].z
    layers = trace(circle.mapping, circle.mapping, z)
    assert layers == [
        ("fully connected, 8, BatchNorm, Tanh  x4", 8),
        (f"fully connected, {circle.code}", circle.code),
    ]
    found = networks(circle, given[0].x)
    assert all(layers for _, layers in found)
    titles = [title for title, _ in found]
    assert "(8)" in titles[0] and f"({circle.code})" in titles[1]
    # The hooks are gone
    assert not any(module._forward_hooks for module in circle.mapping.modules())


def test_the_photograph_s_own_pixels_in_photo_mode(circle, tmp_path):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 6, 3), dtype=np.uint8))
    coarse.resize((356, 436), Image.Resampling.BICUBIC).save(tmp_path / "a.png")
    face = circle.read(tmp_path / "a.png", aligned=True)
    person = people.people_of([face], circle).given[0]
    stage = Stage(circle, people.People(circle, [person], ""), mode="photo")
    row = walks.walk_row(stage, person, "smile", 1)
    assert all(one.shape == (walks.DETAIL, walks.DETAIL, 3) for one in row.faces)
    np.testing.assert_array_equal(row.faces[0], row.faces[1])  # nothing walked yet

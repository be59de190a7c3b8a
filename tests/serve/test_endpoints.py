"""Every action of the page, asked by Gradio's own client, with the shipped weights."""

from pathlib import Path

import pytest

gradio_client = pytest.importorskip("gradio_client")
pytest.importorskip("gradio")

import numpy as np  # noqa: E402
from PIL import Image  # noqa: E402

ENDPOINTS = {
    "/arithmetic",
    "/average",
    "/blend",
    "/compare",
    "/edit",
    "/faces",
    "/inside",
    "/learn",
    "/picture",
    "/preview",
    "/sample",
    "/vary",
    "/walk",
}


def given(path):
    return gradio_client.handle_file(str(path))


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def refused(client, *values, **named):
    """What the client is told when an endpoint refuses."""
    with pytest.raises(Exception) as found:
        client.predict(*values, **named)
    message = str(found.value)
    assert "\n" not in message and "/tmp" not in message, message
    return message


def test_every_action_is_documented(client):
    told = client.view_api(return_format="dict")["named_endpoints"]
    assert set(told) == ENDPOINTS
    for name, endpoint in told.items():
        assert endpoint["description"], name
        assert endpoint["returns"], name
        for parameter in endpoint["parameters"]:
            assert parameter["parameter_name"] and parameter["label"], name
            assert not parameter["parameter_name"].startswith("param_"), name
    from istrc.attributes import TRANSFORMATIONS

    names = [one["parameter_name"] for one in told["/edit"]["parameters"]]
    assert names[:2] == ["photo", "face"] and set(TRANSFORMATIONS) < set(names)


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:3000", "null"])
def test_another_origin_reaches_nothing(server, origin):
    import httpx

    told = {"origin": origin}
    asked = {"data": [], "fn_index": 0, "session_hash": "a"}
    for path in ("queue/join", "upload", "run/edit", "call/edit", "cancel", "reset"):
        answer = httpx.post(f"{server.address}gradio_api/{path}", json=asked, headers=told)
        assert answer.status_code == 403 and "another site" in answer.text, path
    for path in ("config", "gradio_api/info", "gradio_api/queue/data?session_hash=a"):
        answer = httpx.get(f"{server.address}{path}", headers=told)
        assert answer.status_code == 403 and "another site" in answer.text, path
    assert httpx.get(server.address).status_code == 200


def test_nothing_is_a_websocket(server):
    """Gradio 6 sends what it has to say as events; a handshake is answered as any request is."""
    import httpx
    from gradio import routes
    from starlette.routing import WebSocketRoute

    shake = {
        **{"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"},
        **{"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "origin": "http://evil.example"},
    }
    for path in ("", "queue/join", "gradio_api/queue/join", "gradio_api/queue/data"):
        assert httpx.get(f"{server.address}{path}", headers=shake).status_code in (400, 403)
    every = routes.App().routes
    assert every and not any(isinstance(route, WebSocketRoute) for route in every)


def test_faces_are_found_and_numbered(client, pictures):
    marked, count = client.predict(given(pictures / "two.jpg"), api_name="/faces")
    assert count == 2 and Image.open(marked).size == (800, 420)


def test_an_edit_is_the_photograph_with_the_edited_face(client, face_file):
    pair, file, said = client.predict(
        photo=given(face_file), face=1, smile=1, young=0.5, api_name="/edit"
    )
    assert len(pair) == 2 and "smile +1, young +0.5" in said
    before, after = pixels(face_file), pixels(file)
    assert before.shape == after.shape
    moved = np.abs(before - after).max(-1) > 20
    assert moved.any() and not moved[:40].any()  # the face, and not what is around it


def test_an_edit_says_what_made_it(client, face_file):
    _, file, _ = client.predict(photo=given(face_file), face=1, smile=1, api_name="/edit")
    assert file.endswith("face-00-edited.jpg")
    content = open(file, "rb").read()
    assert b"compositeWithTrainedAlgorithmicMedia" in content and b"istrc" in content


def test_an_edit_of_nothing_is_the_photograph(client, face_file):
    _, file, said = client.predict(photo=given(face_file), face=1, api_name="/edit")
    assert "nothing" in said.lower() and b"AlgorithmicMedia" not in open(file, "rb").read()


def test_a_preview_follows_the_sliders(client, face_file):
    drawn = [
        pixels(client.predict(photo=given(face_file), face=1, smile=value, api_name="/preview"))
        for value in (0, 0.5, 1)
    ]
    near, far = (np.abs(one - drawn[0]).mean() for one in drawn[1:])
    assert 0 < near < far


def test_further_attributes_and_locks(client, face_file):
    _, _, said = client.predict(
        photo=given(face_file),
        face=1,
        more=["eyeglasses"],
        more_1=1,
        keep=["smile"],
        api_name="/edit",
    )
    assert "eyeglasses is experimental" in said
    message = refused(
        client, photo=given(face_file), face=1, smile=1, keep=["smile"], api_name="/edit"
    )
    assert message == "smile: kept and moved at once; unlock it, or set its slider to 0"


@pytest.mark.parametrize("name", ["smlie", "no_such_thing"])
def test_an_unknown_attribute(client, face_file, name):
    message = refused(client, given(face_file), 1, name, 1, 5, api_name="/walk")
    assert message.startswith(f"{name}: no such attribute")


def test_the_second_face(client, pictures):
    two = given(pictures / "two.jpg")
    first, second = (
        pixels(client.predict(photo=two, face=face, api_name="/preview")) for face in (1, 2)
    )
    assert (first != second).any()
    for face in (3, None):  # as of an emptied field
        message = refused(client, photo=two, face=face, api_name="/preview")
        assert message == f"two.jpg: no face {face}; 2 faces found, counted from the largest"


def test_fields_that_hold_nothing_or_something_else(client, server, face_file):
    me = given(face_file)
    assert client.predict(me, 1, 0.4, 2, None, api_name="/vary")
    assert refused(client, None, api_name="/sample") == "sample None: give 1 to 8"
    for told in ({"more": 5}, {"more": [5], "more_1": 1}, {"keep": "male"}, {"keep": [None]}):
        message = refused(client, photo=me, api_name="/preview", **told)
        assert message == "an attribute that is no name: choose it from the list"
    for name in (["smile"], 5):
        message = refused(client, me, 1, name, 1, 3, api_name="/walk")
        assert message == "an attribute that is no name: choose it from the list"
    assert not any("Traceback" in line for line in server.said)


def test_a_walk_is_a_strip_and_an_animation(client, face_file):
    strip, animation, said, gif = client.predict(
        given(face_file), 1, "smile", 1, 5, api_name="/walk"
    )
    assert Image.open(strip).width > 5 * 160 and said.startswith("smile +1")
    film = Image.open(animation)
    assert film.n_frames == 8  # five there and three back
    assert Image.open(gif).n_frames == film.n_frames
    for made in (animation, gif):
        assert b"compositeWithTrainedAlgorithmicMedia" in Path(made).read_bytes()
    assert "nowhere" in refused(client, given(face_file), 1, "smile", 0, 5, api_name="/walk")


def test_a_blend_ends_in_both_faces(client, pictures):
    files = [given(pictures / f"face-0{number}.jpg") for number in (0, 1)]
    strip, animation, said, _ = client.predict(files[0], 1, files[1], 4, api_name="/blend")
    assert Image.open(strip).width > 4 * 160 and "4 faces over" in said
    assert Image.open(animation).n_frames == 6


def test_an_average_and_its_errors(client, pictures):
    files = [given(pictures / f"face-0{number}.jpg") for number in range(3)]
    face, said = client.predict(files, api_name="/average")
    assert pixels(face).std() > 10 and said.startswith("3 faces")
    assert "at least two" in refused(client, files[:1], api_name="/average")
    assert "no pictures" in refused(client, [], api_name="/average")


def test_arithmetic_and_its_errors(client, pictures):
    files = [given(pictures / f"face-0{number}.jpg") for number in range(2)]
    face, said = client.predict("A + 0.5 * (B - A)", files, api_name="/arithmetic")
    assert pixels(face).std() > 10 and said.startswith("Radians")
    message = refused(client, "A - Z", files, api_name="/arithmetic")
    assert message == "Z: no picture is called so; there are A, B"
    # A file of the server is not the page's to read
    message = refused(client, "A - 'etc/passwd.png'", files, api_name="/arithmetic")
    assert "call the pictures A, B, C" in message
    assert "column" in refused(client, "A -", files, api_name="/arithmetic")


def test_neighbours(client, face_file):
    sheet = client.predict(given(face_file), 1, 0.3, 7, 0, api_name="/vary")
    assert Image.open(sheet).width > 8 * 96


def test_a_face_is_the_same_person_as_itself(client, pictures):
    a, b = (given(pictures / f"face-0{number}.jpg") for number in (0, 7))
    said, roc, table = client.predict(a, 1, a, 0.001, api_name="/compare")
    assert " The same person" in said and Image.open(roc).size == (640, 480)
    said, _, table = client.predict(a, 1, b, 0.001, api_name="/compare")
    assert "Not the same person" in said and "pairs of different people" in said
    assert table["headers"] == ["attribute", "first", "second"] and len(table["data"]) > 12


def test_inside_tells_every_attribute(client, circle, face_file):
    scores, ways, drawn = client.predict(given(face_file), 1, api_name="/inside")
    assert Image.open(drawn).size == (640, 480)
    names = set(circle.attribute_names)
    assert {row[0] for row in scores["data"]} == {row[0] for row in ways["data"]} == names
    assert all(0 <= row[1] <= 1 for row in scores["data"])
    far = [row[2] for row in ways["data"]]
    assert far == sorted(far)


def test_what_is_learned_is_known_to_its_session_alone(client, server, pictures):
    files = [given(path) for path in sorted(pictures.glob("face-*.jpg"))]
    file, said = client.predict("Odd Ones", files[:5], files[5:10], api_name="/learn")
    assert file.endswith("odd_ones.safetensors") and said.startswith("odd_ones: AUC")
    walked = client.predict(files[0], 1, "odd_ones", 1, 3, api_name="/walk")
    assert walked[2].startswith("odd_ones +1")
    message = refused(client, "odd_ones", files[:5], files[5:10], api_name="/learn")
    assert message.startswith("odd_ones: an attribute of this name was learned before")
    assert "forget" not in message  # which is the command line's
    other = gradio_client.Client(server.address, verbose=False, httpx_kwargs={"timeout": 120})
    message = refused(other, files[0], 1, "odd_ones", 1, 3, api_name="/walk")
    assert message.startswith("odd_ones: no such attribute")
    other.close()


def test_too_few_to_learn_from(client, pictures):
    files = [given(path) for path in sorted(pictures.glob("face-*.jpg"))]
    assert "5 is the least" in refused(client, "few", files[:2], files[5:7], api_name="/learn")
    message = refused(client, "two words!", files[:2], files[2:4], api_name="/learn")
    assert "letters a to z" in message


def test_samples_are_faces(client):
    sample = client.predict(1, api_name="/sample")
    _, count = client.predict(given(sample), api_name="/faces")
    assert count == 1
    assert "give 1 to 8" in refused(client, 9, api_name="/sample")


def test_the_folder_that_was_given(client, face_file):
    picture = client.predict("face-00.jpg", api_name="/picture")
    assert open(picture, "rb").read() == face_file.read_bytes()
    assert "../secret.jpg is not in the list" in refused(
        client, "../secret.jpg", api_name="/picture"
    )


def test_pictures_that_cannot_be_used(client, tmp_path):
    bad = {"text.png": b"no picture", "empty.jpg": b""}
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        assert refused(client, given(tmp_path / name), api_name="/faces").startswith(f"{name}: ")
    Image.new("RGB", (300, 300), "grey").save(tmp_path / "grey.png")
    message = refused(client, given(tmp_path / "grey.png"), api_name="/faces")
    assert message == ("grey.png: no face found; use a photograph with a face seen from the front")
    Image.new("L", (6000, 5000)).save(tmp_path / "huge.png")
    message = refused(client, given(tmp_path / "huge.png"), api_name="/faces")
    assert message == "huge.png: over 25 megapixels; scale it down, or use istrc edit"

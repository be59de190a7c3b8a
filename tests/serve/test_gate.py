"""What the gate lets through to Gradio, and what it answers itself."""

import asyncio

import pytest

from istrc.serve import limits
from istrc.serve.gate import Gate, is_loopback

HERE = {"host": "127.0.0.1:7860"}


def ask(folder, path="/", method="GET", loopback=True, **headers):
    """The status and the body of one request."""
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the page"})

    async def send(message):
        sent.append(message)

    told = HERE | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.encode(), value.encode()) for name, value in told.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": raw}
    gate = Gate(app, folder, loopback)
    asyncio.run(gate(scope, None, send))
    assert gate.uploading == 0
    return sent[0]["status"], sent[1]["body"].decode().strip()


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "127.0.0.2"])
def test_the_page_is_there_under_the_names_of_this_machine(tmp_path, host):
    assert ask(tmp_path, host=host) == (200, "the page")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.evil.com", ""])
def test_a_name_that_was_made_to_lead_here_is_refused(tmp_path, host):
    said = "this page is for this machine alone; open the address that was printed"
    assert ask(tmp_path, host=host) == (403, said)
    assert ask(tmp_path, host=host, loopback=False)[0] == 200


def test_another_site_sends_nothing_and_may_link(tmp_path):
    for site in ("cross-site", "same-site"):
        post = dict(method="POST", content_length="2", sec_fetch_site=site)
        said = "another site asks for this; open the page itself"
        assert ask(tmp_path, "/gradio_api/upload", **post) == (403, said)
        assert ask(tmp_path, sec_fetch_site=site)[0] == 200
    for site in ("same-origin", "none"):
        assert ask(tmp_path, method="POST", content_length="2", sec_fetch_site=site)[0] == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "https://evil.example:7860", "http://10.0.0.5", "null", "", "file://"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_a_script_of_another_origin_neither_sends_nor_reads(tmp_path, origin, method):
    """Over plain http from a network, where browsers say the origin alone."""
    said = "another site asks for this; open the page itself"
    asked = dict(method=method, content_length="2", host="10.0.0.5:7860", loopback=False)
    assert ask(tmp_path, "/gradio_api/queue/join", origin=origin, **asked) == (403, said)


@pytest.mark.parametrize("host", ["10.0.0.5:7860", "faces.example", "FACES.example", "[::1]:7860"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_page_s_own_scripts_send_and_read(tmp_path, host, scheme):
    own = dict(origin=f"{scheme}://{host}", content_length="2", loopback=False)
    for method in ("GET", "POST"):
        assert ask(tmp_path, method=method, host=host.lower(), **own)[0] == 200
        forged = own | dict(host="10.0.0.5", x_forwarded_host=host)
        assert ask(tmp_path, method=method, **forged)[0] == 403
    # A form, of which this page's own policy makes browsers say no origin
    form = dict(method="POST", content_length="2", origin="null", sec_fetch_site="same-origin")
    assert ask(tmp_path, **form)[0] == 200


def test_a_script_of_another_site_on_this_machine_reads_nothing(tmp_path):
    """Gradio would let it: to it all ports of this machine are one site."""
    for site in ("same-site", "cross-site"):
        asked = dict(sec_fetch_site=site, origin="http://localhost:3000", host="localhost:7860")
        assert ask(tmp_path, "/config", **asked)[0] == 403


def test_there_is_no_websocket(tmp_path):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "headers": []}
    asyncio.run(Gate(None, tmp_path, True)(scope, None, send))
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_addresses_elsewhere(tmp_path):
    refused = (403, "this server fetches nothing")
    assert ask(tmp_path, "/gradio_api/proxy=http://169.254.169.254/") == refused


def test_bodies_without_a_length_or_with_too_great_a_one(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "PICTURES", 3)
    monkeypatch.setattr(limits, "UPLOAD_BYTES", 100)
    for length in ({}, {"content_length": "-1"}, {"content_length": "9" * 5000}):
        status, said = ask(tmp_path, method="POST", **length)
        assert (status, said) == (411, "say how long the request is (content-length)")
    long = (413, "too long a request; send fewer or smaller files")
    assert ask(tmp_path, method="POST", content_length="101") == long
    assert ask(tmp_path, "/gradio_api/upload", "POST", content_length="300")[0] == 200
    assert ask(tmp_path, "/gradio_api/upload", "POST", content_length="301") == long


def test_uploads_of_all_visitors_have_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "DISK_BYTES", 1000)
    (tmp_path / "someone").mkdir()
    (tmp_path / "someone" / "a.jpg").write_bytes(bytes(600))
    assert ask(tmp_path, "/gradio_api/upload", "POST", content_length="400")[0] == 200
    full = (507, "the server has no room for more files; try again later")
    assert ask(tmp_path, "/gradio_api/upload", "POST", content_length="401") == full
    assert ask(tmp_path, "/gradio_api/queue/join", "POST", content_length="401")[0] == 200


@pytest.mark.parametrize("host", ["", "127.0.0.1.evil.com", "::2", "localhost.evil.com"])
def test_what_is_no_name_of_this_machine(host):
    assert not is_loopback(host)

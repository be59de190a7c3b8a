"""The page in a real browser, without a window: Debian's Chromium, driven by Playwright.

What each test leaves on its pages is kept as a picture in build/screenshots, or $ISTRC_SCREENSHOTS.
"""

import os
import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("gradio")
playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")

_NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, _NAMES)), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium: apt-get install chromium"),
]

DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
WAIT = 120_000  # milliseconds, on a machine that is busy
SHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
SHOTS = Path(os.environ.get("ISTRC_SCREENSHOTS", SHOTS))


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture
def open_page(browser, server, request):
    """Opens the page as a new visitor; every request that it makes is kept in `page.asked`."""
    contexts = []

    def open_(size=DESKTOP):
        context = browser.new_context(viewport=size, accept_downloads=True)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.asked, page.wrong = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.wrong.append(str(error)))
        page.on(
            "console", lambda said: page.wrong.append(said.text) if said.type == "error" else None
        )
        page.goto(server.address)
        page.wait_for_selector("#samples img")
        return page

    yield open_
    for number, context in enumerate(contexts):
        keep_picture(context.pages[0], f"{request.node.name}-{number}")
        context.close()


def keep_picture(page, name):
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


def upload(page, path):
    page.locator("#photo input[type=file]").set_input_files(str(path))
    page.wait_for_selector("#after img")


def picture(page):
    """The bytes of the edited face that is shown."""
    address = page.locator("#after img").get_attribute("src")
    return page.request.get(address).body()


def wait_for_another(page, before):
    page.wait_for_function(
        "before => { const now = document.querySelector('#after img');"
        " return now && now.src !== before }",
        arg=before,
    )


def move(page, name, steps):
    """Moves a slider by the keyboard alone."""
    before = page.locator("#after img").get_attribute("src")
    slider = page.locator(f"#slider-{name} input[type=range]")
    slider.focus()
    for _ in range(abs(steps)):
        page.keyboard.press("ArrowRight" if steps > 0 else "ArrowLeft")
    wait_for_another(page, before)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_upload_slide_and_download(open_page, face_file, size, tmp_path):
    page = open_page(size)
    upload(page, face_file)
    before = picture(page)
    move(page, "smile", 10)
    assert picture(page) != before
    page.get_by_role("button", name="Make the photograph").click()
    download = page.get_by_role("button", name="Download", exact=True)
    playwright.expect(download).to_be_enabled(timeout=WAIT)
    with page.expect_download() as found:
        download.click()
    found.value.save_as(tmp_path / "out.jpg")
    assert found.value.suggested_filename == "face-00-edited.jpg"
    assert b"compositeWithTrainedAlgorithmicMedia" in (tmp_path / "out.jpg").read_bytes()
    # Nothing is wider than the window
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    assert page.wrong == []


def open_tab(page, name):
    """Opens a tab, from the menu of those for which there is no room where it is there."""
    tab = page.get_by_role("tab", name=name, exact=True)
    if not tab.count():
        page.get_by_role("button", name="More tabs").click()
        tab = page.locator(".overflow-dropdown").get_by_role("button", name=name, exact=True)
    tab.click()
    return page.locator("[role=tabpanel]:visible")


# What a visitor does on each tab beside Edit: how many files where, the button, and what comes
TABS = {
    "Walk": ([], "Walk", "smile \\+1: .* rad"),
    "Blend": ([1], "Blend", "9 faces over .* rad"),
    "Average": ([3], "Average", "3 faces, .* rad from their average"),
    "Arithmetic": ([3], "Calculate", "Radians from each face"),
    "Neighbours": ([], "Draw", None),
    "Compare": ([1], "Compare", "(The|Not the) same person, by the rule"),
    "Learn": ([5, 5], "Learn", "freckles: AUC"),
    "Inside": ([], "Look inside", None),
}


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_tab_does_what_its_button_says(open_page, pictures, size):
    page = open_page(size)
    files = sorted(pictures.glob("face-*.jpg"))
    upload(page, files[10])
    for name, (counts, button, said) in TABS.items():
        panel = open_tab(page, name)
        if name == "Learn":
            panel.get_by_label("Name").fill("freckles")
        for place, count in enumerate(counts):
            chosen = files[5 * place : 5 * place + count]
            inputs = panel.locator("input[type=file]")  # a table has one, too, behind the others
            (inputs.last if place else inputs.first).set_input_files(chosen)
            panel.get_by_text(chosen[0].name).or_(panel.locator("img")).first.wait_for()
        panel.get_by_role("button", name=button, exact=True).click()
        if said is None:
            made = panel.locator("img[alt]").last
            playwright.expect(made).to_be_visible(timeout=WAIT)
        else:
            told = panel.locator("textarea[disabled], textarea[readonly]").first
            playwright.expect(told).to_have_value(re.compile(said), timeout=WAIT)
        keep_picture(page, f"{name.lower()}-{size['width']}")
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], name
    assert page.wrong == []


def test_a_folder_is_worked_through(open_page, pictures, server):
    """`istrc serve FOLDER`: its pictures one after the other, by the button alone."""
    page, seen = open_page(), set()
    for name in sorted(path.name for path in pictures.iterdir())[:3]:
        page.get_by_role("button", name="Next").click()
        playwright.expect(page.get_by_label("Folder: 12 pictures")).to_have_value(name)
        page.wait_for_function(
            "seen => { const one = document.querySelector('#after img');"
            " return one && !seen.includes(one.src) }",
            arg=sorted(seen),
        )
        seen.add(page.locator("#after img").get_attribute("src"))
    assert len(seen) == 3


def test_no_request_leaves_the_machine(open_page, server, face_file):
    page = open_page()
    upload(page, face_file)
    for tab in page.get_by_role("tab").all():
        tab.click()
    elsewhere = [
        url for url in page.asked if not url.startswith((server.address, "data:", "blob:"))
    ]
    assert elsewhere == []


def test_an_error_is_a_line_on_the_page(open_page, tmp_path):
    from PIL import Image

    Image.new("RGB", (300, 300), "grey").save(tmp_path / "grey.png")
    page = open_page()
    page.locator("#photo input[type=file]").set_input_files(str(tmp_path / "grey.png"))
    said = page.get_by_text("grey.png: no face found; use a photograph with a face")
    said.first.wait_for()
    page.locator("#samples button").first.click()  # and the page goes on
    page.wait_for_selector("#after img")


def test_a_file_that_is_too_large_is_refused(open_page, tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(bytes(20_000_001))
    page = open_page()
    page.locator("#photo input[type=file]").set_input_files(str(path))
    page.get_by_text(re.compile("exceeds|maximum allowed size", re.I)).first.wait_for()


def test_two_visitors_do_not_meet(open_page, pictures):
    one, two = open_page(), open_page()
    upload(one, pictures / "face-01.jpg")
    assert two.locator("#photo img").count() == 0  # and nothing of it is on the other's page
    upload(two, pictures / "face-02.jpg")
    mine = picture(one)
    move(two, "mouth_open", 8)
    assert picture(one) == mine != picture(two)
    two.reload()
    two.wait_for_selector("#samples img")
    assert two.locator("#photo img").count() == 0  # a new visit begins with nothing


def test_a_photograph_of_two_people(open_page, pictures):
    page = open_page()
    upload(page, pictures / "two.jpg")
    number = page.get_by_label("Which face")
    number.wait_for()
    before = page.locator("#after img").get_attribute("src")
    number.fill("2")
    number.press("Tab")
    wait_for_another(page, before)


def test_the_keyboard_reaches_everything(open_page):
    """By Tab alone: the tabs, then all sliders in their order; and the focus can be seen."""
    from istrc.attributes import TRANSFORMATIONS

    page = open_page()
    page.keyboard.press("Tab")
    reached, tabs = [], 0
    for _ in range(150):
        page.keyboard.press("Tab")
        tabs += page.evaluate("document.activeElement.getAttribute('role') === 'tab'")
        where = page.evaluate(
            "[document.activeElement.type, "
            "(document.activeElement.closest('[id^=slider-]') || {}).id]"
        )
        if where[0] == "range" and where[1]:
            reached.append(where[1].removeprefix("slider-"))
    assert reached[: len(TRANSFORMATIONS)] == list(TRANSFORMATIONS) and tabs
    page.get_by_role("tab", name="Edit").focus()
    page.keyboard.press("Tab")
    shown = page.evaluate(
        "(e => { const s = getComputedStyle(e);"
        " return s.outlineStyle !== 'none' || s.boxShadow !== 'none' })(document.activeElement)"
    )
    assert shown


def test_everything_has_a_name_for_a_screen_reader(open_page, face_file):
    page = open_page()
    upload(page, face_file)
    for name in ("smile", "male (− female)", "young (− older)"):
        assert page.get_by_role("slider", name=re.compile(re.escape(name))).count() >= 1, name
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, textarea, img, select')]
        .filter(e => e.offsetParent !== null && e.type !== 'file')
        .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('alt') || e.title
            || e.innerText?.trim() || e.labels?.length || e.getAttribute('aria-labelledby')
            || e.querySelector('img[alt]:not([alt=""])')  // a button is called as its picture
            || e.closest('button[aria-label]')))  // ... or a picture as its button
        .map(e => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
    assert page.locator("html").get_attribute("lang")

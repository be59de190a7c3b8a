"""The page: the photograph on the left, on the right a tab for everything that is done with it."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from istrc.errors import InputError
from istrc.serve import actions, limits, tabs
from istrc.serve.components import photo as photo_input
from istrc.serve.components import picture, served
from istrc.serve.editing import edit_tab
from istrc.serve.samples import draw_samples
from istrc.serve.sessions import Session, Sessions

TITLE = "istrc"
HEAD = """# istrc
Edit, blend and compare faces in the space of a face recogniser. Everything is computed on the
machine that serves this page; your pictures are deleted when you close it."""
NOTE = f"""The networks were trained on CelebA, for non-commercial research. They know mostly young,
mostly light-skinned celebrities who look at a camera, and work worse for everybody else. An edit
says nothing about a person: do not judge, identify or deceive people with it. Every edited picture
says in its metadata that a model made parts of it. One file may have up to
{limits.UPLOAD_BYTES // 1_000_000} MB and {limits.MEGAPIXELS} megapixels."""
# Four samples in a row however narrow it is; sliders that are 0 in the middle have no filled side,
# and the names of the twelve are one line; buttons are above a picture that was made, not on it; on
# a phone the picture stays in sight of the sliders
CSS = """
.note, .note * {color: var(--neutral-500); font-size: 0.85rem}
#samples .grid-container {grid-template-columns: repeat(4, minmax(0, 1fr)) !important}
#samples .grid-wrap {min-height: 0 !important; padding-top: 1.5rem}
#samples .grid-container {grid-template-rows: none; grid-auto-rows: auto; height: auto}
#samples .thumbnail-item {aspect-ratio: 1; height: auto}
.signed {--slider-color: var(--neutral-200)}
.signed input[type=range]::-webkit-slider-thumb {background: var(--primary-600)}
.signed input[type=range]::-moz-range-thumb {background: var(--primary-600)}
.made .image-container {padding-top: 2rem}
#twelve .head {flex-wrap: nowrap; white-space: nowrap}
#twelve input[type=number] {width: 2.6rem; min-width: 2.6rem; padding: 0 0.25rem}
@media (max-width: 480px) {
  #pair {position: sticky; top: 0; z-index: 50; background: var(--body-background-fill)}
  #pair > * {height: 150px !important; min-height: 0 !important}
}
"""


# Gradio confines the style above to what is inside of its own container
OUTER = """<style>
footer .divider {display: none !important}
@media (max-width: 480px) {
  .gradio-container {overflow: visible !important}
  .gradio-container > .main {padding: 0.5rem 0.25rem !important}
  .gradio-container > .main > .wrap, .gradio-container main {padding: 0.25rem !important}
}
</style>"""


@dataclass(frozen=True)
class Subject:
    """The face that the tabs are about."""

    photo: gr.Image
    number: gr.Number  # which face of it, from 1
    found: Any  # the event after the faces of a new photograph were found

    @property
    def inputs(self) -> list[Any]:
        """Both, as an event takes them."""
        return [self.photo, self.number]


def build(sessions: Sessions, model: str, pictures: list[Path]) -> gr.Blocks:
    """The page of a server.

    Args:
        model: the circle's name or folder, where its calibration is.
        pictures: of the folder to work through; empty where none was given.
    """
    # The faces that nobody owns, as files: drawn when they are first asked for, by one visitor
    folder, drawing = sessions.folder / "shared" / "samples", threading.Lock()
    serve = partial(served, sessions)

    def samples() -> list[str]:
        with drawing:
            if not folder.exists():
                folder.mkdir(parents=True)
                for number, face in enumerate(draw_samples(sessions.circle), 1):
                    Image.fromarray(face).save(folder / f"sample-{number}.png")
            return sorted(map(str, folder.iterdir()))

    # What was uploaded and never used goes after an hour; all else with its session
    with gr.Blocks(title=TITLE, delete_cache=(600, 3600)) as page:
        gr.Markdown(HEAD)
        with gr.Row():
            with gr.Column(scale=2, min_width=300):
                subject = _photograph(page, serve, samples, pictures)
            with gr.Column(scale=5, min_width=300), gr.Tabs():
                with gr.Tab("Edit"):
                    followers = edit_tab(serve, subject, sessions.circle)
                names = tabs.choices(sessions.circle)
                tabs.walk_tab(serve, subject, names)
                tabs.blend_tab(serve, subject)
                tabs.average_tab(serve)
                tabs.arithmetic_tab(serve)
                tabs.neighbours_tab(serve, subject)
                tabs.compare_tab(serve, subject, model)
                tabs.learn_tab(serve, followers)
                tabs.inside_tab(serve, subject)
        gr.Markdown(NOTE, elem_classes="note")

        def leave(request: gr.Request) -> None:
            sessions.end(request.session_hash)
            _forget(page, request.session_hash)

        page.unload(leave)
    page.queue(max_size=limits.QUEUE, default_concurrency_limit=1)
    # Gradio looks a thousand times a second for what is asked, also while nobody asks: that is
    # 3 % of a core, taken from who computes
    page._queue.sleep_when_free, page._queue.progress_update_sleep_when_free = 0.005, 0.1
    # After each request it sums up what it knows of the last 10,000, for a page that is not served
    page._queue.ANALYTICS_MAX_EVENTS = 0
    _take_turns(page._queue)
    return page


def _forget(page: gr.Blocks, key: str | None) -> None:
    """What Gradio would keep of a visitor who has left: 0.2 MB until as many have come as the page
    takes at once, and the names of all files for good, as it deletes none of them itself.
    """
    with page.state_holder.lock:
        page.state_holder.session_data.pop(key, None)
        page.state_holder.time_last_used.pop(key, None)
    queue = page._queue
    queue.pending_event_ids_session.pop(key, None)
    if key not in {event.session_hash for event in [*queue.event_ids_to_events.values()]}:
        queue.pending_messages_per_session.pop(key, None)  # into which what still runs would write
    for names in page.temp_file_sets:
        names -= {name for name in names.copy() if not Path(name).exists()}


def _take_turns(queue: Any) -> None:
    """Of those who wait in a queue, who was served there longest ago is served next.

    Gradio goes by arrival alone: a client's sixty requests would all come before another's one.
    """
    turns, served = itertools.count(1), dict[tuple[str, str], int]()
    taken = queue.get_events

    def last(event: Any) -> int:
        return served.get((event.concurrency_id, event.session_hash), 0)

    def get_events() -> Any:
        for group in queue.event_queue_per_concurrency_id.values():
            group.queue.sort(key=last)  # stable: otherwise by arrival
        found = taken()
        if found:
            served[found[2], found[0][0].session_hash] = next(turns)
            if len(served) > 4 * limits.SESSIONS:
                del served[min(served, key=lambda key: served[key])]
        return found

    queue.get_events = get_events


def _photograph(
    page: gr.Blocks, serve: Callable, samples: Callable[[], list[str]], pictures: list[Path]
) -> Subject:
    """The column with the photograph, the samples, the folder and which face it is."""
    photo = photo_input(
        label="Photograph",
        height=320,
        elem_id="photo",
        alt_text="Your photograph",
        buttons=["fullscreen"],
    )
    if pictures:
        _folder(serve, photo, pictures)
    gallery = gr.Gallery(
        label="Or a sample: people who do not exist",
        columns=4,
        height="auto",
        allow_preview=False,
        object_fit="cover",
        buttons=[],
        interactive=False,
        elem_id="samples",
    )
    marked = picture("The faces that were found, framed and numbered", visible=False)
    number = gr.Number(
        label="Which face (1 is the largest)", value=1, precision=0, minimum=1, visible=False
    )
    count = gr.Number(visible=False, precision=0, label="Faces found")

    def sample(session: Session, number: int) -> str:
        """A face that nobody owns, to try the page with: number 1 to 8."""
        there = samples()
        return there[limits.check_count("sample", number, len(there)) - 1]

    def choose(event: gr.SelectData) -> str:
        return samples()[event.index]

    def faces(session: Session, photo: str | None) -> tuple[str | None, int]:
        """The faces of a photograph, framed and numbered, the largest first, and how many."""
        if photo is None:
            return None, 0
        path, found = actions.faces(session, photo)
        return str(path), found

    def shown(found: int) -> tuple[Any, Any]:
        several = found > 1
        return gr.update(visible=several), gr.update(visible=several, value=1)

    page.load(samples, None, gallery, api_visibility="private", show_progress="hidden")
    gallery.select(choose, None, photo, api_visibility="private")
    asked = gr.Number(visible=False, precision=0, label="Number of the sample", value=1)
    gr.on([], serve(sample), asked, photo, api_name="sample")
    found = photo.change(
        serve(faces),
        photo,
        [marked, count],
        api_name="faces",
        concurrency_id="long",
        show_progress_on=photo,
    ).success(shown, count, [marked, number], api_visibility="private", show_progress="hidden")
    return Subject(photo, number, found)


def _folder(serve: Callable, photo: gr.Image, pictures: list[Path]) -> None:
    """The pictures of the folder that was given, one after the other."""
    names = [path.name for path in pictures]
    with gr.Row():
        choice = gr.Dropdown(names, value=None, label=f"Folder: {len(names)} pictures", scale=3)
        following = gr.Button("Next", scale=1, min_width=80)

    def pick(session: Session, name: str | None) -> str | None:
        """A picture of the folder that the server was started with, by its name."""
        if name is None:
            return None
        if name not in names:
            raise InputError(f"{name}: no such picture in the folder")
        return actions.copied(session, pictures[names.index(name)])

    def after(name: str | None) -> str:
        return names[(names.index(name) + 1) % len(names) if name in names else 0]

    following.click(after, choice, choice, api_visibility="private")
    choice.change(serve(pick), choice, photo, api_name="picture")

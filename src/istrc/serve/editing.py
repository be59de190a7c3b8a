"""The tab Edit: a slider for every transformation, and the picture that follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from istrc.attributes import TRANSFORMATIONS
from istrc.edit.constraints import NOTHING
from istrc.errors import InputError
from istrc.serve import actions
from istrc.serve.components import attribute_choice
from istrc.serve.sessions import Session
from istrc.serve.tabs import choices

FURTHER = 4  # attributes beside the twelve that one edit may have
# What the other direction is, where "less of it" does not say it
OPPOSITES = {"male": "female", "young": "older"}


def edit_tab(serve: Callable, subject: Any, circle: Any) -> list[gr.Dropdown]:
    """Build it; returns the dropdowns that name attributes, which grow when one is learned."""
    twelve = [name for name in TRANSFORMATIONS if name in circle.attribute_names]
    shown = dict(interactive=False, height=260, min_width=120, buttons=[])
    with gr.Row(elem_id="pair"):
        before = gr.Image(label="Before", alt_text="The face as it is", **shown)
        after = gr.Image(label="After", alt_text="The edited face", elem_id="after", **shown)
    with gr.Row(elem_classes="signed", elem_id="twelve"):
        sliders = [_slider(name) for name in twelve]
    with gr.Row():
        more = attribute_choice(
            [pair for pair in choices(circle) if pair[1] not in twelve],
            label=f"Further attributes: type to search, {FURTHER} at most",
            multiselect=True,
            max_choices=FURTHER,
            min_width=240,
        )
        keep = attribute_choice(
            [(f"{NOTHING}: let everything move", NOTHING), *choices(circle)],
            label="Keep as it is, besides what an edit keeps by itself",
            multiselect=True,
            min_width=240,
        )
    with gr.Row(elem_classes="signed"):
        others = [
            gr.Slider(-1, 1, 0, step=0.05, label=f"Further attribute {place + 1}", visible=False)
            for place in range(FURTHER)
        ]
    with gr.Row():
        make = gr.Button("Make the photograph", variant="primary")
        reset = gr.Button("All sliders to 0")
    text = gr.Textbox(label="What was done", interactive=False, lines=1)
    whole = gr.ImageSlider(
        label="The whole photograph, before and after",
        type="filepath",
        interactive=False,
        max_height=600,
        buttons=["fullscreen"],
    )
    download = gr.DownloadButton("Download", interactive=False, elem_id="download")

    def preview(session: Session, photo: str | None, face: int, *values: Any) -> Any:
        """The edited face alone, small and soon: what follows a slider."""
        if photo is None:
            return None
        return str(actions.preview(session, photo, face, *_asked(twelve, values)))

    def edit(session: Session, photo: str | None, face: int, *values: Any) -> Any:
        """The whole photograph edited: a pair (before, after), the file, and what was done.

        Strengths are -1 to 1; 1 is the full transformation and 0 leaves the attribute alone."""
        path, said = actions.edit(session, photo, face, *_asked(twelve, values))
        return (photo, str(path)), str(path), said

    def start(session: Session, photo: str | None, face: int) -> tuple[Any, Any]:
        if photo is None:
            return None, None
        return str(actions.before(session, photo, face)), gr.update(interactive=False)

    names = ["photo", "face", *twelve, "more", "keep", *(f"more_{k + 1}" for k in range(FURTHER))]
    inputs = [*subject.inputs, *sliders, more, keep, *others]
    preview_lane = dict(show_progress="hidden", concurrency_id="quick")
    private = dict(api_visibility="private", **preview_lane)
    gr.on(
        [one.change for one in (*sliders, *others, more, keep)],
        serve(preview, names),
        inputs,
        after,
        api_name="preview",
        trigger_mode="always_last",
        **preview_lane,
    )
    gr.on(
        [make.click, *(one.release for one in (*sliders, *others))],
        serve(edit, names),
        inputs,
        [whole, download, text],
        api_name="edit",
        concurrency_id="long",
        trigger_mode="always_last",
        show_progress_on=whole,
    ).success(lambda: gr.update(interactive=True), None, download, **private)
    # A new photograph: nothing of the old one stays to be seen
    subject.photo.change(
        None,
        None,
        [before, after, whole, download, text],
        js="() => [null, null, null, null, '']",
        api_visibility="private",
    )
    for event in (subject.found.success, subject.number.change):
        begun = event(serve(start), subject.inputs, [before, download], **private)
        begun.success(serve(preview, names), inputs, after, **private)
    more.change(_labelled, more, others, **private)
    every = [*sliders, *others]
    reset.click(lambda: [0] * len(every), None, every, **private)
    return [more, keep]


def _slider(name: str) -> gr.Slider:
    word = name.replace("_", " ")
    label = f"{word} (\u2212 {OPPOSITES[name]})" if name in OPPOSITES else word
    return gr.Slider(-1, 1, 0, step=0.05, label=label, elem_id=f"slider-{name}", min_width=200)


def _asked(twelve: list[str], values: tuple) -> tuple[dict[str, float], list[str]]:
    """What the sliders and lists hold: strengths by attribute, and what is to be kept."""
    own, rest = list(values[: len(twelve)]), list(values[len(twelve) :])
    names, keep, further = rest[0] or [], rest[1] or [], rest[2:]
    if len(names) > FURTHER:
        raise InputError(f"{len(names)} further attributes: give {FURTHER} at most")
    return {**dict(zip(twelve, own, strict=True)), **dict(zip(names, further))}, keep  # noqa: B905


def _labelled(names: list[str] | None) -> list[Any]:
    """A slider a further attribute, under its name."""
    names = (names or [])[:FURTHER]
    shown = [gr.update(label=name.replace("_", " "), visible=True) for name in names]
    return shown + [gr.update(visible=False, value=0)] * (FURTHER - len(names))

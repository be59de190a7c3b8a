"""The tabs beside Edit: each a function that lays one out and says what its buttons do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from istrc.attributes import experimental
from istrc.serve import actions, limits
from istrc.serve.components import attribute_choice, picture
from istrc.serve.components import photo as photo_input
from istrc.serve.components import photos as photos_input
from istrc.serve.diagrams import one_in
from istrc.serve.sessions import Session
from istrc.verbs.calibration import RATES

_LONG = dict(concurrency_id="long")


def choices(circle: Any) -> list[tuple[str, str]]:
    """Attributes as a list shows them, and as they are called."""
    return [
        (f"{name.replace('_', ' ')}{' (experimental)' if experimental(name) else ''}", name)
        for name in circle.attribute_names
    ]


def walk_tab(serve: Callable, subject: Any, names: Sequence[tuple[str, str]]) -> None:
    with gr.Tab("Walk"):
        with gr.Row():
            name = attribute_choice(names, value="smile", label="Attribute", min_width=200)
            strength = gr.Slider(-1, 1, 1, step=0.05, label="Strength", min_width=200)
            frames = _frames()
        _strip_button(serve, actions.walk, [*subject.inputs, name, strength, frames])


def blend_tab(serve: Callable, subject: Any) -> None:
    with gr.Tab("Blend"):
        gr.Markdown("From your photograph to this one, its largest face.")
        second = _second()
        frames = _frames()
        _strip_button(serve, actions.blend, [*subject.inputs, second, frames])


def average_tab(serve: Callable) -> None:
    with gr.Tab("Average"):
        photos = photos_input(f"Two to {limits.PICTURES} photographs, the largest face of each")
        _face_button(serve, actions.average, "Average", [photos])


def arithmetic_tab(serve: Callable) -> None:
    with gr.Tab("Arithmetic"):
        photos = photos_input("Photographs: the first is A, the second B, and so on")
        expression = gr.Textbox(
            "A - B + C",
            label="Expression",
            info="Faces with + and -, * and / by numbers, and parentheses.",
        )
        _face_button(serve, actions.arithmetic, "Calculate", [expression, photos])


def neighbours_tab(serve: Callable, subject: Any) -> None:
    with gr.Tab("Neighbours"):
        gr.Markdown("Your face, and others, all as far from it.")
        with gr.Row():
            angle = gr.Slider(0.05, 1.5, 0.4, step=0.05, label="Angle, radians", min_width=200)
            count = gr.Slider(1, limits.NEIGHBOURS, 15, step=1, label="Faces", min_width=200)
            seed = gr.Number(0, precision=0, minimum=0, label="Seed", min_width=120)
        button = gr.Button("Draw", variant="primary")
        sheet = picture("Neighbours: the face itself is the first")

    inputs = [*subject.inputs, angle, count, seed]
    button.click(serve(actions.vary), inputs, sheet, api_name="vary", **_LONG)


def compare_tab(serve: Callable, subject: Any, model: str) -> None:
    with gr.Tab("Compare"):
        gr.Markdown("Your photograph with this one, its largest face.")
        second = _second()
        far = gr.Radio(
            [(one_in(rate), rate) for rate in sorted(RATES, reverse=True)],
            value=1e-3,
            label="Pairs of different people that may be called the same (false-accept rate)",
        )
        button = gr.Button("Compare", variant="primary")
        text = gr.Textbox(label="The same person?", interactive=False, lines=3)
        with gr.Row():
            roc = picture("The ROC, and where these two faces lie on it", min_width=280)
            table = _table(
                {"attribute": "52%", "first": "24%", "second": "24%"},
                "Attributes, as probabilities, the largest difference first",
                max_height=480,
            )

    def compare(session: Session, photo: Any, face: Any, second: Any, far: Any) -> Any:
        """Whether two faces are the same person, their place on the ROC, and what differs."""
        return actions.compare(session, photo, face, second, far, model)

    inputs = [*subject.inputs, second, far]
    button.click(serve(compare), inputs, [text, roc, table], api_name="compare", **_LONG)


def learn_tab(serve: Callable, followers: Sequence[gr.Dropdown]) -> None:
    with gr.Tab("Learn"):
        gr.Markdown(
            "Teach a new attribute with pictures of faces that have it and of faces that do not: "
            "5 of each at least, 20 are better, alike in all else. It is yours alone, and gone "
            "with this page; its file can be kept, and used by `istrc learn --add`."
        )
        name = gr.Textbox(label="Name", placeholder="freckles", max_length=40)
        with gr.Row():
            having = photos_input("With it")
            lacking = photos_input("Without it")
        button = gr.Button("Learn", variant="primary")
        text = gr.Textbox(label="How far it can be trusted", interactive=False, lines=2)
        file = gr.DownloadButton("Download the attribute", interactive=False)

    def known(session: Session) -> list[Any]:
        grown = [gr.update(choices=choices(session.circle)) for _ in followers]
        return [gr.update(interactive=True), *grown]

    inputs = [name, having, lacking]
    learned = button.click(serve(actions.learn), inputs, [file, text], api_name="learn", **_LONG)
    learned.success(serve(known), None, [file, *followers], api_visibility="private")


def inside_tab(serve: Callable, subject: Any) -> None:
    with gr.Tab("Inside"):
        gr.Markdown(
            "What the recogniser sees in this face, and how far the other side of each attribute "
            "is. A probability is what the classifier says, and no truth about a person."
        )
        button = gr.Button("Look inside", variant="primary")
        with gr.Row():
            scores = _table(
                {"attribute": "46%", "probability": "37%", "exp.": "17%"},
                "Attributes of this face, the surest first (exp.: experimental)",
            )
            columns = {"attribute": "50%", "strength": "25%", "radians": "25%"}
            ways = _table(columns, "The nearest changes")

        drawn = picture("A map of the walks: how far and which way, a ring every 0.1 radians")

    outputs = [scores, ways, drawn]
    button.click(serve(actions.inside), subject.inputs, outputs, api_name="inside", **_LONG)


def _table(columns: dict[str, str], label: str, **options: Any) -> gr.Dataframe:
    """A table to read: its columns and their widths."""
    own: Any = dict(headers=list(columns), column_widths=list(columns.values()), label=label)
    return gr.Dataframe(**own, interactive=False, min_width=280, **options)


def _frames() -> gr.Slider:
    return gr.Slider(2, limits.FRAMES, 9, step=1, label="Faces in the row", min_width=200)


def _second() -> gr.Image:
    return photo_input(
        label="Second photograph", height=240, alt_text="The second photograph", buttons=[]
    )


def _face_button(serve: Callable, action: Callable, label: str, inputs: list[Any]) -> None:
    """A button, and the one face that its action makes."""
    button = gr.Button(label, variant="primary")
    face = picture("The face that was made", height=300)
    outputs = [face, gr.Textbox(label="What was done", interactive=False, lines=1)]
    button.click(serve(action), inputs, outputs, api_name=action.__name__, **_LONG)


def _strip_button(serve: Callable, action: Callable, inputs: list[Any]) -> None:
    """A button, and the row of faces that its action makes, which can be downloaded then."""
    button = gr.Button(action.__name__.capitalize(), variant="primary")
    outputs = [
        picture("Filmstrip: the faces in a row"),
        picture("Animation: the same faces, there and back", height=300),
        gr.Textbox(label="What was done", interactive=False, lines=1),
        gr.DownloadButton("Download the animation as GIF", interactive=False),
    ]
    done = button.click(serve(action), inputs, outputs, api_name=action.__name__, **_LONG)
    done.success(lambda: gr.update(interactive=True), None, outputs[-1], api_visibility="private")

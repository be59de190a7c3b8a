"""What the page builds on Gradio: uploads that stay files, and what a visitor's session does."""

from __future__ import annotations

import inspect
import os
import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import gradio as gr
from gradio_client.utils import is_http_url_like

from istrc.errors import IstrcError
from istrc.serve import limits
from istrc.serve.sessions import Sessions

# What only the command line can do about it
_OF_COMMANDS = re.compile(r", or --aligned for .*$|, or first istrc learn .*$")


# No subclasses: Gradio writes a file beside the module of every class that is derived from its own.
# What is replaced here is lost to a component that an event updates by more than its value.


def photo(**options: Any) -> gr.Image:
    """A photograph, handed over as the file that was uploaded: its metadata and bytes stay."""
    component = gr.Image(
        type="filepath", sources=["upload", "webcam", "clipboard"], interactive=True, **options
    )
    component.preprocess = lambda payload: None if payload is None else _path_of(payload)
    return _local(component)


def photos(label: str) -> gr.File:
    """Several photographs, as files."""
    component = gr.File(label=label, file_count="multiple", file_types=["image"], height=180)
    component.preprocess = lambda payload: [_path_of(one) for one in payload or []]
    return _local(component)


def picture(what: str, **options: Any) -> gr.Image:
    """A picture that was made; nothing lies over it, and it can be downloaded."""
    options |= dict(buttons=["download", "fullscreen"], show_label=False, elem_classes="made")
    return gr.Image(label=what, alt_text=what, interactive=False, **options)


def attribute_choice(choices: Sequence[tuple[str, str]], **options: Any) -> gr.Dropdown:
    """A list of attributes with a search; what is not among them is refused by the action."""
    component = gr.Dropdown(list(choices), **options)

    def names(payload: Any) -> Any:  # not by the choices: what this session learned it alone knows
        given = payload if options.get("multiselect") else [payload]
        known = isinstance(given, list) and all(isinstance(one, str) for one in given)
        if payload is not None and not known:
            raise _refusal("an attribute that is no name: choose it from the list")
        return payload

    component.preprocess = names
    return component


def _local(component: Any) -> Any:
    """The same component, which never fetches a file from elsewhere."""
    original = component.async_move_resource_to_block_cache

    async def move(url_or_file_path: Any) -> Any:
        if is_http_url_like(str(url_or_file_path)):
            raise _refusal("an address: this server fetches nothing; upload the file itself")
        return await original(url_or_file_path)

    component.async_move_resource_to_block_cache = move
    return component


def _path_of(payload: Any) -> str:
    if not payload.path:
        raise _refusal("a picture that is no file; upload it")
    return str(payload.path)


def _refusal(message: str) -> gr.Error:
    """What a visitor reads; the terminal does not."""
    return gr.Error(message, print_exception=False)


def served(sessions: Sessions, action: Callable, names: list[str] | None = None) -> Callable:
    """An action of a session as what Gradio calls: its failures are the visitor's to read.

    Args:
        names: of the action's parameters after the session, where its signature does not tell.
    """
    names = names or list(inspect.signature(action).parameters)[1:]

    def call(request: gr.Request, *values: Any) -> Any:
        session = sessions.of(request.session_hash, _files(values))
        try:
            with limits.timed():
                return action(session, *values)
        except IstrcError as error:
            raise _refusal(_OF_COMMANDS.sub("", str(error))) from None
        except MemoryError:
            raise _refusal("not enough memory for it; give smaller pictures") from None
        except Exception:
            traceback.print_exc()
            raise _refusal("a defect of the page: the terminal of the server says more") from None

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("request", kind, annotation=gr.Request)]
    parameters += [inspect.Parameter(name, kind) for name in names]
    vars(call)["__signature__"] = inspect.Signature(parameters)  # no attribute for the checker
    call.__annotations__ = {"request": gr.Request}
    call.__name__, call.__doc__ = action.__name__, action.__doc__
    return call


def _files(values: Any) -> Iterator[str]:
    """The uploads among what an endpoint was given: their paths are absolute."""
    for value in values:
        if isinstance(value, str) and os.path.isabs(value):
            yield value
        elif isinstance(value, list):
            yield from _files(value)

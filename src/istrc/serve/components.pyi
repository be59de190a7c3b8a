"""What the page builds on Gradio: uploads that stay files, and functions of a visitor's session."""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio_client.utils import is_http_url_like

from istrc.errors import IstrcError
from istrc.serve.sessions import Sessions


class _Local:
    """A component that takes uploaded files, and never fetches one from elsewhere."""

    async def async_move_resource_to_block_cache(self, url_or_file_path):
        if is_http_url_like(str(url_or_file_path)):
            raise gr.Error("an address: this server fetches nothing; upload the file itself")
        return await super().async_move_resource_to_block_cache(url_or_file_path)

from gradio.events import Dependency

class Photo(_Local, gr.Image):
    """A photograph, handed over as the file that was uploaded: its metadata and bytes stay."""

    def get_block_name(self) -> str:
        return "image"

    def preprocess(self, payload):
        return None if payload is None else _path_of(payload)
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


class Photos(_Local, gr.File):
    """Several photographs, as files."""

    def get_block_name(self) -> str:
        return "file"

    def preprocess(self, payload):
        return [] if payload is None else [_path_of(one) for one in payload]
    from typing import Callable, Literal, Sequence, Any, TYPE_CHECKING
    from gradio.blocks import Block
    if TYPE_CHECKING:
        from gradio.components import Timer
        from gradio.components.base import Component


def _path_of(payload) -> str:
    if not payload.path:
        raise gr.Error("a picture that is no file: upload it")
    return str(payload.path)


def served(sessions: Sessions, action: Callable, names: list[str] | None = None) -> Callable:
    """An action of a session as what Gradio calls: its failures are the visitor's to read.

    Args:
        names: of the action's parameters after the session, where its signature does not tell.
    """
    names = names or list(inspect.signature(action).parameters)[1:]

    def call(request: gr.Request, *values: Any) -> Any:
        session = sessions.of(request.session_hash, _files(values))
        try:
            return action(session, *values)
        except IstrcError as error:
            raise gr.Error(str(error), print_exception=False) from None
        except MemoryError:
            raise gr.Error("not enough memory for it; give smaller pictures") from None
        except Exception:
            traceback.print_exc()
            raise gr.Error("a defect of the page: the terminal of the server says more") from None

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("request", kind, annotation=gr.Request)]
    call.__signature__ = inspect.Signature(
        parameters + [inspect.Parameter(name, kind) for name in names]
    )
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
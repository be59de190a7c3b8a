"""The server of the page: it starts, says where it is, and leaves nothing when it stops."""

from __future__ import annotations

import contextlib
import errno
import inspect
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from istrc.errors import IstrcError, reason
from istrc.runtime import has
from istrc.serve import limits
from istrc.serve.gate import Gate, is_loopback
from istrc.shipped import DEFAULT
from istrc.whole import orphans, own

REMEDY = "pip install 'istrc[app]'"
PORTS = range(7860, 7960)  # the first free one is taken where none is asked for
_PREFIX = "istrc-serve-"  # of the folders in which servers keep what visitors have


def need_gradio() -> None:
    """Raises IstrcError where Gradio is not installed."""
    if not has("gradio"):
        raise IstrcError(f"the page needs gradio: {REMEDY}")


def start(
    circle: Any,
    *,
    model: str = DEFAULT,
    pictures: Sequence[Path] = (),
    host: str = "127.0.0.1",
    port: int | None = None,
    browser: bool = False,
    auth: tuple[str, str] | None = None,
) -> tuple[str, Callable[[], None]]:
    """Start a server; its address, and what stops it and deletes what it kept. What servers kept
    that were killed is deleted now.

    Args:
        circle: what computes; `model` is its name or folder.
        pictures: to work through.
        port: None takes the first of PORTS that is free.

    Raises IstrcError where the port is taken or the host is not this machine's.
    """
    need_gradio()
    with contextlib.suppress(OSError):  # another server clears as well
        for left in orphans(Path(tempfile.gettempdir()), _PREFIX):  # by one that was killed
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{own()}-")).resolve()  # for this user alone
    os.environ["GRADIO_TEMP_DIR"] = str(folder)  # read when Gradio is imported
    # It begins by asking itself, for which there is no proxy
    near = ",".join({host, "localhost", "127.0.0.1"})
    known = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = f"{known},{near}" if known else near
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        gr = _gradio()
        from starlette.middleware import Middleware

        from istrc.serve.page import CSS, OUTER, build
        from istrc.serve.sessions import Sessions

        page = build(Sessions(circle, folder), model, list(pictures))
        address = _launch(
            page,
            server_name=host,
            inbrowser=browser,
            auth=auth,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            ssr_mode=False,
            mcp_server=False,
            _frontend=False,  # no asking itself for three seconds, which a busy machine outlasts
            pwa=False,
            enable_monitoring=False,
            run_history=False,
            max_file_size=limits.UPLOAD_BYTES,
            # Gradio keeps its own record of each, 0.2 MB, until there are so many
            state_session_capacity=limits.SESSIONS,
            footer_links=["api"],
            theme=gr.themes.Default(
                primary_hue="blue",
                neutral_hue="slate",
                font=["system-ui", "sans-serif"],
                font_mono=["ui-monospace", "monospace"],
            ),
            css=CSS,
            head=OUTER,
            app_kwargs={"middleware": [Middleware(Gate, folder, is_loopback(host))]},
            ports=[port] if port else PORTS,
        )
        stack.callback(page.close, verbose=False)
        return address, stack.pop_all().close


def _gradio() -> Any:
    """Gradio, imported without a half of the time that takes: what it does for editors.

    At every import it parses the source of each of its classes, to hold a .pyi file beside it
    against. A class whose file is unknown is spared that.
    """
    found = inspect.getfile

    def unknown(thing: Any) -> str:
        if inspect.isclass(thing):
            raise OSError("not asked for")
        return found(thing)

    inspect.getfile = unknown  # type: ignore[assignment]
    try:
        import gradio
    finally:
        inspect.getfile = found
    return gradio


def _launch(page: Any, *, ports: Sequence[int], server_name: str, **options: Any) -> str:
    """Launch at the first port that is free; the page's address. Raises IstrcError."""
    for port in ports:
        if not _is_free(server_name, port):
            continue
        try:
            _, address, _ = page.launch(server_name=server_name, server_port=port, **options)
        except OSError:
            if _is_free(server_name, port):
                raise
            continue  # another took it meanwhile
        return address
    which = f"port {ports[0]} is" if len(ports) == 1 else f"ports {ports[0]} to {ports[-1]} are"
    raise IstrcError(f"{which} in use; give another with --port")


def _is_free(host: str, port: int) -> bool:
    """Whether nobody listens there. Raises IstrcError where this machine may not or cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise IstrcError(
                f"--host {host} --port {port}: {reason(error).lower()}; give an "
                "address of this machine, and a port from 1024"
            ) from None
    return True

"""The server of the page: it starts, says where it is, and leaves nothing when it stops."""

from __future__ import annotations

import errno
import inspect
import ipaddress
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from istrc.errors import IstrcError, reason
from istrc.runtime import has
from istrc.serve import limits
from istrc.shipped import DEFAULT

REMEDY = "pip install 'istrc[app]'"
PORTS = range(7860, 7960)  # the first free one is taken where none is asked for
# What a browser may load: what this server sends, and nothing else
POLICY = "; ".join(
    (
        "default-src 'self' data: blob:",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "frame-ancestors 'self'",
        "form-action 'self'",
    )
)
_ELSEWHERE = re.compile(r"/(file|proxy)=/*https?:", re.IGNORECASE)


class OnlyHere:
    """Between the network and Gradio: no address elsewhere is fetched, for no one."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if _ELSEWHERE.search(scope["path"]):
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b"this server fetches nothing\n"})
            return

        async def told(message: dict) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        await self.app(scope, receive, told)


def need_gradio() -> None:
    """Raises IstrcError where Gradio is not installed."""
    if not has("gradio"):
        raise IstrcError(f"the page needs gradio: {REMEDY}")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what is bound to a host's name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
    """Start a server; its address, and what stops it and deletes what it kept.

    Args:
        circle: what computes; `model` is its name or folder.
        pictures: to work through.
        port: None takes the first of PORTS that is free.

    Raises IstrcError where the port is taken or the host is not this machine's.
    """
    need_gradio()
    folder = Path(tempfile.mkdtemp(prefix="istrc-serve-")).resolve()  # for this user alone
    os.environ["GRADIO_TEMP_DIR"] = str(folder)  # read when Gradio is imported
    try:
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
            pwa=False,
            enable_monitoring=False,
            run_history=False,
            max_file_size=limits.UPLOAD_BYTES,
            footer_links=["api"],
            theme=gr.themes.Default(
                primary_hue="blue",
                neutral_hue="slate",
                font=["system-ui", "sans-serif"],
                font_mono=["ui-monospace", "monospace"],
            ),
            css=CSS,
            head=OUTER,
            app_kwargs={"middleware": [Middleware(OnlyHere)]},
            ports=[port] if port else PORTS,
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise

    def stop() -> None:
        try:
            page.close(verbose=False)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return address, stop


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
        family = socket.AF_INET6 if ":" in server_name else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind((server_name, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise IstrcError(
                    f"--host {server_name} --port {port}: {reason(error).lower()}; give an "
                    "address of this machine, and a port from 1024"
                ) from None
        _, address, _ = page.launch(server_name=server_name, server_port=port, **options)
        return address
    which = f"port {ports[0]} is" if len(ports) == 1 else f"ports {ports[0]} to {ports[-1]} are"
    raise IstrcError(f"{which} in use; give another with --port")

"""`istrc serve`: the page, in a browser."""

from __future__ import annotations

import signal
import threading
from contextlib import ExitStack
from typing import Annotated, Any

import typer

from istrc.cli import options
from istrc.cli.files import find_some
from istrc.cli.report import Report, print_json
from istrc.errors import IstrcError


def serve(
    folder: Annotated[str | None, typer.Argument(metavar="[FOLDER]")] = None,
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, show_default="the first free one from 7860")
    ] = None,
    browser: bool = True,
    auth: Annotated[
        str | None,
        typer.Option(
            metavar="USER:PASSWORD", envvar="ISTRC_AUTH", show_default="everybody who can reach it"
        ),
    ] = None,
    model: options.CircleOptions,
    as_json: options.JsonOption = False,
) -> None:
    """Open a page on which a photograph is dropped and sliders are moved.

    Its address is printed; Ctrl-C stops it. Everything is computed here: no request leaves this
    machine, what visitors upload is seen by them alone, and it is deleted when they leave. Every
    action is an endpoint for gradio_client as well.

    Args:
        folder: A folder of pictures to work through; whoever may open the page sees them.
        host: By whom to be reached. The default is for this machine alone; 0.0.0.0 is for all who
            can reach it, and --auth then says who may.
        port: Where to listen.
        browser: Open the page in the browser.
        auth: Who may open the page.

    Examples:
        istrc serve
        istrc serve family/ --port 8000 --no-browser
        istrc serve --host 0.0.0.0 --auth ann:secret
    """
    with Report("serve", as_json=False) as report, ExitStack() as stack:
        from istrc.serve.sessions import share_heaps
        from istrc.serve.start import is_loopback, need_gradio, start

        need_gradio()
        share_heaps()
        pair = _pair(auth)
        pictures = [] if folder is None else find_some([folder], report)
        circle = model.open()
        # A process manager's way to stop is as good as Ctrl-C
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        where: dict[str, Any] = dict(host=host, port=port, browser=browser, auth=pair)
        try:
            address, stop = start(circle, model=model.model, pictures=pictures, **where)
            stack.callback(stop)
            if as_json:
                print_json({"command": "serve", "ok": True, "address": address})
            report.say(f"{address}  (Ctrl-C stops it)")
            if not is_loopback(host) and pair is None:
                report.say(
                    f"--host {host}: everybody who reaches this machine can use the page; "
                    "--auth USER:PASSWORD lets in who knows it"
                )
            threading.Event().wait()
        except KeyboardInterrupt:
            report.say("stopped")


def _pair(auth: str | None) -> tuple[str, str] | None:
    """Raises IstrcError for what is not USER:PASSWORD."""
    if auth is None:
        return None
    user, _, password = auth.partition(":")
    if not user or not password:
        raise IstrcError("--auth: write USER:PASSWORD, neither of them empty")
    return user, password

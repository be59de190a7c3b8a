"""Between the network and Gradio: what no visitor of the page asks for is refused."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from istrc.serve import limits

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
_Refusal = tuple[int, str]  # status, and what is said of it


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what is bound to a host's name or address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Gate:
    """No address elsewhere is fetched, no other site commands the page, and no disk is filled.

    Args:
        app: Gradio's.
        folder: the server's temporary folder, where uploads lie.
        loopback: the page is for this machine alone.
    """

    def __init__(self, app: Any, folder: Path, loopback: bool):
        self.app, self.folder, self.loopback = app, folder, loopback
        self.uploading = 0  # bytes of the uploads that are on their way

    async def __call__(self, scope: dict, receive: Callable, send: Callable) -> None:
        if scope["type"] == "websocket":  # neither the page nor Gradio 6 has any
            await send({"type": "websocket.close", "code": 1008, "reason": "no such thing here"})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._cross_site(scope, headers)
        if refusal is None and scope["method"] == "POST":
            refusal = self._oversized(scope, headers)
        if refusal is not None:
            status, said = refusal
            await send({"type": "http.response.start", "status": status, "headers": []})
            await send({"type": "http.response.body", "body": f"{said}\n".encode()})
            return

        async def send_with_headers(message: dict) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
            await send(message)

        length = int(headers.get(b"content-length", 0))
        self.uploading += length
        try:
            await self.app(scope, receive, send_with_headers)
        finally:
            self.uploading -= length

    def _cross_site(self, scope: dict, headers: dict[bytes, str]) -> _Refusal | None:
        """What was not asked by a visitor of this page, or leads elsewhere."""
        if _ELSEWHERE.search(scope["path"]):
            return 403, "this server fetches nothing"
        # A site may let its own name lead to this machine (DNS rebinding): then its scripts are
        # of this page to a browser, and only the name in the request tells
        host = headers.get(b"host", "")
        name = re.sub(r":\d*$", "", host).strip("[]")
        if self.loopback and not is_loopback(name):
            return 403, "this page is for this machine alone; open the address that was printed"
        # A form or a script of another site, in a visitor's browser; what is no browser says
        # neither. Gradio itself lets any site's scripts read what a page on a network sends
        site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
        if site is None:  # an old browser, or one that came by plain http from a network
            # What a proxy says of the host is not believed: any site's scripts can say it as well
            theirs = host if origin is None else re.sub(r"^https?://", "", origin.lower())
            foreign = theirs.lower() != host.lower()
        else:
            reads = scope["method"] in ("GET", "HEAD") and origin is None
            foreign = not reads and site not in ("same-origin", "none")
        return (403, "another site asks for this; open the page itself") if foreign else None

    def _oversized(self, scope: dict, headers: dict[bytes, str]) -> _Refusal | None:
        """A body that is longer than any that the page sends, or than there is room for."""
        length_header = headers.get(b"content-length", "")
        if not re.fullmatch(r"[0-9]{1,15}", length_header):
            return 411, "say how long the request is (content-length)"
        length, upload = int(length_header), scope["path"].endswith("/upload")
        if length > (limits.PICTURES if upload else 1) * limits.UPLOAD_BYTES:
            return 413, "too long a request; send fewer or smaller files"
        if upload and length + self.uploading > self._free_bytes():
            return 507, "the server has no room for more files; try again later"
        return None

    def _free_bytes(self) -> int:
        """Bytes that may still be stored for visitors: half of what the disk has stays free."""
        files = (Path(at, name) for at, _, names in os.walk(self.folder) for name in names)
        used = 0
        for path in files:
            with contextlib.suppress(OSError):  # deleted meanwhile
                used += path.stat().st_size
        return min(limits.DISK_BYTES - used, shutil.disk_usage(self.folder).free // 2)

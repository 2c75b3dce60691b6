"""Who may see the page, and what a browser may do with it.

On loopback nobody is asked for a password, so only requests that name loopback as their host are
answered: a foreign page whose name was pointed at 127.0.0.1 sees nothing.
"""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types default",
    )
)

HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""Headers of every answer."""


class Guard:
    """The outermost layer of the page: host, password, headers."""

    def __init__(self, app: ASGIApp, *, password: str | None, hosts: Iterable[str] | None) -> None:
        """Guard an application.

        Args:
            app: the application.
            password: what a reader has to know; None where nobody is asked.
            hosts: the host names that are answered; None answers every one.
        """
        self._app = app
        self._password = password
        self._hosts = None if hosts is None else frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "").lower()
        if self._hosts is not None and _without_port(host) not in self._hosts:
            return PlainTextResponse("this page answers under its own address only\n", 421)
        if self._password is not None and not _knows(headers, self._password):
            asks = {"www-authenticate": 'Basic realm="contractline", charset="UTF-8"'}
            return PlainTextResponse("a password is needed\n", 401, headers=asks)
        return None


def _knows(headers: Headers, password: str) -> bool:
    """Tell whether a request carries the password, under any user name."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        _, _, given = b64decode(encoded, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return secrets.compare_digest(given, password.encode())


def _without_port(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]

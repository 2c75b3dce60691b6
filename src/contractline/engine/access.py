"""Who may ask: one user with one password, by any of the ways ClickHouse's HTTP interface takes them."""

from __future__ import annotations

import binascii
import secrets
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass

from contractline.engine.errors import Code, QueryFailed


@dataclass(frozen=True, slots=True)
class Access:
    """The user that may ask, and the password."""

    user: str
    password: str

    def check(self, headers: Mapping[str, str], options: Mapping[str, str]) -> None:
        """Let a request in.

        Args:
            headers: its headers.
            options: its URL parameters.

        Raises:
            QueryFailed: user or password is wrong, or it names several.
        """
        user, password = _credentials(headers, options)
        right_user = secrets.compare_digest(user.encode(), self.user.encode())
        right_password = secrets.compare_digest(password.encode(), self.password.encode())
        if not (right_user and right_password):
            raise QueryFailed.of(
                Code.AUTHENTICATION_FAILED,
                f"{user}: Authentication failed: password is incorrect, "
                "or there is no user with such name",
            )


def has_credentials(headers: Mapping[str, str], options: Mapping[str, str]) -> bool:
    """Tell whether a request says at all who asks."""
    return bool(
        "authorization" in headers
        or {"x-clickhouse-user", "x-clickhouse-key"} & set(headers)
        or {"user", "password"} & set(options)
    )


def _credentials(headers: Mapping[str, str], options: Mapping[str, str]) -> tuple[str, str]:
    authorization = headers.get("authorization")
    own = (headers.get("x-clickhouse-user"), headers.get("x-clickhouse-key"))
    url = (options.get("user"), options.get("password"))
    ways = [authorization is not None, own != (None, None), url != (None, None)]
    if sum(ways) > 1:
        raise QueryFailed.of(
            Code.AUTHENTICATION_FAILED,
            "Invalid authentication: it is not allowed to use several of Authorization HTTP header, "
            "X-ClickHouse HTTP headers and URL parameters simultaneously",
        )
    if authorization is not None:
        return _basic(authorization)
    user, password = own if ways[1] else url
    return user or "default", password or ""


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise QueryFailed.of(
            Code.AUTHENTICATION_FAILED,
            f"Invalid authentication: '{scheme}' HTTP Authorization scheme is not supported",
        )
    try:
        user, _, password = b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as problem:
        raise QueryFailed.of(
            Code.AUTHENTICATION_FAILED, "Invalid authentication: the header can't be read"
        ) from problem
    return user, password

"""JSON over HTTP, for what is asked by REST: the schema registry, Kafka Connect and Metabase.

Whatever keeps a service from answering becomes a ServiceUnavailable in words; what an answer means
is left to the callers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from contractline.errors import ServiceUnavailable
from contractline.settings import without_password

TIMEOUT_SECONDS = 15.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """What a service answered: any status below 500, with a JSON body or none."""

    status: int
    body: Any = None

    @property
    def is_ok(self) -> bool:
        """Whether the service did what it was asked."""
        return self.status < 300

    @property
    def code(self) -> int:
        """The service's own error code; its status where it gives none."""
        if isinstance(self.body, dict):
            return int(self.body.get("error_code", self.status))
        return self.status

    @property
    def message(self) -> str:
        """The service's own words."""
        if isinstance(self.body, dict):
            return str(self.body.get("message") or self.body.get("detail") or self.body)
        return f"status {self.status}"


class Rest:
    """One REST service; a context manager, since it keeps connections open.

    Args:
        service: its name in messages.
        url: its base address, with ``user:password@`` where it needs credentials.
        setting: the variable that holds the address, for hints.
        credentials: where credentials go, for hints; into the address unless said.
        transport: what carries the requests; the network when absent.
    """

    def __init__(
        self,
        service: str,
        url: str,
        *,
        setting: str,
        credentials: str = "",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.service = service
        self.where = without_password(url)
        self._setting = setting
        self._credentials = (
            credentials or f"put them into {setting}, as http://user:password@host:port"
        )
        parts = urlsplit(url)
        address = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        self._base = address.rstrip("/")
        self._client = httpx.Client(
            auth=(unquote(parts.username), unquote(parts.password or ""))
            if parts.username
            else None,
            timeout=TIMEOUT_SECONDS,
            headers={"Accept": "application/vnd.schemaregistry.v1+json, application/json"},
            # Making a TLS context takes longer than most calls, and a proxy is of no use here.
            verify=parts.scheme == "https",
            trust_env=parts.hostname not in _LOOPBACK,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def set_header(self, name: str, value: str) -> None:
        """Send a header with every request from now on, such as a session."""
        self._client.headers[name] = value

    def call(self, method: str, path: str, json: Any = None) -> RestAnswer:
        """Send a request and return the answer, whether the service agreed or not.

        Raises:
            ServiceUnavailable: no answer, no JSON, no access, or a failure inside the service.
        """
        return self._read(self._answered(method, path, json=json), f"{method} {path}")

    def bytes(
        self, method: str, path: str, content: bytes | None = None, kind: str = ""
    ) -> RestAnswer:
        """Send and receive what is not JSON; the answer's body is bytes where the service agreed.

        Args:
            method: the method.
            path: where, from the base address.
            content: what is sent.
            kind: its content type.

        Raises:
            ServiceUnavailable: as :meth:`call`.
        """
        headers = {"Accept": "*/*"} | ({"Content-Type": kind} if kind else {})
        response = self._answered(method, path, content=content, headers=headers)
        if response.is_success:
            return RestAnswer(response.status_code, response.content)
        return self._read(response, f"{method} {path}")

    def _answered(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._client.request(method, self._base + path, **more)
        except httpx.TimeoutException as problem:
            raise self.away(f"no answer to {method} {path} in {TIMEOUT_SECONDS:g} s") from problem
        except (httpx.UnsupportedProtocol, httpx.InvalidURL) as problem:
            raise self.failed(
                "that is not an http address", hint=f"check {self._setting}"
            ) from problem
        except (httpx.NetworkError, httpx.RemoteProtocolError) as problem:
            words = str(problem) or type(problem).__name__
            raise self.away(f"did not answer: {words}") from problem
        except httpx.HTTPError as problem:
            raise self.failed(f"did not answer: {problem}") from problem

    def failed(self, problem: str, *, hint: str = "") -> ServiceUnavailable:
        """Return the error that says what this service did not do."""
        return ServiceUnavailable(self.service, self.where, problem, hint=hint)

    def away(self, problem: str) -> ServiceUnavailable:
        """Return the error that says that this service did not answer: trying again can help."""
        return self.failed(problem)

    def _read(self, response: httpx.Response, request: str) -> RestAnswer:
        if response.status_code in {401, 403}:
            raise self._no_access(response.status_code, request)
        kind = response.headers.get("content-type", "nothing").partition(";")[0]
        if response.is_server_error:
            raise self.away(f"{request} failed inside the service: {_words(response)}")
        if response.is_redirect or kind in {"text/html", "application/xhtml+xml"}:
            raise self.failed(
                f"answered {request} with a web page (status {response.status_code})",
                hint=f"is {self._setting} the base address of the API? "
                "Apicurio's Confluent API is under /apis/ccompat/v7",
            )
        try:
            body = response.json() if response.content else None
        except ValueError as problem:
            raise self.failed(f"answered {request} with {kind} and not with JSON") from problem
        return RestAnswer(response.status_code, body)

    def _no_access(self, status: int, request: str) -> ServiceUnavailable:
        has_credentials = self._client.auth is not None
        if status == 403 and has_credentials:
            problem = f"these credentials may not do {request}"
        elif has_credentials:
            problem = f"does not accept the credentials (status {status})"
        else:
            problem = f"wants credentials (status {status})"
        return self.failed(problem, hint=self._credentials)


def _words(response: httpx.Response) -> str:
    """Return what a failure says, in a line: a proxy's in front of the service is not JSON."""
    try:
        return RestAnswer(response.status_code, response.json()).message
    except ValueError:
        return f"status {response.status_code}"

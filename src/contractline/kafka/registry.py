"""Reading the schema registry: the ids of schemas that are known, and the schemas of known ids.

Nothing here registers: that is the schemas target's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from contractline.avro.schema import Schema
from contractline.contracts.model import Subject, Version
from contractline.kafka.errors import (
    NotRegistered,
    RegistryAway,
    RegistryUnavailable,
    SchemaUnknown,
)
from contractline.kafka.wire import SchemaId
from contractline.settings import without_password

TIMEOUT_SECONDS = 10.0

_SUBJECT_NOT_FOUND = 40401
_SCHEMA_NOT_FOUND = 40403


@dataclass(frozen=True, slots=True)
class Registered:
    """A released version of a contract, under the id that the registry gave it."""

    version: Version
    id: SchemaId


class Registry:
    """A schema registry that speaks Confluent's API.

    Attributes:
        url: its address as it may be shown, without a password.
    """

    def __init__(self, url: str, *, timeout: float = TIMEOUT_SECONDS) -> None:
        self.url = without_password(url)
        self._http = httpx.Client(base_url=url.rstrip("/"), timeout=timeout)
        self._schemas: dict[SchemaId, Schema] = {}

    def __enter__(self) -> Registry:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def id_of(self, subject: Subject, schema: Schema) -> SchemaId | None:
        """Return the id of a schema under a subject; None when it is not registered there.

        Raises:
            RegistryUnavailable: the registry did not answer, or refused.
        """
        path = f"/subjects/{quote(subject, safe='')}"
        answer = self._ask("POST", path, json={"schema": schema.text})
        if answer.status_code == httpx.codes.NOT_FOUND:
            if self._code(answer) in {_SUBJECT_NOT_FOUND, _SCHEMA_NOT_FOUND}:
                return None
            raise self._refusal(answer)
        return SchemaId(int(self._body(answer)["id"]))

    def newest(self, subject: Subject, versions: Sequence[Version]) -> Registered:
        """Return the highest of the contract's versions that the registry holds.

        Raises:
            NotRegistered: it holds none of them.
            RegistryUnavailable: the registry did not answer, or refused.
        """
        for version in sorted(versions, key=lambda v: v.number, reverse=True):
            if (schema_id := self.id_of(subject, version.schema)) is not None:
                return Registered(version, schema_id)
        raise NotRegistered(subject, self.url)

    def schema(self, schema_id: SchemaId) -> Schema:
        """Return the schema of an id; each is asked for once.

        Raises:
            SchemaUnknown: the registry does not know the id.
            RegistryUnavailable: the registry did not answer, or refused.
        """
        if schema_id not in self._schemas:
            answer = self._ask("GET", f"/schemas/ids/{schema_id}")
            if answer.status_code == httpx.codes.NOT_FOUND:
                raise SchemaUnknown(self.url, _words(answer))
            text = self._body(answer)["schema"]
            self._schemas[schema_id] = Schema.parse(text, f"schema id {schema_id}")
        return self._schemas[schema_id]

    def _ask(self, method: str, path: str, json: object = None) -> httpx.Response:
        try:
            answer = self._http.request(method, path, json=json)
        except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as problem:
            words = str(problem) or type(problem).__name__
            raise RegistryAway(self.url, f"does not answer: {words}") from problem
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise RegistryUnavailable(self.url, str(problem)) from problem
        if answer.is_server_error:
            raise RegistryAway(self.url, _words(answer))
        return answer

    def _body(self, answer: httpx.Response) -> dict[str, Any]:
        if not answer.is_success:
            raise self._refusal(answer)
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise RegistryUnavailable(
                self.url,
                "answers something else than a schema registry does",
                hint="SCHEMA_REGISTRY_URL must end where the Confluent API begins, "
                "such as /apis/ccompat/v7",
            )
        return body

    def _refusal(self, answer: httpx.Response) -> RegistryUnavailable:
        hint = ""
        if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            hint = "put user:password@ into SCHEMA_REGISTRY_URL, or ask for the right"
        return RegistryUnavailable(self.url, _words(answer), hint=hint)

    @staticmethod
    def _code(answer: httpx.Response) -> int | None:
        try:
            body = answer.json()
        except ValueError:
            return None
        return body.get("error_code") if isinstance(body, dict) else None


def _words(answer: httpx.Response) -> str:
    """Return what an answer says, in a line."""
    try:
        message = answer.json().get("message", "")
    except (ValueError, AttributeError):
        message = answer.text.strip().partition("\n")[0][:200]
    path = answer.request.url.path
    return f"{answer.request.method} {path}: {answer.status_code} {message}".rstrip()

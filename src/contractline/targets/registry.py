"""Schema Registry's Confluent API, as Confluent's own and Apicurio (/apis/ccompat/v7) speak it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

import httpx

from contractline.avro.schema import Schema, SchemaInvalid
from contractline.contracts.model import Subject
from contractline.settings import Endpoints
from contractline.targets.rest import Answer, Rest

_NOT_FOUND = 404
_INCOMPATIBLE = 409
_NO_SUBJECT = 40401
_READ_ONLY = frozenset({42205, 42207})


@dataclass(frozen=True, slots=True)
class Registered:
    """A version that the registry holds.

    Attributes:
        number: the registry's own count of the subject's versions.
        id: what messages carry.
        schema: None where it is no Avro schema.
    """

    number: int
    id: int
    schema: Schema | None


class Registry:
    """The registry's state, read and changed one request at a time."""

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._rest = Rest(
            "Schema Registry", url, setting="SCHEMA_REGISTRY_URL", transport=transport
        )

    @classmethod
    def of(cls, endpoints: Endpoints) -> Registry:
        """Return the registry that the settings name.

        Raises:
            SettingInvalid: nothing says where it is.
        """
        return cls(endpoints.need("schema_registry_url"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rest.__exit__()

    def versions(self, subject: Subject) -> tuple[Registered, ...]:
        """Return the versions of a subject in the registry's order; none where it has none."""
        path = f"/subjects/{_name(subject)}/versions"
        answer = self._rest.call("GET", path)
        if answer.status == _NOT_FOUND and answer.code == _NO_SUBJECT:
            return ()
        numbers = self._agreed(answer, f"list the versions of {subject}").body
        return tuple(self._version(subject, number) for number in sorted(numbers))

    def level(self, subject: Subject) -> str | None:
        """Return the subject's own compatibility level; None where the registry's holds."""
        answer = self._rest.call("GET", f"/config/{_name(subject)}")
        if answer.status == _NOT_FOUND:
            return None
        body = self._agreed(answer, f"tell the compatibility level of {subject}").body
        level: str | None = body.get("compatibilityLevel")
        return level

    def holds(self, subject: Subject, schema: Schema) -> bool:
        """Tell whether the exact schema is registered, by the lookup that the converter uses."""
        path = f"/subjects/{_name(subject)}"
        answer = self._rest.call("POST", path, {"schema": schema.text})
        if answer.status == _NOT_FOUND:
            return False
        return self._agreed(answer, f"look up a schema of {subject}").is_ok

    def set_level(self, subject: Subject, level: str) -> None:
        """Give a subject a compatibility level of its own."""
        answer = self._rest.call("PUT", f"/config/{_name(subject)}", {"compatibility": level})
        self._agreed(answer, f"set the compatibility level of {subject}")

    def register(self, subject: Subject, schema: Schema) -> None:
        """Register a schema as the newest version, and read it back.

        Raises:
            ServiceUnavailable: the registry refused it, or keeps another schema than was sent.
        """
        path = f"/subjects/{_name(subject)}/versions"
        answer = self._rest.call("POST", path, {"schema": schema.text, "schemaType": "AVRO"})
        if answer.status == _INCOMPATIBLE:
            raise self._rest.failed(
                f"{schema.where} is not compatible with what {subject} holds: {answer.message}",
                hint="`contractline check` tries a change before it is released",
            )
        self._agreed(answer, f"register {schema.where} under {subject}")
        if all(version.schema != schema for version in self.versions(subject)):
            raise self._rest.failed(f"took {schema.where}, but reads back another schema")

    def remove(self, subject: Subject, number: int) -> None:
        """Delete a version: softly first, then for good where the registry can."""
        path = f"/subjects/{_name(subject)}/versions/{number}"
        self._agreed(self._rest.call("DELETE", path), f"delete version {number} of {subject}")
        gone = self._rest.call("DELETE", f"{path}?permanent=true")
        if gone.status not in {_NOT_FOUND, 405}:
            self._agreed(gone, f"delete version {number} of {subject} for good")

    def _version(self, subject: Subject, number: int) -> Registered:
        path = f"/subjects/{_name(subject)}/versions/{number}"
        body = self._agreed(self._rest.call("GET", path), f"read {subject} version {number}").body
        try:
            schema = Schema.parse(body["schema"], f"{subject} version {number}")
        except SchemaInvalid:
            schema = None
        return Registered(number, int(body["id"]), schema)

    def _agreed(self, answer: Answer, wish: str) -> Answer:
        if answer.is_ok:
            return answer
        if answer.code in _READ_ONLY:
            raise self._rest.failed(
                f"can't {wish}: the registry is read-only ({answer.message})",
                hint="its mode must be READWRITE: PUT /mode, or use the primary registry",
            )
        if answer.status == _NOT_FOUND and answer.code == _NOT_FOUND:
            raise self._rest.failed(
                f"can't {wish}: there is no Confluent API at this address",
                hint="check SCHEMA_REGISTRY_URL; Apicurio's is under /apis/ccompat/v7",
            )
        raise self._rest.failed(f"refused to {wish}: {answer.message} (code {answer.code})")


def _name(subject: Subject) -> str:
    return quote(subject, safe="")

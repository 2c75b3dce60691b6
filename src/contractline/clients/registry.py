"""Schema Registry's Confluent API, as Confluent's own and Apicurio (/apis/ccompat/v7) speak it.

Producers only ask: registering is the schemas target's work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self
from urllib.parse import quote

import httpx

from contractline.avro.schema import Schema, SchemaInvalid
from contractline.clients.errors import (
    NotRegistered,
    RegistryAway,
    RegistryUnavailable,
    SchemaUnknown,
)
from contractline.clients.rest import Rest, RestAnswer
from contractline.clients.wire import SchemaId
from contractline.contracts.model import Subject, Version
from contractline.settings import Endpoints

_NOT_FOUND = 404
_INCOMPATIBLE = 409
_NO_SUBJECT = 40401
_NO_SCHEMA = 40403
_UNDISCOVERED = "Failed to discover artifact type"
_COMPATIBLE, _NATIVE = "/apis/ccompat/v7", "/apis/registry/v3"
"""Where Apicurio has the Confluent API, and its own."""
_READ_ONLY = frozenset({42205, 42207})


@dataclass(frozen=True, slots=True)
class Registered:
    """A version that the registry holds.

    Attributes:
        number: the registry's own count of the subject's versions.
        id: what messages carry.
        schema: None where it is not an Avro schema.
    """

    number: int
    id: SchemaId
    schema: Schema | None


@dataclass(frozen=True, slots=True)
class Stored:
    """A version exactly as the registry keeps it, whatever kind of schema it is.

    Attributes:
        subject: whose version it is.
        number: the registry's own count of the subject's versions.
        id: what messages carry.
        kind: ``AVRO``, ``JSON`` or ``PROTOBUF``.
        text: the schema, as it was registered.
        references: the versions that it builds on, as the registry writes them.
    """

    subject: Subject
    number: int
    id: SchemaId
    kind: str
    text: str
    references: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Identified:
    """A released version of a contract, under the id that the registry gave it."""

    version: Version
    id: SchemaId


class Registry:
    """A schema registry, read and changed one request at a time; a context manager.

    Attributes:
        url: its address as it may be shown, without a password.
    """

    def __init__(self, url: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._rest = _RegistryRest(
            "Schema Registry", url, setting="SCHEMA_REGISTRY_URL", transport=transport
        )
        self.url = self._rest.where
        base = url.rstrip("/").removesuffix(_COMPATIBLE)
        self._native = (
            None
            if base == url.rstrip("/")
            else _RegistryRest(
                "Schema Registry",
                base + _NATIVE,
                setting="SCHEMA_REGISTRY_URL",
                transport=transport,
            )
        )
        self._schemas: dict[SchemaId, Schema] = {}

    @classmethod
    def of(cls, endpoints: Endpoints) -> Self:
        """Return the registry that the settings name.

        Raises:
            SettingInvalid: nothing says where it is.
        """
        return cls(endpoints.need("schema_registry_url"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the connections go."""
        self._rest.close()
        if self._native is not None:
            self._native.close()

    # What it knows. All raise RegistryAway where it does not answer, and RegistryUnavailable where
    # it refuses.

    def id_of(self, subject: Subject, schema: Schema) -> SchemaId | None:
        """Return the id of a schema under a subject; None when it is not registered there."""
        answer = self._rest.call("POST", f"/subjects/{_name(subject)}", {"schema": schema.text})
        if answer.status == _NOT_FOUND and answer.code in {_NO_SUBJECT, _NO_SCHEMA}:
            return None
        return SchemaId(int(self._told(answer, f"look up a schema of {subject}")["id"]))

    def holds(self, subject: Subject, schema: Schema) -> bool:
        """Tell whether the exact schema is registered, by the lookup that the converter uses."""
        return self.id_of(subject, schema) is not None

    def newest(self, subject: Subject, versions: Sequence[Version]) -> Identified:
        """Return the highest of the contract's versions that the registry holds.

        Raises:
            NotRegistered: it holds none of them.
        """
        for version in sorted(versions, key=lambda v: v.number, reverse=True):
            if (schema_id := self.id_of(subject, version.schema)) is not None:
                return Identified(version, schema_id)
        raise NotRegistered(subject, self.url)

    def schema(self, schema_id: SchemaId) -> Schema:
        """Return the schema of an id; each is asked for once.

        Raises:
            SchemaUnknown: the registry does not know the id.
        """
        if schema_id not in self._schemas:
            answer = self._rest.call("GET", f"/schemas/ids/{schema_id}")
            if answer.status == _NOT_FOUND:
                raise SchemaUnknown(self.url, f"knows no schema id {schema_id}: {answer.message}")
            text = self._told(answer, f"tell the schema of id {schema_id}")["schema"]
            self._schemas[schema_id] = Schema.parse(text, f"schema id {schema_id}")
        return self._schemas[schema_id]

    def versions(self, subject: Subject) -> tuple[Registered, ...]:
        """Return the versions of a subject in the registry's order; none where it has none."""
        return tuple(_registered(subject, *found) for found in self._bodies(subject))

    def subjects(self) -> tuple[Subject, ...]:
        """Return the names of all subjects, in order."""
        names = self._listed(self._rest.call("GET", "/subjects"), "list its subjects")
        return tuple(Subject(name) for name in sorted(names))

    def stored(self, subject: Subject) -> tuple[Stored, ...]:
        """Return the versions of a subject as they are kept; none where it has none."""
        return tuple(
            Stored(
                subject,
                number,
                SchemaId(int(body["id"])),
                body.get("schemaType") or "AVRO",
                body["schema"],
                tuple(body.get("references") or ()),
            )
            for number, body in self._bodies(subject)
        )

    def common_level(self) -> str:
        """Return the compatibility level of subjects that have none of their own."""
        told = self._told(self._rest.call("GET", "/config"), "tell its compatibility level")
        return str(told.get("compatibilityLevel", "NONE"))

    def level(self, subject: Subject) -> str | None:
        """Return the subject's own compatibility level; None where the registry's holds."""
        answer = self._rest.call("GET", f"/config/{_name(subject)}")
        if answer.status == _NOT_FOUND:
            return None
        told = self._told(answer, f"tell the compatibility level of {subject}")
        level: str | None = told.get("compatibilityLevel")
        return level

    # What it shall know

    def set_level(self, subject: Subject, level: str) -> None:
        """Give a subject a compatibility level of its own."""
        answer = self._rest.call("PUT", f"/config/{_name(subject)}", {"compatibility": level})
        self._agreed(answer, f"set the compatibility level of {subject}")

    def register(self, subject: Subject, schema: Schema) -> None:
        """Register a schema as the newest version, and read it back.

        Raises:
            RegistryUnavailable: it refused the schema, or keeps another one than was sent.
        """
        path = f"/subjects/{_name(subject)}/versions"
        answer = self._rest.call("POST", path, {"schema": schema.text, "schemaType": "AVRO"})
        if not answer.is_ok and _UNDISCOVERED in answer.message and self._native:
            answer = self._register_as_avro(self._native, subject, schema)
        if answer.status == _INCOMPATIBLE:
            raise self._rest.failed(
                f"{schema.where} is not compatible with what {subject} holds: {answer.message}",
                hint="`contractline check` tries a change before it is released",
            )
        self._agreed(answer, f"register {schema.where} under {subject}")
        if all(version.schema != schema for version in self.versions(subject)):
            raise self._rest.failed(f"took {schema.where}, but reads back another schema")

    def _register_as_avro(self, native: Rest, subject: Subject, schema: Schema) -> RestAnswer:
        """Register a schema by Apicurio's own API, which is told that it is Avro.

        Its Confluent API guesses, and takes a schema with the default '{}' for nothing that it knows.
        Looking the schema up and reading it work there as with any other.
        """
        content = {"content": {"content": schema.text, "contentType": "application/json"}}
        path = "/groups/default/artifacts"
        answer = native.call("POST", f"{path}/{_name(subject)}/versions", content)
        if answer.status != _NOT_FOUND:
            return answer
        first = {"artifactId": subject, "artifactType": "AVRO", "firstVersion": content}
        return native.call("POST", path, first)

    # What moves as a whole, ids included

    @cached_property
    def is_apicurio(self) -> bool:
        """Whether it is Apicurio, whose Confluent API takes no ids."""
        answer = self._native.call("GET", "/system/info") if self._native else None
        return bool(answer and answer.is_ok and "apicurio" in str(answer.body).lower())

    def export(self) -> bytes:
        """Return Apicurio's own export; nothing of another registry."""
        if self._native is None or not self.is_apicurio:
            return b""
        answer = self._native.bytes("GET", "/admin/export")
        content: bytes = self._agreed(answer, "export its content").body
        return content

    def import_export(self, content: bytes) -> None:
        """Give an empty Apicurio the content of another one, ids included."""
        if self._native is not None:
            answer = self._native.bytes("POST", "/admin/import", content, "application/zip")
            self._agreed(answer, "import an export")

    def import_versions(
        self, stored: Iterable[Stored], levels: Mapping[str, str], common_level: str
    ) -> None:
        """Give an empty registry of Confluent's kind versions under their ids.

        Raises:
            RegistryUnavailable: it has no mode IMPORT, or refused a version.
        """
        self._agreed(self._rest.call("PUT", "/mode", {"mode": "IMPORT"}), "take ids (mode IMPORT)")
        try:
            for one in stored:
                body: dict[str, Any] = {
                    "schema": one.text,
                    "schemaType": one.kind,
                    "references": [dict(reference) for reference in one.references],
                    "version": one.number,
                    "id": one.id,
                }
                path = f"/subjects/{_name(one.subject)}/versions"
                wish = f"take version {one.number} of {one.subject} under the id {one.id}"
                self._agreed(self._rest.call("POST", path, body), wish)
        finally:
            self._agreed(self._rest.call("PUT", "/mode", {"mode": "READWRITE"}), "go on as before")
        answer = self._rest.call("PUT", "/config", {"compatibility": common_level})
        self._agreed(answer, "set its compatibility level")
        for subject, level in levels.items():
            self.set_level(Subject(subject), level)

    def remove(self, subject: Subject, number: int) -> None:
        """Delete a version: softly first, then for good where the registry can."""
        path = f"/subjects/{_name(subject)}/versions/{number}"
        self._agreed(self._rest.call("DELETE", path), f"delete version {number} of {subject}")
        gone = self._rest.call("DELETE", f"{path}?permanent=true")
        if gone.status not in {_NOT_FOUND, 405}:
            self._agreed(gone, f"delete version {number} of {subject} for good")

    def remove_subject(self, subject: Subject) -> None:
        """Delete a subject with all its versions and its level, for good where the registry can."""
        for path in (f"/config/{_name(subject)}", f"/subjects/{_name(subject)}"):
            answer = self._rest.call("DELETE", path)
            if answer.status != _NOT_FOUND:
                self._agreed(answer, f"delete the subject {subject}")
        gone = self._rest.call("DELETE", f"/subjects/{_name(subject)}?permanent=true")
        if gone.status not in {_NOT_FOUND, 405}:
            self._agreed(gone, f"delete the subject {subject} for good")

    def _bodies(self, subject: Subject) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the versions of a subject with their numbers, as the registry tells them."""
        answer = self._rest.call("GET", f"/subjects/{_name(subject)}/versions")
        if answer.status == _NOT_FOUND and answer.code == _NO_SUBJECT:
            return
        for number in sorted(self._listed(answer, f"list the versions of {subject}")):
            told = self._rest.call("GET", f"/subjects/{_name(subject)}/versions/{number}")
            body = self._told(told, f"read {subject} version {number}")
            if not (isinstance(body.get("schema"), str) and isinstance(body.get("id"), int)):
                raise self._no_registry()
            yield number, body

    def _told(self, answer: RestAnswer, wish: str) -> dict[str, Any]:
        """Return what an answer holds, where it is an object as the API's answers are."""
        body = self._agreed(answer, wish).body
        if not isinstance(body, dict):
            raise self._no_registry()
        return body

    def _listed(self, answer: RestAnswer, wish: str) -> list[Any]:
        """Return what an answer holds, where it is a list as the API's answers are."""
        body = self._agreed(answer, wish).body
        if not isinstance(body, list):
            raise self._no_registry()
        return body

    def _no_registry(self) -> RegistryUnavailable:
        return self._rest.failed(
            "answers something else than a schema registry does",
            hint="SCHEMA_REGISTRY_URL must end where the Confluent API begins, "
            "such as /apis/ccompat/v7",
        )

    def _agreed(self, answer: RestAnswer, wish: str) -> RestAnswer:
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


class _RegistryRest(Rest):
    """The registry's REST service, with errors of its own."""

    def failed(self, problem: str, *, hint: str = "") -> RegistryUnavailable:
        return RegistryUnavailable(self.where, problem, hint=hint)

    def away(self, problem: str) -> RegistryAway:
        return RegistryAway(self.where, problem)


def _registered(subject: Subject, number: int, body: Mapping[str, Any]) -> Registered:
    try:
        schema = Schema.parse(body["schema"], f"{subject} version {number}")
    except SchemaInvalid:
        schema = None
    return Registered(number, SchemaId(int(body["id"])), schema)


def _name(subject: Subject) -> str:
    return quote(subject, safe="")

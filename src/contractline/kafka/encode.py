"""Encoding the records of a stream with the newest version that the registry holds.

Following costs nothing per record: the encoder is an attribute, and :class:`Following` exchanges it
in the background. What a record lacks gets the Avro default of its version; what a newer, not yet
registered version would add is left out until it is registered.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from fastavro import parse_schema, schemaless_writer

from contractline.avro.schema import Schema
from contractline.contracts.draft import VERSIONS
from contractline.contracts.load import load_contract
from contractline.contracts.model import Contract, Subject, Version
from contractline.errors import ContractlineError
from contractline.kafka.checking import LooseField, Mistake, loose_fields, mistake
from contractline.kafka.registry import Registry
from contractline.kafka.wire import SchemaId, header

Record = Mapping[str, Any]
Encode = Callable[[Record], bytes]
Say = Callable[[str], None]

FOLLOW_SECONDS = 15.0
"""How often the registry is asked for a newer version."""


class RecordRefused(Exception):
    """When a record breaks the contract.

    Attributes:
        mistake: the place, the value and what is wrong.
    """

    def __init__(self, mistake: Mistake) -> None:
        self.mistake = mistake
        super().__init__(str(mistake))


def value_encoder(
    schema: Schema, schema_id: SchemaId, later: frozenset[str] = frozenset()
) -> Encode:
    """Return the function that frames a record as a schema says.

    Args:
        schema: a record schema.
        schema_id: its id, for the frame's header.
        later: fields of newer versions, which are left out.
    """
    return _encoder(schema, schema_id, later=later, allow_others=False)


def key_encoder(schema: Schema, schema_id: SchemaId) -> Encode:
    """Return the function that frames the key's fields of a record, whatever else it holds."""
    return _encoder(schema, schema_id, later=frozenset(), allow_others=True)


def _encoder(
    schema: Schema, schema_id: SchemaId, *, later: frozenset[str], allow_others: bool
) -> Encode:
    names: dict[str, Any] = {}
    parsed: Any = parse_schema(deepcopy(schema.definition), named_schemas=names)
    head = header(schema_id)
    fields = loose_fields(parsed)
    strict = not allow_others

    def encode(record: Record) -> bytes:
        out = BytesIO()
        out.write(head)
        try:
            if later:
                record = {name: value for name, value in record.items() if name not in later}
            schemaless_writer(out, parsed, record, strict_allow_default=strict)
        except (TypeError, ValueError, OverflowError, AttributeError) as problem:
            raise RecordRefused(find(record) or Mistake("$", record, str(problem))) from problem
        if not _fits(fields, record) and (found := find(record)):
            raise RecordRefused(found)
        return out.getvalue()

    def find(record: Record) -> Mistake | None:
        if allow_others and isinstance(record, Mapping):
            record = {f["name"]: record[f["name"]] for f in parsed["fields"] if f["name"] in record}
        return mistake(parsed, names, record)

    return encode


def _fits(fields: Sequence[LooseField] | None, record: Record) -> bool:
    """Whether a record that fastavro took needs no further look."""
    if fields is None:
        return False
    for name, types, default in fields:  # noqa: SIM110 - all() costs a generator a record
        if type(record.get(name, default)) not in types:
            return False
    return True


@dataclass(frozen=True, slots=True)
class Encoders:
    """How the records of a stream are written at a moment.

    Attributes:
        version: the number of the value's version.
        value: frames a record.
        key: frames the key of a record; None for a stream without keys.
    """

    version: int
    value: Encode
    key: Encode | None


class StreamEncoder:
    """Encodes the records of one stream.

    Attributes:
        contract: the stream's contract, as it was read last.
        current: the encoders of the newest registered version.
    """

    current: Encoders

    def __init__(self, contract: Contract, registry: Registry) -> None:
        """Ask the registry for the ids.

        Raises:
            NotRegistered: the registry holds no version of the contract.
            RegistryUnavailable: the registry did not answer, or refused.
        """
        self.contract = contract
        self._registry = registry
        self._files = frozenset[Path]()
        self._written: tuple[SchemaId, SchemaId | None, frozenset[str]] | None = None
        self.refresh()

    def refresh(self) -> bool:
        """Take the newest registered version; return whether it is another one than before.

        The contract's folder is read again, so that a version that was released and registered
        meanwhile is found without a restart. A folder that holds a mistake at the moment is left.

        Raises:
            NotRegistered: the registry holds no version of the contract.
            RegistryUnavailable: the registry did not answer, or refused.
        """
        self._read_again()
        subjects = dict(self.contract.subjects)
        value_subject = Subject(f"{self.contract.topic.name}-value")
        newest = self._registry.newest(value_subject, subjects.pop(value_subject))
        later = _fields_after(newest.version, self.contract.values)
        key = next((self._registry.newest(s, versions) for s, versions in subjects.items()), None)
        written = (newest.id, key.id if key else None, later)
        if written == self._written:
            return False
        before = self.current.version if self._written else None
        self._written = written
        self.current = Encoders(
            newest.version.number,
            value_encoder(newest.version.schema, newest.id, later),
            key_encoder(key.version.schema, key.id) if key else None,
        )
        return self.current.version != before

    def _read_again(self) -> None:
        """Read the contract when its released files are others: a released file never changes."""
        files = frozenset((self.contract.folder / VERSIONS).glob("*"))
        if files != self._files and (found := load_contract(self.contract.folder).contract):
            self.contract, self._files = found, files


def _fields_after(version: Version, versions: Sequence[Version]) -> frozenset[str]:
    """Return the names of fields that only newer versions hold."""
    newer = {f["name"] for v in versions if v.number > version.number for f in v.schema.fields}
    return frozenset(newer - {f["name"] for f in version.schema.fields})


class Following:
    """Keeps stream encoders at the newest registered version, in a thread of its own.

    A registry that is away changes nothing: the version in use stays, and the next look follows.
    """

    def __init__(
        self, encoders: Sequence[StreamEncoder], say: Say, *, every: float = FOLLOW_SECONDS
    ) -> None:
        self._encoders = tuple(encoders)
        self._say = say
        self._every = every
        self._said = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="schema-versions", daemon=True)

    def __enter__(self) -> Following:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._ended.wait(self._every):
            self.look()

    def look(self) -> None:
        """Ask once; what a registry that is away would have said is asked next time."""
        for encoder in self._encoders:
            self._look(encoder)

    def _look(self, encoder: StreamEncoder) -> None:
        before = encoder.current.version
        try:
            changed = encoder.refresh()
        except ContractlineError as problem:
            self._say_once(f"{encoder.contract.name} v{before} stays in use: {problem}")
            return
        self._said = ""
        if changed:
            name = encoder.contract.name
            self._say(f"{name} v{encoder.current.version} is registered: writing it from now on")

    def _say_once(self, words: str) -> None:
        if words != self._said:
            self._said = words
            self._say(words)

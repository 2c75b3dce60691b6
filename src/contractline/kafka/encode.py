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
from datetime import date
from io import BytesIO
from operator import itemgetter
from pathlib import Path
from typing import Any

from fastavro import parse_schema, schemaless_writer
from fastavro.write import LOGICAL_WRITERS

from contractline.avro.schema import Schema
from contractline.clients.registry import Registry
from contractline.clients.retry import SayOnce
from contractline.clients.wire import SchemaId, header
from contractline.contracts.draft import VERSIONS
from contractline.contracts.load import load_contract
from contractline.contracts.model import Contract, Subject, Version
from contractline.errors import ContractlineError
from contractline.kafka.validate import LooseField, Names, ValueMistake, loose_fields, mistake

Record = Mapping[str, Any]
Frame = tuple[bytes | None, bytes]
"""Key and value as they go to Kafka."""

Say = Callable[[str], None]

_DAYS_TO_1970 = date(1970, 1, 1).toordinal()


def _days(value: Any, schema: Any) -> Any:
    """Return a date as its days since 1970, and anything else as it is."""
    return value.toordinal() - _DAYS_TO_1970 if isinstance(value, date) else value


def _or_as_it_is(prepare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return a value that a logical type does not take as it is, which no branch of it takes."""

    def prepared(value: Any, schema: Any) -> Any:
        try:
            return prepare(value, schema)
        except ValueError:
            return value

    return prepared


# fastavro tries the branches of a union by preparing the value for each. Its own way with dates reads
# any text as a date, so that a text beside a date became one, or ended the record with an error; a
# decimal that one branch has no room for was never tried in the next.
LOGICAL_WRITERS["int-date"] = _days
for _kind in ("bytes-decimal", "fixed-decimal"):
    LOGICAL_WRITERS[_kind] = _or_as_it_is(LOGICAL_WRITERS[_kind])

FOLLOW_SECONDS = 15.0
"""How often the registry is asked for a newer version."""


class RecordRefused(Exception):
    """When a record breaks the contract.

    Attributes:
        mistake: the place, the value and what is wrong.
    """

    def __init__(self, mistake: ValueMistake) -> None:
        self.mistake = mistake
        super().__init__(str(mistake))


@dataclass(frozen=True, slots=True)
class RecordWriter:
    """A registered version, ready to write records.

    Attributes:
        parsed: the schema as fastavro wants it.
        names: its named types.
        head: what stands before every datum.
        loose: the fields whose values need a look.
        later: fields of newer versions, which are left out.
        is_key: whether it writes keys: their fields are taken from among others.
    """

    parsed: Any
    names: Names
    head: bytes
    loose: tuple[LooseField, ...]
    later: frozenset[str]
    is_key: bool

    @classmethod
    def of(
        cls,
        schema: Schema,
        schema_id: SchemaId,
        *,
        later: frozenset[str] = frozenset(),
        is_key: bool = False,
    ) -> RecordWriter:
        """Return the writer of a record schema under its id."""
        names: dict[str, Any] = {}
        parsed: Any = parse_schema(deepcopy(schema.definition), named_schemas=names)
        return cls(parsed, names, header(schema_id), loose_fields(parsed), later, is_key)

    def __call__(self, record: Record) -> bytes:
        """Return the frame of a record.

        Raises:
            RecordRefused: the record breaks the contract.
        """
        out = BytesIO()
        out.write(self.head)
        try:
            if self.later:
                record = {name: value for name, value in record.items() if name not in self.later}
            schemaless_writer(out, self.parsed, record, strict_allow_default=not self.is_key)
        except WRONG as problem:
            raise RecordRefused(
                self._mistake(record) or ValueMistake("$", record, str(problem))
            ) from problem
        if not self._fits(record) and (found := self._mistake(record)):
            raise RecordRefused(found)
        return out.getvalue()

    def _fits(self, record: Record) -> bool:
        return all(f.name not in record or type(record[f.name]) in f.types for f in self.loose)

    def _mistake(self, record: Record) -> ValueMistake | None:
        if self.is_key and isinstance(record, Mapping):
            fields = [field["name"] for field in self.parsed["fields"]]
            record = {name: record[name] for name in fields if name in record}
        return mistake(self.parsed, self.names, record)


WRONG = (TypeError, ValueError, OverflowError, AttributeError)
"""What fastavro raises at a value that its schema does not allow."""


@dataclass(frozen=True, slots=True)
class Encoders:
    """How the records of a stream are written at a moment.

    Attributes:
        version: the number of the value's version.
        value: writes values.
        key: writes keys; None for a stream without keys.
        quick: writes a record whose batch :meth:`fit`, with the least work that is right.
    """

    version: int
    value: RecordWriter
    key: RecordWriter | None
    quick: Callable[[Record], Frame]

    @classmethod
    def of(cls, version: int, value: RecordWriter, key: RecordWriter | None) -> Encoders:
        """Return the encoders of two writers."""
        return cls(version, value, key, _quick(value, key) if key else _keyless(value))

    def frame(self, record: Record) -> Frame:
        """Return key and value of a record.

        Raises:
            RecordRefused: the record breaks the contract.
        """
        return self.key(record) if self.key else None, self.value(record)

    def fit(self, records: Sequence[Record]) -> bool:
        """Whether no record of a batch holds what fastavro would let pass; false when in doubt.

        A batch is looked at field by field, which costs a tenth of looking record by record.
        """
        try:
            return all(
                types.issuperset(map(type, map(itemgetter(name), records)))
                for writer in (self.value, self.key)
                if writer
                for name, types in writer.loose
            )
        except (KeyError, TypeError):
            return False


def _quick(value: RecordWriter, key: RecordWriter) -> Callable[[Record], Frame]:
    """Return one function that does what two writers do, for records that fit."""
    if value.later:
        return lambda record: (key(record), value(record))
    value_head, value_schema, key_head, key_schema = value.head, value.parsed, key.head, key.parsed

    def frame(record: Record) -> Frame:
        out, name = BytesIO(), BytesIO()
        out.write(value_head)
        name.write(key_head)
        try:
            schemaless_writer(out, value_schema, record, strict_allow_default=True)
            schemaless_writer(name, key_schema, record)
        except WRONG:
            return key(record), value(record)
        return name.getvalue(), out.getvalue()

    return frame


def _keyless(value: RecordWriter) -> Callable[[Record], Frame]:
    return lambda record: (None, value(record))


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
        self.current = Encoders.of(
            newest.version.number,
            RecordWriter.of(newest.version.schema, newest.id, later=later),
            RecordWriter.of(key.version.schema, key.id, is_key=True) if key else None,
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
        self._say_once = SayOnce(say)
        self._every = every
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
        self._say_once.forget()
        if changed:
            name = encoder.contract.name
            self._say(f"{name} v{encoder.current.version} is registered: writing it from now on")

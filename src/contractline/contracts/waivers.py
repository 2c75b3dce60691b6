"""Waivers: what somebody agreed to, where a contract breaks a rule on purpose.

A file ``waivers/<RULE_ID>.yaml`` beside the contract holds one waiver, or a list of them. What is
wrong with the files comes back as mistakes; what waivers are for is left to the rules.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from contractline.avro.compatibility import Compatibility
from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.avro.paths import Steps
from contractline.contracts.yamlfile import YamlFile, YamlInvalid
from contractline.finding import TOP, Position

FOLDER = "waivers"
_AGREED_FOR = timedelta(days=90)

WHOLE = "$"
"""The path of a waiver for a file as a whole."""

VERSIONS_COMPATIBLE = "VERSIONS_COMPATIBLE"
"""The rule whose waivers name a level, since the registry holds it too."""

_NAMES = {
    "path": "the field, or the JSON path, that it is for",
    "reason": "why the rule is broken on purpose",
    "approver": "who agreed",
    "expires": "its last day, such as 2027-01-31",
    "migration": "what readers do; `topic: …` or `table: …` when the data moves to a new one,"
    " `level: …` when the registry takes the version at another level",
}
_TARGETS = ("topic", "table", "level")
_PROSE = ("path", "reason", "approver")
_WORDS_OF_A_REASON = 3
"""Fewer say nothing that a reviewer could judge: `legacy`, `see chat`."""


@dataclass(frozen=True, slots=True)
class Migration:
    """What readers of the data do.

    Attributes:
        words: in words; empty where a name says it.
        topic: the new topic that the data moves to; empty without one.
        table: the new table that the data moves to; empty without one.
        level: the compatibility level at which the registry takes the version; empty without one.
    """

    words: str = ""
    topic: str = ""
    table: str = ""
    level: str = ""

    def __str__(self) -> str:
        names = {"topic": self.topic, "table": self.table, "level": self.level}
        return self.words or ", ".join(f"{kind} {name}" for kind, name in names.items() if name)


@dataclass(frozen=True, slots=True)
class Waiver:
    """One agreed exception.

    Two waivers are equal when they agree to the same, wherever they are written.

    Attributes:
        rule: the rule that may be broken.
        path: the field or JSON path for which it may be.
        reason: why.
        approver: who agreed.
        expires: the last day on which it holds.
        migration: what readers of the data do.
        file: where it is written.
        position: where in it.
    """

    rule: str
    path: str
    reason: str
    approver: str
    expires: date
    migration: Migration
    file: Path = field(compare=False)
    position: Position = field(compare=False)


@dataclass(frozen=True, slots=True)
class WaiverMistake:
    """What is wrong with a file of waivers.

    Attributes:
        file: the file.
        message: what is wrong.
        hint: what to do about it.
        position: where in it; None for the file as a whole.
    """

    file: Path
    message: str
    hint: str
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Waivers:
    """The waivers of a contract.

    Attributes:
        entries: those that can be read.
        mistakes: what is wrong with the rest.
    """

    entries: tuple[Waiver, ...] = ()
    mistakes: tuple[WaiverMistake, ...] = ()


def agreed_level(waivers: Waivers, today: date) -> Compatibility | None:
    """Return the level at which the registry takes versions that waivers agree to; None without one."""
    levels = (
        waiver.migration.level
        for waiver in waivers.entries
        if waiver.rule == VERSIONS_COMPATIBLE and today <= waiver.expires
    )
    return next((Compatibility(level) for level in levels if level), None)


def agreed_text(path: str, reason: str, approver: str, migration: str, today: date) -> str:
    """Return the file of a waiver that a command writes; it lasts 90 days.

    Args:
        path: what of the contract it is about.
        reason: why the rule does not hold.
        approver: who agrees.
        migration: what becomes of those who read the stream.
        today: the day from which it holds.
    """
    waiver = {
        "path": path,
        "reason": reason,
        "approver": approver,
        "expires": (today + _AGREED_FOR).isoformat(),
        "migration": migration,
    }
    return yaml.safe_dump(waiver, sort_keys=False, allow_unicode=True, width=100)


def load_waivers(folder: Path) -> Waivers:
    """Read the waivers of a contract's folder."""
    place = folder / FOLDER
    if not place.is_dir():
        return Waivers()
    found = [
        one
        for file in sorted(place.iterdir())
        if not file.name.startswith(".")
        for one in _of_file(file)
    ]
    return Waivers(
        tuple(one for one in found if isinstance(one, Waiver)),
        tuple(one for one in found if isinstance(one, WaiverMistake)),
    )


def _of_file(file: Path) -> Iterator[Waiver | WaiverMistake]:
    if file.suffix != ".yaml":
        hint = "a waiver is called <RULE_ID>.yaml"
        yield WaiverMistake(file, f"{file.name} is read by nobody", hint)
        return
    try:
        document = YamlFile.parse(decoded(read_bytes(file)))
    except FileUnreadable as problem:
        yield WaiverMistake(file, f"{file.name} {problem}", _example(), problem.position)
        return
    except YamlInvalid as problem:
        words = f"not YAML: {problem.problem}"
        yield WaiverMistake(file, words, "mend the YAML", problem.position)
        return
    if isinstance(document.data, list):
        for position, entry in enumerate(document.data):
            yield from _WaiverReader(file, document, (position,)).waiver(entry)
    else:
        yield from _WaiverReader(file, document, ()).waiver(document.data)


@dataclass(frozen=True, slots=True)
class _WaiverReader:
    """The reading of one waiver: of a file, or of an item of its list."""

    file: Path
    document: YamlFile
    at: Steps

    def waiver(self, entry: Any) -> Iterator[Waiver | WaiverMistake]:
        if not isinstance(entry, Mapping):
            yield self._mistake("this is not a waiver", _example())
            return
        mistakes = [*self._names(entry), *self._values(entry)]
        yield from mistakes
        if not mistakes:
            yield Waiver(
                rule=self.file.stem,
                **{name: entry[name].strip() for name in _PROSE},
                expires=_day(entry["expires"]) or date.min,
                migration=_migration(entry["migration"]) or Migration(),
                file=self.file,
                position=self.document.position(self.at) or TOP,
            )

    def _names(self, entry: Mapping[Any, Any]) -> Iterator[WaiverMistake]:
        for name, meaning in _NAMES.items():
            value = entry.get(name)
            if value is None or (isinstance(value, str) and not value.strip()):
                yield self._mistake(f"`{name}` is missing", f"say {meaning}")
        for name in entry:
            if name not in _NAMES:
                near = difflib.get_close_matches(str(name), _NAMES, 1)
                hint = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(_NAMES)}"
                yield self._mistake(f"`{name}` is not part of a waiver", hint, str(name))

    def _values(self, entry: Mapping[Any, Any]) -> Iterator[WaiverMistake]:
        for name in _PROSE:
            value = entry.get(name)
            if value is not None and not isinstance(value, str):
                yield self._mistake(f"`{name}` is not a text", f"say {_NAMES[name]}", name)
        reason, expires, migration = map(entry.get, ("reason", "expires", "migration"))
        if isinstance(reason, str) and 0 < len(reason.split()) < _WORDS_OF_A_REASON:
            words = f"`{reason.strip()}` does not say why the rule is broken on purpose"
            yield self._mistake(words, "say it in a sentence", "reason")
        if expires is not None and _day(expires) is None:
            words = f"`{expires}` is not a day"
            yield self._mistake(words, "write it as 2027-01-31", "expires")
        if migration is not None and _migration(migration) is None:
            hint = (
                "write a sentence, or `topic: …`, or `table: database.table`, or `level: ` and one of"
                f" {', '.join(Compatibility)}"
            )
            yield self._mistake("this is not a migration", hint, "migration")

    def _mistake(self, message: str, hint: str, *inner: str) -> WaiverMistake:
        return WaiverMistake(self.file, message, hint, self.document.position((*self.at, *inner)))


def _day(value: Any) -> date | None:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _migration(value: Any) -> Migration | None:
    if isinstance(value, str):
        return Migration(words=" ".join(value.split()))
    if not isinstance(value, Mapping) or not value or set(value) - set(_TARGETS):
        return None
    names = {kind: value.get(kind, "") for kind in _TARGETS}
    if not all(isinstance(name, str) for name in names.values()) or not any(names.values()):
        return None
    if names["level"] and names["level"] not in list(Compatibility):
        return None
    return Migration(**names)


def _example() -> str:
    return f"a waiver says {', '.join(_NAMES)}"

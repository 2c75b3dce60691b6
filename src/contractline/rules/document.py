"""Rules about what the ODCS file says of a stream."""

from __future__ import annotations

import re
from collections.abc import Iterator

from contractline.avro.paths import Steps
from contractline.contracts.draft import Draft
from contractline.contracts.load import SYSTEM
from contractline.contracts.model import PostgresSource
from contractline.contracts.release import least_version, said_version
from contractline.contracts.sla import owner_of
from contractline.rules.rule import Violation

_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PERSONAL = re.compile(
    r"\b(address|birth ?(date|day)?|e ?mail|(first|full|last|user) ?name|iban|login|mobile"
    r"|passport|(tele)?phone|salary|ssn|street|surname)\b"
)
"""What speaks of a person in the words of a field's name."""


def folder_name_is_id(draft: Draft) -> Iterator[Violation]:
    """A contract's folder is called like its id: lower-case letters, digits and underscores.

    Why: one name stands for the stream in commands, consumer groups, files and reports.

    Bad: ``id: commits-v2`` in contracts/commits. Good: ``id: commits`` in contracts/commits.
    """
    if not _NAME.match(draft.name) or draft.name == SYSTEM:
        words = f"the folder's name `{draft.name}` is not a name of a stream"
        yield Violation(words, "lower-case letters, digits and underscores, a letter first")
    elif draft.odcs.id and draft.odcs.id != draft.name:
        words = f"the id is `{draft.odcs.id}` and the folder is called `{draft.name}`"
        yield Violation(words, "rename one of the two", ("id",), old=draft.name, new=draft.odcs.id)


def contract_has_owner(draft: Draft) -> Iterator[Violation]:
    """Somebody answers for the stream: a team member with the role owner.

    Why: whoever meets a wrong row, or wants to change a field, needs somebody to ask.

    Bad::

        team:
          name: data-platform

    Good::

        team:
          name: data-platform
          members:
            - username: data-platform
              role: owner
    """
    if owner_of(draft.odcs) is None:
        hint = "add a member with `role: owner` and a `username` under team.members"
        yield Violation("nobody is named as the owner", hint, ("team", "members"))


def contract_has_purpose(draft: Draft) -> Iterator[Violation]:
    """The document says what the stream is for, in description.purpose.

    Why: it is the first thing that a reader of the data asks.

    Bad::

        name: Commits

    Good::

        name: Commits
        description:
          purpose: Every commit of the watched repositories, once.
    """
    description = draft.odcs.description
    if not description or not (description.purpose or "").strip():
        hint = "say in a sentence what the stream is for under description.purpose"
        yield Violation("it does not say what it is for", hint, ("description", "purpose"))


def schema_object_single(draft: Draft) -> Iterator[Violation]:
    """The document's schema holds one object, called by its topic or PostgreSQL table.

    The name meant is its ``physicalName``.

    Why: one contract is one stream. Tools that read ODCS find the data by that name.

    Bad: ``physicalName: commits`` for the topic commits_topic.
    Good: ``physicalName: commits_topic``.
    """
    objects = draft.odcs.schema_ or []
    if len(objects) != 1:
        words = f"the schema holds {len(objects)} objects instead of one"
        yield Violation(words, "one contract is one stream: describe its object", ("schema",))
        return
    source = draft.pipeline.source
    is_table = isinstance(source, PostgresSource)
    expected = source.table if isinstance(source, PostgresSource) else draft.pipeline.topic.name
    name = objects[0].physicalName
    if name != expected:
        shown = f"`{name}`" if name else "missing"
        words = f"physicalName is {shown}; the {'table' if is_table else 'topic'} is `{expected}`"
        at: Steps = ("schema", 0, "physicalName")
        yield Violation(words, f"write `physicalName: {expected}`", at, old=expected, new=name)


def property_is_field(draft: Draft) -> Iterator[Violation]:
    """Each property of the document is a field of value.avsc, and stands there once.

    Why: a classification or description of a field that does not exist protects and explains
    nothing, and the field that was meant goes without.

    Bad: ``- name: author_mail`` with ``classification: pii`` beside a field ``author_email``.
    Good: ``- name: author_email``.
    """
    fields = {field["name"] for field in draft.value.fields}
    seen: set[str] = set()
    for at, name in _properties(draft):
        if name not in fields:
            words = f"the property `{name}` is not a field of value.avsc"
            yield Violation(words, "rename it as the field, or remove it", (*at, "name"))
        elif name in seen:
            yield Violation(f"the property `{name}` stands twice", "keep one of them", at)
        seen.add(name)


def personal_data_classified(draft: Draft) -> Iterator[Violation]:
    """A field whose name speaks of a person has a classification.

    Why: reports, samples and readers go by it. Who classifies decides; a name only reminds, so any
    classification will do, ``public`` as well.

    Bad: a field ``author_email`` of which the document says nothing.
    Good: ``- name: author_email`` with ``classification: pii``.
    """
    described = (p for one in draft.odcs.schema_ or [] for p in one.properties or [])
    classified = {one.name for one in described if one.classification}
    for position, field in enumerate(draft.value.fields):
        if field["name"] not in classified and _speaks_of_a_person(field["name"]):
            words = f"`{field['name']}` may be personal data and has no classification"
            hint = "name it under `properties` with `classification: pii`, or say that it is public"
            yield Violation(words, hint, ("fields", position), draft.file("value"))


def _speaks_of_a_person(name: str) -> bool:
    words = " ".join(_WORD.findall(name)).lower()
    return _PERSONAL.search(words) is not None


def contract_version_names_release(draft: Draft) -> Iterator[Violation]:
    """The document's version counts what the released value schemas ask of readers.

    Why: one number tells readers whether they must act. `contractline release` raises the first
    number when a field goes, is renamed, means something else or can't be read by readers of the
    version before, and the second for every other version, such as a field that is added. Raise
    either for changed promises, and the third for changed words.

    Bad: ``version: 1.0.0`` with value.v2.avsc released, which adds a field.
    Good: ``version: 1.1.0``.
    """
    newest, version = draft.newest_number("value"), draft.odcs.version or ""
    said = said_version(version)
    if said is None:
        words = f"the version `{version}` is not <major>.<minor>.<patch>"
        yield Violation(words, "write three numbers with dots, such as 1.0.0", ("version",))
    elif newest and said < (newest, 0):
        least = least_version([one.schema for one in draft.versions("value")])
        if said < least:
            expected = "{}.{}.0".format(*least)
            words = (
                f"the version is {version}; what was released up to v{newest} makes it {expected}"
            )
            hint = f"write `version: {expected}`, or run `contractline release {draft.name}`"
            yield Violation(words, hint, ("version",), old=expected, new=version)


def _properties(draft: Draft) -> Iterator[tuple[Steps, str]]:
    for number, one in enumerate(draft.odcs.schema_ or []):
        for position, item in enumerate(one.properties or []):
            if item.name:
                yield ("schema", number, "properties", position), item.name

"""Rules about what ClickHouse makes of records: changes that Avro allows and ClickHouse does not.

A registry lets all of them pass. What the engine would do is known from a model of it
(:mod:`contractline.clickhouse.avroconfluent`), which is tried on the real one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from contractline.clickhouse.avroconfluent import Reason
from contractline.clickhouse.hazards import Hazard, hazards_at_base, hazards_of
from contractline.clickhouse.unmappable import Unmappable
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft
from contractline.rules.rule import Violation


def sink_default_kept(draft: Draft) -> Iterator[Violation]:
    """A record that lacks a field is read as Avro's default of it.

    Why: ClickHouse fills a missing field with the default of the column's type: 0, an empty text,
    1970. The generated columns take NULL in the queue and the view puts Avro's default there, which
    a type of your own must allow too. A list or a map can't be NULL in ClickHouse, and a field that
    may be null holds NULL for a null: their default is the empty one, or null.

    Bad: ``types: {state: String}`` on a string with the default "open"; a map with a default that is
    not empty. Good: ``types: {state: Nullable(String)}``, or no type; an empty map.
    """
    reasons = (Reason.DEFAULT, Unmappable.DEFAULT_HIDDEN)
    return _violations(draft, "keep the default that the earlier version has", *reasons)


def sink_null_kept(draft: Draft) -> Iterator[Violation]:
    """A null is read as NULL.

    Why: ClickHouse reads a null into a column that takes none as the default of its type, and
    nobody can tell it from a value that was written.

    Bad: ``types: {additions: Int64}`` on ``["null", "long"]``.
    Good: ``types: {additions: Nullable(Int64)}``.
    """
    hint = "write `Nullable(…)` around the column's type; a list inside a list is empty, never null"
    return _violations(draft, hint, Reason.NULL)


def sink_enum_is_text(draft: Draft) -> Iterator[Violation]:
    """A column of an enum holds every symbol of every version.

    Why: a ClickHouse Enum that lacks one symbol reads no message of the version that has it, whatever
    the messages hold, and an enum's default does not help.

    Bad: ``types: {state: "Enum8('OPEN' = 1)"}`` once the schema adds CLOSED.
    Good: no type of your own: the column is LowCardinality(String), which is as small.
    """
    hint = "remove the type: LowCardinality(String) is as small and takes any symbol"
    return _violations(draft, hint, Reason.ENUM)


def sink_number_fits(draft: Draft) -> Iterator[Violation]:
    """A number is read as the number that it is.

    Why: ClickHouse copies the low bits of a number that is too large, drops the sign where the
    column has none, and cuts a fraction off; it says nothing. int → long is allowed in Avro, so a
    column of 32 bits is wrong one day.

    Bad: ``types: {additions: Int32}`` on a long. Good: no type of your own: Int64 or Float64.
    """
    hint = "remove the type: Int64 holds every int and long, Float64 every float and double"
    return _violations(draft, hint, Reason.NUMBER)


def sink_time_scale_kept(draft: Draft) -> Iterator[Violation]:
    """A time is read in the unit in which it was written.

    Why: ClickHouse copies the number and not the time: milliseconds in a column of microseconds are
    a day in January 1970.

    Bad: timestamp-millis → timestamp-micros; ``types: {at: "DateTime64(6, 'UTC')"}`` on
    timestamp-millis. Good: another field beside the old one; DateTime64(3, 'UTC').
    """
    hint = "keep the unit: millis in DateTime64(3), micros in 6, nanos in 9; or add another field"
    return _violations(draft, hint, Reason.TIME, Unmappable.TIME_CHANGED)


def sink_date_wide(draft: Draft) -> Iterator[Violation]:
    """A date is read into Date32.

    Why: Date counts 65,536 days from 1970 on: 1969-07-20 becomes 2148-12-24.

    Bad: ``types: {born: Date}``. Good: ``types: {born: Date32}``, or none.
    """
    return _violations(draft, "write Date32, which reaches from 1900 to 2299", Reason.DATE)


def sink_decimal_same(draft: Draft) -> Iterator[Violation]:
    """A decimal is read into a Decimal of exactly its precision and scale.

    Why: ClickHouse refuses every message whose decimal has another precision or scale, a wider
    column too; and a fixed that is larger than the Decimal.

    Bad: decimal(9, 2) → decimal(12, 2); ``types: {price: "Decimal(18, 2)"}`` on decimal(9, 2).
    Good: another field with the new precision, beside the old one.
    """
    hint = "keep precision and scale, and add another field beside it"
    return _violations(draft, hint, Reason.DECIMAL, Unmappable.DECIMAL_CHANGED)


def sink_field_not_renamed(draft: Draft) -> Iterator[Violation]:
    """A field is not renamed by an alias.

    Why: ClickHouse finds a value by the name that its writer gave it and knows no aliases: the new
    column shows the default for every record of the older versions.

    Bad: ``{"name": "login", "aliases": ["user"]}`` in place of ``user``.
    Good: ``login`` beside ``user``; fill both, and read whichever is there.
    """
    hint = "keep the old field and add the new one beside it, without the alias"
    return _violations(draft, hint, Reason.RENAME)


def sink_record_flat(draft: Draft) -> Iterator[Violation]:
    """A record inside the record is read field by field.

    Why: a Tuple must have exactly the fields of the writer's record, so that a new one breaks every
    message; the generated columns are one for each field and take new ones. The records of a list
    or a map can only be such Tuples, so that these keep the fields that they have, and none may be
    null. A record inside itself has no end.

    Bad: ``types: {home: "Tuple(city String)"}`` where home has a street as well; another field for the
    records of a list. Good: no type of your own: columns home_city and so on; a list beside it.
    """
    kinds = (Reason.RECORD, Unmappable.RECORD_IN_LIST, Unmappable.RECURSION)
    return _violations(draft, "remove the type: each field gets a column of its own", *kinds)


def sink_field_stays(draft: Draft) -> Iterator[Violation]:
    """A record inside the record neither becomes nullable nor stops being so, and keeps its name.

    Why: ClickHouse finds the fields of a nullable record under the record's own name
    (home.Place.city) and those of any other without it; one column can't do both.

    Bad: ``"home": Place`` → ``["null", Place]``. Good: another field with the nullable record.
    """
    return _violations(draft, "", Unmappable.FIELD_MOVED)


def sink_union_single(draft: Draft) -> Iterator[Violation]:
    """A union holds one type besides null.

    Why: ClickHouse reads a union of several only into a Variant of exactly these types; one more
    type breaks every message.

    Bad: ``["null", "long", "string"]``. Good: a nullable field for each type.
    """
    hint = "use one type, or a field for each"
    return _violations(draft, hint, Reason.UNION, Unmappable.UNION)


def sink_type_readable(draft: Draft) -> Iterator[Violation]:
    """A field has a type that its column can read, in every version.

    Why: ClickHouse reads no message of a version whose type does not fit the column, such as a
    boolean in a String, and pads or cuts others. It reads no type at all that lies in more than 497
    others (its ``max_ast_depth`` of 1,000), no decimal of more than 76 digits, no schema of more than
    256 levels of JSON, and none in which the default of a record leaves out one of its fields.

    Bad: long → string; ``types: {flag: String}`` on a boolean; null as the only type.
    Good: another field with the new type, beside the old one.
    """
    unread = (Unmappable.NOTHING, Unmappable.DEPTH, Unmappable.DIGITS)
    kinds = (Reason.TYPE, Unmappable.TYPE_CHANGED, *unread)
    hint = "remove the type, or keep the field's type and add another field beside it"
    return _violations(draft, hint, *kinds)


def sink_column_single(draft: Draft) -> Iterator[Violation]:
    """No two fields give the same column.

    Why: the column of a field inside a record joins the names with ``_``.

    Bad: ``home_city`` beside ``home`` with ``city``. Good: another name for the newer one.
    """
    return _violations(draft, "", Unmappable.NAME_TAKEN)


def sink_tables_read_on(change: StreamChange) -> Iterator[Violation]:
    """The tables as they are read the records of the new version.

    Why: a schema that no table can hold gets none, so the old ones stay. They go on reading the
    topic, and what they make of the new records is said here.

    Bad: long → double: 0.1 is read as 0. Good: another field beside the old one.
    """
    for hazard in hazards_at_base(change):
        message = f"the tables as they are: {hazard.message}"
        yield replace(_violation(hazard, ""), message=message, hint="take the change back")


def _violations(draft: Draft, hint: str, *reasons: Reason | Unmappable) -> Iterator[Violation]:
    return (_violation(one, hint) for one in hazards_of(draft) if one.reason in reasons)


def _violation(hazard: Hazard, hint: str) -> Violation:
    return Violation(
        hazard.message,
        hazard.hint or hint,
        hazard.steps,
        hazard.file,
        field=".".join(hazard.field),
        effect=hazard.effect,
    )

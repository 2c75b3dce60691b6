"""Which rules hold, and how much each weighs. Ids are stable: never reused, never renamed."""

from __future__ import annotations

from contractline.finding import RuleId, Severity
from contractline.rules import (
    captured,
    cdc,
    clickhouse_reads,
    document,
    fields,
    generated,
    quality,
    reading,
    sink,
    topic,
    unique,
    versions,
    waivers,
)
from contractline.rules.changes import released, sla, source, tables
from contractline.rules.changes import topic as topic_changes
from contractline.rules.rule import (
    Handler,
    HandlerOfAll,
    HandlerOfChange,
    HandlerOfWaiver,
    Rule,
    RuleOfAll,
    RuleOfChange,
    RuleOfContract,
    RuleOfWaiver,
)


def _rule(rule: str, handler: Handler, severity: Severity = Severity.ERROR) -> RuleOfContract:
    return RuleOfContract(RuleId(rule), severity, handler)


def _of_all(rule: str, handler: HandlerOfAll, severity: Severity = Severity.ERROR) -> RuleOfAll:
    return RuleOfAll(RuleId(rule), severity, handler)


def _of_change(
    rule: str, handler: HandlerOfChange, severity: Severity = Severity.ERROR
) -> RuleOfChange:
    return RuleOfChange(RuleId(rule), severity, handler)


def _of_waiver(
    rule: str, handler: HandlerOfWaiver, severity: Severity = Severity.ERROR
) -> RuleOfWaiver:
    return RuleOfWaiver(RuleId(rule), severity, handler)


RULES_OF_CONTRACT: tuple[RuleOfContract, ...] = (
    _rule("CONTRACT_READABLE", reading.contract_readable),
    _rule("CONTRACT_VALID", reading.contract_valid),
    _rule("CUSTOM_PROPERTY_KNOWN", reading.custom_property_known, Severity.WARNING),
    _rule("LATENCY_VALID", reading.latency_valid),
    _rule("SCHEMA_VALID", reading.schema_valid),
    _rule("FOLDER_NAME_IS_ID", document.folder_name_is_id),
    _rule("CONTRACT_HAS_OWNER", document.contract_has_owner),
    _rule("CONTRACT_HAS_PURPOSE", document.contract_has_purpose),
    _rule("CONTRACT_VERSION_NAMES_RELEASE", document.contract_version_names_release),
    _rule("SCHEMA_OBJECT_SINGLE", document.schema_object_single),
    _rule("PROPERTY_IS_FIELD", document.property_is_field),
    _rule("PERSONAL_DATA_CLASSIFIED", document.personal_data_classified, Severity.WARNING),
    _rule("QUALITY_RULE_MEASURABLE", quality.quality_rule_measurable),
    _rule("QUALITY_RULE_NAMES_FIELD", quality.quality_rule_names_field),
    _rule("QUALITY_QUERY_PARSES", quality.quality_query_parses),
    _rule("COMPACTION_NEEDS_KEY", topic.compaction_needs_key),
    _rule("CLEANUP_SETTING_USED", topic.cleanup_setting_used),
    _rule("SCHEMA_IS_RECORD", topic.schema_is_record),
    _rule("KEY_FIELDS_IN_VALUE", topic.key_fields_in_value),
    _rule("FIELD_HAS_DOC", fields.field_has_doc),
    _rule("FIELD_NAME_FREE", fields.field_name_free),
    _rule("LOGICAL_TYPE_KNOWN", fields.logical_type_known),
    _rule("LOGICAL_TYPE_IN_TYPE", fields.logical_type_in_type, Severity.WARNING),
    _rule("RECORD_HAS_FIELDS", fields.record_has_fields),
    _rule("UNION_HAS_TYPES", fields.union_has_types),
    _rule("CDC_SCHEMA_BARE", cdc.cdc_schema_bare),
    _rule("CDC_NULLABLE_HAS_DEFAULT", cdc.cdc_nullable_has_default),
    _rule("CDC_METADATA_LAST", cdc.cdc_metadata_last),
    _rule("CDC_COLUMN_APPENDED", cdc.cdc_column_appended),
    _rule("CDC_TOPIC_NAMES_TABLE", cdc.cdc_topic_names_table),
    _rule("CDC_FIELD_DESCRIBED", cdc.cdc_field_described),
    _rule("CDC_PROPERTY_FITS_FIELD", cdc.cdc_property_fits_field),
    _rule("CDC_CAPTURE_MATCHES", captured.cdc_capture_matches),
    _rule("CDC_NULL_KEPT", captured.cdc_null_kept, Severity.WARNING),
    _rule("SYSTEM_HAS_NO_SINK", sink.system_has_no_sink),
    _rule("HISTORY_NEEDS_CDC", sink.history_needs_cdc),
    _rule("ROW_VERSION_NEEDS_PRODUCER", sink.row_version_needs_producer),
    _rule("SINK_FIELD_EXISTS", sink.sink_field_exists),
    _rule("SINK_TYPE_SPELLED", sink.sink_type_spelled),
    _rule("ORDER_BY_IDENTIFIES_ROW", sink.order_by_identifies_row),
    _rule("ORDER_BY_NEVER_NULL", sink.order_by_never_null),
    _rule("RANK_IS_NULLABLE", sink.rank_is_nullable),
    _rule("LATEST_IS_TIMESTAMP", sink.latest_is_timestamp),
    _rule("DERIVED_COLUMN_FREE", sink.derived_column_free),
    _rule("SINK_DEFAULT_KEPT", clickhouse_reads.sink_default_kept),
    _rule("SINK_NULL_KEPT", clickhouse_reads.sink_null_kept),
    _rule("SINK_ENUM_IS_TEXT", clickhouse_reads.sink_enum_is_text),
    _rule("SINK_NUMBER_FITS", clickhouse_reads.sink_number_fits),
    _rule("SINK_TIME_SCALE_KEPT", clickhouse_reads.sink_time_scale_kept),
    _rule("SINK_DATE_WIDE", clickhouse_reads.sink_date_wide),
    _rule("SINK_DECIMAL_SAME", clickhouse_reads.sink_decimal_same),
    _rule("SINK_FIELD_NOT_RENAMED", clickhouse_reads.sink_field_not_renamed),
    _rule("SINK_RECORD_FLAT", clickhouse_reads.sink_record_flat),
    _rule("SINK_FIELD_STAYS", clickhouse_reads.sink_field_stays),
    _rule("SINK_UNION_SINGLE", clickhouse_reads.sink_union_single),
    _rule("SINK_TYPE_READABLE", clickhouse_reads.sink_type_readable),
    _rule("SINK_COLUMN_SINGLE", clickhouse_reads.sink_column_single),
    _rule("SCHEMA_FILE_NAMED", versions.schema_file_named),
    _rule("VERSIONS_CONTIGUOUS", versions.versions_contiguous),
    _rule("VERSIONS_DISTINCT", versions.versions_distinct),
    _rule("RELEASED_VERSION_UNCHANGED", versions.released_version_unchanged),
    _rule("RELEASED_VERSION_RECORDED", versions.released_version_recorded),
    _rule("WORKING_SCHEMA_RELEASED", versions.working_schema_released),
    _rule("KEY_NEVER_CHANGES", versions.key_never_changes),
    _rule("VERSIONS_COMPATIBLE", versions.versions_compatible),
    _rule("LOGICAL_TYPES_KEPT", versions.logical_types_kept),
    _rule("WAIVER_VALID", waivers.waiver_valid),
)
"""The rules for each contract."""

RULES_OF_ALL: tuple[RuleOfAll, ...] = (
    _of_all("TOPIC_UNIQUE", unique.topic_unique),
    _of_all("CONTRACT_ID_UNIQUE", unique.contract_id_unique),
    _of_all("SOURCE_TABLE_UNIQUE", unique.source_table_unique),
    _of_all("SINK_TABLE_UNIQUE", unique.sink_table_unique),
    _of_all("CONNECTOR_PREFIX_SINGLE", cdc.connector_prefix_single),
    _of_all("CDC_CAPTURE_CURRENT", captured.cdc_capture_current),
)
"""The rules for the contracts of a checkout together."""

RULES_OF_CHANGE: tuple[RuleOfChange, ...] = (
    _of_change("CONTRACT_KEPT", released.contract_kept),
    _of_change("RELEASED_VERSION_KEPT", released.released_version_kept),
    _of_change("DEFAULT_KEPT", released.default_kept, Severity.WARNING),
    _of_change("KEY_KEPT", released.key_kept),
    _of_change("TOPIC_KEPT", topic_changes.topic_kept),
    _of_change("PARTITIONS_ONLY_GROW", topic_changes.partitions_only_grow),
    _of_change("KEYS_KEEP_PARTITION", topic_changes.keys_keep_partition, Severity.WARNING),
    _of_change("REPLICATION_KEPT", topic_changes.replication_kept, Severity.WARNING),
    _of_change("CLEANUP_KEPT", topic_changes.cleanup_kept),
    _of_change("RETENTION_KEPT", topic_changes.retention_kept),
    _of_change("COMPATIBILITY_KEPT", sla.compatibility_kept),
    _of_change("SOURCE_KEPT", source.source_kept),
    _of_change("EPOCH_ONLY_GROWS", source.epoch_only_grows),
    _of_change("UNCONTRACTED_COLUMNS_KEPT", source.uncontracted_columns_kept, Severity.WARNING),
    _of_change("TARGET_TABLE_KEPT", tables.target_table_kept),
    _of_change("ORDER_BY_KEPT", tables.order_by_kept),
    _of_change("ROW_VERSION_KEPT", tables.row_version_kept),
    _of_change("DERIVED_COLUMN_KEPT", tables.derived_column_kept),
    _of_change("COLUMN_TYPE_KEPT", tables.column_type_kept, Severity.WARNING),
    _of_change("LATENCY_KEPT", sla.latency_kept, Severity.WARNING),
    _of_change("PERSONAL_DATA_KEPT", sla.personal_data_kept),
    _of_change("OWNER_KEPT", sla.owner_kept, Severity.WARNING),
    _of_change("SINK_TABLES_READ_ON", clickhouse_reads.sink_tables_read_on),
)
"""The rules for how a contract may change."""

RULES_OF_WAIVER: tuple[RuleOfWaiver, ...] = (
    _of_waiver("WAIVER_EXPIRED", waivers.waiver_expired),
    _of_waiver("WAIVER_USED", waivers.waiver_used),
    _of_waiver("WAIVER_REMOVED_ONCE_MERGED", waivers.waiver_removed_once_merged, Severity.WARNING),
    _of_waiver("WAIVER_OF_CORRUPTION_MOVES", waivers.waiver_of_corruption_moves),
    _of_waiver("WAIVER_CAN_BE_APPLIED", waivers.waiver_can_be_applied),
)
"""The rules for each waiver and what it is for."""

TABLES_GENERATED = Rule(RuleId("TABLES_GENERATED"), Severity.ERROR, generated.tables_generated)
RULES_OF_CHECKOUT: tuple[Rule, ...] = (TABLES_GENERATED,)
"""The rules for a checkout that the gate tries, since they are about more than contracts."""

NEVER_WAIVED = frozenset(
    {
        RuleId("CONTRACT_READABLE"),
        RuleId("CONTRACT_VALID"),
        RuleId("LATENCY_VALID"),
        RuleId("SCHEMA_VALID"),
        RuleId("WAIVER_VALID"),
        *(rule.id for rule in RULES_OF_WAIVER),
    }
)
"""Rules without exceptions: about what can't be read, and about exceptions themselves."""

MENDED_BY_RELEASE = frozenset(
    {
        RuleId("CONTRACT_VERSION_NAMES_RELEASE"),
        RuleId("RELEASED_VERSION_RECORDED"),
        RuleId("WORKING_SCHEMA_RELEASED"),
    }
)
"""What a release sets right, so that it does not keep one from being made."""

MENDED_BY_COMMAND = MENDED_BY_RELEASE | {TABLES_GENERATED.id, RuleId("CDC_CAPTURE_CURRENT")}
"""What a command of ours sets right, which the finding names."""

"""How ClickHouse reaches Kafka and the registry, and queues that follow when either has moved.

A queue's addresses are part of its definition. A stack that starts on other ports would leave its
queues reading nothing, so they are made anew as they are, but for their addresses: what else a
contract says meanwhile is left to the target ``tables``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from contractline.clickhouse.ddl import INGESTION, KAFKA_BROKERS, QUEUE_SUFFIX, SCHEMA_REGISTRY_URL
from contractline.clickhouse.sql import literal
from contractline.clients.clickhouse import Warehouse
from contractline.settings import Endpoints, without_password

_SETTINGS = {
    "kafka_broker_list": KAFKA_BROKERS,
    "format_avro_schema_registry_url": SCHEMA_REGISTRY_URL,
}
"""The settings of a queue that hold addresses, and the placeholders that stand for them."""

_QUEUES = """
    SELECT name, create_table_query FROM system.tables
    WHERE database = {database:String} AND engine = 'Kafka' ORDER BY name"""


def addresses(endpoints: Endpoints) -> dict[str, str]:
    """Return what the placeholders of addresses stand for.

    Raises:
        SettingInvalid: nothing says where Kafka or the registry is.
    """
    return {
        KAFKA_BROKERS: endpoints.clickhouse_kafka_brokers
        or endpoints.need("kafka_bootstrap_servers"),
        SCHEMA_REGISTRY_URL: registry_url(endpoints),
    }


def registry_url(endpoints: Endpoints) -> str:
    """Return where ClickHouse finds the registry.

    Raises:
        SettingInvalid: nothing says where it is.
    """
    return endpoints.clickhouse_schema_registry_url or endpoints.need("schema_registry_url")


def follow(warehouse: Warehouse, endpoints: Endpoints) -> Iterator[str]:
    """Bring the queues that read from elsewhere to the addresses of the settings, and say which.

    The consumer group keeps the place in between.

    Raises:
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    values = addresses(endpoints)
    shown = {placeholder: without_password(value) for placeholder, value in values.items()}
    # As the engine shows them: a password that is another one can't be seen.
    seen = {p: value.replace(":***@", ":[HIDDEN]@") for p, value in shown.items()}
    for name, before in warehouse.rows(_QUEUES, {"database": INGESTION}):
        if _moved(before, seen) != before:
            sql = _moved(before, values)
            # Replaced in one step: what reads from it goes on, and a crash leaves one of the two.
            warehouse.run(sql.replace("CREATE TABLE", "CREATE OR REPLACE TABLE", 1))
            yield f"{name.removesuffix(QUEUE_SUFFIX)}: reads from {' and '.join(shown.values())} now"


def _moved(sql: str, values: dict[str, str]) -> str:
    """Return a queue's definition with the addresses of the settings."""
    for setting, placeholder in _SETTINGS.items():
        wanted = f"{setting} = {literal(values[placeholder])}"
        sql = re.sub(rf"\b{setting} = '(?:[^'\\]|\\.)*'", wanted.replace("\\", r"\\"), sql)
    return sql

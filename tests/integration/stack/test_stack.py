"""The whole stack: clients connect through what it exports, services can be stopped and killed."""

from __future__ import annotations

import httpx
import psycopg
from confluent_kafka.admin import AdminClient

from tests.fixtures.stack import RunningStack


def test_clients_connect_through_the_exports(stack: RunningStack):
    exports = stack.exports
    with psycopg.connect(exports["POSTGRES_DSN"]) as connection:
        assert connection.execute("select current_setting('wal_level')").fetchone() == ("logical",)
    kafka = AdminClient({"bootstrap.servers": exports["KAFKA_BOOTSTRAP_SERVERS"]})
    assert kafka.list_topics(timeout=10).brokers
    assert httpx.get(f"{exports['SCHEMA_REGISTRY_URL']}/subjects").json() == []
    plugins = httpx.get(f"{exports['CONNECT_URL']}/connector-plugins").json()
    assert "io.debezium.connector.postgresql.PostgresConnector" in {p["class"] for p in plugins}
    converters = httpx.get(
        f"{exports['CONNECT_URL']}/connector-plugins", params={"connectorsOnly": "false"}
    ).json()
    assert "io.confluent.connect.avro.AvroConverter" in {p["class"] for p in converters}

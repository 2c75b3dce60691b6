"""The configuration of the server, as ClickHouse's own XML: config.xml and users.xml."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

QUEUES = 16
"""Kafka tables that are read at the same time."""

PARTITIONS_SEEN_MS = 5_000
"""How soon new partitions of a topic are seen; a consumer's own default is 5 minutes."""

MEMBER_TIMEOUT_MS = 1_800_000
"""How long a static member may be without Kafka, the longest that Kafka takes by default. Its client
library ends a member that was away for longer, and the queue reads no more. A longer time costs
nothing, since a member that starts anew takes its place at once."""

STARTER = "default"
"""The account of the session that starts the server inside the library. It has no password, so it
may do nothing else, and from this machine only."""

# Caches grow with use; a server's defaults of several GiB are not for a laptop.
_SIZES = {
    "mark_cache_size": 64 << 20,
    "primary_index_cache_size": 64 << 20,
    "index_mark_cache_size": 16 << 20,
    "compiled_expression_cache_size": 16 << 20,
    # The library's own are for one query at a time.
    "background_pool_size": 4,
    "background_schedule_pool_size": 16,
    "background_message_broker_schedule_pool_size": QUEUES,
}

# What is wrong with a query is told to whoever asked it, and kept in system.query_log.
_SILENT = ("executeQuery", "DynamicQueryHandler")

_TABLES = "SHOW, SELECT, INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE, dictGet"
_ENGINES = (
    "Kafka",
    "Null",
    "MergeTree",
    "ReplacingMergeTree",
    "AggregatingMergeTree",
    "Memory",
    "View",
)
_READING = "SHOW, SELECT, dictGet"

READERS_SETTINGS = {
    # 2: reads only, but may choose settings, as clients do.
    "readonly": 2,
    # Rows that a newer version has replaced are never seen.
    "final": 1,
}

WRITER_SETTINGS = {
    # Views answer with the rights of their maker: who may ask a report sees what it shows and not
    # the tables below it.
    "default_normal_view_sql_security": "DEFINER",
}

# The server's own profile, which Kafka tables work under. A message whose schema can't be fetched is
# put aside at once, and `contractline watch` replays it: a retry would keep the messages behind it
# waiting, and a queue from being dropped. A registry that is slow, as on a busy laptop, is waited for.
QUEUE_SETTINGS = {
    "format_avro_schema_registry_max_retries": 0,
    "format_avro_schema_registry_connection_timeout": 10,
    "format_avro_schema_registry_send_timeout": 10,
    "format_avro_schema_registry_receive_timeout": 10,
}

_LOGGERS = (
    "  <logger><levels>"
    + "".join(f"<logger><name>{name}</name><level>none</level></logger>" for name in _SILENT)
    + "</levels></logger>\n"
)
_QUERY_LOG = (
    "  <query_log><database>system</database><table>query_log</table>"
    "<ttl>event_date + INTERVAL 3 DAY</ttl></query_log>\n"
)


_OF_STREAMS = ("github", "streams")
"""The databases of tables that streams fill: the repository's own, and `new stream`'s default."""


@dataclass(frozen=True, slots=True)
class ServerUser:
    """An account of the server.

    Attributes:
        name: its name.
        password: its password; empty for none.
        settings: the settings of its profile.
        grants: what it may do; None for everything.
    """

    name: str
    password: str = field(repr=False)
    settings: Mapping[str, int | str] = field(default_factory=dict)
    grants: Sequence[str] | None = None


def writer(password: str) -> ServerUser:
    """Return the account of the pipeline: its databases, and nothing else."""
    databases = (*_OF_STREAMS, "ingestion", "reporting")
    grants = (
        *(f"GRANT {_TABLES} ON {database}.*" for database in databases),
        *(f"GRANT TABLE ENGINE ON {engine}" for engine in _ENGINES),
        # `contractline plan` lets the engine write what is declared in its own words, here.
        "GRANT SHOW, SELECT, CREATE, DROP ON contractline_plan_*.*",
        # `contractline verify` loads a topic a second time, here.
        "GRANT SHOW, SELECT, INSERT, CREATE, DROP ON contractline_verify_*.*",
        "GRANT SELECT ON system.*",
        "GRANT SYSTEM VIEWS ON reporting.*",
        "GRANT KAFKA ON *.*",
    )
    return ServerUser("writer", password, WRITER_SETTINGS, grants)


def reader(password: str) -> ServerUser:
    """Return the account of people: the tables and the reports, not the machinery."""
    settings = {**READERS_SETTINGS, "max_execution_time": 300}
    grants = tuple(f"GRANT {_READING} ON {database}.*" for database in (*_OF_STREAMS, "reporting"))
    return ServerUser("reader", password, settings, grants)


def reports(password: str) -> ServerUser:
    """Return the account of dashboards: the reports alone."""
    settings = {**READERS_SETTINGS, "max_execution_time": 60, "max_memory_usage": 1_000_000_000}
    return ServerUser("reports", password, settings, (f"GRANT {_READING} ON reporting.*",))


def admin(password: str) -> ServerUser:
    """Return the account that may do everything."""
    return ServerUser("admin", password, WRITER_SETTINGS)


def starter(*more: str) -> ServerUser:
    """Return the account that starts the server, with some more grants.

    A dictionary whose source is a table asks as this account where it names no other.
    """
    return ServerUser(STARTER, "", QUEUE_SETTINGS, ("GRANT SYSTEM LISTEN ON *.*", *more))


def forget_system_logs(data: Path) -> None:
    """Remove the logs that an earlier start wrote as tables, such as ``system.query_log``.

    The library does not keep the database that they are in, and could not make them anew.

    Args:
        data: the data folder of a server that does not run.
    """
    shutil.rmtree(data / "data" / "system", ignore_errors=True)


def render_config(
    data: Path,
    users: Path,
    http_port: int,
    tcp_port: int | None = None,
    group_instance_id: str = "",
) -> str:
    """Return config.xml of a server on loopback that stays small.

    Args:
        data: its data folder.
        users: its users.xml.
        http_port: where it answers HTTP.
        tcp_port: where it answers ClickHouse's own protocol; None where it need not.
        group_instance_id: makes every Kafka consumer a static member of its group, so that a killed
            server reads on at once instead of after the session timeout. It must be unique in a
            group: one queue table a group, with ``kafka_num_consumers = 1``.
    """
    folder = escape(str(data))
    values: dict[str, object] = {
        "listen_host": "127.0.0.1",
        "http_port": http_port,
        **({} if tcp_port is None else {"tcp_port": tcp_port}),
        "path": f"{folder}/",
        "tmp_path": f"{folder}/scratch/",
        "user_files_path": f"{folder}/user_files/",
        "format_schema_path": f"{folder}/format_schemas/",
        "users_config": escape(str(users)),
        "max_server_memory_usage_to_ram_ratio": 0.5,
        # Views get the security that their maker's profile says; by default they get none, and
        # a view asks with the rights of its reader.
        "ignore_empty_sql_security_in_create_view_query": 0,
        **_SIZES,
    }
    lines = "".join(f"  <{name}>{value}</{name}>\n" for name, value in values.items())
    consumer = {"topic_metadata_refresh_interval_ms": PARTITIONS_SEEN_MS}
    named = {
        "group_instance_id": escape(group_instance_id),
        "session_timeout_ms": MEMBER_TIMEOUT_MS,
        "max_poll_interval_ms": MEMBER_TIMEOUT_MS,
    }
    member = named if group_instance_id else {}
    options = "".join(f"<{name}>{value}</{name}>" for name, value in {**member, **consumer}.items())
    kafka = f"  <kafka><consumer>{options}</consumer></kafka>\n"
    return f"<clickhouse>\n{lines}{kafka}{_LOGGERS}{_QUERY_LOG}</clickhouse>\n"


def render_users(accounts: Sequence[ServerUser]) -> str:
    """Return users.xml, with the hashes of the passwords and not the passwords."""
    profiles = "".join(_profile(account) for account in accounts)
    users = "".join(_user(account) for account in accounts)
    return (
        f"<clickhouse>\n <profiles>\n{profiles} </profiles>\n"
        f" <quotas><default/></quotas>\n <users>\n{users} </users>\n</clickhouse>\n"
    )


def _profile(account: ServerUser) -> str:
    settings = "".join(f"<{name}>{value}</{name}>" for name, value in account.settings.items())
    return f"  <{account.name}>{settings}</{account.name}>\n"


def _user(account: ServerUser) -> str:
    digest = hashlib.sha256(account.password.encode()).hexdigest()
    password = f"password_sha256_hex>{digest}</password_sha256_hex"
    secret = f"<{password}>" if account.password else "<password></password>"
    if account.grants is None:
        rights = "<access_management>1</access_management>"
    else:
        queries = "".join(f"<query>{escape(grant)}</query>" for grant in account.grants)
        rights = f"<grants>{queries}</grants>"
    return (
        f"  <{account.name}>{secret}<networks><ip>127.0.0.1</ip></networks>"
        f"<profile>{account.name}</profile><quota>default</quota>{rights}</{account.name}>\n"
    )

"""The engine's server configuration."""

from __future__ import annotations

from xml.sax.saxutils import escape

# Kafka tables that are read at the same time; the engine's own default of 2 would let them wait.
QUEUES = 8

# How soon new partitions of a topic are seen; a consumer's own default is 5 minutes.
PARTITIONS_SEEN_MS = 5_000

# Caches grow with use; a server's defaults of several GiB are not for a laptop. The pools are small by
# themselves: the engine has 18 threads at rest.
_CACHES = {
    "mark_cache_size": 64 << 20,
    "primary_index_cache_size": 64 << 20,
    "index_mark_cache_size": 16 << 20,
    "compiled_expression_cache_size": 16 << 20,
}


def render_config(*, group_instance_id: str = "contractline") -> str:
    """Return the configuration, as XML, for an engine that stays small and reads Kafka.

    Args:
        group_instance_id: the name of its Kafka consumers (:func:`kafka_section`).
    """
    sizes = {"background_message_broker_schedule_pool_size": QUEUES, **_CACHES}
    lines = [f"    <{name}>{value}</{name}>" for name, value in sizes.items()]
    kafka = f"    {kafka_section(group_instance_id)}"
    return "\n".join(["<clickhouse>", *lines, kafka, "</clickhouse>", ""])


def kafka_section(group_instance_id: str) -> str:
    """Return the part of a server's configuration that is about its Kafka consumers.

    Args:
        group_instance_id: makes every Kafka consumer a static member of its group, so that a killed
            engine reads on after 0.3 s instead of after the session timeout of 45 s. It must be
            unique in a group: one queue table a group, with ``kafka_num_consumers = 1``.
    """
    settings = {
        "group_instance_id": escape(group_instance_id),
        "topic_metadata_refresh_interval_ms": PARTITIONS_SEEN_MS,
    }
    lines = "".join(f"<{name}>{value}</{name}>" for name, value in settings.items())
    return f"<kafka><consumer>{lines}</consumer></kafka>"

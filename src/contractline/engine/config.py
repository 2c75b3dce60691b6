"""The engine's server configuration."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import escape


def render_config(
    *,
    group_instance_id: str = "contractline",
    background_pool_size: int = 4,
    message_broker_threads: int = 16,
    max_memory_bytes: int = 0,
    librdkafka: Mapping[str, str] | None = None,
) -> str:
    """Return the configuration, as XML, for an engine that stays small and reads Kafka.

    Args:
        group_instance_id: makes every Kafka consumer a static member of its group, so that a killed
            engine reads again at once instead of after the session timeout. It must be unique in a
            group: one queue table a group, with ``kafka_num_consumers = 1``.
        background_pool_size: threads that merge.
        message_broker_threads: Kafka tables that are read at the same time.
        max_memory_bytes: the limit of the engine's memory; 0 for nine tenths of the machine's.
        librdkafka: further settings of the Kafka client, with dots as underscores.
    """
    consumer = "".join(_element(name, value, 3) for name, value in (librdkafka or {}).items())
    pools = {
        "background_pool_size": background_pool_size,
        "background_message_broker_schedule_pool_size": message_broker_threads,
        **_SMALL,
        "max_server_memory_usage": max_memory_bytes,
    }
    return (
        "<clickhouse>\n"
        + "".join(_element(name, str(value), 1) for name, value in pools.items())
        + "    <kafka>\n        <consumer>\n"
        + _element("group_instance_id", group_instance_id, 3)
        + consumer
        + "        </consumer>\n    </kafka>\n</clickhouse>\n"
    )


# Pools and caches grow when they are used; these are the sizes at which they stop, for a laptop.
_SMALL = {
    "background_move_pool_size": 1,
    "background_fetches_pool_size": 1,
    "background_common_pool_size": 2,
    "background_schedule_pool_size": 16,
    "background_buffer_flush_schedule_pool_size": 1,
    "background_distributed_schedule_pool_size": 1,
    "max_io_thread_pool_free_size": 0,
    "max_thread_pool_free_size": 16,
    "mark_cache_size": 64 << 20,
    "index_mark_cache_size": 16 << 20,
    "uncompressed_cache_size": 0,
    "index_uncompressed_cache_size": 0,
    "mmap_cache_size": 256,
    "compiled_expression_cache_size": 16 << 20,
}


def _element(name: str, value: str, depth: int) -> str:
    return f"{'    ' * depth}<{name}>{escape(value)}</{name}>\n"

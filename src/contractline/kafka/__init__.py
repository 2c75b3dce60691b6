"""Kafka: the wire format, the registry's ids, producing with an account, reading compacted topics."""

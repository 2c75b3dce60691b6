"""Clients of Kafka Connect, the schema registry and ClickHouse, and how they wait and fail."""

"""Measures the quality rules of contracts in ClickHouse, and keeps what came of it."""

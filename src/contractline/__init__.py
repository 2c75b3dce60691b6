"""contractline: a contract-governed streaming pipeline from GitHub and PostgreSQL into ClickHouse."""

__version__ = "0.1.0"

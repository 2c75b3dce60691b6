"""What follows from a contract: ClickHouse types and DDL, connector configuration. Pure."""

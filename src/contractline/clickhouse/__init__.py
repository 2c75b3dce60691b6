"""ClickHouse as a contract sees it: types, columns, DDL, what AvroConfluent makes of a record. Pure."""

"""New streams: a whole contract from a sample, a schema, or a table of PostgreSQL."""

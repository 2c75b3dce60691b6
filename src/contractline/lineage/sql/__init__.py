"""Reading ClickHouse SQL: which columns a statement reads, and what its own come from."""

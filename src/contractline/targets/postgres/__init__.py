"""Tables, roles and publications of PostgreSQL, and what the source has to be for Debezium."""

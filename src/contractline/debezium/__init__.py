"""Tables of PostgreSQL as streams: what Debezium is told, gives, and may fail at."""

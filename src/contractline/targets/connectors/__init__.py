"""The connectors of Kafka Connect, and the rows that they bring."""

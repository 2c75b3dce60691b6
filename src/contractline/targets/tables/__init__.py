"""The tables, views and queues of ClickHouse, brought to the state that contracts declare."""

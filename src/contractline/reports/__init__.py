"""Reports: questions to ClickHouse and dashboards of them, as files of the checkout."""

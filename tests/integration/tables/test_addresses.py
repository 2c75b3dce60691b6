"""Queues that read from elsewhere than the settings say are brought there, as they are."""

from __future__ import annotations

from contractline.clients.addresses import follow
from tests.integration.tables.lab import Lab, commit


def test_queues_follow_the_addresses_of_the_settings(lab: Lab) -> None:
    contract = lab.stream("commits")
    lab.apply()
    servers, url = (
        lab.endpoints.need("kafka_bootstrap_servers"),
        lab.endpoints.need("schema_registry_url"),
    )
    lab.send("commits", [lab.frame("commits", commit(1))])
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 1)
    elsewhere = {"clickhouse_schema_registry_url": url.replace("://", "://somebody:secret@")}
    moved = lab.endpoints.model_copy(update=elsewhere)
    try:
        said = [line for line in follow(lab.warehouse, moved) if line.startswith(contract.name)]
        shown = url.replace("://", "://somebody:***@")
        assert said == [f"{contract.name}: reads from {servers} and {shown} now"]
        assert list(follow(lab.warehouse, moved)) == []
        assert "format_avro_schema_registry_url" in str(lab.plan().steps[0])
        lab.send("commits", [lab.frame("commits", commit(2))])
        lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 2)
    finally:
        assert list(follow(lab.warehouse, lab.endpoints)) != []
    assert lab.plan().steps == ()
    assert list(follow(lab.warehouse, lab.endpoints)) == []

"""``contractline dump`` on a registry that somebody else filled."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import yaml

from contractline.contracts.load import load_contract
from tests.integration.streams.conftest import Shop


def record(name: str, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "record", "name": name, "namespace": "shop", "fields": list(fields)}


ID = {"name": "id", "type": "long"}
NOTE = {"name": "note", "type": ["null", "string"], "default": None}


def register(shop: Shop, subject: str, schema: object, **more: Any) -> None:
    url = f"{shop.lab.endpoints.schema_registry_url}/subjects/{subject}/versions"
    answer = httpx.post(url, json={"schema": json.dumps(schema), "schemaType": "AVRO", **more})
    assert answer.is_success, answer.text


def test_pairs_of_subjects_become_contracts(shop: Shop) -> None:
    prefix = shop.lab.prefix
    orders = f"{prefix}.orders-v1"
    described = record("Order", ID | {"doc": "What the shop calls it."})
    for schema in (record("Order", ID), described, record("Order", ID, NOTE)):
        register(shop, f"{orders}-value", schema)
    register(shop, f"{orders}-key", record("OrderKey", ID))
    url = shop.lab.endpoints.schema_registry_url
    level = {"compatibility": "BACKWARD"}
    assert httpx.put(f"{url}/config/{orders}-value", json=level, timeout=30).is_success
    register(shop, f"{prefix}.shop.Address", record("Address", ID))
    references = [
        {"name": "shop.Address", "subject": f"{prefix}.shop.Address", "version": 1},
    ]
    built = record("Customer", {"name": "home", "type": "shop.Address"})
    register(shop, f"{prefix}.customers-value", built, references=references)
    document = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"}
    register(shop, f"{prefix}.json-value", document, schemaType="JSON")
    register(shop, f"{prefix}.lonely-key", record("LonelyKey", ID))
    twins = [f"{prefix}.a.b", f"{prefix}.a_b", f"{prefix}.A-b"]
    for twin in twins:
        register(shop, f"{twin}-value", record("Twin", ID))

    words = ("dump", "--registry", str(url), "--output", str(shop.lab.root / "contracts"))
    code, said = shop.contractline(*words)

    assert code == 1, said
    folder = shop.lab.root / "contracts" / f"{prefix}_orders_v1"
    assert f"wrote {folder}: {orders}, 2 versions" in said
    assert f"skipped {prefix}.shop.Address: is not called <topic>-value or <topic>-key" in said
    assert f"version 1 of {prefix}.customers-value builds on {prefix}.shop.Address v1" in said
    assert f"version 1 of {prefix}.json-value is JSON, not Avro" in said
    assert f"skipped {prefix}.lonely-key: is a key, and there is no {prefix}.lonely-value" in said
    draft = load_contract(folder)
    assert [len(version.schema.fields) for version in draft.versions("value")] == [1, 2]
    assert len(draft.versions("key")) == 1
    assert draft.released.sums is not None

    folders = [folder.with_name(f"{prefix}_a_b{end}") for end in ("", "_2", "_3")]
    topics = {topic_of(one) for one in folders}
    assert topics == set(twins)

    code, said = shop.contractline("check", "contracts")
    assert code == 1, said
    mine = [line for line in said.splitlines() if f"{prefix}_orders_v1/" in line]
    assert {line.split()[2].rstrip(":") for line in mine} >= {
        *("CONTRACT_HAS_OWNER", "CONTRACT_HAS_PURPOSE", "CONTRACT_VALID"),
    }
    assert "`partitions` is missing" in "\n".join(mine)

    code, said = shop.contractline(*words)
    assert f"skipped {orders}-value: {folder} is there already" in said
    assert not folder.with_name(f"{prefix}_a_b_4").exists()
    assert "0 contracts written" in said

    keep(shop, folder.name)
    fill(shop, folder.name)
    shop.expect("check", "contracts")
    code, said = shop.contractline("plan", "schemas")
    assert f"{orders}-value" not in said, said
    assert f"{orders}-key: compatibility" in said


def topic_of(folder: Path) -> str:
    document = yaml.safe_load((folder / "contract.odcs.yaml").read_text())
    (topic,) = (one for one in document["customProperties"] if one["property"] == "topic")
    return str(topic["value"]["name"])


def fill(shop: Shop, name: str) -> None:
    """Write what a person knows into a document and its schemas."""
    file = shop.lab.root / "contracts" / name / "contract.odcs.yaml"
    document = yaml.safe_load(file.read_text())
    document["description"] = {"purpose": "Orders."}
    document["team"] = {"members": [{"username": "sales", "role": "owner"}]}
    topic = next(one for one in document["customProperties"] if one["property"] == "topic")
    topic["value"] |= {"partitions": 1, "cleanup": "compact"}
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    for part in ("value", "key"):
        schema_file = file.with_name(f"{part}.avsc")
        schema = json.loads(schema_file.read_text())
        schema["doc"] = "An order."
        for field in schema["fields"]:
            field["doc"] = "A field."
        schema_file.write_text(json.dumps(schema, indent=2) + "\n")


def keep(shop: Shop, name: str) -> None:
    """Remove the contracts of what other tests had registered."""
    for folder in (shop.lab.root / "contracts").iterdir():
        if folder.name not in ("system", name):
            shutil.rmtree(folder)

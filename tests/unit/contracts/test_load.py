from __future__ import annotations

from datetime import timedelta

import pytest

from contractline.contracts.draft import PartUnread
from contractline.contracts.load import (
    ContractUnknown,
    contract_folders,
    contract_named,
    load_contract,
    load_contracts,
    load_drafts,
)
from contractline.contracts.model import Compatibility, PostgresSource, SystemSource
from contractline.errors import ContractsInvalid


def test_every_contract_is_read_the_machinerys_last(project):
    clicks, people, heartbeat = load_contracts(project)
    assert [clicks.name, people.name, heartbeat.name] == ["clicks", "people", "heartbeat"]
    assert clicks.topic.partitions == 3
    assert clicks.pipeline.compatibility is Compatibility.FULL_TRANSITIVE
    assert clicks.key_fields == ("shop", "click")
    assert clicks.latency == timedelta(milliseconds=500)
    assert clicks.owner == "web"
    assert clicks.properties["person"].classification == "pii"
    assert list(clicks.subjects) == ["shop_clicks-key", "shop_clicks-value"]
    assert [version.number for version in clicks.values] == [1]
    assert isinstance(people.source, PostgresSource)
    assert people.topic.min_compaction_lag == timedelta(days=30)
    assert people.latency == timedelta(milliseconds=600)
    assert isinstance(heartbeat.source, SystemSource)
    assert heartbeat.sink is None


def test_a_contract_by_name(project):
    contracts = load_contracts(project)
    assert contract_named(contracts, "people").name == "people"
    with pytest.raises(ContractUnknown, match="there is no contract `person`") as caught:
        contract_named(contracts, "person")
    assert caught.value.hint == "contracts: clicks, heartbeat, people"


def test_hidden_folders_and_files_beside_contracts_are_none(project):
    (project.contracts / ".cache").mkdir()
    (project.contracts / "README.md").touch()
    assert [folder.name for folder in contract_folders(project)] == [
        "clicks",
        "people",
        "heartbeat",
    ]


def test_versions_are_in_the_order_of_their_numbers(clicks):
    for number in (2, 10):
        text = (clicks / "value.avsc").read_text()
        (clicks / "versions" / f"value.v{number}.avsc").write_text(text)
    versions = load_contract(clicks).versions("value")
    assert [version.number for version in versions] == [1, 2, 10]


def test_every_file_is_told_about_at_once(project, clicks):
    (clicks / "contract.odcs.yaml").write_text("id: [")
    (clicks / "key.avsc").write_text("{")
    (clicks / "versions" / "value.v1.avsc").write_text('"text"')
    with pytest.raises(ContractsInvalid, match="hold 3 mistakes") as caught:
        load_contracts(project)
    assert [(f.rule, f.file and f.file.name, f.line) for f in caught.value.findings] == [
        ("CONTRACT_READABLE", "contract.odcs.yaml", 2),
        ("SCHEMA_VALID", "value.v1.avsc", 1),
        ("SCHEMA_VALID", "key.avsc", 1),
    ]


def test_what_could_be_read_of_a_contract_with_mistakes_is_there(clicks):
    (clicks / "key.avsc").write_text("{")
    draft = load_contract(clicks)
    assert draft.contract is None
    assert draft.odcs.id == "clicks"
    assert draft.pipeline.topic.name == "shop_clicks"
    assert [part for part, _ in draft.working()] == ["value"]
    with pytest.raises(PartUnread, match="clicks: the key's schema could not be read"):
        _ = draft.key
    with pytest.raises(PartUnread):
        _ = draft.complete


def test_a_stream_without_a_key_is_no_unread_one(clicks):
    (clicks / "key.avsc").unlink()
    assert load_contract(clicks).key is None


def test_a_key_that_leads_nowhere_is_unread(clicks):
    (clicks / "key.avsc").unlink()
    (clicks / "key.avsc").symlink_to("nowhere.avsc")
    (finding,) = load_contract(clicks).findings
    assert (finding.rule, finding.message) == ("SCHEMA_VALID", "key.avsc does not exist")


def test_an_empty_folder_and_one_of_folders(project):
    empty, odd = project.contracts / "empty", project.contracts / "odd"
    empty.mkdir()
    for name in ("contract.odcs.yaml", "value.avsc", "versions", "versions/value.v1.avsc"):
        (odd / name).mkdir(parents=True)
    messages = {d.name: [f.message for f in d.findings] for d in load_drafts(project)}
    assert messages["empty"] == ["contract.odcs.yaml does not exist", "value.avsc does not exist"]
    assert messages["odd"] == [
        "contract.odcs.yaml is not a regular file",
        "value.v1.avsc is not a regular file",
        "value.avsc is not a regular file",
    ]


def test_records_that_are_no_text_are_a_mistake(clicks):
    (clicks / "versions" / "SHA256SUMS").write_bytes(b"\xff")
    (finding,) = load_contract(clicks).findings
    assert (finding.rule, finding.line) == ("RELEASED_VERSION_UNCHANGED", 1)
    assert finding.hint


def test_a_conflict_that_git_left_is_called_so(project):
    file = project.contracts / "clicks" / "value.avsc"
    line = '  "namespace": "shop",\n'
    both = f"<<<<<<< HEAD\n{line}=======\n{line}>>>>>>> main\n"
    file.write_text(file.read_text().replace(line, both))
    (found,) = load_contract(file.parent).findings
    assert found.message == "holds a conflict that git left"
    assert "release" in found.hint

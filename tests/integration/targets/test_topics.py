"""The target topics on a real broker: made, grown, configured, and refused."""

from __future__ import annotations

import yaml
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from contractline.targets.topics import Cluster, LiveTopic
from tests.integration.targets.lab import Lab, messages

NAME = {"name": "name", "type": "string"}


def declare(lab: Lab, *, key: bool = True, **topic: object) -> str:
    """Write the contract of one topic, beside that of the heartbeats."""
    if not (lab.root / "contracts" / "people").exists():
        lab.contract("people", [NAME], [NAME] if key else [])
    file = lab.root / "contracts" / "people" / "contract.odcs.yaml"
    document = yaml.safe_load(file.read_text())
    for section in document["customProperties"]:
        if section["property"] == "topic":
            section["value"] |= topic
    file.write_text(yaml.safe_dump(document))
    return lab.topic("people")


def live(lab: Lab) -> LiveTopic:
    topic = lab.topic("people")
    return Cluster(lab.endpoints).topics([topic])[topic]


def write(lab: Lab) -> None:
    producer = Producer({"bootstrap.servers": lab.endpoints.need("kafka_bootstrap_servers")})
    producer.produce(lab.topic("people"), key=b"k", value=b"v")
    assert producer.flush(20) == 0


def configure(lab: Lab, **settings: str) -> None:
    admin = AdminClient({"bootstrap.servers": lab.endpoints.need("kafka_bootstrap_servers")})
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in settings.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, lab.topic("people"), incremental_configs=entries)
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()


def test_a_topic_is_made_as_declared_and_applying_again_changes_nothing(lab: Lab) -> None:
    declare(lab, partitions=3, minCompactionLag="P30D")

    (first,) = lab.apply("topics")
    (second,) = lab.apply("topics")

    assert first.exit_code == second.exit_code == 0
    assert second.done == ()
    topic = live(lab)
    assert (topic.partitions, topic.replication) == (3, 1)
    assert topic.settings["cleanup.policy"] == "compact"
    assert topic.settings["min.compaction.lag.ms"] == "2592000000"


def test_a_topic_without_keys_grows(lab: Lab) -> None:
    declare(lab, key=False, partitions=1)
    lab.apply("topics")
    write(lab)
    declare(lab, partitions=4)

    (outcome,) = lab.apply("topics")

    assert [step.summary for step in outcome.done] == ["partitions 1 -> 4"]
    assert live(lab).partitions == 4


def test_a_keyed_topic_grows_only_while_it_is_unused(lab: Lab) -> None:
    declare(lab, partitions=1)
    lab.apply("topics")
    declare(lab, partitions=2)
    (unused,) = lab.apply("topics")
    assert unused.exit_code == 0

    write(lab)
    declare(lab, partitions=4)
    (used,) = lab.apply("topics")

    assert used.exit_code == 1
    assert live(lab).partitions == 2
    assert "compaction can't replace their old records" in messages(lab.plan("topics"))


def test_partitions_and_copies_are_never_taken_away_or_moved(lab: Lab) -> None:
    declare(lab, partitions=3)
    lab.apply("topics")
    declare(lab, partitions=2, replication=3)

    (outcome,) = lab.apply("topics")

    assert outcome.exit_code == 1
    said = messages(lab.plan("topics"))
    assert "has 3 partitions, the contract says 2; Kafka can't take partitions away" in said
    assert "has 1 copies of each partition, the contract says 3" in said
    assert live(lab).partitions == 3


def test_retention_follows_the_contract_and_says_what_goes(lab: Lab) -> None:
    declare(lab, key=False, cleanup="delete", retention="P7D")
    lab.apply("topics")
    write(lab)
    declare(lab, retention="P1D")

    (outcome,) = lab.apply("topics")

    assert "records older than 1 day" in outcome.done[0].summary
    assert live(lab).settings["retention.ms"] == "86400000"


def test_another_cleanup_is_refused_once_there_are_records(lab: Lab) -> None:
    topic = declare(lab, cleanup="compact")
    lab.apply("topics")
    configure(lab, cleanup_policy="delete")
    (unused,) = lab.apply("topics")
    assert unused.exit_code == 0

    configure(lab, cleanup_policy="delete")
    write(lab)
    (used,) = lab.apply("topics")

    assert used.exit_code == 1
    said = messages(lab.plan("topics"))
    assert f"kafka-configs.sh --alter --topic {topic} --add-config cleanup.policy=compact" in said
    assert live(lab).settings["cleanup.policy"] == "delete"


def test_a_setting_of_which_the_contract_says_nothing_is_noticed(lab: Lab) -> None:
    declare(lab)
    lab.apply("topics")
    configure(lab, retention_bytes="1000000")

    plan = lab.plan("topics")

    assert plan.is_clean
    assert "sets retention.bytes=1000000, of which the contract says nothing" in messages(plan)


def test_a_topic_of_the_connector_that_no_contract_declares_is_told_and_left_alone(
    lab: Lab,
) -> None:
    declare(lab)
    admin = AdminClient({"bootstrap.servers": lab.endpoints.need("kafka_bootstrap_servers")})
    other = f"{lab.prefix}.other"
    for future in admin.create_topics([NewTopic(other, 1, 1)]).values():
        future.result()

    lab.apply("topics")

    assert other in Cluster(lab.endpoints).topics([other])
    plan = lab.plan("topics")
    assert plan.is_clean
    said = f"warning TOPIC_DECLARED: {other}: no contract declares it, and the connector"
    assert said in messages(plan)


def test_a_broker_that_is_away_says_so(lab: Lab) -> None:
    declare(lab)
    mine = lab.endpoints
    away = {"kafka_bootstrap_servers": "127.0.0.1:1"}
    lab.endpoints = mine.model_copy(update=away)
    (outcome,) = lab.apply("topics")
    lab.endpoints = mine

    assert outcome.exit_code == 2
    assert "Kafka at 127.0.0.1:1" in str(outcome.error)
    assert "`contractline up`" in (outcome.error.hint if outcome.error else "")

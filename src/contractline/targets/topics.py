"""The target ``topics``: every contract's topic in Kafka, as its contract declares it.

Nothing is ever deleted. What would move keys, drop records or move replicas is refused with the
command that does it by hand.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from contractline.clickhouse.ddl import consumer_group
from contractline.clients.clickhouse import Warehouse
from contractline.contracts.model import Contract, Topic
from contractline.debezium.files import connector_names, connector_template
from contractline.errors import ServiceUnavailable
from contractline.finding import Finding
from contractline.plan import Change, Plan, Step
from contractline.project import Project
from contractline.recovery.frames import topics as topics_read
from contractline.settings import Endpoints
from contractline.targets.differences import noticed, plan_of, refused

TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
_BROKER_DEFAULT = -1
_FOREVER = -1


@dataclass(frozen=True, slots=True)
class Create:
    """Make a topic."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Grow:
    """Give a topic more partitions."""

    topic: str
    partitions: int


@dataclass(frozen=True, slots=True)
class ConfigureTopic:
    """Set some of a topic's own settings."""

    topic: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LiveTopic:
    """A topic as Kafka holds it.

    Attributes:
        partitions: how many.
        replication: copies of its first partition.
        settings: every setting, with the value that holds.
        overridden: the settings that the topic itself sets.
    """

    partitions: int
    replication: int
    settings: Mapping[str, str]
    overridden: frozenset[str]


class Cluster:
    """Kafka's administration. The client lives as long as this object, since its futures need it."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._servers = endpoints.need("kafka_bootstrap_servers")
        # Without log_level 0 librdkafka writes each failed connection to the terminal.
        self._admin = AdminClient({"bootstrap.servers": self._servers, "log_level": 0})

    def topics(self, wanted: Sequence[str]) -> dict[str, LiveTopic]:
        """Return those of the wanted topics that exist."""
        metadata = self._try(lambda: self._admin.list_topics(timeout=TIMEOUT_SECONDS)).topics
        found = {name: metadata[name] for name in wanted if name in metadata}
        if not found:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in found]
        described = {
            resource.name: self._wait(future)
            for resource, future in self._admin.describe_configs(resources).items()
        }
        return {
            name: LiveTopic(
                partitions=len(topic.partitions),
                replication=len(topic.partitions[0].replicas),
                settings={k: e.value for k, e in described[name].items()},
                overridden=frozenset(
                    k
                    for k, e in described[name].items()
                    if e.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
                ),
            )
            for name, topic in found.items()
        }

    def is_unused(self, topic: str, partitions: int) -> bool:
        """Tell whether a topic never held a record."""
        return self.written(topic, partitions) == 0

    def written(self, topic: str, partitions: int) -> int:
        """Return how many records were ever written into a topic."""
        return sum(self.ends(topic, partitions).values())

    def ends(self, topic: str, partitions: int) -> dict[int, int]:
        """Return the offset that the next record of each partition of a topic gets."""
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(topic, n): latest for n in range(partitions)}
        futures = self._admin.list_offsets(asked, request_timeout=TIMEOUT_SECONDS)
        return {place.partition: self._wait(future).offset for place, future in futures.items()}

    def create(self, topic: Topic) -> None:
        """Make a topic."""
        new = NewTopic(
            topic.name,
            num_partitions=topic.partitions,
            replication_factor=topic.replication or _BROKER_DEFAULT,
            config=settings_of(topic),
        )
        self._wait(self._admin.create_topics([new])[topic.name])
        self._wait_for(topic.name, topic.partitions)

    def grow(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions."""
        self._wait(self._admin.create_partitions([NewPartitions(topic, partitions)])[topic])
        self._wait_for(topic, partitions)

    def configure(self, topic: str, settings: Mapping[str, str]) -> None:
        """Set some settings of a topic and leave its others alone."""
        entries = [
            ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
            for key, value in settings.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        for future in self._admin.incremental_alter_configs([resource]).values():
            self._wait(future)

    def delete(self, topic: str) -> None:
        """Delete a topic and all that it holds."""
        self._wait(self._admin.delete_topics([topic])[topic])
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if topic not in self.names():
                return
            time.sleep(_PAUSE_SECONDS)
        raise ServiceUnavailable("Kafka", self._servers, f"still shows the topic {topic}")

    def names(self) -> frozenset[str]:
        """Return the names of all topics."""
        return frozenset(self._try(lambda: self._admin.list_topics(timeout=TIMEOUT_SECONDS)).topics)

    def read_by(self, group_prefix: str) -> dict[str, str]:
        """Return the topics in which a consumer group of such a name has a place, with the group."""
        listed = self._wait(self._admin.list_consumer_groups(request_timeout=TIMEOUT_SECONDS))
        found = {}
        for name in sorted(one.group_id for one in listed.valid):
            if name.startswith(group_prefix):
                wish = [ConsumerGroupTopicPartitions(name)]
                (future,) = self._admin.list_consumer_group_offsets(wish).values()
                for place in self._wait(future).topic_partitions:
                    if place.offset >= 0:
                        found[place.topic] = name
        return found

    def _wait_for(self, topic: str, partitions: int) -> None:
        """Wait until the brokers tell of what the controller has agreed to."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            metadata = self._try(lambda: self._admin.list_topics(timeout=TIMEOUT_SECONDS)).topics
            if topic in metadata and len(metadata[topic].partitions) == partitions:
                return
            time.sleep(_PAUSE_SECONDS)
        raise ServiceUnavailable("Kafka", self._servers, f"does not show the topic {topic} yet")

    def _wait(self, future: Any) -> Any:
        return self._try(lambda: future.result(timeout=TIMEOUT_SECONDS * 2))

    def _try(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except KafkaException as problem:
            reason = problem.args[0].str()
            raise ServiceUnavailable("Kafka", self._servers, f"refused: {reason}") from problem
        except TimeoutError as problem:
            raise ServiceUnavailable("Kafka", self._servers, "did not answer") from problem


class Topics:
    """Kafka's topics against the contracts."""

    name = "topics"

    def __init__(
        self, project: Project, contracts: Sequence[Contract], endpoints: Endpoints
    ) -> None:
        self._project = project
        self._contracts = contracts
        self._endpoints = endpoints

    def plan(self) -> Plan:
        """Compare every contracted topic with Kafka's."""
        return plan_of(self.name, self._differences(Cluster(self._endpoints)))

    def apply(self, plan: Plan) -> Iterator[Step]:
        """Carry the steps out."""
        cluster = Cluster(self._endpoints)
        for step in plan.steps:
            match step.payload:
                case Create(topic):
                    cluster.create(topic)
                case Grow(name, partitions):
                    cluster.grow(name, partitions)
                case ConfigureTopic(name, settings):
                    cluster.configure(name, settings)
            yield step

    def _differences(self, cluster: Cluster) -> Iterator[Step | Finding]:
        live = cluster.topics([contract.topic.name for contract in self._contracts])
        for contract in self._contracts:
            if contract.topic.name in live:
                yield from _compare(contract, live[contract.topic.name], cluster)
            else:
                yield _creation(contract.topic)
        for topic, why in undeclared(self._project, self._contracts, self._endpoints).items():
            yield noticed(
                "TOPIC_DECLARED",
                topic,
                f"no contract declares it, and {why}",
                f"left alone; to delete it: kafka-topics.sh --delete --topic {topic}",
            )


def undeclared(
    project: Project, contracts: Sequence[Contract], endpoints: Endpoints
) -> dict[str, str]:
    """Return the topics that a contract once declared and none does now, with what shows it.

    One that a queue of ClickHouse reads still is the queue's to tell, or belongs to another checkout.
    """
    cluster = Cluster(endpoints)
    there = cluster.names()
    found: dict[str, str] = {}
    for name in connector_names(project):
        prefix = connector_template(project, name)["topic.prefix"]
        written = f"the connector {name} wrote it"
        found |= {topic: written for topic in there if topic.startswith(f"{prefix}.")}
    reading = _read_by_queues(endpoints)
    if reading is not None:
        for topic, group in cluster.read_by(consumer_group("")).items():
            if topic not in reading:
                found.setdefault(topic, f"ClickHouse read it (consumer group {group})")
    declared = {contract.topic.name for contract in contracts}
    return {topic: found[topic] for topic in sorted(found.keys() & there - declared)}


def _read_by_queues(endpoints: Endpoints) -> frozenset[str] | None:
    """Return the topics that queues of ClickHouse read; None where it does not say."""
    if endpoints.clickhouse_url is None:
        return None
    try:
        with closing(Warehouse(endpoints)) as warehouse:
            return frozenset(topics_read(warehouse).values())
    except ServiceUnavailable:
        return None


def settings_of(topic: Topic) -> dict[str, str]:
    """Return the topic settings that a contract declares, by Kafka's names."""
    if topic.cleanup == "compact":
        lag = _milliseconds(topic.min_compaction_lag)
        return {"cleanup.policy": "compact", "min.compaction.lag.ms": str(lag)}
    retention = _FOREVER if topic.retention is None else _milliseconds(topic.retention)
    return {"cleanup.policy": "delete", "retention.ms": str(retention)}


def _creation(topic: Topic) -> Step:
    copies = f", {topic.replication} copies" if topic.replication else ""
    settings = ", ".join(f"{key}={value}" for key, value in settings_of(topic).items())
    plural = "s" if topic.partitions > 1 else ""
    summary = f"{topic.partitions} partition{plural}{copies}, {settings}"
    return Step(Change.CREATE, topic.name, summary, payload=Create(topic))


def _compare(contract: Contract, live: LiveTopic, cluster: Cluster) -> Iterator[Step | Finding]:
    topic = contract.topic
    if topic.partitions != live.partitions:
        yield _partitions(contract, live, cluster)
    if topic.replication not in {None, live.replication}:
        yield refused(
            "TOPIC_REPLICATION",
            topic.name,
            f"has {live.replication} copies of each partition, the contract says"
            f" {topic.replication}; moving replicas loads the brokers, so it is not done here",
            "kafka-reassign-partitions.sh --execute with a plan for this topic",
        )
    yield from _settings(topic, live, cluster)
    for key in sorted(live.overridden - settings_of(topic).keys()):
        yield noticed(
            "TOPIC_SETTING_CONTRACTED",
            topic.name,
            f"sets {key}={live.settings[key]}, of which the contract says nothing",
            f"kafka-configs.sh --alter --topic {topic.name} --delete-config {key}",
        )


def _partitions(contract: Contract, live: LiveTopic, cluster: Cluster) -> Step | Finding:
    topic = contract.topic
    if topic.partitions < live.partitions:
        return refused(
            "TOPIC_PARTITIONS_GROW",
            topic.name,
            f"has {live.partitions} partitions, the contract says {topic.partitions}; Kafka can't"
            " take partitions away",
            f"write {live.partitions} into the contract, or move the stream to a new topic",
        )
    if contract.keys and not cluster.is_unused(topic.name, live.partitions):
        return refused(
            "TOPIC_KEYS_STAY",
            topic.name,
            f"has {live.partitions} partitions and keyed records, the contract says"
            f" {topic.partitions}; growing would move keys to other partitions, where compaction"
            " can't replace their old records and their order is lost",
            "move the stream to a new topic; if every reader can bear it:"
            f" kafka-topics.sh --alter --topic {topic.name} --partitions {topic.partitions}",
        )
    return Step(
        Change.ALTER,
        topic.name,
        f"partitions {live.partitions} -> {topic.partitions}",
        payload=Grow(topic.name, topic.partitions),
    )


def _settings(topic: Topic, live: LiveTopic, cluster: Cluster) -> Iterator[Step | Finding]:
    wanted = settings_of(topic)
    changed = {key: value for key, value in wanted.items() if live.settings.get(key) != value}
    if not changed:
        return
    if "cleanup.policy" in changed and not cluster.is_unused(topic.name, live.partitions):
        yield refused(
            "TOPIC_CLEANUP_STAYS",
            topic.name,
            f"has cleanup.policy={live.settings['cleanup.policy']} and records, the contract says"
            f" {topic.cleanup}; the change would drop records that readers may still need",
            f"kafka-configs.sh --alter --topic {topic.name} --add-config "
            + ",".join(f"{key}={value}" for key, value in wanted.items()),
        )
        return
    summary = ", ".join(f"{k} {live.settings.get(k)} -> {v}" for k, v in changed.items())
    if _shortens(changed.get("retention.ms"), live.settings.get("retention.ms")):
        summary += f"; records older than {topic.retention} will be dropped"
    yield Step(Change.ALTER, topic.name, summary, payload=ConfigureTopic(topic.name, changed))


def _shortens(wanted: str | None, live: str | None) -> bool:
    if wanted is None or live is None or int(wanted) == _FOREVER:
        return False
    return int(live) == _FOREVER or int(wanted) < int(live)


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)

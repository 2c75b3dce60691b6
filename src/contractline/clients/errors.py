"""What can go wrong between contractline, Kafka and the registry.

The tree, below :mod:`contractline.errors`::

    ServiceUnavailable
    ├── RegistryUnavailable   the registry refused, or answered what can't be used
    │   ├── RegistryAway      it did not answer: trying again can help
    │   └── SchemaUnknown     it holds no schema of an id
    └── KafkaUnavailable      the broker refused, or gave up
        └── KafkaAway         no broker answered: trying again can help
    ContractlineError
    ├── NotRegistered         the registry holds no version of a contract
    ├── TopicMissing          the broker has no such topic
    └── FrameInvalid          bytes that are not a Confluent frame
"""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException

from contractline.errors import ContractlineError, ServiceUnavailable

AWAY = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
    }
)
"""What librdkafka says while no broker answers; it tries again by itself."""


class RegistryUnavailable(ServiceUnavailable):
    """When the schema registry refuses, or answers what can't be used."""

    def __init__(self, url: str, problem: str, *, hint: str = "") -> None:
        super().__init__("Schema Registry", url, problem, hint=hint)


class RegistryAway(RegistryUnavailable):
    """When the schema registry does not answer, so that trying again can help."""


class SchemaUnknown(RegistryUnavailable):
    """When the registry holds no schema of an id: it was wiped, or the bytes are not a frame."""


class KafkaUnavailable(ServiceUnavailable):
    """When the broker refuses for good, or records were left without its acknowledgement."""

    def __init__(self, servers: str, problem: str, *, hint: str = "") -> None:
        super().__init__("Kafka", servers, problem, hint=hint)

    @classmethod
    def of(cls, servers: str, problem: KafkaException) -> KafkaUnavailable:
        """Return what a client's exception means."""
        error: KafkaError = problem.args[0]
        kind = KafkaAway if error.code() in AWAY else KafkaUnavailable
        return kind(servers, f"{error.str()} ({error.name()})")


class KafkaAway(KafkaUnavailable):
    """When no broker answers, so that trying again can help."""


class NotRegistered(ContractlineError):
    """When the registry holds none of the versions that a contract has released."""

    def __init__(self, subject: str, url: str) -> None:
        self.subject = subject
        super().__init__(
            f"{subject}: the schema registry at {url} holds no version of the contract",
            hint="`make register-schemas` registers it; a producer never does",
        )


class TopicMissing(ContractlineError):
    """When the broker has no topic of a contract's name."""

    def __init__(self, topic: str, servers: str) -> None:
        self.topic = topic
        super().__init__(
            f"topic {topic}: does not exist on Kafka at {servers}",
            hint="`contractline apply topics` makes it as its contract says",
        )


class FrameInvalid(ContractlineError):
    """When bytes that should be a Confluent frame are none."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"not a Confluent Avro frame: {problem}")

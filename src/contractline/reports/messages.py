"""What Kafka and the registry know of the messages behind records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contractline.clients.errors import FrameInvalid
from contractline.clients.registry import Registry
from contractline.clients.wire import SchemaId, split
from contractline.contracts.model import Contract
from contractline.errors import ContractlineError
from contractline.kafka.messages import messages_at
from contractline.kafka.place import MessagePlace
from contractline.settings import Endpoints


@dataclass(frozen=True, slots=True)
class MessageTold:
    """What is known of a message; nothing of its content.

    Attributes:
        place: where it is.
        at: its time in Kafka; None where it has none.
        bytes: the length of its value.
        schema_id: the id of its schema; None where its bytes name none.
        stream: the contract; empty where none names the topic.
        version: which version of the contract wrote it; None where the registry knows the id for none.
    """

    place: MessagePlace
    at: datetime | None
    bytes: int
    schema_id: int | None
    stream: str
    version: int | None


class MessageLookup:
    """Reads messages by their places; asks the registry for each contract once."""

    def __init__(self, contracts: Sequence[Contract]) -> None:
        self._contracts = {contract.topic.name: contract for contract in contracts}
        self._versions: dict[str, dict[SchemaId, int]] = {}

    def told(
        self, endpoints: Endpoints, places: Iterable[MessagePlace]
    ) -> dict[MessagePlace, MessageTold]:
        """Return what is known of the messages at some places; of those that Kafka still holds.

        Raises:
            SettingInvalid: nothing says where Kafka or the registry is.
            KafkaUnavailable: the broker did not answer, or refused.
            RegistryUnavailable: the registry did not answer, or refused.
        """
        found = messages_at(endpoints.need("kafka_bootstrap_servers"), places)
        told = {}
        for place, record in found.items():
            contract = self._contracts.get(place.topic)
            schema_id = _schema_id(record.value)
            at = None if record.at_ms is None else datetime.fromtimestamp(record.at_ms / 1000, UTC)
            told[place] = MessageTold(
                place,
                at,
                len(record.value),
                schema_id,
                contract.name if contract else "",
                self._version(endpoints, contract, schema_id) if contract and schema_id else None,
            )
        return told

    def known(
        self, endpoints: Endpoints, places: Iterable[MessagePlace]
    ) -> dict[MessagePlace, MessageTold]:
        """Return what :meth:`told` does; nothing while Kafka or the registry is away."""
        try:
            return self.told(endpoints, places)
        except ContractlineError:
            return {}

    def _version(self, endpoints: Endpoints, contract: Contract, schema_id: SchemaId) -> int | None:
        known = self._versions.get(contract.name)
        if known is None or schema_id not in known:
            subject = list(contract.subjects)[-1]
            with Registry.of(endpoints) as registry:
                ids = ((registry.id_of(subject, v.schema), v.number) for v in contract.values)
                known = {one: number for one, number in ids if one is not None}
            self._versions[contract.name] = known
        return known.get(schema_id)


def _schema_id(value: bytes) -> SchemaId | None:
    try:
        return split(value)[0]
    except FrameInvalid:
        return None

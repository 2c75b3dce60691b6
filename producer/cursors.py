"""How far each source was read, kept in a compacted topic under the contract ``cursors``."""

from __future__ import annotations

from contractline.clients.errors import KafkaUnavailable
from contractline.clients.registry import Registry
from contractline.contracts.model import Contract
from contractline.kafka.compacted import read_compacted
from contractline.kafka.produce import Channel, Delivery
from producer.commit import now_micros
from producer.sources.base import Positions, RefPlace

CONTRACT = "cursors"


class Cursors:
    """Loads and saves positions.

    Args:
        contract: the contract of the topic.
        registry: knows the schemas that wrote the records there.
        delivery: the connection that saves.
        channel: the channel to the topic.
    """

    def __init__(
        self, contract: Contract, registry: Registry, delivery: Delivery, channel: Channel
    ) -> None:
        self._contract = contract
        self._registry = registry
        self._delivery = delivery
        self._channel = channel

    def load(self) -> Positions:
        """Return every position that was saved.

        Raises:
            KafkaUnavailable: the broker did not answer, or refused.
            RegistryUnavailable: the registry did not answer, or refused.
        """
        state = read_compacted(
            self._delivery.servers, self._contract, self._registry, self._delivery.say
        )
        return {RefPlace(*key): value["position"] for key, value in state.items()}

    def save(self, positions: Positions) -> None:
        """Save positions; what they cover must be acknowledged already.

        Raises:
            KafkaUnavailable: a position was not acknowledged.
        """
        for place, position in positions.items():
            key = {"source": place.source, "repository": place.repository, "ref": place.ref}
            self._channel.send({"position": position, "updated_at": now_micros()}, key)
        self._delivery.flush()
        if self._channel.failed:
            reasons = ", ".join(self._channel.failures)
            raise KafkaUnavailable(self._delivery.servers, f"the cursor was not saved: {reasons}")

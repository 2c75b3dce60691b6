"""Where a message is in Kafka."""

from __future__ import annotations

import re
from dataclasses import dataclass

from contractline.errors import ContractlineError

_PLACE = re.compile(r"(?P<topic>[^/]+)/(?P<partition>\d+)/(?P<offset>\d+)")


class PlaceUnreadable(ContractlineError):
    """When a text does not name the place of a message."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is not the place of a message",
            hint="write TOPIC/PARTITION/OFFSET, as `contractline dlq list` does",
        )


@dataclass(frozen=True, slots=True, order=True)
class MessagePlace:
    """Where a message is in Kafka."""

    topic: str
    partition: int
    offset: int

    @classmethod
    def read(cls, text: str) -> MessagePlace:
        """Return the place that a text names.

        Raises:
            PlaceUnreadable: it names none.
        """
        found = _PLACE.fullmatch(text)
        if found is None:
            raise PlaceUnreadable(text)
        return cls(found["topic"], int(found["partition"]), int(found["offset"]))

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

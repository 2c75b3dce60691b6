"""What ClickHouse tables can't hold, as values: the rules and the exception say the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from contractline.avro.paths import Steps
from contractline.errors import ContractlineError


class Unmappable(Enum):
    """Why a field gets no column."""

    UNION = auto()
    RECURSION = auto()
    RECORD_IN_LIST = auto()
    NOTHING = auto()
    DEPTH = auto()
    DIGITS = auto()
    TYPE_CHANGED = auto()
    TIME_CHANGED = auto()
    DECIMAL_CHANGED = auto()
    FIELD_MOVED = auto()
    DEFAULT_HIDDEN = auto()
    NAME_TAKEN = auto()
    KEY_OUTSIDE = auto()
    METADATA_MISSING = auto()
    NO_TIME = auto()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One field that gets no column, and why.

    Attributes:
        kind: the kind of reason.
        field: the names of the field, outermost first.
        problem: the reason in words.
        hint: what to do instead.
        version: which of the schemas holds the field, counted from 0; the last one that does.
        steps: the place in that schema.
    """

    kind: Unmappable
    field: tuple[str, ...]
    problem: str
    hint: str = ""
    version: int = -1
    steps: Steps = ()


class SchemaUnmappable(ContractlineError):
    """When ClickHouse can't hold what a schema describes.

    Attributes:
        contract: the contract.
        refusal: which field, and why.
        field: the field, with dots between nested names.
        problem: why.
    """

    def __init__(self, contract: str, refusal: Refusal) -> None:
        self.contract = contract
        self.refusal = refusal
        self.field = ".".join(refusal.field)
        self.problem = refusal.problem
        super().__init__(f"{contract}: field {self.field}: {self.problem}", hint=refusal.hint)

"""One engine for all proofs of a session: it is as new for each, since each has its own databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from contractline.contracts.change import StreamChange
from contractline.project import Project
from contractline.proof.proof import Prover, StreamProof, prover

REPOSITORY = Project(Path(__file__).parents[3])
PROJECT = REPOSITORY


@pytest.fixture(scope="session")
def engine() -> Iterator[Prover]:
    with prover(REPOSITORY) as one:
        yield one


@pytest.fixture
def proven(engine: Prover) -> Callable[..., StreamProof]:
    """Prove a change with few random records."""

    def prove(change: StreamChange, **more: Any) -> StreamProof:
        found = engine.prove(change, **{"records": 10, **more})
        assert found is not None
        return found

    return prove

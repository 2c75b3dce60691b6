"""What Debezium makes of a checkout's SQL, captured on a stack that is removed again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from contractline.debezium.capture import Captured, Keys
    from contractline.project import Project


def captured(project: Project, keys: Keys) -> Captured:
    """Start PostgreSQL, Kafka and Connect aside, capture, and stop them."""
    from contractline.cli._progress import provide
    from contractline.debezium.capture import capture
    from contractline.settings import Endpoints, environment
    from contractline.stack.control import Stack
    from contractline.stack.throwaway import made_with, throwaway

    provide(Stack(project, environment()).artefacts)
    click.echo("running connect/postgres through PostgreSQL and Debezium, beside everything else")
    with throwaway(project, environment(), lambda event: None) as stack:
        exports = {name.lower(): value for name, value in stack.exports().items()}
        endpoints = Endpoints.model_construct(None, **exports)
        return capture(project, endpoints, keys, made_with(stack))

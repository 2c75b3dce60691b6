"""Settings: where the services are and how to reach them.

Order, later wins: the running local stack of this checkout, ``contractline.toml``, the environment.
Loaded once by the command line or the producer and passed down.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from contractline.errors import SettingInvalid
from contractline.project import Project

STACK_ENDPOINTS = "endpoints.json"
"""The file in the state folder in which a running stack says where its services are (0600)."""

FILE = "contractline.toml"

Settings = TypeVar("Settings", bound=BaseSettings)

SERVICES = (
    "kafka_bootstrap_servers",
    "schema_registry_url",
    "connect_url",
    "postgres_dsn",
    "clickhouse_url",
)
"""The fields of :class:`Endpoints` that say where a service is."""


OWN_VARIABLE = "CONTRACTLINE_STACK_VARIABLES"
"""Which of a shell's variables a checkout's own stack has printed, by their digests."""


def environment() -> Mapping[str, str]:
    """Return the process environment; the only place that reads it."""
    return os.environ  # noqa: TID251 - this is the place the rule points to


def own_variables(project: Project, variables: Mapping[str, str]) -> dict[str, str]:
    """Return what says of variables that the stack of a checkout printed them."""
    digests = (_digest(project, name, value) for name, value in variables.items())
    return {OWN_VARIABLE: " ".join(digests)}


def without_own(project: Project, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the stack of a checkout did not print itself.

    Those that it did don't name another installation, and are out of date once it was reset or has
    moved to other ports: what the running stack says holds.
    """
    own = set(variables.get(OWN_VARIABLE, "").split())
    return {
        name: value
        for name, value in variables.items()
        if not (own and _digest(project, name, value) in own)
    }


def _digest(project: Project, name: str, value: str) -> str:
    text = "\0".join((str(project.root), name, value))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def from_sources(
    kind: type[Settings], *sources: Callable[[], PydanticBaseSettingsSource]
) -> Settings:
    """Return settings as their sources give them; where several name one, the first wins.

    Args:
        kind: the class of the settings.
        sources: each makes a source.

    Raises:
        SettingInvalid: a value or a file can't be used.
    """

    class _Loaded(kind):  # type: ignore[misc, valid-type]
        @classmethod
        def settings_customise_sources(
            cls, *_: object, **__: object
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(source() for source in sources)

    try:
        return kind.model_construct(**_Loaded().model_dump())
    except ValidationError as problem:
        # Never the values: some are secrets. The cause, which holds them, is left out as well.
        wrong = {str(e["loc"][0]).upper(): e["type"] for e in problem.errors(include_input=False)}
        # What the environment gives is text already.
        where = f" ({FILE}: not a string)" if set(wrong.values()) == {"string_type"} else ""
        words = f"has a value that can't be used{where}"
        raise SettingInvalid(", ".join(wrong), words) from None
    except ValueError as problem:
        raise SettingInvalid(FILE, str(problem)) from problem


class _StackSource(PydanticBaseSettingsSource):
    """What the running local stack of the checkout says."""

    def __init__(self, settings_cls: type[BaseSettings], file: Path) -> None:
        super().__init__(settings_cls)
        self._file = file

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        try:
            values = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as problem:
            raise SettingInvalid(
                str(self._file), f"can't be read: {problem}", hint="`contractline restart`"
            ) from problem
        return {name.lower(): value for name, value in values.items()}


class _EnvironmentSource(PydanticBaseSettingsSource):
    """What the environment says, but for what the stack of the checkout has put there."""

    def __init__(self, settings_cls: type[BaseSettings], project: Project) -> None:
        super().__init__(settings_cls)
        self._given = without_own(project, environment())

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self._given.get(field_name.upper()), field_name, False

    def __call__(self) -> dict[str, Any]:
        names = self.settings_cls.model_fields
        return {name: value for name in names if (value := self._given.get(name.upper()))}


class Endpoints(BaseSettings):
    """Addresses and credentials of the services, by the names that their own tools use.

    Each is taken from the environment variable of the same name in upper case.

    Attributes:
        kafka_bootstrap_servers: ``host:port``, several with commas.
        schema_registry_url: the Confluent API's base, with ``user:password@`` where needed.
        connect_url: Kafka Connect's REST API.
        postgres_dsn: the source database, as a libpq URL.
        postgres_replication_user: the role by which Debezium reads the source's changes.
        postgres_replication_password: its password.
        clickhouse_url: ClickHouse's HTTP interface, as ``http://user:password@host:port``.
        clickhouse_reports_url: the same for reports: an account that may read the views of the
            database ``reporting`` and nothing else.
        clickhouse_reader_url: the same for quality rules: an account that may read the tables and
            change nothing.
        clickhouse_kafka_brokers: how ClickHouse reaches Kafka, where that differs.
        clickhouse_schema_registry_url: how ClickHouse reaches the registry, where that differs.
        metabase_url: Metabase's address.
        metabase_user: the email address of its administrator, who is made if there is none.
        metabase_password: the administrator's password.
        metabase_api_key: a key of the group Administrators, in place of the two.
        metabase_clickhouse_url: how Metabase reaches ClickHouse, with an account that only reads.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    kafka_bootstrap_servers: str | None = Field(default=None)
    schema_registry_url: str | None = Field(default=None)
    connect_url: str | None = Field(default=None)
    postgres_dsn: str | None = Field(default=None)
    postgres_replication_user: str | None = Field(default=None)
    postgres_replication_password: str | None = Field(default=None, repr=False)
    clickhouse_url: str | None = Field(default=None)
    clickhouse_reports_url: str | None = Field(default=None)
    clickhouse_reader_url: str | None = Field(default=None)
    clickhouse_kafka_brokers: str | None = Field(default=None)
    clickhouse_schema_registry_url: str | None = Field(default=None)
    metabase_url: str | None = Field(default=None)
    metabase_user: str | None = Field(default=None)
    metabase_password: str | None = Field(default=None, repr=False)
    metabase_api_key: str | None = Field(default=None, repr=False)
    metabase_clickhouse_url: str | None = Field(default=None, repr=False)

    @classmethod
    def load(cls, project: Project) -> Endpoints:
        """Load the endpoints that hold for a checkout.

        Raises:
            SettingInvalid: a value or a file can't be used.
        """
        stack_file = project.state / STACK_ENDPOINTS
        toml_file = project.root / FILE

        return from_sources(
            cls,
            lambda: _EnvironmentSource(cls, project),
            lambda: TomlConfigSettingsSource(cls, toml_file),
            lambda: _StackSource(cls, stack_file),
        )

    @property
    def name_all_services(self) -> bool:
        """Whether every service is known, so that no local stack is needed."""
        return all(getattr(self, name) for name in SERVICES)

    def for_reports(self) -> Endpoints:
        """Return these endpoints with the account for reports, where the same server has one."""
        return self._by_account(self.clickhouse_reports_url)

    def for_reading(self) -> Endpoints:
        """Return these endpoints with the account that only reads, where the server has one."""
        return self._by_account(self.clickhouse_reader_url)

    def _by_account(self, own: str | None) -> Endpoints:
        common = self.clickhouse_url
        if own is None or (common is not None and _place(own) != _place(common)):
            return self
        return self.model_copy(update={"clickhouse_url": own})

    def need(self, name: str) -> str:
        """Return an endpoint that must be known.

        Raises:
            SettingInvalid: nothing says where the service is.
        """
        value: str | None = getattr(self, name)
        if not value:
            raise SettingInvalid(
                name.upper(),
                "is not set and no local stack is running in this checkout",
                hint="`contractline up` starts one; or set the variable to use a real installation",
            )
        return value


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


_DSN_PASSWORD = re.compile(r"(?<=password=)('(?:[^'\\]|\\.)*'|\S+)", re.IGNORECASE)
"""The password in a DSN of PostgreSQL that is not a URL: ``host=db password=secret``."""


def without_password(url: str) -> str:
    """Return a URL as it may be shown: with the password replaced by ``***``."""
    if "://" not in url:
        return _DSN_PASSWORD.sub("***", url)
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{host}"))

"""Where things are in a contractline checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from contractline.errors import ProjectNotFound

CONTRACTS = "contracts"


@dataclass(frozen=True, slots=True)
class Project:
    """A checkout: the folder that holds ``contracts/`` and everything beside it."""

    root: Path

    @classmethod
    def find(cls, start: Path) -> Project:
        """Return the project that ``start`` lies in.

        Raises:
            ProjectNotFound: neither ``start`` nor a folder above it holds ``contracts/``.
        """
        start = start.resolve()
        for folder in (start, *start.parents):
            if (folder / CONTRACTS).is_dir() and (folder / "clickhouse_ddl").is_dir():
                return cls(folder)
        raise ProjectNotFound(start)

    @property
    def contracts(self) -> Path:
        """The contracts, one folder each (``system/`` holds those of the machinery)."""
        return self.root / CONTRACTS

    @property
    def connectors(self) -> Path:
        """The connector templates."""
        return self.root / "connect" / "connectors"

    @property
    def connect_plugin(self) -> Path:
        """The Java sources of the plugin that the connectors name."""
        return self.root / "connect" / "plugin"

    @property
    def postgres_sql(self) -> Path:
        """The SQL that prepares the source database for change data capture."""
        return self.root / "connect" / "postgres"

    @property
    def captured(self) -> Path:
        """What Debezium made of that SQL, as schemas."""
        return self.root / "connect" / "captured"

    @property
    def ddl(self) -> Path:
        """The desired state of ClickHouse."""
        return self.root / "clickhouse_ddl"

    @property
    def docs(self) -> Path:
        """The documentation, some of it generated."""
        return self.root / "docs"

    @property
    def reports(self) -> Path:
        """Questions and dashboards."""
        return self.root / "reports"

    @property
    def state(self) -> Path:
        """What the local stack keeps: data, logs, generated passwords. Git-ignored."""
        return self.root / ".contractline"

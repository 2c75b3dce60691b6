"""What a checkout holds for the source database and Kafka Connect: SQL files, connector templates."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg

from contractline.contracts.captured import CREATES
from contractline.errors import SettingInvalid
from contractline.project import Project

_COPY = re.compile(r"^\\copy (.+) FROM '([^']+)' WITH (\(.+\))$", re.MULTILINE)


@dataclass(frozen=True)
class SqlFile:
    r"""A file of connect/postgres, which psql can run as well.

    Its first line names the object that it creates; it runs while that object does not exist.
    ``\copy TABLE FROM 'FILE' WITH (OPTIONS)`` loads a file that lies beside it.
    """

    path: Path

    @cached_property
    def text(self) -> str:
        """The whole file."""
        return self.path.read_text(encoding="utf-8")

    @property
    def creates(self) -> tuple[str, str]:
        """The kind and the name of the object that it creates.

        Raises:
            SettingInvalid: the first line does not say.
        """
        header = CREATES.match(self.text)
        if header is None:
            raise SettingInvalid(
                str(self.path),
                "does not say what it creates",
                hint="begin it with a line such as `-- creates: table public.github_users`",
            )
        return header.group(1), header.group(2)

    def run(self, connection: psycopg.Connection[dict[str, object]]) -> None:
        """Run the file's statements in their order."""
        position = 0
        for copy in _COPY.finditer(self.text):
            connection.execute(self.text[position : copy.start()].encode())
            target, name, options = copy.groups()
            statement = f"COPY {target} FROM STDIN WITH {options}".encode()
            with connection.cursor() as cursor, cursor.copy(statement) as copying:
                copying.write((self.path.parent / name).read_bytes())
            position = copy.end()
        connection.execute(self.text[position:].encode())


def sql_files(project: Project) -> list[SqlFile]:
    """Return the SQL files of the source database, in the order of their names."""
    return [SqlFile(path) for path in sorted(project.postgres_sql.glob("*.sql"))]


def connector_names(project: Project) -> list[str]:
    """Return the connectors that the checkout declares."""
    return sorted(path.stem for path in project.connectors.glob("*.json"))


def connector_template(project: Project, name: str) -> dict[str, str]:
    """Return what a connector's template holds.

    Raises:
        SettingInvalid: there is none, or it is not a JSON object of texts.
    """
    path = project.connectors / f"{name}.json"
    try:
        template = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise SettingInvalid(str(path), f"can't be read: {problem}") from problem
    if not isinstance(template, dict) or not all(isinstance(v, str) for v in template.values()):
        raise SettingInvalid(str(path), "must be a JSON object whose values are all texts")
    return template

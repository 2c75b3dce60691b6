"""Where the services of compose/ are, for clients on the host: read from compose/.env."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from contractline.errors import ContractlineError

ENV = Path("compose") / ".env"
HOST = "127.0.0.1"
# How the containers name each other (compose.yaml).
KAFKA_INSIDE = "kafka:9092"
REGISTRY_INSIDE = "http://registry:8081"


class ComposeNotSetUp(ContractlineError):
    """When compose/.env is missing, or says too little."""

    def __init__(self, file: Path, problem: str) -> None:
        self.file = file
        super().__init__(f"{file}: {problem}", hint="`make compose-env` writes it")


def endpoints(root: Path) -> dict[str, str]:
    """Return the variables by which clients on the host find the services, credentials included.

    Raises:
        ComposeNotSetUp: nobody wrote an .env yet, or a value is missing in it.
    """
    file = root / ENV
    try:
        return _endpoints(read(file))
    except FileNotFoundError as problem:
        raise ComposeNotSetUp(file, "is not there") from problem
    except KeyError as problem:
        raise ComposeNotSetUp(file, f"does not set {problem.args[0]}") from problem


def read(file: Path) -> dict[str, str]:
    """Return the variables that an .env file gives a value."""
    lines = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs if value}


def _endpoints(env: dict[str, str]) -> dict[str, str]:
    path = env.get("REGISTRY_PATH", "")
    postgres = f"postgres:{quote(env['POSTGRES_PASSWORD'], safe='')}"
    writer = f"writer:{quote(env['CLICKHOUSE_WRITER_PASSWORD'], safe='')}"
    reports = f"reports:{quote(env['CLICKHOUSE_REPORTS_PASSWORD'], safe='')}"
    reader = f"reader:{quote(env['CLICKHOUSE_READER_PASSWORD'], safe='')}"
    return {
        "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{env['KAFKA_PORT']}",
        "SCHEMA_REGISTRY_URL": f"http://{HOST}:{env['REGISTRY_PORT']}{path}",
        "CONNECT_URL": f"http://{HOST}:{env['CONNECT_PORT']}",
        "POSTGRES_DSN": (
            f"postgresql://{postgres}@{HOST}:{env['POSTGRES_PORT']}/{env['POSTGRES_DATABASE']}"
        ),
        "POSTGRES_REPLICATION_USER": env["POSTGRES_REPLICATION_USER"],
        "POSTGRES_REPLICATION_PASSWORD": env["POSTGRES_REPLICATION_PASSWORD"],
        "CLICKHOUSE_URL": f"http://{writer}@{HOST}:{env['CLICKHOUSE_PORT']}",
        "CLICKHOUSE_REPORTS_URL": f"http://{reports}@{HOST}:{env['CLICKHOUSE_PORT']}",
        "CLICKHOUSE_READER_URL": f"http://{reader}@{HOST}:{env['CLICKHOUSE_PORT']}",
        "CLICKHOUSE_KAFKA_BROKERS": KAFKA_INSIDE,
        "CLICKHOUSE_SCHEMA_REGISTRY_URL": f"{REGISTRY_INSIDE}{path}",
    }

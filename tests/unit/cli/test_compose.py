"""`contractline env --compose`: addresses and credentials out of compose/.env."""

from pathlib import Path

import pytest

from contractline.cli._compose import ComposeNotSetUp, endpoints

EXAMPLE = Path(__file__).parents[3] / "compose" / ".env.example"


def write(root: Path, text: str) -> None:
    (root / "compose").mkdir()
    (root / "compose" / ".env").write_text(text)


def filled(**values: str) -> str:
    lines = []
    for line in EXAMPLE.read_text().splitlines():
        name, sign, value = line.partition("=")
        given = values.get(name, value or ("secret" if name.endswith("_PASSWORD") else ""))
        lines.append(f"{name}{sign}{given}")
    return "\n".join(lines)


def test_every_address_is_on_loopback(tmp_path):
    write(tmp_path, filled())
    found = endpoints(tmp_path)
    assert found["KAFKA_BOOTSTRAP_SERVERS"] == "127.0.0.1:19092"
    assert found["CLICKHOUSE_URL"] == "http://writer:secret@127.0.0.1:18123"
    assert found["POSTGRES_DSN"] == (
        "postgresql://postgres:secret@127.0.0.1:15432/github-processing-project"
    )


def test_clickhouse_reaches_the_others_by_their_names(tmp_path):
    write(tmp_path, filled(REGISTRY_PATH="/apis/ccompat/v7"))
    found = endpoints(tmp_path)
    assert found["SCHEMA_REGISTRY_URL"] == "http://127.0.0.1:18081/apis/ccompat/v7"
    assert found["CLICKHOUSE_SCHEMA_REGISTRY_URL"] == "http://registry:8081/apis/ccompat/v7"
    assert found["CLICKHOUSE_KAFKA_BROKERS"] == "kafka:9092"


def test_signs_in_passwords_do_not_break_an_address(tmp_path):
    write(tmp_path, filled(CLICKHOUSE_WRITER_PASSWORD="a/b@c=d"))
    assert endpoints(tmp_path)["CLICKHOUSE_URL"] == "http://writer:a%2Fb%40c%3Dd@127.0.0.1:18123"


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ComposeNotSetUp) as caught:
        endpoints(tmp_path)
    assert str(tmp_path / "compose" / ".env") in str(caught.value)
    assert caught.value.hint == "`make compose-env` writes it"


def test_a_missing_value_is_named(tmp_path):
    write(tmp_path, filled(CLICKHOUSE_WRITER_PASSWORD=""))
    with pytest.raises(ComposeNotSetUp, match="does not set CLICKHOUSE_WRITER_PASSWORD"):
        endpoints(tmp_path)

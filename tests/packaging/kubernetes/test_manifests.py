"""deploy/ is valid, says what compose/ says, and holds no secret. No cluster is needed."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml

from contractline.cli import COMMANDS, cli
from contractline.cli.dashboard import PASSWORD
from contractline.cli.dashboard import PORT as PAGE_PORT
from contractline.settings import Endpoints
from producer.github.access import GitHubAccess
from producer.settings import load_settings
from producer.webhook.options import SECRET
from tests.packaging.kubernetes.manifests import (
    DEPLOY,
    ROOT,
    described,
    pods,
    resource,
    resources,
    schema,
)

DOCS = ROOT / "docs" / "kubernetes.md"
DOCKERFILE = DEPLOY / "connect.Dockerfile"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose" / "compose.yaml").read_text())[
    "services"
]
OWN = {"apply", "watch", "producer", "webhook", "page"}
CASES = list(described())
IDS = [f"{kind}-{one.get('metadata', {}).get('name', 'of-clickhouse')}" for kind, one in CASES]

# Where an object may have fields of any name.
FREE = {
    "metadata", "labels", "matchLabels", "config", "parameters", "files", "requests", "limits",
}  # fmt: skip
# Lines that differ from connect/worker.properties, and why.
WORKER = {
    # The broker's default, 3 here.
    "config.storage.replication.factor": "-1",
    "offset.storage.replication.factor": "-1",
    "status.storage.replication.factor": "-1",
    # As in compose/connect/here.properties.
    "plugin.discovery": "hybrid_warn",
}
# Properties that Strimzi wants as fields of the resource.
FIELDS = {
    "group.id": "groupId",
    "config.storage.topic": "configStorageTopic",
    "offset.storage.topic": "offsetStorageTopic",
    "status.storage.topic": "statusStorageTopic",
}


def problems(kind: str, one: dict[str, Any]) -> list[str]:
    found = jsonschema.Draft202012Validator(schema(kind)).iter_errors(one)
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in found]


def objects(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every object inside of a value, with the names of the fields that lead to it."""
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from objects(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner, path)


@pytest.mark.parametrize(("kind", "one"), CASES, ids=IDS)
def test_a_resource_is_valid_by_its_published_schema(kind: str, one: dict[str, Any]) -> None:
    assert problems(kind, one) == []


@pytest.mark.parametrize(("kind", "one"), CASES, ids=IDS)
def test_an_unknown_field_is_found_wherever_it_stands(kind: str, one: dict[str, Any]) -> None:
    one = copy.deepcopy(one)
    for path, place in objects(one):
        # What ClickHouse's templates hold is a case of its own.
        if (path and path[-1] in FREE) or (
            kind == "clickhouseinstallation" and "templates" in path
        ):
            continue
        place["unknownField"] = {}
        assert problems(kind, one), path
        del place["unknownField"]


def test_metadata_holds_names_and_labels_only() -> None:
    for one in resources():
        assert one["metadata"].keys() <= {"name", "labels"}, one


def containers() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every container whose variables are ours to set, by the name of its pod."""
    for name, pod in pods():
        (container,) = pod["containers"]
        yield name, container
    yield "connect", resource("KafkaConnect", "connect")["spec"]["template"]["connectContainer"]


def variables(name: str) -> dict[str, str]:
    """The variables of a container that stand in the file."""
    (container,) = (c for n, c in containers() if n == name)
    return {v["name"]: v["value"] for v in container["env"] if "value" in v}


def test_images_are_those_of_compose() -> None:
    images = {name: c["image"] for name, c in containers() if name != "connect"}
    for name in ("registry", "clickhouse"):
        assert images.pop(name) == COMPOSE[name]["image"]
    assert images == dict.fromkeys(OWN, "contractline")
    connect = resource("KafkaConnect", "connect")["spec"]
    assert connect["image"] == "contractline-connect"
    first, base = re.findall(r"^FROM (\S+)", DOCKERFILE.read_text(), re.MULTILINE)
    assert first == COMPOSE["connect"]["image"]
    kafka = version(COMPOSE["kafka"]["image"])
    assert base.endswith(f"-kafka-{kafka}")
    assert connect["version"] == kafka
    broker = resource("Kafka", "kafka")["spec"]["kafka"]
    assert broker["version"] == kafka
    assert broker["metadataVersion"].startswith(f"{'.'.join(kafka.split('.')[:2])}-")
    postgres = resource("Cluster", "postgres")["spec"]["imageName"]
    assert version(postgres).split("-")[0] == version(COMPOSE["postgres"]["image"])


def version(image: str) -> str:
    return image.partition("@")[0].rpartition(":")[2]


def test_the_own_images_have_the_version_of_the_project() -> None:
    project = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert project
    named = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())["images"]
    assert {(image["name"], image["newTag"]) for image in named} == {
        ("contractline", project[1]),
        ("contractline-connect", project[1]),
    }


def test_limits_and_heaps_are_those_of_compose() -> None:
    pool = resource("KafkaNodePool", "dual")["spec"]
    connect = resource("KafkaConnect", "connect")["spec"]
    limits = {n: c["resources"]["limits"]["memory"] for n, c in containers() if n != "connect"}
    limits["kafka"] = pool["resources"]["limits"]["memory"]
    limits["connect"] = connect["resources"]["limits"]["memory"]
    limits["postgres"] = resource("Cluster", "postgres")["spec"]["resources"]["limits"]["memory"]
    assert limits.keys() == OWN | {"kafka", "connect", "postgres", "registry", "clickhouse"}
    for name, limit in limits.items():
        service = COMPOSE["watch" if name in OWN else name]
        assert limit == service["mem_limit"].upper() + "i", name
    for name, spec in (("kafka", pool), ("connect", connect)):
        heap = COMPOSE[name]["environment"]["KAFKA_HEAP_OPTS"]
        assert heap == f"-Xmx{spec['jvmOptions']['-Xmx']}"


def test_every_variable_is_one_that_its_program_reads() -> None:
    read = {
        *(name.upper() for name in Endpoints.model_fields),
        *(name.upper() for name in GitHubAccess.model_fields),
        PASSWORD,
        SECRET,
    }
    for name, container in containers():
        named = [variable["name"] for variable in container["env"]]
        assert len(named) == len(set(named))
        if name in OWN:
            parts = set(re.findall(r"\$\((\w+)\)", " ".join(variables(name).values())))
            assert parts <= set(named)
            assert set(named) - parts <= read, name
            for part in parts:
                # Kubernetes puts in only what stands before.
                users = [v["name"] for v in container["env"] if f"$({part})" in v.get("value", "")]
                assert all(named.index(part) < named.index(user) for user in users)
        else:
            own = set(COMPOSE[name]["environment"]) - {"KAFKA_HEAP_OPTS"}
            assert set(named) == own, name


def test_who_applies_and_watches_knows_all_that_compose_names() -> None:
    own = COMPOSE["watch"]["environment"]
    for name in ("apply", "watch"):
        (container,) = (c for n, c in containers() if n == name)
        assert own.keys() <= {variable["name"] for variable in container["env"]}
    # Both take commits in: nothing but Kafka and the registry.
    endpoints = {name.upper() for name in Endpoints.model_fields}
    for name in ("producer", "webhook"):
        assert variables(name).keys() & endpoints == COMPOSE["producer"]["environment"].keys()


def test_every_address_is_that_of_a_service() -> None:
    kafka = resource("Kafka", "kafka")
    (listener,) = kafka["spec"]["kafka"]["listeners"]
    connect = resource("KafkaConnect", "connect")
    known = {
        (f"{kafka['metadata']['name']}-kafka-bootstrap", listener["port"]),
        (f"{connect['metadata']['name']}-connect-api", 8083),
        (f"{resource('Cluster', 'postgres')['metadata']['name']}-rw", 5432),
        ("clickhouse-contractline", 8123),
        ("registry", resource("Service", "registry")["spec"]["ports"][0]["port"]),
    }
    assert resource("ClickHouseInstallation", "contractline")
    found = set()
    for name in (*OWN, "connect", "registry"):
        given = variables(name)
        if name == "connect":
            found.add((given["POSTGRES_HOST"], int(given["POSTGRES_PORT"])))
        for variable, value in given.items():
            if variable == "SCHEMA_REGISTRY_LISTENERS":
                continue
            if "://" in value or variable == "KAFKA_BOOTSTRAP_SERVERS":
                parts = urlsplit(value if "://" in value else f"//{value}")
                found.add((str(parts.hostname), parts.port or 0))
    found.add(tuple(urlsplit(f"//{connect['spec']['bootstrapServers']}").netloc.split(":")))  # type: ignore[arg-type]
    assert {(host, int(port)) for host, port in found} == known


def test_the_source_database_is_the_same_everywhere() -> None:
    database = resource("Cluster", "postgres")["spec"]["bootstrap"]["initdb"]["database"]
    env = (ROOT / "compose" / ".env.example").read_text()
    assert f"POSTGRES_DATABASE={database}\n" in env
    assert variables("connect")["POSTGRES_DATABASE"] == database
    for name in ("apply", "watch", "page"):
        assert urlsplit(variables(name)["POSTGRES_DSN"]).path == f"/{database}"


def test_postgres_is_set_as_in_compose() -> None:
    cluster = resource("Cluster", "postgres")["spec"]
    given = dict(part.split("=", 1) for part in COMPOSE["postgres"]["command"] if "=" in part)
    settings = cluster["postgresql"]["parameters"]
    assert settings.items() <= given.items()
    assert {"wal_level", "max_slot_wal_keep_size"} <= settings.keys()
    made = cluster["bootstrap"]["initdb"]
    assert COMPOSE["postgres"]["environment"]["POSTGRES_INITDB_ARGS"] == (
        f"--encoding={made['encoding']} --locale-provider={made['localeProvider']}"
        f" --builtin-locale={made['builtinLocale']}"
    )


def test_connect_is_set_as_everywhere() -> None:
    lines = (ROOT / "connect" / "worker.properties").read_text().splitlines()
    wanted = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    spec = resource("KafkaConnect", "connect")["spec"]
    config = {key: str(value) for key, value in spec["config"].items()}
    for name, field in FIELDS.items():
        assert spec[field] == wanted.pop(name)
    assert config == wanted | WORKER
    here = (ROOT / "compose" / "connect" / "here.properties").read_text()
    assert f"plugin.discovery={WORKER['plugin.discovery']}\n" in here


def test_the_connectors_stay_those_of_contractline() -> None:
    assert "annotations" not in resource("KafkaConnect", "connect")["metadata"]
    assert not {"KafkaConnector", "KafkaTopic"} & {one["kind"] for one in resources()}


def test_kafka_keeps_three_copies_and_makes_no_topic_by_itself() -> None:
    config = resource("Kafka", "kafka")["spec"]["kafka"]["config"]
    assert config["auto.create.topics.enable"] is False
    copies = {v for k, v in config.items() if k.endswith("replication.factor")}
    enough = {v for k, v in config.items() if k.endswith((".isr", "insync.replicas"))}
    assert (copies, enough) == ({3}, {2})
    assert resource("KafkaNodePool", "dual")["spec"]["replicas"] == 3
    registry = variables("registry")
    assert registry["SCHEMA_REGISTRY_KAFKASTORE_TOPIC_REPLICATION_FACTOR"] == "3"


def test_no_secret_stands_in_a_file() -> None:
    assert "Secret" not in {one["kind"] for one in resources()}
    for name, container in containers():
        for variable in container["env"]:
            if re.search(r"PASSWORD|SECRET|TOKEN|KEY", variable["name"]):
                assert variable.keys() == {"name", "valueFrom"}, (name, variable)
    for file in DEPLOY.iterdir():
        given = re.findall(r"://[^/\s:]+:([^@/\s]*)@", file.read_text())
        assert all(re.fullmatch(r"\$\(\w+\)", password) for password in given), file


def test_each_part_gets_the_secrets_that_it_needs() -> None:
    keys = {
        name: {v["valueFrom"]["secretKeyRef"]["key"] for v in container["env"] if "valueFrom" in v}
        for name, container in containers()
    }
    passwords = {f"clickhouse-{user}-password" for user in ("writer", "reader", "reports")}
    whole = {"password", "replication-password", *passwords}
    assert keys == {
        "apply": whole,
        "watch": whole,
        "producer": set(),
        "webhook": {"webhook-secret", "github-token"},
        "page": {"replication-password", "clickhouse-reports-password", "page-password"},
        "connect": {"replication-password"},
        "clickhouse": passwords,
        "registry": set(),
    }
    users = {variable: urlsplit(value).username for variable, value in variables("page").items()}
    assert (users["POSTGRES_DSN"], users["CLICKHOUSE_URL"]) == ("debezium", "reports")


def test_secrets_are_the_one_of_the_page_and_the_operators() -> None:
    cluster = resource("Cluster", "postgres")
    assert cluster["spec"]["enableSuperuserAccess"] is True
    refs = {
        place["secretKeyRef"]["name"]
        for one in resources()
        for _, place in objects(one)
        if "secretKeyRef" in place
    }
    assert refs == {"passwords", f"{cluster['metadata']['name']}-superuser"}


def test_the_pods_may_nothing() -> None:
    for name, pod in pods():
        (container,) = pod["containers"]
        assert pod["automountServiceAccountToken"] is False, name
        # A Service's variables look like settings: KAFKA_…, SCHEMA_REGISTRY_…
        assert pod["enableServiceLinks"] is False, name
        if name == "clickhouse":
            assert pod["securityContext"]["runAsUser"] == 101
            continue
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        rights = dict(container["securityContext"])
        # Confluent's image writes its properties where they belong.
        assert rights.pop("readOnlyRootFilesystem", False) is (name != "registry"), name
        assert rights == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
        user = re.search(r"^USER (\d+)$", (ROOT / "compose" / "Dockerfile").read_text(), re.M)
        assert user
        if name != "registry":
            assert pod["securityContext"]["fsGroup"] == int(user[1])


def test_who_listens_is_probed_and_reached() -> None:
    ports = {n: c["ports"][0]["containerPort"] for n, c in containers() if "ports" in c}
    assert ports == {"registry": 8081, "webhook": 8990, "page": PAGE_PORT}
    for name, container in containers():
        if name in ports:
            assert {"readinessProbe", "livenessProbe"} <= container.keys()
            service = resource("Service", name)["spec"]
            assert [p["port"] for p in service["ports"]] == [ports[name]]
            assert service["selector"] == {"app.kubernetes.io/name": name}
            labels = resource("Deployment", name)["spec"]["template"]["metadata"]["labels"]
            assert labels == service["selector"]
    # Of all namespaces only who asks for a password or a signature is reached.
    for name in ("webhook", "page"):
        spec = resource("NetworkPolicy", name)["spec"]
        assert spec["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": name}
        assert spec["ingress"] == [{"ports": [{"port": ports[name]}]}]
    assert resource("NetworkPolicy", "own")["spec"]["podSelector"] == {}
    (listener,) = resource("Kafka", "kafka")["spec"]["kafka"]["listeners"]
    namespace = yaml.safe_load((DEPLOY / "kustomization.yaml").read_text())["namespace"]
    assert resource("Namespace", namespace)
    assert listener["networkPolicyPeers"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    ]


def test_what_is_kept_has_a_volume_and_one_writer() -> None:
    for name, pod in pods():
        claims = [v["persistentVolumeClaim"] for v in pod.get("volumes", []) if v["name"] != "tmp"]
        assert claims == ([{"claimName": name}] if name in {"producer", "webhook"} else [])
        for claim in claims:
            assert resource("PersistentVolumeClaim", claim["claimName"])
            deployment = resource("Deployment", name)["spec"]
            assert (deployment["replicas"], deployment["strategy"]["type"]) == (1, "Recreate")


def test_every_command_is_one_that_the_image_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "a secret")
    for name, container in containers():
        if name not in OWN:
            continue
        program, *arguments = container["command"]
        if program == "python":
            assert arguments[:2] == ["-m", "producer"]
            assert load_settings(arguments[2:]).is_endless
        else:
            assert program == "contractline"
            assert arguments[0] in COMMANDS
            with cli.make_context("contractline", list(arguments)) as context:
                command = cli.get_command(context, arguments[0])
                assert command
                command.make_context(arguments[0], arguments[1:], parent=context)


def test_the_dockerfile_passes_hadolint() -> None:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert program, "hadolint is not installed: make setup"
    done = subprocess.run([program, "--no-color", DOCKERFILE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kustomize_makes_one_valid_whole() -> None:
    done = subprocess.run(
        ["kubectl", "kustomize", DEPLOY], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    made = list(yaml.safe_load_all(done.stdout))
    named = {(one["kind"], one["metadata"]["name"]) for one in made}
    assert named == {(one["kind"], one["metadata"]["name"]) for one in resources()}
    for one in made:
        assert problems(one["kind"].lower(), _without_namespace(one)) == []
    (installation,) = (one for one in made if one["kind"] == "ClickHouseInstallation")
    files = installation["spec"]["configuration"]["files"]
    folder = ROOT / "compose" / "clickhouse"
    written = {str(f.relative_to(folder)): f.read_text() for f in folder.glob("*.d/*.xml")}
    assert files == written
    images = set(re.findall(r"image: (\S+)", done.stdout))
    assert {i for i in images if "contractline" in i} == {
        "registry.example.com/contractline:0.1.0",
        "registry.example.com/contractline-connect:0.1.0",
    }


def _without_namespace(one: dict[str, Any]) -> dict[str, Any]:
    """kustomize puts a namespace into the metadata, of which the trimmed schemas know the name."""
    return one | {"metadata": {k: v for k, v in one["metadata"].items() if k != "namespace"}}


def test_the_page_names_every_file_every_key_and_every_version() -> None:
    text = DOCS.read_text()
    files = text.split("\n## What each file is\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\S+)` \|", files, re.MULTILINE)
    assert sorted(rows) == sorted(file.name for file in DEPLOY.iterdir())
    keys = {
        ref["key"]
        for _, place in (pair for one in resources() for pair in objects(one))
        if (ref := place.get("secretKeyRef")) and ref["name"] == "passwords"
    }
    assert "create secret generic passwords" in text
    assert set(re.findall(r"--from-literal=([\w-]+)=", text)) == keys
    strimzi = re.search(r"strimzi/kafka:(\S+)-kafka-", DOCKERFILE.read_text())
    assert strimzi
    assert f"Strimzi {strimzi[1]}" in text
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (DOCS.parent / link).exists(), link

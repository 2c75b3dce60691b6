"""Kafka: one node that is broker and controller (KRaft)."""

from __future__ import annotations

import base64
import socket
import uuid
from pathlib import Path
from typing import ClassVar

from contractline.errors import ContractlineError
from contractline.stack.ports import LOOPBACK
from contractline.stack.process import Command
from contractline.stack.services.base import (
    JAVA_ENVIRONMENT,
    PROBE_SECONDS,
    Service,
    Site,
    java,
    properties,
)

HEAP = "-Xmx512m"
LOGGING = """\
rootLogger.level=INFO
rootLogger.appenderRef.console.ref=console
appender.console.type=Console
appender.console.name=console
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{ISO8601} %p %c{1} %m%n
"""


class KafkaNotFormatted(ContractlineError):
    """When Kafka's data folder could not be made."""

    def __init__(self, folder: Path, problem: str) -> None:
        super().__init__(
            f"Kafka's data folder {folder} could not be made: {problem}",
            hint="is there room on the disk? `contractline reset` removes what is half made",
        )


class Kafka(Service):
    """Apache Kafka 4.3."""

    name = "kafka"
    version = "4.3.1"
    variable = "KAFKA_BOOTSTRAP_SERVERS"
    default_ports: ClassVar = {"kafka": 19092, "kafka-controller": 19093}

    def prepare(self, site: Site) -> None:
        """Format the data folder where that was not done."""
        config = _write_config(site)
        data = _data(site)
        if (data / "meta.properties").exists():
            return
        # Made here, since Kafka's own tool for it costs another start of Java.
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        arguments = ("format", f"--cluster-id={cluster}", "--config", str(config))
        argv = java(site, "", HEAP, *_class_path(site), "kafka.tools.StorageTool", *arguments)
        done = Command(argv, JAVA_ENVIRONMENT, site.layout.data).run()
        if done.returncode:
            # Java's trace behind the message would bury it.
            said = (done.stderr or done.stdout).strip().partition("\n\tat ")[0]
            raise KafkaNotFormatted(data, said[-2000:])

    def command(self, site: Site) -> Command:
        """Return the broker's command."""
        config = str(_write_config(site))
        argv = java(site, self.name, HEAP, *_class_path(site), "kafka.Kafka", config)
        return Command(argv, JAVA_ENVIRONMENT, site.layout.data)

    def is_ready(self, site: Site) -> bool:
        """Tell whether the broker is part of its cluster, as the cluster itself says."""
        from confluent_kafka import KafkaException
        from confluent_kafka.admin import AdminClient

        # The client would wait longer and longer between its own tries.
        socket.create_connection((LOOPBACK, site.ports["kafka"]), PROBE_SECONDS).close()
        client = AdminClient({"bootstrap.servers": self.own_url(site), "log_level": 0})
        try:
            return bool(client.list_topics(timeout=PROBE_SECONDS).brokers)
        except KafkaException:
            return False

    def own_url(self, site: Site) -> str:
        """Return the bootstrap server."""
        return f"{LOOPBACK}:{site.ports['kafka']}"


KAFKA = Kafka()


def logging_option(site: Site) -> str:
    """Return the option that makes a Java service log to its output."""
    file = site.layout.config / "log4j2.properties"
    if not file.exists() or file.read_text() != LOGGING:
        file.write_text(LOGGING)
    return f"-Dlog4j2.configurationFile={file}"


def render(data: Path, port: int, controller: int) -> str:
    """Return the broker's configuration."""
    listeners = f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        # Named here and not in the data, so that the controller's port may change.
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        "listeners": listeners,
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        "delete.topic.enable": "true",
        "num.partitions": 1,
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # After a crash the broker is let in again once its earlier session is over.
        "broker.heartbeat.interval.ms": 500,
        "broker.session.timeout.ms": 3000,
        "group.initial.rebalance.delay.ms": 0,
    }
    return properties(settings)


def _data(site: Site) -> Path:
    return site.layout.data / "kafka"


def _write_config(site: Site) -> Path:
    file = site.layout.config / "kafka.properties"
    ports = site.ports
    file.write_text(render(_data(site), ports["kafka"], ports["kafka-controller"]))
    return file


def _class_path(site: Site) -> tuple[str, ...]:
    return (logging_option(site), "-cp", f"{site.runtime}/kafka/*")

"""ClickHouse: the engine in a process of its own, or a ``clickhouse`` binary where one is on PATH."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote
from xml.sax.saxutils import escape

from contractline.engine.config import kafka_section, render_config
from contractline.stack.layout import write_private
from contractline.stack.ports import LOOPBACK
from contractline.stack.process import Command
from contractline.stack.services.base import Service, Site, http_status

USER = "default"
BINARY = "clickhouse"
ENGINE = "contractline.engine"

# A killed engine leaves its group member behind. With a name of its own it takes the place again
# at once; otherwise the broker waits for it for 45 seconds. One consumer a group, so one name does.
GROUP_MEMBER = "contractline-clickhouse"


class ClickHouse(Service):
    """The ClickHouse 26.1 engine behind its own HTTP interface."""

    name = "clickhouse"
    version = "26.1"
    variable = "CLICKHOUSE_URL"
    needs = ("kafka", "registry")
    default_ports: ClassVar = {"clickhouse": 18123}

    def command(self, site: Site) -> Command:
        """Return the command of the server, where there is one, or of the embedded engine."""
        binary = _binary(site)
        return _server(site, binary) if binary else _embedded(site)

    def shown_version(self, site: Site) -> str:
        """Return the engine's version, or that a server of some version is used."""
        return "server on PATH" if _binary(site) else self.version

    def is_ready(self, site: Site) -> bool:
        """Tell whether it answers a ping."""
        return http_status(site.url("clickhouse", "/ping")) == 200

    def own_url(self, site: Site) -> str:
        """Return the HTTP interface, with user and password."""
        account = f"{USER}:{quote(site.passwords.clickhouse, safe='')}"
        return f"http://{account}@{LOOPBACK}:{site.ports['clickhouse']}"


CLICKHOUSE = ClickHouse()


def is_available() -> bool:
    """Tell whether there is an engine to run."""
    if shutil.which(BINARY):
        return True
    try:
        return importlib.util.find_spec(f"{ENGINE}.__main__") is not None
    except ModuleNotFoundError:
        return False


def _binary(site: Site) -> Path | None:
    found = shutil.which(BINARY, path=site.environment.get("PATH"))
    return Path(found) if found else None


def _embedded(site: Site) -> Command:
    config = site.layout.config / "clickhouse.xml"
    config.write_text(render_config(group_instance_id=GROUP_MEMBER))
    password = site.layout.config / "clickhouse.password"
    write_private(password, site.passwords.clickhouse)
    options = {
        "--data": site.layout.data / "clickhouse",
        "--config": config,
        "--host": LOOPBACK,
        "--port": site.ports["clickhouse"],
        "--user": USER,
        "--password-file": password,
    }
    argv = [str(part) for option in options.items() for part in option]
    return Command((sys.executable, "-m", ENGINE, *argv), {}, site.layout.data)


def _server(site: Site, binary: Path) -> Command:
    config = site.layout.config / "clickhouse-server.xml"
    data = site.layout.data / "clickhouse-server"
    write_private(config, render_server(data, site.ports["clickhouse"], site.passwords.clickhouse))
    argv = (str(binary), "server", f"--config-file={config}")
    # Its own watchdog would start it again behind the supervisor's back.
    return Command(argv, {"CLICKHOUSE_WATCHDOG_ENABLE": "0"}, site.layout.data)


def render_server(data: Path, port: int, password: str) -> str:
    """Return the configuration of a real server: HTTP on loopback only, one account."""
    digest = hashlib.sha256(password.encode()).hexdigest()
    folder = escape(str(data))
    return f"""\
<clickhouse>
 <logger><level>information</level><console>1</console></logger>
 <listen_host>{LOOPBACK}</listen_host>
 <http_port>{port}</http_port>
 <path>{folder}/</path>
 <tmp_path>{folder}/scratch/</tmp_path>
 <user_files_path>{folder}/user_files/</user_files_path>
 <format_schema_path>{folder}/format_schemas/</format_schema_path>
 <mark_cache_size>67108864</mark_cache_size>
 <max_server_memory_usage_to_ram_ratio>0.5</max_server_memory_usage_to_ram_ratio>
 {kafka_section(GROUP_MEMBER)}
 <profiles><default/></profiles>
 <quotas><default/></quotas>
 <users>
  <{USER}>
   <password_sha256_hex>{digest}</password_sha256_hex>
   <networks><ip>127.0.0.1</ip></networks>
   <profile>default</profile>
   <quota>default</quota>
   <access_management>1</access_management>
  </{USER}>
 </users>
</clickhouse>
"""

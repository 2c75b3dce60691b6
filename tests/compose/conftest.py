"""The containers of compose/ for tests: a project, volumes, passwords and ports of their own.

Started by pytest-docker. Without a Docker engine every test here is skipped, and says so. REGISTRY
chooses the registry, as for `make compose-env`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from contractline.cli._compose import endpoints, read
from contractline.project import Project
from contractline.settings import Endpoints, environment
from contractline.stack.ports import any_free
from tests.fixtures.stack import REPOSITORY, copy_project

PROJECT = "contractline-test"
ENGINE_SECONDS = 20
COMMAND_SECONDS = 300
# The first test waits for all images to be fetched and built.
TEST_SECONDS = 1800


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TEST_SECONDS))


def no_engine() -> str:
    """Return why there is no Docker engine to use; nothing when there is one."""
    if shutil.which("docker") is None:
        return "there is no docker command"
    for asked in (("info",), ("compose", "version")):
        try:
            done = subprocess.run(
                ["docker", *asked], capture_output=True, text=True, timeout=ENGINE_SECONDS
            )
        except subprocess.TimeoutExpired:
            return "the engine does not answer"
        if done.returncode:
            return done.stderr.strip().splitlines()[-1]
    return ""


@dataclass(frozen=True)
class Containers:
    """The running containers, and what a test may do to them."""

    project: Project

    @property
    def env_file(self) -> Path:
        return self.project.root / "compose" / ".env"

    @property
    def exports(self) -> dict[str, str]:
        """The variables that `contractline env --compose` prints."""
        return endpoints(self.project.root)

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(**{name.lower(): value for name, value in self.exports.items()})

    @property
    def environment(self) -> dict[str, str]:
        """A whole environment for a child process that uses them."""
        return {**environment(), **self.exports}

    def compose(self, *arguments: str) -> str:
        """Run a command of Docker Compose, which must succeed, and return its output."""
        return self._docker("compose", *options(self.env_file), *arguments)

    def stop(self, name: str) -> None:
        """Stop one container; nothing starts it again."""
        self._docker("stop", self._container(name))

    def start(self, name: str) -> None:
        """Start a stopped container, whatever it depends on."""
        self._docker("start", self._container(name))

    def restart(self, name: str) -> None:
        """Restart one container."""
        self._docker("restart", self._container(name))

    def _container(self, name: str) -> str:
        return self.compose("ps", "--all", "--quiet", name).strip()

    def _docker(self, *arguments: str) -> str:
        done = subprocess.run(
            ["docker", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def options(env_file: Path) -> list[str]:
    """Return the options that name the project, its variables and its files."""
    named = [part for file in files(env_file) for part in ("--file", file)]
    return ["--project-name", PROJECT, "--env-file", str(env_file), *named]


def files(env_file: Path) -> list[str]:
    """Return the files of the repository that an .env chooses."""
    names = read(env_file)["COMPOSE_FILE"].split(":")
    return [str(REPOSITORY / "compose" / name) for name in names]


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of the data folders, with a compose/.env of its own."""
    project = copy_project(tmp_path_factory.mktemp("compose") / "project")
    folder = project.root / "compose"
    shutil.copytree(
        REPOSITORY / "compose", folder, ignore=shutil.ignore_patterns(".env"), dirs_exist_ok=True
    )
    registry = environment().get("REGISTRY", "")
    subprocess.run([folder / "make-env.sh", registry], check=True, timeout=30)
    file = folder / ".env"
    text = re.sub(r"_PORT=\d+", lambda _: f"_PORT={any_free()}", file.read_text())
    file.write_text(text)
    file.chmod(0o600)
    return project


@pytest.fixture(scope="session")
def docker_compose_command(project: Project) -> str:
    """What pytest-docker calls; it adds files and project name itself."""
    return f'docker compose --env-file "{project.root / "compose" / ".env"}"'


@pytest.fixture(scope="session")
def docker_compose_file(project: Project) -> list[str]:
    return files(project.root / "compose" / ".env")


@pytest.fixture(scope="session")
def docker_compose_project_name() -> str:
    return PROJECT


@pytest.fixture(scope="session")
def docker_setup() -> list[str]:
    return ["up --build --detach"]


@pytest.fixture(scope="session")
def docker_cleanup() -> list[str]:
    return ["--profile '*' down --volumes"]


@pytest.fixture(scope="session")
def containers(request: pytest.FixtureRequest) -> Iterator[Containers]:
    """The running containers; `up` returns once `init` has applied the contracts."""
    if problem := no_engine():
        pytest.skip(f"needs a Docker engine: {problem}")
    project: Project = request.getfixturevalue("project")
    running = Containers(project)
    try:
        request.getfixturevalue("docker_services")
    except Exception:
        sys.stderr.write(running.compose("logs", "--tail", "50"))
        raise
    yield running
    if request.session.testsfailed:
        sys.stderr.write(running.compose("logs", "--tail", "200"))


@pytest.fixture(scope="session")
def stack(containers: Containers) -> Containers:
    """The name by which the tests of the whole flow know it."""
    return containers

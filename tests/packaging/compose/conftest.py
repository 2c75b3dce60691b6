"""compose/ as Docker Compose itself reads it. Its command line needs no engine for that."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from contractline.settings import environment

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "compose"
Run = Callable[..., subprocess.CompletedProcess[str]]
Model = dict[str, Any]


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what compose/ itself is told by."""
    names = {line.partition("=")[0] for line in env_lines(COMPOSE / ".env.example")}
    return {**{k: v for k, v in environment().items() if k not in names}, **more}


def env_lines(file: Path) -> list[str]:
    lines = file.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def read_env(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in env_lines(file))


@pytest.fixture(scope="session")
def tool() -> Run:
    """Run a tool that comes with the development packages."""

    def run(
        name: str, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        own = Path(sys.executable).parent
        program = shutil.which(name, path=f"{own}{os.pathsep}{clean_environment()['PATH']}")
        assert program, f"{name} is not installed: make setup"
        return subprocess.run(
            [program, *arguments],
            env=dict(variables or clean_environment()),
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture(scope="session")
def make_env(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make a folder with an .env, as `make compose-env` does, beside copies of the other files."""

    def make(*arguments: str) -> Path:
        folder = tmp_path_factory.mktemp("checkout") / "compose"
        shutil.copytree(COMPOSE, folder, ignore=shutil.ignore_patterns(".env"))
        subprocess.run([folder / "make-env.sh", *arguments], check=True, timeout=30)
        return folder

    return make


@pytest.fixture(scope="session")
def resolve(tool: Run) -> Callable[..., Model]:
    """Return the whole model of a folder, as Docker Compose resolves it with its .env."""

    def resolve(folder: Path, profiles: Sequence[str] = ("*",)) -> Model:
        chosen = [part for profile in profiles for part in ("--profile", profile)]
        arguments = ("--project-directory", str(folder), *_files(folder), *chosen)
        done = tool("docker-compose", *arguments, "config", "--format", "json")
        assert done.returncode == 0, done.stderr
        assert not done.stderr, done.stderr
        model: Model = json.loads(done.stdout)
        return model

    return resolve


def _files(folder: Path) -> list[str]:
    names = read_env(folder / ".env")["COMPOSE_FILE"].split(":")
    return [part for name in names for part in ("--file", str(folder / name))]


@pytest.fixture(scope="session")
def confluent(make_env: Callable[..., Path], resolve: Callable[..., Model]) -> Model:
    """The model with Confluent's registry, all profiles."""
    return resolve(make_env())


@pytest.fixture(scope="session")
def apicurio(make_env: Callable[..., Path], resolve: Callable[..., Model]) -> Model:
    """The model with Apicurio Registry, all profiles."""
    return resolve(make_env("apicurio"))


@pytest.fixture(scope="session")
def written() -> Model:
    """compose.yaml as it is written."""
    model: Model = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    return model

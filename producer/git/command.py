"""Running git: an environment that changes nothing in what it says, and errors in words."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from contractline.errors import ContractlineError
from contractline.settings import environment

OLDEST = (2, 31)
"""The first git that counts a merge against its first parent (--diff-merges=first-parent)."""

_VERSION = re.compile(rb"git version (\d+)\.(\d+)")

# Set by git for its hooks, among others: they would point every command at another repository, or
# change what a diff counts. How to reach a remote (GIT_SSH_COMMAND and so on) stays.
_DROPPED = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_CEILING_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_DEFAULT_HASH",
        "GIT_DIFF_OPTS",
        "GIT_DIR",
        "GIT_EXTERNAL_DIFF",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_NAMESPACE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)

_FIXED = {
    "GIT_FLUSH": "0",
    # Grafts and replacements are what one clone shows, and not the history.
    "GIT_GRAFT_FILE": "/dev/null/none",
    # What a partial clone lacks is never fetched into it (git 2.45 and newer heed it).
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    # glibc: keep freed memory. Giving it back after every commit and taking it again costs a tenth.
    "MALLOC_TRIM_THRESHOLD_": str(256 * 1024 * 1024),
}


class GitUnusable(ContractlineError):
    """When there is no git, or one that is too old."""


class GitFailed(ContractlineError):
    """When git can't do what was asked of it.

    Attributes:
        command: git's subcommand.
        where: the repository.
        words: what git said.
    """

    def __init__(self, command: str, where: str, words: str, *, hint: str = "") -> None:
        self.command = command
        self.where = where
        self.words = words
        super().__init__(f"git {command} in {where}: {words}", hint=hint or _hint(words, where))


class Git:
    """git in one repository.

    Attributes:
        path: the repository: a worktree, a bare repository, or a folder inside one.
    """

    def __init__(
        self,
        path: Path,
        settings: Sequence[tuple[str, str]] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Take the path, and what holds besides the repository's own files.

        Args:
            path: the repository.
            settings: more of git's settings.
            variables: more of its variables, such as another GIT_DIR.
        """
        self.path = path
        own = git_environment(environment()) | dict(variables or {})
        self._environment = with_settings(own, settings)

    def start(self, *arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """Start a command, with pipes to and from it.

        It gets a session of its own: an interrupt from the terminal is for the producer, which
        lets it end what it has begun.

        Raises:
            GitUnusable: there is no git.
        """
        try:
            return subprocess.Popen(  # noqa: S603 - the arguments are a list; no shell reads them
                ["git", "--no-pager", "-C", str(self.path), *arguments],  # noqa: S607 - the user's git
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=self._environment,
                start_new_session=True,
            )
        except FileNotFoundError as problem:
            raise GitUnusable(
                "git: there is none on PATH", hint="install git 2.31 or newer"
            ) from problem

    def run(
        self, *arguments: str, lines: Iterable[str] = (), fine: Sequence[int] = (0,)
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end.

        Args:
            arguments: the subcommand and what follows.
            lines: what it reads.
            fine: exit codes that are an answer, and no failure.

        Raises:
            GitFailed: it ended with another code.
            GitUnusable: there is no git.
        """
        process = self.start(*arguments)
        given = "".join(f"{line}\n" for line in lines).encode()
        with process:
            out, words = process.communicate(given)
        if process.returncode not in fine:
            raise self.failure(arguments[0], words, process.returncode)
        return subprocess.CompletedProcess(process.args, process.returncode, out, words)

    def text(self, *arguments: str, lines: Iterable[str] = (), fine: Sequence[int] = (0,)) -> str:
        """Run a command and return what it writes, without the last newline.

        Raises:
            GitFailed: it failed.
        """
        return self.run(*arguments, lines=lines, fine=fine).stdout.decode(errors="replace").rstrip()

    def failure(self, command: str, words: bytes, code: int) -> GitFailed:
        """Return what a command's end means."""
        said = words.decode(errors="replace").strip()
        return GitFailed(command, str(self.path), said or f"ended with exit code {code}")

    def check(self) -> None:
        """See that git is usable, and the path a repository.

        Raises:
            GitUnusable: there is no git, or one that is too old.
            GitFailed: the path is not a repository, or git refuses to read it.
        """
        found = _VERSION.match(self.run("version").stdout)
        version = (int(found[1]), int(found[2])) if found else (0, 0)
        if version < OLDEST:
            raise GitUnusable(
                f"git {version[0]}.{version[1]} is too old",
                hint=f"install git {OLDEST[0]}.{OLDEST[1]} or newer: it counts merges right",
            )
        self.run("rev-parse", "--git-dir")


def git_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which git says the same for everybody.

    Configuration files are kept: they say who may read a repository (safe.directory) and how to
    reach a remote. What they could change in an answer is fixed by options instead.
    """
    kept = {name: value for name, value in given.items() if name not in _DROPPED}
    return kept | _FIXED


def with_settings(given: Mapping[str, str], settings: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return an environment in which git has more settings, after those that are given in it."""
    if not settings:
        return dict(given)
    before = int(given.get("GIT_CONFIG_COUNT") or 0)
    added = {"GIT_CONFIG_COUNT": str(before + len(settings))}
    for number, (key, value) in enumerate(settings, before):
        added |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return {**given, **added}


def _hint(words: str, where: str) -> str:
    if "dubious ownership" in words:
        return (
            "the repository belongs to another user; if you trust it: "
            f"git config --global --add safe.directory {where}"
        )
    if "not a git repository" in words:
        return "give the path of a clone (bare or not), or a URL"
    if "Authentication failed" in words or "could not read Username" in words:
        return "git asks for credentials: set up a credential helper, or use an SSH URL"
    if "Permission denied (publickey" in words:
        return "git's SSH key is not accepted: try `ssh -T` to the host"
    return ""

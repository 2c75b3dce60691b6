"""Copies of repositories that are given as URLs: bare, kept between runs, brought up to date."""

from __future__ import annotations

import hashlib
import os
import re
import selectors
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

from contractline.settings import without_password
from producer.git.command import Git, GitFailed
from producer.sources.base import TICK_SECONDS, Say

_SCP = re.compile(r"^(?:[^/@:]+@)?(?P<host>[^/:]+):(?P<path>.+)$")
_PERCENT = re.compile(rb"(\d+)%")

SAY_EVERY_SECONDS = 5.0

_REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


def is_url(text: str) -> bool:
    """Whether a text names a repository elsewhere: a URL, or ``user@host:path``."""
    return "://" in text or (not Path(text).exists() and _SCP.match(text) is not None)


def name_of(url: str) -> str | None:
    """Return the canonical name that a URL gives a repository: its path on a host."""
    parts = urlsplit(url)
    if "://" in url:
        path = parts.path if parts.hostname and parts.scheme != "file" else ""
    else:
        scp = _SCP.match(url)
        path = scp["path"] if scp else ""
    name = path.strip("/").removesuffix(".git")
    return name if "/" in name else None


class Clone:
    """The copy of one URL.

    Attributes:
        url: the address as it may be shown.
        git: the copy.
    """

    def __init__(self, url: str, folder: Path, say: Say) -> None:
        """Choose the copy's place: one folder a URL, whoever's credentials it carries."""
        self.url = without_password(url)
        self._address = url
        self._say = say
        plain = urlsplit(url)._replace(netloc=urlsplit(url).netloc.rpartition("@")[2]).geturl()
        slug = re.sub(r"[^A-Za-z0-9]+", "-", plain.partition("://")[2] or plain).strip("-")
        digest = hashlib.sha256(plain.encode()).hexdigest()[:8]
        self._path = folder / f"{slug[-60:]}-{digest}.git"
        self.git = Git(self._path)

    def update(self, stop: threading.Event, *, quiet: bool = False) -> None:
        """Fetch what is new, and learn which branch is the default; told to stop, do neither.

        Raises:
            GitFailed: the remote can't be reached or read.
        """
        if not (self._path / "HEAD").exists():
            self._path.mkdir(parents=True, exist_ok=True)
            self.git.run("init", "--quiet", "--bare", "--template=", ".")
        began = time.monotonic()
        if not quiet:
            self._say(f"fetching {self.url}")
        self._fetch(stop)
        if stop.is_set():
            return
        self._follow_head()
        if not quiet:
            self._say(f"fetched {self.url} in {time.monotonic() - began:.1f} s")

    def _fetch(self, stop: threading.Event) -> None:
        """Fetch branches and tags, saying now and then how far it is."""
        process = self.git.start(
            *("-c", "gc.auto=0", "fetch", "--progress", "--prune", "--force", "--no-tags"),
            *("--no-write-fetch-head", "--", self._address, *_REFSPECS),
        )
        try:
            words = self._watch(process, stop)
        finally:
            if process.poll() is None:
                process.kill()
            with process:
                pass
        if process.returncode and not stop.is_set():
            lines = (line for line in re.split(rb"[\r\n]", words) if not _PERCENT.search(line))
            raise self._failure("fetch", b"\n".join(filter(None, lines)), process.returncode)

    def _watch(self, process: subprocess.Popen[bytes], stop: threading.Event) -> bytes:
        """Return the last of what a process says, once it is silent for good or is to stop."""
        words, said = b"", time.monotonic()
        with selectors.DefaultSelector() as selector:
            if process.stderr is None:
                return words
            selector.register(process.stderr, selectors.EVENT_READ)
            while not stop.is_set():
                if not selector.select(TICK_SECONDS):
                    continue
                if not (part := os.read(process.stderr.fileno(), 4096)):
                    process.wait()
                    break
                words = (words + part)[-4096:]
                if time.monotonic() - said > SAY_EVERY_SECONDS:
                    said = time.monotonic()
                    self._say(f"fetching {self.url}: {_last_line(words)}")
        return words

    def _follow_head(self) -> None:
        """Let HEAD of the copy name the remote's default branch."""
        answer = self.git.run("ls-remote", "--symref", "--", self._address, "HEAD", fine=(0, 128))
        if answer.returncode:
            raise self._failure("ls-remote", answer.stderr, answer.returncode)
        head = re.match(rb"ref: (\S+)\tHEAD", answer.stdout)
        if head:
            self.git.run("symbolic-ref", "HEAD", head[1].decode())

    def _failure(self, command: str, words: bytes, code: int) -> GitFailed:
        secret = self._address.encode()
        found = self.git.failure(command, words.replace(secret, self.url.encode()), code)
        return GitFailed(command, self.url, found.words)


def _last_line(words: bytes) -> str:
    lines = [line for line in re.split(rb"[\r\n]", words) if line.strip()]
    return lines[-1].decode(errors="replace").strip() if lines else ""

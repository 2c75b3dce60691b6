"""The webhook source on the command line."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING

from contractline.errors import SettingInvalid
from contractline.project import Project
from contractline.settings import environment
from producer.refs import RefChoice
from producer.webhook.push import PushNames
from producer.webhook.rules import MOST_BYTES, Rules

if TYPE_CHECKING:
    from producer.webhook.doorbell import GitHub

SECRET = "GITHUB_WEBHOOK_SECRET"  # noqa: S105 - the name of a variable
DEFAULT_LISTEN = "127.0.0.1:8990"

_NAME = re.compile(r"[^/\s=]+/[^/\s=]+")
_LISTEN = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\s]+)):(?P<port>\d{1,5})")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the webhook source."""
    group = parser.add_argument_group("GitHub's webhook")
    group.add_argument(
        "--listen",
        type=_address,
        default=DEFAULT_LISTEN,
        metavar="HOST:PORT",
        help="where to listen, behind a proxy with TLS (%(default)s)",
    )
    group.add_argument(
        "--secret-file",
        type=Path,
        metavar="FILE",
        help=f"the webhook's secret; several lines while one replaces another (else {SECRET})",
    )
    group.add_argument(
        "--repository",
        action="append",
        default=[],
        type=_repository,
        metavar="OWNER/NAME[=CANONICAL]",
        help="receive only this repository; after = what it is called in the records, where that "
        "differs; can be given several times (every one that signs with the secret)",
    )
    group.add_argument(
        "--queue",
        type=Path,
        metavar="FILE",
        help="keeps what Kafka has not acknowledged (.contractline/webhook/queue.sqlite)",
    )
    group.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="GitHub tokens, one a line, beside GITHUB_TOKEN, GITHUB_TOKENS and GITHUB_APP_ID: "
        "with one, line counts and logins of what was pushed are asked for",
    )
    group.add_argument(
        "--base-url",
        metavar="URL",
        help="the API's address (GITHUB_API_URL, or https://api.github.com)",
    )
    group.add_argument(
        "--max-body",
        type=_size,
        default=MOST_BYTES,
        metavar="BYTES",
        help="the largest payload that is read (%(default)s)",
    )


def queue_file(options: argparse.Namespace, project: Project) -> Path:
    """Return where deliveries wait."""
    given: Path | None = options.queue
    return given or project.state / "webhook" / "queue.sqlite"


def github(options: argparse.Namespace, project: Project) -> GitHub | None:
    """Return whom to ask for more than a push tells; nobody where there is no token.

    Raises:
        SettingInvalid: a token can't be used.
    """
    # PyGithub belongs to an extra.
    from producer.github.access import GitHubAccess
    from producer.webhook.doorbell import GitHub

    access = GitHubAccess.load(project)
    known = [c for c in access.credentials(options.token_file) if c.auth]
    return GitHub(known, options.base_url or access.github_api_url) if known else None


def rules(options: argparse.Namespace, choice: RefChoice) -> Rules:
    """Return what is accepted.

    Raises:
        SettingInvalid: there is no secret, or its file can't be read.
    """
    canonical = {name.lower(): called for name, called in options.repository}
    return Rules(_secrets(options.secret_file), choice, PushNames(canonical), options.max_body)


def _secrets(file: Path | None) -> list[bytes]:
    if file is None:
        found = [environment().get(SECRET, "").encode()]
    else:
        try:
            found = file.read_bytes().splitlines()
        except OSError as problem:
            raise SettingInvalid("--secret-file", f"{file}: {problem.strerror}") from problem
    secrets = [secret for line in found if (secret := line.strip())]
    if not secrets:
        raise SettingInvalid(
            str(file) if file else SECRET,
            "holds no secret",
            hint="the same secret as in the webhook's settings at GitHub: without one, anybody "
            f"could send commits. Set {SECRET} or give --secret-file",
        )
    return secrets


def _address(text: str) -> tuple[str, int]:
    found = _LISTEN.fullmatch(text)
    if not found or int(found["port"]) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not HOST:PORT, such as {DEFAULT_LISTEN}")
    return found["six"] or found["host"], int(found["port"])


def _repository(text: str) -> tuple[str, str]:
    name, _, called = text.partition("=")
    if not _NAME.fullmatch(name) or (called and not _NAME.fullmatch(called)):
        raise argparse.ArgumentTypeError(f"{text} is not owner/name or owner/name=canonical/name")
    return name, called or name


def _size(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of bytes")
    return int(text)

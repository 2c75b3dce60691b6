"""The options of ``--source github``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from contractline.errors import SettingInvalid
from contractline.project import Project
from producer.github.window import Window
from producer.options import moment, positive, share, whole
from producer.refs import RefChoice

if TYPE_CHECKING:
    from producer.sources.github import GitHubSettings


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options, but for the choice of branches, which other sources have too."""
    group = parser.add_argument_group("repositories at GitHub")
    group.add_argument(
        "--repository",
        action="append",
        default=[],
        type=_repository,
        metavar="OWNER/NAME[=CANONICAL]",
        help="a repository; can be given several times. Records keep the name as it is given here; "
        "after = what it is called in them, where that differs",
    )
    group.add_argument(
        "--organisation",
        "--organization",
        action="append",
        default=[],
        metavar="NAME",
        help="every repository of an organisation or user, but for forks",
    )
    group.add_argument("--forks", action="store_true", help="the organisation's forks too")
    group.add_argument(
        "--base-url",
        metavar="URL",
        help="the API's address (GITHUB_API_URL, or https://api.github.com); "
        "a GitHub Enterprise server's ends with /api/v3",
    )
    group.add_argument(
        "--token-file",
        type=Path,
        metavar="FILE",
        help="tokens, one a line, beside GITHUB_TOKEN, GITHUB_TOKENS and GITHUB_APP_ID",
    )
    group.add_argument(
        "--since", type=moment, metavar="TIME", help="only commits of this time or later"
    )
    group.add_argument(
        "--until", type=moment, metavar="TIME", help="only commits of this time or earlier"
    )
    group.add_argument("--plan", action="store_true", help="say what it will cost, and stop there")
    group.add_argument(
        "--clone",
        action="store_true",
        help="let git read the histories, which costs no quota; what is new comes from the API",
    )
    group.add_argument(
        "--workers", type=whole, default=2, metavar="N", help="git processes, with --clone (2)"
    )
    group.add_argument(
        "--max-quota",
        type=share,
        default=1.0,
        metavar="SHARE",
        help="leave the rest of each quota to others: 50%% (all of it)",
    )
    group.add_argument("--follow", action="store_true", help="go on with what is new until stopped")
    group.add_argument(
        "--poll-interval",
        type=positive,
        default=5.0,
        metavar="SECONDS",
        help="how often to look for something new, where the limits allow it (%(default)g)",
    )
    group.add_argument(
        "--again", action="store_true", help="read everything again, whatever was read before"
    )


def settings(options: argparse.Namespace, project: Project) -> GitHubSettings:
    """Return the settings that the options make.

    Raises:
        SettingInvalid: they don't fit each other, or a secret can't be used.
    """
    # PyGithub belongs to an extra.
    from producer.github.access import GitHubAccess
    from producer.sources.github import GitHubSettings

    access = GitHubAccess.load(project)
    if not options.repository and not options.organisation:
        raise SettingInvalid("--source github", "needs --repository or --organisation")
    if options.until and options.follow:
        raise SettingInvalid("--until", "does not go with --follow: nothing new would fit")
    if options.since and options.until and options.since > options.until:
        raise SettingInvalid("--since", "is later than --until")
    return GitHubSettings(
        repositories=options.repository,
        organisations=options.organisation,
        base_url=_address(options.base_url or access.github_api_url),
        credentials=access.credentials(options.token_file),
        clones=project.state / "clones",
        choice=RefChoice.of_branches(options.branch),
        window=Window(options.since, options.until),
        forks=options.forks,
        plan_only=options.plan,
        clone=options.clone,
        workers=options.workers,
        follow=options.follow,
        poll_seconds=options.poll_interval,
        share=options.max_quota,
        again=options.again,
    )


def _repository(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an owner/name")
    return text


_NAME = re.compile(r"[^/\s=]+/[^/\s=]+(=[^\s=]+)?")


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingInvalid("--base-url", f"{url} is not an http or https address")
    if parts.username or parts.query:
        raise SettingInvalid("--base-url", "holds more than an address: the token goes elsewhere")
    return url.rstrip("/")

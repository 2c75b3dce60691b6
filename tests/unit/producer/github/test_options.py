"""The command line of the GitHub source."""

from __future__ import annotations

import pytest

from contractline.errors import SettingInvalid
from contractline.project import Project
from producer.github import options
from producer.github.access import GitHubAccess
from producer.settings import load_settings
from producer.sources.github import GitHubSource

REPOSITORY = ("--source", "github", "--repository", "acme/shop")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("GITHUB_TOKEN", "GITHUB_TOKENS", "GITHUB_APP_ID", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)


def settings(*arguments: str):
    source = load_settings([*REPOSITORY, *arguments]).make_source(lambda _: None)
    assert isinstance(source, GitHubSource)
    return source._settings


def test_defaults():
    found = settings()
    assert found.repositories == ["acme/shop"]
    assert found.base_url == "https://api.github.com"
    assert [c.name for c in found.credentials] == ["nobody (no token)"]
    assert (found.share, found.poll_seconds, found.follow, found.clone) == (1.0, 5.0, False, False)
    assert found.window.is_open
    assert not found.choice.branches


def test_options_reach_the_source(tmp_path):
    found = settings(
        *("--repository", "acme/new=acme/old", "--organization", "acme", "--max-quota", "50%"),
        *("--since", "2026-01-05", "--until", "2026-02-01T12:00:00+02:00", "--branch", "all"),
        *("--base-url", "https://ghe.example.com/api/v3/", "--clone", "--again", "--forks"),
    )
    assert found.repositories == ["acme/shop", "acme/new=acme/old"]
    assert found.organisations == ["acme"]
    assert found.share == 0.5
    assert found.base_url == "https://ghe.example.com/api/v3"
    assert found.window.parameters() == {
        "since": "2026-01-05T00:00:00+00:00",
        "until": "2026-02-01T12:00:00+02:00",
    }
    assert found.choice.branches
    assert (found.clone, found.again, found.forks) == (True, True, True)


def test_tokens_come_from_a_file_and_the_environment_each_once(monkeypatch, tmp_path):
    (tmp_path / "tokens").write_text("# ours\nfirst\n\nsecond\n")
    monkeypatch.setenv("GITHUB_TOKEN", "first")
    monkeypatch.setenv("GITHUB_TOKENS", "third, first")
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    found = settings("--token-file", str(tmp_path / "tokens"))
    assert [c.auth.token for c in found.credentials if c.auth] == ["first", "second", "third"]
    assert [c.name for c in found.credentials] == [f"token {n} of 3" for n in (1, 2, 3)]
    assert found.base_url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--token-file", "/nonexistent"), "can't read /nonexistent"),
        (("--token-file", "/dev/null"), "holds no token"),
        (("--base-url", "ghe.example.com"), "not an http or https address"),
        (("--base-url", "https://x:secret@ghe.example.com"), "holds more than an address"),
        (("--until", "2026-01-05", "--follow"), "does not go with --follow"),
        (("--since", "2026-01-06", "--until", "2026-01-05"), "is later than --until"),
    ],
)
def test_settings_that_can_not_be_used(arguments, words):
    with pytest.raises(SettingInvalid, match=words) as problem:
        settings(*arguments)
    assert "secret" not in str(problem.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--repository", "shop"), "is not an owner/name"),
        (("--max-quota", "0"), "is not a share"),
        (("--max-quota", "150%"), "is not a share"),
        (("--since", "today"), "is not a time"),
        (("--poll-interval", "0"), "is not a number above 0"),
    ],
)
def test_values_that_are_wrong(arguments, words, capsys):
    with pytest.raises(SystemExit) as ended:
        load_settings([*REPOSITORY, *arguments])
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_something_must_be_named():
    with pytest.raises(SettingInvalid, match="--repository or --organisation"):
        load_settings(["--source", "github"]).make_source(lambda _: None)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"GITHUB_APP_ID": "1"}, "GITHUB_APP_PRIVATE_KEY"),
        (
            {
                "GITHUB_APP_ID": "1",
                "GITHUB_APP_PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\nhunter2",
                "GITHUB_APP_INSTALLATION_ID": "2",
            },
            "can't sign",
        ),
        ({"GITHUB_APP_INSTALLATION_ID": "hunter2"}, "has a value that can't be used"),
        ({"GITHUB_TOKEN": "hunter2\u00e9"}, "a character that no token has"),
    ],
)
def test_credentials_that_can_not_be_used(monkeypatch, variables, words):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingInvalid, match=words) as problem:
        settings()
    assert "hunter2" not in str(problem.value)


def test_every_option_is_in_the_guide():
    from argparse import ArgumentParser
    from pathlib import Path

    parser = ArgumentParser(add_help=False)
    options.add_options(parser)
    guide = (Path(__file__).parents[4] / "docs" / "guides" / "github.md").read_text()
    missing = [a.option_strings[0] for a in parser._actions if a.option_strings[0] not in guide]
    assert not missing, f"describe {missing} in docs/guides/github.md"


def test_access_comes_from_the_file_and_before_it_from_the_environment(monkeypatch, tmp_path):
    (tmp_path / "contractline.toml").write_text(
        'github_api_url = "https://ghe.example.com/api/v3"\ngithub_app_id = "7"\n'
    )
    monkeypatch.setenv("GITHUB_APP_ID", "8")

    access = GitHubAccess.load(Project(tmp_path))

    assert access.github_api_url == "https://ghe.example.com/api/v3"
    assert access.github_app_id == "8"


def test_a_secret_that_is_no_text_is_not_shown(tmp_path):
    (tmp_path / "contractline.toml").write_text("github_token = 12345\n")
    with pytest.raises(SettingInvalid, match="GITHUB_TOKEN") as caught:
        GitHubAccess.load(Project(tmp_path))
    assert "12345" not in str(caught.value)

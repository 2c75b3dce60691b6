from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from contractline.errors import SettingInvalid
from producer.settings import CHECKOUT, load_settings
from producer.sources.fake import FakeSource
from producer.sources.git import GitSource
from producer.sources.git_many import GitRepositories


def source(*arguments: str):
    return load_settings(arguments).make_source(lambda _: None)


def test_each_source_has_its_defaults(tmp_path):
    fake = source("--source", "fake")
    git = source("--source", "git", "--repository", str(tmp_path))

    assert isinstance(fake, FakeSource)
    assert fake.expected == 1000
    assert isinstance(git, GitSource)
    assert git.expected is None
    assert git._settings.workers == 2
    assert git._settings.clones == CHECKOUT / ".contractline" / "clones"


def test_following_without_a_count_has_no_end_and_a_modest_rate():
    fake = source("--source", "fake", "--follow")
    assert isinstance(fake, FakeSource)
    assert (fake._settings.count, fake._settings.rate) == (None, 10)
    assert (fake._settings.start, fake._settings.live) == (None, True)
    fake = source("--source", "fake", "--follow", "--count", "7", "--rate", "2000")
    assert isinstance(fake, FakeSource)
    assert (fake._settings.count, fake._settings.rate) == (7, 2000)


def test_options_reach_the_source(tmp_path):
    git = source(
        *("--source", "git", "--repository", str(tmp_path), "--name", "o/n", "--workers", "3"),
        *("--ref", "a", "--ref", "b", "--follow", "--poll-interval", "0.5", "--again"),
    )
    assert isinstance(git, GitSource)
    assert git.repository == "o/n"
    assert git._settings.choice.names == ("a", "b")
    assert (git._settings.follow, git._settings.poll_seconds, git._settings.again) == (
        True,
        0.5,
        True,
    )
    fake = source(
        "--source", "fake", "--start", "2024-02-29", "--seed", "-3", "--repositories", "9"
    )
    assert isinstance(fake, FakeSource)
    assert fake._settings.start == datetime(2024, 2, 29, tzinfo=UTC)
    assert (fake._settings.seed, fake._settings.repositories) == (-3, 9)


def test_refused_records_go_under_the_state_folder_or_where_told(tmp_path):
    assert load_settings(["--source", "fake"]).dead_letters == (
        CHECKOUT / ".contractline" / "dead-letters" / "commits.jsonl"
    )
    told = load_settings(["--source", "fake", "--dead-letters", str(tmp_path / "x.jsonl")])
    assert told.dead_letters == tmp_path / "x.jsonl"


def test_several_repositories_are_one_source(tmp_path):
    names = ("--name", "a/one", "--name", "a/two")
    many = source("--source", "git", "--repository", str(tmp_path), str(tmp_path), *names)
    assert isinstance(many, GitRepositories)
    assert [turn.source.repository for turn in many._turns] == ["a/one", "a/two"]
    twice = ("--repository", str(tmp_path), "--repository", str(tmp_path))
    for wrong in (names[:2], (*names[:2], *names[:2])):
        with pytest.raises(SettingInvalid, match="--name"):
            source("--source", "git", *twice, *wrong)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: --source"),
        (["--source", "svn"], "invalid choice: 'svn'"),
        (["--source", "git"], "required: --repository"),
        (["--source", "git", "--repository", ".", "--seed", "1"], "unrecognized arguments: --seed"),
        (["--source", "fake", "--repository", "."], "unrecognized arguments: --repository"),
        (["--source", "fake", "--count", "0"], "0 is not a whole number from 1 on"),
        (["--source", "fake", "--count", "x"], "x is not a whole number"),
        (["--source", "fake", "--rate", "-1"], "-1 is not a number above 0"),
        (["--source", "fake", "--rate", "inf"], "inf is not a number above 0"),
        (["--source", "fake", "--start", "today"], "today is not a day"),
        (["--source"], "argument --source: expected one argument"),
        (["--source", "--json"], "argument --source: expected one argument"),
        (["--source", "git", "--repository", ".", "--all", "--ref", "x"], "not allowed with"),
    ],
)
def test_a_wrong_command_line_is_explained(arguments, words, capsys):
    with pytest.raises(SystemExit) as ended:
        load_settings(arguments)

    assert ended.value.code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("name", ["fake", "git"])
def test_help_shows_the_options_of_the_source(name, capsys):
    with pytest.raises(SystemExit) as ended:
        load_settings(["--source", name, "--help"])

    shown = capsys.readouterr().out
    assert ended.value.code == 0
    assert ("--seed" in shown) == (name == "fake")
    assert ("--poll-interval" in shown) == (name == "git")


def test_help_without_a_source_names_the_sources(capsys):
    with pytest.raises(SystemExit) as ended:
        load_settings(["--help"])

    assert ended.value.code == 0
    assert "fake: generated commits" in capsys.readouterr().out


def test_every_option_is_in_the_guide(capsys):
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "producer.md").read_text()
    for name in ("fake", "git"):
        with pytest.raises(SystemExit):
            load_settings(["--source", name, "--help"])
    options = {w.strip(",`") for w in capsys.readouterr().out.split() if w.startswith("--")}
    missing = sorted(o for o in options - {"--help"} if o.strip("[]") not in guide)
    assert not missing, "describe them in docs/guides/producer.md"

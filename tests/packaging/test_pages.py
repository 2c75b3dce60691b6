"""What the pages name exists: commands and their options, files and headings, make targets."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from contractline.cli import COMMANDS, cli
from contractline.project import Project
from contractline.reports.load import load_reports

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "README.ru.md")
DOCS = (
    *PAGES,
    *("CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "tests/README.md"),
    *(str(page.relative_to(ROOT)) for page in sorted((ROOT / "docs").rglob("*.md"))),
)


def blocks(page: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(r"^```(?:sh|json)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_pages_give_the_same_commands():
    english, russian = (blocks(page) for page in PAGES)
    assert english
    assert english == russian


def test_the_pages_name_the_same_commands_in_their_text():
    spans = []
    for page in PAGES:
        text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
        found = re.findall(r"`((?:make|contractline|python|SELECT) [^`<]*|make)`", text)
        spans.append(sorted(found))
    assert spans[0] == spans[1]


@pytest.mark.parametrize("page", DOCS)
def test_everything_linked_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", _without_code(text))
    missing = []
    for link, heading in links:
        linked = ((ROOT / page).parent / link) if link else ROOT / page
        if not linked.exists() or (heading and heading not in _headings(linked)):
            missing.append(f"{link}#{heading}")
    assert not missing


def test_every_make_target_of_the_pages_exists():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in DOCS:
        code = "\n".join(_code((ROOT / page).read_text(encoding="utf-8")))
        named = set(re.findall(r"^make ([a-z][a-z-]*)", code, re.MULTILINE))
        assert named <= targets, page


@pytest.mark.parametrize("page", DOCS)
def test_every_command_and_option_of_a_page_exists(page):
    wrong = []
    for line in _code((ROOT / page).read_text(encoding="utf-8")):
        for words in _commands(line):
            problem = _problem(words)
            if problem:
                wrong.append(f"`{line}`: {problem}")
    assert not wrong


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("contractline plan --brief", "plan has no option --brief"),
        ('eval "$(contractline env --podman)"', "env has no option --podman"),
        ("contractline --debug plams", "no command plams"),
        ("contractline dlq drop PLACE", "no command drop"),
        ("dlq list --everything", "list has no option --everything"),
        ("contractline ask commits --planet Mars", "ask has no option --planet"),
        ("contractline check [--against BASE] | tee report --append", None),
        ("contractline ask commits_by_team --as-of today --sql", None),
        ("contractline --project ../other dlq show --raw PLACE", None),
        ("contractline dump --metabase > --odd", None),
    ],
)
def test_a_command_that_does_not_exist_is_found(line, problem):
    found = [_problem(words) for words in _commands(line)]

    assert found == [problem]


def _without_code(text: str) -> str:
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "`", text)


def _headings(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def _code(text: str) -> Iterator[str]:
    """Each line of the blocks of a page, and each piece of code in its text."""
    for block in re.findall(r"^```\w*[^\n]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from re.sub(r"\\\n\s*", " ", block).splitlines()
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.M))


def _commands(line: str) -> Iterator[list[str]]:
    """The words after each `contractline` of a line; a line may also begin with the command's name."""
    first = line.split(" ")[0]
    if first in COMMANDS and (" --" in line or first == "dlq"):
        line = f"contractline {line}"
    for words in re.findall(r"(?<![\w./'\[-])contractline((?: +[^\s;|&>)#]+)+)", line):
        yield [word.strip("[],`'\".…") for word in words.split()]


def _problem(words: list[str]) -> str | None:
    command: click.Command = cli
    name = "contractline"
    rest = iter(words)
    for word in rest:
        if word.startswith("-"):
            option = _options(name, command).get(word.partition("=")[0])
            if option is None:
                return f"{name} has no option {word}"
            if not option.is_flag and "=" not in word:
                next(rest, None)
        elif isinstance(command, click.Group) and word.islower() and word.isalpha():
            found = command.get_command(click.Context(command), word)
            if found is None:
                return f"no command {word}"
            command, name = found, word
    return None


def _options(name: str, command: click.Command) -> dict[str, click.Option]:
    options = {"--help": click.Option(["--help"], is_flag=True)}
    if name in {"ask", "explain"}:
        for one in load_reports(Project.find(ROOT)).filters.filters:
            options[f"--{one.replace('_', '-')}"] = click.Option([f"--{one}"])
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            options |= dict.fromkeys(parameter.opts, parameter)
    return options

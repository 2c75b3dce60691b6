"""Both README pages give the same commands, and every file they link to exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "README.ru.md")


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


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md", "docs/architecture.md"])
def test_every_linked_file_exists(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)", text)
    missing = [link for link in links if not ((ROOT / page).parent / link).exists()]
    assert not missing


def test_every_make_target_of_the_pages_exists():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"make ([a-z-]+)", (ROOT / page).read_text(encoding="utf-8")))
        assert named <= targets

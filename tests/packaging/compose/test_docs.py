"""docs/compose.md and the upgrade guide say what compose/ is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from contractline.settings import Endpoints
from tests.packaging.compose.conftest import ROOT, Model, read_env

PAGE = ROOT / "docs" / "compose.md"
GUIDE = ROOT / "docs" / "guides" / "upgrade.md"
OWN = ("init", "watch", "producer", "demo", "reports")


def table(heading: str) -> Iterator[list[str]]:
    """The rows of the table below a heading of docs/compose.md."""
    section = PAGE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.+) \|$", section, re.MULTILINE)
    return ([cell.strip() for cell in row.split(" | ")] for row in rows[1:])


def said() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for service, variables, _ in table("Variables of the containers"):
        found.setdefault(service, set()).update(variables.split(", "))
    return found


def test_every_variable_is_listed_and_no_other(confluent: Model, apicurio: Model) -> None:
    services = confluent["services"]
    real = {name: set(s["environment"]) for name, s in services.items() if name not in OWN}
    real["own image"] = {v for name in OWN for v in services[name]["environment"]}
    real["registry (Apicurio)"] = set(apicurio["services"]["registry"]["environment"])
    assert said() == real


def test_every_source_is_a_page_or_a_file_that_names_the_variable() -> None:
    for _, variables, source in table("Variables of the containers"):
        address = re.search(r"https://\S+", source)
        if address:
            continue
        text = (ROOT / source).read_text()
        if source.endswith("settings.py"):
            known = {name.upper() for name in Endpoints.model_fields}
            assert set(variables.split(", ")) <= known
        else:
            assert all(v in text for v in variables.split(", ")), source


def test_services_profiles_and_ports_are_those_that_run(confluent: Model) -> None:
    env = read_env(ROOT / "compose" / ".env.example")
    rows = {name: (profile, port) for name, profile, _, port in _services()}
    assert rows.keys() == confluent["services"].keys()
    for name, (profile, port) in rows.items():
        assert confluent["services"][name].get("profiles", []) == ([profile] if profile else [])
        expected = env.get(f"{name.upper()}_PORT", "")
        assert port == expected, name


def _services() -> Iterator[tuple[str, str, str, str]]:
    text = PAGE.read_text().split("\n## What runs\n")[1].split("\n## ")[0]
    for row in re.findall(r"^\|(.+)\|$", text, re.MULTILINE)[2:]:
        name, profile, what, port = (cell.strip().strip("`") for cell in row.split("|"))
        yield name, profile, what, port


def test_every_image_is_listed_with_how_it_is_pinned(confluent: Model, apicurio: Model) -> None:
    images = {s["image"] for m in (confluent, apicurio) for s in m["services"].values()}
    images = {image for image in images if not image.endswith(":local")}
    for file in (ROOT / "compose" / "Dockerfile", ROOT / "connect" / "Dockerfile"):
        images |= set(re.findall(r"^FROM (\S+)", file.read_text(), re.MULTILINE))
    real = {
        image.partition("@")[0]: "tag and digest" if "@" in image else "tag" for image in images
    }
    listed = [row for row in table("Images") if row[0] != "---"]
    assert {name: pinned for name, pinned, _ in listed} == real
    for name, pinned, source in listed:
        if pinned == "tag and digest":
            owners = set(re.findall(r"(?<![\w/])([\w-]+)/[\w-]+(?=[ ,;]|$)", source))
            assert len(owners) >= 2, f"{name}: two owners pin it, or there is no digest"


@pytest.mark.parametrize("page", [PAGE, GUIDE], ids=["compose", "upgrade"])
def test_commands_and_links_exist(page) -> None:
    text = page.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z-]+)", text)) <= targets
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (page.parent / link).exists(), link


def test_the_guide_has_a_section_for_each_part() -> None:
    headings = re.findall(r"^## (.+)$", GUIDE.read_text(), re.MULTILINE)
    assert {"Debezium", "Kafka", "ClickHouse", "PostgreSQL", "Registry"} <= set(headings)

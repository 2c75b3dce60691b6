from __future__ import annotations

import json
import re
from typing import Any

import pytest

from contractline.contracts.checksums import digest
from contractline.contracts.load import load_contract
from contractline.contracts.release import ReleaseFailed, VersionExists, plan_release, write

PAGE = {"name": "page", "type": "string", "default": "", "doc": "Address of the page."}


def add_field(clicks, one: dict[str, Any] = PAGE) -> None:
    file = clicks / "value.avsc"
    schema = json.loads(file.read_text())
    schema["fields"].append(one)
    file.write_text(json.dumps(schema))


def contents(folder) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_nothing_changed(clicks):
    before = contents(clicks)
    release = plan_release(load_contract(clicks))
    write(release)
    assert release.is_empty
    assert contents(clicks) == before


def test_other_words_are_no_change(clicks):
    file = clicks / "value.avsc"
    file.write_text(file.read_text().replace("One click.", "One click of a visitor."))
    assert plan_release(load_contract(clicks)).is_empty


def test_a_changed_schema_becomes_the_next_version(clicks):
    add_field(clicks)
    before = contents(clicks)
    release = plan_release(load_contract(clicks), "Reports ask for pages.")
    assert contents(clicks) == before
    write(release)
    assert release.version == 2
    assert release.changes == ('adds `page` (string, default "")',)
    after = contents(clicks)
    version = after["versions/value.v2.avsc"]
    assert json.loads(version) == json.loads((clicks / "value.avsc").read_text())
    assert version.endswith(b"\n}\n")
    assert after["versions/SHA256SUMS"].decode().splitlines() == [
        *before["versions/SHA256SUMS"].decode().splitlines(),
        f"{digest(version)}  value.v2.avsc",
    ]
    assert after["CHANGELOG.md"].decode() == (
        "# Versions of clicks\n\n## v2\n\nReports ask for pages.\n\n"
        '- adds `page` (string, default "")\n'
    )
    document = before["contract.odcs.yaml"].replace(b"version: 1.0.0", b"version: 1.1.0")
    assert after["contract.odcs.yaml"] == document
    unchanged = ("key.avsc", "value.avsc", "versions/key.v1.avsc", "versions/value.v1.avsc")
    assert [after[name] for name in unchanged] == [before[name] for name in unchanged]
    assert not [name for name in after if name.endswith(".tmp")]


def test_the_same_schema_gives_the_same_bytes(clicks):
    add_field(clicks)
    first = plan_release(load_contract(clicks))
    file = clicks / "value.avsc"
    file.write_text(json.dumps(json.loads(file.read_text()), indent="\t"))
    assert plan_release(load_contract(clicks)).files == first.files


def test_a_new_stream_gets_its_first_versions(clicks):
    for file in (clicks / "versions").iterdir():
        file.unlink()
    (clicks / "versions").rmdir()
    release = plan_release(load_contract(clicks))
    write(release)
    assert release.version == 1
    names = ["SHA256SUMS", "key.v1.avsc", "value.v1.avsc"]
    assert sorted(file.name for file in (clicks / "versions").iterdir()) == names
    assert (clicks / "CHANGELOG.md").read_text().endswith("## v1\n\nFirst release.\n")
    assert plan_release(load_contract(clicks)).is_empty


def test_the_newest_version_comes_first_in_the_changelog(clicks):
    for name in ("page", "frame"):
        add_field(clicks, PAGE | {"name": name})
        write(plan_release(load_contract(clicks)))
    text = (clicks / "CHANGELOG.md").read_text()
    assert re.findall("^## v.*|^- .*", text, re.MULTILINE) == [
        "## v3",
        '- adds `frame` (string, default "")',
        "## v2",
        '- adds `page` (string, default "")',
    ]


def test_what_people_wrote_in_the_changelog_stays(clicks):
    (clicks / "CHANGELOG.md").write_text("# Clicks\n\nAsk Web.\n\n## v1\n\nThe beginning.\n")
    add_field(clicks)
    write(plan_release(load_contract(clicks)))
    text = (clicks / "CHANGELOG.md").read_text()
    assert text.startswith("# Clicks\n\nAsk Web.\n\n## v2\n")
    assert text.endswith("\n\n## v1\n\nThe beginning.\n")


@pytest.mark.parametrize("written", range(4))
def test_a_release_that_broke_off_is_finished_by_the_next(clicks, written):
    add_field(clicks)
    release = plan_release(load_contract(clicks), "Why")
    assert len(release.files) == 4
    for file, text in release.files[:written]:
        file.write_text(text)
    write(plan_release(load_contract(clicks), "Why"))
    assert {file: file.read_text() for file, _ in release.files} == dict(release.files)
    assert plan_release(load_contract(clicks)).is_empty


def test_promises_changed_by_hand_stay(clicks):
    file = clicks / "contract.odcs.yaml"
    file.write_text(file.read_text().replace("version: 1.0.0", "version: 1.3.1"))
    assert plan_release(load_contract(clicks)).is_empty


def released_as(clicks, version: str) -> str:
    file = clicks / "contract.odcs.yaml"
    file.write_text(file.read_text().replace("version: 1.0.0", f"version: {version}"))
    write(plan_release(load_contract(clicks)))
    return str(load_contract(clicks).odcs.version)


def change(clicks, old: str, new: str) -> None:
    file = clicks / "value.avsc"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("said", "expected"), [("1.3.1", "1.4.0"), ("2.0.0", "2.1.0"), ("0.9.0", "1.1.0")]
)
def test_a_field_that_is_added_is_a_minor_version(clicks, said, expected):
    add_field(clicks)
    assert released_as(clicks, said) == expected


PERSON = '"name": "person", "type": ["null", "string"], "default": null'


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f'    {{{PERSON}, "doc": "Who, when known."}},\n', ""),
        (
            PERSON,
            '"name": "who", "aliases": ["person"], "type": ["null", "string"], "default": null',
        ),
        (PERSON, '"name": "person", "type": ["null", "string", "long"], "default": null'),
        ('"long", "logicalType": "timestamp-micros"', '"long", "logicalType": "timestamp-millis"'),
        ('"name": "shop", "type": "string"', '"name": "shop", "type": ["null", "string"]'),
    ],
)
def test_what_readers_must_act_on_is_a_major_version(clicks, old, new):
    change(clicks, old, new)
    assert released_as(clicks, "1.3.1") == "2.0.0"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (PERSON, '"name": "person", "type": "string", "default": "nobody"'),
        (PERSON, '"name": "person", "type": ["string", "null"], "default": "nobody"'),
    ],
)
def test_what_readers_can_go_on_with_is_a_minor_version(clicks, old, new):
    change(clicks, old, new)
    assert released_as(clicks, "1.0.0") == "1.1.0"


def test_versions_that_were_numbered_by_their_release_stay_and_go_on(clicks):
    add_field(clicks)
    assert released_as(clicks, "2.0.0") == "2.1.0"
    add_field(clicks, PAGE | {"name": "place"})
    write(plan_release(load_contract(clicks)))
    assert load_contract(clicks).odcs.version == "2.2.0"
    assert plan_release(load_contract(clicks)).is_empty


def test_a_file_in_the_way_is_never_overwritten(clicks):
    add_field(clicks)
    draft = load_contract(clicks)
    (clicks / "versions" / "value.v2.avsc").write_text("mine")
    with pytest.raises(VersionExists, match=r"value\.v2\.avsc exists already"):
        plan_release(draft)


def test_a_number_is_not_used_twice(clicks):
    add_field(clicks)
    write(plan_release(load_contract(clicks)))
    (clicks / "versions" / "value.v2.avsc").unlink()
    add_field(clicks, PAGE | {"name": "frame"})
    assert plan_release(load_contract(clicks)).version == 3


@pytest.mark.parametrize("name", ["CHANGELOG.md", "versions/SHA256SUMS"])
def test_a_folder_in_a_files_place_is_said(clicks, name):
    add_field(clicks)
    draft = load_contract(clicks)
    (clicks / name).unlink(missing_ok=True)
    (clicks / name).mkdir()
    with pytest.raises(ReleaseFailed, match=name.rpartition("/")[2]) as caught:
        write(plan_release(draft))
    assert "goes on where it stopped" in caught.value.hint


def test_a_folder_that_is_a_file_is_said(clicks):
    for file in (clicks / "versions").iterdir():
        file.unlink()
    (clicks / "versions").rmdir()
    (clicks / "versions").touch()
    with pytest.raises(ReleaseFailed, match="versions"):
        write(plan_release(load_contract(clicks)))

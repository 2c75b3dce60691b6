from __future__ import annotations

import json

from contractline.cli import run
from contractline.rules.by_id import RULES


def test_the_list_names_every_rule_under_its_category(capsys):
    assert run(["rules"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line == "fields"] == ["fields"]
    assert len([line for line in lines if line.startswith("  ")]) == len(RULES)
    assert lines[-1] == f"{len(RULES)} rules; `contractline rules <ID>` shows one"


def test_one_rule(capsys):
    assert run(["rules", "topic-unique"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("TOPIC_UNIQUE (error, unique)\n\nEach topic has one contract.")
    assert "Good: one of them.\n" in shown


def test_for_programs(capsys):
    run(["rules", "--json"])
    listed = json.loads(capsys.readouterr().out)["rules"]
    assert [one["id"] for one in listed] == [rule.id for rule in RULES]
    run(["rules", "TOPIC_UNIQUE", "--json"])
    one = json.loads(capsys.readouterr().out)
    assert {name: one[name] for name in ("id", "severity", "category")} == {
        "id": "TOPIC_UNIQUE",
        "severity": "error",
        "category": "unique",
    }
    assert one["page"].startswith(one["summary"])


def test_an_unknown_rule(capsys):
    assert run(["rules", "TOPIC_UNIK"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "error: there is no rule `TOPIC_UNIK`\nhint: did you mean TOPIC_UNIQUE?\n"


def test_generated_pages_are_written_and_compared(tmp_path, capsys):
    for folder in ("contracts", "clickhouse_ddl", "docs/rules"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "docs/rules/GONE.md").write_text("old\n")
    generate = ["--project", str(tmp_path), "generate", "rules"]
    assert run([*generate, "--check"]) == 1
    printed = capsys.readouterr()
    assert "docs/rules/GONE.md: nothing gives it\n" in printed.out
    assert "docs/rules/README.md: is missing\n" in printed.out
    assert printed.err == "`contractline generate rules` writes them\n"
    assert run(generate) == 0
    assert "removed docs/rules/GONE.md: nothing gives it\n" in capsys.readouterr().out
    assert run([*generate, "--check"]) == 0
    assert capsys.readouterr().out == f"{len(RULES) + 1} files are as they should be\n"

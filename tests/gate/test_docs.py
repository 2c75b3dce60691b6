"""docs/guides/check.md says what the command, the action and the hook really take."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from contractline.cli.check import command
from contractline.contracts.waivers import load_waivers
from contractline.gate.reports import FORMATS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guides" / "check.md").read_text()
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())


def blocks() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def block(start: str) -> str:
    return next(text for text in blocks() if text.startswith(start))


def test_every_option_and_format_is_there():
    options = {name for one in command.params for name in one.opts if name.startswith("--")}
    assert [option for option in options if f"`{option}" not in PAGE] == []
    assert [name for name in FORMATS if f"| `{name}` |" not in PAGE] == []


def test_every_input_and_output_of_the_action_is_there():
    names = [*ACTION["inputs"], *ACTION["outputs"]]
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_the_waiver_can_be_read(tmp_path):
    (tmp_path / "waivers").mkdir()
    (tmp_path / "waivers/PARTITIONS_ONLY_GROW.yaml").write_text(block("path:"))
    waivers = load_waivers(tmp_path)
    assert waivers.mistakes == ()
    assert [one.migration.topic for one in waivers.entries] == ["commits_v2"]


def test_the_examples_for_hosts_keep_their_schemas(tmp_path):
    hosts = {"vendor.github-workflows": block("on:"), "vendor.gitlab-ci": block("contracts:")}
    for schema, text in hosts.items():
        file = tmp_path / f"{schema}.yml"
        file.write_text(text)
        tool = Path(sys.executable).parent / "check-jsonschema"
        subprocess.run([tool, "--builtin-schema", schema, file], check=True, capture_output=True)


def test_the_hook_is_the_one_of_the_manifest():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (repo,) = yaml.safe_load(block("repos:"))["repos"]
    assert repo["hooks"] == [{"id": hook["id"]}]

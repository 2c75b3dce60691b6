"""G6: ``contractline check`` and ``prove``, process start included, beside Apache Avro's checks alone."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import ROUNDS, Spread, interleave
from benchmarks.running import machine
from contractline.contracts.checksums import NAME, digest, written
from tests.fixtures.stack import copy_project

CONTRACTS, VERSIONS = 300, 5
HERE, PROOF = "check, this checkout", "prove, this checkout"
_AVRO_ALONE = """
import glob, itertools, sys
from avro.compatibility import ReaderWriterCompatibilityChecker
from avro.schema import parse
for number in range(int(sys.argv[2])):
    files = sorted(glob.glob(f"{sys.argv[1]}/contracts/stream_{number:03}/versions/value.*.avsc"))
    schemas = [parse(open(file).read()) for file in files]
    for reader, writer in itertools.permutations(schemas, 2):
        ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)
"""


def main() -> None:
    """Print how long each takes and the memory that it needs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--contracts", type=int, default=CONTRACTS)
    options = parser.parse_args()
    count = options.contracts
    many_checked = f"check, {count} contracts"
    apache = f"Apache avro alone, {count} contracts"
    print(machine())
    with tempfile.TemporaryDirectory(prefix="contractline-bench-") as folder:
        here, many = Path(folder) / "here", Path(folder) / "many"
        for root in (here, many):
            copy_project(root)
        _multiply(many, count)
        for root in (here, many):
            _commit(root)
        peaks: dict[str, float] = {}
        contractline = (sys.executable, "-m", "contractline")
        candidates = {
            HERE: _timed(HERE, here, (*contractline, "check"), peaks),
            many_checked: _timed(many_checked, many, (*contractline, "check"), peaks),
            apache: _timed(
                apache, many, (sys.executable, "-c", _AVRO_ALONE, str(many), str(count)), peaks
            ),
            PROOF: _timed(PROOF, here, (*contractline, "prove"), peaks),
        }
        figures = interleave(candidates, options.rounds)
    print(f"\nG6 the gate (s; median [min max] of {options.rounds} rounds; peak MB)")
    for name, values in figures.items():
        print(f"  {name:<36}{Spread.of(values).text():>24}   {peaks[name]:,.0f} MB")
    print(
        f"  goals: {HERE} ≤ 1 s; {many_checked} of {VERSIONS} versions ≤ 5 s and ≤ 300 MB; {PROOF} ≤ 20 s"
    )


def _timed(
    name: str, folder: Path, command: tuple[str, ...], peaks: dict[str, float]
) -> Callable[[], float]:
    def run() -> float:
        began = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
        scale = 1 if sys.platform == "darwin" else 1024
        peaks[name] = max(peaks.get(name, 0), usage.ru_maxrss * scale / 1e6)
        return taken

    return run


def _multiply(root: Path, count: int) -> None:
    """Make streams like `commits`, each with versions that add a field, and with names of its own.

    Streams of a real checkout share few fields: what is remembered of one must not help the next.
    """
    source = root / "contracts" / "commits"
    document = (source / "contract.odcs.yaml").read_text(encoding="utf-8")
    value = json.loads((source / "versions" / "value.v1.avsc").read_text(encoding="utf-8"))
    key = (source / "key.avsc").read_text(encoding="utf-8")
    # Its properties name a field that these versions do not hold.
    value["fields"].append(
        {
            "name": "co_authors",
            "type": {"type": "array", "items": "string"},
            "default": [],
            "doc": "x",
        }
    )
    # `source` is a word of the contract as well.
    fields = [one["name"] for one in value["fields"] if one["name"] != "source"]
    names = re.compile(rf"\b({'|'.join(fields)})\b")
    for number in range(count):
        name = f"stream_{number:03}"
        folder = root / "contracts" / name
        (folder / "versions").mkdir(parents=True)
        text = (
            document.replace("id: commits", f"id: {name}")
            .replace("- name: commits\n", f"- name: {name}\n")
            .replace("commits_topic", f"{name}_topic")
            .replace("github.commits", f"github.{name}")
            .replace("version: 2.0.0", f"version: {VERSIONS}.0.0")
        )
        text = names.sub(rf"\1_{number}", text)
        (folder / "contract.odcs.yaml").write_text(text, encoding="utf-8")
        own = json.loads(names.sub(rf"\1_{number}", json.dumps(value)))
        own |= {"name": f"Stream{number}"}
        files = {f"value.v{n}.avsc": _version(own, n, number) for n in range(1, VERSIONS + 1)}
        files["key.v1.avsc"] = names.sub(rf"\1_{number}", key).encode()
        for file, content in files.items():
            (folder / "versions" / file).write_bytes(content)
        sums = written({file: digest(files[file]) for file in sorted(files)})
        (folder / "versions" / NAME).write_text(sums, encoding="utf-8")
        (folder / "value.avsc").write_bytes(files[f"value.v{VERSIONS}.avsc"])
        (folder / "key.avsc").write_bytes(files["key.v1.avsc"])
    command = (sys.executable, "-m", "contractline", "generate", "tables")
    subprocess.run(command, cwd=root, check=True, stdout=subprocess.DEVNULL)


def _version(value: dict[str, Any], version: int, stream: int) -> bytes:
    more = [
        {
            "name": f"more_{n}_{stream}",
            "type": ["null", "string"],
            "default": None,
            "doc": "One more.",
        }
        for n in range(1, version)
    ]
    return json.dumps(value | {"fields": [*value["fields"], *more]}, indent=2).encode()


def _commit(root: Path) -> None:
    for arguments in (
        ("init", "-q", "-b", "main"),
        ("add", "-A"),
        ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-qm", "contracts"),
    ):
        subprocess.run(("git", *arguments), cwd=root, check=True)

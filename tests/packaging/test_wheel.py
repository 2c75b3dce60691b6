"""The wheel holds the engine and nothing else; lock files hold hashes and no addresses."""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (file,) = folder.glob("*.whl")
    with zipfile.ZipFile(file) as opened:
        yield opened


def test_only_contractline_reaches_site_packages(wheel):
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"contractline"}


def test_the_files_that_the_engine_reads_are_in_the_wheel(wheel):
    names = set(wheel.namelist())
    kept = {
        str(file.relative_to(ROOT / "src"))
        for file in (ROOT / "src/contractline").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert kept <= names


def locks() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return [ROOT / name for name in listed if re.search(r"\.lock$|^requirements.*\.txt$", name)]


@pytest.mark.parametrize("lock", locks(), ids=lambda file: file.name)
def test_a_lock_file_holds_no_address(lock):
    assert not re.search(r"[a-z]+://", lock.read_text())


def test_every_locked_package_has_a_hash():
    text = (ROOT / "requirements.lock").read_text()
    packages = re.findall(r"^[a-z0-9][^ \n]*==.*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert packages
    assert all("--hash=sha256:" in package for package in packages)

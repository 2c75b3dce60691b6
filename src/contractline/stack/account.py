"""PostgreSQL as root: it refuses to, so it runs as another account, in folders that one can enter.

The state folder of a checkout is closed to others, so the data lies outside; the binaries are
copied there too when the account can't reach the installed ones. ``reset`` removes the folder.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from contractline.errors import ContractlineError
from contractline.stack.process import Account

PREFERRED = ("nobody", "daemon")
FOLDER = "contractline"


class NoAccount(ContractlineError):
    """When PostgreSQL would have to run as root and no other account can be used."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL refuses to run as root, and no other account of this machine can be used",
            hint="run contractline as a normal user, or add an account (useradd --system postgres)",
        )


def other_account() -> Account | None:
    """Return the account that PostgreSQL runs as; none where the own one will do.

    Raises:
        NoAccount: there is none to use.
    """
    if os.geteuid() != 0:
        return None
    entries = {e.pw_name: e for e in pwd.getpwall() if e.pw_uid != 0}
    ordered = [n for n in PREFERRED if n in entries] + [n for n in entries if n not in PREFERRED]
    for name in ordered:
        account = Account(name, entries[name].pw_uid, entries[name].pw_gid)
        # In some containers an account exists by name only.
        if can_run(account, Path("/bin/sh"), "-c", ":"):
            return account
    raise NoAccount


def can_run(account: Account, program: Path, *arguments: str) -> bool:
    """Tell whether an account can run a program."""
    try:
        done = subprocess.run(  # noqa: S603 - own commands
            [program, *arguments],
            user=account.uid,
            group=account.gid,
            extra_groups=[],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def reachable_folder(state: Path, account: Account) -> Path:
    """Return the folder outside of a checkout that its stack's other account owns, made if need be.

    Raises:
        OSError: no place allows it.
    """
    name = hashlib.sha256(str(state).encode()).hexdigest()[:16]
    problem: OSError | None = None
    for base in (Path("/var/lib"), Path(tempfile.gettempdir())):
        folder = base / FOLDER / name
        try:
            folder.parent.mkdir(mode=0o755, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            os.chown(folder, account.uid, account.gid)
        except OSError as refused:
            problem = refused
            continue
        return folder
    raise problem or FileNotFoundError(name)


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder, whole or not at all."""
    new = target.with_name(f".{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(source, new, symlinks=True)
    new.rename(target)

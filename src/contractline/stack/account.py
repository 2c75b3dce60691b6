"""PostgreSQL as root: it refuses to, so it runs as another account, in folders that one can enter.

The state folder of a checkout is closed to others, so the data lies outside; the binaries are
copied there too when the account can't reach the installed ones. ``reset`` removes the folder.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from contractline.errors import ContractlineError
from contractline.stack.process import OsUser

PREFERRED = ("nobody", "daemon")
OUTSIDE = (Path("/var/lib/contractline"), Path(tempfile.gettempdir()) / "contractline")
"""Where the folders of other accounts are, best first."""


class NoAccount(ContractlineError):
    """When PostgreSQL would have to run as root and no other account can be used."""

    def __init__(self) -> None:
        super().__init__(
            "PostgreSQL refuses to run as root, and no other account of this machine can be used",
            hint="run contractline as a normal user, or add an account (useradd --system postgres)",
        )


@cache
def other_account() -> OsUser | None:
    """Return the account that PostgreSQL runs as; none where the own one will do.

    Raises:
        NoAccount: there is none to use.
    """
    if os.geteuid() != 0:
        return None
    entries = {e.pw_name: e for e in pwd.getpwall() if e.pw_uid != 0}
    ordered = [n for n in PREFERRED if n in entries] + [n for n in entries if n not in PREFERRED]
    for name in ordered:
        account = OsUser(name, entries[name].pw_uid, entries[name].pw_gid)
        # In some containers an account exists by name only.
        if can_run(account, Path("/bin/sh"), "-c", ":"):
            return account
    raise NoAccount


@cache
def can_run(account: OsUser, program: Path, *arguments: str) -> bool:
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


def reachable_folder(account: OsUser) -> Path:
    """Make a folder outside of any checkout that an account owns and can reach.

    Its name is no function of the checkout's path: another checkout at the same path, made after
    the first was deleted, must not find the first one's data.

    Raises:
        OSError: no place allows it.
    """
    problem: OSError | None = None
    for place in OUTSIDE:
        try:
            place.mkdir(exist_ok=True)
            place.chmod(0o755)
            folder = Path(tempfile.mkdtemp(dir=place))
            os.chown(folder, account.uid, account.gid)
        except OSError as refused:
            problem = refused
            continue
        return folder
    raise problem or FileNotFoundError(OUTSIDE[0])


def copy_folders(sources: list[Path], target: Path, account: OsUser) -> None:
    """Copy folders into a new one for an account, all or none."""
    new = target.with_name(f".{target.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    for source in sources:
        shutil.copytree(source, new / source.name, symlinks=True)
    for path in (new, *new.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    new.rename(target)

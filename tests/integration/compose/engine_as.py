"""A program of the tests: asks the embedded engine under compose's own configuration, as one user.

The engine lets a program in as `default` alone, so the user in question takes that name in a copy of
the files; the others stay, for EXECUTE AS. Statements come as JSON on the input, answers go to the
file that is named, each as [answer, error].
"""

from __future__ import annotations

import json
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

from chdb.session import Session

COMPOSE = Path(__file__).parents[3] / "compose" / "clickhouse"
# What the image's own users.xml has, and compose's file refers to.
OF_THE_IMAGE = "<clickhouse><profiles><default/></profiles><quotas><default/></quotas></clickhouse>"


def write_config(folder: Path, user: str) -> Path:
    for name in ("config.d", "users.d"):
        shutil.copytree(COMPOSE / name, folder / name)
    file = folder / "users.d" / "contractline.xml"
    document = ET.parse(file)
    users = document.getroot().find("users")
    assert users is not None
    removed, asked = users.find("default"), users.find(user)
    assert removed is not None
    assert asked is not None
    users.remove(removed)
    asked.tag = "default"
    password, grants = asked.find("password"), asked.find("grants")
    assert password is not None
    assert grants is not None
    password.attrib.clear()
    ET.SubElement(grants, "query").text = "GRANT IMPERSONATE ON *"
    document.write(file)
    (folder / "users.xml").write_text(OF_THE_IMAGE)
    config = folder / "config.xml"
    config.write_text(
        f"<clickhouse><users_config>{folder}/users.xml</users_config>"
        "<allow_impersonate_user>1</allow_impersonate_user></clickhouse>"
    )
    return config


def ask(session: Session, statement: str) -> tuple[str, str]:
    try:
        return str(session.query(statement, "TSVRaw")), ""
    except Exception as problem:
        return "", str(problem)


def main(folder: Path, user: str, answers: Path) -> None:
    config = write_config(folder, user)
    session = Session(f"{folder}/data?config-file={config}")
    answers.write_text(json.dumps([ask(session, s) for s in json.load(sys.stdin)]))
    session.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

from __future__ import annotations

import pytest

from contractline.errors import ProjectNotFound
from contractline.project import Project


@pytest.fixture
def root(tmp_path):
    for name in ("contracts/commits", "clickhouse_ddl/streams"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path.resolve()


@pytest.mark.parametrize("inside", [".", "contracts/commits", "clickhouse_ddl"])
def test_a_checkout_is_found_from_anywhere_inside(root, inside):
    assert Project.find(root / inside) == Project(root)


def test_contracts_alone_are_no_checkout(root):
    (root / "clickhouse_ddl" / "streams").rmdir()
    (root / "clickhouse_ddl").rmdir()
    with pytest.raises(ProjectNotFound, match="no contractline project at or above") as caught:
        Project.find(root)
    assert "--project" in caught.value.hint


def test_where_things_are(root):
    project = Project(root)
    folders = [project.contracts, project.connectors, project.postgres_sql, project.ddl]
    names = ["contracts", "connect/connectors", "connect/postgres", "clickhouse_ddl"]
    assert [folder.relative_to(root).as_posix() for folder in folders] == names
    assert project.state.relative_to(root).as_posix() == ".contractline"

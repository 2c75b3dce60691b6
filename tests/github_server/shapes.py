"""Commits, branches and repositories in REST's shapes."""

from __future__ import annotations

from typing import Any

from tests.github_server.published import sample
from tests.github_server.repositories import Commit, Person, Repository, moment


def user(person: Person | None) -> dict[str, Any] | None:
    if person is None or person.login is None:
        return None
    return sample("simple-user", login=person.login, id=1, type="User")


def _git_user(person: Person | None, seconds: int) -> dict[str, Any] | None:
    if person is None:
        return None
    stated = {"name": person.name, "email": person.email, "date": moment(seconds)}
    return {key: value for key, value in stated.items() if value is not None}


def commit(repository: Repository, it: Commit, base: str, *, whole: bool = False) -> dict[str, Any]:
    url = f"{base}/repos/{repository.full_name}/commits/{it.oid}"
    shape = sample(
        "commit",
        url=url,
        sha=it.oid,
        node_id=f"C_{it.oid}",
        html_url=url,
        comments_url=f"{url}/comments",
        commit={
            "url": url,
            "author": _git_user(it.author, it.authored),
            "committer": _git_user(it.committer, it.committed),
            "message": it.message,
            "comment_count": 0,
            "tree": {"sha": it.oid, "url": url},
        },
        author=user(it.author),
        committer=user(it.committer),
        parents=[{"sha": p, "url": url, "html_url": url} for p in it.parents],
    )
    if whole:
        shape["stats"] = {
            "additions": it.additions,
            "deletions": it.deletions,
            "total": it.additions + it.deletions,
        }
        shape["files"] = [
            sample("diff-entry", filename=f"file{n}") for n in range(min(it.files, 300))
        ]
    return shape


def repository(it: Repository, base: str, *, whole: bool = True) -> dict[str, Any]:
    return sample(
        "full-repository" if whole else "minimal-repository",
        id=it.id,
        name=it.name,
        full_name=it.full_name,
        owner=sample("simple-user", login=it.owner, type="Organization"),
        url=f"{base}/repos/{it.full_name}",
        default_branch=it.default_branch,
        clone_url=it.clone_url or f"{base}/{it.full_name}.git",
        size=len(it.commits) * 3,
        archived=False,
        fork=False,
        private=False,
    )


def short_branch(it: Repository, name: str, base: str) -> dict[str, Any]:
    oid = it.branches[name]
    url = f"{base}/repos/{it.full_name}/commits/{oid}"
    return {"name": name, "commit": {"sha": oid, "url": url}, "protected": False}


def branch(it: Repository, name: str, base: str) -> dict[str, Any]:
    tip = it.commits[it.branches[name]]
    url = f"{base}/repos/{it.full_name}/branches/{name}"
    return sample(
        "branch-with-protection",
        name=name,
        commit=commit(it, tip, base),
        _links={"html": url, "self": url},
        protected=False,
        protection_url=url,
    )


def comparison(
    it: Repository, base_oid: str, head: str, listed: list[str], base: str
) -> dict[str, Any]:
    older, newer = it.reachable(base_oid), it.reachable(head)
    common = older & newer
    ahead, behind = len(newer - older), len(older - newer)
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else ""
    merge_base = max(common, key=lambda oid: it.commits[oid].committed)
    url = f"{base}/repos/{it.full_name}/compare/{base_oid}...{head}"
    return sample(
        "commit-comparison",
        url=url,
        html_url=url,
        permalink_url=url,
        diff_url=url,
        patch_url=url,
        base_commit=commit(it, it.commits[base_oid], base),
        merge_base_commit=commit(it, it.commits[merge_base], base),
        status=status or "identical",
        ahead_by=ahead,
        behind_by=behind,
        total_commits=ahead,
        commits=[commit(it, it.commits[oid], base) for oid in listed],
        files=[],
    )

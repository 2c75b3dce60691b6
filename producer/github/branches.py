"""Which branches are read, and where they are now."""

from __future__ import annotations

from dataclasses import dataclass, field

from producer.github.client import Client, Working, next_page
from producer.github.errors import NotFound
from producer.github.queries import PAGE
from producer.github.target import Repository
from producer.refs import BRANCHES, RefChoice


@dataclass(slots=True)
class Tips:
    """What a look at the branches gave.

    Attributes:
        changed: full names of refs with their commits, the default branch's first; without those
            that are as they were at the last look.
        missing: branches that are not there.
        moved: whether a redirect was met: the repository or a branch was renamed.
    """

    changed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    moved: bool = False


def look(
    client: Client, repository: Repository, choice: RefChoice, *, if_changed: bool = False
) -> Working[Tips]:
    """Look where the branches are; with `if_changed`, what did not change costs no quota."""
    if choice.branches or choice.all:
        return (yield from _all(client, repository, choice, if_changed=if_changed))
    tips = Tips()
    for given in choice.names or (repository.default_branch,):
        name = given.removeprefix(BRANCHES)
        path = repository.path("branches", name)
        try:
            answer = yield from client.get(path, if_changed=if_changed)
        except NotFound:
            tips.missing.append(name)
            continue
        tips.moved = tips.moved or answer.moved
        commit = (answer.object().get("commit") or {}).get("sha")
        if commit:
            tips.changed[BRANCHES + name] = commit
    return tips


def _all(
    client: Client, repository: Repository, choice: RefChoice, *, if_changed: bool
) -> Working[Tips]:
    tips = Tips()
    url: str | None = f"{repository.path('branches')}?per_page={PAGE}"
    while url:
        answer = yield from client.get(url, if_changed=if_changed)
        tips.moved = tips.moved or answer.moved
        for branch in answer.items():
            commit = (branch.get("commit") or {}).get("sha")
            ref = BRANCHES + str(branch.get("name"))
            if commit and choice.takes(ref):
                tips.changed[ref] = commit
        url = next_page(answer.headers)
    first = BRANCHES + repository.default_branch
    tips.changed = dict(sorted(tips.changed.items(), key=lambda item: item[0] != first))
    return tips

"""Git repositories for tests, made object by object, so that every oddity can be put into one."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from contractline.settings import environment

PLAIN = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": "/dev/null/none",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "test@example.com",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.com",
}
"""What a test's own git runs with: nobody's configuration, and no replacements."""


def git(path: Path, *arguments: str, given: bytes = b"") -> str:
    """Run git in a repository and return what it writes."""
    done = subprocess.run(
        ["git", "-C", str(path), *arguments],
        input=given,
        capture_output=True,
        env={**environment(), **PLAIN},
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(errors="replace").strip()


@dataclass
class Repository:
    """A repository that is written object by object."""

    path: Path
    files: dict[bytes, tuple[str, str]] = field(default_factory=dict)
    clock: int = 1_700_000_000

    @classmethod
    def make(cls, path: Path, *options: str) -> Repository:
        path.mkdir(parents=True)
        git(path, "init", "-q", "-b", "main", *options)
        return cls(path)

    def write(self, name: str | bytes, content: bytes, mode: str = "100644") -> None:
        """Put a file into the tree of the next commit."""
        blob = git(self.path, "hash-object", "-w", "--stdin", given=content)
        self.files[_bytes(name)] = (mode, blob)

    def gitlink(self, name: str, commit: str) -> None:
        self.files[name.encode()] = ("160000", commit)

    def remove(self, name: str | bytes) -> None:
        del self.files[_bytes(name)]

    def tree(self) -> str:
        lines = b""
        for name, (mode, oid) in self.files.items():
            kind = "commit" if mode == "160000" else "blob"
            lines += f"{mode} {kind} {oid}\t".encode() + name + b"\0"
        return git(self.path, "mktree", "-z", "--missing", given=lines)

    def commit(
        self,
        message: bytes | str = "change",
        *,
        parents: list[str] | None = None,
        author: bytes | str | None = None,
        committer: bytes | str | None = None,
        extra: bytes = b"",
        branch: str | None = "main",
    ) -> str:
        """Write a commit, on top of the branch unless parents are given."""
        self.clock += 60
        person = f"Test <test@example.com> {self.clock} +0200"
        if parents is None:
            parents = [self.tip(branch)] if branch and self.tip(branch) else []
        head = [b"tree " + self.tree().encode(), *(f"parent {p}".encode() for p in parents)]
        head.append(b"author " + _bytes(author or person))
        head.append(b"committer " + _bytes(committer or author or person))
        text = b"\n".join(head) + b"\n" + extra + b"\n" + _bytes(message)
        literally = ("hash-object", "-t", "commit", "-w", "--literally", "--stdin")
        made = git(self.path, *literally, given=text)
        if branch:
            git(self.path, "update-ref", f"refs/heads/{branch}", made)
        return made

    def tip(self, branch: str | None) -> str:
        return git(self.path, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")


def _bytes(value: bytes | str) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def odd_repository(path: Path) -> Repository:
    """Make a repository with every oddity that a history was seen to hold."""
    repo = Repository.make(path)
    repo.write("a.txt", b"one\ntwo\nthree\nfour\nfive\n")
    root = repo.commit("root\n")
    repo.remove("a.txt")
    repo.write("b.txt", b"one\ntwo\nthree\nfour\nfive\nsix\n")
    repo.commit("renamed, and changed a little\n")
    repo.write("picture.png", bytes(range(256)) * 4)
    repo.commit("a binary file\n")
    repo.gitlink("module", "1" * 40)
    repo.commit("a submodule\n")
    repo.gitlink("module", "2" * 40)
    repo.commit("a newer submodule\n")
    repo.write("b.txt", b"one\ntwo\nthree\nfour\nfive\nsix\n", mode="100755")
    repo.commit("only the mode\n")
    repo.commit("nothing at all\n")
    repo.commit("")
    repo.commit("\n\n leading and trailing newlines\n\n\n")
    repo.commit("no newline at the end")
    repo.commit(b"40\t2\tlooks like a count\x1f\x01\x1e\n\n12\t3\tx\n")
    for name in (b"new\nline", b"tab\there", b'quote"d', b"caf\xe9", "д".encode(), b"0\t0\t"):
        repo.write(name, b"x\n" * 7)
    repo.commit("names of files\n")
    repo.commit(b"caf\xe9 in Latin-1\n", extra=b"encoding ISO-8859-1\n")
    repo.commit(b"undecodable \xff\xfe bytes\n", author=b"Ren\xe9 <r@x.org> 1700000001 +0000")
    repo.commit(b"unknown encoding \xe9\n", extra=b"encoding KOI-NONE\n")
    repo.commit(b"cut at\0the zero byte\n")
    repo.commit(
        "with helpers\n\ntext\n\nSigned-off-by: Z <z@z>\nCo-authored-by: X <x@x>\n"
        "CO-AUTHORED-BY: Y\n  folded <y@y>\n"
    )
    repo.commit("no address\n", author="Nobody <> 1700000002 +0000")
    repo.commit("no name\n", author="<x@example.com> 1700000003 +0000")
    repo.commit("nobody at all\n", author="no brackets here 1700000003 +0000")
    repo.commit("mapped\n", author="old name <old@example.com> 1700000004 +0000")
    for date in ("0", "4294967296", "10413791999", "10413792000", "9" * 5000, "-86400"):
        repo.commit(f"dated {date[:20]}\n", author=f"Clock <c@example.com> {date} -0730")
    repo.commit("no date\n", author="Clock <c@example.com>")
    _branches(repo, root)
    mailmap = b"New Name <new@example.com> <old@example.com>\n"
    repo.write(".mailmap", mailmap)
    repo.commit("a mailmap\n")
    (path / ".mailmap").write_bytes(mailmap)
    _shown_otherwise(repo, root)
    return repo


def _branches(repo: Repository, root: str) -> None:
    """Add branches, a merge that changes something itself, an octopus, and another root."""
    tips = []
    for name in ("x", "y", "z"):
        before = dict(repo.files)
        repo.write(f"{name}.txt", f"{name}\n".encode() * 5)
        tips.append(repo.commit(f"on {name}\n", parents=[root], branch=name))
        repo.files = before
    main = repo.tip("main")
    repo.write("x.txt", b"x\n" * 5)
    repo.write("evil.txt", b"from the merge itself\n")
    merge = repo.commit("merge x\n", parents=[main, tips[0]])
    repo.write("y.txt", b"y\n" * 5)
    repo.write("z.txt", b"z\n" * 5)
    octopus = repo.commit("octopus\n", parents=[merge, tips[1], tips[2]])
    other = repo.commit("another root\n", parents=[], branch=None)
    repo.commit("joins another root\n", parents=[octopus, other])


def _shown_otherwise(repo: Repository, root: str) -> None:
    """Add what only changes how this clone shows its history, and tags of every kind."""
    tip = repo.tip("main")
    stranger = repo.commit("a replacement\n", parents=[], branch=None)
    git(repo.path, "replace", root, stranger)
    info = repo.path / ".git" / "info"
    info.mkdir(exist_ok=True)
    (info / "grafts").write_text(f"{tip}\n")
    git(repo.path, "tag", "-a", "-m", "first", "annotated", tip)
    git(repo.path, "tag", "-a", "-m", "second", "tag-of-tag", "annotated")
    git(repo.path, "tag", "of-a-tree", f"{tip}^{{tree}}")
    git(repo.path, "tag", "of-a-blob", f"{tip}:b.txt")
    unmerged = repo.commit("on a branch of its own\n", parents=[tip], branch="unmerged")
    git(repo.path, "update-ref", "refs/notes/commits", unmerged)

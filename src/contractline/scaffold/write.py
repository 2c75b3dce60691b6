"""Writing a new stream into a checkout: all of it, once the rules have nothing against it."""

from __future__ import annotations

import filecmp
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from contractline.clickhouse.ddl import STREAMS, render
from contractline.contracts.captured import load_capture
from contractline.contracts.draft import Draft
from contractline.contracts.load import load_drafts
from contractline.errors import ContractlineError
from contractline.finding import Finding, Severity
from contractline.project import Project
from contractline.rules.check import findings_of
from contractline.scaffold.blueprint import Blueprint
from contractline.signals import temporary_folder


class NotWritten(ContractlineError):
    """When a file of a new stream can't be written; nothing of the stream is left."""

    def __init__(self, file: Path, problem: OSError) -> None:
        super().__init__(f"{file}: {problem.strerror or problem}", hint="is the checkout writable?")


@dataclass(frozen=True, slots=True)
class Established:
    """What became of a blueprint.

    Attributes:
        files: what was written; nothing where a rule speaks against it.
        findings: what the rules say.
    """

    files: tuple[Path, ...]
    findings: tuple[Finding, ...]

    @property
    def is_refused(self) -> bool:
        """Whether nothing was written."""
        return not self.files


def establish(
    project: Project, blueprint: Blueprint, message: str, beside: Mapping[Path, str]
) -> Established:
    """Write a stream into a checkout: contract, released versions, DDL, and what else it needs.

    It is made in a folder of its own and held against the rules with all other contracts; only
    what keeps them is written.

    Args:
        project: the checkout.
        blueprint: the contract; its name must be free.
        message: what its changelog says of the first version.
        beside: other files that belong to it, with their texts.

    Raises:
        NotWritten: a file can't be written.
    """
    with temporary_folder("contractline-") as aside:
        made = blueprint.write(aside / blueprint.name, message)
        made = replace(made, capture=load_capture(project))
        findings = tuple(
            _moved(finding, made.folder, project.contracts / blueprint.name)
            for finding in findings_of([*load_drafts(project), made])
            if finding.subject == blueprint.name
        )
        if any(finding.severity is Severity.ERROR for finding in findings):
            return Established((), findings)
        texts = dict(beside) | _ddl(project, made)
        return Established(tuple(_written(project, made, texts)), findings)


@contextmanager
def scratch(project: Project) -> Iterator[Project]:
    """Hand out a copy of what a stream is made of, so that a checkout sees all of it or nothing."""
    with temporary_folder("contractline-") as made:
        root = made.resolve()
        for folder in (project.contracts, project.ddl, project.connectors.parent):
            shutil.copytree(folder, root / folder.relative_to(project.root))
        yield Project(root)


def write_texts(texts: Mapping[Path, str]) -> list[Path]:
    """Write files of a scratch project; return them."""
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return list(texts)


def carry_over(copy: Project, project: Project, files: Iterable[Path]) -> tuple[Path, ...]:
    """Copy files of a scratch project to where they belong; return those that differ, there."""
    carried = []
    for file in files:
        target = project.root / file.relative_to(copy.root)
        try:
            if target.is_file() and filecmp.cmp(file, target, shallow=False):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        except OSError as problem:
            raise NotWritten(target, problem) from problem
        carried.append(target)
    return tuple(carried)


def _ddl(project: Project, made: Draft) -> dict[Path, str]:
    text = render(made.complete)
    return {project.ddl / STREAMS / f"{made.name}.sql": text} if text else {}


def _moved(finding: Finding, source: Path, target: Path) -> Finding:
    file = finding.file
    if file is None or not file.is_relative_to(source):
        return finding
    return replace(finding, file=target / file.relative_to(source))


def _written(project: Project, made: Draft, texts: Mapping[Path, str]) -> Iterator[Path]:
    """Write everything, or nothing."""
    folder = project.contracts / made.name
    done: list[Path] = []
    try:
        done.append(folder)
        shutil.copytree(made.folder, folder)
        for file, text in texts.items():
            done.append(file)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except BaseException as problem:
        shutil.rmtree(folder, ignore_errors=True)
        for file in done[1:]:
            file.unlink(missing_ok=True)
        if isinstance(problem, OSError):
            raise NotWritten(done[-1], problem) from problem
        raise
    yield from sorted(file for file in folder.rglob("*") if file.is_file())
    yield from texts

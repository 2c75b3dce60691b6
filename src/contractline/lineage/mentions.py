"""Where the producer's code mentions the fields of a record. Mentions, not proof: names in code."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.finding import TOP


@dataclass(frozen=True, slots=True)
class Mention:
    """A file that mentions a field.

    Attributes:
        file: the file.
        lines: the lines, in order.
    """

    file: Path
    lines: tuple[int, ...]


class Code:
    """The Python files of a folder.

    Attributes:
        unread: the files that could not be read, with line and reason.
    """

    def __init__(self, folder: Path) -> None:
        self.unread: list[tuple[Path, int, str]] = []
        self._trees = dict(self._parsed(folder))

    def mentions(
        self, fields: Collection[str], required: Collection[str]
    ) -> Mapping[str, list[Mention]]:
        """Return where fields of a record are mentioned, in the files that build or use it.

        A file builds the record when a dictionary in it has a key for each required field and
        none besides the fields. Files that import the function around it, or the type that it
        gives, work on it.

        Args:
            fields: the fields of the record.
            required: those that every record must hold.
        """
        found: dict[str, list[Mention]] = {field: [] for field in fields}
        for file in self._builders(frozenset(fields), frozenset(required)):
            lines: dict[str, set[int]] = {}
            for name, line in _names(self._trees[file]):
                lines.setdefault(name, set()).add(line)
            for field in fields:
                if field in lines:
                    found[field].append(Mention(file, tuple(sorted(lines[field]))))
        return found

    def _parsed(self, folder: Path) -> Iterator[tuple[Path, ast.Module]]:
        for file in sorted(folder.rglob("*.py")):
            try:
                yield file, ast.parse(decoded(read_bytes(file)))
            except FileUnreadable as problem:
                self.unread.append((file, (problem.position or TOP).line, str(problem)))
            except (SyntaxError, ValueError, RecursionError) as problem:
                line = getattr(problem, "lineno", None) or 1
                self.unread.append((file, line, f"not Python: {problem}"))

    def _builders(self, fields: frozenset[str], required: frozenset[str]) -> list[Path]:
        made: set[str] = set()
        files: set[Path] = set()
        for file, tree in self._trees.items():
            for names in _made_by(tree, fields, required):
                files.add(file)
                made |= names
        return sorted(files | {f for f, tree in self._trees.items() if made & _imported(tree)})


def _made_by(
    tree: ast.Module, fields: frozenset[str], required: frozenset[str]
) -> Iterator[set[str]]:
    """Yield for each dictionary that is such a record the function around it and what it gives."""
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in ast.walk(tree):
        if not isinstance(node, ast.Dict):
            continue
        keys = {k.value for k in node.keys if isinstance(k, ast.Constant)}
        if len(keys) != len(node.keys) or not required <= keys <= fields or not keys:
            continue
        around = [f for f in functions if f.lineno <= node.lineno <= (f.end_lineno or f.lineno)]
        names = {f.name for f in around}
        yield names | {f.returns.id for f in around if isinstance(f.returns, ast.Name)}


def _imported(tree: ast.Module) -> set[str]:
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def _names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Yield the texts, keyword names and parameters of a file with their lines; docstrings aside."""
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str() as text) if id(node) not in documents:
                yield text, node.lineno
            case ast.keyword(arg=str() as name):
                yield name, node.lineno
            case ast.arg(arg=name):
                yield name, node.lineno

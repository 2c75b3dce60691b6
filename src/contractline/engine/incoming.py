"""What a request brings in its body: the statement, the data of an INSERT, form fields, external tables."""

from __future__ import annotations

import email
import mmap
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO

from contractline.engine.asking import DEFAULT_FORMAT, format_name
from contractline.engine.errors import Code, QueryFailed
from contractline.engine.session import Session, quote, quote_name
from contractline.engine.sql import Kind, Statement, parse, tokens

HEAD_BYTES = 256 << 10
"""As much of a body is read before the statement is looked for in it: ClickHouse's max_query_size."""

_FORM = "multipart/form-data"


class Files:
    """The temporary files of requests: the engine reads the data of an INSERT from a file."""

    def __init__(self, folder: Path) -> None:
        """Take a folder for them; what an earlier process left there is deleted."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        self.folder = folder

    @contextmanager
    def scope(self) -> Iterator[RequestFiles]:
        """Have files for one request; they are deleted at its end."""
        files = RequestFiles(self.folder)
        try:
            yield files
        finally:
            files.delete()


class RequestFiles:
    """The temporary files of one request."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._opened: list[IO[bytes]] = []

    def new(self) -> IO[bytes]:
        """Open a new file to write to; it has a name."""
        file = tempfile.NamedTemporaryFile(dir=self._folder, delete=False)  # noqa: SIM115
        self._opened.append(file)
        return file

    def delete(self) -> None:
        """Delete the files."""
        for file in self._opened:
            with suppress(OSError):  # what could not be written may fail once more
                file.close()
            Path(file.name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class ExternalTable:
    """A table that a request brings along.

    Attributes:
        name: its name in the statement.
        path: the file that holds its rows.
        structure: its columns, as in CREATE TABLE.
        format: the format of the file.
    """

    name: str
    path: str
    structure: str
    format: str

    @contextmanager
    def loaded(self, session: Session) -> Iterator[None]:
        """Have the table in a session.

        Raises:
            QueryFailed: the structure is wrong, or the data does not fit it.
        """
        name = quote_name(self.name)
        session.query(f"CREATE TEMPORARY TABLE {name} ({self.structure}) ENGINE = Memory")
        try:
            session.query(
                f"INSERT INTO {name} FROM INFILE {quote(self.path)} COMPRESSION 'none' "
                f"FORMAT {self.format}"
            )
            yield
        finally:
            session.query(f"DROP TEMPORARY TABLE {name}")


@dataclass(slots=True)
class Form:
    """A multipart form.

    Attributes:
        fields: its plain fields.
        files: the path of each file, by the name of its field.
    """

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def descriptions(self) -> frozenset[str]:
        """The options that describe the files."""
        return frozenset(
            f"{name}_{what}" for name in self.files for what in ("format", "structure", "types")
        )

    def tables(self, options: dict[str, str]) -> tuple[ExternalTable, ...]:
        """Return the files as tables.

        Raises:
            QueryFailed: a file comes without the types of its columns.
        """
        return tuple(
            ExternalTable(
                name,
                path,
                structure=_structure(name, options),
                format=format_name(options.get(f"{name}_format", DEFAULT_FORMAT)),
            )
            for name, path in self.files.items()
        )


async def take_statement(
    query: bytes, body: AsyncIterator[bytes], files: RequestFiles
) -> tuple[Statement, str | None]:
    """Read the statement, and put the data of an INSERT into a file.

    Args:
        query: the statement or its beginning, as the URL has it.
        body: the rest, decompressed.
        files: where to put the data.

    Returns:
        The statement, and the path of its data.

    Raises:
        QueryFailed: there is no statement, or one that is not allowed.
    """
    text = bytearray(query + b"\n" if query else b"")
    enough = len(text) + HEAD_BYTES
    async for chunk in body:
        text += chunk
        if len(text) >= enough:
            break
    statement = parse(bytes(text))
    if statement.kind is not Kind.DATA and len(text) >= enough:
        async for chunk in body:
            text += chunk
        statement = parse(bytes(text))
    if statement.kind is not Kind.DATA:
        return statement, None
    file = files.new()
    file.write(memoryview(text)[statement.data_at :])
    async for chunk in body:
        file.write(chunk)
    file.close()
    return statement, file.name


def is_form(content_type: str) -> bool:
    """Tell whether a body is a multipart form."""
    return content_type.lower().startswith(_FORM)


async def take_form(content_type: str, body: AsyncIterator[bytes], files: RequestFiles) -> Form:
    """Read a multipart form.

    Raises:
        QueryFailed: it can't be read.
    """
    boundary = email.message_from_string(f"Content-Type: {content_type}").get_boundary()
    if not boundary:
        raise QueryFailed.of(Code.BAD_ARGUMENTS, "The multipart form has no boundary")
    whole = files.new()
    async for chunk in body:
        whole.write(chunk)
    whole.close()
    return _read_form(Path(whole.name), boundary.encode(), files)


def _read_form(path: Path, boundary: bytes, files: RequestFiles) -> Form:
    form = Form()
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        edge = b"--" + boundary
        start = text.find(edge)
        while (end := text.find(b"\r\n" + edge, start)) >= 0:
            begin = text.find(b"\r\n\r\n", start)
            if not start < begin < end:
                break
            head = email.message_from_bytes(text[start + len(edge) : begin].lstrip())
            _add_part(form, head, memoryview(text)[begin + 4 : end].toreadonly(), files)
            start = end + 2
        if text[start + len(edge) :][:2] != b"--":
            raise QueryFailed.of(Code.BAD_ARGUMENTS, "The multipart form can't be read")
    return form


def _add_part(
    form: Form, head: email.message.Message, content: memoryview, files: RequestFiles
) -> None:
    name = str(head.get_param("name", "", header="content-disposition"))
    with content:
        if head.get_param("filename", header="content-disposition") is None:
            form.fields[name] = bytes(content).decode(errors="surrogateescape")
            return
        file = files.new()
        file.write(content)
        file.close()
        form.files[name] = file.name


def _structure(name: str, options: dict[str, str]) -> str:
    if structure := options.get(f"{name}_structure"):
        return structure
    types = options.get(f"{name}_types")
    if not types:
        raise QueryFailed.of(
            Code.BAD_ARGUMENTS,
            f"The external table {name} has neither {name}_structure nor {name}_types",
        )
    text = types.encode()
    commas = [t.start for t in tokens(text) if t.text == "," and t.depth == 0]
    edges = [-1, *commas, len(text)]
    columns = [text[a + 1 : b].decode() for a, b in pairwise(edges)]
    return ", ".join(f"_{number} {column}" for number, column in enumerate(columns, start=1))

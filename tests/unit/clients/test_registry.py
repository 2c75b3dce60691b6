"""What a registry answers, in words: refusals that the local registry does not give."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from contractline.avro.schema import Schema
from contractline.clients.errors import RegistryAway, RegistryUnavailable, SchemaUnknown
from contractline.clients.registry import Registry
from contractline.clients.wire import SchemaId
from contractline.contracts.model import Subject
from contractline.errors import ServiceUnavailable

SUBJECT = Subject("commits_topic-value")
SCHEMA = Schema.parse('{"type": "record", "name": "T", "fields": []}', "value.v1.avsc")

Handler = Callable[[httpx.Request], httpx.Response]


def registry(answer: httpx.Response | Handler, url: str = "http://registry:8081") -> Registry:
    handler = answer if callable(answer) else lambda request: answer
    return Registry(url, transport=httpx.MockTransport(handler))


def problem(answer: httpx.Response | Handler, url: str = "http://registry:8081") -> str:
    """Return what registering ends with."""
    with registry(answer, url) as live, pytest.raises(ServiceUnavailable) as raised:
        live.register(SUBJECT, SCHEMA)
    return f"{raised.value} ({raised.value.hint})"


def test_read_only_is_told_from_other_refusals() -> None:
    body = {"error_code": 42205, "message": "Subject commits_topic-value is in read-only mode"}
    said = problem(httpx.Response(422, json=body))
    assert "the registry is read-only" in said
    assert "READWRITE" in said


@pytest.mark.parametrize("body", [None, {}, [1], "text", {"id": 1}, {"id": "a", "schema": "{}"}])
def test_what_is_no_registry_is_told(body: object) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        is_list = request.url.path.endswith("/versions")
        return httpx.Response(
            200, json=[1] if is_list and isinstance(body, dict) and body else body
        )

    with registry(answer) as live, pytest.raises(ServiceUnavailable) as raised:
        live.versions(SUBJECT)
    assert "something else than a schema registry" in str(raised.value)


def test_an_invalid_schema_is_told_with_the_registry_s_words() -> None:
    body = {"error_code": 42201, "message": "Invalid schema: unknown type"}
    assert "refused to register value.v1.avsc under commits_topic-value: Invalid schema" in problem(
        httpx.Response(422, json=body)
    )


def test_an_incompatible_schema_is_told_with_the_registry_s_reasons() -> None:
    body = {"error_code": 409, "message": "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/3"}
    said = problem(httpx.Response(409, json=body))
    assert "is not compatible with what commits_topic-value holds" in said
    assert "READER_FIELD_MISSING_DEFAULT_VALUE" in said


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("http://registry:8081", 401, "wants credentials"),
        ("http://user:secret@registry:8081", 401, "does not accept the credentials"),
        ("http://user:secret@registry:8081", 403, "may not do POST"),
    ],
)
def test_missing_access_is_told_without_the_password(url: str, status: int, words: str) -> None:
    said = problem(httpx.Response(status, text="<html>"), url)
    assert words in said
    assert "SCHEMA_REGISTRY_URL" in said
    assert "secret" not in said


def test_credentials_of_the_address_are_sent() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Basic dTpAIQ=="
        return httpx.Response(404, json={"error_code": 40401, "message": "not found"})

    with registry(answer, "http://u:%40!@registry:8081") as live:
        assert live.versions(SUBJECT) == ()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<h1>Sign in</h1>"),
        httpx.Response(302, headers={"location": "/login"}),
        httpx.Response(404, html="<h1>No such page</h1>"),
    ],
    ids=["page", "redirect", "no page"],
)
def test_a_web_page_is_no_registry(answer: httpx.Response) -> None:
    assert "web page" in problem(answer)


def test_text_that_is_no_json() -> None:
    answer = httpx.Response(200, text="ok", headers={"content-type": "text/plain"})
    assert "with text/plain and not with JSON" in problem(answer)


def test_a_failure_inside_the_registry() -> None:
    body = {"error_code": 50001, "message": "Error in the backend data store"}
    assert "failed inside the service: Error in the backend" in problem(
        httpx.Response(500, json=body)
    )


def test_a_registry_that_does_not_answer_in_time() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("slow", request=request)

    assert "no answer to POST" in problem(answer)


def test_a_registry_that_keeps_another_schema_than_was_sent() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(200, json={"id": 1})
        if request.url.path.endswith("/versions"):
            return httpx.Response(200, json=[1])
        return httpx.Response(200, json={"id": 1, "version": 1, "schema": '"string"'})

    assert "reads back another schema" in problem(answer)


def test_a_subject_with_another_kind_of_schema_has_versions_all_the_same() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/versions"):
            return httpx.Response(200, json=[1])
        return httpx.Response(200, json={"id": 7, "version": 1, "schema": '{"type": "object"}'})

    with registry(answer) as live:
        (version,) = live.versions(SUBJECT)
    assert (version.id, version.schema) == (7, None)


@pytest.mark.parametrize(
    ("answer", "is_away"),
    [
        (httpx.Response(503, json={"error_code": 50003, "message": "no leader"}), True),
        (httpx.Response(502, html="<h1>Bad gateway</h1>"), True),
        (httpx.Response(401, text=""), False),
        (httpx.Response(404, json={"error_code": 404, "message": "no such path"}), False),
        (httpx.Response(200, json=[1]), False),
    ],
    ids=["failure", "proxy", "access", "path", "list"],
)
def test_a_registry_that_is_away_is_told_from_one_that_refuses(
    answer: httpx.Response, is_away: bool
) -> None:
    with registry(answer) as live, pytest.raises(RegistryUnavailable) as raised:
        live.id_of(SUBJECT, SCHEMA)
    assert isinstance(raised.value, RegistryAway) is is_away


@pytest.mark.parametrize("problem", [httpx.ReadTimeout, httpx.ConnectError, httpx.ReadError])
def test_no_answer_is_away(problem: type[httpx.RequestError]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise problem("", request=request)

    with registry(answer) as live, pytest.raises(RegistryAway):
        live.schema(SchemaId(1))


@pytest.mark.parametrize("code", [40401, 40403])
def test_a_schema_that_is_not_registered_has_no_id(code: int) -> None:
    with registry(httpx.Response(404, json={"error_code": code, "message": "no"})) as live:
        assert live.id_of(SUBJECT, SCHEMA) is None
        assert not live.holds(SUBJECT, SCHEMA)


def test_a_schema_is_asked_for_once() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"schema": SCHEMA.text})

    with registry(answer) as live:
        assert live.schema(SchemaId(7)) == live.schema(SchemaId(7)) == SCHEMA
    assert asked == ["/schemas/ids/7"]


def test_an_id_that_the_registry_does_not_know() -> None:
    answer = httpx.Response(404, json={"error_code": 40403, "message": "Schema not found"})
    with registry(answer) as live, pytest.raises(SchemaUnknown, match="id 9: Schema not found"):
        live.schema(SchemaId(9))

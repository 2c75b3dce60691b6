"""`contractline mcp`, spoken to by the protocol's own client over standard input and output."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import pytest

from contractline.clients.clickhouse import Warehouse
from contractline.project import Project
from contractline.proof.process import engine_process
from contractline.reports.load import load_reports
from contractline.reports.sample import fill, make_tables
from contractline.settings import Endpoints
from tests.fixtures.stack import clean_environment

pytest.importorskip("mcp", reason="the extra contractline[mcp] is not installed")

PROJECT = Project(Path(__file__).parents[3])
SECONDS = 120

_T = TypeVar("_T")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with engine_process() as engine:
        with closing(Warehouse(Endpoints(clickhouse_url=engine.url))) as warehouse:
            fill(PROJECT, warehouse, make_tables(PROJECT, warehouse))
        yield engine.url


def spoken(url: str, work: Callable[[Any], Awaitable[_T]]) -> _T:
    """Start the command, and speak to it."""
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "contractline", "--project", str(PROJECT.root), "mcp"],
        env={**clean_environment(), "CLICKHOUSE_URL": url},
    )

    async def session() -> _T:
        async with asyncio.timeout(SECONDS), Client(stdio_client(parameters)) as client:
            return await work(client)

    return asyncio.run(session())


async def told(client: Any, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, answer.content
    return answer.structured_content


def test_an_assistant_asks(url: str):
    async def work(client: Any) -> tuple[Any, ...]:
        tools = (await client.list_tools()).tools
        questions = await told(client, "list_questions")
        answer = await told(
            client,
            "ask_question",
            question="commits_by_repository",
            filters={"period": ["all"], "bots": ["on"]},
            limit=2,
        )
        contracts = await told(client, "list_contracts")
        letters = await told(client, "dead_letters", limit=3)
        return tools, questions, answer, contracts, letters, await told(client, "freshness")

    tools, questions, answer, contracts, letters, newest = spoken(url, work)
    assert {tool.name for tool in tools} == {
        "list_questions",
        "ask_question",
        "explain_number",
        "list_contracts",
        "dead_letters",
        "freshness",
    }
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)
    known = {one["name"] for one in questions["questions"]}
    assert known == set(load_reports(PROJECT).questions)
    assert len(answer["rows"]) == 2
    assert answer["is_cut"]
    commits = next(one for one in contracts["result"] if one["name"] == "commits")
    assert commits["topic"] == "commits_topic"
    assert commits["promised_delay_seconds"] > 0
    assert len(letters["result"]) == 3
    assert "raw" not in letters["result"][0]
    assert {one["stream"] for one in newest["result"]} == {"commits", "github_users"}


def test_what_can_not_be_told_is_said_in_words(url: str):
    async def work(client: Any) -> list[Any]:
        wrong = (
            ("ask_question", {"question": "salaries"}),
            ("ask_question", {"question": "commits_by_team", "filters": {"period": ["9x"]}}),
            ("explain_number", {"question": "commits_by_team", "where": {"team_name": "nobody"}}),
        )
        return [await client.call_tool(tool, arguments) for tool, arguments in wrong]

    answers = spoken(url, work)
    assert all(answer.is_error for answer in answers)
    words = [json.dumps([part.text for part in answer.content]) for answer in answers]
    assert "there is no question `salaries`" in words[0]
    assert "is not a period" in words[1]
    assert "no row has team_name=nobody" in words[2]

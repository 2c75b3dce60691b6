"""JSON Schemas of the YAML files under ``reports/``, by which editors complete and check them."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from contractline.project import Project
from contractline.reports.model import Dashboard, Filters, Question

FOLDER = "schemas"

_MODELS: dict[str, tuple[type[BaseModel], str]] = {
    "question": (Question, "A question of contractline, beside its SQL"),
    "dashboard": (Dashboard, "A dashboard of contractline"),
    "filters": (Filters, "The filters of contractline's questions"),
}


def schema_files(project: Project) -> dict[Path, str]:
    """Return the schemas as files."""
    folder = project.reports / FOLDER
    return {
        folder / f"{name}.schema.json": _text(model, title)
        for name, (model, title) in _MODELS.items()
    }


def _text(model: type[BaseModel], title: str) -> str:
    schema = model.model_json_schema()
    dialect = "https://json-schema.org/draft/2020-12/schema"
    whole = {**schema, "$schema": dialect, "title": title}
    return json.dumps(whole, ensure_ascii=False, indent=2, sort_keys=True) + "\n"

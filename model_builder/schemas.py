"""The published JSON schemas of what a build writes; ``python -m model_builder.schemas docs/schemas`` renews them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from model_builder.model_report import ModelReport
from model_builder.record import BuildRecord
from model_builder.report import Report

SCHEMAS: dict[str, tuple[type[Report], str]] = {
    "report.schema.json": (ModelReport, "The report in an artifact: report.json."),
    "build.schema.json": (BuildRecord, "The record of a build: what build --json prints, and builds/ of a store."),
}


def schemas() -> dict[str, str]:
    """Write each schema as JSON text, by file name."""
    found = {}
    for name, (kind, description) in SCHEMAS.items():
        schema = kind.model_json_schema(by_alias=True, mode="serialization")
        head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": name, "description": description}
        found[name] = json.dumps({**schema, **head}, indent=1, sort_keys=True) + "\n"
    return found


def main(folder: Path) -> None:
    """Write the schemas into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in schemas().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

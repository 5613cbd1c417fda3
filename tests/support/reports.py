"""Builds that end well, badly and undecided, on small data, and a strict look at their pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import html5lib

from model_builder.build import build
from model_builder.errors import BuilderError
from model_builder.failure import failed
from model_builder.progress import Silent
from model_builder.record import record
from model_builder.report_page.document import Document
from model_builder.report_page.opening import of_record, open_document
from model_builder.spec import Compression
from tests.support.builder import fault_csv, local, spec

GATES: dict[str, list[dict[str, str]]] = {
    "accepted": [{"metric": "recall", "min": "0.40"}, {"metric": "macroF1", "min": "0.60"}],
    "rejected": [{"metric": "macroF1", "min": "0.60"}, {"metric": "recall", "min": "0.999"}],
    "inconclusive": [{"metric": "recall", "min": "0.85"}],
    "unjudged": [],
}


def document(
    folder: Path,
    kind: str,
    content: str | None = None,
    compression: dict[str, Any] | None = None,
    explain: dict[str, Any] | None = None,
    **more: Any,
) -> Document:
    """Run a build that ends as its kind says, and read what it left."""
    data = local(folder, content or fault_csv(rows=400))
    asked = spec(**more).model_copy(update={"name": kind})
    validation = asked.validation.model_validate({"gates": GATES.get(kind, []), "explain": explain or {}})
    asked = asked.model_copy(
        update={"validation": validation, "compression": Compression.model_validate(compression or {})}
    )
    try:
        build(asked, data, folder / kind, Silent())
    except BuilderError as error:
        assert not (folder / kind).exists()
        return of_record(record(failed(error), asked, error))
    return open_document(folder / kind)


def parsed(text: str) -> Any:
    """Parse a page as a browser does, and refuse what a browser would have to mend."""
    return html5lib.HTMLParser(strict=True).parse(text)


def tag(element: Any) -> str:
    """Give an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def words(element: Any) -> str:
    """Give the text of an element and all below it."""
    return " ".join("".join(element.itertext()).split())

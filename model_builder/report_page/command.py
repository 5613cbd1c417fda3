"""What ``python -m model_builder report`` does."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from model_builder.errors import EXIT_OK, BuilderError, Reason
from model_builder.failure import as_builder_error
from model_builder.report_page.document import Document
from model_builder.report_page.opening import open_document


def report(place: Path, out: Path | None) -> int:
    """Write the page of an artifact or of a build's record.

    Parameters
    ----------
    out
        The file to write; absent: beside ``place``, under its name and ``.html``.

    Returns
    -------
    int
        Exit status.
    """
    out = out or place.with_name(f"{place.resolve().name.removesuffix('.json')}.html")
    try:
        check_extra()
        write_page(open_document(place), out)
    except (BuilderError, OSError) as error:
        from rich.console import Console

        from model_builder.console import problem

        failure = as_builder_error(error)
        Console(stderr=True).print(problem(failure))
        return failure.exit_code
    sys.stdout.write(f"{out}\n")
    return EXIT_OK


def check_extra() -> None:
    """Refuse early where a page cannot be rendered.

    Raises
    ------
    BuilderError
        ``ExtraMissing`` where jinja2 or matplotlib is not installed.
    """
    missing = [name for name in ("jinja2", "matplotlib") if find_spec(name) is None]
    if missing:
        raise BuilderError(
            Reason.EXTRA_MISSING,
            f"a page needs the extra report, and {', '.join(missing)} is not installed",
            found=f"no module {', '.join(missing)}",
            allowed="an installation with the extra report (jinja2, matplotlib)",
            remedy="pip install 'andon[report]'",
        )


def write_page(document: Document, out: Path) -> None:
    """Write a document's page into a file."""
    from model_builder.report_page.page import render

    text = render(document)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf-8")

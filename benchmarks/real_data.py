"""Where real machine data lie: the folder of ``$ANDON_TEST_DATA``, else ``shared/data`` beside the project."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]


def folder() -> Path:
    """Give the folder, which need not exist."""
    return Path(os.environ.get("ANDON_TEST_DATA") or REPOSITORY.parent / "shared" / "data")


def data_file(name: str) -> Path | None:
    """Give a file of the folder; None where it is absent."""
    path = folder() / name
    return path if path.is_file() else None

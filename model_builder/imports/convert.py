"""Opens a pickle or joblib file and writes it as skops: only by hand, only where somebody trusts the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from model_builder.errors import BuilderError, Reason
from model_builder.imports.content import refusing, unreadable
from model_builder.imports.skops_check import read_skops

WARNING = (
    "Opening {file} runs whatever code is in it, with your rights, now.\n"
    "Do this only with a file that you or people you trust have written, and never in the cluster."
)


def convert(file: Path, out: Path) -> str:
    """Write the classifier of a pickle or joblib file as skops; give its type's name.

    The file that is written has passed the checks of an import.

    Raises
    ------
    BuilderError
        ``ModelUnreadable`` where it cannot be opened; whatever the checks say of what was in it.
    """
    import joblib
    from skops import io as skops_io

    with refusing(lambda error: _not_opened(file, error)):
        model: Any = joblib.load(file)
    content = skops_io.dumps(model)
    read_skops(content)
    out.write_bytes(content)
    return type(model).__name__


def _not_opened(file: Path, error: Exception) -> BuilderError:
    if not isinstance(error, FileNotFoundError):
        return unreadable("nothing that joblib can open", error)
    return BuilderError(
        Reason.DATA_NOT_FOUND,
        f"there is no file {file}",
        found="no such file",
        allowed="a file that pickle or joblib has written",
        remedy="correct the path",
    )

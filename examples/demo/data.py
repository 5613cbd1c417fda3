"""The machine's data: generated, or the reader's own CSV."""

import csv
import difflib
import hashlib
import re
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lab.errors import LabError
from lab.paths import REPOSITORY
from model_builder.dialect import check_encoding, sniff
from model_builder.errors import BuilderError

FOLDER = REPOSITORY / "out" / "demo"
"""Where the demo keeps the files that it writes."""
GENERATOR = REPOSITORY / "examples" / "generate.py"
ROWS, SEED = 10_000, 42
MOST_COLUMNS = 1000
NAME_LENGTH = 45
"""Of a FaultModel; the CRD says the same."""


@dataclass(frozen=True)
class MachineData:
    """A CSV file, and its column to predict."""

    file: Path
    target: str

    @property
    def bytes(self) -> int:
        return self.file.stat().st_size

    @cached_property
    def sha256(self) -> str:
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def generated(name: str, target: str) -> MachineData:
    """Write made-up readings of a milling machine."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / name
    words = [sys.executable, str(GENERATOR), f"--rows={ROWS}", f"--seed={SEED}", f"--out={file}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError("GeneratorFailed", done.stderr.strip(), remedy="install the project's extra dev")
    return read(file, target)


def read(file: Path, target: str | None) -> MachineData:
    """Look at a CSV file as the builder will, and make sure that the target is there.

    Raises
    ------
    LabError
        `DataMissing`, `NotCsv`, `TargetMissing`, `TargetNotFound`, or what the builder finds wrong with the file.
    """
    if not file.is_file():
        raise LabError("DataMissing", f"{file} is no file", "a CSV file with a header", "set DATA to its path")
    if file.suffix.lower() in (".parquet", ".xlsx", ".xls"):
        raise LabError("NotCsv", f"{file.name} is no CSV file", "CSV with a header", "export it as CSV")
    try:
        check_encoding(file)
        dialect = sniff(file, MOST_COLUMNS, target or "")
    except BuilderError as error:
        raise LabError(error.reason.value, f"{file.name}: {error.message}", error.allowed, error.remedy) from error
    with file.open(newline="", encoding="utf-8-sig") as lines:
        columns = tuple(next(record for record in csv.reader(lines, delimiter=dialect.delimiter) if record))
    if target is None:
        raise LabError("TargetMissing", "TARGET is not set", _listed(columns), "set TARGET to the column to predict")
    if target not in columns:
        near = difflib.get_close_matches(target, columns, 1, 0.5)
        remedy = f"did you mean TARGET={near[0]!r}?" if near else "set TARGET to the column to predict"
        raise LabError("TargetNotFound", f"{file.name} has no column {target!r}", _listed(columns), remedy)
    return MachineData(file, target)


def model_name(file: Path) -> str:
    """Make a FaultModel's name of a file's."""
    words = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")
    if not re.match("[a-z]", words):
        words = f"machine-{words}"
    if words == "spindle":
        words = "my-spindle"  # spindle is the demo's own
    return words[:NAME_LENGTH].strip("-")


def _listed(columns: tuple[str, ...]) -> str:
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return ", ".join(columns[:20]) + more

"""The machine's data: generated, or the reader's own CSV; and the rows that the model is asked about."""

import csv
import difflib
import hashlib
import itertools
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.paths import REPOSITORY
from model_builder.dialect import check_encoding, sniff
from model_builder.errors import BuilderError

FOLDER = REPOSITORY / "out" / "demo"
"""Where the demo keeps the files that it writes."""
GENERATOR = REPOSITORY / "examples" / "generate.py"
ROWS, SEED = 10_000, 42
NEW_ROWS, NEW_SEED = 500, 43
ASKED = 5
MOST_COLUMNS = 1000
NAME_LENGTH = 45
"""Of a FaultModel; the CRD says the same."""


@dataclass(frozen=True)
class MachineData:
    """A CSV file with a header.

    Attributes
    ----------
    blank_lines
        Lines before the header.
    """

    file: Path
    target: str
    columns: tuple[str, ...]
    delimiter: str
    blank_lines: int = 0

    @property
    def bytes(self) -> int:
        return self.file.stat().st_size

    @property
    def sha256(self) -> str:
        with self.file.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def rows(self) -> Iterator[list[str]]:
        """Give the rows below the header, empty lines passed over."""
        with self.file.open(newline="", encoding="utf-8-sig") as file:
            records = (record for record in csv.reader(file, delimiter=self.delimiter) if record)
            yield from itertools.islice(records, 1, None)


@dataclass(frozen=True)
class Sample:
    """A row to ask about: its number below the header, its values, and the class that it really had."""

    number: int
    values: tuple[str, ...]
    actual: str


def generated(name: str, rows: int, seed: int, target: str) -> MachineData:
    """Write made-up readings of a milling machine."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / name
    words = [sys.executable, str(GENERATOR), f"--rows={rows}", f"--seed={seed}", f"--out={file}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError("GeneratorFailed", done.stderr.strip(), remedy="install the extra cli, which brings numpy")
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
        dialect = sniff(file, MOST_COLUMNS)
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
    return MachineData(file, target, columns, dialect.delimiter, dialect.blank_lines)


def model_name(file: Path) -> str:
    """Make a FaultModel's name of a file's."""
    words = re.sub(r"[^a-z0-9]+", "-", file.stem.lower()).strip("-")
    if not re.match("[a-z]", words):
        words = f"machine-{words}"
    if words == "spindle":
        words = "my-spindle"  # spindle is the demo's own
    return words[:NAME_LENGTH].strip("-")


def class_of(value: str) -> str:
    """Write a value of the target as the builder names its class: 1.0 is 1."""
    text = value.strip()
    whole = re.fullmatch(r"([+-]?[0-9]+)([.,]0*)?", text)
    return whole.group(1).removeprefix("+") if whole else text


def choose(data: MachineData, classes: tuple[str, ...]) -> list[Sample]:
    """Take the first rows of each class, so that faults are among them: of two classes, two of the second.

    Parameters
    ----------
    classes
        In the order of the model's outputs; of two, the second one means a fault.
    """
    return sorted(_picked(data, _quotas(classes)), key=lambda sample: sample.number)


def _quotas(classes: tuple[str, ...]) -> dict[str, int]:
    if len(classes) == 2:
        return {classes[0]: ASKED - ASKED // 2, classes[1]: ASKED // 2}
    each, more = divmod(ASKED, len(classes))
    return {name: each + (index < more) for index, name in enumerate(classes)}


def _picked(data: MachineData, left: dict[str, int]) -> Iterator[Sample]:
    target = data.columns.index(data.target)
    for number, values in enumerate(data.rows(), start=1):
        if not any(left.values()):
            return
        actual = class_of(values[target]) if target < len(values) else ""
        if left.get(actual, 0) > 0:
            left[actual] -= 1
            yield Sample(number, tuple(values), actual)


def write_rows(data: MachineData, samples: Iterable[Sample], file: Path) -> None:
    """Write rows under their header."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, delimiter=data.delimiter, lineterminator="\n")
        writer.writerow(data.columns)
        writer.writerows(sample.values for sample in samples)


def _listed(columns: tuple[str, ...]) -> str:
    more = f" and {len(columns) - 20} more" if len(columns) > 20 else ""
    return ", ".join(columns[:20]) + more

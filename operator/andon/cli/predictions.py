"""Predictions as text, CSV or JSON, batch by batch as they come."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any, Protocol

import typer

from andon.cli.inference import Answer, Schema

Emit = Callable[[str], None]
"""Takes a line of output."""


@dataclass(frozen=True)
class Prediction:
    """What the model says of one row. ``label`` and the probabilities of all classes only where there are several."""

    row: int
    fault: bool | None
    label: str | None
    probabilities: tuple[float, ...]
    version: str


class Writer(Protocol):
    """A form of output."""

    def begin(self, schema: Schema, rows: int) -> None: ...

    def write(self, prediction: Prediction) -> None: ...

    def end(self) -> None: ...


def each(answer: Answer, schema: Schema, first_row: int) -> Iterator[Prediction]:
    """Give the predictions of a batch one by one; rows are counted from one."""
    classes = schema.signature.classes
    for offset, (decision, probabilities) in enumerate(zip(answer.decisions, answer.probabilities, strict=True)):
        yield Prediction(
            row=first_row + offset,
            fault=bool(decision) if schema.binary else None,
            label=None if schema.binary else _class_name(classes, int(decision)),
            probabilities=tuple(float(value) for value in probabilities),
            version=answer.version,
        )


def _class_name(classes: tuple[str, ...], index: int) -> str:
    return classes[index] if 0 <= index < len(classes) else f"class {index}"


class TextWriter:
    """A table for people, on a line of its own each row; faults stand out in colour."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._widths: list[int] = []

    def begin(self, schema: Schema, rows: int) -> None:
        if schema.binary:
            header = ["row", "fault", "probability", "version"]
        else:
            header = ["row", "label", *(f"p({name})" for name in schema.signature.classes), "version"]
        self._widths = [max(len(name), 5) for name in header]
        self._widths[0] = max(len(str(rows)), 3)
        if not schema.binary:
            self._widths[1] = max(len(name) for name in ("label", *schema.signature.classes))
        self._emit(self._line(header))

    def write(self, prediction: Prediction) -> None:
        said = prediction.label if prediction.label is not None else ("yes" if prediction.fault else "no")
        shares = [f"{value:.3f}" for value in prediction.probabilities]
        line = self._line([str(prediction.row), said, *shares, prediction.version or "-"])
        self._emit(typer.style(line, fg="red", bold=True) if prediction.fault else line)

    def end(self) -> None:
        """Nothing is left to say."""

    def _line(self, fields: list[str]) -> str:
        # Numbers stand under one another from the right, words from the left.
        cells = [
            field.ljust(width) if index == 1 else field.rjust(width)
            for index, (field, width) in enumerate(zip(fields, self._widths, strict=True))
        ]
        return "  ".join(cells).rstrip()


class CsvWriter:
    """Comma-separated values with a header."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit

    def begin(self, schema: Schema, rows: int) -> None:  # noqa: ARG002  a Writer's signature
        if schema.binary:
            self._record("row", "fault", "probability", "version")
        else:
            self._record("row", "label", *(f"p({name})" for name in schema.signature.classes), "version")

    def write(self, prediction: Prediction) -> None:
        said = prediction.label if prediction.label is not None else int(bool(prediction.fault))
        shares = [_shortest(value) for value in prediction.probabilities]
        self._record(prediction.row, said, *shares, prediction.version)

    def end(self) -> None:
        """Nothing is left to say."""

    def _record(self, *fields: object) -> None:
        line = StringIO()
        csv.writer(line, lineterminator="").writerow(fields)
        self._emit(line.getvalue())


class JsonWriter:
    """One JSON document: the model's name and a list of predictions, one on a line."""

    def __init__(self, emit: Emit, model: str) -> None:
        self._emit = emit
        self._model = model
        self._classes: tuple[str, ...] = ()
        self._held: str | None = None

    def begin(self, schema: Schema, rows: int) -> None:  # noqa: ARG002  a Writer's signature
        self._classes = schema.signature.classes
        head = {"model": self._model, "classes": list(self._classes), "threshold": schema.signature.threshold}
        self._emit(json.dumps(head)[:-1] + ', "predictions": [')

    def write(self, prediction: Prediction) -> None:
        item: dict[str, Any] = {"row": prediction.row}
        if prediction.label is None:
            item |= {"fault": prediction.fault, "probability": _shortest(prediction.probabilities[0])}
        else:
            shares = [_shortest(value) for value in prediction.probabilities]
            item |= {"label": prediction.label, "probabilities": dict(zip(self._classes, shares, strict=True))}
        item["version"] = prediction.version or None
        if self._held is not None:
            self._emit(f"{self._held},")
        self._held = f"  {json.dumps(item)}"

    def end(self) -> None:
        if self._held is not None:
            self._emit(self._held)
        self._emit("]}")


def _shortest(value: float) -> float:
    """Write a 32-bit number with the digits that it has."""
    return float(f"{value:.7g}")

"""The termination message fits, whatever the model is called and however many columns it has."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_builder.report import (
    TERMINATION_MESSAGE_BYTES,
    BuildReport,
    Metrics,
    Runtime,
    Signature,
    termination_message,
)

TEXT = st.text(max_size=300)
NAMES = st.lists(st.text(min_size=1, max_size=256), max_size=80).map(tuple)


def report(**more: object) -> BuildReport:
    base = {
        "outcome": "Succeeded",
        "reason": "Built",
        "message": "built",
        "digest": "sha256:" + "a" * 64,
        "metrics": Metrics(accuracy=0.9, precision=0.8, recall=0.7, f1=0.75, macro_f1=0.8),
        "runtime": Runtime(onnxruntime="1.23.0", opset=18, ml_opset=3, ir_version=8),
    }
    return BuildReport.model_validate({**base, **more})


@given(numeric=NAMES, classes=NAMES, message=TEXT, found=TEXT, notes=st.lists(TEXT, max_size=20).map(tuple))
def test_any_message_fits_and_is_json(
    numeric: tuple[str, ...], classes: tuple[str, ...], message: str, found: str, notes: tuple[str, ...]
) -> None:
    whole = report(
        signature=Signature.of(numeric, classes, 0.5),
        message=message,
        found=found,
        notes=notes,
        confusion_matrix=((1,) * len(classes),) * len(classes),
    )
    text = termination_message(whole)
    assert len(text.encode()) <= TERMINATION_MESSAGE_BYTES
    back = BuildReport.model_validate(json.loads(text))
    assert back.digest == whole.digest
    assert back.metrics == whole.metrics
    assert whole.signature is not None
    assert back.signature is not None
    assert back.signature.digest == whole.signature.digest
    assert back.signature.truncated or back.signature == whole.signature


@given(text=st.text(min_size=1, max_size=20).map(lambda part: part * 5000))
def test_long_texts_are_shortened(text: str) -> None:
    failed = BuildReport(outcome="Failed", reason="NotANumber", message=text, found=text, remedy=text)
    message = termination_message(failed)
    assert len(message.encode()) <= TERMINATION_MESSAGE_BYTES
    assert json.loads(message)["reason"] == "NotANumber"


def test_a_small_report_is_told_whole() -> None:
    small = report(notes=("a note",), signature=Signature.of(("heat",), ("0", "1"), 0.5))
    assert BuildReport.model_validate_json(termination_message(small)) == small


@pytest.mark.parametrize(
    ("notes", "names", "kept"),
    [(["n" * 4000], 3, {"names": True, "notes": False}), ([], 400, {"names": False, "notes": False})],
)
def test_notes_go_before_names(notes: list[str], names: int, kept: dict[str, bool]) -> None:
    numeric = tuple(f"column {index}" for index in range(names))
    text = termination_message(report(notes=tuple(notes), signature=Signature.of(numeric, ("0", "1"), 0.5)))
    back = BuildReport.model_validate_json(text)
    assert back.signature is not None
    assert bool(back.signature.numeric) is kept["names"]
    assert back.signature.truncated is not kept["names"]
    assert bool(back.notes) is kept["notes"]


def test_the_signature_digest_depends_on_order_and_not_on_the_threshold() -> None:
    one = Signature.of(("a", "b"), ("0", "1"), 0.5)
    assert one.digest != Signature.of(("b", "a"), ("0", "1"), 0.5).digest
    assert one.digest != Signature.of(("a", "b"), ("1", "0"), 0.5).digest
    assert one.digest == Signature.of(("a", "b"), ("0", "1"), 0.3).digest

"""The C code compiles without a warning and answers as the ONNX file does, row by row."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_builder.categories import Category, Rows
from model_builder.compression.ensemble import Ensemble, Link
from model_builder.compression.fitted import from_sklearn
from model_builder.errors import Reason
from model_builder.exports.c99 import write_c
from model_builder.exports.ctext import comment, enumerators, number, string
from model_builder.exports.model import Source
from model_builder.exports.tables import tables
from model_builder.parity import compare
from model_builder.report import Signature
from tests.support.builder import refused
from tests.support.ensembles import ESTIMATORS, rows_beside_thresholds, rows_with_holes, rows_without_end, sample
from tests.support.exported import Case, case, source_of, with_pairs
from tests.support.native import Native, compiled, equal, sections


def native(of: Case, folder: Path) -> Native:
    return Native(write_c(of.source).files, folder, of.source.ensemble.outputs)


@pytest.mark.parametrize("data", ["two classes", "several classes"])
@pytest.mark.parametrize("kind", ["forest", "bag", "extra", "boosted"])
def test_every_row_is_answered_as_by_the_onnx_file(kind: str, data: str, tmp_path: Path) -> None:
    one = case(kind, data)
    said = native(one, tmp_path).answer(one.rows)
    parity = compare(said, one.model.answer(one.rows), one.source.signature)
    assert parity.max_score_error < 5e-6
    assert parity.label_differences == 0
    assert np.isnan(one.rows.numeric).any()
    assert len(set(said.labels.tolist())) > 1


def test_categories_pairs_and_odd_names(tmp_path: Path) -> None:
    one = with_pairs()
    program = native(one, tmp_path)
    parity = compare(program.answer(one.rows), one.model.answer(one.rows), one.source.signature)
    assert parity.label_differences == 0
    texts = [(0, "H", 0), (0, "L??/", 1), (0, "M\\ü", 2), (0, "", -1), (1, "", 0), (1, "a b", 1), (1, "H", -1)]
    assert [program.code(column, text.encode()) for column, text, _ in texts] == [code for *_, code in texts]


@pytest.mark.parametrize("kind", sorted(ESTIMATORS))
@pytest.mark.parametrize("classes", [2, 3])
def test_the_tables_are_walked_by_the_code_as_they_are_here(kind: str, classes: int, tmp_path: Path) -> None:
    given = sample(kind, classes, 4, missing=True)
    ensemble = from_sklearn(given.estimator)
    rows = np.concatenate(
        [
            given.features,
            rows_with_holes(given.features, 1),
            rows_without_end(given.features, 2),
            rows_beside_thresholds(ensemble, given.features),
        ]
    )
    source = source_of(ensemble, classes)
    said = Native(write_c(source).files, tmp_path, ensemble.outputs).answer(Rows.of_numbers(rows))
    walked = tables(ensemble).scores(rows)
    if ensemble.link is Link.IDENTITY:
        assert equal(said.scores.astype(np.float32), walked)
    np.testing.assert_allclose(said.scores, walked, rtol=0, atol=1e-6)
    np.testing.assert_allclose(walked, ensemble.scores(rows), rtol=0, atol=5e-6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(sorted(ESTIMATORS)),
    classes=st.sampled_from([2, 3, 4]),
    seed=st.integers(0, 10_000),
    missing=st.booleans(),
)
def test_tables_say_what_the_ensemble_says(kind: str, classes: int, seed: int, missing: bool) -> None:
    given = sample(kind, classes, seed, missing)
    ensemble = from_sklearn(given.estimator)
    rows = np.concatenate([given.features, rows_beside_thresholds(ensemble, given.features)])
    np.testing.assert_allclose(tables(ensemble).scores(rows), ensemble.scores(rows), rtol=0, atol=5e-6)


def test_a_model_that_says_the_same_of_every_row(tmp_path: Path) -> None:
    ensemble = Ensemble((), np.array([0.25, 0.75, 0.0]), Link.IDENTITY, 2)
    said = Native(write_c(source_of(ensemble, 3)).files, tmp_path, 3).answer(
        Rows.of_numbers(np.zeros((2, 2), np.float32))
    )
    assert said.scores.tolist() == [[0.25, 0.75, 0.0]] * 2
    assert said.labels.tolist() == [1, 1]


def test_the_same_model_gives_the_same_bytes() -> None:
    one = case("bag", "two classes")
    assert write_c(one.source).files == write_c(one.source).files


def test_the_code_allocates_nothing_and_calls_nothing(tmp_path: Path) -> None:
    one = case("bag", "two classes")
    target = compiled(write_c(one.source).files, tmp_path, "-Os")
    undefined = [line for line in _symbols(target) if line.split()[0] == "U"]
    assert undefined == []


def _symbols(target: Path) -> list[str]:
    return subprocess.run(["nm", str(target)], capture_output=True, text=True, check=True).stdout.splitlines()


def test_tables_are_most_of_the_object(tmp_path: Path) -> None:
    written = write_c(case("forest", "two classes").source)
    assert written.bytes <= sections(compiled(written.files, tmp_path, "-Os")) < written.bytes + 800


def test_fast_math_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="compile without -ffast-math"):
        compiled(write_c(case("bag", "two classes").source).files, tmp_path, "-ffast-math")


def test_the_header_can_be_read_by_a_cpp_compiler_too() -> None:
    text = write_c(case("bag", "two classes").source).files["spindle.h"].decode()
    assert 'extern "C"' in text
    assert '"sensor 0 [m/s]"' in text


@pytest.mark.parametrize("text", ["a*/b", "/* x", "q??/", "line\nbreak", "\\", "ü", "\x00", "*" * 3 + "/"])
def test_a_comment_stays_one(text: str) -> None:
    written = comment(text)
    assert "*/" not in written
    assert "/*" not in written
    assert "??" not in written
    assert written.isascii()
    assert written.isprintable()


@given(st.text())
def test_a_literal_holds_the_text(text: str) -> None:
    inner = string(text)[1:-1].encode()
    read = re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), inner)
    assert read == text.encode(errors="surrogatepass")


@given(st.floats(width=32, allow_nan=False))
def test_a_number_is_read_back_as_it_was(value: float) -> None:
    text = number(np.float32(value))
    assert text.endswith("INFINITY") if np.isinf(value) else np.float32(text[:-1]) == np.float32(value)


def test_constants_differ() -> None:
    names = enumerators("N", ("a b", "a-b", "A_B", "ü", "", "a_b_2"))
    assert len(set(names)) == 6


def test_a_text_with_a_zero_byte_is_refused() -> None:
    signature = Signature.of(("a",), ("0", "1"), 0.5, ("kind",))
    ensemble = Ensemble((), np.array([0.25]), Link.IDENTITY, 2)
    with refused(Reason.EXPORT_UNSUPPORTED, "zero byte"):
        write_c(Source("x", signature, (Category("kind", ("a\0b",)),), ensemble))

"""Three steps there and back: to a range, to integers, to bits; the error is the one that is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_builder.compression.encode import encode
from model_builder.compression.fitted import from_sklearn
from model_builder.compression.quantize import (
    Range,
    decenter,
    quantize,
    quantize_leaves,
    quantize_thresholds,
    unpacked,
)
from tests.support.ensembles import ESTIMATORS, sample


@given(
    values=st.lists(st.floats(-1e6, 1e6), max_size=50),
    bits=st.integers(4, 16),
    span=st.sampled_from(list(Range)),
)
def test_error_is_half_a_step_at_most_and_integers_survive_packing(values: list[float], bits: int, span: Range) -> None:
    given_values = np.array(values, np.float64)
    found = quantize(given_values, bits, span)
    assert found.codes.min(initial=0) >= 0
    assert found.codes.max(initial=0) < 2**bits
    assert found.largest_error <= found.scale / 2 * (1 + 1e-6) + 1e-9
    np.testing.assert_allclose(np.abs(found.values() - given_values).max(initial=0.0), found.largest_error)
    assert len(found.packed()) == (len(values) * bits + 7) // 8
    np.testing.assert_array_equal(unpacked(found.packed(), len(values), bits), found.codes)


def test_the_ends_of_the_range_are_exact_and_zero_stays_zero() -> None:
    unit = quantize(np.array([-2.0, 1.0, 6.0]), 4)
    np.testing.assert_allclose(unit.values()[[0, 2]], [-2.0, 6.0])
    assert unit.codes.tolist() == [0, 6, 15]
    symmetric = quantize(np.array([-2.0, 0.0, 6.0]), 4, Range.SYMMETRIC)
    assert symmetric.values()[1] == 0.0
    assert symmetric.codes.tolist() == [5, 7, 14]


@pytest.mark.parametrize("bits", [3, 17])
def test_other_numbers_of_bits_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="4 to 16"):
        quantize(np.zeros(2), bits)


@pytest.mark.parametrize("kind", sorted(ESTIMATORS))
@pytest.mark.parametrize("classes", [2, 3])
def test_leaves_take_few_values_and_scores_move_little(kind: str, classes: int) -> None:
    drawn = sample(kind, classes, 4, missing=False)
    ensemble = from_sklearn(drawn.estimator)
    smaller, found = quantize_leaves(ensemble, 8)
    moved = np.abs(smaller.raw(drawn.features) - ensemble.raw(drawn.features)).max()
    assert moved <= found.largest_error * len(ensemble.trees) + 1e-12
    assert len(encode(smaller, drawn.signature)) <= len(encode(ensemble, drawn.signature)) + 20


def test_decentering_changes_no_answer_and_centres_the_leaves() -> None:
    drawn = sample("histGradientBoosting", 2, 4, missing=True)
    ensemble = from_sklearn(drawn.estimator)
    moved = decenter(ensemble)
    np.testing.assert_allclose(moved.scores(drawn.features), ensemble.scores(drawn.features), atol=1e-12)
    assert all(abs(tree.value[0]).max() < 1e-12 for tree in moved.trees)
    small, found = quantize_leaves(moved, 8, Range.SYMMETRIC)
    assert found.range is Range.SYMMETRIC
    np.testing.assert_allclose(small.scores(drawn.features), ensemble.scores(drawn.features), atol=0.05)


def test_thresholds_take_few_values_of_their_own_range() -> None:
    drawn = sample("randomForest", 2, 6, missing=True)
    ensemble = from_sklearn(drawn.estimator)
    snapped, found = quantize_thresholds(ensemble, 4)
    for feature, how in found.items():
        own = np.unique(np.concatenate([tree.threshold[tree.feature == feature] for tree in snapped.trees]))
        assert len(own) <= 16
        assert how.bits == 4
    fine, _ = quantize_thresholds(ensemble, 16)
    assert (np.abs(fine.scores(drawn.features) - ensemble.scores(drawn.features)) > 1e-9).mean() < 0.1

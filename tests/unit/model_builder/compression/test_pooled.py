"""Scores of all held-out rows are those of the judge, parts are left out as they say, and noise is told as noise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_builder.compression.judge import score
from model_builder.compression.pooled import PARTS, compare, part_scores, parts_left_out

HELD_OUT = 0.25


def drawn(seed: int, classes: int, rows: int = 300) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.RandomState(seed)
    codes = random.randint(0, classes, rows)
    wide = random.dirichlet([1] * classes, rows) + 0.3 * np.eye(classes)[codes]
    wide = (wide / wide.sum(axis=1, keepdims=True)).round(random.randint(1, 6))
    return codes, wide[:, 1:] if classes == 2 else wide


@given(seed=st.integers(0, 1000), classes=st.integers(2, 4))
def test_each_line_is_the_score_of_the_rows_that_are_looked_at(seed: int, classes: int) -> None:
    codes, scores = drawn(seed, classes)
    kept = parts_left_out(codes, None, seed)
    found = part_scores(codes, scores, kept)
    assert found.shape == (1 + PARTS, 4)
    for line in (0, 1, PARTS):
        expected = dataclasses.astuple(score(codes[kept[line]], scores[kept[line]]))
        np.testing.assert_allclose(found[line], expected, atol=1e-12)


@given(seed=st.integers(0, 1000), grouped=st.booleans())
def test_every_row_is_left_out_once_and_groups_stay_together(seed: int, grouped: bool) -> None:
    random = np.random.RandomState(seed)
    codes = random.randint(0, 3, 200)
    groups = random.randint(0, 30, 200) if grouped else None
    kept = parts_left_out(codes, groups, seed)
    assert kept[0].all()
    assert ((~kept[1:]).sum(axis=0) == 1).all()
    assert (~kept[1:]).any(axis=1).all()
    if groups is None:
        share = np.array([(codes[~part] == 0).sum() for part in kept[1:]])
        assert np.ptp(share) <= 1
    else:
        for group in np.unique(groups):
            assert len(np.unique(kept[:, groups == group], axis=1).T) == 1


def test_a_mean_over_rows_has_the_error_that_folds_would_give_it() -> None:
    # Of a plain mean the jackknife gives the usual standard error; the correction is then that of five folds.
    random = np.random.RandomState(0)
    off = random.normal(size=4000)
    kept = parts_left_out(np.zeros(4000, np.int64), None, 0)
    means = (kept @ off / kept.sum(axis=1))[:, None].repeat(4, axis=1)
    once = compare([means], [[0 * means]], 1.0, HELD_OUT)
    plain = off.std() / np.sqrt(len(off))
    assert once.macro_f1.mean == pytest.approx(off.mean())
    assert once.macro_f1.error == pytest.approx(np.sqrt(1 + 1.25) * plain, rel=0.4)
    often = compare([means] * 1000, [[0 * means]] * 1000, 1.0, HELD_OUT)
    assert often.macro_f1.error == pytest.approx(once.macro_f1.error * np.sqrt(1.251 / 2.25))


def flat(macro: float = 0.8, best: float = 0.8, precision: float = 0.8, brier: float = 0.1) -> np.ndarray:
    return np.tile([macro, best, precision, brier], (1 + PARTS, 1))


def uneven(size: float) -> np.ndarray:
    """Give scores that hang on which rows are looked at."""
    signs = np.where(np.arange(PARTS) % 2, 1, -1)
    scores = flat()
    scores[1:, 0] += size * signs
    return scores


@pytest.mark.parametrize(
    ("candidate", "equal"),
    [
        ([flat(), flat()], True),
        ([flat(0.796), flat(0.796)], True),
        ([flat(0.79), flat(0.79)], False),
        ([flat(best=0.79), flat(best=0.79)], False),
        ([flat(precision=0.79), flat(precision=0.79)], False),
        ([flat(brier=0.106), flat(brier=0.106)], False),
        ([flat(brier=0.104), flat(brier=0.104)], True),
        ([uneven(0.0001)] * 2, True),
        ([uneven(0.002)] * 2, False),
        ([uneven(0.002), uneven(-0.002)], True),
    ],
)
def test_equal_is_what_noise_cannot_explain(candidate: list[np.ndarray], equal: bool) -> None:
    assert compare(candidate, [[flat()]] * 2, 0.005, HELD_OUT).equal is equal


@pytest.mark.parametrize(
    ("candidate", "equal"),
    [(uneven(0.002), True), (uneven(0.006), False), (flat(0.794), False), (uneven(0.002) - [0.006, 0, 0, 0], False)],
)
def test_what_is_not_sure_may_be_as_much_as_reseeding_does_but_the_mean_may_not(
    candidate: np.ndarray, equal: bool
) -> None:
    assert compare([candidate], [[flat(0.79), flat(0.81)]], 0.005, HELD_OUT).equal is equal


def test_strict_evidence_is_excused_by_nothing() -> None:
    candidate, forests = uneven(0.002), [flat(0.79), flat(0.81)]
    assert compare([candidate], [forests], 0.005, HELD_OUT).equal
    assert not compare([candidate], [forests], 0.005, HELD_OUT, strict=True).equal
    assert compare([uneven(0.0001)], [forests], 0.005, HELD_OUT, strict=True).equal


def test_several_forests_count_as_their_mean() -> None:
    verdict = compare([flat(0.8)], [[flat(0.81), flat(0.8), flat(0.79)]], 0.005, HELD_OUT)
    assert verdict.equal
    assert verdict.macro_f1.mean == pytest.approx(0)
    alone = compare([flat(0.8)], [[flat(0.81), flat(0.8), flat(0.79)]], 0.005, HELD_OUT, first_only=True)
    assert alone.macro_f1.mean == pytest.approx(-0.01)


@pytest.mark.parametrize(("brier", "equal"), [(0.0006, True), (0.0007, False)])
def test_of_a_forest_that_is_nearly_always_right_a_little_more_brier_is_no_loss(brier: float, equal: bool) -> None:
    assert compare([flat(brier=brier)], [[flat(brier=0.00015)]], 0.005, HELD_OUT).equal is equal

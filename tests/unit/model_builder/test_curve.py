"""The curve of precision over recall is scikit-learn's, thinned out where it is long."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_score, recall_score

from model_builder.parity import Answers
from model_builder.ranking import CURVE_POINTS
from model_builder.report import Signature
from model_builder.scoring import Scorer

SIGNATURE = Signature.of(("heat",), ("0", "1"), 0.5)


def scorer(codes: list[int], scores: list[float]) -> Scorer:
    given_scores = np.array(scores, np.float32).reshape(-1, 1)
    labels = (given_scores[:, 0] >= 0.5).astype(np.int64)
    return Scorer(np.array(codes, np.int64), Answers(given_scores, labels), SIGNATURE)


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])), min_size=1, max_size=60))
def test_every_point_is_what_its_threshold_gives(rows: list[tuple[int, float]]) -> None:
    codes, scores = [code for code, _ in rows], [score for _, score in rows]
    points = scorer(codes, scores).curve(1)
    assert bool(points) == (sum(codes) > 0)
    for threshold, precision, recall in points:
        called = np.array(scores, np.float32) >= threshold
        assert precision == pytest.approx(precision_score(codes, called))
        assert recall == pytest.approx(recall_score(codes, called))
    recalls = [recall for _, _, recall in points]
    assert recalls == sorted(recalls)
    assert not recalls or recalls[-1] == 1


def test_a_long_curve_keeps_a_hundred_points_and_its_end() -> None:
    random = np.random.RandomState(1)
    points = scorer(random.randint(0, 2, 5000).tolist(), random.random_sample(5000).tolist()).curve(1)
    assert len(points) <= CURVE_POINTS
    assert points[-1][2] == 1


def test_each_of_several_classes_is_ranked_against_all_others() -> None:
    random = np.random.RandomState(2)
    codes = random.randint(0, 3, 300)
    scores = (random.random_sample((300, 4)) + 0.5 * np.eye(4)[codes]).astype(np.float32)
    scores /= scores.sum(axis=1, keepdims=True)
    signature = Signature.of(("heat",), ("a", "b", "c", "never"), None)
    found = Scorer(codes, Answers(scores, scores.argmax(axis=1)), signature)
    for code in range(3):
        assert found.average_precision(code) == pytest.approx(average_precision_score(codes == code, scores[:, code]))
        for threshold, precision, recall in found.curve(code)[::10]:
            called = scores[:, code] >= np.float32(threshold)
            assert precision == pytest.approx(precision_score(codes == code, called))
            assert recall == pytest.approx(recall_score(codes == code, called))
    assert np.isnan(found.average_precision(3))
    assert found.curve(3) == []

"""The curve of precision over recall is scikit-learn's, thinned out where it is long."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

from model_builder.parity import Answers
from model_builder.report import Signature
from model_builder.scoring import CURVE_POINTS, Scorer

SIGNATURE = Signature.of(("heat",), ("0", "1"), 0.5)


def scorer(codes: list[int], scores: list[float]) -> Scorer:
    given_scores = np.array(scores, np.float32).reshape(-1, 1)
    labels = (given_scores[:, 0] >= 0.5).astype(np.int64)
    return Scorer(np.array(codes, np.int64), Answers(given_scores, labels), SIGNATURE)


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])), min_size=1, max_size=60))
def test_every_point_is_what_its_threshold_gives(rows: list[tuple[int, float]]) -> None:
    codes, scores = [code for code, _ in rows], [score for _, score in rows]
    points = scorer(codes, scores).curve()
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
    points = scorer(random.randint(0, 2, 5000).tolist(), random.random_sample(5000).tolist()).curve()
    assert len(points) <= CURVE_POINTS
    assert points[-1][2] == 1

"""What is served answers as scikit-learn does, on AI4I (two classes) and SGAH (five), with holes and on thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.exported import ESTIMATORS, case


@pytest.mark.parametrize("data", ["two classes", "several classes"])
@pytest.mark.parametrize("kind", sorted(ESTIMATORS))
def test_onnx_answers_as_scikit_learn_does(kind: str, data: str) -> None:
    one = case(kind, data)
    rows = one.rows.matrix()
    assert np.isnan(rows).any(axis=1).sum() > 1_000
    expected = one.estimator.predict_proba(rows)
    expected = expected[:, 1:] if expected.shape[1] == 2 else expected
    answers = one.model.answer(one.rows)
    np.testing.assert_allclose(answers.scores, expected, rtol=0, atol=1e-5)
    if expected.shape[1] > 1:
        best = np.sort(expected, axis=1)
        sure = best[:, -1] - best[:, -2] > 2e-5
        np.testing.assert_array_equal(answers.labels[sure], expected.argmax(axis=1)[sure])
    else:
        sure = np.abs(expected[:, 0] - 0.4) > 1e-5
        np.testing.assert_array_equal(answers.labels[sure], expected[sure, 0] >= 0.4)

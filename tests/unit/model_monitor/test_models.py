"""What the monitor makes of a model's outputs."""

from __future__ import annotations

import numpy as np

from model_builder.compression.encode import Addition, encode
from model_builder.compression.ensemble import Ensemble
from model_builder.compression.fitted import from_sklearn
from model_builder.explanation.games import games_of
from model_builder.explanation.graph import contributions
from model_monitor.models import Model
from model_monitor.tensors import Rows
from tests.support.ensembles import sample


def test_an_output_that_explains_rows_changes_no_answer() -> None:
    drawn = sample("randomForest", 2, seed=9, missing=True)
    ensemble = from_sklearn(drawn.estimator).simplified()
    games = games_of(ensemble, np.arange(ensemble.features))

    def adding(written: Ensemble, matrix: str) -> Addition:
        return contributions(games, ensemble.features, written.outputs, matrix, {})

    asked = Rows(drawn.features, np.empty((len(drawn.features), 0), object))
    plain, more = (
        Model(encode(ensemble, drawn.signature, adding=each), drawn.signature, {}).answer(asked)
        for each in (None, adding)
    )
    assert plain.alarm_scores.tobytes() == more.alarm_scores.tobytes()
    assert plain.classes.tolist() == more.classes.tolist()

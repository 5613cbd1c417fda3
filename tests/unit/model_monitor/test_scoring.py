"""Several requests are scored at once; what one of them does to a version is not told of the others."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from onnx import ModelProto

from model_builder.imports.foreign import ForeignModel, under_contract
from model_builder.report import Signature
from model_monitor.envelope import Envelope, Version
from model_monitor.models import Model
from model_monitor.scoring import score
from model_monitor.tensors import Rows
from tests.support import graphs

NAMES = ("heat", "load")
SIGNATURE = Signature.of(NAMES, ("0", "1"), 0.5)


@pytest.fixture(scope="module")
def good() -> ModelProto:
    heat = np.linspace(0, 10, 200)
    return graphs.tree(pd.DataFrame({"heat": heat, "load": heat % 3, "fault": (heat > 5).astype(int)}), NAMES, "fault")


def _model(graph: ModelProto) -> Model:
    written = under_contract(ForeignModel(graph.SerializeToString()), SIGNATURE)
    return Model(written.SerializeToString(), SIGNATURE, {})


def _request(number: int, *, hot: bool) -> tuple[Envelope, Rows]:
    stable, candidate = Version(1, f"sha256:{'a' * 64}"), Version(2, f"sha256:{'b' * 64}")
    envelope = Envelope("drill", stable, candidate, "", f"r{number}", datetime(2026, 1, 1, tzinfo=UTC))
    values = np.array([[number % 10, 1], [20 if hot else 3, 1]], np.float32)
    return envelope, Rows(values, np.empty((2, 0), object))


@pytest.mark.parametrize("count", [1, 2, 7, 64])
@pytest.mark.parametrize("refused", [(), (0,), (0, 1), (5, 6), tuple(range(64))])
@pytest.mark.parametrize("failing", ["candidate", "stable"])
def test_only_requests_that_a_version_refuses_are_without_its_answer(
    good: ModelProto, count: int, refused: tuple[int, ...], failing: str
) -> None:
    requests = [_request(number, hot=number in refused) for number in range(count)]
    sound, failed = _model(good), _model(graphs.error_between(good, 0, 15, 25))
    old, new = (failed, sound) if failing == "stable" else (sound, failed)
    scored = score(requests, old, new)
    assert scored.new is not None
    assert scored.differ is not None
    fails, stays = (scored.old, scored.new) if failing == "stable" else (scored.new, scored.old)
    expected = np.repeat([number in refused for number in range(count)], 2)
    assert (~fails.valid == expected).all()
    assert not fails.alarm[expected].any()
    assert stays.valid.all()
    assert (scored.differ == expected).all()
    assert (fails.answers.alarm_scores[~expected] == stays.answers.alarm_scores[~expected]).all()


def test_without_a_candidate_what_stable_refuses_is_counted_too(good: ModelProto) -> None:
    scored = score([_request(0, hot=True), _request(1, hot=False)], _model(graphs.error_between(good, 0, 15, 25)), None)
    assert scored.old.valid.tolist() == [False, False, True, True]

"""The search keeps its word: smaller only where it is surely as good, reproducible, and stopped by the clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

import model_builder
from model_builder import Budget, compress
from model_builder.compression.candidates import Family, Variant
from model_builder.compression.rounds import Key, Record, Round
from model_builder.compression.search import FOLDS, FORESTS, Progress, Search
from model_builder.report import Signature
from model_builder.runtime import open_session
from tests.support.computing import Counting


def product_data(rows: int = 1500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.RandomState(seed)
    features = random.normal(size=(rows, 4)).astype(np.float32)
    codes = (features[:, 0] * features[:, 1] > 0.9).astype(np.int64)
    return features, codes


@pytest.fixture(scope="module")
def fitted() -> tuple[RandomForestClassifier, np.ndarray, np.ndarray]:
    features, codes = product_data()
    return RandomForestClassifier(20, random_state=0).fit(features, codes), features, codes


def bag(rows: np.ndarray, codes: np.ndarray, seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(10, max_features=None, random_state=seed).fit(rows, codes)


FEW = (
    Family("bag", bag, (Variant(10, 0.0075, 4), Variant(5, 0.03, 4))),
    Family("bag with pairs", bag, (Variant(10, 0.0075, 4), Variant(5, 0.0075, 4)), pairs=True),
)


def search(fitted: Any, **more: Any) -> Search:
    forest, features, codes = fitted
    signature = Signature.of(("a", "b", "c", "d"), ("0", "1"), 0.5)
    return Search(forest, features, codes, signature, **{"budget": Budget(), "repeats": 1, "tried": FEW, **more})


def test_pairs_make_a_small_model_better_than_the_forest(fitted: Any) -> None:
    seen: list[Progress] = []
    compute = Counting()
    one = search(fitted, on_progress=seen.append, compute=compute)
    found = one.run()
    assert "pairs" in found.chosen.name
    assert found.chosen.verdict.lowest > 0
    assert found.candidates == 4
    assert found.folds == 10
    assert compute.forests == [1, FORESTS]
    assert found.chosen.bytes * 5 < next(trial.bytes for trial in found.trials if trial.variant is None)
    assert [(each.done, each.total) for each in seen] == [(done, 10) for done in range(1, 11)]
    assert seen[0].candidates >= seen[-1].candidates
    sizes = [trial.bytes for trial in found.front]
    lows = [trial.verdict.lowest for trial in found.front]
    assert sizes == sorted(sizes)
    assert lows == sorted(lows)
    assert one.ensemble(found.chosen).pairs
    again = search(fitted).run()
    assert [(each.name, each.bytes) for each in again.trials] == [(each.name, each.bytes) for each in found.trials]


def test_a_loss_that_cannot_be_excluded_keeps_the_forest(fitted: Any) -> None:
    found = search(fitted, budget=Budget(max_loss=-0.5)).run()
    assert found.chosen.variant is None
    assert "lossless" in found.why
    strict = search(fitted, budget=Budget(max_bytes=10)).run()
    assert "larger than the 10 bytes" in strict.why


def test_few_faults_keep_the_lossless_form() -> None:
    features, codes = product_data()
    codes[np.flatnonzero(codes)[40:]] = 0
    forest = RandomForestClassifier(5, random_state=0).fit(features, codes)
    found = search((forest, features, codes)).run()
    assert found.chosen.variant is None
    assert "40 rows" in found.why
    assert found.folds == 0


@pytest.mark.parametrize(
    ("ticks", "folds", "words", "smaller"),
    [
        (2, 2, "too short for one round", False),
        (FOLDS + 1, FOLDS + 1, "too short to confirm", False),
        (2 * FOLDS + 1, 2 * FOLDS + 1, "candidates", True),
    ],
)
def test_the_clock_stops_the_search_with_the_best_that_is_confirmed(
    fitted: Any, ticks: int, folds: int, words: str, smaller: bool
) -> None:
    now = iter(range(100))
    found = search(fitted, repeats=3, limit_s=ticks - 0.5, clock=lambda: float(next(now))).run()
    assert found.stopped_early
    assert found.folds == folds
    assert words in found.why
    assert (found.chosen.variant is not None) is smaller


def test_what_looked_good_in_the_first_round_is_decided_by_the_second(fitted: Any) -> None:
    one = search(fitted)
    key = FEW[1], FEW[1].variants[0]
    first, second = a_round([key], [0.9]), a_round([key], [0.7])
    assert first.listed() == [key]
    decided = one._decide(second, 1, False)
    assert decided.chosen.variant is None
    assert [trial.surely for trial in decided.trials if trial.variant] == [False]


def test_the_best_of_each_size_is_listed_by_what_it_gives_for_its_size() -> None:
    small, large, hopeless, twin = (Variant(trees, 0.0, 4) for trees in (1, 2, 3, 4))
    family = Family("bag", bag, (small, large, hopeless, twin))
    keys = [(family, variant) for variant in family.variants]
    tried = a_round(keys, [0.80, 0.81, 0.75, 0.79], sizes=[1000, 4000, 500, 1010])
    assert [variant for _, variant in tried.listed()] == [small, large]


def test_a_forest_cut_back_is_compared_with_itself(fitted: Any) -> None:
    pruned = Family("forest", None, (Variant(10, 0.003, 8, greedy=True),))
    found = search(fitted, tried=(pruned,), budget=Budget(max_loss=0.5)).run()
    assert [trial.family for trial in found.trials if trial.variant] == ["forest"]
    key = pruned, pruned.variants[0]
    assert a_round([key], [0.8], forests=(0.8, 0.9)).verdict(key).equal
    assert not a_round([key], [0.8], forests=(0.9, 0.8)).verdict(key).equal


def test_larger_candidates_are_tried_where_no_small_one_passes(fitted: Any) -> None:
    poor = Family("one tree", bag, (Variant(1, 0.3, 4),))
    seen: list[Progress] = []
    compute = Counting()
    one = search(fitted, on_progress=seen.append, compute=compute)
    one._stages = [(poor,), (FEW[1],)]
    found = one.run()
    assert found.chosen.family == "bag with pairs"
    assert one.ensemble(found.chosen).pairs
    assert found.folds == len(seen) > 10
    one._stages = [(FEW[1],), (poor,)]
    assert "one tree" not in {trial.family for trial in one.run().trials}


def a_round(
    keys: list[Key], macro: list[float], sizes: Sequence[int] = (1000,) * 4, forests: Sequence[float] = (0.8,)
) -> Round:
    """Make a round of one repeat, in which all scores but macro-F1 are those of the forest, whatever the rows."""
    played = Round(keys, np.zeros(4, np.int64), np.ones((3, 4), bool), 0.005, 0.25)
    played.forests = [[scores(each) for each in forests]]
    for key, value, size in zip(keys, macro, sizes, strict=False):
        played.records[key] = Record([size], [scores(value)])
    return played


def scores(macro: float) -> np.ndarray:
    return np.tile([macro, 0.8, 0.8, 0.1], (3, 1))


def test_groups_are_never_on_both_sides(fitted: Any) -> None:
    codes = fitted[2]
    groups = np.arange(len(codes)) // 50
    found = search(fitted, groups=groups).run()
    assert found.folds == 2 * FOLDS
    one = search(fitted, groups=groups)
    for fit, held_out in one._folds(0):
        assert not set(groups[fit]) & set(groups[held_out])


def test_one_call_compresses_and_shows_itself(fitted: Any) -> None:
    features, codes = fitted[1][:600], fitted[2][:600]
    names = np.array(["ok", "fault"])[codes]
    refitted = RandomForestClassifier(20, random_state=0).fit(features, names)
    small = compress(refitted, features, names, feature_names=["a", "b", "<c>", "d"], seed=3)
    assert small.report.bytes == len(small.onnx)
    assert small.report.reductions[-1].bytes_after == len(small.onnx)
    assert small.report.reductions[0].bytes_before == small.report.plain_bytes
    assert small.signature.classes == ("fault", "ok")
    outputs = open_session(small.onnx).run(None, {"numeric": features})
    np.testing.assert_allclose(outputs[0], small.ensemble.scores(features), atol=2e-6)
    shown = small._repr_html_()
    assert f"{len(small.onnx):,} bytes" in shown
    assert "<table>" in shown


def test_several_classes_and_missing_values_and_an_old_runtime() -> None:
    random = np.random.RandomState(1)
    features = random.normal(size=(400, 3)).astype(np.float32)
    codes = np.digitize(features[:, 0], [-0.5, 0.5])
    features[random.random_sample(features.shape) < 0.1] = np.nan
    forest = RandomForestClassifier(10, random_state=0).fit(features, codes)
    small = compress(forest, features, codes, onnxruntime="1.19", seed=1, limit_s=1)
    probabilities, labels = open_session(small.onnx).run(None, {"numeric": features})
    assert probabilities.shape == (400, 3)
    assert (labels[:, 0] == codes).mean() > 0.8


def test_the_package_loads_nothing_heavy_by_itself() -> None:
    with pytest.raises(AttributeError, match="no attribute"):
        _ = model_builder.nothing

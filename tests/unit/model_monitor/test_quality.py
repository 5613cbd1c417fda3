"""Live scores: what they are made of, that their intervals hold, and what is told without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from model_monitor.quality import Estimate, Tally, scores
from model_monitor.resampling import confusion_scores, ranking_scores
from tests.support.monitoring import TOKEN, Monitor, Shop, eventually, monitoring, rows


def values(tally: Tally) -> dict[str, float]:
    return {score.metric: round(score.value, 6) for score in scores(tally)}


@pytest.mark.parametrize(
    ("tally", "expected"),
    [
        (Tally(), {}),
        (Tally(caught=6, missed=2, false_alarms=3, quiet=9, right=15, classed=20),
         {"accuracy": 0.75, "recall": 0.75, "precision": 0.666667, "f1": 0.705882}),
        (Tally(quiet=5, right=5, classed=5), {"accuracy": 1.0}),
        (Tally(false_alarms=5), {"precision": 0.0, "f1": 0.0}),
        (Tally(missed=5), {"recall": 0.0, "f1": 0.0}),
        (Tally(caught=1, missed=1, right=1, classed=2, classes=3),
         {"accuracy": 0.5, "alarmRecall": 0.5, "alarmPrecision": 1.0, "alarmF1": 0.666667}),
    ],
)  # fmt: skip
def test_scores_of_what_is_known(tally: Tally, expected: dict[str, float]) -> None:
    assert values(tally) == expected
    for score in scores(tally):
        assert 0 <= score.lower <= score.value <= score.upper <= 1


@pytest.mark.parametrize("metric", ["recall", "precision", "f1"])
def test_the_interval_holds_in_19_of_20_runs_with_labels_late_and_a_third_of_them_missing(metric: str) -> None:
    """Labels come eight hours late, into a window of seven days. The ideal interval has all that could have come."""
    random = np.random.default_rng(11)
    truth = {"recall": 0.8, "precision": 0.85}
    truth["f1"] = 2 * truth["recall"] * truth["precision"] / (truth["recall"] + truth["precision"])
    caught, missed = 0.034 * 0.8, 0.034 * 0.2
    false = caught * 0.15 / 0.85
    shares = [caught, missed, false, 1 - caught - missed - false]
    covered, widths, ideal = 0, [], []
    for _ in range(2000):
        whole = random.multinomial(8000, shares)
        come = random.binomial(whole, 1 - 8 / (7 * 24))
        labelled = random.binomial(come, 0.7)
        found, best = (
            next(score for score in scores(Tally(*map(int, counts))) if score.metric == metric)
            for counts in (labelled, come)
        )
        covered += found.lower <= truth[metric] <= found.upper
        widths.append(found.upper - found.lower)
        ideal.append(best.upper - best.lower)
    assert 0.93 <= covered / 2000 <= 0.97
    assert np.mean(widths) <= 1.2 * np.mean(ideal)


def test_labels_that_miss_more_of_the_missed_faults_flatter_recall() -> None:
    random = np.random.default_rng(12)
    found = []
    for _ in range(500):
        caught, missed = random.multinomial(300, [0.8, 0.2])
        tally = Tally(caught=int(random.binomial(caught, 0.9)), missed=int(random.binomial(missed, 0.45)))
        found.append(values(tally)["recall"])
    # Of every 100 faults 72 caught and 9 missed ones get a label: the docs state this very case.
    assert np.mean(found) == pytest.approx(72 / 81, abs=0.01)


def test_an_estimate_says_nothing_where_there_is_nothing() -> None:
    assert Estimate(0, 0.0, 0.0).values() == {}
    assert Estimate(4, 3.0, 1.0).values() == {"precision": 0.75, "recall": 0.75}
    assert Estimate(0, 0.0, 1.0).values() == {"recall": 0.0}


async def series(monitor: Monitor, start: str) -> dict[str, float]:
    _, text = await monitor.get("/metrics")
    lines = [line.rpartition(" ") for line in text.splitlines() if line.startswith(start)]
    return {name: float(value) for name, _, value in lines}


async def test_live_scores_are_exported(shop: Shop, tmp_path: Path, database_url: str) -> None:
    given = rows(80)
    async with monitoring(shop, tmp_path, database=database_url, quality_seconds=0.05) as monitor:
        await monitor.mirror(given, "a", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 80)
        truth = given.sum(axis=1) > 0
        labels = [{"requestId": "a", "row": row, "fault": bool(truth[row])} for row in range(60)]
        labels += [{"requestId": "a", "row": 60, "fault": True, "selection": "Queue"}]
        assert (await monitor.label(labels))["accepted"] == 61

        async def counted() -> dict[str, Any] | None:
            found = await series(monitor, "andon_monitor_label_coverage_ratio")
            return found if 61 / 80 in found.values() else None

        await eventually(counted)
        quality = await series(monitor, "andon_monitor_quality{")
        where = 'model="spindle",track="stable",version="4"'
        value, lower, upper = (
            quality[f'andon_monitor_quality{{bound="{bound}",metric="recall",{where}}}']
            for bound in ("value", "lower", "upper")
        )
        assert 0 < lower < value < upper <= 1
        found = await monitor.evidence(shop.old, shop.new)
        faults = found["faults"]
        assert value == pytest.approx((faults["onlyOld"] + faults["both"]) / faults["total"])
        assert any('track="candidate",version="5"' in name for name in quality)
        assert {"averagePrecision", "macroF1", "bestF1", "f1", "accuracy"} <= {
            name.partition('metric="')[2].partition('"')[0] for name in quality
        }
        estimate = await series(monitor, "andon_monitor_quality_estimate{")
        assert 0 < estimate[f'andon_monitor_quality_estimate{{metric="recall",{where}}}'] < 1

        await monitor.mirror(rows(5), "b", shop.old)

        async def gone() -> dict[str, Any] | None:
            found = await series(monitor, "andon_monitor_quality{")
            return found if not any('track="candidate"' in name for name in found) else None

        assert await eventually(gone), "the candidate has left, its scores with it"


async def test_rows_older_than_the_window_do_not_count(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path, quality_seconds=0.05, quality_window=1e-6) as monitor:
        await monitor.mirror(rows(5), "a", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 5)
        await monitor.label([{"requestId": "a", "row": row, "fault": True} for row in range(5)])

        async def estimated() -> dict[str, Any] | None:
            return await series(monitor, "andon_monitor_quality_estimate{") or None

        await eventually(estimated)
        assert await series(monitor, "andon_monitor_quality{") == {}
        assert await series(monitor, "andon_monitor_label_coverage_ratio{") == {}


async def test_features_are_kept_only_on_demand(shop: Shop, tmp_path: Path) -> None:
    given = rows(60)
    key = tmp_path / "key"
    key.write_bytes(b"a secret of sixteen bytes")
    settings = {"keep_rows": True, "drop_columns": ("heat",), "hash_columns": ("load",), "hash_key_file": key}
    kept: dict[bool, list[dict[str, Any]]] = {}
    for asked in (False, True):
        folder = tmp_path / str(asked)
        folder.mkdir()
        async with monitoring(shop, folder, listeners=(), **(settings if asked else {})) as monitor:
            await monitor.mirror(given, "a", shop.old, shop.new)
            await monitor.seen(shop.old, shop.new, 60)
            url = monitor.api("/v1/models/spindle/queue?limit=60")
            async with monitor.client.get(url) as answer:
                assert all("features" not in item for item in (await answer.json())["items"]), "not to everybody"
            async with monitor.client.get(url, headers={"Authorization": "Bearer nobody"}) as answer:
                assert answer.status == 401
            async with monitor.client.get(url, headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
                kept[asked] = (await answer.json())["items"]
    assert all("features" not in item for item in kept[False])
    assert len(kept[True]) == len(kept[False]) > 0
    for item in kept[True]:
        assert set(item["features"]) == {"load"}
        assert len(item["features"]["load"]) == 32
    assert len({item["features"]["load"] for item in kept[True]}) == len(kept[True])


def test_scores_without_a_formula_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(3)
    truths = random.random(500) < 0.2
    given = np.round(truths * 0.3 + random.random(500) * 0.7, 2).astype(np.float64)  # with ties
    found = {score.metric: score for score in ranking_scores(truths, given)}
    assert found["averagePrecision"].value == pytest.approx(average_precision_score(truths, given))
    best = max(f1_score(truths, given >= threshold) for threshold in np.unique(given))
    assert found["bestF1"].value == pytest.approx(best)
    for classes in (2, 4):
        actual, named = random.integers(classes, size=300), random.integers(classes, size=300)
        matrix = np.zeros((classes, classes + 1), np.int64)
        np.add.at(matrix, (actual, named), 1)
        scored = {score.metric: score for score in confusion_scores(matrix)}
        assert scored["macroF1"].value == pytest.approx(f1_score(actual, named, average="macro"))
        assert set(scored) == ({"macroF1"} if classes == 2 else {"precision", "recall", "f1", "macroF1"})
        if classes > 2:
            assert scored["recall"].value == pytest.approx(recall_score(actual, named, average="macro"))
            assert scored["precision"].value == pytest.approx(precision_score(actual, named, average="macro"))
        for score in (*scored.values(), *found.values()):
            assert 0 <= score.lower < score.value < score.upper <= 1


def test_a_row_without_an_answer_is_a_fault_not_found() -> None:
    matrix = np.array([[50, 0, 0], [0, 30, 20]])
    assert confusion_scores(matrix)[0].value == pytest.approx((1 + 2 * 30 / (50 + 30)) / 2)


@pytest.mark.parametrize("truths", [[], [True, True], [False, False]])
def test_a_ranking_of_one_kind_says_nothing(truths: list[bool]) -> None:
    assert ranking_scores(np.array(truths, bool), np.linspace(0, 1, len(truths))) == []
    assert confusion_scores(np.zeros((2, 3), np.int64)) == []


def test_the_drawn_interval_of_average_precision_holds() -> None:
    random = np.random.default_rng(5)

    def draw(count: int) -> tuple[Any, Any]:
        truths = random.random(count) < 0.1
        return truths, truths * 1.5 + random.normal(size=count)

    truth = average_precision_score(*draw(400_000))
    found = [ranking_scores(*draw(600))[0] for _ in range(100)]
    covered = np.mean([score.lower <= truth <= score.upper for score in found])
    assert 0.9 <= covered <= 0.99, "percentiles of draws are a little too narrow where faults are few"

"""The detector on replayed rows: what is named, what is not, and how often it is wrong."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

from benchmarks import drift
from benchmarks.drift import FEATURES, UNITS, Rows, ai4i, baseline, batches, changes, generated
from benchmarks.real_data import data_file
from model_builder.report import Signature
from model_monitor.drift.baseline import Baseline
from model_monitor.drift.blocks import SCALES
from model_monitor.drift.detector import Detector, Settings
from model_monitor.drift.faults import Fault
from model_monitor.drift.renewal import Renewal
from model_monitor.drift.report import State


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Real rows where they are to be had; else rows of the same recipe."""
    return ai4i() if data_file("ai4i2020/ai4i2020.csv") is not None else generated()


def halves(rows: Rows, seed: int = 0) -> tuple[Rows, Rows]:
    order = np.random.default_rng(seed).permutation(len(rows.numbers))
    return rows.take(order[: drift.FITTED]), rows.take(order[drift.FITTED :])


def feed(detector: Detector, rows: Rows, at: float = 0.0) -> None:
    for batch in batches(rows):
        detector.add(at, batch.numbers, batch.codes)


@pytest.mark.parametrize("place", range(len(FEATURES)), ids=FEATURES)
def test_the_right_feature_and_kind_are_named(rows: Rows, place: int) -> None:
    cases = changes(float(rows.numbers[:, place].std()))
    wanted = [cases[name] for name in ("stuck", "missing", "offset by 3 standard deviations", "offset by 1")]
    for change, said in [*wanted, (UNITS[FEATURES[place]], Fault.UNIT)]:
        for seed in range(3):
            outcome = drift.run(rows, place, change, said, seed, Settings())
            assert outcome.delay is not None, (said, seed)
            assert not outcome.others, (said, seed)


def test_false_alarms_keep_the_rate_that_is_promised(rows: Rows) -> None:
    promised = 0.05
    found = [drift.false_windows(rows, seed, Settings(rows=200, false_alarms=promised)) for seed in range(30)]
    wrong, every = (sum(each) for each in zip(*found, strict=True))
    assert every == 600
    assert wrong <= stats.binom.isf(1e-4, every, promised)


def test_in_the_order_of_the_file_the_temperatures_drift_and_nothing_else(rows: Rows) -> None:
    drifted, broken = drift.last_word(rows, Settings())
    assert drifted == {"Air temperature [K]", "Process temperature [K]"}
    assert broken == set()


def test_nothing_is_said_before_there_are_rows_enough(rows: Rows) -> None:
    before, live = halves(rows)
    detector = Detector(baseline(before), Settings(rows=500, seconds=60, minimum=200))
    few = live.take(np.arange(200))
    for number, at in enumerate((0.0, 3600.0, 7200.0)):
        some = few.take(np.arange(50 * number, 50 * number + 50))
        detector.add(at, some.numbers, some.codes)
    assert {one.state for one in detector.report.findings} == {State.NOT_ENOUGH_DATA}
    detector.add(7300.0, few.numbers[150:], few.codes[150:])
    assert {one.state for one in detector.report.findings} == {State.STEADY}, "the time is over, and there are 200"
    assert {one.rows for one in detector.report.findings} == {200}


def test_a_drift_that_ends_is_taken_back(rows: Rows) -> None:
    before, live = halves(rows)
    moved = live.numbers.copy()
    moved[:500, 3] += 10
    detector = Detector(baseline(before))
    feed(detector, Rows(moved[:500], live.codes[:500]))
    assert detector.report.drifted() == [FEATURES[3]]
    feed(detector, Rows(moved[500:1000], live.codes[500:1000]))
    assert detector.report.drifted() == []


def test_a_sensor_that_is_mended_is_well_again(rows: Rows) -> None:
    before, live = halves(rows)
    gone = live.numbers.copy()
    gone[:100, 3] = np.nan
    detector = Detector(baseline(before))
    feed(detector, Rows(gone[:100], live.codes[:100]))
    assert detector.report.broken() == {FEATURES[3]: Fault.MISSING}
    feed(detector, Rows(gone[100:1000], live.codes[100:1000]))
    assert detector.report.broken() == {}


def test_a_broken_sensor_is_not_called_drift(rows: Rows) -> None:
    before, live = halves(rows)
    stuck = live.numbers.copy()
    stuck[:, 2] = stuck[0, 2]
    detector = Detector(baseline(before))
    feed(detector, Rows(stuck[:2000], live.codes[:2000]))
    assert detector.report.broken() == {FEATURES[2]: Fault.STUCK}
    assert detector.report.drifted() == []


def test_categories_drift_too(rows: Rows) -> None:
    before, live = halves(rows)
    detector = Detector(baseline(before))
    codes = live.codes.copy()
    codes[:, 0] = np.where(codes[:, 0] == 1, -1, codes[:, 0])  # values that the build did not see
    feed(detector, Rows(live.numbers[:500], codes[:500]))
    assert detector.report.drifted() == ["Type"]


def test_the_score_is_a_column_of_its_own() -> None:
    draw = np.random.default_rng(5)
    scores = draw.beta(1, 12, 3000)
    recorded = {
        "numeric": [],
        "categorical": [],
        "scores": {
            "edges": [number / 20 for number in range(1, 20)],
            "counts": [np.bincount((scores * 20).astype(int), minlength=20).tolist()],
        },
    }
    found = Baseline.of(recorded, Signature.of((), ("0", "1"), 0.5))
    detector = Detector(found)
    none = np.empty((500, 0), np.float32)
    detector.add(0.0, none, None, draw.beta(1, 12, 500))
    assert detector.report.of("score").state == State.STEADY
    detector.add(1.0, none, None, draw.beta(1, 8, 500))
    assert detector.report.drifted() == ["score"]


def test_a_new_baseline_after_maintenance(rows: Rows) -> None:
    before, live = halves(rows)
    moved = Rows(live.numbers + np.array([0, 0, 0, 10, 0], np.float32), live.codes)
    detector = Detector(baseline(before))
    feed(detector, moved.take(np.arange(500)))
    assert detector.report.drifted() == [FEATURES[3]]
    detector.renew(Renewal("bearing replaced", 1_000.0))
    assert {one.state for one in detector.report.findings} == {State.NOT_ENOUGH_DATA}
    assert detector.report.learning == 2000
    feed(detector, moved.take(np.arange(500, 2500)))
    assert detector.report.learning == 0
    feed(detector, moved.take(np.arange(2500, 3500)))
    assert {one.state for one in detector.report.findings} == {State.STEADY}
    renewal = detector.report.renewal
    assert renewal is not None
    assert (renewal.reason, renewal.at) == ("bearing replaced", 1_000.0)


def test_batches_of_any_size_give_the_same(rows: Rows) -> None:
    before, live = halves(rows)
    one, other = Detector(baseline(before)), Detector(baseline(before))
    one.add(0.0, live.numbers, live.codes)
    feed(other, live)
    assert [(each.state, each.psi) for each in one.report.findings] == [
        (each.state, each.psi) for each in other.report.findings
    ]


def test_memory_does_not_grow(rows: Rows) -> None:
    before, live = halves(rows)
    detector = Detector(baseline(before))

    def size() -> int:
        return sum(
            value.nbytes for part in (detector, detector._blocks, detector._runs) for value in _arrays(vars(part))
        )

    feed(detector, live.take(np.arange(1000)))
    after_two = size()
    for _ in range(max(SCALES)):
        feed(detector, live)
    assert size() <= after_two


def _arrays(values: object) -> Iterator[np.ndarray]:
    if isinstance(values, np.ndarray):
        yield values
    elif isinstance(values, dict):
        for value in values.values():
            yield from _arrays(value)


def test_an_older_baseline_without_a_range_is_read() -> None:
    recorded = {
        "numeric": [{"name": "a", "edges": [1.0, 2.0], "counts": [10, 10, 10], "missing": 0}],
        "categorical": [],
        "scores": {"edges": [], "counts": []},
    }
    (column,) = Baseline.of(recorded, Signature.of(("a",), ("0", "1"), 0.5)).columns
    assert (column.least, column.greatest) == (0.0, 3.0)

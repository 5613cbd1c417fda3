"""Live scores by slice: the build's own slices, counted rightly, bounded, and of nothing that may not be kept."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy
from prometheus_client import generate_latest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from model_builder.build import build
from model_builder.progress import Silent
from model_builder.report import Signature
from model_builder.spec import BuildSpec
from model_builder.store import FolderStore
from model_monitor.counting import Selection
from model_monitor.envelope import Envelope, Version
from model_monitor.labels import GivenLabel
from model_monitor.metrics import Metrics
from model_monitor.models import Model, load
from model_monitor.scoring import Scored, score
from model_monitor.slicing import SliceColumn, labelled, parts, slice_columns
from model_monitor.storage import names
from model_monitor.storage.database import Database
from model_monitor.storage.labelling import Labeller
from model_monitor.storage.quality import ModelQuality, qualities
from model_monitor.storage.recording import Recorder
from model_monitor.storage.tables import PREDICTIONS, SLICES
from model_monitor.tensors import Rows
from tests.support.builder import local

NOW = datetime(2026, 5, 4, 6, 30, tzinfo=UTC)
ROWS = 400


@dataclass(frozen=True)
class Line:
    """A model with slices by kind (text) and tool (a number), and another column that is no input."""

    digest: str
    model: Model


def data(rows: int, seed: int) -> tuple[Any, Any, Any, Any]:
    random = np.random.default_rng(seed)
    heat = random.normal(size=rows).astype(np.float32)
    kind, tool = random.choice(["L", "M"], rows), random.choice([1.0, 2.5], rows).astype(np.float32)
    fault = heat + np.where(kind == "M", 1.0, -0.5) + random.normal(scale=0.5, size=rows) > 0
    return heat, kind, tool, fault


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Line:
    folder = tmp_path_factory.mktemp("line")
    heat, kind, tool, fault = data(ROWS, 1)
    table = "heat,kind,tool,site,fault\n" + "".join(
        f"{heat[row]},{kind[row]},{tool[row]},{'east' if row % 2 else 'west'},{int(fault[row])}\n"
        for row in range(ROWS)
    )
    spec = BuildSpec.model_validate(
        {
            "name": "spindle",
            "source": {
                "train": {
                    "data": {"uri": "data.csv"},
                    "target": "fault",
                    "features": {"exclude": ["site"]},
                    "params": {"randomForest": {"n_estimators": 5}},
                }
            },
            "validation": {"slices": ["kind", "tool", "site"]},
        }
    )
    done = build(spec, local(folder, table), folder / "out", Silent())
    store = FolderStore(folder / "store")
    store.publish(folder / "out", done.artifact.digest)
    return Line(done.artifact.digest, load(store.read, done.artifact.digest, "spindle"))


def given(line: Line, rows: int = ROWS, seed: int = 2) -> tuple[Rows, Any]:
    heat, kind, tool, fault = data(rows, seed)
    columns = {"heat": heat, "tool": tool}
    numeric = np.stack([columns[name] for name in line.model.signature.numeric], axis=1)
    return Rows(numeric, kind.astype(object).reshape(-1, 1)), fault


def scored(line: Line, rows: Rows) -> Scored:
    request = Envelope("spindle", Version(4, line.digest), Version(5, "sha256:" + "0" * 64), "", "r", NOW)
    return score([(request, rows)], line.model, line.model)


def counted(
    line: Line, url: str, rows: Rows, fault: Any, left_out: frozenset[str] = frozenset()
) -> tuple[ModelQuality, Scored]:
    database = Database(url)
    found = scored(line, rows)
    Recorder(database, "press-shop", 1.0, left_out=left_out).record([found])
    labels = [
        GivenLabel(row, "r", row, fault=bool(truth), selection=Selection.RECORD) for row, truth in enumerate(fault)
    ]
    Labeller(database, "press-shop", timedelta(minutes=1)).label("spindle", labels, "line", NOW)
    with database.read() as connection:
        (quality,) = qualities(connection, "press-shop", NOW + timedelta(hours=1), timedelta(days=1))
    database.close()
    return quality, found


def test_the_builds_slices_are_those_of_the_model(line: Line) -> None:
    found = {column.name: (column.number, set(column.values)) for column in line.model.slices}
    assert found == {"kind": (False, {"L", "M"}), "tool": (True, {"1", "2.5"})}, "site is no input"


def test_scores_by_slice_are_scikit_learns(line: Line, database_url: str) -> None:
    rows, fault = given(line)
    quality, found = counted(line, database_url, rows, fault)
    assert [version.track for version in quality.versions] == ["stable", "candidate"]
    for version in quality.versions:
        assert [one.part for one in version.slices] == [("kind", "L"), ("kind", "M"), ("tool", "1"), ("tool", "2.5")]
        for one in version.slices:
            tool = rows.numeric[:, line.model.signature.numeric.index("tool")]
            mine = rows.categorical[:, 0] == one.value if one.column == "kind" else tool == np.float32(one.value)
            truth, alarm = fault[mine], found.old.alarm[mine]
            assert one.rows == mine.sum()
            told = {each.metric: each for each in one.scores}
            expected = {
                "recall": recall_score(truth, alarm),
                "precision": precision_score(truth, alarm),
                "f1": f1_score(truth, alarm),
                "accuracy": (truth == alarm).mean(),
                "averagePrecision": average_precision_score(truth, found.old.answers.alarm_scores[mine]),
            }
            for metric, value in expected.items():
                assert told[metric].value == pytest.approx(value), (one.part, metric)
                assert told[metric].lower < told[metric].value < told[metric].upper


def test_what_may_not_be_kept_makes_no_slice(line: Line, tmp_path: Path) -> None:
    rows, fault = given(line, 50)
    quality, _ = counted(line, f"sqlite:///{tmp_path / 'a.db'}", rows, fault, frozenset({"kind"}))
    assert {one.column for one in quality.versions[0].slices} == {"tool"}
    quality, _ = counted(line, f"sqlite:///{tmp_path / 'b.db'}", rows, fault, frozenset({"kind", "tool"}))
    assert quality.versions[0].slices == []
    assert b'["kind"' not in (tmp_path / "a.db").read_bytes()


def test_values_that_the_build_did_not_see_are_in_no_slice(line: Line, tmp_path: Path) -> None:
    rows, fault = given(line, 60)
    rows.categorical[:20, 0] = "secret"
    quality, _ = counted(line, f"sqlite:///{tmp_path / 'a.db'}", rows, fault)
    slices = quality.versions[0].slices
    assert sum(one.rows for one in slices if one.column == "kind") == 40
    assert sum(one.rows for one in slices if one.column == "tool") == 60
    assert b"secret" not in (tmp_path / "a.db").read_bytes()


def test_metrics_are_bounded_and_say_so(line: Line, tmp_path: Path) -> None:
    rows, fault = given(line, 200)
    quality, _ = counted(line, f"sqlite:///{tmp_path / 'a.db'}", rows, fault)
    for most, told in ((20, 4), (3, 3), (0, 0)):
        metrics = Metrics(most)
        metrics.live.latest = [quality]
        text = generate_latest(metrics.registry).decode()
        lines = [one for one in text.splitlines() if one.startswith("andon_monitor_slice_quality{")]
        found = {tuple(re.findall(r'(?:column|value)="([^"]*)"', one)) for one in lines}
        assert sorted(found) == [("kind", "L"), ("kind", "M"), ("tool", "1"), ("tool", "2.5")][:told]
        assert len(lines) == told * 2 * 5 * 3, "versions, metrics, bounds"
        assert f'andon_monitor_slices_left_out{{model="spindle"}} {4 - told}.0' in text


def test_combinations_are_bounded(line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "SLICES_OF_A_MODEL", 2)
    rows, fault = given(line, 100)
    quality, _ = counted(line, f"sqlite:///{tmp_path / 'a.db'}", rows, fault)
    assert quality.labelled == 100
    assert 0 < sum(one.rows for one in quality.versions[0].slices if one.column == "kind") < 100


def test_a_database_of_an_earlier_release_is_given_what_it_lacks(line: Line, database_url: str) -> None:
    database = Database(database_url)
    with database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE predictions DROP COLUMN slice_id")
        SLICES.drop(connection)
    database.close()
    rows, fault = given(line, 50)
    quality, _ = counted(line, database_url, rows, fault)
    assert quality.versions[0].slices != []


def test_rows_of_before_have_no_slice(line: Line, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    rows, fault = given(line, 50)
    counted(line, url, rows, fault)
    database = Database(url)
    with database.write() as connection:
        connection.execute(sqlalchemy.update(PREDICTIONS).values(slice_id=None))
    with database.read() as connection:
        (quality,) = qualities(connection, "press-shop", NOW + timedelta(hours=1), timedelta(days=1))
    database.close()
    assert quality.versions[0].slices == []
    assert quality.labelled == 50


@pytest.mark.parametrize(
    ("number", "values", "sent", "told"),
    [
        (True, ("1", "2.5", ""), [1.0, 2.5, math.nan, 3.0], ["1", "2.5", "", None]),
        (True, ("0.1",), [0.1], ["0.1"]),
        (True, ("north", "-1"), [-1.0, 0.0], ["-1", None]),
        (False, ("L", "1", ""), ["L", " L ", "1.0", "+1", "NA", "", "other"], ["L", "L", "1", "1", "", "", None]),
    ],
)
def test_values_are_named_as_the_build_names_them(
    number: bool, values: tuple[str, ...], sent: list[Any], told: list[str | None]
) -> None:
    rows = (
        Rows(np.array(sent, np.float32).reshape(-1, 1), np.empty((len(sent), 0), object))
        if number
        else Rows(np.empty((len(sent), 0), np.float32), np.array(sent, object).reshape(-1, 1))
    )
    found = labelled(rows, [SliceColumn("c", number, 0, values)])
    assert [parts(text or "")[0][1] for text in found] == told


def test_a_report_without_slices_has_none() -> None:
    signature = Signature.of(("heat",), ("0", "1"), 0.5)
    reports: tuple[dict[str, Any], ...] = (
        {},
        {"evaluation": {}},
        {"evaluation": {"slices": [{"column": "site", "value": "east"}]}},
    )
    for report in reports:
        assert slice_columns(report, signature) == ()

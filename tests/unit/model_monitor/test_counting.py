"""Evidence from any sequence of requests and labels equals a recount of everything that was said."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_builder.report import Signature
from model_monitor.counting import Selection
from model_monitor.envelope import Envelope, Version
from model_monitor.errors import MonitorError
from model_monitor.labels import GivenLabel
from model_monitor.models import Answers
from model_monitor.scoring import Judged, Scored
from model_monitor.slicing import SliceColumn
from model_monitor.storage.database import Database
from model_monitor.storage.evidence import evidence
from model_monitor.storage.labelling import Labeller
from model_monitor.storage.recording import Recorder
from model_monitor.storage.retention import Bounds, Retention
from model_monitor.tensors import Rows

DIGESTS = {name: f"sha256:{index:064x}" for index, name in enumerate(("a", "b", "c"))}
NOW = datetime(2026, 5, 4, 6, 30, tzinfo=UTC)


@dataclass
class SaidModel:
    """Stands for a model that says what the test wants."""

    signature: Signature = field(default_factory=lambda: Signature.of(("x",), ("0", "1"), 0.5))
    slices: tuple[SliceColumn, ...] = ()
    normal: str = "0"


@dataclass(frozen=True)
class Request:
    """A mirrored request: what each version says of its rows, None where it has no valid answer."""

    name: str
    stable: str
    candidate: str
    answers: tuple[tuple[float, float | None], ...]
    asset: str = ""


@dataclass(frozen=True)
class Said:
    """A label."""

    name: str
    row: int | None
    fault: bool
    selection: Selection


scores = st.integers(0, 8).map(lambda eighths: eighths / 8)
names = st.integers(0, 7).map(lambda number: f"r{number}")
requests = st.builds(
    Request,
    names,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["", "b", "c"]),
    st.lists(st.tuples(scores, st.none() | scores), min_size=1, max_size=3).map(tuple),
)
labels = st.builds(Said, names, st.none() | st.integers(0, 2), st.booleans(), st.sampled_from(Selection))
steps = st.lists(requests | labels, max_size=40)


def scored(request: Request) -> Scored:
    """Make of a request what the scorer makes of it."""
    count = len(request.answers)
    stable = Version(1, DIGESTS[request.stable])
    candidate = Version(2, DIGESTS[request.candidate]) if request.candidate not in ("", request.stable) else None
    envelope = Envelope("spindle", stable, candidate, request.asset, request.name, NOW)
    old = _judged(stable, [score for score, _ in request.answers])
    new = None if candidate is None else _judged(candidate, [score for _, score in request.answers])
    return Scored(
        [envelope],
        Rows(np.zeros((count, 1), np.float32), np.empty((count, 0), object)),
        np.zeros(count, np.int64),
        np.arange(count),
        old,
        new,
        None if new is None else old.answers.classes != new.answers.classes,
    )


def _judged(version: Version, said: list[Any]) -> Judged:
    classes = np.array([-1 if score is None else int(score >= 0.5) for score in said])
    values = np.array([np.nan if score is None else score for score in said])
    return Judged(version, SaidModel(), Answers(values, classes), classes == 1)  # type: ignore[arg-type] # a stand-in


@dataclass
class Bench:
    """The storage of a monitor, without the rest."""

    database: Database
    recorder: Recorder
    labeller: Labeller

    def mirror(self, request: Request) -> None:
        self.recorder.record([scored(request)])

    def label(self, said: Said) -> str:
        given = GivenLabel(0, said.name, said.row, fault=said.fault, selection=said.selection)
        try:
            outcome = self.labeller.label("spindle", [given], "somebody", NOW)[0]
        except MonitorError as error:
            return str(error.reason)
        return str(outcome.reason) if isinstance(outcome, MonitorError) else outcome.what

    def evidence(self, old: str, new: str) -> dict[str, Any] | None:
        try:
            with self.database.read() as connection:
                return evidence(connection, "plant", "spindle", DIGESTS[old], DIGESTS[new], NOW)
        except MonitorError:
            return None


@contextmanager
def bench(url: str = "", probability: float = 1.0, lots: list[float] | None = None) -> Iterator[Bench]:
    """Open a bench on an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(url or f"sqlite:///{folder}/monitor.db")
        lot = (lambda: lots.pop(0)) if lots is not None else (lambda: 0.5)
        recorder = Recorder(database, "plant", probability, lot=lot)
        try:
            yield Bench(database, recorder, Labeller(database, "plant", timedelta(seconds=60)))
        finally:
            database.close()


def recount(steps: list[Request | Said], old: str, new: str) -> dict[str, Any] | None:
    """Count everything anew from what was said, the slow and plain way."""
    first: dict[str, Request] = {}
    truths: dict[tuple[str, int], tuple[bool, int]] = {}
    for step in steps:
        if isinstance(step, Request):
            first.setdefault(step.name, step)
            continue
        known = first.get(step.name)
        if known is None or (step.row is None and len(known.answers) > 1) or (step.row or 0) >= len(known.answers):
            continue
        key = (step.name, step.row or 0)
        truths[key] = (step.fault, max(step.selection, truths.get(key, (False, 0))[1]))
    count: Counter[str] = Counter()
    gaps = []
    for name, request in first.items():
        for index, (before, after) in enumerate(request.answers):
            fault, selection = truths.get((name, index), (None, -1))
            ours = request.stable == old and request.candidate == new
            said = {request.candidate: after, request.stable: before}
            if selection == Selection.SAMPLE and old in said:
                score = said[old]
                alarm = score is not None and score >= 0.5
                count["trueAlarms"] += alarm and bool(fault)
                count["falseAlarms"] += alarm and not fault
                count["missed"] += not alarm and bool(fault)
            if not ours:
                continue
            one, other = before >= 0.5, after is not None and after >= 0.5
            count["inputs"] += 1
            count["invalid"] += after is None
            count["differ"] += after is None or one != other
            count["old"] += one
            count["new"] += other
            if after is not None:
                gaps.append(abs(before - after))
            side = "onlyOld" if one and not other else "onlyNew" if other and not one else "both" if one else ""
            if side in ("onlyOld", "onlyNew"):
                count[f"{side} {'pending' if fault is None else 'faults' if fault else 'sound'}"] += 1
            if fault is not None and selection > Selection.QUEUE:
                count[f"{'faults' if fault else 'sound'} total"] += 1
                if side:
                    count[f"{'faults' if fault else 'sound'} {side}"] += 1
    if not count["inputs"]:
        return None

    def queue(side: str) -> list[dict[str, Any]]:
        answers = {what: count[f"{side} {what}"] for what in ("faults", "sound", "pending")}
        return [{"probability": 1.0, "skipped": 0, **answers}]

    def paired(truth: str) -> dict[str, int]:
        return {what: count[f"{truth} {what}"] for what in ("onlyOld", "onlyNew", "both", "total")}

    return {
        "inputs": count["inputs"],
        "invalid": {"hits": count["invalid"], "total": count["inputs"]},
        "disagreement": {"hits": count["differ"], "total": count["inputs"]},
        "alarms": {"old": count["old"], "new": count["new"]},
        "probabilityShift": {
            "mean": pytest.approx(sum(gaps) / len(gaps)) if gaps else 0.0,
            "largest": max(gaps, default=0.0),
        },
        "faults": paired("faults"),
        "sound": paired("sound"),
        "queue": {"oldAlarms": count["old"], "onlyOld": queue("onlyOld"), "onlyNew": queue("onlyNew")},
        "history": {name: count[name] for name in ("trueAlarms", "falseAlarms", "missed")},
    }


def play(bench: Bench, steps: list[Request | Said]) -> None:
    for step in steps:
        if isinstance(step, Request):
            bench.mirror(step)
        else:
            bench.label(step)


def agree(bench: Bench, steps: list[Request | Said]) -> None:
    for old, new in (("a", "b"), ("a", "c"), ("b", "c")):
        expected, found = recount(steps, old, new), bench.evidence(old, new)
        if expected is None or found is None:
            assert expected == found
            continue
        assert {name: found[name] for name in expected} == expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=steps)
def test_evidence_equals_a_recount(steps: list[Request | Said]) -> None:
    with bench() as made:
        play(made, steps)
        agree(made, steps)


def test_evidence_equals_a_recount_on_both_databases(database_url: str) -> None:
    random = np.random.default_rng(7)
    done: list[Request | Said] = []
    with bench(database_url) as made:
        for _ in range(300):
            name = f"r{random.integers(60)}"
            if random.random() < 0.4:
                answers = [
                    (float(random.integers(9) / 8), None if random.random() < 0.1 else float(random.integers(9) / 8))
                    for _ in range(random.integers(1, 4))
                ]
                done.append(Request(name, str(random.choice(["a", "b"])), "c", tuple(answers)))
            else:
                row = None if random.random() < 0.5 else int(random.integers(3))
                done.append(Said(name, row, bool(random.random() < 0.5), Selection(int(random.integers(3)))))
        play(made, done)
        agree(made, done)


def test_counts_stay_when_the_rows_are_gone(database_url: str) -> None:
    done: list[Request | Said] = [Request(f"r{n}", "a", "b", ((n % 2, (n // 2) % 2),)) for n in range(40)]
    done += [Said(f"r{n}", None, n % 3 == 0, Selection.SAMPLE) for n in range(0, 40, 5)]
    with bench(database_url) as made:
        play(made, done)
        before = made.evidence("a", "b")
        retention = Retention(made.database, Bounds(timedelta(days=1), 10, 2**40))
        assert retention.sweep(NOW) == 30
        assert retention.sweep(NOW) == 0
        assert made.evidence("a", "b") == before
        agree(made, done)
        assert made.label(Said("r0", None, True, Selection.RECORD)) == "UnknownRequest"
        assert made.label(Said("r39", None, True, Selection.RECORD)) == "accepted"
        assert retention.sweep(NOW + timedelta(days=2)) == 10
        assert made.label(Said("r39", None, True, Selection.RECORD)) == "UnknownRequest"


def test_a_file_stays_within_its_bytes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'monitor.db'}"
    bound = 3 * 2**20
    with bench(url) as made:
        retention = Retention(made.database, Bounds(timedelta(days=1), 10**9, bound))
        sizes, removed = [], 0
        for batch in range(12):
            answers = tuple((0.25, 0.75) for _ in range(4000))
            made.mirror(Request(f"r{batch}", "a", "b", answers))
            removed += retention.sweep(NOW)
            sizes.append((tmp_path / "monitor.db").stat().st_size + (tmp_path / "monitor.db-wal").stat().st_size)
        assert removed > 0
        found = made.evidence("a", "b")
        assert found is not None
        assert found["inputs"] == 48_000
    assert max(sizes) < bound + 2**24 + 2**21, "file, log, and what one batch adds"


def test_the_lot_is_drawn_once_and_its_probability_is_the_pairs(database_url: str) -> None:
    lots = [0.1, 0.9, 0.24, 0.25]
    with bench(database_url, 0.25, lots) as made:
        made.mirror(Request("r", "a", "b", ((1, 0), (1, 0), (1, 1), (0, 1), (0, 1))))
        assert lots == [], "where both agree nothing is drawn"
        for row in range(5):
            made.label(Said("r", row, fault=True, selection=Selection.QUEUE))
        found = made.evidence("a", "b")
        assert found is not None
        assert found["queue"]["onlyOld"] == [{"probability": 0.25, "faults": 1, "sound": 0, "pending": 0, "skipped": 1}]
        assert found["queue"]["onlyNew"] == [{"probability": 0.25, "faults": 1, "sound": 0, "pending": 0, "skipped": 1}]
        other = Recorder(made.database, "plant", 0.75, lot=lambda: 0.5)
        other.record([scored(Request("s", "a", "b", ((1, 0),)))])
        found = made.evidence("a", "b")
        assert found is not None
        assert found["queue"]["onlyOld"][0]["probability"] == 0.25, "fixed beforehand"
        assert found["queue"]["onlyOld"][0]["skipped"] == 2


def test_who_sent_a_label_is_kept_but_not_without_end(database_url: str) -> None:
    with bench(database_url) as made:
        made.mirror(Request("r", "a", "b", ((1, 0),)))
        for index in range(50):
            given = GivenLabel(0, "r", fault=index % 2 == 0)
            made.labeller.label("spindle", [given], f"sender {index}", NOW)
        with made.database.read() as connection:
            senders = connection.exec_driver_sql("SELECT sender FROM labels ORDER BY id").scalars().all()
        assert senders == [f"sender {index}" for index in range(30, 50)]


def test_a_failed_transaction_leaves_nothing_behind(database_url: str) -> None:
    with bench(database_url) as made:
        good, bad = scored(Request("r", "a", "b", ((1, 0),))), scored(Request("s", "a", "c", ((1, 0),)))
        long = Envelope("spindle", bad.requests[0].stable, bad.requests[0].candidate, "", "s", NOW)
        object.__setattr__(long, "request_id", None)
        bad.requests[0] = long
        with pytest.raises(Exception, match="request_id"):
            made.recorder.record([good, bad])
        assert made.evidence("a", "b") is None
        made.mirror(Request("r", "a", "b", ((1, 0),)))
        found = made.evidence("a", "b")
        assert found is not None
        assert found["inputs"] == 1


def test_another_layout_is_refused(database_url: str) -> None:
    with bench(database_url) as made, made.database.write() as connection:
        connection.exec_driver_sql("UPDATE layout SET format = 99")
    with pytest.raises(MonitorError, match="layout"):
        Database(database_url)

"""Scored rows reach the drift tests, and what those say stands on /metrics."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest

from model_builder.report import Signature
from model_monitor.drift.baseline import Baseline
from model_monitor.drift.detector import Settings
from model_monitor.drift.report import State
from model_monitor.drifting import MODELS, Drifting, _codes
from model_monitor.envelope import Envelope, Version
from model_monitor.models import load
from model_monitor.scoring import Scored, score
from model_monitor.tensors import Rows
from tests.support.monitoring import SENDER, TOKEN, Shop, eventually, monitoring, rows


class NoRenewals:
    def latest(self, model: str, digest: str) -> None:
        return None

    def learnt(self, number: int, baseline: Baseline) -> None:
        raise AssertionError("nothing was renewed")


def scored(shop: Shop, count: int, name: str = "spindle", digest: str = "") -> Scored:
    model = load(shop.store.read, shop.old, "spindle")
    values = np.asarray(rows(count), np.float32)
    given = Rows(values, np.empty((count, 0), object))
    envelope = Envelope(
        model=name,
        request_id="r",
        at=datetime(2026, 1, 1, tzinfo=UTC),
        asset="",
        stable=Version(1, digest or shop.old),
        candidate=None,
    )
    return score([(envelope, given)], model, None)


async def test_a_stuck_sensor_is_told_on_the_metrics(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        await monitor.mirror(np.repeat(rows(1), 80, axis=0), "r0", shop.old, shop.new, "press-1")
        wanted = 'kind="stuck",model="spindle"} 1.0'

        async def told() -> dict[str, bool] | None:
            _, text = await monitor.get("/metrics")
            return {"told": True} if wanted in str(text) else None

        await eventually(told)


def test_series_of_a_model(shop: Shop) -> None:
    registry = CollectorRegistry()
    drifting = Drifting(registry, NoRenewals(), Settings(rows=200))
    drifting.saw(scored(shop, 150))
    report = drifting.report("spindle")
    assert report is not None
    assert {one.state for one in report.findings} == {State.NOT_ENOUGH_DATA}
    assert "andon_monitor_drift{" not in generate_latest(registry).decode(), "not enough data is no 0"
    drifting.saw(scored(shop, 150))
    text = generate_latest(registry).decode()
    report = drifting.report("spindle")
    assert report is not None
    for finding in report.findings:
        assert f'andon_monitor_drift_psi{{feature="{finding.name}",model="spindle"}}' in text


def test_a_version_that_comes_to_serve_begins_anew(shop: Shop) -> None:
    drifting = Drifting(CollectorRegistry(), NoRenewals(), Settings(rows=200))
    drifting.saw(scored(shop, 250))
    drifting.saw(scored(shop, 10, digest=shop.new))
    report = drifting.report("spindle")
    assert report is not None
    assert report.windows == 0


def test_the_number_of_models_is_bounded(shop: Shop) -> None:
    drifting = Drifting(CollectorRegistry(), NoRenewals())
    batch = scored(shop, 1)
    for number in range(MODELS + 3):
        named = Scored(
            [replace(batch.requests[0], model=f"m{number}")],
            batch.rows,
            batch.request_of,
            batch.row_of,
            batch.old,
            None,
            None,
        )
        drifting.saw(named)
    assert drifting.report("m0") is None
    assert drifting.report(f"m{MODELS + 2}") is not None


def test_categories_are_known_by_the_builds_values() -> None:
    recorded = {
        "numeric": [],
        "categorical": [{"name": "kind", "values": ["H", "L"], "counts": [5, 5], "unknown": 0}],
        "scores": {"edges": [], "counts": []},
    }
    baseline = Baseline.of(recorded, Signature.of((), ("0", "1"), 0.5))
    given = Rows(np.empty((3, 0), np.float32), np.array([["L"], ["H"], ["new"]], object))
    assert _codes(given, baseline).tolist() == [[1], [0], [-1]]


async def test_people_see_it_and_may_begin_anew(shop: Shop, tmp_path: Path) -> None:
    async with monitoring(shop, tmp_path) as monitor:
        assert (await monitor.get("/v1/models/spindle/drift"))[0] == 404
        await monitor.mirror(rows(5), "r0", shop.old, shop.new)
        await monitor.seen(shop.old, shop.new, 5)

        async def told() -> dict[str, object] | None:
            status, text = await monitor.get("/v1/models/spindle/drift")
            return json.loads(text) if status == 200 else None

        found = await eventually(told)
        assert found["renewal"] is None
        assert {one["state"] for one in found["features"]} == {"NotEnoughData"}
        url = monitor.api("/v1/models/spindle/baseline")
        allowed = {"Authorization": f"Bearer {TOKEN}"}
        for headers, body, status in (
            ({}, {"reason": "bearing replaced"}, 401),
            (allowed, {}, 400),
            (allowed, {"reason": " "}, 400),
            (allowed, ["x"], 400),
            (allowed, {"reason": 7}, 400),
            (allowed, {"reason": "x", "id": "y" * 300}, 400),
            (allowed, {"reason": "bearing replaced"}, 200),
        ):
            async with monitor.client.post(url, data=json.dumps(body), headers=headers) as answer:
                assert answer.status == status, (await answer.text(), body)
        found = await eventually(told)
        assert found["renewal"]["reason"] == "bearing replaced"
        assert found["renewal"]["by"] == SENDER
        assert found["learning"] == 2000
        other = monitor.api("/v1/models/nobody/baseline")
        async with monitor.client.post(other, data=json.dumps({"reason": "x"}), headers=allowed) as answer:
            assert answer.status == 404
